/* buf: a byte string that grows; see buf.h. */
#include "lib/buf.h"

#include "lib/num.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64 }; /* bytes of a first allocation */

static size_t
ceiling(const struct buf *b)
{
	return b->max == 0 ? BUF_MAX_DEFAULT : b->max;
}

/* Make the storage hold need bytes: at least double it, but never past the
 * ceiling and its one byte more. */
static bool
grow(struct buf *b, size_t need)
{
	size_t cap;
	char *data;

	if (need <= b->cap)
		return true;
	if (__builtin_mul_overflow(b->cap, 2, &cap) || cap < need)
		cap = need;
	if (cap < SMALLEST)
		cap = SMALLEST;
	if (cap > ceiling(b))
		cap = need > ceiling(b) ? need : ceiling(b);
	data = realloc(b->data, cap);
	if (data == NULL) {
		errno = ENOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

/* One byte is always kept beyond the ceiling, for buf_terminate. */
bool
buf_reserve(struct buf *b, size_t n)
{
	size_t need, room;

	if (__builtin_add_overflow(b->len, n, &need) || need > ceiling(b) ||
	    __builtin_add_overflow(need, 1, &room)) {
		errno = EMSGSIZE;
		return false;
	}
	return grow(b, room);
}

bool
buf_append(struct buf *b, const void *src, size_t n)
{
	if (!buf_reserve(b, n))
		return false;
	if (n > 0)
		memcpy(b->data + b->len, src, n);
	b->len += n;
	return true;
}

bool
buf_append_str(struct buf *b, struct str s)
{
	return buf_append(b, s.data, s.len);
}

bool
buf_append_text(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

bool
buf_append_byte(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

bool
buf_append_number(struct buf *b, uint64_t n)
{
	char text[NUM_SIZE];

	return buf_append(b, text, num_format(text, n));
}

bool
buf_append_lower(struct buf *b, struct str s)
{
	if (!buf_reserve(b, s.len))
		return false;
	for (size_t i = 0; i < s.len; i++)
		b->data[b->len + i] = str_lower(s.data[i]);
	b->len += s.len;
	return true;
}

bool
buf_terminate(struct buf *b)
{
	if (!buf_reserve(b, 0))
		return false;
	b->data[b->len] = '\0';
	return true;
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){b->data, b->len};
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n > 0)
		memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}
