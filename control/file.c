/* file: a control file and its cdb as they are on disk. */
#include "control/file.h"
#include "control/complaint.h"
#include "lib/fd.h"
#include <errno.h>
#include <stdio.h>

bool
file_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool
file_newer(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

bool
file_there(const struct stat *st)
{
	return st->st_ino != 0;
}

bool
file_look(int dirfd, const char *name, struct stat *st)
{
	if (fstatat(dirfd, name, st, 0) == 0)
		return true;
	*st = (struct stat){0};
	return errno == ENOENT;
}

void
file_table_name(char out[FILE_NAME], const struct control_row *row)
{
	(void)snprintf(out, FILE_NAME, "%s.cdb", row->name);
}

bool
file_failed(struct buf *error, const char *name)
{
	char where[sizeof "control/" + FILE_NAME];

	(void)snprintf(where, sizeof where, "control/%s", name);
	return complaint_errno(error, where);
}

bool
file_read(int dirfd, const struct control_row *row, struct value *v,
    struct buf *error)
{
	struct fault f;

	v->text.max =
	    kind_is_list(row->kind) ? VALUE_LIST_FILE : VALUE_LINE_FILE;
	if (!fd_read_file(dirfd, row->name, &v->text)) {
		file_failed(error, row->name);
		value_free(v);
		return false;
	}
	if (value_parse(v, row, &f))
		return true;
	fault_write(error, row->name, &f);
	value_free(v);
	return false;
}
