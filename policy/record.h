/* record: what a domain says in DNS of its policy (RFC 8461, 3.1) and of where
 * it wants reports (RFC 8460, 3).  The records are anybody's bytes. */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	RECORD_PLACES = 8, /* where one report goes at most */
	RECORD_PLACE_MAX =
	    1000, /* octets of one; a longer one is passed over */
};

/* The id among count TXT records of _mta-sts.DOMAIN; it points into them.
 * False when the domain has no policy: not exactly one record begins with
 * "v=STSv1;", or that one is malformed. */
MUST_USE bool record_id(
    const struct str *records, size_t count, struct str *id);

struct record_place {
	bool mail;       /* a mail address; else an https URI */
	struct str what; /* the address as in the URI (may hold %XX), without
			  * "mailto:" and what follows a '?'; or the URI */
};

/* The places among count TXT records of _smtp._tls.DOMAIN; they point into
 * them.  Returns how many; 0 where no reports are wanted or the record is
 * malformed.  URIs of other schemes are passed over. */
size_t record_places(const struct str *records, size_t count,
    struct record_place places[RECORD_PLACES]);

#endif
