/* space: room in a mailbox; see space.h.  Runs as culverv, and writes nothing. */
#include "local/space.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/census.h"
#include "wire/maildirsize.h"
#include <fcntl.h>

/* Whatever is appended, or replaced, changes one of these. */
static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What was counted a moment ago, or is now.  False: it is not known. */
static bool
count(struct spaces *s, struct maildirsize *m)
{
	const int64_t began = clock_boot();
	struct space_row *row;
	struct census c;
	struct stat st;
	bool ok;

	if (fstat(m->root_fd, &st) != 0)
		return false;
	row = &s->rows[st.st_ino % SPACE_ROWS];
	if (row->dev == st.st_dev && row->ino == st.st_ino &&
	    began < row->until && is_same(&row->st, &m->st)) {
		m->use = row->use;
		return true;
	}
	if (began < s->next)
		return false;
	ok = census_take(m->root_fd, m->trash, began + SPACE_COUNTING, &c);
	if (clock_boot() - began > SPACE_LONG)
		s->next = clock_boot() + (clock_boot() - began) * SPACE_PAUSE;
	if (ok) {
		m->use = c.use;
		*row = (struct space_row){.dev = st.st_dev,
		    .ino = st.st_ino,
		    .st = m->st,
		    .until = began + SPACE_FRESH,
		    .use = c.use};
	}
	return ok;
}

static enum found
look(struct spaces *s, struct maildirsize *m, uint64_t size)
{
	switch (maildirsize_look(m, size, O_RDONLY)) {
	case ROOM_YES:
	case ROOM_NO_QUOTA:
		return FOUND_YES;
	case ROOM_NO:
		return FOUND_NO;
	case ROOM_ERROR:
		return FOUND_ERROR;
	case ROOM_UNKNOWN:
		break;
	}
	if (!count(s, m))
		return FOUND_ERROR;
	return quota_fits(&m->limits, &m->use, size, true) ? FOUND_YES
							   : FOUND_NO;
}

/* Its mail stays here. */
static bool
is_kept(const struct user_record *r)
{
	return r->forward.len == 0 || (r->flags & USER_KEEP) != 0;
}

enum found
space_find(struct spaces *s, const struct user_record *record, bool trash,
    uint64_t size)
{
	struct maildirsize m = {
	    .limits = {record->quota, record->messages},
	    .trash = trash,
	    .fd = -1
        };
	char path[USERS_PATH_SIZE];
	enum found found;

	if (!quota_limits(&m.limits) || !is_kept(record) ||
	    !users_place(record, path))
		return FOUND_YES;
	m.root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m.root_fd < 0)
		return FOUND_YES;
	found = look(s, &m, size);
	fd_close(&m.fd);
	fd_close(&m.root_fd);
	return found;
}
