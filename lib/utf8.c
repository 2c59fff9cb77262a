/* utf8: well-formed UTF-8; see utf8.h. */
#include "lib/utf8.h"

/* Length by first byte, and the bounds of the second, which keep out overlong
 * forms, surrogates and what is beyond U+10FFFF (RFC 3629, 4); U+0080 to
 * U+009F are kept out the same way. */
static const struct {
	unsigned char first, last, low, high, len;
} rows[] = {
    {0xc2, 0xc2, 0xa0, 0xbf, 2},
    {0xc3, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static unsigned char
byte_at(struct str s, size_t at)
{
	return at < s.len ? (unsigned char)s.data[at] : 0;
}

static size_t
length_by_row(struct str s, size_t at, size_t row)
{
	unsigned char second = byte_at(s, at + 1);

	if (second < rows[row].low || second > rows[row].high)
		return 0;
	for (size_t i = 2; i < rows[row].len; i++)
		if ((byte_at(s, at + i) & 0xc0) != 0x80)
			return 0;
	return rows[row].len;
}

size_t
utf8_length(struct str s, size_t at)
{
	unsigned char c = byte_at(s, at);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (c >= rows[i].first && c <= rows[i].last)
			return length_by_row(s, at, i);
	return 0;
}

bool
utf8_valid(struct str s)
{
	for (size_t at = 0; at < s.len;) {
		size_t n = byte_at(s, at) < 0x80 ? 1 : utf8_length(s, at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
