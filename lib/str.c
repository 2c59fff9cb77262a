/* str: borrowed bytes; see str.h. */
#include "lib/str.h"

#include <string.h>

enum { COUNT_BLOCK = 128 }; /* bytes; fewer than a byte counts to */

struct str
str_of(const char *s)
{
	return (struct str){s, strlen(s)};
}

char
str_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
same(const char *a, const char *b, size_t n)
{
	return n == 0 || memcmp(a, b, n) == 0;
}

static bool
same_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_lower(a[i]) != str_lower(b[i]))
			return false;
	return true;
}

bool
str_equal(struct str a, struct str b)
{
	return a.len == b.len && same(a.data, b.data, a.len);
}

bool
str_equal_nocase(struct str a, struct str b)
{
	return a.len == b.len && same_nocase(a.data, b.data, a.len);
}

bool
str_starts(struct str s, struct str part)
{
	return s.len >= part.len && same(s.data, part.data, part.len);
}

bool
str_starts_nocase(struct str s, struct str part)
{
	return s.len >= part.len && same_nocase(s.data, part.data, part.len);
}

bool
str_ends(struct str s, struct str part)
{
	return str_equal(
	    str_slice(s, s.len - (s.len < part.len ? s.len : part.len), s.len),
	    part);
}

size_t
str_find(struct str s, char c)
{
	const char *at = s.len == 0 ? NULL : memchr(s.data, c, s.len);

	return at == NULL ? s.len : (size_t)(at - s.data);
}

/* A loop of known length over bytes is what compilers make vectors of. */
static unsigned char
count_block(const char *p, char c)
{
	unsigned char n = 0;

	for (size_t i = 0; i < COUNT_BLOCK; i++)
		n = (unsigned char)(n + (p[i] == c));
	return n;
}

size_t
str_count(struct str s, char c)
{
	size_t n = 0, i = 0;

	for (; s.len - i >= COUNT_BLOCK; i += COUNT_BLOCK)
		n += count_block(s.data + i, c);
	for (; i < s.len; i++)
		n += s.data[i] == c;
	return n;
}

size_t
str_rfind(struct str s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.data[i - 1] == c)
			return i - 1;
	return s.len;
}

struct str
str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	/* NULL + 0 is not C; an unset view may have no data at all. */
	return (struct str){from == 0 ? s.data : s.data + from, to - from};
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	size_t from = 0, to = s.len;

	while (from < to && blank(s.data[from]))
		from++;
	while (to > from && blank(s.data[to - 1]))
		to--;
	return str_slice(s, from, to);
}

bool
str_cut(struct str *rest, char c, struct str *head)
{
	size_t at = str_find(*rest, c);

	if (rest->len == 0)
		return false;
	*head = str_slice(*rest, 0, at);
	*rest = str_slice(*rest, at < rest->len ? at + 1 : at, rest->len);
	return true;
}

bool
str_copy(char *out, size_t size, struct str s)
{
	bool fits = s.len < size && str_find(s, '\0') == s.len;

	if (size > 0)
		out[fits ? s.len : 0] = '\0';
	if (fits && s.len > 0)
		memcpy(out, s.data, s.len);
	return fits;
}
