/* submit: the way into the queue, the Unix socket queue/submit.
 *
 * Who       any program (client) to culver-queued, which knows the client's uid
 *           from the kernel.  Any number of messages on one connection.
 * Client    frames (lib/frame.h), for each message in this order:
 *             M bytes     any number: the message, LF line ends
 *             E records   any number: whole envelope records, NUL-ended
 *             C           commit: the answer is asked for
 *             A           abort: forget what came since the last commit; no
 *                         answer
 *           Closing without C aborts.
 * Answer    one frame to each C:
 *             K  INO(8) TOKEN(16) PID(4), big-endian: it is on the disk under
 *                its name; this is the moment of P1
 *             E  CODE(1) text: an enum queue_code; nothing was queued
 *           The connection goes on after either, but for FORMAT (91), after
 *           which it is closed.  A refusal known early (full disk) is still
 *           said only at C.
 * Limits    a frame FRAME_PAYLOAD_MAX; a record ENVELOPE_RECORD; silence of
 *           SUBMIT_IDLE seconds between messages, of SUBMIT_STALL within one,
 *           and QUEUE_DEATH for a whole one end the connection.  The client
 *           waits SUBMIT_ANSWER for an answer.
 */
#ifndef WIRE_SUBMIT_H
#define WIRE_SUBMIT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	SUBMIT_IDLE = 1800,
	SUBMIT_STALL = 3600,
	SUBMIT_ANSWER = 900,
};
_Static_assert((int)SUBMIT_STALL < (int)QUEUE_DEATH,
    "a stall ends before the message does");

struct submit {         /* the client's end */
	int fd;         /* -1: not connected */
	struct buf out; /* frames not yet written, the last being filled */
	struct buf in;
	int trouble;   /* enum queue_code of what failed since submit_begin */
	char kind;     /* of the frame being filled; 0: none is */
	size_t mark;   /* where it begins in out */
	int64_t heard; /* boot clock: when an answer came last */
	bool fresh;    /* connected for this message */
	bool sent;     /* a part of this message has been written */
	bool only;     /* there is no other connection than the one given */
};

struct submit_result {
	int code; /* enum queue_code, or another's exit code */
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	uint32_t pid;
	char text[256]; /* printable; queue_code_text's unless refused */
};

/* Zero is a closed one with fd -1 set by submit_init. */
void submit_init(struct submit *s);

/* Use this connection, which is s's from now on, and never another: who is at
 * its other end is not to be passed by.  Done after submit_init. */
void submit_only(struct submit *s, int fd);

/* Begin a message, connecting where there is no connection or the old one was
 * ended by the other side while idle.  In the second after an answer that is not
 * looked for: the first bytes find out, and go over a new connection then.
 * False: s->trouble tells. */
MUST_USE bool submit_begin(struct submit *s);

/* Add to the message; then envelope records.  They remember failure in trouble
 * and do nothing after it, so that only submit_commit need be asked. */
void submit_body(struct submit *s, struct str bytes);

/* Add an envelope record; likewise. */
void submit_record(struct submit *s, char kind, struct str text);

/* Ask for the message to be queued.  result->code 0: it is safe.  Any other:
 * nothing was queued that we know of (an answer that never came is temporary;
 * the message may exist then, and the client may send it twice). */
void submit_commit(struct submit *s, struct submit_result *result);

/* Forget the message begun. */
void submit_abort(struct submit *s);

/* End the connection; s can be begun again. */
void submit_close(struct submit *s);

#endif
