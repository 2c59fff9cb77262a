/* addrlist: address lists of header fields, as qmail-header(5) reads them. */
#ifndef QUEUE_ADDRLIST_H
#define QUEUE_ADDRLIST_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "queue/fold.h"
#include "queue/rewrite.h"
#include <stdbool.h>

/* Read a list, "a@b, c@d (Somebody), A Person <e@f>, group: g@h, i@j;", and
 * write it to f with every host name made whole: commas where blanks stood
 * between addresses, no source routes, no blanks within an address.  Where
 * found is not NULL each address is appended to it, in the list's order, in
 * envelope form with a NUL behind it; "<>" is an empty one.
 *
 * Lists are read from their end, where they are easy (RFC 822 has it so): of
 * "A b@c <d@e>" the address is d@e and the rest its owner's name.
 *
 * False with EINVAL when it is malformed, and, where found is not NULL, when an
 * envelope cannot hold one of the addresses; or as buf_append.  f->out and
 * *found may hold a part then. */
MUST_USE bool addrlist_write(struct str text, const struct rewrite *hosts,
    struct fold *f, struct buf *found);

#endif
