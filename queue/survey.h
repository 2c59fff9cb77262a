/* survey: the queue's folders, opened and walked in order; no symbolic link
 * below queue/ is followed. */
#ifndef QUEUE_SURVEY_H
#define QUEUE_SURVEY_H

#include "lib/attr.h"
#include "queue/moving.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct survey {
	int queue, mess, info; /* -1: there is no such folder */
	unsigned split;
};

/* Open what is there; again after something was made.  False with errno when
 * queue/ cannot be opened, or a folder in it for another reason than ENOENT. */
MUST_USE bool survey_open(struct survey *s);

/* Close what is open. */
void survey_close(struct survey *s);

/* "mess" or "info". */
const char *survey_base(const struct survey *s, int base);

/* Open folder number of base (s->mess, s->info).  -1 with errno. */
MUST_USE int survey_folder(int base, uint64_t number);

/* A name that was met: the file text in the open folder dir, which is number
 * folder of base. */
struct spot {
	const struct survey *survey;
	int base, dir;
	uint64_t folder;
	struct name name;
	char text[MOVING_NAME];
};

/* "mess/SS/NAME" of a spot. */
void spot_path(const struct spot *at, char out[MOVING_PATH]);

/* What a walk calls, with the context it was given. */
struct walker {
	/* A message, a journal, or one that moves. */
	void (*name)(void *context, const struct spot *at);
	/* A foreign name text; in_base: it stands beside the folders.  NULL:
	 * they are passed over. */
	void (*stray)(void *context, const struct spot *at, const char *text,
	    bool in_base);
	/* A folder cannot be opened or listed, with errno. */
	void (*fault)(void *context, const struct spot *at);
};

/* Each numbered folder of base in order, each name in it in order, as they were
 * when the folder was opened.  A base of -1 has none. */
void survey_walk(
    const struct survey *s, int base, const struct walker *w, void *context);

/* fsync of each numbered folder of base, and of base.  False with errno. */
MUST_USE bool survey_sync(const struct survey *s, int base);

/* What is known of a file with a message's name. */
enum head {
	HEAD_FINE,
	HEAD_DAMAGED, /* too short, or message_read says so */
	HEAD_NONE,    /* no such name; what vanished is none */
	HEAD_NO_FILE, /* a folder, a link, a fifo ... */
	HEAD_TROUBLE  /* errno */
};

/* Open dir/name and read its head; *fd is open with HEAD_FINE and HEAD_DAMAGED,
 * else -1. */
MUST_USE enum head survey_head(
    int dir, const char *name, int *fd, struct stat *st, struct message *m);

/* The first line of the journal dir/name, and the length of it; the file stays
 * open in *fd where HEAD_FINE or HEAD_DAMAGED (it has no whole first line). */
MUST_USE enum head survey_journal(int dir, const char *name, int *fd,
    uint64_t *ino, unsigned char token[QUEUE_TOKEN], size_t *length);

#endif
