/* identity: who the caller says he is; see identity.h. */
#include "queue/identity.h"

#include "lib/address.h"
#include "lib/env.h"
#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

/* The first of these variables that is set; else a str without data. */
static struct str
first_set(const char *const *names)
{
	struct str s = {NULL, 0};

	for (; *names != NULL && s.data == NULL; names++)
		s = env_get(*names);
	return s;
}

static struct str
user_of_uid(void)
{
	const struct passwd *entry = getpwuid(getuid());

	return str_of(entry != NULL && entry->pw_name[0] != '\0'
			  ? entry->pw_name
			  : "anonymous");
}

void
identity_read(struct identity *who)
{
	static const char *const users[] = {
	    "QMAILUSER", "MAILUSER", "USER", "LOGNAME", NULL};
	static const char *const hosts[] = {"QMAILHOST", "MAILHOST", NULL};
	static const char *const names[] = {
	    "QMAILNAME", "MAILNAME", "NAME", NULL};
	struct str s;

	*who = (struct identity){.user = first_set(users),
	    .host = first_set(hosts),
	    .name = first_set(names)};
	if (who->user.data == NULL)
		who->user = user_of_uid();
	s = env_get("QMAILSUSER");
	who->sender_user = s.data == NULL ? who->user : s;
	s = env_get("QMAILSHOST");
	who->sender_host = s.data == NULL ? who->host : s;
}

/* "user@host" with a whole host. */
static bool
append_address(struct str user, struct str host, const struct rewrite *hosts,
    struct buf *out)
{
	if (rewrite_domain_ok(host))
		return buf_append_str(out, user) && buf_append_byte(out, '@') &&
		       rewrite_domain(hosts, host, out);
	errno = EINVAL;
	return false;
}

/* As a quoted string, or as a comment: delimiters are escaped, and what could
 * end the field is a blank. */
static bool
append_name(struct str name, const char *open, const char *close,
    const char *escaped, struct buf *out)
{
	bool ok = buf_append_text(out, open);

	for (size_t i = 0; i < name.len && ok; i++) {
		unsigned char c = (unsigned char)name.data[i];
		struct str marks = str_of(escaped);

		if (str_find(marks, (char)c) < marks.len)
			ok = buf_append_byte(out, '\\');
		ok = ok &&
		     buf_append_byte(out, c < ' ' || c == 127 ? ' ' : (char)c);
	}
	return ok && buf_append_text(out, close);
}

bool
identity_from(
    const struct identity *who, const struct rewrite *hosts, struct buf *out)
{
	bool named = who->name.data != NULL, comment = who->name_in_comment;
	struct buf address = {.max = ADDRESS_MAX};
	struct str local, domain;
	bool ok;

	ok = append_address(who->user, who->host, hosts, &address);
	if (ok && named && !comment)
		ok = append_name(who->name, "\"", "\" <", "\"\\", out);
	address_split(buf_str(&address), &local, &domain);
	ok = ok && address_quote(out, local, domain);
	if (ok && named && !comment)
		ok = buf_append_byte(out, '>');
	if (ok && named && comment)
		ok = append_name(who->name, " (", ")", "()\\", out);
	buf_free(&address);
	return ok;
}

/* "user-SECONDS.PID-@host-@[]", each part where it is asked for. */
bool
identity_sender(const struct identity *who, const struct rewrite *hosts,
    int64_t seconds, struct buf *out)
{
	struct buf user = {.max = ADDRESS_MAX};
	bool ok = buf_append_str(&user, who->sender_user);

	if (who->own_sender)
		ok = ok && buf_append_byte(&user, '-') &&
		     buf_append_number(&user, (uint64_t)seconds) &&
		     buf_append_byte(&user, '.') &&
		     buf_append_number(&user, (uint64_t)getpid());
	if (who->own_recipients)
		ok = ok && buf_append_byte(&user, '-');
	ok = ok && append_address(buf_str(&user), who->sender_host, hosts, out);
	if (who->own_recipients)
		ok = ok && buf_append_text(out, "-@[]");
	buf_free(&user);
	if (!ok || rewrite_address_ok(buf_str(out)))
		return ok;
	errno = EINVAL;
	return false;
}
