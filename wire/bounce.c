/* bounce: requests for a notice and their answers; see bounce.h. */
#include "wire/bounce.h"

#include "lib/field.h"

bool
bounce_request_write(struct buf *b, const struct bounce_request *r)
{
	size_t mark = b->len;

	if (field_put64(b, r->ino) && buf_append(b, r->token, sizeof(r->token)))
		return true;
	b->len = mark;
	return false;
}

bool
bounce_request_read(struct str in, struct bounce_request *r)
{
	return field_take64(&in, &r->ino) &&
	       field_take_bytes(&in, r->token, sizeof(r->token)) && in.len == 0;
}

bool
bounce_answer_write(struct buf *b, const struct bounce_answer *a)
{
	size_t mark = b->len;

	if (a->kind != 'K')
		return buf_append_str(b, a->text);
	if (field_put64(b, a->ino) &&
	    buf_append(b, a->token, sizeof(a->token)) && field_put32(b, a->pid))
		return true;
	b->len = mark;
	return false;
}

bool
bounce_answer_read(char kind, struct str in, struct bounce_answer *a)
{
	*a = (struct bounce_answer){.kind = kind};
	switch (kind) {
	case 'K':
		return field_take64(&in, &a->ino) &&
		       field_take_bytes(&in, a->token, sizeof(a->token)) &&
		       field_take32(&in, &a->pid) && in.len == 0;
	case 'N':
	case 'Z':
		a->text = in;
		return in.len <= BOUNCE_TEXT;
	default:
		return false;
	}
}
