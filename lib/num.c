/* num: numbers as text; see num.h. */
#include "lib/num.h"

#include <string.h>

/* The value of a digit, or 16. */
static unsigned
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = str_lower(c);
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

static bool
parse(struct str s, unsigned base, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned d = digit(s.data[i]);

		if (d >= base || __builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, d, &n) || n > max)
			return false;
	}
	*out = n;
	return true;
}

bool
num_parse(struct str s, uint64_t max, uint64_t *out)
{
	return parse(s, 10, max, out);
}

bool
num_parse_hex(struct str s, uint64_t max, uint64_t *out)
{
	return parse(s, 16, max, out);
}

size_t
num_format(char out[NUM_SIZE], uint64_t n)
{
	char reversed[NUM_SIZE];
	size_t len = 0;

	do {
		reversed[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	for (size_t i = 0; i < len; i++)
		out[i] = reversed[len - 1 - i];
	out[len] = '\0';
	return len;
}

void
num_hex(char *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

bool
num_unhex(struct str s, unsigned char *bytes, size_t n)
{
	if (s.len % 2 != 0 || s.len / 2 != n)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (digit(s.data[i]) == 16)
			return false;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(digit(s.data[2 * i]) << 4 |
					   digit(s.data[2 * i + 1]));
	return true;
}

void
num_put32(unsigned char out[4], uint32_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(n >> (24 - 8 * i) & 255);
}

uint32_t
num_get32(const unsigned char in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	       (uint32_t)in[2] << 8 | in[3];
}

void
num_put64(unsigned char out[8], uint64_t n)
{
	num_put32(out, (uint32_t)(n >> 32));
	num_put32(out + 4, (uint32_t)n);
}

uint64_t
num_get64(const unsigned char in[8])
{
	return (uint64_t)num_get32(in) << 32 | num_get32(in + 4);
}
