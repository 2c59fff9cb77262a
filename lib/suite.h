/* suite: the accounts and groups that no mail is delivered as: root's, and the
 * suite's own but culvera. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H

#include "lib/attr.h"
#include <stdbool.h>
#include <sys/types.h>

/* No mail for a home is delivered as this uid: root's, and those of the suite's
 * accounts but culvera; in a private instance root's alone.  What account_learn
 * has learned is not looked up. */
bool suite_has_uid(uid_t uid);

/* Likewise, of groups. */
bool suite_has_gid(gid_t gid);

/* Mail may be delivered as them: a mailbox of users/passwd as culverv alone;
 * mail for a home as anybody that suite_has_uid and suite_has_gid do not have.
 * In a private instance all are one. */
MUST_USE bool suite_allows(uid_t uid, gid_t gid, bool mailbox);

#endif
