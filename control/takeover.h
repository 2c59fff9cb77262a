/* takeover: what culver setup --from takes of a qmail's folder: control/, users/
 * and alias/.  All of it is read and judged before anything is written; each
 * thing that was found has one finding at least.  Its functions belong to
 * culver-setup: they die (100, 111). */
#ifndef CONTROL_TAKEOVER_H
#define CONTROL_TAKEOVER_H

#include "control/setup.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What became, or would become, of a file; the word that stands before it. */
#define TAKES(X)                                                               \
	X(TOOK, "took")       /* as it is */                                   \
	X(CHANGED, "changed") /* taken, and means something else here */       \
	X(SAME, "same")       /* it is there, and the same */                  \
	X(KEPT, "kept") /* another is there; without --overwrite it stays */   \
	X(IGNORED, "ignored") /* nothing here would read it */                 \
	X(NOTE, "note")       /* what is to be seen to by a person */          \
	X(REFUSED, "refused") /* malformed: nothing is taken at all */

enum take {
#define TAKE_ID(id, word) TAKE_##id,
	TAKES(TAKE_ID)
#undef TAKE_ID
	    TAKE_COUNT
};

/* A file to be written. */
struct takeover_file {
	char path[SETUP_NAME]; /* below HOME */
	struct buf contents;
	mode_t mode;
	enum { TAKE_ROOT, TAKE_MESSAGES, TAKE_KEYS } owner;
	bool overwrite; /* another is there */
};

struct takeover_finding {
	enum take take;
	size_t at; /* in texts: "control/me", and after its end byte what */
};

/* All zero bytes but for the first three, and -1 for the descriptors, to begin
 * with. */
struct takeover {
	const char *from; /* the other's folder, absolute */
	const char *home; /* ours; it need not be there */
	bool overwrite;
	int from_fd, home_fd; /* home_fd -1: it is not there */
	struct takeover_file *files;
	size_t file_count;
	struct takeover_finding *findings;
	size_t finding_count, refused;
	struct buf texts;
	struct buf me; /* the first line of control/me */
};

/* Read and judge all.  The caller's account is who may read it. */
void takeover_read(struct takeover *t);

/* Each finding as a line, "took control/me", or as JSON to the descriptor. */
void takeover_say(const struct takeover *t);

/* Likewise, as one object. */
void takeover_say_json(const struct takeover *t, int fd);

/* Write the files below HOME, which is the current folder, and the tables that
 * are made of them. */
void takeover_write(struct takeover *t, struct setup *s);

/* Free what t holds; takeover_read may follow. */
void takeover_free(struct takeover *t);

/* What the parts share.  Add a finding about a path. */
void takeover_find(
    struct takeover *t, enum take take, const char *path, const char *what);

/* Add a file that takes this path, whose bytes c gives away, and say whether it
 * is taken, the same or kept; where it is taken and changed is not NULL that
 * is what changed.  The file, or NULL where nothing is to be written; valid
 * until the next call. */
struct takeover_file *takeover_add(struct takeover *t, const char *path,
    struct buf *c, mode_t mode, const char *changed);

/* Call each(name, context) for every name in dir, in order; dir is closed. */
void takeover_names(
    DIR *dir, void (*each)(const char *name, void *context), void *context);

/* The parts: control/; users/; alias/. */
void takeover_control(struct takeover *t);

/* users/assign, or a users/cdb without it. */
void takeover_users(struct takeover *t);

/* The .qmail files of alias/. */
void takeover_alias(struct takeover *t);

/* What a file of control/ that is none of ours is for, and what does its work
 * here: a static text.  NULL: nobody knows it. */
const char *takeover_known(const char *name);

/* What a control of ours means otherwise than it does to qmail; NULL: it does
 * not. */
const char *takeover_meaning(const char *name);

#endif
