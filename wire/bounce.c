/* bounce: requests for a notice and their answers; see bounce.h. */
#include "wire/bounce.h"

#include "lib/field.h"

bool
bounce_request_write(struct buf *b, const struct bounce_request *r)
{
	size_t mark = b->len;

	if (buf_append_byte(b, BOUNCE_VERSION) &&
	    buf_append_byte(b, (char)r->kind) &&
	    buf_append_byte(b, r->unasked ? 1 : 0) && field_put64(b, r->ino) &&
	    buf_append(b, r->token, sizeof(r->token)) &&
	    field_put64(b, (uint64_t)r->until))
		return true;
	b->len = mark;
	return false;
}

static bool
take_kind(unsigned char byte, enum bounce_kind *kind)
{
	*kind = (enum bounce_kind)byte;
	return byte == BOUNCE_FAILED || byte == BOUNCE_SUCCESS ||
	       byte == BOUNCE_DELAYED;
}

bool
bounce_request_read(struct str in, struct bounce_request *r)
{
	unsigned char first[3]; /* version, kind, unasked */
	uint64_t until;

	if (!field_take_bytes(&in, first, sizeof(first)) ||
	    first[0] != BOUNCE_VERSION || !take_kind(first[1], &r->kind) ||
	    first[2] > 1 || !field_take64(&in, &r->ino) ||
	    !field_take_bytes(&in, r->token, sizeof(r->token)) ||
	    !field_take64(&in, &until) || until > INT64_MAX || in.len != 0)
		return false;
	r->unasked = first[2] == 1;
	r->until = (int64_t)until;
	return true;
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
