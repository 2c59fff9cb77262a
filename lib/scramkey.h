/* scramkey: the keys of SCRAM-SHA-256 (RFC 5802, 3; RFC 7677). */
#ifndef LIB_SCRAMKEY_H
#define LIB_SCRAMKEY_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	SCRAM_KEY = 32,           /* bytes: SHA-256 */
	SCRAM_SALT = 64,          /* most bytes of a salt */
	SCRAM_ITERATIONS = 10000, /* of a new verifier: 5 ms a login */
	SCRAM_ITERATIONS_LEAST = 4096,
	SCRAM_ITERATIONS_MOST = 1000000
};

/* What is kept of a password: whoever has it can check it and not say it. */
struct scram_verifier {
	uint32_t iterations;
	unsigned char salt[SCRAM_SALT];
	size_t salt_len;
	unsigned char stored[SCRAM_KEY], server[SCRAM_KEY];
};

/* Set stored and server for the salt and the iterations that stand in v.  False
 * when the library cannot. */
MUST_USE bool scramkey_make(struct scram_verifier *v, struct str password);

/* "ITER,SALT,STORED,SERVER", in base64 but for the number.  Fails as
 * buf_append.  Matched by scramkey_read, which is false for anything else and
 * for iterations out of the bounds above. */
MUST_USE bool scramkey_write(struct buf *b, const struct scram_verifier *v);

/* Matched by scramkey_write. */
MUST_USE bool scramkey_read(struct str text, struct scram_verifier *v);

/* Append the server-first-message to a client's nonce and ours.  Fails as
 * buf_append. */
MUST_USE bool scramkey_first(struct buf *b, const struct scram_verifier *v,
    struct str nonce, struct str ours);

enum scramkey_result { SCRAMKEY_RIGHT, SCRAMKEY_WRONG, SCRAMKEY_TROUBLE };

/* Check the proof of a client-final-message; messages are all three as they
 * were sent.  When it is right the server-final-message is appended to b. */
MUST_USE enum scramkey_result scramkey_check(const struct scram_verifier *v,
    struct str client_first, struct str server_first, struct str client_final,
    struct buf *b);

#endif
