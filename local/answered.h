/* answered: whom an autoresponder has answered, and when: a file of lines
 * "SECONDS ADDRESS". */
#ifndef LOCAL_ANSWERED_H
#define LOCAL_ANSWERED_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { ANSWERED_MAX = 1 << 18 }; /* bytes of one */

enum answered { ANSWERED_NO, ANSWERED_LATELY, ANSWERED_FULL, ANSWERED_ERROR };

/* Open the file, which is made where it is not there, lock it, and look whether
 * the address was answered within so many seconds before now.  *fd is the
 * caller's to close, which unlocks it, and -1 after ANSWERED_ERROR (errno).
 * ANSWERED_FULL: it holds so many of the last days that no more is noted. */
MUST_USE enum answered answered_open(const char *path, struct str address,
    int64_t now, int64_t seconds, int *fd);

/* Make room in the file opened as fd for a note of the address, which holds no
 * line end: a line, at *at, of a time long ago.  False with errno, and nothing
 * is changed. */
MUST_USE bool answered_reserve(int fd, struct str address, int64_t *at);

/* It has been answered now: the line at says so, which takes no more room.
 * False with errno. */
MUST_USE bool answered_note(int fd, int64_t at, int64_t now);

#endif
