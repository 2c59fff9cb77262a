/* route: locals, virtualdomains, mailboxes; the rest is remote. */
#include "send/route.h"
#include "control/local.h"
#include "control/percent.h"
#include "lib/address.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

void
route_close(struct router *r)
{
	table_close(r->users);
	r->users = NULL;
}

bool
route_refresh(struct router *r)
{
	if (r->users != NULL && !table_stale(r->users, AT_FDCWD, USERS_RCPT))
		return true;
	route_close(r);
	return users_open(USERS_RCPT, &r->users);
}

static bool
complete(const struct router *r, struct str recipient, struct buf *out)
{
	struct str local, domain;

	buf_clear(out);
	if (!buf_append_str(out, recipient))
		return false;
	address_split(recipient, &local, &domain);
	if (local.len < recipient.len)
		return true;
	return buf_append_byte(out, '@') &&
	       buf_append_str(out, control_line(r->controls, C_envnoathost));
}

enum route_result
route_find(const struct router *r, struct str recipient, enum channel *channel,
    struct buf *out)
{
	struct str local, domain;
	enum found f;

	if (!complete(r, recipient, out) ||
	    percent_rewrite(r->controls, out) == FOUND_ERROR)
		return ROUTE_ERROR;
	*channel = CHANNEL_LOCAL;
	f = local_find(r->controls, out);
	if (f != FOUND_NO)
		return f == FOUND_YES ? ROUTE_OK : ROUTE_ERROR;
	address_split(buf_str(out), &local, &domain);
	f = users_domain(r->users, domain);
	if (f == FOUND_ERROR)
		return ROUTE_ERROR;
	*channel = f == FOUND_YES ? CHANNEL_LOCAL : CHANNEL_REMOTE;
	return ROUTE_OK;
}
