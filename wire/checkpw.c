/* checkpw: user, password and a third text on descriptor 3; see checkpw.h. */
#include "wire/checkpw.h"

#include "lib/field.h"
#include <errno.h>

static bool
put(struct buf *b, const struct checkpw *c)
{
	return field_put_text(b, c->user) && field_put_text(b, c->password) &&
	       field_put_text(b, c->extra);
}

bool
checkpw_write(struct buf *b, const struct checkpw *c)
{
	size_t mark = b->len;
	bool ok = put(b, c);

	if (ok && b->len - mark <= CHECKPW_MAX)
		return true;
	b->len = mark;
	if (ok)
		errno = EMSGSIZE;
	return false;
}

bool
checkpw_read(struct str in, struct checkpw *c)
{
	struct checkpw got;

	if (in.len > CHECKPW_MAX || !field_take_text(&in, &got.user) ||
	    !field_take_text(&in, &got.password) ||
	    !field_take_text(&in, &got.extra) || in.len != 0)
		return false;
	*c = got;
	return true;
}
