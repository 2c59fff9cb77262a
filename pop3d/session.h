/* session: the TRANSACTION state of POP3 (RFC 1939, 5 and 7; RFC 2449). */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include "lib/io.h"
#include "pop3d/maildrop.h"
#include <stdint.h>

enum session_end {
	SESSION_QUIT,    /* the UPDATE state was entered */
	SESSION_LEFT,    /* the client closed without QUIT */
	SESSION_TIMEOUT, /* it said nothing for too long */
	SESSION_BROKEN   /* it could not be written to, or a message not read */
};

/* What was done, for the log. */
struct tally {
	uint64_t retrieved, deleted;
	uint64_t octets; /* of the messages sent */
};

/* Answer commands to the end.  Only after QUIT has the Maildir changed. */
enum session_end session_run(
    struct maildrop *m, struct reader *in, struct writer *out, struct tally *t);

#endif
