/* moving: what a name in mess/SS or info/SS says, a message's right place, and
 * the name it has besides while a repair moves it (doc/INTERNALS, 7). */
#ifndef QUEUE_MOVING_H
#define QUEUE_MOVING_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MOVING_NAME = 64, /* bytes of "N.F.O" and its end byte */
	MOVING_PATH = 96, /* bytes of "queue/mess/SS/N.F.O" and its end byte */
	MOVING_STRAYS = 1 << 20 /* bytes of foreign names kept of a folder */
};

struct name {
	uint64_t ino;    /* INO; of a moving name N */
	bool moving;     /* N.F.O: */
	uint64_t folder; /* F */
	uint64_t was;    /* O */
};

/* A name that the suite gives: INO or N.F.O, in decimal, no zeros in front.
 * False for any other. */
MUST_USE bool name_parse(struct str text, struct name *n);

/* The text of a name.  Matched by name_parse. */
void name_format(char out[MOVING_NAME], const struct name *n);

/* A folder's number, "0" among them; likewise. */
MUST_USE bool name_parse_folder(struct str text, uint64_t *number);

/* n, in this folder, is where the message with the inode ino belongs, or, if
 * it is a moving name, where it belongs while it moves. */
bool name_fits(
    const struct name *n, uint64_t folder, uint64_t ino, unsigned split);

/* The moving name, in folder ino modulo the split, of the message with the
 * inode ino that has the name n in folder. */
struct name name_moving(const struct name *n, uint64_t folder, uint64_t ino);

/* The names of one folder in their order.  Zero is the start. */
struct names {
	struct name *list;
	size_t count, cap;
	char *strays; /* foreign names, each with its end byte */
	size_t strays_len, strays_cap;
	bool partial; /* there were more strays than are kept */
};

/* List the open folder dir, "." and ".." left out; folders say which kind of
 * names counts: those of folders or those of messages.  The list is anew each
 * time.  False with errno. */
MUST_USE bool names_read(struct names *n, int dir, bool folders);

/* The stray after this one; NULL begins, and is the end. */
const char *names_stray(const struct names *n, const char *before);

/* Free the lists. */
void names_free(struct names *n);

#endif
