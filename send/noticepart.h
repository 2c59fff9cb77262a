/* noticepart: the parts of a notice as text, in the order they are called.  All
 * append to n->out; where memory runs out n->failed is set. */
#ifndef SEND_NOTICEPART_H
#define SEND_NOTICEPART_H

#include "lib/attr.h"
#include "lib/str.h"
#include "send/notice.h"
#include "send/noticelist.h"

struct told { /* a recipient that a notice speaks of */
	const struct noticeline *line;
	struct str address, original; /* original: ORCPT, or empty */
};

/* The notice's own header. */
void noticepart_header(struct notice *n);

/* The first part, for people: its beginning.  That of a bounce is in qmail-send's
 * words, for readers of QSBMF; others must not look to them like a bounce. */
void noticepart_intro(struct notice *n);

/* Then a paragraph for each recipient. */
void noticepart_paragraph(struct notice *n, const struct told *told);

/* The end of the first part; the second, for machines: the fields of the
 * message (RFC 3464, 2.2). */
void noticepart_status_head(struct notice *n);

/* Then those of each recipient (2.3). */
void noticepart_status(struct notice *n, const struct told *told);

/* The third: the message, or its header.  All is handed to n->submit.  False
 * with errno when the message cannot be read. */
MUST_USE bool noticepart_copy(struct notice *n);

/* Hand what n->out holds to n->submit. */
void noticepart_hand_on(struct notice *n);

#endif
