/* recent: passwords that were right a moment ago, so that who comes again at
 * once, as clients do that open several connections, does not cost a hash each
 * time.  Neither passwords nor hashes are kept, but tags: HMAC-SHA256, under a
 * secret that no other process has, of user, password and the hash that is kept
 * of it now.  With another password, another hash, or in another process, the
 * tag is another one.  Only right passwords have a row. */
#ifndef POP3D_RECENT_H
#define POP3D_RECENT_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/checkpw.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	RECENT_ROWS = 256,   /* what comes later takes the row of another */
	RECENT_SECONDS = 10, /* from the hash on, however often it is used */
	RECENT_SECRET = 32,
	RECENT_TAG = 32
};

struct recent_row {
	unsigned char tag[RECENT_TAG];
	int64_t until; /* on the boot clock; 0: none */
};

struct recent {
	unsigned char secret[RECENT_SECRET];
	struct recent_row rows[RECENT_ROWS];
};

/* No rows, and a fresh secret.  False with errno. */
MUST_USE bool recent_open(struct recent *r);

/* The tag of a login by password where hash is kept.  False without memory. */
MUST_USE bool recent_tag(const struct recent *r, const struct checkpw *who,
    struct str hash, unsigned char tag[RECENT_TAG]);

/* The hash of this password was right, now. */
void recent_keep(
    struct recent *r, const unsigned char tag[RECENT_TAG], int64_t now);

/* It was right less than RECENT_SECONDS ago. */
MUST_USE bool recent_has(
    const struct recent *r, const unsigned char tag[RECENT_TAG], int64_t now);

/* Wipe the rows whose time is over. */
void recent_forget(struct recent *r, int64_t now);

#endif
