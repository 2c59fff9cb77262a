/* peers: who is connected, and who may connect besides. */
#ifndef QUEUE_PEERS_H
#define QUEUE_PEERS_H

#include "lib/account.h"
#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	PEERS_TOTAL = 4096, /* connections at once */
	PEERS_EACH = 20,    /* of an ordinary uid */
};

/* Accounts with places kept for them and no limit of their own: the account,
 * and how many places nobody else gets. */
#define PEERS_SERVICES(X)                                                      \
	X(SMTPD, 2048)                                                         \
	X(QUEUE, 64)                                                           \
	X(FILTER, 32)                                                          \
	X(ALIAS, 32)                                                           \
	X(VIRTUAL, 32)

enum peers_service {
#define PEERS_ID(account, kept) PEERS_##account,
	PEERS_SERVICES(PEERS_ID)
#undef PEERS_ID
	    PEERS_ORDINARY /* everybody else */
};

struct peers {
	uid_t service[PEERS_ORDINARY];
	size_t kept[PEERS_ORDINARY];
	struct {
		pid_t pid; /* of the writer; 0: free */
		uid_t uid;
	} slots[PEERS_TOTAL];
	size_t count, of_service[PEERS_ORDINARY];
};

/* All free.  Looks the accounts up, before the jail: in a private instance all
 * of them are one uid.  False with errno. */
MUST_USE bool peers_init(struct peers *p);

/* Which service the uid is.  In a private instance SMTPD. */
enum peers_service peers_service(const struct peers *p, uid_t uid);

/* There is a place for one more connection of uid. */
bool peers_admit(const struct peers *p, uid_t uid);

/* A connection of uid, admitted before, is served by pid; and pid ended. */
void peers_add(struct peers *p, pid_t pid, uid_t uid);

/* The process pid has ended. */
void peers_remove(struct peers *p, pid_t pid);

/* Call each(pid) for every writer. */
void peers_each(const struct peers *p, void (*each)(pid_t pid));

#endif
