/* listfile: the text of a LIST or MAP, held for editing; see listfile.h. */
#include "control/listfile.h"
#include "control/file.h"
#include "control/value.h"
#include "lib/fd.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MODE = 0644 };

bool
listfile_open(
    struct listfile *l, int dirfd, enum control_id id, struct buf *error)
{
	const struct control_row *row = control_row(id);
	char table[FILE_NAME];

	*l = (struct listfile){.id = id, .text = {.max = VALUE_LIST_FILE}};
	l->there = fd_read_file(dirfd, row->name, &l->text);
	if (l->there)
		return true;
	if (errno != ENOENT)
		return file_failed(error, row->name);
	file_table_name(table, row);
	l->table = table_open(dirfd, table);
	return l->table != NULL || errno == ENOENT || file_failed(error, table);
}

void
listfile_close(struct listfile *l)
{
	buf_free(&l->text);
	table_close(l->table);
	*l = (struct listfile){.there = false};
}

bool
listfile_may_change(const struct listfile *l, struct buf *error)
{
	const char *name = control_row(l->id)->name;

	if (l->table == NULL)
		return true;
	(void)(buf_append_text(error, "control/") &&
	       buf_append_text(error, name) &&
	       buf_append_text(error, ".cdb is there without its text; make "
				      "the text again first") &&
	       buf_terminate(error));
	return false;
}

/* What a line says, if it says something. */
static bool
take_line(const struct listfile *l, struct str line, struct str *key,
    struct str *value)
{
	line = str_trim(line);
	*key = line;
	*value = (struct str){"", 0};
	if (line.len == 0 || line.data[0] == '#')
		return false;
	if (kind_is_map(control_row(l->id)->kind)) {
		size_t colon = str_find(line, ':');

		*key = str_trim(str_slice(line, 0, colon));
		*value = str_trim(str_slice(line, colon + 1, line.len));
	}
	return true;
}

/* The table has its keys in lower case. */
static enum found
find_in_table(const struct table *t, struct str key, struct str *value)
{
	struct buf lower = {0};
	enum found f = FOUND_ERROR;

	if (buf_append_lower(&lower, key))
		f = table_find(t, buf_str(&lower), value);
	buf_free(&lower);
	return f;
}

enum found
listfile_find(const struct listfile *l, struct str key, struct str *value)
{
	struct str rest = buf_str(&l->text), line, name, found;
	enum found f = FOUND_NO;

	if (l->table != NULL)
		return find_in_table(l->table, key, value);
	while (str_cut(&rest, '\n', &line)) {
		if (!take_line(l, line, &name, &found) ||
		    !str_equal_nocase(name, key))
			continue;
		f = FOUND_YES;
		if (value != NULL)
			*value = found;
	}
	return f;
}

enum found
listfile_find_domain(const struct listfile *l, struct str domain,
    struct str *key, struct str *value)
{
	bool map = kind_is_map(control_row(l->id)->kind);
	enum found f = FOUND_NO;

	for (size_t i = 0; f == FOUND_NO && i <= domain.len; i++) {
		if (i > 0 && i < domain.len && domain.data[i] != '.')
			continue;
		if (i == domain.len && !map)
			break;
		*key = str_slice(domain, i, domain.len);
		f = listfile_find(l, *key, value);
	}
	return f;
}

bool
listfile_add(struct listfile *l, struct str key, struct str value)
{
	struct buf *b = &l->text;
	size_t start = b->len;
	bool map = kind_is_map(control_row(l->id)->kind);

	if ((start == 0 || b->data[start - 1] == '\n' ||
		buf_append_byte(b, '\n')) &&
	    buf_append_str(b, key) &&
	    (!map || (buf_append_byte(b, ':') && buf_append_str(b, value))) &&
	    buf_append_byte(b, '\n'))
		return true;
	b->len = start;
	return false;
}

bool
listfile_remove(struct listfile *l, struct str key)
{
	struct str rest = buf_str(&l->text), line, name, value;
	size_t kept = 0;
	bool removed = false;

	for (const char *at = rest.data; str_cut(&rest, '\n', &line);
	     at = rest.data) {
		size_t len = (size_t)(rest.data - at);

		if (take_line(l, line, &name, &value) &&
		    str_equal_nocase(name, key)) {
			removed = true;
			continue;
		}
		memmove(l->text.data + kept, at, len);
		kept += len;
	}
	l->text.len = kept;
	return removed;
}

/* As who may read it now. */
static mode_t
mode_of(int dirfd, const char *name)
{
	struct stat st;

	return file_look(dirfd, name, &st) && file_there(&st)
		   ? st.st_mode & 0777
		   : TEXT_MODE;
}

bool
listfile_save(const struct listfile *l, int dirfd, struct buf *error)
{
	const char *name = control_row(l->id)->name;
	char table[FILE_NAME];
	struct stat st;
	bool made;

	if (!fd_replace_file(
		dirfd, name, buf_str(&l->text), mode_of(dirfd, name)))
		return file_failed(error, name);
	file_table_name(table, control_row(l->id));
	if (!file_look(dirfd, table, &st))
		return file_failed(error, table);
	return !file_there(&st) ||
	       control_build(dirfd, l->id, true, &made, error);
}

bool
listfile_settle(
    const struct listfile *l, int dirfd, bool *made, struct buf *error)
{
	char table[FILE_NAME];
	struct stat st;

	*made = false;
	file_table_name(table, control_row(l->id));
	if (!file_look(dirfd, table, &st))
		return file_failed(error, table);
	return !file_there(&st) ||
	       control_build(dirfd, l->id, false, made, error);
}
