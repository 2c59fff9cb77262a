/* rewrite: names of hosts made whole, as qmail-header(5) says. */
#ifndef QUEUE_REWRITE_H
#define QUEUE_REWRITE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

struct rewrite {
	struct str host;   /* defaulthost: where an address has none */
	struct str domain; /* defaultdomain: behind a host without dots */
	struct str plus;   /* plusdomain: in place of a '+' at its end */
};

/* It may stand behind the '@' of an envelope: no blanks, control bytes or
 * marks of address lists. */
bool rewrite_domain_ok(struct str domain);

/* Append the whole name of a host: one dot at its end is left out; an empty one
 * is the default host; a literal, "[]" too, stays.  Fails as buf_append. */
MUST_USE bool rewrite_domain(
    const struct rewrite *r, struct str domain, struct buf *out);

/* Append a whole address for one in envelope form, as a command line gives it:
 * what stands before the last '@' is the local part, whatever it is.  Nothing
 * for "".  False with EINVAL when no envelope can hold it, or as buf_append. */
MUST_USE bool rewrite_address(
    const struct rewrite *r, struct str address, struct buf *out);

/* An envelope can hold it: not too long, no control bytes. */
bool rewrite_address_ok(struct str address);

#endif
