/* build: a list of any kind compiled to its cdb. */
#include "control/control.h"
#include "control/file.h"
#include "control/value.h"
#include <sys/stat.h>

#include <unistd.h>

enum {
	TABLE_MODE = 0644,
	TRIES = 5 /* a text that changes while it is read is read again */
};

static bool
add_all(struct table_maker *m, const struct value *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (!table_add(m, v->entries[i].key, v->entries[i].value))
			return false;
	return true;
}

/* Who may not read the text may not read the passwords in its table. */
static unsigned
table_mode(const struct control_row *row, const struct stat *text)
{
	return kind_is_way(row->kind) ? TABLE_MODE & text->st_mode : TABLE_MODE;
}

static bool
give_table(struct table_maker *m, const struct control_row *row,
    const struct stat *text)
{
	return !kind_is_way(row->kind) || geteuid() != 0 ||
	       table_owner(m, text->st_uid, text->st_gid);
}

static bool
write_table(int dirfd, const struct control_row *row, const struct stat *text,
    const struct value *v, struct buf *error)
{
	char name[FILE_NAME];
	struct table_maker *m;

	file_table_name(name, row);
	m = table_make(dirfd, name, table_mode(row, text));
	if (m == NULL)
		return file_failed(error, name);
	if (!add_all(m, v) || !give_table(m, row, text)) {
		file_failed(error, name);
		table_abandon(m);
		return false;
	}
	return table_commit(m) || file_failed(error, name);
}

static bool
compile(int dirfd, const struct control_row *row, const struct stat *text,
    struct buf *e)
{
	struct value v = {0};
	bool ok;

	if (!file_read(dirfd, row, &v, e))
		return false;
	ok = write_table(dirfd, row, text, &v, e);
	value_free(&v);
	return ok;
}

bool
control_build(
    int dirfd, enum control_id id, bool force, bool *made, struct buf *error)
{
	const struct control_row *row = control_row(id);
	struct stat text, table, after;
	char name[FILE_NAME];

	*made = false;
	if (!kind_is_list(row->kind))
		return true;
	file_table_name(name, row);
	if (!file_look(dirfd, row->name, &text))
		return file_failed(error, row->name);
	if (!file_look(dirfd, name, &table))
		return file_failed(error, name);
	if (!file_there(&text) ||
	    (!force && file_there(&table) && !file_newer(&text, &table)))
		return true;
	for (int i = 0; i < TRIES; i++) {
		if (!compile(dirfd, row, &text, error))
			return false;
		*made = true;
		if (!file_look(dirfd, row->name, &after) ||
		    file_same(&text, &after))
			return true;
		text = after;
	}
	return true;
}
