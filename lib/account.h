/* account: the accounts and groups of DESIGN 2, by what they are for. */
#ifndef LIB_ACCOUNT_H
#define LIB_ACCOUNT_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*      id      name        also in    what it is for */
#define ACCOUNTS(X)                                                            \
	X(SMTPD, "culverd", "", "talks SMTP with clients")                     \
	X(QUEUE, "culverq", "culverm", "writes the queue, composes bounces")   \
	X(SEND, "culvers", "culverm", "schedules and removes")                 \
	X(REMOTE, "culverr", "culverm", "delivers to other hosts")             \
	X(POPUP, "culverp", "", "talks POP3 with clients")                     \
	X(USERS, "culveru", "", "owns users/passwd, checks passwords")         \
	X(KEYS, "culverk", "", "holds private keys")                           \
	X(FILTER, "culverf", "", "runs mail handlers")                         \
	X(POLICY, "culvert", "", "fetches TLS policies, reports on TLS")       \
	X(ALIAS, "culvera", "", "receives alias mail")                         \
	X(VIRTUAL, "culverv", "", "owns virtual mailboxes")                    \
	X(LOG, "culverl", "", "writes logs")

enum account {
#define ACCOUNT_ID(id, name, also, what) ACCOUNT_##id,
	ACCOUNTS(ACCOUNT_ID)
#undef ACCOUNT_ID
	    ACCOUNT_COUNT,
	ACCOUNT_ROOT, /* keeps root in a real instance */
	ACCOUNT_SELF, /* keeps whoever it is: a user's own program */
};

#define GROUP_MESSAGES "culverm"   /* reads queued messages */
#define GROUP_ADMIN    "culveradm" /* people who may use queue/ctl */

/* One row of the table above; NULL for ACCOUNT_ROOT and ACCOUNT_SELF. */
const char *account_name(enum account a);

/* The group that it is in besides its own; "" for none. */
const char *account_also(enum account a);

/* What it is for, in a few words. */
const char *account_purpose(enum account a);

/* The numbers of an account; in a private instance its owner's, whichever is
 * asked.  False when the account does not exist (errno ENOENT) or the lookup
 * failed.  What was found once is found again within a jail. */
MUST_USE bool account_find(enum account a, uid_t *uid, gid_t *gid);

/* The same for a group by name; in a private instance HOME's group. */
MUST_USE bool account_group(const char *name, gid_t *gid);

/* Find them all, for later.  drop_to does it before it jails. */
void account_learn(void);

#endif
