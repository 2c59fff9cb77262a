/* suite: the accounts and groups that no mail is delivered as: root's, and the
 * suite's own but culvera and culverv. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H

#include <stdbool.h>
#include <sys/types.h>

/* One of them has this uid; in a private instance root's alone.  What
 * account_learn has learned is not looked up. */
bool suite_has_uid(uid_t uid);

/* Likewise, of groups. */
bool suite_has_gid(gid_t gid);

#endif
