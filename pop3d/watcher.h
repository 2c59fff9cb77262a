/* watcher: waits for a checkpassword program, and tells how it ended; a process
 * that can do nothing else, beside each mailbox that such a program has opened.
 */
#ifndef POP3D_WATCHER_H
#define POP3D_WATCHER_H

#include "lib/attr.h"
#include <sys/types.h>

/* Give up all rights, close both descriptors, wait for the child (-1: there is
 * none), and say on answer what pop3d/opener.h has for its end. */
NO_RETURN void watcher_run(pid_t child, int answer, const int closed[2]);

#endif
