/* unmap: the address behind one that virtualdomains has put a prepend before. */
#ifndef QUEUE_UNMAP_H
#define QUEUE_UNMAP_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"

/* The address that by locals and virtualdomains of c is delivered as mapped,
 * as *out: a view into mapped.  work is emptied and used.  False: there is none
 * (errno 0), or errno. */
MUST_USE bool unmap_address(const struct controls *c, struct str mapped,
    struct buf *work, struct str *out);

#endif
