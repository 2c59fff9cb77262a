/* check: what is wrong with an instance's configuration. */
#include "control/check.h"

#include "control/assign.h"
#include "control/complaint.h"
#include "control/file.h"
#include "control/inside.h"
#include "control/mailboxes.h"
#include "control/rows.h"
#include "control/show.h"
#include "control/value.h"
#include "wire/assign.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

static void
report(struct check *k, bool error, const char *text)
{
	if (error)
		k->errors++;
	else
		k->warnings++;
	k->found(k->context, error, str_of(text));
}

/* "control/NAME:LINE: what", line 0 left out. */
static void
report_control(struct check *k, bool error, const char *name, size_t line,
    const char *what)
{
	const struct fault f = {line, what, {0}};
	struct buf b = {0};

	fault_write(&b, name, &f);
	report(k, error, complaint_text(&b));
	buf_free(&b);
}

/* Lines that were read but change nothing. */
static void
check_idle(
    struct check *k, const struct control_row *row, const struct value *v)
{
	if (v->idle_line == 0)
		return;
	report_control(k, false, row->name, v->idle_line,
	    kind_is_list(row->kind) ? "another line with this key counts"
				    : "only the first line counts");
}

/* The text beside a cdb, which build would read. */
static void
check_behind(struct check *k, int dirfd, const struct control_row *row)
{
	struct value v = {0};
	struct buf error = {0};
	struct stat st;

	if (!file_look(dirfd, row->name, &st) || !file_there(&st))
		report_control(k, false, row->name, 0,
		    "there is a cdb and no text that it is made of");
	else if (!file_read(dirfd, row, &v, &error))
		report(k, true, complaint_text(&error));
	else
		check_idle(k, row, &v);
	value_free(&v);
	buf_free(&error);
}

/* A value ends with "|user|password"; true goes on. */
static bool
has_no_password(struct str key, struct str value, void *context)
{
	bool *found = context;
	size_t bar = str_find(value, '|');

	(void)key;
	*found = bar + 2 < value.len;
	return !*found;
}

/* Passwords of other hosts that everybody may read. */
static void
check_secrets(
    struct check *k, const struct controls *c, int dirfd, enum control_id id)
{
	const struct control_row *row = control_row(id);
	const struct value *v = control_value(c, id);
	const struct table *t = control_table(c, id);
	bool found = false, open = false;
	char table[FILE_NAME];
	struct stat st;

	if (!kind_is_way(row->kind) || !control_present(c, id))
		return;
	file_table_name(table, row);
	open =
	    (file_look(dirfd, row->name, &st) && (st.st_mode & S_IROTH) != 0);
	open = (file_look(dirfd, table, &st) && (st.st_mode & S_IROTH) != 0) ||
	       open;
	if (!open || (t != NULL && !table_walk(t, has_no_password, &found)))
		return;
	for (size_t i = 0; t == NULL && i < v->count && !found; i++)
		(void)has_no_password(
		    v->entries[i].key, v->entries[i].value, &found);
	if (found)
		report_control(k, false, row->name, 0,
		    "everybody may read the passwords in it");
}

static void
check_row(struct check *k, struct controls *c, int dirfd, enum control_id id)
{
	const struct control_row *row = control_row(id);

	if (!control_refresh_row(c, id))
		report(k, true, control_error(c));
	else if (control_table(c, id) != NULL)
		check_behind(k, dirfd, row);
	else
		check_idle(k, row, control_value(c, id));
	check_secrets(k, c, dirfd, id);
}

/* Neither read nor, for a folder, there in a form that cannot be read. */
static bool
is_missing(const struct controls *c, int dirfd, enum control_id id)
{
	char table[FILE_NAME];

	file_table_name(table, control_row(id));
	return !control_present(c, id) &&
	       (dirfd < 0 ||
		   (faccessat(dirfd, control_row(id)->name, F_OK, 0) < 0 &&
		       faccessat(dirfd, table, F_OK, 0) < 0));
}

/* What no file says but something needs. */
static void
check_missing(struct check *k, const struct controls *c, int dirfd)
{
	if (is_missing(c, dirfd, C_me))
		report_control(k, true, "me", 0,
		    "missing; the server has no name of its own");
	if (is_missing(c, dirfd, C_rcpthosts))
		report_control(k, false, "rcpthosts", 0,
		    "missing; no mail is taken from strangers");
}

/* What culver-keyd reads. */
static bool
is_key(const char *name)
{
	return strcmp(name, "tls") == 0 || strcmp(name, "servercert.pem") == 0;
}

/* A row's name, or that of a list's cdb. */
static bool
is_known(const char *name)
{
	struct str s = str_of(name), end = str_of(".cdb");
	enum control_id id;

	if (is_key(name) || row_find(s, &id))
		return true;
	return str_ends(s, end) &&
	       row_find(str_slice(s, 0, s.len - end.len), &id) &&
	       kind_is_list(control_row(id)->kind);
}

/* What editors, packagers and programs that died leave behind. */
static bool
is_backup(const char *name)
{
	static const char *const patterns[] = {"*~", "#*#", ".*", "*.bak",
	    "*.orig", "*.old", "*.swp", "*.rej", "*.dpkg-*", "*.rpmsave",
	    "*.rpmnew", "*.tmp.[0-9]*"};

	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

static void
check_names(struct check *k, int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		report_control(k, true, "", 0, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    is_known(name))
			continue;
		if (is_backup(name))
			report_control(k, false, name, 0,
			    "looks like a backup; nothing reads it");
		else
			report_control(k, true, name, 0,
			    "no control has this name; nothing reads it");
	}
	(void)closedir(dir);
}

void
check_controls(struct check *k, int dirfd)
{
	struct controls *c = control_new(dirfd, CONTROL_TOOLS);
	const char *notice;

	if (c == NULL) {
		report(k, true, strerror(errno));
		return;
	}
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		check_row(k, c, dirfd, id);
	while ((notice = control_notice(c)) != NULL)
		report(k, false, notice);
	check_missing(k, c, dirfd);
	check_names(k, dirfd);
	control_free(c);
}

void
check_users(struct check *k)
{
	struct mailboxes m;
	struct buf error = {0};

	if (access(USERS_TEXT, R_OK) < 0 && errno == EACCES)
		report(k, false, USERS_TEXT ": not ours to read; not checked");
	else if (!mailboxes_open(&m, false, &error))
		report(k, true, complaint_text(&error));
	else if (mailboxes_stale())
		report(k, false,
		    USERS_TEXT ": newer than its tables, which rule; run "
			       "\"culver control build\"");
	if (assign_stale())
		report(k, false,
		    ASSIGN_TEXT ": newer than " ASSIGN_TABLE
				", which rules; run \"culver control build\"");
	mailboxes_close(&m);
	buf_free(&error);
}

void
check_text(struct check *k, struct str text)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct buf error = {0};

	if (c == NULL) {
		report(k, true, strerror(errno));
		return;
	}
	if (show_parse(c, text, &error))
		check_missing(k, c, -1);
	else
		report(k, true, complaint_text(&error));
	control_free(c);
	buf_free(&error);
}
