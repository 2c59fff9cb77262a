/* job: a delivery, from culver-send to a spawner, from there to a worker, and
 * its results back.  Numbers are big-endian; texts end with NUL.
 *
 * Sockets   culver-send connects to the spawner's Unix socket (QUEUE_LSPAWN,
 *           QUEUE_RSPAWN).  The spawner serves one connection at a time, from
 *           culvers (or its own uid in a private instance).  When it ends the
 *           spawner ends its workers before it serves the next.
 * Frames    spawner -> send  H  version(4): at once, "I serve you now"
 *           send -> spawner  J  job(4) ino(8) token(16) flags(4) count(4)
 *                               count * number(4)
 *                               group lane sender count * recipient
 *           spawner -> send  R  job(4) number(4) signal(4) letter(1) fault(1)
 *                               marks(1) status text via tls group
 * Results   An R with a recipient's number is that recipient's result; the R
 *           with number JOB_END ends the job, and holds for every recipient of
 *           it that had none.  Every job has exactly one end while the
 *           connection lives, and nothing comes for it behind that.
 *           letter: K delivered, Z try again, D never, H the message's file is
 *           damaged and is to be held (P2, DESIGN 4).  status is an enhanced
 *           code or empty; text is for people and logs, at most JOB_TEXT bytes;
 *           via is where it went ("maildir /path"); tls is how it went there
 *           ("TLSv1.3 cipher verified|dane|sts|untrusted", empty: in clear).
 *           signal is what killed the worker, 0 when none did; only in the end,
 *           and with it the letter is Z.  marks: JOB_RELAYED, with K: the next
 *           host does not speak DSN, so that a sender who asked to hear of
 *           success is owed a notice of it from here (RFC 3461, 5.2.2).
 * Lanes     lane is the next hop's key (control/nexthop.h), empty for local
 *           mail; group is what the last end of this lane called the group, at
 *           first the lane itself.  In an end, group names the set of
 *           exchangers (empty: unchanged) and fault what the lane should learn:
 *             0  the host served us (or nothing was learnt)
 *             1  it asks for less: 421, or a 4xx that speaks of the sender or
 *                of the host as a whole
 *             2  no host could be reached, DNS gave no answer, or a TLS policy
 *                could not be met: the lane is dead, and is probed.  A policy is
 *                its domain's own, and others may lead to the same hosts by
 *                none: group is the lane itself then
 * Workers   worker -> spawner, one SEQPACKET packet of JOB_READY alone, once it
 *           can work: one that dies before it, as when there is no memory to
 *           start it, had no message in hand.  spawner -> worker, one packet
 *           with the message's open descriptor: a delivery (culver-local, one
 *           recipient) or an errand (culver-remote); worker -> spawner, packets,
 *           each the payload of an R for that job, the end last.  One job at a
 *           time.  The worker ends when its socket does, and by itself when
 *           there is no work for JOB_IDLE seconds: it shuts its socket for
 *           reading and answers what had come until then.
 * Flags     JOB_REPEAT: an earlier attempt may have gone through; a Maildir is
 *           searched for the name first (P3), and the worker compares the
 *           body's crc32 before it delivers: H when it differs.
 *           JOB_OWN_HOME, of a delivery alone: whose the home is could not be
 *           looked at, and it is to be its user's own; any other may be
 *           root's.
 */
#ifndef WIRE_JOB_H
#define WIRE_JOB_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/frame.h"
#include "lib/str.h"
#include "wire/envelope.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	JOB_VERSION = 2,
	JOB_RECIPIENTS = 100,  /* of one job */
	JOB_ADDRESSES = 32768, /* bytes of a job's recipients, NULs included */
	JOB_KEY = 1300,        /* bytes of a lane or a group */
	JOB_READY = 'H',       /* a worker's first packet, this byte */
	JOB_TEXT = 3000,    /* bytes of a result's text, qmail-lspawn's limit */
	JOB_STATUS = 16,    /* bytes of an enhanced code */
	JOB_TLS = 256,      /* bytes of how it was encrypted */
	JOB_PACKET = 65536, /* bytes of a packet between spawner and worker */
	JOB_ALARM = 24 * 3600, /* a worker gives up on one delivery, seconds */
	JOB_IDLE = 60          /* seconds after which an idle worker ends */
};

/* The number of a job's last result. */
#define JOB_END UINT32_MAX

_Static_assert((int)ENVELOPE_RECORD <= (int)JOB_ADDRESSES, "one always fits");
_Static_assert(JOB_ADDRESSES + 4 * JOB_RECIPIENTS + 2 * JOB_KEY +
		       2 * ENVELOPE_RECORD + 1024 <=
		   JOB_PACKET,
    "a whole job is one packet");

enum job_flag { JOB_REPEAT = 1 << 0, JOB_OWN_HOME = 1 << 1 };
enum job_mark { JOB_RELAYED = 1 << 0 };
enum job_fault { JOB_SERVED, JOB_SLOW, JOB_DEAD };

struct job {
	uint32_t job;
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	uint32_t flags;
	uint32_t count;     /* of recipients, 1 to JOB_RECIPIENTS */
	struct str numbers; /* theirs, in the envelope: count * 4 bytes */
	struct str group, lane, sender;
	struct str recipients; /* count texts, each with its NUL */
};

struct result {
	uint32_t job;
	uint32_t number; /* a recipient's, or JOB_END */
	uint32_t signal;
	char letter;   /* K, Z, D or H */
	uint8_t fault; /* enum job_fault; only in the end */
	bool relayed;  /* JOB_RELAYED; only with K */
	struct str status, text, via, tls;
	struct str group; /* only in the end */
};

/* What a worker of culver-local is told.  All texts are without NUL. */
struct delivery {
	struct job job;  /* of one recipient */
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

/* What a worker of culver-remote is told: all of the job, and where the message
 * and its envelope lie in the open file.  DSN parameters of a recipient are read
 * from there, by its number. */
struct errand {
	struct job job;
	int64_t arrived; /* microseconds since 1970 */
	uint64_t body_at, body_len, lines;
	uint32_t body_crc;
	uint64_t envelope_at, envelope_len;
};

/* The number of j's recipient i, which is less than j->count. */
uint32_t job_number(const struct job *j, uint32_t i);

/* The next recipient of j, without its NUL; *rest is empty ({0}) before the
 * first call and is kept for the next.  False behind the last. */
MUST_USE bool job_recipient(
    const struct job *j, struct str *rest, struct str *one);

/* The only recipient of a job that has one. */
struct str job_only(const struct job *j);

/* Payloads.  Each write fails as buf_append, and with EINVAL for a text that
 * holds a NUL, for a job whose counts or lengths are not as said above, and for
 * a result that is none (letter, signal, length of a text, what belongs to the
 * end in another); b is unchanged then.  Each read is false for anything malformed; its texts point
 * into in. */
MUST_USE bool job_write(struct buf *b, const struct job *j);

/* Matched by job_write. */
MUST_USE bool job_read(struct str in, struct job *j);

/* The J at the front of in, as frame_take; FRAME_BAD for anything else. */
MUST_USE enum frame_result job_take(
    const struct buf *in, struct job *j, size_t *used);

/* A result; likewise.  Matched by result_read. */
MUST_USE bool result_write(struct buf *b, const struct result *r);

/* Matched by result_write. */
MUST_USE bool result_read(struct str in, struct result *r);

/* Append r as an R; fails as result_write. */
MUST_USE bool result_append(struct buf *out, const struct result *r);

/* A delivery; likewise.  Matched by delivery_read. */
MUST_USE bool delivery_write(struct buf *b, const struct delivery *d);

/* Matched by delivery_write. */
MUST_USE bool delivery_read(struct str in, struct delivery *d);

/* An errand; likewise.  Matched by errand_read. */
MUST_USE bool errand_write(struct buf *b, const struct errand *e);

/* Matched by errand_write. */
MUST_USE bool errand_read(struct str in, struct errand *e);

#endif
