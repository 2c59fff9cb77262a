/* tlsrule: one line of control/tlspolicy, what TLS mail to a next hop wants.
 *
 *   line   = [ [ "." ] domain / literal ] ":" policy
 *   policy = "none" / "may" / "encrypt" / "dane" / "sts" / "verify" *( " " name )
 *   name   = [ "." ] domain          a leading dot: any one label before it
 */
#ifndef CONTROL_TLSRULE_H
#define CONTROL_TLSRULE_H

#include "control/control.h"
#include "control/value.h"
#include "lib/attr.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { TLSRULE_NAMES = 7 }; /* most names of a line */

enum tlsrule_level {
	TLSRULE_NONE,    /* no TLS */
	TLSRULE_MAY,     /* where it is offered, with anybody */
	TLSRULE_ENCRYPT, /* always, with anybody */
	TLSRULE_VERIFY,  /* always, with who has a certificate for a name */
	TLSRULE_DANE,    /* always, as the host's TLSA records say */
	TLSRULE_STS      /* always, as the domain's MTA-STS policy says */
};

struct tlsrule {
	enum tlsrule_level level;
	struct str names[TLSRULE_NAMES]; /* of VERIFY; views into the value */
	size_t count;                    /* 0: the next hop's own */
};

/* Take the value of a line apart.  False: *f says what is wrong. */
MUST_USE bool tlsrule_parse(
    struct str value, struct tlsrule *r, struct fault *f);

/* The rule for a next hop's host as control/nexthop.h has it: the line of the
 * host, of ".suffix" for each of its suffixes, the one with the empty key.
 * FOUND_YES: *r points into the value, until the next refresh.  FOUND_ERROR:
 * the table cannot be read or its line is malformed (errno): defer. */
MUST_USE enum found tlsrule_find(
    const struct controls *c, const char *host, struct tlsrule *r);

/* "none", "may" ... as a line has it. */
const char *tlsrule_name(enum tlsrule_level level);

#endif
