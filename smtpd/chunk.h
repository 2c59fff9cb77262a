/* chunk: BDAT (RFC 3030): a message in pieces whose sizes are told.  The bytes
 * of a piece are taken from the connection whatever becomes of the command:
 * they are never read as commands. */
#ifndef SMTPD_CHUNK_H
#define SMTPD_CHUNK_H

#include "lib/attr.h"
#include "lib/str.h"
#include "smtpd/session.h"
#include <stdbool.h>
#include <stdint.h>

enum { CHUNK_DIGITS = 20 }; /* RFC 3030, 2 */

#define CHUNK_MAX UINT32_MAX /* bytes of one piece */

struct chunk {
	uint64_t size; /* at most CHUNK_MAX */
	bool last;
};

/* "SIZE" or "SIZE LAST".  False, *c unchanged, for anything else. */
MUST_USE bool chunk_parse(struct str argument, struct chunk *c);

/* The verb. */
struct reply do_bdat(struct session *s, struct str argument);

/* The verb is refused with r before it has run: swallow its bytes.  Where their
 * number cannot be known the connection ends. */
struct reply chunk_refuse(
    struct session *s, struct str argument, struct reply r);

#endif
