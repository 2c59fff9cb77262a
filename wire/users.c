/* users: users/passwd, the virtual mailboxes, and the two tables made of it. */
#include "wire/users.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *const flag_words[] = {
#define USER_FLAG_WORD(id, word, what) [USER_BIT_##id] = (word),
    USER_FLAGS(USER_FLAG_WORD)
#undef USER_FLAG_WORD
};

unsigned
users_flag(struct str word)
{
	for (unsigned i = 0; i < USER_FLAG_COUNT; i++)
		if (str_equal(word, str_of(flag_words[i])))
			return 1U << i;
	return 0;
}

bool
users_format_flags(struct buf *b, unsigned flags)
{
	size_t start = b->len;

	for (unsigned i = 0; i < USER_FLAG_COUNT; i++) {
		if ((flags & 1U << i) == 0)
			continue;
		if ((b->len > start && !buf_append_byte(b, ',')) ||
		    !buf_append_text(b, flag_words[i])) {
			b->len = start;
			return false;
		}
	}
	return true;
}

/* No part of a line holds what divides lines and parts. */
static bool
clean(struct str s, char also)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c <= ' ' || c == 0x7f || c == ':' ||
		    c == (unsigned char)also)
			return false;
	}
	return true;
}

static bool
address_ok(struct str address)
{
	struct str local, domain;

	address_split(address, &local, &domain);
	return clean(address, ',') && local.len > 0 &&
	       local.len <= ADDRESS_LOCAL_MAX &&
	       address_domain_ok(domain, true);
}

/* Each word of a comma-separated list, none of them empty, pleases ok. */
static bool
each_word(
    struct str list, bool (*ok)(struct str word, void *context), void *context)
{
	struct str word;

	if (list.len > 0 && list.data[list.len - 1] == ',')
		return false;
	while (str_cut(&list, ',', &word))
		if (!ok(word, context))
			return false;
	return true;
}

static bool
forward_word(struct str word, void *context)
{
	(void)context;
	return address_ok(word);
}

static bool
flag_word(struct str word, void *context)
{
	unsigned *flags = context;
	unsigned flag = users_flag(word);

	*flags |= flag;
	return flag != 0;
}

/* The part before the next colon, which must be there. */
static bool
part(struct str *rest, struct str *out)
{
	size_t at = str_find(*rest, ':');

	if (at == rest->len)
		return false;
	*out = str_slice(*rest, 0, at);
	*rest = str_slice(*rest, at + 1, rest->len);
	return true;
}

/* NULL, or what is wrong with it. */
static const char *
parse_record(struct str rest, struct user_record *r)
{
	struct str quota;

	r->flags = 0;
	if (!part(&rest, &r->hash) || !part(&rest, &quota) ||
	    !part(&rest, &r->forward))
		return "not of the form address:hash:quota:forward:flags";
	if (!clean(r->hash, ':'))
		return "the hash holds a blank or a control byte";
	if (!num_parse(quota, UINT64_MAX, &r->quota))
		return "the quota is not a number of bytes";
	if (!each_word(r->forward, forward_word, NULL))
		return "forward holds something that is no address";
	if (!each_word(rest, flag_word, &r->flags))
		return "unknown flag";
	return NULL;
}

bool
users_parse(struct str line, struct str *address, struct user_record *r,
    const char **what)
{
	struct str rest = line;

	*what = NULL;
	if (line.len > USERS_LINE_MAX)
		*what = "the line is too long";
	else if (!part(&rest, address))
		*what = "not of the form address:hash:quota:forward:flags";
	else if (!address_ok(*address))
		*what = "not the address of a mailbox";
	else
		*what = parse_record(rest, r);
	return *what == NULL;
}

bool
users_format_record(struct buf *b, const struct user_record *r)
{
	size_t start = b->len;

	if (buf_append_str(b, r->hash) && buf_append_byte(b, ':') &&
	    buf_append_number(b, r->quota) && buf_append_byte(b, ':') &&
	    buf_append_str(b, r->forward) && buf_append_byte(b, ':') &&
	    users_format_flags(b, r->flags))
		return true;
	b->len = start;
	return false;
}

bool
users_format(struct buf *b, struct str address, const struct user_record *r)
{
	size_t start = b->len;

	if (buf_append_str(b, address) && buf_append_byte(b, ':') &&
	    users_format_record(b, r) && buf_append_byte(b, '\n'))
		return true;
	b->len = start;
	return false;
}

bool
users_open(const char *name, struct table **t)
{
	struct stat st;

	*t = table_open(AT_FDCWD, name);
	if (*t != NULL || errno != ENOENT)
		return *t != NULL;
	if (lstat(USERS_TEXT, &st) != 0)
		return errno == ENOENT;
	errno = ENOENT;
	return false;
}

/* Look up s in lower case, behind an '@' when it is a domain. */
static enum found
find(const struct table *t, bool domain, struct str s, struct str *value)
{
	char bytes[ADDRESS_MAX + 1] = "@";
	struct str key = {bytes, domain ? 1 : 0};

	if (t == NULL || s.len > ADDRESS_MAX)
		return FOUND_NO;
	for (size_t i = 0; i < s.len; i++)
		bytes[key.len++] = str_lower(s.data[i]);
	return table_find(t, key, value);
}

enum found
users_find(const struct table *t, struct str address, struct user_record *r)
{
	struct str value;
	enum found f;

	/* The key of a domain begins with '@'; it is no mailbox. */
	if (address.len > 0 && address.data[0] == '@')
		return FOUND_NO;
	f = find(t, false, address, &value);
	if (f == FOUND_YES && parse_record(value, r) != NULL) {
		errno = EPROTO;
		return FOUND_ERROR;
	}
	return f;
}

/* The table of now. */
static bool
look(struct users *u)
{
	u->looked = clock_boot();
	u->known = true;
	if (u->table != NULL && !table_stale(u->table, AT_FDCWD, USERS_RCPT))
		return true;
	table_close(u->table);
	u->known = users_open(USERS_RCPT, &u->table);
	return u->known;
}

enum found
users_lately(struct users *u, struct str address, struct user_record *r)
{
	uint64_t past = (uint64_t)(clock_boot() - u->looked);
	enum found found;

	if (u->known && past < USERS_LATELY) {
		found = users_find(u->table, address, r);
		if (found == FOUND_YES && (r->flags & USER_DISABLED) == 0)
			return found;
	}
	return look(u) ? users_find(u->table, address, r) : FOUND_ERROR;
}

enum found
users_domain(const struct table *t, struct str domain)
{
	return find(t, true, domain, NULL);
}

/* One part of a mailbox's place, ended by '/'; false with errno. */
static bool
place_part(struct buf *b, struct str part_of)
{
	static const char digits[] = "0123456789abcdef";
	enum { NAME_LONGEST = 255 };
	size_t start = b->len;

	if (part_of.len == 0 || part_of.data[0] == '.' ||
	    str_find(part_of, '/') < part_of.len ||
	    str_find(part_of, '\0') < part_of.len) {
		errno = EINVAL;
		return false;
	}
	for (size_t i = 0; i < part_of.len; i++) {
		unsigned char c = (unsigned char)str_lower(part_of.data[i]);
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			     (c != 0 && strchr(".-_+=", c) != NULL);
		char hex[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (b->len - start + (plain ? 1 : 3) > NAME_LONGEST) {
			errno = ENAMETOOLONG;
			return false;
		}
		if (!(plain ? buf_append_byte(b, (char)c)
			    : buf_append(b, hex, sizeof hex)))
			return false;
	}
	return buf_append_byte(b, '/');
}

bool
users_maildir(struct str address, char out[USERS_PATH_SIZE])
{
	struct buf b = {.max = USERS_PATH_SIZE};
	struct str local, domain;
	bool ok;

	address_split(address, &local, &domain);
	ok = buf_append_text(&b, USERS_DOMAINS "/") && place_part(&b, domain) &&
	     place_part(&b, local) && buf_append_text(&b, "Maildir") &&
	     str_copy(out, USERS_PATH_SIZE, buf_str(&b));
	buf_free(&b);
	return ok;
}
