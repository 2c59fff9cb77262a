/* domains: what users/passwd and control/ say of whole domains. */
#ifndef CONTROL_DOMAINS_H
#define CONTROL_DOMAINS_H

#include "control/mailboxes.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* How many mailboxes the domain has, its own line not counted. */
size_t domains_mailboxes(const struct mailboxes *m, struct str domain);

/* The domain has a mailbox or a line of its own. */
bool domains_has(const struct mailboxes *m, struct str domain);

/* An alias domain of this one, "@alias" and more of the text behind it; NULL when
 * there is none. */
const struct mailbox *domains_alias(
    const struct mailboxes *m, struct str domain);

/* Print all domains to standard output, as a table or as JSON: those of users/passwd, and of
 * control/, open as dirfd.  False with error. */
MUST_USE bool domains_print(
    const struct mailboxes *m, int dirfd, bool json, struct buf *error);

#endif
