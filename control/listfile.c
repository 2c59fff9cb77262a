/* listfile: the text of a LIST or MAP, held for editing; see listfile.h. */
#include "control/listfile.h"
#include "control/file.h"
#include "control/value.h"
#include "lib/fd.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MODE = 0644, LIST_NAME = 64 };

/* Of a text that is not there a table may have been made. */
static bool
has_table(int dirfd, const char *name)
{
	char path[LIST_NAME];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s.cdb", name);

	return n > 0 && n < LIST_NAME && fstatat(dirfd, path, &st, 0) == 0;
}

/* To make it of what is added now would forget all that it holds. */
static bool
no_text(struct buf *error, const char *name)
{
	(void)(buf_append_text(error, "control/") &&
	       buf_append_text(error, name) &&
	       buf_append_text(error, ".cdb is there without its text; make "
				      "the text again first"));
	return false;
}

bool
listfile_open(
    struct listfile *l, int dirfd, enum control_id id, struct buf *error)
{
	const char *name = control_row(id)->name;

	*l = (struct listfile){.id = id, .text = {.max = VALUE_LIST_FILE}};
	l->there = fd_read_file(dirfd, name, &l->text);
	if (!l->there && errno == ENOENT && has_table(dirfd, name))
		return no_text(error, name);
	return l->there || errno == ENOENT || file_failed(error, name);
}

void
listfile_close(struct listfile *l)
{
	buf_free(&l->text);
	*l = (struct listfile){.there = false};
}

/* The line's key, and for a map what is behind its colon. */
static struct str
key_of(const struct listfile *l, struct str line, struct str *value)
{
	struct str key = line;

	*value = (struct str){"", 0};
	if (line.len == 0 || line.data[0] == '#')
		return *value;
	if (kind_is_map(control_row(l->id)->kind)) {
		size_t colon = str_find(line, ':');

		key = str_slice(line, 0, colon);
		*value = str_trim(str_slice(line, colon + 1, line.len));
	}
	return str_trim(key);
}

bool
listfile_find(const struct listfile *l, struct str key, struct str *value)
{
	struct str rest = buf_str(&l->text), line, found;
	bool has = false;

	/* Of several lines the last one counts. */
	while (str_cut(&rest, '\n', &line)) {
		if (!str_equal_nocase(key_of(l, line, &found), key))
			continue;
		has = true;
		if (value != NULL)
			*value = found;
	}
	return has;
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
	struct str rest = buf_str(&l->text), line, value;
	size_t kept = 0;
	bool removed = false;

	for (const char *at = rest.data; str_cut(&rest, '\n', &line);
	     at = rest.data) {
		size_t len = (size_t)(rest.data - at);

		if (str_equal_nocase(key_of(l, line, &value), key)) {
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
