/* store: credentials by name and by hash; see store.h. */
#include "keyd/store.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT "servercert.pem"

enum { PATH_SIZE = TLS_NAME_SIZE + 16 };

/* What tells that a file is another one now. */
struct stamp {
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec written, changed;
};

struct file {
	char path[PATH_SIZE]; /* "": a free place */
	struct stamp stamp;
	struct credential *now;    /* NULL: it has never been good */
	struct credential *former; /* until: clock_boot */
	int64_t until, used;       /* used: clock_boot; 0 for a free place */
	int64_t gone;              /* clock_boot: not there since; 0: it is */
	bool unseen;               /* it cannot be looked at, which was said */
};

struct store {
	int folder;
	struct file files[STORE_FILES];
};

struct store *
store_new(int control_fd)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->folder = control_fd;
	return s;
}

static void
forget(struct file *f)
{
	credential_free(f->now);
	credential_free(f->former);
	*f = (struct file){.now = NULL};
}

void
store_free(struct store *s)
{
	for (size_t i = 0; s != NULL && i < STORE_FILES; i++)
		forget(&s->files[i]);
	free(s);
}

static struct stamp
stamp_of(const struct stat *st)
{
	return (struct stamp){
	    st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->number == b->number &&
	       a->size == b->size && same_time(a->written, b->written) &&
	       same_time(a->changed, b->changed);
}

static void
complain(const struct file *f, const char *wrong)
{
	errno = 0;
	warn("control/", f->path, ": ", wrong);
}

/* Read what an open file holds; NULL with what is wrong. */
static struct credential *
read_credential(int fd, const char **wrong)
{
	struct buf pem = {.max = STORE_FILE_MAX};
	struct credential *c = NULL;

	*wrong = "unable to read it";
	if (fd_slurp(fd, &pem))
		c = credential_new(buf_str(&pem), wrong);
	if (pem.data != NULL)
		OPENSSL_cleanse(pem.data, pem.len);
	buf_free(&pem);
	return c;
}

/* Somebody writes to it now, or did a moment ago: with what is to come it may be
 * whole.  A time to come is no moment ago. */
static bool
is_unfinished(const struct stat *st)
{
	int64_t quiet = clock_wall() / CLOCK_SECOND - st->st_mtim.tv_sec;

	return quiet >= 0 && quiet < STORE_QUIET_SECONDS;
}

/* It was not changed while it was read. */
static bool
is_still(int fd, const struct stamp *stamp)
{
	struct stat st;
	struct stamp now;

	if (fstat(fd, &st) != 0)
		return false;
	now = stamp_of(&st);
	return same(&now, stamp);
}

/* *changing: it is to be read once more. */
static struct credential *
open_credential(const struct store *s, const struct file *f,
    struct stamp *stamp, bool *changing, const char **wrong)
{
	int fd = openat(s->folder, f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	struct credential *c = NULL;

	*wrong = "unable to open it";
	if (fd >= 0 && fstat(fd, &st) == 0) {
		*stamp = stamp_of(&st);
		*wrong = "not a file";
		if (S_ISREG(st.st_mode)) {
			*wrong = "others than its owner may read it";
			if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
				c = read_credential(fd, wrong);
		}
		*changing = !is_still(fd, stamp);
	}
	fd_close(&fd);
	return c;
}

/* The file has changed: its key of before goes on for a while. */
static void
renew(const struct store *s, struct file *f, const struct stat *st)
{
	struct stamp stamp = stamp_of(st);
	const char *wrong;
	struct credential *c;
	bool changing = false;

	if (f->now != NULL && is_unfinished(st))
		return;
	c = open_credential(s, f, &stamp, &changing, &wrong);
	if (changing && (c == NULL || f->now != NULL)) {
		credential_free(c);
		return;
	}
	f->stamp = stamp;
	if (c == NULL) {
		complain(f, wrong);
		return;
	}
	credential_free(f->former);
	f->former = f->now;
	f->until = clock_boot() + (int64_t)STORE_FORMER_SECONDS * CLOCK_SECOND;
	f->now = c;
}

/* NULL: it is not known. */
static struct file *
known(struct store *s, const char *path)
{
	for (size_t i = 0; i < STORE_FILES && s->files[i].used != 0; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

/* A place for a path that is not known: a free one, which stand together at the
 * end, else the one whose use is longest ago. */
static struct file *
place(struct store *s, const char *path)
{
	struct file *oldest = &s->files[0];

	for (size_t i = 1; i < STORE_FILES && oldest->used != 0; i++)
		if (s->files[i].used < oldest->used)
			oldest = &s->files[i];
	forget(oldest);
	(void)str_copy(oldest->path, sizeof(oldest->path), str_of(path));
	return oldest;
}

/* It is not there, or that cannot be told (errno): whoever renews it may have
 * taken it away first. */
static const struct credential *
miss(struct file *f)
{
	int64_t now = clock_boot();
	bool gone = errno == ENOENT || errno == ENOTDIR;

	if (f == NULL || f->now == NULL)
		return NULL;
	if (gone && f->gone == 0) {
		complain(f, "it is gone; what was in it goes on for a while");
		f->gone = now;
	} else if (!gone && !f->unseen) {
		complain(f, "unable to look at it");
		f->unseen = true;
	}
	f->used = now;
	if (!gone || now < f->gone + (int64_t)STORE_GONE_SECONDS * CLOCK_SECOND)
		return f->now;
	credential_free(f->now);
	f->now = NULL;
	f->stamp = (struct stamp){0};
	return NULL;
}

static const struct credential *
find_path(struct store *s, const char *path)
{
	struct file *f = known(s, path);
	struct stat st;
	struct stamp now;

	if (fstatat(s->folder, path, &st, 0) != 0)
		return miss(f);
	if (f == NULL)
		f = place(s, path);
	now = stamp_of(&st);
	f->used = clock_boot();
	f->gone = 0;
	f->unseen = false;
	if (!same(&now, &f->stamp))
		renew(s, f, &st);
	return f->now;
}

static const struct credential *
find_name(struct store *s, struct str name)
{
	char path[PATH_SIZE];

	if (name.len == 0 || name.len >= TLS_NAME_SIZE)
		return NULL;
	(void)snprintf(
	    path, sizeof(path), "tls/%.*s.pem", (int)name.len, name.data);
	return find_path(s, path);
}

const struct credential *
store_find(struct store *s, struct str name)
{
	const struct credential *c = find_name(s, name);

	if (c == NULL && name.len > 0) {
		c = find_name(
		    s, str_slice(name, str_find(name, '.') + 1, name.len));
		if (c != NULL &&
		    X509_check_host(c->leaf, name.data, name.len, 0, NULL) != 1)
			c = NULL;
	}
	return c != NULL ? c : find_path(s, DEFAULT);
}

static bool
is(const struct credential *c, const unsigned char hash[TLS_KEY_HASH])
{
	return c != NULL && memcmp(c->hash, hash, TLS_KEY_HASH) == 0;
}

const struct credential *
store_of(struct store *s, const unsigned char hash[TLS_KEY_HASH])
{
	int64_t now = clock_boot();

	for (size_t i = 0; i < STORE_FILES && s->files[i].used != 0; i++) {
		struct file *f = &s->files[i];

		if (f->former != NULL && now >= f->until) {
			credential_free(f->former);
			f->former = NULL;
		}
		if (is(f->now, hash)) {
			f->used = now;
			return f->now;
		}
		if (is(f->former, hash))
			return f->former;
	}
	return NULL;
}
