/* netstring: netstrings as they come; see netstring.h. */
#include "lib/netstring.h"

static enum netstring_event
lost(struct netstring *n)
{
	n->phase = NETSTRING_LOST;
	return NETSTRING_BAD;
}

/* One byte of the length, or the colon. */
static bool
take_digit(struct netstring *n, char c)
{
	uint64_t digit = (uint64_t)(c - '0');

	if (c == ':' && n->begun) {
		n->phase = n->left > 0 ? NETSTRING_BODY : NETSTRING_COMMA;
		return true;
	}
	if (c < '0' || c > '9' || (n->begun && n->left == 0))
		return false;
	n->begun = true;
	return !__builtin_mul_overflow(n->left, (uint64_t)10, &n->left) &&
	       !__builtin_add_overflow(n->left, digit, &n->left);
}

static enum netstring_event
take_length(struct netstring *n, struct str *in)
{
	size_t i = 0;

	while (i < in->len && n->phase == NETSTRING_LENGTH)
		if (!take_digit(n, in->data[i++]))
			return lost(n);
	*in = str_slice(*in, i, in->len);
	return NETSTRING_MORE;
}

enum netstring_event
netstring_take(struct netstring *n, struct str *in, struct str *piece)
{
	if (n->phase == NETSTRING_LENGTH)
		if (take_length(n, in) == NETSTRING_BAD)
			return NETSTRING_BAD;
	if (n->phase == NETSTRING_LOST)
		return NETSTRING_BAD;
	if (in->len == 0)
		return NETSTRING_MORE;
	if (n->phase == NETSTRING_BODY) {
		size_t size = n->left < in->len ? (size_t)n->left : in->len;

		*piece = str_slice(*in, 0, size);
		*in = str_slice(*in, size, in->len);
		n->left -= size;
		if (n->left == 0)
			n->phase = NETSTRING_COMMA;
		return NETSTRING_BYTES;
	}
	if (in->data[0] != ',')
		return lost(n);
	*in = str_slice(*in, 1, in->len);
	*n = (struct netstring){.left = 0};
	return NETSTRING_END;
}

bool
netstring_append(struct buf *b, struct str s)
{
	size_t before = b->len;

	if (buf_append_number(b, s.len) && buf_append_byte(b, ':') &&
	    buf_append_str(b, s) && buf_append_byte(b, ','))
		return true;
	b->len = before;
	return false;
}
