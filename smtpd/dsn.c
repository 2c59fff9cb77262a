/* dsn: NOTIFY, ENVID and ORCPT; see dsn.h. */
#include "smtpd/dsn.h"

#include "lib/num.h"
#include "lib/utf8.h"
#include <stdint.h>

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
    {"NEVER",   DSN_NEVER  },
    {"SUCCESS", DSN_SUCCESS},
    {"FAILURE", DSN_FAILURE},
    {"DELAY",   DSN_DELAY  },
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

static unsigned
word_bit(struct str word)
{
	for (size_t i = 0; i < WORDS; i++)
		if (str_equal_nocase(word, str_of(words[i].word)))
			return words[i].bit;
	return 0;
}

bool
dsn_notify(struct str value, unsigned *set)
{
	unsigned all = 0;
	struct str word;

	if (str_ends(value, str_of(",")))
		return false;
	while (str_cut(&value, ',', &word)) {
		unsigned bit = word_bit(word);

		if (bit == 0)
			return false;
		all |= bit;
	}
	if (all == 0 || ((all & DSN_NEVER) != 0 && all != DSN_NEVER))
		return false;
	*set = all;
	return true;
}

const char *
dsn_notify_text(unsigned set)
{
	static const char *const texts[] = {
	    [DSN_NEVER] = "NEVER",
	    [DSN_SUCCESS] = "SUCCESS",
	    [DSN_FAILURE] = "FAILURE",
	    [DSN_DELAY] = "DELAY",
	    [DSN_SUCCESS | DSN_FAILURE] = "SUCCESS,FAILURE",
	    [DSN_SUCCESS | DSN_DELAY] = "SUCCESS,DELAY",
	    [DSN_FAILURE | DSN_DELAY] = "FAILURE,DELAY",
	    [DSN_SUCCESS | DSN_FAILURE | DSN_DELAY] = "SUCCESS,FAILURE,DELAY",
	};

	if (set >= sizeof(texts) / sizeof(texts[0]) || texts[set] == NULL)
		return "";
	return texts[set];
}

static bool
is_printable(unsigned char byte)
{
	return byte >= ' ' && byte < 0x7f;
}

/* What stands in for itself: RFC 3461, 4. */
static bool
is_xchar(char c)
{
	return is_printable((unsigned char)c) && c != ' ' && c != '+' &&
	       c != '=';
}

static bool
is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* One character of xtext from the front of *s. */
static bool
take_xchar(struct str *s, char *c)
{
	struct str hex = str_slice(*s, 1, 3);
	uint64_t byte;

	if (is_xchar(s->data[0])) {
		*c = s->data[0];
		*s = str_slice(*s, 1, s->len);
		return true;
	}
	if (s->data[0] != '+' || hex.len != 2 || !is_upper_hex(hex.data[0]) ||
	    !is_upper_hex(hex.data[1]) || !num_parse_hex(hex, UINT8_MAX, &byte))
		return false;
	*c = (char)byte;
	*s = str_slice(*s, 3, s->len);
	return is_printable((unsigned char)byte);
}

bool
dsn_envid(struct str value, char out[DSN_ENVID_MAX], size_t *len)
{
	size_t n = 0;

	if (value.len == 0 || value.len > DSN_ENVID_MAX)
		return false;
	while (value.len > 0)
		if (!take_xchar(&value, &out[n++]))
			return false;
	*len = n;
	return true;
}

static bool
xtext_ok(struct str s)
{
	char c;

	while (s.len > 0)
		if (!take_xchar(&s, &c))
			return false;
	return true;
}

/* "\x{HEX}" at the front: how long it is; 0 for none, and for a character that
 * may not stand in an address. */
static size_t
embedded(struct str s)
{
	enum { DIGITS_MIN = 2, DIGITS_MAX = 6, UNICODE_MAX = 0x10ffff };
	size_t end = str_find(s, '}');
	struct str hex = str_slice(s, 3, end);
	uint64_t point;

	if (!str_starts(s, str_of("\\x{")) || end == s.len ||
	    hex.len < DIGITS_MIN || hex.len > DIGITS_MAX ||
	    (hex.len > DIGITS_MIN && hex.data[0] == '0'))
		return 0;
	for (size_t i = 0; i < hex.len; i++)
		if (!is_upper_hex(hex.data[i]))
			return 0;
	if (!num_parse_hex(hex, UNICODE_MAX, &point) || point < ' ' ||
	    (point >= 0x7f && point < 0xa0) ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return end + 1;
}

/* RFC 6533, 3: utf-8-addr-xtext, and utf-8-addr-unitext with utf8. */
static bool
unitext_ok(struct str s, bool utf8)
{
	while (s.len > 0) {
		size_t n = is_xchar(s.data[0]) && s.data[0] != '\\' ? 1 : 0;

		if (n == 0 && s.data[0] == '\\')
			n = embedded(s);
		if (n == 0 && utf8)
			n = utf8_length(s, 0);
		if (n == 0)
			return false;
		s = str_slice(s, n, s.len);
	}
	return true;
}

/* RFC 5322's atom, in which an address type is written. */
static bool
is_atom(struct str s)
{
	struct str specials = str_of("()<>[]:;@\\,.\"");

	for (size_t i = 0; i < s.len; i++)
		if (!is_printable((unsigned char)s.data[i]) ||
		    s.data[i] == ' ' ||
		    str_find(specials, s.data[i]) < specials.len)
			return false;
	return s.len > 0;
}

bool
dsn_orcpt_ok(struct str value, bool utf8)
{
	size_t semicolon = str_find(value, ';');
	struct str type = str_slice(value, 0, semicolon);
	struct str address = str_slice(value, semicolon + 1, value.len);

	if (value.len > DSN_ORCPT_MAX || !is_atom(type) || address.len == 0)
		return false;
	return str_equal_nocase(type, str_of("utf-8"))
		   ? unitext_ok(address, utf8)
		   : xtext_ok(address);
}
