/* bounce: culver-send asks culver-bounce to tell a sender what failed.
 *
 * Socket    QUEUE_BOUNCE; only culvers (a private instance: its own uid).
 * Request   frame B: ino(8) token(16).  culver-bounce opens message and
 *           journal itself and speaks of every fail that no bounce line
 *           covers.
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
	BOUNCE_ANSWER = 900,
	BOUNCE_TEXT = 1024 /* bytes of an answer's text */
};

#define BOUNCE_TRIPLE "triple bounce: discarding bounce/"
#define BOUNCE_DOUBLE "double bounce: discarding bounce/"
#define BOUNCE_NEVER  "notify never: discarding bounce/"

struct bounce_request {
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
