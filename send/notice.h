/* notice: a bounce, or word of success or delay, composed and queued (RFC 3464;
 * RFC 6533 where addresses want UTF-8; a bounce begins with its QSBMF text). */
#ifndef SEND_NOTICE_H
#define SEND_NOTICE_H

#include "control/control.h"
#include "lib/buf.h"
#include "send/noticelist.h"
#include "wire/body.h"
#include "wire/bounce.h"
#include "wire/message.h"
#include "wire/submit.h"

enum { NOTICE_HEADER = 50000 /* bytes of a header that goes along alone */ };

/* What one notice is made of.  The caller fills the first part, and keeps it;
 * the rest is notice_make's. */
struct notice {
	int fd; /* the message it is about */
	struct message message;
	enum bounce_kind kind;
	bool unasked;                    /* as in wire/bounce.h */
	int64_t until;                   /* likewise */
	const struct noticelist *list;   /* of this kind, from its journal */
	const struct controls *controls; /* of CONTROL_BOUNCE */
	struct submit *submit;

	struct body body;
	struct buf sender;   /* of the message */
	struct buf to;       /* of the notice; envelope form */
	struct buf envid;    /* RFC 3461, 4.4; empty: none */
	struct buf boundary; /* of its parts */
	struct buf out;      /* being put together */
	uint64_t copy_len;   /* bytes of the message that go along */
	bool copy_8bit;      /* what 7bit cannot carry is among them */
	bool whole;          /* they are all of it */
	bool headers_only;   /* the sender asked for them: RET=HDRS */
	bool is_double;      /* it speaks of a notice that came back */
	bool met;            /* a line is that of a recipient */
	bool wanted;         /* one that is to be told */
	bool smtputf8;       /* the message was sent with it */
	bool told_8bit;      /* an address of those told of is not ASCII */
	bool utf8;           /* the notice is in RFC 6533's form */
	bool failed;         /* memory ran out on the way */
};

/* Tell the sender what there is to tell.  The answer is K (queued), N (none is wanted) or
 * Z (not now); text, for the latter two, holds the answer's text. */
void notice_make(
    struct notice *n, struct bounce_answer *answer, struct buf *text);

/* Free what notice_make left. */
void notice_free(struct notice *n);

#endif
