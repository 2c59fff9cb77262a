/* tables: what the two tables of users/passwd are made of. */
#ifndef CONTROL_TABLES_H
#define CONTROL_TABLES_H

#include "control/mailboxes.h"
#include "lib/attr.h"
#include "lib/cdb.h"
#include <stdbool.h>

/* The mode of a table, or of its front: with hashes, or with all but those. */
unsigned tables_mode(bool hashes);

/* Give the one with hashes to its account.  False with errno. */
MUST_USE bool tables_give(struct table_maker *maker);

/* Add a mailbox as the one or the other has it.  False with errno. */
MUST_USE bool tables_add(
    struct table_maker *maker, const struct mailbox *box, bool hashes);

#endif
