/* package: a message that comes in netstrings, from the client straight into
 * the queue: what QMTP and QMQP have in common.  No more of it than a buffer
 * is ever in memory. */
#ifndef SMTPD_PACKAGE_H
#define SMTPD_PACKAGE_H

#include "lib/address.h"
#include "lib/attr.h"
#include "lib/frame.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/netstring.h"
#include "lib/str.h"
#include "smtpd/door.h"
#include "smtpd/header.h"
#include "smtpd/stream.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	/* A message may take so many seconds, and one more for so many bytes
	 * that have come; one that is not wanted any more, so many from there;
	 * and so does reading the answers. */
	PACKAGE_SECONDS = 1800,
	PACKAGE_RATE = 128,
	PACKAGE_LOGGED = 100, /* refusals that are logged one by one */
	PACKAGE_ID = 64,
	PACKAGE_ANSWER = 320, /* bytes with the end byte */
};
_Static_assert(PACKAGE_SECONDS + (int)FRAME_PAYLOAD_MAX / PACKAGE_RATE <=
		   (int)SUBMIT_STALL,
    "a slow client is given up before the queue gives us up");

/* How the lines of a message end. */
enum package_lines {
	LINES_LF,   /* every byte is taken as it is */
	LINES_CRLF, /* a CR or LF by itself forbids the message */
	LINES_SAID, /* its first byte says which: LF or CR (QMTP) */
};

struct package {
	struct door *door;
	const struct connection *peer;
	const char *protocol; /* "QMTP", "QMQP" */
	struct stream stream;
	const char *closing; /* why the connection ends; NULL: it goes on */
	uint64_t accepted, refused;

	struct str raw;         /* has come, and is not used yet */
	struct netstring outer; /* netstrings are read from within it */
	struct str held;        /* of its bytes, not used yet */

	struct header header;
	enum package_lines lines;
	bool cr;             /* the byte before was one, to be decided on */
	bool posted;         /* the queue has the beginning of it */
	uint64_t limit;      /* databytes */
	uint64_t bytes;      /* of the message so far */
	uint64_t taken;      /* from the client, since it began */
	int64_t began;       /* clock_boot; 0: no byte has come */
	int64_t drain_until; /* 0: it is still wanted */
	uint64_t recipients;
	const char *refusal; /* why it is not taken: 'D' or 'Z' and words */

	char id[PACKAGE_ID];    /* in Received and in the log */
	char text[ADDRESS_MAX]; /* package_string writes here */
	char answer[PACKAGE_ANSWER];
	char body[STREAM_IN];
};

/* One of its own memory, for any number of clients; NULL without it.  Free it
 * with free. */
MUST_USE struct package *package_new(struct door *door, const char *protocol);

/* Begin to talk with a client, and end: whatever was begun is forgotten. */
void package_open(struct package *p, const struct connection *peer);

/* The end: the last words are written, the descriptors stay open. */
void package_close(struct package *p);

/* Wait for the first byte of a message, and forget the one before.  False when
 * the client has gone: closing says why. */
MUST_USE bool package_begin(struct package *p);

/* The next event of a netstring, at the top or within outer; to be asked again
 * where it is none of NETSTRING_MORE's.  NETSTRING_BAD: the connection ends,
 * closing says why.  Within outer, NETSTRING_MORE: outer has ended before n
 * began. */
MUST_USE enum netstring_event package_take(
    struct package *p, struct netstring *n, bool within, struct str *piece);

/* Read the message, a netstring.  False when it did not come whole. */
MUST_USE bool package_message(
    struct package *p, bool within, enum package_lines lines);

/* What package_string found. */
enum package_part {
	PART_STRING, /* a whole netstring */
	PART_LONG,   /* the same, but longer than ADDRESS_MAX; it is skipped */
	PART_NONE,   /* outer has ended */
	PART_LOST    /* closing */
};

/* Read a netstring into p->text; *string is the view, until the next call. */
MUST_USE enum package_part package_string(
    struct package *p, bool within, struct str *string);

/* The message is not taken, the first text tells why; it must last as long as
 * the package.  What comes of it is read and forgotten. */
void package_refuse(struct package *p, const char *text);

/* An address that an envelope can hold: no control bytes. */
bool package_plain(struct str address);

/* Forget what was begun and not committed. */
void package_end(struct package *p);

/* Say text as a netstring; it is written when something is waited for. */
void package_say(struct package *p, const char *text);

/* Begin a log line about this client. */
void package_log(const struct package *p, struct log *l, const char *event);

/* Log why rcpt, or (empty) the whole message, is not taken; 100 times. */
void package_log_refusal(
    struct package *p, struct str sender, struct str rcpt, const char *text);

#endif
