/* json: see json.h. */
#include "lib/json.h"

#include "lib/fd.h"
#include "lib/utf8.h"
#include <errno.h>

static void
put(struct json *j, struct str s)
{
	if (!j->failed && !buf_append_str(&j->out, s))
		j->failed = true;
}

/* One byte below 32, a quote, a backslash or 127. */
static void
put_escaped(struct json *j, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	char u[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], '\0'};
	char pair[] = {'\\', (char)c, '\0'};

	put(j, str_of(c == '"' || c == '\\' ? pair : u));
}

static bool
plain(unsigned char c)
{
	return c >= 32 && c < 127 && c != '"' && c != '\\';
}

static void
put_quoted(struct json *j, struct str s)
{
	put(j, str_of("\""));
	for (size_t i = 0, n; i < s.len; i += n) {
		unsigned char c = (unsigned char)s.data[i];

		n = c < 128 ? 1 : utf8_length(s, i);
		if (n == 0)
			put(j, str_of("\xef\xbf\xbd"));
		else if (n > 1 || plain(c))
			put(j, str_slice(s, i, i + n));
		else
			put_escaped(j, c);
		n = n == 0 ? 1 : n;
	}
	put(j, str_of("\""));
}

/* What stands before a value: a comma, a key. */
static void
lead(struct json *j, const char *key)
{
	if (j->comma)
		put(j, str_of(", "));
	if (key != NULL) {
		put_quoted(j, str_of(key));
		put(j, str_of(": "));
	}
	j->comma = true;
}

static void
begin(struct json *j, const char *key, const char *bracket)
{
	lead(j, key);
	put(j, str_of(bracket));
	j->comma = false;
}

static void
end(struct json *j, const char *bracket)
{
	put(j, str_of(bracket));
	j->comma = true;
}

void
json_object(struct json *j, const char *key)
{
	begin(j, key, "{");
}

void
json_object_end(struct json *j)
{
	end(j, "}");
}

void
json_list(struct json *j, const char *key)
{
	begin(j, key, "[");
}

void
json_list_end(struct json *j)
{
	end(j, "]");
}

void
json_text(struct json *j, const char *key, struct str value)
{
	lead(j, key);
	put_quoted(j, value);
}

void
json_number(struct json *j, const char *key, uint64_t value)
{
	lead(j, key);
	if (!j->failed && !buf_append_number(&j->out, value))
		j->failed = true;
}

void
json_bool(struct json *j, const char *key, bool value)
{
	lead(j, key);
	put(j, str_of(value ? "true" : "false"));
}

void
json_null(struct json *j, const char *key)
{
	lead(j, key);
	put(j, str_of("null"));
}

bool
json_print(struct json *j, int fd)
{
	put(j, str_of("\n"));
	if (j->failed) {
		errno = ENOMEM;
		return false;
	}
	return fd_write_all(fd, j->out.data, j->out.len);
}
