/* failures: how often logins of a user and from an address have failed lately,
 * and so how long the next failure has to wait.  A fixed table: what has not
 * failed for longest makes room. */
#ifndef POP3D_FAILURES_H
#define POP3D_FAILURES_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	FAILURES_SETS = 2048,
	FAILURES_WAYS = 4,     /* rows that a key may be in */
	FAILURES_WINDOW = 900, /* seconds without one, and all are forgotten */
	FAILURES_USER = 3,     /* failures of a user that wait LOGIN_DELAY */
	FAILURES_ADDRESS = 10  /* and of an address: many people share some */
};

/* Made from the name and a secret of the process, so that nobody outside can
 * find two names that share one.  0 is nobody's. */
struct failures_keys {
	uint64_t user, address;
};

struct failures_row {
	uint64_t key;
	int64_t last; /* on the boot clock */
	uint32_t count;
};

struct failures {
	uint64_t secret[2];
	struct failures_row rows[FAILURES_SETS][FAILURES_WAYS];
};

/* An empty table with a fresh secret.  False with errno. */
MUST_USE bool failures_open(struct failures *f);

/* The keys of a user, ASCII case ignored, and of an address in text; IPv6
 * addresses of one network of 64 bits share theirs. */
struct failures_keys failures_keys(
    const struct failures *f, struct str user, struct str address);

/* A login has failed at now.  Returns after how many seconds from its beginning
 * to say so: LOGIN_DELAY, and twice as long with each failure beyond those
 * above, up to LOGIN_DELAY_MOST. */
int failures_add(struct failures *f, struct failures_keys k, int64_t now);

/* The same for who has begun to log in and may never end it, which is a failure
 * unless failures_undo takes it back.  When it is one indeed, failures_delay
 * says for how long to wait, as failures_add would, and counts nothing. */
void failures_begin(struct failures *f, struct failures_keys k, int64_t now);

/* See failures_begin. */
int failures_delay(struct failures *f, struct failures_keys k, int64_t now);

/* See failures_begin. */
void failures_undo(struct failures *f, struct failures_keys k);

/* A login of this user was right: nothing is held against him any more. */
void failures_forgive(struct failures *f, struct failures_keys k);

#endif
