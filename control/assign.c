/* assign: users/cdb made of users/assign; see assign.h. */
#include "control/assign.h"

#include "control/complaint.h"
#include "control/file.h"
#include "lib/cdb.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/suite.h"
#include "wire/assign.h"
#include <errno.h>
#include <fcntl.h>

enum { TABLE_MODE = 0644 };

/* "users/assign:LINE: what". */
static bool
say_line(struct buf *error, size_t line, const char *what)
{
	char where[sizeof(ASSIGN_TEXT) + NUM_SIZE] = ASSIGN_TEXT ":";

	(void)num_format(where + sizeof(ASSIGN_TEXT), line);
	return complaint(error, where, what);
}

static bool
note_wild(struct buf *wilds, char c)
{
	return c == '\0' || str_find(buf_str(wilds), c) < wilds->len ||
	       buf_append_byte(wilds, c);
}

/* NULL, or why culver-lspawn would never deliver as this one. */
static const char *
check_account(struct str value)
{
	struct assignment a;

	if (!assign_value(value, &a))
		return "the line cannot be read again";
	if (a.uid == 0 || a.gid == 0)
		return "uid or gid is 0, and root receives no mail";
	if (suite_has_uid(a.uid))
		return "the uid is one of culver's own, which receives no mail";
	if (suite_has_gid(a.gid))
		return "the gid is one of culver's own, which receives no mail";
	return NULL;
}

/* One line; *what is NULL where it was the system that failed. */
static bool
add_line(struct table_maker *m, struct str line, struct buf *wilds,
    const char **what)
{
	struct buf key = {0}, value = {0};
	char wild;
	bool ok = assign_parse(line, &key, &value, &wild, what);

	if (ok)
		*what = check_account(buf_str(&value));
	ok = *what == NULL;
	if (ok && (!table_add(m, buf_str(&key), buf_str(&value)) ||
		      !note_wild(wilds, wild)))
		ok = false;
	buf_free(&key);
	buf_free(&value);
	return ok;
}

/* Every line up to the one with the dot, whose LF must be there as theirs. */
static bool
add_lines(struct table_maker *m, struct str text, struct buf *wilds,
    bool *malformed, struct buf *error)
{
	const char *what = NULL;
	size_t number = 1;
	struct str line;

	for (; !str_starts(text, str_of(".")); number++) {
		if (str_find(text, '\n') == text.len) {
			what = "the last line must begin with .";
			break;
		}
		if (!str_cut(&text, '\n', &line) ||
		    !add_line(m, line, wilds, &what))
			break;
	}
	if (str_starts(text, str_of(".")) && what == NULL)
		return true;
	*malformed = what != NULL;
	return what != NULL ? say_line(error, number, what)
			    : complaint_errno(error, ASSIGN_TABLE);
}

static bool
write_table(struct str text, bool *malformed, struct buf *error)
{
	struct table_maker *m = table_make(AT_FDCWD, ASSIGN_TABLE, TABLE_MODE);
	struct buf wilds = {0};
	bool ok;

	if (m == NULL)
		return complaint_errno(error, ASSIGN_TABLE);
	ok = add_lines(m, text, &wilds, malformed, error);
	if (ok && !table_add(m, (struct str){"", 0}, buf_str(&wilds)))
		ok = complaint_errno(error, ASSIGN_TABLE);
	buf_free(&wilds);
	if (ok)
		return table_commit(m) || complaint_errno(error, ASSIGN_TABLE);
	table_abandon(m);
	return false;
}

bool
assign_build(bool *malformed, struct buf *error)
{
	struct buf text = {.max = ASSIGN_FILE};
	bool ok;

	*malformed = false;
	if (!fd_read_file(AT_FDCWD, ASSIGN_TEXT, &text))
		ok = complaint_errno(error, ASSIGN_TEXT);
	else
		ok = write_table(buf_str(&text), malformed, error);
	buf_free(&text);
	return ok;
}

bool
assign_stale(void)
{
	struct stat text, table;

	return file_look(AT_FDCWD, ASSIGN_TEXT, &text) && file_there(&text) &&
	       (!file_look(AT_FDCWD, ASSIGN_TABLE, &table) ||
		   !file_there(&table) || file_newer(&text, &table));
}
