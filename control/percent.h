/* percent: addresses that name the next host, user%host@domain, of the domains
 * in percenthack. */
#ifndef CONTROL_PERCENT_H
#define CONTROL_PERCENT_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"

/* Rewrite an envelope address as qmail-send does: as long as its domain is in
 * percenthack and its local part holds a '%' behind its first byte, the last
 * one becomes its '@', and what followed the old '@' is gone.  FOUND_YES: it
 * was rewritten; FOUND_NO: it is as it was; FOUND_ERROR: the list cannot be
 * read, and the address may be half rewritten. */
MUST_USE enum found percent_rewrite(
    const struct controls *c, struct buf *address);

#endif
