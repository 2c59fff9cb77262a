/* record: the TXT records _mta-sts and _smtp._tls; see record.h. */
#include "policy/record.h"

static bool
is_alnum(char c)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 8461, 3.1: 1 to 32 letters, digits, '_', '-' and '.'. */
static bool
is_name(struct str s)
{
	if (s.len < 1 || s.len > 32 || !is_alnum(s.data[0]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.data[i]) && s.data[i] != '_' &&
		    s.data[i] != '-' && s.data[i] != '.')
			return false;
	return true;
}

/* Printable, without ';' (which has been cut away) and blanks. */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < 0x21 || s.data[i] > 0x7e)
			return false;
	return s.len > 0;
}

static bool
is_id(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.data[i]))
			return false;
	return s.len >= 1 && s.len <= STS_ID_MAX;
}

static struct str
trim_blanks(struct str s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = str_slice(s, 1, s.len);
	while (s.len > 0 &&
	       (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The one record that begins with version, what follows it in *rest. */
static bool
only_one(const struct str *records, size_t count, struct str version,
    struct str *rest)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!str_starts(records[i], version))
			continue;
		*rest = str_slice(records[i], version.len, records[i].len);
		found++;
	}
	return found == 1;
}

/* The next field of *rest.  1: *key and *value are it; 0: there is none; -1: it
 * is malformed.  Only the last may be empty: a final delimiter. */
static int
next_field(struct str *rest, struct str *key, struct str *value)
{
	struct str field;

	if (!str_cut(rest, ';', &field))
		return 0;
	field = trim_blanks(field);
	if (field.len == 0 && trim_blanks(*rest).len == 0)
		return 0;
	if (str_find(field, '=') == field.len || !str_cut(&field, '=', key) ||
	    !is_name(*key))
		return -1;
	*value = field;
	return 1;
}

bool
record_id(const struct str *records, size_t count, struct str *id)
{
	struct str rest, key, value, first = {NULL, 0};
	int r;

	if (!only_one(records, count, str_of("v=STSv1;"), &rest))
		return false;
	while ((r = next_field(&rest, &key, &value)) > 0) {
		if (!is_value(value))
			return false;
		if (!str_equal(key, str_of("id")) || first.data != NULL)
			continue;
		if (!is_id(value))
			return false;
		first = value;
	}
	if (r < 0 || first.data == NULL)
		return false;
	*id = first;
	return true;
}

/* RFC 6068 lets a '?' begin header fields, which nobody is to dictate us. */
static bool
read_place(struct str uri, struct record_place *p)
{
	static const char mail[] = "mailto:", web[] = "https://";

	if (uri.len > RECORD_PLACE_MAX || !is_value(uri))
		return false;
	p->mail = str_starts_nocase(uri, str_of(mail));
	p->what = uri;
	if (p->mail) {
		p->what = str_slice(uri, sizeof(mail) - 1, uri.len);
		p->what.len = str_find(p->what, '?');
		return str_find(p->what, '@') != p->what.len;
	}
	return str_starts_nocase(uri, str_of(web)) && uri.len > sizeof(web) - 1;
}

size_t
record_places(const struct str *records, size_t count,
    struct record_place places[RECORD_PLACES])
{
	struct str rest, key, value, uri, rua = {NULL, 0};
	size_t n = 0;
	int r;

	if (!only_one(records, count, str_of("v=TLSRPTv1;"), &rest))
		return 0;
	while ((r = next_field(&rest, &key, &value)) > 0)
		if (str_equal(key, str_of("rua")) && rua.data == NULL)
			rua = value;
	if (r < 0)
		return 0;
	while (n < RECORD_PLACES && str_cut(&rua, ',', &uri))
		if (read_place(trim_blanks(uri), &places[n]))
			n++;
	return n;
}
