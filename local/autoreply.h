/* autoreply: whether a message may be answered by a machine (RFC 3834, 2), and
 * the answer. */
#ifndef LOCAL_AUTOREPLY_H
#define LOCAL_AUTOREPLY_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AUTOREPLY_HEADER = 1 << 18, /* bytes of a header that are looked at */
	AUTOREPLY_TEXT = 1 << 16,   /* bytes of an answer's text */
	AUTOREPLY_WORDS = 200       /* bytes of the subject that are kept */
};

struct autoreply {
	struct str sender;      /* of the envelope: the answer goes there */
	struct str header;      /* of the message, LF line ends */
	const struct str *mine; /* addresses of the user; the first is From */
	size_t mine_count;
};

/* NULL when it may be answered, else why not, in words: no sender, a sender
 * that is a machine's, a message of a list, of a machine or in bulk, one that is
 * not addressed to any of mine, or a header of AUTOREPLY_HEADER and more. */
const char *autoreply_refusal(const struct autoreply *a);

/* Append the answer: its header, and text, which ends with an LF then.
 * seconds since 1970; unique goes into its Message-ID.  False as buf_append, and
 * with EINVAL for an address that no header can hold. */
MUST_USE bool autoreply_write(struct buf *b, const struct autoreply *a,
    struct str text, int64_t seconds, const char *unique);

#endif
