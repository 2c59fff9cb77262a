/* field: numbers and texts within a frame or packet; see field.h. */
#include "lib/field.h"

#include "lib/num.h"
#include <errno.h>
#include <string.h>

bool
field_put32(struct buf *b, uint32_t n)
{
	unsigned char bytes[4];

	num_put32(bytes, n);
	return buf_append(b, bytes, sizeof(bytes));
}

bool
field_put64(struct buf *b, uint64_t n)
{
	unsigned char bytes[8];

	num_put64(bytes, n);
	return buf_append(b, bytes, sizeof(bytes));
}

bool
field_put_text(struct buf *b, struct str text)
{
	if (str_find(text, '\0') != text.len) {
		errno = EINVAL;
		return false;
	}
	/* The text and its end, or nothing. */
	return buf_reserve(b, text.len + 1) && buf_append_str(b, text) &&
	       buf_append_byte(b, '\0');
}

bool
field_take_bytes(struct str *rest, void *out, size_t n)
{
	if (rest->len < n)
		return false;
	if (n > 0)
		memcpy(out, rest->data, n);
	*rest = str_slice(*rest, n, rest->len);
	return true;
}

bool
field_take32(struct str *rest, uint32_t *n)
{
	unsigned char bytes[4];

	if (!field_take_bytes(rest, bytes, sizeof(bytes)))
		return false;
	*n = num_get32(bytes);
	return true;
}

bool
field_take64(struct str *rest, uint64_t *n)
{
	unsigned char bytes[8];

	if (!field_take_bytes(rest, bytes, sizeof(bytes)))
		return false;
	*n = num_get64(bytes);
	return true;
}

bool
field_take_text(struct str *rest, struct str *text)
{
	size_t end = str_find(*rest, '\0');

	if (end == rest->len)
		return false;
	*text = str_slice(*rest, 0, end);
	*rest = str_slice(*rest, end + 1, rest->len);
	return true;
}
