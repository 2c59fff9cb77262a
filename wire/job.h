/* job: a delivery, from culver-send to a spawner, from there to a worker, and
 * its results back.  Numbers are big-endian; texts end with NUL.
 *
 * Sockets   culver-send connects to the spawner's Unix socket (QUEUE_LSPAWN).
 *           The spawner serves one connection at a time, from culvers (or its
 *           own uid in a private instance).  When it ends the spawner ends its
 *           workers before it serves the next.
 * Frames    spawner -> send  H  version(4): at once, "I serve you now"
 *           send -> spawner  J  job(4) ino(8) token(16) flags(4) number(4)
 *                               sender recipient
 *           spawner -> send  R  job(4) signal(4) letter(1) status text via
 * Results   K delivered, Z try again, D never, H the message's file is damaged
 *           and is to be held (P2, DESIGN 4).  status is an enhanced code or
 *           empty; text is for people and logs, at most JOB_TEXT bytes; via is
 *           where it went ("maildir /path").  signal is what killed the worker,
 *           0 when none did; with it the letter is Z.
 *           Every job has exactly one result while the connection lives.
 * Workers   worker -> spawner, one SEQPACKET packet of JOB_READY alone, once it
 *           can work: one that dies before it, as when there is no memory to
 *           start it, had no message in hand.  spawner -> worker, one packet
 *           with the message's open descriptor: a delivery (struct delivery);
 *           worker -> spawner, one packet: the payload of R for that job.  One
 *           at a time.  The worker ends when its socket does, and by itself when there is no work for
 *           JOB_IDLE seconds: it shuts its socket for reading and answers what
 *           had come until then.
 * Flags     JOB_REPEAT: an earlier attempt may have gone through; a Maildir is
 *           searched for the name first (P3), and the worker compares the
 *           body's crc32 before it delivers: H when it differs.
 */
#ifndef WIRE_JOB_H
#define WIRE_JOB_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	JOB_VERSION = 1,
	JOB_READY = 'H',    /* a worker's first packet, this byte */
	JOB_TEXT = 3000,    /* bytes of a result's text, qmail-lspawn's limit */
	JOB_STATUS = 16,    /* bytes of an enhanced code */
	JOB_PACKET = 65536, /* bytes of a packet between spawner and worker */
	JOB_ALARM = 24 * 3600, /* a worker gives up on one delivery, seconds */
	JOB_IDLE = 60          /* seconds after which an idle worker ends */
};

enum job_flag { JOB_REPEAT = 1 << 0 };

struct job {
	uint32_t job;
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	uint32_t flags;
	uint32_t number; /* the recipient's, in the envelope */
	struct str sender, recipient;
};

struct result {
	uint32_t job;
	uint32_t signal;
	char letter; /* K, Z, D or H */
	struct str status, text, via;
};

/* What a worker of culver-local is told.  All texts are without NUL. */
struct delivery {
	struct job job;
	int64_t arrived; /* microseconds since 1970 */
	uint64_t body_at, body_len, lines;
	uint32_t body_crc;
	struct str home;  /* absolute; empty: users/rcpt.cdb has the mailbox,
			   * and the worker finds its place there */
	struct str user;  /* account name, or the mailbox's address */
	struct str local; /* full local part, the user and extension in it */
	struct str dash, ext; /* qmail-local's: "-" and what follows, or "" */
	struct str domain;
};

/* Payloads.  Each write fails as buf_append, and with EINVAL for a text that
 * holds a NUL or a result that is none (letter, signal, length of a text); b is
 * unchanged then.  Each read is false for anything malformed; its texts point
 * into in. */
MUST_USE bool job_write(struct buf *b, const struct job *j);

/* Matched by job_write. */
MUST_USE bool job_read(struct str in, struct job *j);

/* A result; likewise.  Matched by result_read. */
MUST_USE bool result_write(struct buf *b, const struct result *r);

/* Matched by result_write. */
MUST_USE bool result_read(struct str in, struct result *r);

/* A delivery; likewise.  Matched by delivery_read. */
MUST_USE bool delivery_write(struct buf *b, const struct delivery *d);

/* Matched by delivery_write. */
MUST_USE bool delivery_read(struct str in, struct delivery *d);

#endif
