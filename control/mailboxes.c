/* mailboxes: users/passwd held for editing. */
#include "control/mailboxes.h"
#include "control/complaint.h"
#include "control/places.h"
#include "lib/account.h"
#include "lib/address.h"
#include "lib/fd.h"
#include "lib/num.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TEXT_MODE = 0600 };

/* "users/passwd:LINE: what" for the line that at stands in. */
static bool
say_line(struct buf *error, const struct mailboxes *m, const char *at,
    const char *what)
{
	char where[sizeof USERS_TEXT + NUM_SIZE] = USERS_TEXT ":";
	size_t n = 1;

	for (const char *p = m->text.data; p < at; p++)
		n += *p == '\n';
	(void)num_format(where + sizeof USERS_TEXT, n);
	return complaint(error, where, what);
}

static bool
take_lock(struct mailboxes *m, struct buf *error)
{
	int fd = open(USERS_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    S_IRUSR | S_IWUSR);

	if (fd < 0)
		return complaint_errno(error, USERS_LOCK);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		complaint_errno(error, USERS_LOCK);
		(void)close(fd);
		return false;
	}
	m->lock = fd + 1;
	return true;
}

/* "passwd.tmp.17" and the like: what is called as fd_replace_file and
 * table_make call what is not yet whole. */
static bool
is_leftover(struct str name)
{
	static const char *const begins[] = {"passwd.tmp.", "passwd.cdb.tmp.",
	    "rcpt.cdb.tmp.", "passwd.new.cdb.tmp.", "rcpt.new.cdb.tmp."};
	uint64_t pid;

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		struct str begin = str_of(begins[i]);

		if (str_starts(name, begin) &&
		    num_parse(
			str_slice(name, begin.len, name.len), UINT64_MAX, &pid))
			return true;
	}
	return false;
}

/* Under the lock nobody else writes: what looks so is of one who was killed. */
static bool
sweep(struct buf *error)
{
	DIR *dir = opendir("users");
	const struct dirent *entry;
	bool ok = dir != NULL;

	while (ok && (errno = 0, entry = readdir(dir)) != NULL)
		ok = !is_leftover(str_of(entry->d_name)) ||
		     unlinkat(dirfd(dir), entry->d_name, 0) == 0;
	ok = ok && errno == 0;
	if (!ok)
		complaint_errno(error, "users");
	if (dir != NULL)
		(void)closedir(dir);
	return ok;
}

int
mailboxes_compare(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)str_lower(a.data[i]);
		unsigned char y = (unsigned char)str_lower(b.data[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.len > b.len) - (a.len < b.len);
}

static int
compare_mailboxes(const void *a, const void *b)
{
	const struct mailbox *x = a, *y = b;
	int c = mailboxes_compare(x->address, y->address);

	return c != 0 ? c
		      : (x->address.data > y->address.data) -
			    (x->address.data < y->address.data);
}

static bool
room_for_one(struct mailboxes *m, size_t *room)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	struct mailbox *grown;

	if (m->count < *room)
		return true;
	grown = realloc(m->list, more * sizeof *grown);
	if (grown == NULL)
		return false;
	m->list = grown;
	*room = more;
	return true;
}

/* A file that was sorted is not sorted again. */
static void
sort(struct mailboxes *m)
{
	for (size_t i = 1; i < m->count; i++)
		if (compare_mailboxes(&m->list[i - 1], &m->list[i]) > 0) {
			qsort(m->list, m->count, sizeof *m->list,
			    compare_mailboxes);
			return;
		}
}

static int
compare_to_address(const void *address, const void *box)
{
	return mailboxes_compare(*(const struct str *)address,
	    ((const struct mailbox *)box)->address);
}

const struct mailbox *
mailboxes_find(const struct mailboxes *m, struct str address)
{
	if (m->count == 0)
		return NULL;
	return bsearch(
	    &address, m->list, m->count, sizeof *m->list, compare_to_address);
}

/* What no line alone can tell. */
static bool
check_all(const struct mailboxes *m, struct buf *error)
{
	const struct mailbox *nested;
	struct str domain;

	if (!places_check(m, &nested))
		return complaint_errno(error, USERS_TEXT);
	if (nested != NULL)
		return say_line(error, m, nested->address.data,
		    "the place lies in another mailbox's, or holds another's");
	for (size_t i = 0; i < m->count; i++) {
		const struct mailbox *box = &m->list[i], *other = NULL;

		if (i > 0 && mailboxes_compare(
				 m->list[i - 1].address, box->address) == 0)
			return say_line(error, m, box->address.data,
			    "this address was there before");
		if (users_alias(&box->record, &domain))
			other = mailboxes_find(m, box->record.forward);
		if (other != NULL && users_alias(&other->record, &domain))
			return say_line(error, m, box->address.data,
			    "the alias of an alias domain");
	}
	return true;
}

static bool
parse(struct mailboxes *m, struct buf *error)
{
	struct str rest = buf_str(&m->text), line;
	size_t room = 0;

	for (const char *at = rest.data; str_cut(&rest, '\n', &line);
	     at = rest.data) {
		struct mailbox *box;
		const char *what;

		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (!room_for_one(m, &room))
			return complaint_errno(error, USERS_TEXT);
		box = &m->list[m->count];
		if (!users_parse(line, &box->address, &box->record, &what))
			return say_line(error, m, line.data, what);
		box->line = (struct str){at,
		    line.len +
			(line.data + line.len < m->text.data + m->text.len)};
		box->record.address = box->address;
		m->count++;
	}
	sort(m);
	return check_all(m, error);
}

bool
mailboxes_lock(struct mailboxes *m, struct buf *error)
{
	*m = (struct mailboxes){0};
	m->text.max = MAILBOXES_FILE;
	return take_lock(m, error) && sweep(error);
}

bool
mailboxes_open(struct mailboxes *m, bool locked, struct buf *error)
{
	*m = (struct mailboxes){0};
	m->text.max = MAILBOXES_FILE;
	if (locked && !mailboxes_lock(m, error))
		return false;
	return mailboxes_load(m, error);
}

bool
mailboxes_load(struct mailboxes *m, struct buf *error)
{
	if (!fd_read_file(AT_FDCWD, USERS_TEXT, &m->text) && errno != ENOENT)
		return complaint_errno(error, USERS_TEXT);
	return parse(m, error);
}

static void
forget(struct mailboxes *m)
{
	buf_free(&m->text);
	free(m->list);
	m->list = NULL;
	m->count = 0;
}

void
mailboxes_close(struct mailboxes *m)
{
	forget(m);
	if (m->lock > 0)
		(void)close(m->lock - 1);
	*m = (struct mailboxes){0};
}

/* The text with the line from old (may be empty) replaced, in out. */
static bool
edit(const struct mailboxes *m, struct str old, struct str address,
    const struct user_record *record, struct buf *out)
{
	struct str text = buf_str(&m->text);
	size_t from = old.len == 0 ? text.len : (size_t)(old.data - text.data);
	struct str before = str_slice(text, 0, from);
	bool open_end = before.len > 0 && before.data[before.len - 1] != '\n';

	out->max = MAILBOXES_FILE;
	return buf_append_str(out, before) &&
	       (!open_end || buf_append_byte(out, '\n')) &&
	       (record == NULL || users_format(out, address, record)) &&
	       buf_append_str(out, str_slice(text, from + old.len, text.len));
}

/* Take the text of fresh in place of m's.  It becomes m's, or is freed. */
static bool
exchange(struct mailboxes *m, struct mailboxes *fresh, struct buf *error)
{
	if (!parse(fresh, error)) {
		forget(fresh);
		return false;
	}
	forget(m);
	*m = *fresh;
	return true;
}

bool
mailboxes_append(struct mailboxes *m, struct str lines, struct buf *error)
{
	struct mailboxes fresh = {.lock = m->lock};
	struct str text = buf_str(&m->text);
	bool open_end = text.len > 0 && text.data[text.len - 1] != '\n';

	fresh.text.max = MAILBOXES_FILE;
	if (buf_append_str(&fresh.text, text) &&
	    (!open_end || buf_append_byte(&fresh.text, '\n')) &&
	    buf_append_str(&fresh.text, lines))
		return exchange(m, &fresh, error);
	forget(&fresh);
	return complaint_errno(error, USERS_TEXT);
}

bool
mailboxes_put(struct mailboxes *m, struct str address,
    const struct user_record *record, struct buf *error)
{
	const struct mailbox *box = mailboxes_find(m, address);
	struct mailboxes fresh = {.lock = m->lock};
	struct str old = {0};

	if (box != NULL)
		old = box->line;
	if (!edit(m, old, address, record, &fresh.text)) {
		forget(&fresh);
		return complaint_errno(error, USERS_TEXT);
	}
	return exchange(m, &fresh, error);
}

/* For a file of culveru; in a private instance it is ours anyway. */
static bool
give_text(struct buf *error)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return true;
	return (account_find(ACCOUNT_USERS, &uid, &gid) &&
		   fchownat(AT_FDCWD, USERS_TEXT, uid, gid,
		       AT_SYMLINK_NOFOLLOW) == 0) ||
	       complaint_errno(error, USERS_TEXT);
}

bool
mailboxes_save(const struct mailboxes *m, struct buf *error)
{
	bool made;

	if (!fd_replace_file(
		AT_FDCWD, USERS_TEXT, buf_str(&m->text), TEXT_MODE))
		return complaint_errno(error, USERS_TEXT);
	return give_text(error) && mailboxes_build(m, true, &made, error);
}
