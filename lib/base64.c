/* base64: four characters for three bytes; see base64.h. */
#include "lib/base64.h"

#include <errno.h>
#include <stdint.h>

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { THREE = 3, FOUR = 4, SIX = 6, LOW = 63, BYTE = 8, VALUES = 64 };

bool
base64_encode(struct buf *b, struct str bytes)
{
	if (!buf_reserve(b, (bytes.len + 2) / THREE * FOUR))
		return false;
	for (size_t i = 0; i < bytes.len; i += THREE) {
		size_t n = bytes.len - i < THREE ? bytes.len - i : THREE;
		uint32_t bits = 0;

		for (size_t k = 0; k < THREE; k++)
			bits = bits << BYTE |
			       (k < n ? (unsigned char)bytes.data[i + k] : 0);
		for (size_t k = 0; k < FOUR; k++)
			if (!buf_append_byte(b,
				k > n
				    ? '='
				    : letters[bits >> (THREE - k) * SIX & LOW]))
				return false;
	}
	return true;
}

/* One group; *n is how many bytes it stands for, 0 for none. */
static uint32_t
group(struct str four, bool last, size_t *n)
{
	struct str known = {letters, VALUES};
	size_t pad = 0;
	uint32_t bits = 0;

	if (last && four.data[3] == '=')
		pad = four.data[2] == '=' ? 2 : 1;
	*n = THREE - pad;
	for (size_t i = 0; i < FOUR; i++) {
		size_t v = i < FOUR - pad ? str_find(known, four.data[i]) : 0;

		if (v == VALUES)
			*n = 0;
		bits = bits << SIX | (uint32_t)(v & LOW);
	}
	if ((bits & ((1U << pad * BYTE) - 1)) != 0)
		*n = 0;
	return bits;
}

bool
base64_decode(struct buf *b, struct str text)
{
	size_t before = b->len;
	bool ok = text.len % FOUR == 0;

	errno = EINVAL;
	for (size_t i = 0; ok && i < text.len; i += FOUR) {
		size_t n;
		uint32_t bits = group(
		    str_slice(text, i, i + FOUR), i + FOUR == text.len, &n);

		ok = n > 0;
		for (size_t k = 0; ok && k < n; k++)
			ok = buf_append_byte(
			    b, (char)(bits >> (2 - k) * BYTE & 255));
	}
	if (!ok)
		b->len = before;
	return ok;
}
