/* owner: whose mail is for an address, and whether there is anybody.  Runs as
 * culverv. */
#ifndef LOCAL_OWNER_H
#define LOCAL_OWNER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
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
	bool hidden; /* whose the home is could not be looked at */
};

struct owner_row { /* what a system lookup of a local part found */
	char key[OWNER_KEY + 1];
	int64_t until; /* boot clock, microseconds */
	size_t len;    /* of the local part that is the user's name */
	struct account_row account;
};

struct owner {                             /* whose mail is for an address */
	const struct account_row *account; /* as whom it is delivered */
	struct str user, home, dash, ext;  /* as in struct delivery */
	struct user_record record;         /* where home is empty */
};

struct owners {
	struct users rcpt;
	struct table *assign;  /* users/cdb; NULL: not open, or there is none */
	int64_t assign_looked; /* boot clock */
	struct buf ext;        /* of what assign found */
	struct account_row virtual, alias, assigned;
	struct owner_row looked; /* what owner_find looked up last */
	struct owner_row cache[OWNER_CACHE];
};

/* Find the accounts for virtual mailboxes and aliases.  Dies (111). */
void owner_open(struct owners *o);

/* Whose mail for the address is, in this order: a mailbox of users/rcpt.cdb is
 * culverv's (home stays empty, user is the address); users/cdb; the local part
 * names a system user, or one and an extension behind a '-', who is not root and
 * has a home of his own (qmail-getpw's rules; a home that culverv may not look
 * at is taken for his own, and the account says so); else it is culvera's.
 * FOUND_NO: the domain is that of mailboxes and has no such one.  w's views are
 * valid until the next call. */
MUST_USE enum found owner_find(
    struct owners *o, struct str address, struct owner *w);

/* The same in two steps, for who may not wait for the system's name service.
 * What the tables, or what was learned a moment ago, say: *ask is true, and the
 * answer FOUND_NO, where only the system can tell. */
MUST_USE enum found owner_known(
    struct owners *o, struct str address, struct owner *w, bool *ask);

/* The user that a local part is or begins with, or culvera, into row, from the
 * system.  FOUND_YES, or FOUND_ERROR with errno. */
MUST_USE enum found owner_look_up(
    const struct owners *o, struct str local, struct owner_row *row);

/* Keep what owner_look_up found for a while; w's views are of row, and of local. */
void owner_learn(struct owners *o, struct str local,
    const struct owner_row *row, struct owner *w);

/* Somebody whom owner_known or owner_learn named has mail there, or that cannot be
 * known by stat: he has no dash, or a .qmail file. */
MUST_USE bool owner_has_mail(const struct owner *w);

/* There is somebody, or it cannot be known by stat: owner_find's answer, which
 * is in w, and owner_has_mail's. */
MUST_USE enum found owner_exists(
    struct owners *o, struct str address, struct owner *w);

#endif
