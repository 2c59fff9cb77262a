/* envelope: who a message is from and for: NUL-ended records, the first byte
 * of each its kind, F first and once, every record after it or after the T it
 * belongs to.
 *
 *   F sender       unquoted local@domain, or empty (the null path)
 *     then, for the whole message, in any order, each at most once:
 *   R FULL|HDRS    RET (RFC 3461)            E text    ENVID, decoded
 *   B 7BIT|8BITMIME|BINARYMIME               U         SMTPUTF8
 *   Q              REQUIRETLS                S text    submitter: a user name
 *   C text         client: "IP HELO" as culver-smtpd saw them
 *   T recipient    unquoted local@domain
 *     then, for this recipient, each at most once:
 *   N words        NOTIFY                    O text    ORCPT, as given
 *
 * No record holds a NUL or a byte below 32 or 127; S, C, Q are taken only from
 * the accounts culverd and culverf.  Recipients are numbered from 0 in order.
 */
#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENVELOPE_RECORD = 2048,        /* bytes of one, with kind and NUL */
	ENVELOPE_RECIPIENTS = 1000000, /* of one message */
};

/* A check of records as they come, for a writer.  Zero is the start. */
struct envelope_check {
	uint64_t recipients;
	bool sender;   /* F was seen */
	uint32_t seen; /* kinds seen since the last F or T */
	bool trusted;  /* set by the caller: S, C and Q are allowed */
};

/* One record without its NUL.  0 when it may follow, else an enum queue_code
 * (11 too long, 91 anything else). */
MUST_USE int envelope_accept(struct envelope_check *c, struct str record);

/* Reads records of an open queue file, a window at a time. */
struct envelope {
	int fd;
	uint64_t at, end; /* file offsets still to read */
	char data[4096];
	size_t pos, len;
	uint64_t recipients; /* T records passed so far */
};

enum envelope_result {
	ENVELOPE_RECORD_READ,
	ENVELOPE_END,
	ENVELOPE_BAD /* errno; EPROTO when it is malformed */
};

/* Begin at offset at; length bytes are envelope.  fd stays the caller's. */
void envelope_open(struct envelope *e, int fd, uint64_t at, uint64_t length);

/* The next record: its kind, and its text, valid until the next call. */
MUST_USE enum envelope_result envelope_next(
    struct envelope *e, char *kind, struct str *text);

/* Go on at file offset at, where a record begins.  What is in the window is not
 * read again. */
void envelope_seek(struct envelope *e, uint64_t at);

/* Where the record that comes next begins: to go on there with envelope_open,
 * recipients set by the caller. */
uint64_t envelope_offset(const struct envelope *e);

#endif
