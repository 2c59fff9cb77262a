/* local: whether an address is this host's to deliver, and under which name:
 * control/locals and control/virtualdomains, as culver-send routes by them and
 * culver-smtpd asks whether a recipient exists. */
#ifndef CONTROL_LOCAL_H
#define CONTROL_LOCAL_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"

/* FOUND_YES: the domain is one of locals (without the file: me); or virtual, by
 * the line for the whole address, the domain, a ".suffix" of it or the empty
 * key, the first of these that is there, and then its prepend and a '-' stand in
 * front of the address.  An empty prepend is an exception: FOUND_NO.
 * FOUND_ERROR, address perhaps unchanged, when a table cannot be read or memory
 * runs out.  The reader must be one of both rows, and of me. */
MUST_USE enum found local_find(const struct controls *c, struct buf *address);

/* What culver-send does with a recipient, all of it: envnoathost behind one
 * that has no '@', percenthack, local_find, and the domains of mailboxes in
 * users, users/rcpt.cdb (NULL: there are none).  FOUND_YES: it is delivered
 * here, as the address in out (emptied first); FOUND_NO: it goes to another
 * host.  The reader must also be one of envnoathost and percenthack. */
MUST_USE enum found local_route(const struct controls *c,
    const struct table *users, struct str recipient, struct buf *out);

#endif
