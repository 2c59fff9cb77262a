/* history: a message's journal brought back into memory. */
#ifndef SEND_HISTORY_H
#define SEND_HISTORY_H

#include "lib/attr.h"
#include "send/active.h"
#include "wire/journal.h"
#include <stdbool.h>

enum { HISTORY_MAX = 1 << 28 }; /* bytes of a journal that are read */

/* Read info/SS/INO into a.  A journal that is empty or another message's is
 * removed, and its folder synced.  False with errno when it cannot be read or
 * removed. */
MUST_USE bool history_read(struct active *a, unsigned split);

/* What one line means for a.  False without memory. */
MUST_USE bool history_apply(struct active *a, const struct journal_line *l);

#endif
