/* dotfile: .qmail files; see dotfile.h. */
#include "local/dotfile.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum look { LOOK_FOUND, LOOK_NEXT, LOOK_STOP };

/* What is done with each name that may be the file's. */
struct search {
	enum look (*at)(struct search *s, const char *name);
	int home_fd;
	struct dotfile *d; /* for who reads it */
	struct report *r;
};

/* Root's, or his whose mail it is. */
static bool
owner_ok(const struct search *s, uid_t owner)
{
	struct stat home;

	return owner == 0 || owner == geteuid() ||
	       (fstat(s->home_fd, &home) == 0 && owner == home.st_uid);
}

/* Nobody but root has made it, its name among it, or can change it. */
static bool
is_roots(const struct search *s, const char *name, const struct stat *st)
{
	struct stat link;

	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       fstatat(s->home_fd, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
	       link.st_uid == 0;
}

/* What the kernel says of a file that is open may stop us. */
static bool
usable(struct search *s, int fd, const char *name)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		report_errno(s->r, "look at", str_of(name));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		report_say(s->r, REPORT_DOT_NO_FILE);
		return false;
	}
	if ((st.st_mode & S_IWOTH) != 0) {
		report_say(s->r, REPORT_DOT_WRITABLE);
		return false;
	}
	if (!owner_ok(s, st.st_uid)) {
		report_say(s->r, REPORT_DOT_OWNER);
		return false;
	}
	s->d->forward_only = (st.st_mode & S_IXUSR) != 0;
	s->d->roots = is_roots(s, name, &st);
	return true;
}

static bool
slurp(struct search *s, int fd, const char *name)
{
	s->d->text.max = DOTFILE_MAX;
	if (!usable(s, fd, name))
		return false;
	if (fd_slurp(fd, &s->d->text))
		return true;
	if (errno == EMSGSIZE)
		report_say(s->r, REPORT_DOT_LARGE);
	else
		report_errno(s->r, "read", str_of(name));
	return false;
}

/* The file that the three parts name, and whether to look further. */
static enum look
try(struct search *s, const struct str parts[3])
{
	char name[NAME_MAX + 1];
	int n;

	n = snprintf(name, sizeof(name), ".qmail%.*s%.*s%.*s",
	    (int)parts[0].len, parts[0].data, (int)parts[1].len, parts[1].data,
	    (int)parts[2].len, parts[2].data);
	/* A '/' leads into folders of that name alone: there is no "..". */
	if (n < 0 || (size_t)n >= sizeof(name))
		return LOOK_NEXT;
	return s->at(s, name);
}

/* It, or a folder that it would lie in. */
static bool
is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
}

static enum look
read_at(struct search *s, const char *name)
{
	int fd;
	bool ok;

	fd = openat(s->home_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && is_missing(errno))
		return LOOK_NEXT;
	if (fd < 0) {
		report_errno(s->r, "open", str_of(name));
		return LOOK_STOP;
	}
	ok = slurp(s, fd, name);
	fd_close(&fd);
	s->d->found = ok;
	return ok ? LOOK_FOUND : LOOK_STOP;
}

/* Lower case, and ':' where a '.' could make "..". */
static bool
make_safe(struct buf *b, struct str ext)
{
	if (!buf_append_lower(b, ext))
		return false;
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] == '.')
			b->data[i] = ':';
	return true;
}

/* What was looked for stood for ext from rest on. */
static void
note_rest(struct dotfile *d, enum look look, size_t rest)
{
	if (d == NULL) /* nobody reads it */
		return;
	d->is_default = look == LOOK_FOUND;
	d->rest = rest;
}

static enum look
search(struct search *s, struct str dash, struct str ext)
{
	struct str exact[3] = {
	    dash, ext, {"", 0}
        };
	struct str wild[3] = {dash, ext, str_of("default")};
	enum look look = try(s, exact);

	if (str_ends(ext, str_of("default")))
		note_rest(s->d, look, ext.len - strlen("default"));
	/* Without a dash there is ".qmail" alone. */
	for (size_t i = ext.len + 1; i-- > 0 && dash.len > 0;) {
		if (look != LOOK_NEXT)
			break;
		wild[1] = str_slice(ext, 0, i);
		if (i == 0 || ext.data[i - 1] == '-')
			look = try(s, wild);
		note_rest(s->d, look, i);
	}
	return look;
}

bool
dotfile_find(int home_fd, struct str dash, struct str ext, struct dotfile *d,
    struct report *r)
{
	struct search s = {read_at, home_fd, d, r};
	struct buf safe = {.max = JOB_PACKET};
	enum look look;

	*d = (struct dotfile){0};
	if (!make_safe(&safe, ext)) {
		buf_free(&safe);
		report_say(r, REPORT_MEMORY);
		return false;
	}
	look = search(&s, dash, buf_str(&safe));
	buf_free(&safe);
	if (look == LOOK_STOP)
		dotfile_free(d);
	return look != LOOK_STOP;
}

static enum look
stat_at(struct search *s, const char *name)
{
	struct stat st;

	if (fstatat(s->home_fd, name, &st, 0) == 0)
		return LOOK_FOUND;
	return is_missing(errno) ? LOOK_NEXT : LOOK_STOP;
}

enum found
dotfile_exists(int home_fd, struct str dash, struct str ext)
{
	struct search s = {stat_at, home_fd, NULL, NULL};
	struct buf safe = {.max = JOB_PACKET};
	enum found found = FOUND_ERROR;

	if (make_safe(&safe, ext)) {
		enum look look = search(&s, dash, buf_str(&safe));

		if (look != LOOK_STOP)
			found = look == LOOK_FOUND ? FOUND_YES : FOUND_NO;
	}
	buf_free(&safe);
	return found;
}

/* 1, 0, or -1 with errno. */
static int
exists(int home_fd, struct str dash, struct str ext, const char *suffix)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int n = snprintf(name, sizeof(name), ".qmail%.*s%.*s%s", (int)dash.len,
	    dash.data, (int)ext.len, ext.data, suffix);

	if (n < 0 || (size_t)n >= sizeof(name))
		return 0;
	if (fstatat(home_fd, name, &st, 0) == 0)
		return 1;
	return is_missing(errno) ? 0 : -1;
}

bool
dotfile_owner(int home_fd, struct str dash, struct str ext, enum owner_files *o,
    struct report *r)
{
	struct buf safe = {.max = JOB_PACKET};
	int one = -1, each = 0;

	errno = ENOMEM;
	if (make_safe(&safe, ext))
		one = exists(home_fd, dash, buf_str(&safe), "-owner");
	if (one > 0)
		each = exists(home_fd, dash, buf_str(&safe), "-owner-default");
	if (one < 0 || each < 0)
		report_errno(r, "look for", str_of("an -owner file"));
	*o = each > 0 ? OWNER_EACH : one > 0 ? OWNER_ONE : OWNER_NONE;
	buf_free(&safe);
	return one >= 0 && each >= 0;
}

/* No byte that could end a record, a header line or a path. */
static bool
is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 127)
			return false;
	return s.len > 0;
}

static struct str
without_trailing_blanks(struct str line)
{
	while (line.len > 0 && (line.data[line.len - 1] == ' ' ||
				   line.data[line.len - 1] == '\t'))
		line.len--;
	return line;
}

/* Marks as the first byte of a line has them; any other begins an address. */
static bool
classify(struct dotfile *d, struct str line, struct instruction *i)
{
	struct str rest = str_slice(line, 1, line.len);

	switch (line.data[0]) {
	case '#':
		return false;
	case '+':
		if (str_equal(rest, str_of("list")))
			d->forward_only = true;
		return false;
	case '.':
	case '/':
		*i = (struct instruction){
		    str_ends(line, str_of("/")) ? DO_MAILDIR : DO_MBOX, line};
		return true;
	case '|':
		*i = (struct instruction){DO_PROGRAM, rest};
		return true;
	case '&':
		*i = (struct instruction){DO_FORWARD, rest};
		return true;
	default:
		*i = (struct instruction){DO_FORWARD, line};
		return true;
	}
}

static bool
allowed(const struct dotfile *d, const struct instruction *i, struct report *r)
{
	/* A shell may be given tabs, but nothing ends before its end. */
	if (i->kind == DO_PROGRAM ? str_count(i->text, '\0') > 0
				  : !is_clean(i->text)) {
		report_say(r, REPORT_DOT_LINE);
		return false;
	}
	if (d->no_programs && i->kind == DO_PROGRAM) {
		report_say(r, REPORT_DOT_PROGRAM);
		return false;
	}
	if (!d->forward_only || i->kind == DO_FORWARD)
		return true;
	report_say(r,
	    i->kind == DO_PROGRAM ? REPORT_DOT_X_PROGRAM : REPORT_DOT_X_FILE);
	return false;
}

enum dotfile_result
dotfile_next(struct dotfile *d, struct str *rest, struct instruction *i,
    struct report *r)
{
	bool first = rest->data == d->text.data;
	struct str line;

	for (; str_cut(rest, '\n', &line); first = false) {
		line = without_trailing_blanks(line);
		if (line.len == 0 && first) {
			report_say(r, REPORT_DOT_BLANK);
			return DOTFILE_BAD;
		}
		if (line.len == 0 || !classify(d, line, i))
			continue;
		return allowed(d, i, r) ? DOTFILE_INSTRUCTION : DOTFILE_BAD;
	}
	return DOTFILE_END;
}

void
dotfile_free(struct dotfile *d)
{
	buf_free(&d->text);
}
