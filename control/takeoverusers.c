/* takeover: users/ and alias/; see takeover.h. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "control/takeover.h"

#include "control/assign.h"
#include "control/complaint.h"
#include "lib/account.h"
#include "lib/cdb.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "wire/assign.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0644, DOT_MOST = 1 << 20, ONLY_FORWARDS = 0111 };

/* "users/assign:3", "alias/.qmail-x:1". */
static void
find_at(struct takeover *t, enum take take, const char *path, size_t line,
    const char *what)
{
	char where[SETUP_NAME + NUM_SIZE + 1];

	(void)snprintf(where, sizeof(where), "%s:%zu", path, line);
	takeover_find(t, take, where, what);
}

/* The account alias of qmail, whose home is below its folder, is culvera here,
 * and its home is HOME/alias. */
static bool
is_alias(const struct takeover *t, struct str home)
{
	struct str from = str_of(t->from);

	return str_equal(home, str_of("/var/qmail/alias")) ||
	       (str_starts(home, from) &&
		   str_equal(
		       str_slice(home, from.len, home.len), str_of("/alias")));
}

/* The parts of a line behind its key, and the key with its first colon. */
struct assign_line {
	struct str key, user, uid, gid, home, rest;
};

static void
cut_line(struct str line, struct assign_line *a)
{
	size_t at = str_find(line, ':') + 1;

	a->key = str_slice(line, 0, at);
	a->rest = str_slice(line, at, line.len);
	(void)str_cut(&a->rest, ':', &a->user);
	(void)str_cut(&a->rest, ':', &a->uid);
	(void)str_cut(&a->rest, ':', &a->gid);
	(void)str_cut(&a->rest, ':', &a->home);
}

/* The numbers of culvera; before it is made, those that it had there. */
static void
append_ids(struct buf *out, const struct assign_line *a)
{
	uid_t uid;
	gid_t gid;
	bool ok;

	if (account_find(ACCOUNT_ALIAS, &uid, &gid))
		ok = buf_append_number(out, uid) && buf_append_byte(out, ':') &&
		     buf_append_number(out, gid);
	else
		ok = buf_append_str(out, a->uid) && buf_append_byte(out, ':') &&
		     buf_append_str(out, a->gid);
	if (!ok)
		die_temp("unable to keep users/assign");
}

static void
append_alias(
    const struct takeover *t, struct buf *out, const struct assign_line *a)
{
	bool ok = buf_append_str(out, a->key) &&
		  buf_append_text(out, account_name(ACCOUNT_ALIAS)) &&
		  buf_append_byte(out, ':');

	append_ids(out, a);
	if (!ok || !buf_append_byte(out, ':') ||
	    !buf_append_text(out, t->home) ||
	    !buf_append_text(out, "/alias:") || !buf_append_str(out, a->rest) ||
	    !buf_append_byte(out, '\n'))
		die_temp("unable to keep users/assign");
}

/* One line of users/assign, checked and copied.  True when it was changed. */
static bool
take_line(struct takeover *t, struct str line, size_t number, struct buf *out)
{
	struct buf key = {0}, value = {0};
	struct assign_line a;
	const char *what;
	bool alias = false;
	char wild;

	if (!assign_parse(line, &key, &value, &wild, &what)) {
		find_at(t, TAKE_REFUSED, ASSIGN_TEXT, number, what);
	} else {
		cut_line(line, &a);
		alias = is_alias(t, a.home);
		if (alias)
			append_alias(t, out, &a);
		else if (!buf_append_str(out, line) ||
			 !buf_append_byte(out, '\n'))
			die_temp("unable to keep users/assign");
	}
	buf_free(&key);
	buf_free(&value);
	return alias;
}

static bool
copy_lines(struct takeover *t, struct str text, struct buf *out)
{
	bool changed = false;
	struct str line;
	size_t number = 1;

	for (; !str_starts(text, str_of(".")); number++) {
		if (str_find(text, '\n') == text.len) {
			find_at(t, TAKE_REFUSED, ASSIGN_TEXT, number,
			    "the last line must begin with .");
			return false;
		}
		(void)str_cut(&text, '\n', &line);
		changed = take_line(t, line, number, out) || changed;
	}
	if (!buf_append_text(out, ".\n"))
		die_temp("unable to keep users/assign");
	return changed;
}

/* Only the table is there: it is used as it is. */
static void
take_cdb(struct takeover *t)
{
	struct buf bytes = {.max = ASSIGN_FILE}, ext = {0};
	struct table *table = table_open(t->from_fd, ASSIGN_TABLE);
	struct assignment a;

	if (table == NULL && errno == ENOENT)
		return;
	if (table == NULL ||
	    assign_find(table, str_of("postmaster"), &a, &ext) == FOUND_ERROR ||
	    !fd_read_file(t->from_fd, ASSIGN_TABLE, &bytes))
		takeover_find(t, TAKE_REFUSED, ASSIGN_TABLE, strerror(errno));
	else
		(void)takeover_add(t, ASSIGN_TABLE, &bytes, FILE_MODE,
		    "there is no users/assign that it was made of");
	table_close(table);
	buf_free(&ext);
}

static void
take_assign(struct takeover *t)
{
	struct buf text = {.max = ASSIGN_FILE}, out = {.max = ASSIGN_FILE};
	size_t refused = t->refused;
	bool changed;

	if (!fd_read_file(t->from_fd, ASSIGN_TEXT, &text)) {
		if (errno != ENOENT)
			takeover_find(
			    t, TAKE_REFUSED, ASSIGN_TEXT, strerror(errno));
		else
			take_cdb(t);
		return;
	}
	changed = copy_lines(t, buf_str(&text), &out);
	if (t->refused == refused)
		(void)takeover_add(t, ASSIGN_TEXT, &out, FILE_MODE,
		    changed ? "the account alias is culvera here, its home "
			      "HOME/alias"
			    : NULL);
	buf_free(&out);
	buf_free(&text);
}

/* What qmail-pw2u reads, and others leave. */
static void
visit_users(const char *name, void *context)
{
	struct takeover *t = context;
	char path[SETUP_NAME];

	(void)snprintf(path, sizeof(path), "users/%.200s", name);
	if (strcmp(name, "assign") == 0 || strcmp(name, "cdb") == 0)
		return;
	takeover_find(t, TAKE_IGNORED, path,
	    strcmp(name, "poppasswd") == 0
		? "passwords: culver user import"
		: "qmail-pw2u makes users/assign of it; nothing reads it here");
}

void
takeover_users(struct takeover *t)
{
	int fd =
	    openat(t->from_fd, "users", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	take_assign(t);
	if (dir != NULL)
		takeover_names(dir, visit_users, t);
	else if (errno != ENOENT)
		die_temp("unable to list ", t->from, "/users");
}

/* What a person should see to in a .qmail file. */
static const char *
note_of(struct str line)
{
	char text[4096];

	if (!str_copy(text, sizeof(text), line))
		return "the line is long";
	if (text[0] == '.' || text[0] == '/')
		return "it delivers into a file or Maildir: that is not "
		       "copied, "
		       "and must be culvera's";
	if (strstr(text, "vdelivermail") != NULL)
		return "vpopmail delivers; culver user import takes its "
		       "mailboxes";
	if (text[0] == '|' && strstr(text, "/qmail/bin/") != NULL)
		return "it names qmail's bin/: the names of HOME/bin do the "
		       "same";
	return NULL;
}

static void
look_at_lines(struct takeover *t, const char *path, struct str text)
{
	struct str line;
	const char *note;

	if (str_starts(text, str_of("\n")))
		find_at(t, TAKE_NOTE, path, 1,
		    "the first line is blank: mail waits, as with qmail");
	for (size_t n = 1; str_cut(&text, '\n', &line); n++) {
		note = note_of(str_trim(line));
		if (note != NULL)
			find_at(t, TAKE_NOTE, path, n, note);
	}
}

/* The account alias may write in its home: a link there is not followed, so that
 * nobody but root says what root reads and shows to all. */
static int
open_dotfile(int dir, const char *name, struct stat *st)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, st) != 0)
		fd_close(&fd);
	return fd;
}

static bool
is_obeyed(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & S_IWOTH) == 0;
}

static void
take_dotfile(struct takeover *t, int dir, const char *name, const char *path)
{
	struct buf text = {.max = DOT_MOST};
	struct stat st;
	int fd = open_dotfile(dir, name, &st);

	if ((fd < 0 && errno != ELOOP) ||
	    (fd >= 0 && is_obeyed(&st) && !fd_slurp(fd, &text)))
		takeover_find(t, TAKE_REFUSED, path, strerror(errno));
	else if (fd < 0)
		takeover_find(t, TAKE_NOTE, path,
		    "it is a symbolic link: copy what it means yourself");
	else if (!S_ISREG(st.st_mode))
		takeover_find(t, TAKE_IGNORED, path,
		    "it is no file; qmail passes it over, too");
	else if (!is_obeyed(&st))
		takeover_find(t, TAKE_REFUSED, path,
		    "others may write in it; qmail delivers nothing by it");
	else {
		look_at_lines(t, path, buf_str(&text));
		/* x: there are only forwards in it. */
		(void)takeover_add(t, path, &text,
		    FILE_MODE |
			((st.st_mode & S_IXUSR) != 0 ? (mode_t)ONLY_FORWARDS
						     : 0),
		    NULL);
	}
	buf_free(&text);
	fd_close(&fd);
}

struct visit {
	struct takeover *t;
	int dir;
};

static void
visit_alias(const char *name, void *context)
{
	const struct visit *v = context;
	char path[SETUP_NAME];
	int n = snprintf(path, sizeof(path), "alias/%s", name);

	if (n < 0 || n >= SETUP_NAME)
		takeover_find(
		    v->t, TAKE_REFUSED, "alias", "a name is too long");
	else if (strncmp(name, ".qmail", 6) == 0)
		take_dotfile(v->t, v->dir, name, path);
	else
		takeover_find(v->t, TAKE_IGNORED, path,
		    "mail and other files of the account alias stay there");
}

void
takeover_alias(struct takeover *t)
{
	int fd =
	    openat(t->from_fd, "alias", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct visit v = {t, -1};
	DIR *dir;

	if (fd < 0 && errno == ENOENT)
		return;
	dir = fd < 0 ? NULL : fdopendir(fd);
	v.dir = openat(t->from_fd, "alias", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == NULL || v.dir < 0)
		die_temp("unable to list ", t->from, "/alias");
	takeover_names(dir, visit_alias, &v);
	fd_close(&v.dir);
}
