/* suite: the accounts and groups that no mail is delivered as: root's, and the
 * suite's own but culvera and culverv. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H

#include "lib/attr.h"
#include <stdbool.h>
#include <sys/types.h>

/* Mail may be delivered as them: a mailbox of users/passwd as culverv alone;
 * mail for a home as anybody but root, culverv and the rest of the suite's
 * accounts and groups save culvera.  In a private instance all are one.  What
 * account_learn has learned is not looked up. */
MUST_USE bool suite_allows(uid_t uid, gid_t gid, bool mailbox);

#endif
