/* desk: the socket at which culver-remote asks and tells (wire/sts.h). */
#ifndef POLICY_DESK_H
#define POLICY_DESK_H

#include "lib/attr.h"
#include "policy/keeper.h"
#include <stdbool.h>
#include <sys/types.h>

enum { DESK_MOST = 1024 }; /* connections at once; further ones wait */

/* Serve who connects to listening, if it is peer's, until SIGTERM comes out of
 * signals (lib/os_linux.h) or the other end of life, a pipe of the reporter's,
 * is closed.  Returns false for that. */
MUST_USE bool desk_run(
    struct keeper *k, int listening, uid_t peer, int signals, int life);

#endif
