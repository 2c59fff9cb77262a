/* finder: culver-lspawn's two halves without rights, which find out whose mail
 * is whose: the finding half for root, local/finding.h, and its child, the
 * asking half, for culver-smtpd, wire/who.h. */
#ifndef LOCAL_FINDER_H
#define LOCAL_FINDER_H

#include "lib/attr.h"

/* Be the finding half: root is at the other end of root_fd, who_fd listens at
 * WHO_SOCKET; of others' descriptors none stays open.  Ends when root has
 * ended. */
NO_RETURN void finder_run(int root_fd, int who_fd);

#endif
