/* who: culver-smtpd asks culver-lspawn whether a local recipient exists, before
 * it takes mail that could only be bounced.
 *
 * Socket    WHO_SOCKET, of culver-lspawn's asking half, which runs as culverv;
 *           heard are culverd, and in a private instance its own uid.
 * Question  frame W: 8 bytes, the size that the message was announced with (0:
 *           unknown), in big-endian order; then the address as culver-send would
 *           give it to culver-lspawn: of a local domain, with the prepend of
 *           virtualdomains in front.  Any number of questions, one at a time.
 * Answer    a frame of one of these kinds, with no payload:
 *             Y  exists, and has room; or that cannot be known, as of a user
 *                whose home only he himself may read
 *             N  no such mailbox (RFC 3463, 5.1.1)
 *             F  exists, a mailbox of users/rcpt.cdb, and has no room for a
 *                message of that size (4.2.2, 5.2.2)
 *             Z  cannot tell now
 *           What culver-lspawn would do with mail to that address is what is
 *           answered; nothing is promised for the time until it comes.
 * Limits    WHO_ADDRESS bytes of address; WHO_ANSWER seconds for the answer;
 *           WHO_CLIENTS connections, the one that was silent longest makes
 *           room.  Who gets no answer takes it for Z: 451, never 250 or 5xx,
 *           and does not ask again for WHO_REST: each of many recipients would
 *           wait as long, until nobody is left to serve a client.
 *           culver-smtpd believes an answer for WHO_FRESH.
 */
#ifndef WIRE_WHO_H
#define WIRE_WHO_H

#include "lib/address.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/frame.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

#define WHO_SOCKET "state/who"

enum {
	WHO_ADDRESS = 2 * ADDRESS_MAX, /* a prepend is as long as a line */
	WHO_ANSWER = 30,
	WHO_REST = 10, /* seconds */
	WHO_CLIENTS = 4096,
	WHO_FRESH = 1000000, /* microseconds */
	WHO_QUESTION = 'W',
	WHO_REMEMBERED = 64, /* answers that a client keeps */
	WHO_KEY = 128        /* bytes of an address that is kept */
};

enum who { WHO_YES = 'Y', WHO_NO = 'N', WHO_FULL = 'F', WHO_TROUBLE = 'Z' };

/* Append the payload of a question.  Fails as buf_append, and with EMSGSIZE for
 * an address over WHO_ADDRESS.  Matched by who_read. */
MUST_USE bool who_write(struct buf *b, struct str address, uint64_t size);

/* Matched by who_write; false for anything malformed.  *address points into
 * in. */
MUST_USE bool who_read(struct str in, struct str *address, uint64_t *size);

/* The frame is an answer: *who is its letter. */
MUST_USE bool who_answer_read(const struct frame *f, enum who *who);

struct who_row { /* an answer that is remembered */
	char address[WHO_KEY];
	uint64_t size;
	int64_t until; /* boot clock */
	enum who who;
};

/* One who asks; a process keeps it.  Begin with who_init, end with who_close. */
struct who_client {
	int fd;       /* -1: not connected */
	int64_t rest; /* boot clock: nobody is asked until then */
	struct buf in;
	struct who_row rows[WHO_REMEMBERED];
};

/* Connected to nobody, nothing remembered. */
void who_init(struct who_client *c);

/* Ask; what was answered within WHO_FRESH is answered again.  WHO_TROUBLE also
 * when nobody answers, after a second attempt where the first connection had
 * been made earlier, or nobody did a moment ago; errno says why then, and is 0
 * where it was the answer. */
MUST_USE enum who who_ask(
    struct who_client *c, struct str address, uint64_t size);

/* Close the connection and forget. */
void who_close(struct who_client *c);

#endif
