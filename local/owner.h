/* owner: whose mail it is.  Runs as root. */
#ifndef LOCAL_OWNER_H
#define LOCAL_OWNER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include "wire/job.h"
#include "wire/users.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	OWNER_NAME = 32,       /* bytes of a user name, end byte included */
	OWNER_CACHE = 256,     /* local parts remembered */
	OWNER_FRESH = 5000000, /* for so long, microseconds */
	OWNER_KEY = 64,   /* bytes of one; longer ones are not remembered */
	OWNER_HOME = 1024 /* bytes of a home, end byte included */
};

struct account_row { /* an account that receives mail */
	uid_t uid;
	gid_t gid;
	char name[OWNER_NAME];
	char home[OWNER_HOME];
};

struct owner_row { /* what a system lookup of a local part found */
	char key[OWNER_KEY + 1];
	int64_t until; /* boot clock, microseconds */
	size_t len;    /* of the local part that is the user's name */
	struct account_row account;
};

struct owners {
	struct users rcpt;
	struct account_row virtual, alias;
	struct owner_row cache[OWNER_CACHE];
};

/* Find the accounts for virtual mailboxes and aliases.  Dies (111). */
void owner_open(struct owners *o);

/* Whose mail for d's only recipient is: *a, and in d all but the message.  A
 * mailbox of users/rcpt.cdb is culverv's (d->home stays empty); else the local
 * part names a system user, or one and an extension behind a '-', who is not
 * root and has a home of his own (qmail-getpw's rules); else it is culvera's.
 * FOUND_NO: the domain is the table's and has no such mailbox.  d's texts are
 * valid until the next call. */
MUST_USE enum found owner_find(
    struct owners *o, struct delivery *d, const struct account_row **a);

#endif
