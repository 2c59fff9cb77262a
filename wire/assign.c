/* assign: users/assign and users/cdb; see assign.h. */
#include "wire/assign.h"

#include "lib/num.h"
#include <errno.h>
#include <stdint.h>

static const char not_formed[] =
    "not of the form =local:user:uid:gid:home:dash:ext:";
static const char no_memory[] = "out of memory";

/* The next is no account's: setuid and chown take it for none given. */
static const uint64_t id_max = UINT32_MAX - 1;

static bool
read_id(struct str s, uint32_t *id)
{
	uint64_t n;

	if (!num_parse(s, id_max, &n))
		return false;
	*id = (uint32_t)n;
	return true;
}

/* NULL, or what is wrong with the six fields behind the first colon, which
 * separator ends. */
static const char *
read_fields(struct str *rest, char separator, struct assignment *a)
{
	struct str uid, gid;
	struct str *const fields[] = {
	    &a->user, &uid, &gid, &a->home, &a->dash, &a->ext};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t at = str_find(*rest, separator);

		/* Nothing need follow the last field of a value. */
		if (at == rest->len && (separator == ':' || i < 5))
			return not_formed;
		*fields[i] = str_slice(*rest, 0, at);
		*rest = str_slice(*rest, at + 1, rest->len);
	}
	if (!read_id(uid, &a->uid) || !read_id(gid, &a->gid))
		return "uid or gid is not a number";
	if (a->uid == 0)
		return "uid is 0, and root receives no mail";
	if (a->user.len == 0)
		return "the user has no name";
	if (!str_starts(a->home, str_of("/")))
		return "the home does not begin with /";
	return NULL;
}

static bool
put_value(struct buf *b, const struct assignment *a)
{
	const struct str ends = {"", 1};

	return buf_append_str(b, a->user) && buf_append_str(b, ends) &&
	       buf_append_number(b, a->uid) && buf_append_str(b, ends) &&
	       buf_append_number(b, a->gid) && buf_append_str(b, ends) &&
	       buf_append_str(b, a->home) && buf_append_str(b, ends) &&
	       buf_append_str(b, a->dash) && buf_append_str(b, ends) &&
	       buf_append_str(b, a->ext);
}

static bool
put_key(struct buf *b, struct str local, bool exact)
{
	return buf_append_byte(b, '!') && buf_append_lower(b, local) &&
	       (!exact || buf_append_byte(b, '\0'));
}

bool
assign_parse(struct str line, struct buf *key, struct buf *value, char *wild,
    const char **what)
{
	bool exact = str_starts(line, str_of("="));
	struct str local = str_slice(line, 1, str_find(line, ':'));
	struct str rest = str_slice(line, local.len + 2, line.len);
	struct assignment a = {.uid = 0};

	*wild = '\0';
	*what = NULL;
	if (line.len > ASSIGN_LINE_MAX)
		*what = "the line is too long";
	else if (str_find(line, '\0') < line.len)
		*what = "the line holds a NUL";
	else if (!exact && !str_starts(line, str_of("+")))
		*what = "a line begins with = or +, the last one with .";
	else
		*what = read_fields(&rest, ':', &a);
	if (*what == NULL &&
	    (!put_key(key, local, exact) || !put_value(value, &a)))
		*what = no_memory;
	if (*what == NULL && !exact && local.len > 0)
		*wild = str_lower(local.data[local.len - 1]);
	return *what == NULL;
}

bool
assign_value(struct str value, struct assignment *a)
{
	if (read_fields(&value, '\0', a) == NULL)
		return true;
	errno = EPROTO;
	return false;
}

static enum found
read_value(struct str value, struct assignment *a)
{
	return assign_value(value, a) ? FOUND_YES : FOUND_ERROR;
}

/* The longest wildcard; *used is how much of the key it is. */
static enum found
find_wild(
    const struct table *t, struct str key, struct str *value, size_t *used)
{
	enum found found;
	struct str wild;

	found = table_find(t, (struct str){"", 0}, &wild);
	if (found == FOUND_NO)
		errno = EPROTO;
	if (found != FOUND_YES)
		return FOUND_ERROR;
	for (*used = key.len; *used > 0; --*used) {
		char last = key.data[*used - 1];

		if (*used > 1 && str_find(wild, last) == wild.len)
			continue;
		found = table_find(t, str_slice(key, 0, *used), value);
		if (found != FOUND_NO)
			return found;
	}
	return FOUND_NO;
}

enum found
assign_find(const struct table *t, struct str local, struct assignment *a,
    struct buf *ext)
{
	struct buf key = {0};
	enum found found = FOUND_ERROR;
	struct str value = {"", 0}, lower;
	size_t used;

	if (t == NULL)
		return FOUND_NO;
	buf_clear(ext);
	if (put_key(&key, local, true))
		found = table_find(t, buf_str(&key), &value);
	if (found == FOUND_YES)
		found = read_value(value, a);
	else if (found == FOUND_NO) {
		lower = str_slice(buf_str(&key), 0, key.len - 1);
		found = find_wild(t, lower, &value, &used);
		if (found == FOUND_YES)
			found = read_value(value, a);
		if (found == FOUND_YES &&
		    (!buf_append_str(ext, a->ext) ||
			!buf_append_str(
			    ext, str_slice(local, used - 1, local.len))))
			found = FOUND_ERROR;
		a->ext = buf_str(ext);
	}
	buf_free(&key);
	return found;
}
