/* users: users/passwd, the virtual mailboxes, and the two tables made of it. */
#include "wire/users.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NAME_LONGEST = 255, /* bytes of a file's name */
	OPEN_TRIES = 100    /* of a table that changes meanwhile */
};

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

/* "@domain" */
static bool
is_domain(struct str s)
{
	return s.len > 1 && s.data[0] == '@' && clean(s, ',') &&
	       address_domain_ok(str_slice(s, 1, s.len), true);
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

/* "12S" or "5C", each once. */
static bool
quota_limit(struct str word, uint64_t *bytes, uint64_t *messages)
{
	char unit = word.len == 0 ? '\0' : word.data[word.len - 1];
	uint64_t *limit = unit == 'S' ? bytes : messages;
	struct str digits = str_slice(word, 0, word.len - (word.len > 0));

	return (unit == 'S' || unit == 'C') && *limit == UINT64_MAX &&
	       num_parse(digits, UINT64_MAX - 1, limit);
}

bool
users_parse_quota(struct str text, uint64_t *bytes, uint64_t *messages)
{
	struct str word, rest = text;

	*messages = 0;
	if (num_parse(text, UINT64_MAX, bytes))
		return true;
	*bytes = *messages = UINT64_MAX;
	if (text.len == 0 || text.data[text.len - 1] == ',')
		return false;
	while (str_cut(&rest, ',', &word))
		if (!quota_limit(word, bytes, messages))
			return false;
	if (*bytes == UINT64_MAX)
		*bytes = 0;
	if (*messages == UINT64_MAX)
		*messages = 0;
	return true;
}

bool
users_format_quota(struct buf *b, uint64_t bytes, uint64_t messages)
{
	size_t start = b->len;

	if (messages == 0)
		return buf_append_number(b, bytes);
	if ((bytes == 0 ||
		(buf_append_number(b, bytes) && buf_append_text(b, "S,"))) &&
	    buf_append_number(b, messages) && buf_append_byte(b, 'C'))
		return true;
	b->len = start;
	return false;
}

/* The bytes are any that a line may hold: they name nothing but a file. */
static bool
place_ok(struct str place)
{
	struct str rest = place, name;
	size_t parts = 0;

	if (place.len == 0)
		return true;
	if (place.len > USERS_PLACE_MAX || !clean(place, ':') ||
	    place.data[place.len - 1] == '/')
		return false;
	for (; str_cut(&rest, '/', &name); parts++)
		if (name.len == 0 || name.len > NAME_LONGEST ||
		    name.data[0] == '.')
			return false;
	return parts > 1;
}

bool
users_alias(const struct user_record *r, struct str *domain)
{
	if (!is_domain(r->forward))
		return false;
	*domain = str_slice(r->forward, 1, r->forward.len);
	return true;
}

/* NULL, or what is wrong with it.  The record has a place only where it has one
 * more colon. */
static const char *
parse_record(struct str rest, struct user_record *r)
{
	struct str quota, flags;

	*r = (struct user_record){.flags = 0};
	if (!part(&rest, &r->hash) || !part(&rest, &quota) ||
	    !part(&rest, &r->forward))
		return "not of the form address:hash:quota:forward:flags";
	if (part(&rest, &flags)) {
		r->place = rest;
		rest = flags;
	}
	if (!clean(r->hash, ':'))
		return "the hash holds a blank or a control byte";
	if (!users_parse_quota(quota, &r->quota, &r->messages))
		return "the quota is not a number of bytes, nor like "
		       "1000000S,500C";
	if (!is_domain(r->forward) &&
	    !each_word(r->forward, forward_word, NULL))
		return "forward holds something that is no address";
	if (!each_word(rest, flag_word, &r->flags))
		return "unknown flag";
	return place_ok(r->place) ? NULL : "the place is no path below domains";
}

/* What the line of a mailbox, or of a domain, may not say. */
static const char *
check_kind(bool domain, const struct user_record *r)
{
	struct str other;
	bool alias = users_alias(r, &other);

	if (!domain)
		return alias ? "only a domain is the alias of a domain" : NULL;
	if (r->hash.len > 0 || r->quota > 0 || r->messages > 0)
		return "a domain has neither password nor quota";
	if ((r->flags & ~(unsigned)USER_KEEP) != 0)
		return "a domain has no such flag";
	if (alias && (r->place.len > 0 || r->flags != 0))
		return "an alias domain has nothing of its own";
	if (r->flags != 0 && r->place.len == 0)
		return "a domain keeps mail in a place only";
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
	else if (!is_domain(*address) && !address_ok(*address))
		*what = "not the address of a mailbox";
	else
		*what = parse_record(rest, r);
	if (*what == NULL)
		*what = check_kind(is_domain(*address), r);
	return *what == NULL;
}

bool
users_format_record(struct buf *b, const struct user_record *r)
{
	size_t start = b->len;

	if (buf_append_str(b, r->hash) && buf_append_byte(b, ':') &&
	    users_format_quota(b, r->quota, r->messages) &&
	    buf_append_byte(b, ':') && buf_append_str(b, r->forward) &&
	    buf_append_byte(b, ':') && users_format_flags(b, r->flags) &&
	    (r->place.len == 0 ||
		(buf_append_byte(b, ':') && buf_append_str(b, r->place))))
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

/* The front that belongs to t, NULL without one. */
static bool
open_front(const struct table *t, const char *name, struct table **front)
{
	static const struct str key = {"", 0};
	struct str mine, its;
	bool rcpt = strcmp(name, USERS_RCPT) == 0;

	*front =
	    table_open(AT_FDCWD, rcpt ? USERS_RCPT_FRONT : USERS_PASSWD_FRONT);
	if (*front == NULL)
		return errno == ENOENT;
	if (table_find(t, key, &mine) == FOUND_YES &&
	    table_find(*front, key, &its) == FOUND_YES && str_equal(mine, its))
		return true;
	table_close(*front);
	*front = NULL;
	return true;
}

/* A table that is another one by now may not have been this front's. */
static bool
open_both(const char *name, struct table **t)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		struct table *front;
		bool ok;

		*t = table_open(AT_FDCWD, name);
		if (*t == NULL)
			return false;
		ok = open_front(*t, name, &front);
		if (ok && !table_stale(*t, AT_FDCWD, name)) {
			table_lay(*t, front);
			return true;
		}
		table_close(front);
		table_close(*t);
		*t = NULL;
		if (!ok)
			return false;
	}
	errno = EAGAIN;
	return false;
}

bool
users_open(const char *name, struct table **t)
{
	struct stat st;

	*t = NULL;
	if (open_both(name, t))
		return true;
	if (errno != ENOENT)
		return false;
	if (lstat(USERS_TEXT, &st) != 0)
		return errno == ENOENT;
	errno = ENOENT;
	return false;
}

/* Look up local@domain in lower case; *value may be empty.  Where that has no
 * record, *r is one without anything. */
static enum found
find(const struct table *t, struct str local, struct str domain,
    struct user_record *r)
{
	char bytes[ADDRESS_MAX + 1];
	struct str key = {bytes, 0}, value;
	enum found f;

	if (t == NULL || domain.len == 0 ||
	    local.len + domain.len >= sizeof bytes)
		return FOUND_NO;
	for (size_t i = 0; i < local.len; i++)
		bytes[key.len++] = str_lower(local.data[i]);
	bytes[key.len++] = '@';
	for (size_t i = 0; i < domain.len; i++)
		bytes[key.len++] = str_lower(domain.data[i]);
	f = table_find(t, key, &value);
	if (f != FOUND_YES)
		return f;
	*r = (struct user_record){.flags = 0};
	if (!(value.len == 0 && local.len == 0) &&
	    parse_record(value, r) != NULL) {
		errno = EPROTO;
		return FOUND_ERROR;
	}
	/* A table holds its keys in front of their values. */
	r->address = (struct str){value.data - key.len, key.len};
	return FOUND_YES;
}

/* Exactly, or without what is behind a plus. */
static enum found
find_mailbox(const struct table *t, struct str local, struct str domain,
    struct user_record *r)
{
	enum found f = find(t, local, domain, r);
	size_t plus = str_find(local, '+');

	if (f != FOUND_NO || plus == 0 || plus == local.len)
		return f;
	f = find(t, str_slice(local, 0, plus), domain, r);
	return f == FOUND_YES && (r->flags & USER_NOPLUS) != 0 ? FOUND_NO : f;
}

static const struct str none = {"", 0};

enum found
users_find_here(const struct table *t, struct str address,
    struct user_record *r, bool *ours)
{
	struct str local, domain, other;
	enum found f;

	*ours = false;
	address_split(address, &local, &domain);
	/* The key of a domain is no mailbox. */
	if (local.len == 0)
		return FOUND_NO;
	f = find_mailbox(t, local, domain, r);
	if (f == FOUND_NO)
		f = find(t, none, domain, r);
	else
		return f;
	*ours = f == FOUND_YES;
	if (f == FOUND_YES && users_alias(r, &other)) {
		f = find_mailbox(t, local, other, r);
		if (f != FOUND_NO)
			return f;
		f = find(t, none, other, r);
	}
	if (f == FOUND_YES && ((r->forward.len == 0 && r->place.len == 0) ||
				  users_alias(r, &other)))
		f = FOUND_NO;
	return f;
}

enum found
users_find(const struct table *t, struct str address, struct user_record *r)
{
	bool ours;

	return users_find_here(t, address, r, &ours);
}

enum found
users_login(const struct table *t, struct str name, struct user_record *r)
{
	struct str local, domain, other;
	enum found f;

	address_split(name, &local, &domain);
	if (local.len == 0)
		return FOUND_NO;
	f = find(t, local, domain, r);
	if (f == FOUND_NO) {
		f = find(t, none, domain, r);
		if (f == FOUND_YES)
			f = users_alias(r, &other) ? find(t, local, other, r)
						   : FOUND_NO;
	}
	return f;
}

/* Of nobody's name. */
static enum found
append_nobody(const struct table *t, struct str name, struct buf *out)
{
	struct user_record r = {.quota = 0};
	struct str local, domain, other;
	enum found f;

	address_split(name, &local, &domain);
	f = find(t, none, domain, &r);
	if (f == FOUND_ERROR)
		return FOUND_ERROR;
	if (f == FOUND_NO || !users_alias(&r, &other))
		return buf_append_str(out, name) ? FOUND_NO : FOUND_ERROR;
	return buf_append_str(out, local) && buf_append_byte(out, '@') &&
		       buf_append_str(out, other)
		   ? FOUND_NO
		   : FOUND_ERROR;
}

enum found
users_login_name(const struct table *t, struct str name, struct buf *out)
{
	struct user_record r = {.quota = 0};
	enum found f = users_login(t, name, &r);

	if (f == FOUND_NO)
		return append_nobody(t, name, out);
	if (f == FOUND_YES && !buf_append_str(out, r.address))
		return FOUND_ERROR;
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
	struct user_record r;

	return find(t, none, domain, &r);
}

/* One part of a mailbox's place, ended by '/'; false with errno. */
static bool
place_part(struct buf *b, struct str part_of)
{
	static const char digits[] = "0123456789abcdef";
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

bool
users_place(const struct user_record *r, char out[USERS_PATH_SIZE])
{
	struct buf b = {.max = USERS_PATH_SIZE};
	bool ok;

	if (r->place.len == 0)
		return users_maildir(r->address, out);
	if (!place_ok(r->place)) {
		errno = EINVAL;
		return false;
	}
	ok = buf_append_text(&b, USERS_DOMAINS "/") &&
	     buf_append_str(&b, r->place) &&
	     str_copy(out, USERS_PATH_SIZE, buf_str(&b));
	buf_free(&b);
	return ok;
}
