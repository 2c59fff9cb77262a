/* former: the queue of a qmail, as its files lie on the disk: mess, intd, todo,
 * info, local, remote and bounce, each file named by a number; any of the seven
 * may be split into numbered folders.  Nothing in it is followed that is no
 * plain file. */
#ifndef QUEUE_FORMER_H
#define QUEUE_FORMER_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* In the order in which a message that was taken is removed: before the one
 * that says what it is, and the message itself last. */
#define FORMER_PARTS_OF(X)                                                     \
	X(TODO, "todo")                                                        \
	X(BOUNCE, "bounce")                                                    \
	X(LOCAL, "local")                                                      \
	X(REMOTE, "remote")                                                    \
	X(INFO, "info")                                                        \
	X(INTD, "intd")                                                        \
	X(MESS, "mess")

enum former_part {
#define FORMER_ID(id, name) FORMER_##id,
	FORMER_PARTS_OF(FORMER_ID)
#undef FORMER_ID
	    FORMER_PARTS
};

enum { FORMER_FLAT = INT32_MAX }; /* the folder of what is in none */

struct former_file {
	uint64_t id;
	uint32_t folder; /* below its part; or FORMER_FLAT */
	enum former_part part;
};

struct former {
	int queue, parts[FORMER_PARTS]; /* -1: not open; not there */
	struct former_file *files;      /* by id; NULL until former_list */
	size_t count, cap;
};

/* A message: its files. */
struct former_message {
	uint64_t id;
	const struct former_file *of[FORMER_PARTS]; /* NULL: none */
	bool twice; /* a part of it is there twice, in two folders */
};

/* Open the folders.  False with errno; ENOENT also where the folder has not all
 * seven, and is no queue.  Close it all the same. */
MUST_USE bool former_open(struct former *f, const char *path);

/* Close and free. */
void former_close(struct former *f);

enum former_lock {
	FORMER_OURS,    /* qmail-send does not start until lock is closed */
	FORMER_RUNNING, /* qmail-send runs */
	FORMER_TROUBLE  /* errno */
};

/* Take the lock that a running qmail-send holds; *lock is the caller's to
 * close. */
MUST_USE enum former_lock former_lock(const struct former *f, int *lock);

/* List all files.  False with errno. */
MUST_USE bool former_list(struct former *f);

/* The message whose files begin at *at, which moves on.  False at the end. */
bool former_next(const struct former *f, size_t *at, struct former_message *m);

/* Open for reading; -1 with errno (ELOOP, EINVAL: it is no plain file). */
MUST_USE int former_read(
    const struct former *f, const struct former_file *file, struct stat *st);

/* Unlink; one that is gone is fine.  False with errno. */
MUST_USE bool former_unlink(
    const struct former *f, const struct former_file *file);

/* What was unlinked is so on the disk.  False with errno. */
MUST_USE bool former_sync(const struct former *f);

/* "info/3/1234" of a file. */
enum { FORMER_PATH = 64 };
void former_path(char out[FORMER_PATH], const struct former_file *file);

#endif
