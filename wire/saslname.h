/* saslname: the names of the mechanisms of wire/sasl.h, as control files and
 * clients say them: words between blanks, ASCII case ignored. */
#ifndef WIRE_SASLNAME_H
#define WIRE_SASLNAME_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>

enum saslname {
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_CRAM,
	SASL_SCRAM,
	SASL_SCRAM_PLUS,
	SASL_NAMES /* how many; and none of them */
};

/* Which it is; SASL_NAMES for none. */
enum saslname saslname_find(struct str word);

/* Take the next word off *rest; false when there is none. */
MUST_USE bool saslname_next(struct str *rest, struct str *word);

/* Each word is a name; else *bad is the first that is none. */
MUST_USE bool saslname_all(struct str words, struct str *bad);

#endif
