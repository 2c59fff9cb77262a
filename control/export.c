/* export: mailboxes as other mail servers' tables have them; see export.h. */
#include "control/export.h"
#include "control/complaint.h"
#include "lib/account.h"
#include "lib/address.h"
#include "lib/fd.h"
#include "lib/home.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A hash of crypt(3) by its beginning, as Dovecot calls it; what it has no name
 * for it leaves to crypt(3), too. */
static const struct {
	const char *begin, *scheme;
} schemes[] = {
    {"$1$", "{MD5-CRYPT}"   },
    {"$2",  "{BLF-CRYPT}"   },
    {"$5$", "{SHA256-CRYPT}"},
    {"$6$", "{SHA512-CRYPT}"},
    {"{",   ""	      }, /* ours are called as theirs */
    {"",    "{CRYPT}"       },
};

/* What no crypt(3) makes of any password. */
static const char nobody[] = "*";

static bool
put_hash(struct buf *b, struct str hash)
{
	size_t i = 0;

	if (hash.len == 0)
		hash = str_of(nobody);
	while (!str_starts(hash, str_of(schemes[i].begin)))
		i++;
	return buf_append_text(b, schemes[i].scheme) && buf_append_str(b, hash);
}

/* A name as Dovecot looks it up: in lower case, quotes escaped. */
static bool
put_name(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((strchr("\"'\\", name.data[i]) != NULL &&
			!buf_append_byte(b, '\\')) ||
		    !buf_append_byte(b, str_lower(name.data[i])))
			return false;
	return true;
}

/* Dovecot takes a percent sign in a field for a variable's. */
static bool
put_escaped(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] == '%' && !buf_append_byte(b, '%')) ||
		    !buf_append_byte(b, text.data[i]))
			return false;
	return true;
}

/* The folder of the address, below domains/; around its place where it can have
 * none. */
static bool
put_home(struct buf *b, const struct user_record *r)
{
	char path[USERS_PATH_SIZE];

	if (!users_maildir(r->address, path) && !users_place(r, path))
		return false;
	*strrchr(path, '/') = '\0';
	return buf_append_text(b, home_path()) && buf_append_byte(b, '/') &&
	       buf_append_text(b, path);
}

static bool
put_fields(struct buf *b, const struct user_record *r)
{
	char path[USERS_PATH_SIZE];

	return users_place(r, path) &&
	       buf_append_text(b, "userdb_mail=maildir:") &&
	       put_escaped(b, str_of(home_path())) && buf_append_byte(b, '/') &&
	       put_escaped(b, str_of(path)) &&
	       buf_append_text(b, " userdb_quota_rule=*:bytes=") &&
	       buf_append_number(b, r->quota) &&
	       (r->messages == 0 || (buf_append_text(b, ":messages=") &&
					buf_append_number(b, r->messages)));
}

struct exporting {
	FILE *out;
	const char *domain;
	uid_t uid;
	gid_t gid;
	struct buf line;
};

/* The line of one name; of an alias, it is told whose it is. */
static bool
write_line(
    struct exporting *e, struct str name, const struct mailbox *box, bool alias)
{
	struct buf *b = &e->line;

	buf_clear(b);
	return put_name(b, name) && buf_append_byte(b, ':') &&
	       put_hash(b, box->record.hash) && buf_append_byte(b, ':') &&
	       buf_append_number(b, e->uid) && buf_append_byte(b, ':') &&
	       buf_append_number(b, e->gid) && buf_append_text(b, "::") &&
	       put_home(b, &box->record) && buf_append_text(b, "::") &&
	       put_fields(b, &box->record) &&
	       (!alias || (buf_append_text(b, " user=") &&
			      put_escaped(b, box->address))) &&
	       buf_append_byte(b, '\n') &&
	       fwrite(b->data, 1, b->len, e->out) == b->len;
}

/* An alias domain, and the one that it means. */
struct pair {
	struct str other, alias;
};

struct pairs {
	struct pair *list;
	size_t count;
};

static int
compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return mailboxes_compare(x->other, y->other);
}

static bool
find_pairs(const struct mailboxes *m, struct pairs *p)
{
	struct str other;

	for (size_t i = 0; i < m->count; i++)
		p->count += users_alias(&m->list[i].record, &other);
	p->list = calloc(p->count + 1, sizeof *p->list);
	if (p->list == NULL)
		return false;
	p->count = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct str address = m->list[i].address;

		if (users_alias(&m->list[i].record, &other))
			p->list[p->count++] = (struct pair){
			    other, str_slice(address, 1, address.len)};
	}
	qsort(p->list, p->count, sizeof *p->list, compare);
	return true;
}

/* Where the pairs of a domain begin. */
static size_t
first_pair(const struct pairs *p, struct str domain)
{
	size_t from = 0, to = p->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (mailboxes_compare(p->list[middle].other, domain) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The names that a mailbox has by alias domains, but those of mailboxes. */
static bool
write_aliases(struct exporting *e, const struct mailboxes *m,
    const struct pairs *p, const struct mailbox *box)
{
	struct buf name = {0};
	struct str local, domain;
	bool ok = true;

	address_split(box->address, &local, &domain);
	for (size_t i = first_pair(p, domain);
	     ok && i < p->count && str_equal_nocase(p->list[i].other, domain);
	     i++) {
		buf_clear(&name);
		ok = buf_append_str(&name, local) &&
		     buf_append_byte(&name, '@') &&
		     buf_append_str(&name, p->list[i].alias) &&
		     (mailboxes_find(m, buf_str(&name)) != NULL ||
			 write_line(e, buf_str(&name), box, true));
	}
	buf_free(&name);
	return ok;
}

static bool
write_mailboxes(
    struct exporting *e, const struct mailboxes *m, const struct pairs *p)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mailbox *box = &m->list[i];
		struct str local, domain;

		address_split(box->address, &local, &domain);
		if (box->address.data[0] == '@' ||
		    (box->record.flags & USER_DISABLED) != 0 ||
		    (e->domain != NULL &&
			!str_equal_nocase(domain, str_of(e->domain))))
			continue;
		if (!write_line(e, box->address, box, false) ||
		    !write_aliases(e, m, p, box))
			return false;
	}
	return true;
}

bool
export_dovecot(
    const struct mailboxes *m, const char *domain, FILE *out, struct buf *error)
{
	struct exporting e = {.out = out, .domain = domain};
	struct pairs pairs = {.list = NULL};
	bool ok;

	if (!account_find(ACCOUNT_VIRTUAL, &e.uid, &e.gid))
		return complaint_errno(error, account_name(ACCOUNT_VIRTUAL));
	ok = find_pairs(m, &pairs) && write_mailboxes(&e, m, &pairs) &&
	     fflush(out) == 0;
	if (!ok)
		complaint_errno(error, "the list");
	free(pairs.list);
	buf_free(&e.line);
	return ok;
}

/* As the file that is there is, so that its readers go on reading it. */
static bool
take_owner(int fd, const char *name)
{
	struct stat old, new;

	if (stat(name, &old) != 0)
		return errno == ENOENT;
	return fstat(fd, &new) == 0 &&
	       ((old.st_uid == new.st_uid &&old.st_gid == new.st_gid) ||
		   fchown(fd, old.st_uid, old.st_gid) == 0) &&
	       fchmod(fd, old.st_mode & 0777) == 0;
}

static bool
write_whole(const struct mailboxes *m, const char *domain, int fd,
    const char *name, struct buf *error)
{
	FILE *out = fdopen(fd, "w");
	bool ok;

	if (out == NULL) {
		fd_close(&fd);
		return complaint_errno(error, name);
	}
	ok = export_dovecot(m, domain, out, error);
	if (ok && (!take_owner(fd, name) || fsync(fd) != 0))
		ok = complaint_errno(error, name);
	if (fclose(out) != 0 && ok)
		ok = complaint_errno(error, name);
	return ok;
}

bool
export_dovecot_file(const struct mailboxes *m, const char *domain,
    const char *name, struct buf *error)
{
	enum { FILE_MODE = 0600 };
	char temporary[PATH_MAX], folder[PATH_MAX];
	char *slash;
	int fd;

	if (!str_copy(folder, sizeof folder, str_of(name)) ||
	    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", name,
		(long)getpid()) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return complaint_errno(error, name);
	}
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return complaint_errno(error, temporary);
	if (write_whole(m, domain, fd, name, error)) {
		if (rename(temporary, name) == 0)
			return fd_sync_folder(
				   AT_FDCWD, slash == NULL ? "." : folder) ||
			       complaint_errno(error, name);
		complaint_errno(error, name);
	}
	(void)unlink(temporary);
	return false;
}
