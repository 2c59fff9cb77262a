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

static struct credential *
open_credential(const struct store *s, const struct file *f,
    struct stamp *stamp, const char **wrong)
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
	}
	fd_close(&fd);
	return c;
}

/* The file has changed: its key of before goes on for a while. */
static void
renew(const struct store *s, struct file *f, const struct stat *st)
{
	const char *wrong;
	struct credential *c;

	f->stamp = stamp_of(st);
	c = open_credential(s, f, &f->stamp, &wrong);
	if (c == NULL) {
		complain(f, wrong);
		return;
	}
	credential_free(f->former);
	f->former = f->now;
	f->until = clock_boot() + (int64_t)STORE_FORMER_SECONDS * CLOCK_SECOND;
	f->now = c;
}

/* The place of a path, else the one whose use is longest ago. */
static struct file *
place(struct store *s, const char *path)
{
	struct file *oldest = &s->files[0];

	for (size_t i = 0; i < STORE_FILES; i++) {
		struct file *f = &s->files[i];

		if (strcmp(f->path, path) == 0)
			return f;
		if (f->used < oldest->used)
			oldest = f;
	}
	return oldest;
}

static const struct credential *
find_path(struct store *s, const char *path)
{
	struct file *f;
	struct stat st;
	struct stamp now;

	if (fstatat(s->folder, path, &st, 0) != 0)
		return NULL;
	f = place(s, path);
	if (strcmp(f->path, path) != 0) {
		forget(f);
		(void)str_copy(f->path, sizeof(f->path), str_of(path));
	}
	now = stamp_of(&st);
	f->used = clock_boot();
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

	for (size_t i = 0; i < STORE_FILES; i++) {
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
