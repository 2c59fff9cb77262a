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

/* Note the address, which holds no line end, in the file opened as fd.  False
 * with errno. */
MUST_USE bool answered_note(int fd, struct str address, int64_t now);

#endif
