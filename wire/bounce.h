/* bounce: culver-send asks culver-bounce to tell a sender what became of his
 * message.
 *
 * Socket    QUEUE_BOUNCE; only culvers (a private instance: its own uid).
 * Request   frame B: version(1) kind(1) unasked(1) ino(8) token(16) until(8).
 *           culver-bounce opens message and journal itself.  One notice is of
 *           one kind; where a message owes several each is asked for.
 *             F  of every fail that no bounce line follows
 *             S  of every ok with act that no success line follows
 *             D  of every recipient whose last line is a defer without told
 *                that no delay line follows
 *           NOTIFY (RFC 3461, 4.1) says which of these the sender hears of.
 *           unasked: a notice of delay is for recipients without NOTIFY, too.
 *           until: when they are given up; microseconds since 1970, 0 unknown.
 * Answer    one frame:
 *             K  ino(8) token(16) pid(4): the notice is queued
 *             N  text: none is wanted; text is culver-send's log line without
 *                the message's number ("triple bounce: discarding bounce/")
 *             Z  text: not now; ask again later
 * Limits    BOUNCE_ANSWER seconds for the answer, BOUNCE_TEXT bytes of text.
 */
#ifndef WIRE_BOUNCE_H
#define WIRE_BOUNCE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	BOUNCE_VERSION = 2,
	BOUNCE_ANSWER = 900,
	BOUNCE_TEXT = 1024 /* bytes of an answer's text */
};

#define BOUNCE_TRIPLE "triple bounce: discarding bounce/"
#define BOUNCE_DOUBLE "double bounce: discarding bounce/"
#define BOUNCE_NEVER  "notify never: discarding bounce/"
#define BOUNCE_NOBODY "no sender: discarding notice/"

enum bounce_kind {
	BOUNCE_NONE = 0, /* never asked for */
	BOUNCE_FAILED = 'F',
	BOUNCE_SUCCESS = 'S',
	BOUNCE_DELAYED = 'D'
};

struct bounce_request {
	enum bounce_kind kind;
	bool unasked;  /* of BOUNCE_DELAYED */
	int64_t until; /* likewise */
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
};

struct bounce_answer {
	char kind; /* K, N or Z */
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	uint32_t pid;
	struct str text;
};

/* Payloads; write fails as buf_append (b is unchanged then), read is false for
 * anything malformed (the text points into in). */
MUST_USE bool bounce_request_write(
    struct buf *b, const struct bounce_request *r);

/* Matched by bounce_request_write. */
MUST_USE bool bounce_request_read(struct str in, struct bounce_request *r);

/* Matched by bounce_answer_read. */
MUST_USE bool bounce_answer_write(struct buf *b, const struct bounce_answer *a);

/* Matched by bounce_answer_write. */
MUST_USE bool bounce_answer_read(
    char kind, struct str in, struct bounce_answer *a);

#endif
