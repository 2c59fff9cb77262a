/* cdb: constant databases (tinycdb), read by maps and made atomically. */
#include "lib/cdb.h"
#include "lib/num.h"
#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TOC_SIZE = 2048, /* 256 pairs of position and slots, 8 bytes a slot */
	TOC_PAIR = 8,
	SLOT = 8,
	LARGE = 1 << 20 /* bytes that a cache may have no room for */
};

struct table {
	struct cdb cdb;
	struct stat st;      /* of the file that is mapped */
	struct table *front; /* asked before; NULL: none */
};

struct table_maker {
	struct cdb_make make;
	int dirfd, fd;
	char *name, *temporary;
};

/* Every hash table, one without slots, too, lies within the file, and the last
 * one ends it.  So a file that was cut short or filled with zeros is not taken
 * for an empty table. */
static bool
toc_ok(const unsigned char *toc, uint64_t size)
{
	uint64_t last = TOC_SIZE;

	for (size_t i = 0; i < TOC_SIZE; i += TOC_PAIR) {
		uint64_t at = cdb_unpack(toc + i);
		uint64_t slots = cdb_unpack(toc + i + TOC_PAIR / 2);
		uint64_t end = at + slots * SLOT;

		if (at < TOC_SIZE || end > size)
			return false;
		if (end > last)
			last = end;
	}
	return last == size;
}

static bool
map(struct table *t, int fd)
{
	const unsigned char *toc;

	if (fstat(fd, &t->st) < 0)
		return false;
	if (!S_ISREG(t->st.st_mode) || t->st.st_size > UINT_MAX) {
		errno = EPROTO;
		return false;
	}
	if (cdb_init(&t->cdb, fd) < 0)
		return false;
	toc = cdb_get(&t->cdb, TOC_SIZE, 0);
	if (toc != NULL && toc_ok(toc, (uint64_t)t->st.st_size))
		return true;
	cdb_free(&t->cdb);
	errno = EPROTO;
	return false;
}

struct table *
table_open(int dirfd, const char *name)
{
	struct table *t = calloc(1, sizeof *t);
	int fd = -1, error;
	bool ok = false;

	if (t == NULL)
		return NULL;
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		ok = map(t, fd);
	error = errno;
	if (fd >= 0)
		(void)close(fd); /* the map keeps the file */
	if (!ok) {
		free(t);
		errno = error;
		return NULL;
	}
	t->cdb.cdb_fd = -1;
	return t;
}

void
table_lay(struct table *t, struct table *front)
{
	table_close(t->front);
	t->front = front;
}

void
table_close(struct table *t)
{
	if (t == NULL)
		return;
	table_close(t->front);
	cdb_free(&t->cdb);
	free(t);
}

bool
table_stale(const struct table *t, int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, 0) < 0 || st.st_dev != t->st.st_dev ||
	       st.st_ino != t->st.st_ino || st.st_size != t->st.st_size ||
	       st.st_mtim.tv_sec != t->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != t->st.st_mtim.tv_nsec;
}

/* The view of len bytes at pos of the map. */
static bool
view(const struct cdb *c, unsigned len, unsigned pos, struct str *out)
{
	out->data = cdb_get(c, len, pos);
	out->len = len;
	if (out->data != NULL)
		return true;
	errno = EPROTO;
	return false;
}

enum found
table_find(const struct table *t, struct str key, struct str *value)
{
	struct cdb c = t->cdb; /* it notes in itself what it found */
	struct str ignored;
	int r;

	if (key.len > UINT_MAX)
		return FOUND_NO;
	if (t->front != NULL) {
		enum found f = table_find(t->front, key, value);

		if (f != FOUND_NO)
			return f;
	}
	r = cdb_find(&c, key.data, (unsigned)key.len);
	if (r == 0)
		return FOUND_NO;
	if (r < 0 || !view(&c, cdb_datalen(&c), cdb_datapos(&c),
			 value == NULL ? &ignored : value)) {
		errno = EPROTO;
		return FOUND_ERROR;
	}
	return FOUND_YES;
}

/* The slot that a key's search begins with; NULL when there is none. */
static const unsigned char *
first_slot(const struct table_wish *w)
{
	const struct cdb *c = &w->table->cdb;
	unsigned hash = cdb_hash(w->key.data, (unsigned)w->key.len);
	const unsigned char *toc =
	    cdb_get(c, TOC_PAIR, (hash & 255) * TOC_PAIR);
	unsigned slots = toc == NULL ? 0 : cdb_unpack(toc + TOC_PAIR / 2);

	return slots == 0 ? NULL
			  : cdb_get(c, SLOT,
				cdb_unpack(toc) + (hash >> 8) % slots * SLOT);
}

void
table_fetch(const struct table_wish *wishes, size_t count)
{
	const unsigned char *slots[TABLE_WISHES] = {NULL};

	for (size_t i = 0; i < count && i < TABLE_WISHES; i++) {
		const struct table_wish *w = &wishes[i];

		if (w->table == NULL || w->table->st.st_size < LARGE)
			continue;
		slots[i] = first_slot(w);
		if (slots[i] != NULL)
			__builtin_prefetch(slots[i]);
	}
	for (size_t i = 0; i < TABLE_WISHES; i++)
		if (slots[i] != NULL)
			__builtin_prefetch(cdb_get(&wishes[i].table->cdb, 1,
			    cdb_unpack(slots[i] + SLOT / 2)));
}

bool
table_walk(const struct table *t,
    bool (*each)(struct str key, struct str value, void *context),
    void *context)
{
	struct cdb c = t->cdb;
	struct str key, value;
	unsigned at;
	int r;

	cdb_seqinit(&at, &c);
	while ((r = cdb_seqnext(&at, &c)) > 0) {
		if (!view(&c, cdb_keylen(&c), cdb_keypos(&c), &key) ||
		    !view(&c, cdb_datalen(&c), cdb_datapos(&c), &value))
			return false;
		if (!each(key, value, context))
			return true;
	}
	if (r < 0)
		errno = EPROTO;
	return r == 0;
}

static void
maker_free(struct table_maker *m)
{
	int error = errno;

	if (m->fd >= 0)
		(void)close(m->fd);
	free(m->name);
	free(m->temporary);
	free(m);
	errno = error;
}

static char *
temporary_name(const char *name)
{
	char number[NUM_SIZE];
	size_t size = strlen(name) + sizeof ".tmp." + NUM_SIZE;
	char *out = malloc(size);

	if (out == NULL)
		return NULL;
	(void)num_format(number, (uint64_t)getpid());
	(void)snprintf(out, size, "%s.tmp.%s", name, number);
	return out;
}

/* The file is new, ours alone until it is renamed, and has the mode asked for
 * whatever the umask. */
static bool
create(struct table_maker *m, unsigned mode)
{
	if (unlinkat(m->dirfd, m->temporary, 0) < 0 && errno != ENOENT)
		return false;
	m->fd = openat(m->dirfd, m->temporary,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (m->fd < 0)
		return false;
	if (fchmod(m->fd, (mode_t)mode) == 0 &&
	    cdb_make_start(&m->make, m->fd) == 0)
		return true;
	(void)unlinkat(m->dirfd, m->temporary, 0);
	return false;
}

struct table_maker *
table_make(int dirfd, const char *name, unsigned mode)
{
	struct table_maker *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->dirfd = dirfd;
	m->fd = -1;
	m->name = strdup(name);
	m->temporary = temporary_name(name);
	if (m->name == NULL || m->temporary == NULL || !create(m, mode)) {
		maker_free(m);
		return NULL;
	}
	return m;
}

bool
table_add(struct table_maker *m, struct str key, struct str value)
{
	if (key.len > INT_MAX || value.len > INT_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	return cdb_make_add(&m->make, key.data, (unsigned)key.len, value.data,
		   (unsigned)value.len) == 0;
}

bool
table_owner(struct table_maker *m, uid_t uid, gid_t gid)
{
	return fchown(m->fd, uid, gid) == 0;
}

/* fsync of the folder that holds m->name, which may have folders in front. */
static bool
sync_folder(const struct table_maker *m)
{
	char *slash = strrchr(m->name, '/');
	int fd, r;

	if (slash != NULL)
		*slash = '\0';
	fd = openat(m->dirfd, slash == NULL ? "." : m->name,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash != NULL)
		*slash = '/';
	if (fd < 0)
		return false;
	r = fsync(fd);
	if (close(fd) < 0 || r < 0)
		return false;
	return true;
}

bool
table_commit(struct table_maker *m)
{
	bool ok;

	if (cdb_make_finish(&m->make) < 0 || fsync(m->fd) < 0 ||
	    renameat(m->dirfd, m->temporary, m->dirfd, m->name) < 0) {
		int error = errno;
		(void)unlinkat(m->dirfd, m->temporary, 0);
		errno = error;
		maker_free(m);
		return false;
	}
	ok = sync_folder(m);
	maker_free(m);
	return ok;
}

void
table_abandon(struct table_maker *m)
{
	if (m == NULL)
		return;
	(void)cdb_make_finish(&m->make); /* it frees what it holds */
	(void)unlinkat(m->dirfd, m->temporary, 0);
	maker_free(m);
}
