/* dsn: the values of the parameters that ask for notices, RFC 3461 4. */
#ifndef SMTPD_DSN_H
#define SMTPD_DSN_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	DSN_ENVID_MAX = 100, /* octets as written, RFC 3461 4.4 */
	DSN_ORCPT_MAX = 500, /* likewise, 4.2 */
};

/* NOTIFY is a set of these, or of the first alone. */
enum dsn_notify {
	DSN_NEVER = 1 << 0,
	DSN_SUCCESS = 1 << 1,
	DSN_FAILURE = 1 << 2,
	DSN_DELAY = 1 << 3,
};

/* The value of NOTIFY; false, *set unchanged, when it is malformed. */
MUST_USE bool dsn_notify(struct str value, unsigned *set);

/* The words of a set, as an envelope has them; "" for one that is none. */
const char *dsn_notify_text(unsigned set);

/* The value of ENVID, decoded into out; it has only printable characters and
 * blanks.  False when it is malformed, empty, too long or has others. */
MUST_USE bool dsn_envid(struct str value, char out[DSN_ENVID_MAX], size_t *len);

/* The value of ORCPT is well formed, and nothing but printable characters and
 * blanks stands behind its encoding: "type;xtext", and of the type utf-8 what
 * RFC 6533, 3 writes; characters beyond ASCII only with utf8. */
bool dsn_orcpt_ok(struct str value, bool utf8);

#endif
