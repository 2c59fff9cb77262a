/* scram: the messages of SCRAM-SHA-256 (RFC 5802, 7; RFC 7677), without its
 * keys (lib/scramkey.h).  Names are compared as they are: no SASLprep. */
#ifndef LIB_SCRAM_H
#define LIB_SCRAM_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

enum {
	SCRAM_NAME = 255,  /* most bytes of a user's name */
	SCRAM_FIRST = 400, /* most bytes of a client-first-message */
	SCRAM_NONCE = 64,  /* most bytes of a client's nonce */
	SCRAM_OURS = 24    /* bytes that we add to it, printable */
};

/* A client-first-message. */
struct scram_first {
	struct str header;  /* gs2-header, both commas included */
	char binding;       /* of it: 'n', 'y' or 'p' */
	struct str type;    /* of 'p': "tls-exporter" */
	struct str authzid; /* as written; empty: none */
	struct str bare;    /* client-first-message-bare */
	struct str name;    /* as written, =2C and =3D for ',' and '=' */
	struct str nonce;
};

/* A client-final-message. */
struct scram_final {
	struct str binding; /* c=, base64 */
	struct str nonce;
	struct str without; /* client-final-message-without-proof */
	struct str proof;   /* base64 */
};

/* False for anything malformed, over the limits above or with an extension that
 * is mandatory (m=).  Views point into text. */
MUST_USE bool scram_first_read(struct str text, struct scram_first *f);

/* Likewise. */
MUST_USE bool scram_final_read(struct str text, struct scram_final *f);

/* Append the name that is written so; false with errno EINVAL for a '=' that is
 * neither =2C nor =3D, else as buf_append. */
MUST_USE bool scram_name(struct buf *b, struct str written);

/* The nonce of a server-first-message; empty when there is none. */
struct str scram_nonce(struct str server_first);

/* The final message answers this first one and our answer to it: its nonce is
 * the whole one, ours included, and its c= is the header with data, the channel
 * binding data of this connection where the header's binding is 'p'. */
MUST_USE bool scram_matches(const struct scram_first *first,
    struct str server_first, const struct scram_final *final, struct str data);

#endif
