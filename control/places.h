/* places: no mailbox lies within another's. */
#ifndef CONTROL_PLACES_H
#define CONTROL_PLACES_H

#include "control/mailboxes.h"
#include "lib/attr.h"
#include <stdbool.h>

/* Find a mailbox of m with a place of its own that lies in another's Maildir, or
 * has another's in its own; two may have one Maildir together.  *at is a line of
 * the two, NULL when there is none such.  False with errno when that cannot be
 * known.  Costs as much as there are mailboxes with places of their own. */
MUST_USE bool places_check(
    const struct mailboxes *m, const struct mailbox **at);

#endif
