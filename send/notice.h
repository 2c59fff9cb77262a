/* notice: a bounce, composed and queued (RFC 3464; first its QSBMF text). */
#ifndef SEND_NOTICE_H
#define SEND_NOTICE_H

#include "control/control.h"
#include "lib/buf.h"
#include "send/noticefail.h"
#include "wire/body.h"
#include "wire/bounce.h"
#include "wire/message.h"
#include "wire/submit.h"

enum { NOTICE_COPY = 50000 /* bytes; of a larger message only the header */ };

/* What one notice is made of.  The caller fills the first part, and keeps it;
 * the rest is notice_make's. */
struct notice {
	int fd; /* the message that failed */
	struct message message;
	const struct failures *failures;
	const struct controls *controls; /* of CONTROL_BOUNCE */
	struct submit *submit;

	struct body body;
	struct buf sender;   /* of the message that failed */
	struct buf to;       /* of the notice; envelope form */
	struct buf envid;    /* RFC 3461, 4.4; empty: none */
	struct buf boundary; /* of its parts */
	struct buf out;      /* being put together */
	struct str copy;     /* of the message, as much as goes along */
	bool whole;          /* that is all of it */
	bool headers_only;   /* the sender asked for them: RET=HDRS */
	bool is_double;      /* it speaks of a notice that came back */
	bool met;            /* a failure is that of a recipient */
	bool wanted;         /* one that is to be told */
	bool failed;         /* memory ran out on the way */
};

/* Tell the sender what failed.  The answer is K (queued), N (none is wanted) or
 * Z (not now); text, for the latter two, holds the answer's text. */
void notice_make(
    struct notice *n, struct bounce_answer *answer, struct buf *text);

/* Free what notice_make left. */
void notice_free(struct notice *n);

#endif
