/* finder: culver-lspawn's halves without rights, which find out whose mail is
 * whose: the finding half for root, local/finding.h, and its children: the
 * asking half for culver-smtpd, wire/who.h, and who asks the name service,
 * local/naming.h. */
#ifndef LOCAL_FINDER_H
#define LOCAL_FINDER_H

#include "lib/attr.h"

/* Be the finding half: root is at the other end of root_fd, who_fd listens at
 * WHO_SOCKET; of others' descriptors none stays open.  Ends when root has
 * ended. */
NO_RETURN void finder_run(int root_fd, int who_fd);

#endif
