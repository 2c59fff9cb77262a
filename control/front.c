/* front: one more mailbox among many, in the tables before the tables. */
#include "control/complaint.h"
#include "control/file.h"
#include "control/mailboxes.h"
#include "control/tables.h"
#include "lib/address.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_LEAST = 1 << 20, /* below, all is made anew: that is quick */
	FRONT_MOST = 1 << 18  /* bytes; above, all is made anew */
};

static const struct str id_key = {"", 0};

/* The front has room, or is not there. */
static bool
has_room(const char *front)
{
	struct stat st;

	return file_look(AT_FDCWD, front, &st) && st.st_size < FRONT_MOST;
}

/* A pair that could not be copied ends the walk. */
struct copying {
	struct table_maker *maker;
	bool ok;
};

static bool
copy_one(struct str key, struct str value, void *context)
{
	struct copying *c = context;

	c->ok = key.len == 0 || table_add(c->maker, key, value);
	return c->ok;
}

/* What is in the front of this very table already. */
static bool
copy_front(struct table_maker *maker, const char *name, struct str id)
{
	struct copying c = {maker, true};
	struct table *front = table_open(AT_FDCWD, name);
	struct str its;
	bool ok = true;

	if (front == NULL)
		return errno == ENOENT;
	if (table_find(front, id_key, &its) == FOUND_YES && str_equal(its, id))
		ok = table_walk(front, copy_one, &c) && c.ok;
	table_close(front);
	return ok;
}

/* "@domain", where neither table nor front has it. */
static bool
add_domain(
    struct table_maker *maker, const struct table *t, const struct mailbox *box)
{
	struct str local, domain;
	struct buf key = {0};
	enum found f;
	bool ok;

	address_split(box->address, &local, &domain);
	f = users_domain(t, domain);
	if (f != FOUND_NO)
		return f == FOUND_YES;
	ok = buf_append_byte(&key, '@') && buf_append_lower(&key, domain) &&
	     table_add(maker, buf_str(&key), (struct str){"", 0});
	buf_free(&key);
	return ok;
}

/* Readers look at the table's own stamp. */
static bool
touch(const char *name)
{
	struct timespec times[2];
	struct stat st;

	if (stat(name, &st) != 0 ||
	    clock_gettime(CLOCK_REALTIME, &times[1]) != 0)
		return false;
	if (times[1].tv_sec < st.st_mtim.tv_sec ||
	    (times[1].tv_sec == st.st_mtim.tv_sec &&
		times[1].tv_nsec <= st.st_mtim.tv_nsec)) {
		times[1] = st.st_mtim;
		times[1].tv_nsec = (st.st_mtim.tv_nsec + 1) % 1000000000;
		times[1].tv_sec += times[1].tv_nsec == 0;
	}
	times[0] = st.st_atim;
	return utimensat(AT_FDCWD, name, times, 0) == 0;
}

static bool
write_front(const struct mailbox *box, const struct table *t, bool hashes)
{
	const char *front = hashes ? USERS_PASSWD_FRONT : USERS_RCPT_FRONT;
	struct table_maker *maker =
	    table_make(AT_FDCWD, front, tables_mode(hashes));
	struct str id;
	int error;

	if (maker == NULL)
		return false;
	if (table_find(t, id_key, &id) == FOUND_YES &&
	    table_add(maker, id_key, id) && copy_front(maker, front, id) &&
	    tables_add(maker, box, hashes) &&
	    (hashes ? tables_give(maker) : add_domain(maker, t, box)))
		return table_commit(maker) &&
		       touch(hashes ? USERS_PASSWD : USERS_RCPT);
	error = errno;
	table_abandon(maker);
	errno = error;
	return false;
}

/* What could not all be written would be the end of every later reading. */
static bool
append_all(int fd, struct str lines, off_t end)
{
	int error;

	if (fd_write_all(fd, lines.data, lines.len) && fsync(fd) == 0)
		return true;
	error = errno;
	if (ftruncate(fd, end) == 0)
		errno = error;
	return false;
}

/* Behind the last line, which may lack its end. */
static bool
append_text(struct str line)
{
	int fd = open(USERS_TEXT, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	struct buf b = {0};
	struct stat st;
	char last = '\n';
	bool ok = fd >= 0 && fstat(fd, &st) == 0 &&
		  fd_pread_all(fd, &last, 1, st.st_size - 1) &&
		  (last == '\n' || buf_append_byte(&b, '\n')) &&
		  buf_append_str(&b, line) &&
		  append_all(fd, buf_str(&b), st.st_size);

	fd_close(&fd);
	buf_free(&b);
	return ok;
}

/* It has an id, and nobody has this address. */
static bool
may(const struct table *t, struct str address)
{
	struct user_record other;
	struct str id;
	enum found f;

	if (t == NULL || table_find(t, id_key, &id) != FOUND_YES)
		return false;
	f = users_login(t, address, &other);
	return f == FOUND_NO ||
	       (f == FOUND_YES && !str_equal(other.address, address));
}

/* Both tables with their fronts; false with errno, none of them open. */
static bool
open_both(struct table **rcpt, struct table **passwd)
{
	*passwd = NULL;
	if (!users_open(USERS_RCPT, rcpt))
		return false;
	if (users_open(USERS_PASSWD, passwd))
		return true;
	table_close(*rcpt);
	*rcpt = NULL;
	return false;
}

bool
mailboxes_may_add(struct str address)
{
	struct table *rcpt, *passwd;
	struct stat text;
	bool ok;

	if (!file_look(AT_FDCWD, USERS_TEXT, &text) ||
	    text.st_size < TEXT_LEAST || mailboxes_stale() ||
	    !has_room(USERS_RCPT_FRONT) || !has_room(USERS_PASSWD_FRONT) ||
	    !open_both(&rcpt, &passwd))
		return false;
	ok = may(rcpt, address) && may(passwd, address);
	table_close(rcpt);
	table_close(passwd);
	return ok;
}

bool
mailboxes_add(const struct user_record *record, struct buf *error)
{
	struct mailbox box = {.record = *record, .address = record->address};
	struct table *rcpt, *passwd;
	struct buf line = {0};
	bool ok;

	if (!open_both(&rcpt, &passwd))
		return complaint_errno(error, USERS_RCPT);
	ok = users_format(&line, record->address, record) &&
	     append_text(buf_str(&line)) && write_front(&box, rcpt, false) &&
	     write_front(&box, passwd, true);
	if (!ok)
		complaint_errno(error, USERS_TEXT);
	buf_free(&line);
	table_close(rcpt);
	table_close(passwd);
	return ok;
}
