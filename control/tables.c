/* tables: users/passwd.cdb and users/rcpt.cdb, made of the mailboxes. */
#include "control/tables.h"
#include "control/complaint.h"
#include "control/file.h"
#include "control/mailboxes.h"
#include "control/password.h"
#include "lib/account.h"
#include "lib/address.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

unsigned
tables_mode(bool hashes)
{
	enum { PASSWD_MODE = 0600, RCPT_MODE = 0644 };

	return hashes ? PASSWD_MODE : RCPT_MODE;
}

bool
tables_give(struct table_maker *maker)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return true;
	return account_find(ACCOUNT_USERS, &uid, &gid) &&
	       table_owner(maker, uid, gid);
}

static bool
address_is_domain(struct str address)
{
	return address.len > 0 && address.data[0] == '@';
}

/* The record of one table: with the hash, or with all but the hash; of a domain,
 * whoever logs in wants to know of what it is the alias. */
bool
tables_add(struct table_maker *maker, const struct mailbox *box, bool hashes)
{
	struct user_record r = box->record;
	struct str other;
	struct buf key = {0}, value = {0};
	bool ok;

	if (hashes) {
		if (address_is_domain(box->address) && !users_alias(&r, &other))
			return true;
		r.quota = r.messages = 0;
		r.place = (struct str){0};
		if (!address_is_domain(box->address))
			r.forward = (struct str){0};
	} else
		r.hash = (struct str){0};
	ok = buf_append_lower(&key, box->address) &&
	     users_format_record(&value, &r) &&
	     table_add(maker, buf_str(&key), buf_str(&value));
	buf_free(&key);
	buf_free(&value);
	return ok;
}

static int
compare_domains(const void *a, const void *b)
{
	return mailboxes_compare(
	    *(const struct str *)a, *(const struct str *)b);
}

/* "@domain" for each domain that has no line of its own, once. */
static bool
add_domains(struct table_maker *maker, const struct mailboxes *m)
{
	struct str *domains = calloc(m->count + 1, sizeof *domains), local;
	struct buf key = {0};
	bool ok = domains != NULL;

	for (size_t i = 0; ok && i < m->count; i++)
		address_split(m->list[i].address, &local, &domains[i]);
	if (ok)
		qsort(domains, m->count, sizeof *domains, compare_domains);
	for (size_t i = 0; ok && i < m->count; i++) {
		if (i > 0 && mailboxes_compare(domains[i - 1], domains[i]) == 0)
			continue;
		buf_clear(&key);
		ok = buf_append_byte(&key, '@') &&
		     buf_append_lower(&key, domains[i]) &&
		     (mailboxes_find(m, buf_str(&key)) != NULL ||
			 table_add(maker, buf_str(&key), (struct str){"", 0}));
	}
	free(domains);
	buf_free(&key);
	return ok;
}

static bool
add_all(struct table_maker *maker, const struct mailboxes *m, bool hashes)
{
	for (size_t i = 0; i < m->count; i++)
		if (!tables_add(maker, &m->list[i], hashes))
			return false;
	return hashes ? tables_give(maker) : add_domains(maker, m);
}

static bool
write_table(
    const struct mailboxes *m, bool hashes, struct str id, struct buf *error)
{
	const char *name = hashes ? USERS_PASSWD : USERS_RCPT;
	struct table_maker *maker =
	    table_make(AT_FDCWD, name, tables_mode(hashes));

	if (maker == NULL)
		return complaint_errno(error, name);
	if (!table_add(maker, (struct str){"", 0}, id) ||
	    !add_all(maker, m, hashes)) {
		complaint_errno(error, name);
		table_abandon(maker);
		return false;
	}
	return table_commit(maker) || complaint_errno(error, name);
}

bool
mailboxes_stale(void)
{
	struct stat text, passwd, rcpt;

	if (!file_look(AT_FDCWD, USERS_TEXT, &text) || !file_there(&text))
		return false;
	return !file_look(AT_FDCWD, USERS_PASSWD, &passwd) ||
	       !file_look(AT_FDCWD, USERS_RCPT, &rcpt) ||
	       !file_there(&passwd) || !file_there(&rcpt) ||
	       file_newer(&text, &passwd) || file_newer(&text, &rcpt);
}

/* It is of the old table, and nobody's. */
static bool
remove_front(const char *name, struct buf *error)
{
	return unlink(name) == 0 || errno == ENOENT ||
	       complaint_errno(error, name);
}

bool
mailboxes_build(
    const struct mailboxes *m, bool force, bool *made, struct buf *error)
{
	char id[PASSWORD_RANDOM_SIZE];

	*made = force || mailboxes_stale();
	if (!*made)
		return true;
	if (!password_random(id))
		return complaint_errno(error, "a random number");
	/* First the one that lets mail in: who can log in expects it. */
	return write_table(m, false, str_of(id), error) &&
	       write_table(m, true, str_of(id), error) &&
	       remove_front(USERS_RCPT_FRONT, error) &&
	       remove_front(USERS_PASSWD_FRONT, error);
}
