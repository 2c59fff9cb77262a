/* update: the UPDATE state (RFC 1939, 6). */
#ifndef POP3D_UPDATE_H
#define POP3D_UPDATE_H

#include "lib/attr.h"
#include "pop3d/maildrop.h"
#include <stdbool.h>

/* Remove what is marked, move the rest from new/ to cur/, give what was sent
 * the flag S, and sync both folders.  No file is ever replaced, and one that
 * another session removed or moved before is no failure.  False with errno when
 * a marked message is still there. */
MUST_USE bool update_commit(struct maildrop *m);

#endif
