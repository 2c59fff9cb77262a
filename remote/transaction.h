/* transaction: MAIL, RCPT for each recipient that waits, and the message. */
#ifndef REMOTE_TRANSACTION_H
#define REMOTE_TRANSACTION_H

#include "lib/attr.h"
#include "remote/outcome.h"
#include "remote/parcel.h"
#include "remote/session.h"

/* What is said of one recipient by itself. */
struct teller {
	void (*tell)(
	    void *context, const struct addressee *a, const struct outcome *o);
	void *context;
};

enum transaction_result {
	TRANSACTION_DONE, /* *o holds for those TAKEN, if any; others may still
			    * wait: the host takes no more at once, whether
			    * these were taken or refused */
	TRANSACTION_NEXT, /* nothing was taken, and another host may: who has
			    * no result is waiting again; *o says why */
	TRANSACTION_FINAL /* *o holds for all who have no result */
};

/* Send p to the recipients that wait; those who get a result of their own are
 * told, and are DONE.  o->fault is the worst of them all.  Whether s is usable
 * then, session_usable says. */
MUST_USE enum transaction_result transaction_run(struct session *s,
    struct parcel *p, const struct teller *teller, struct outcome *o);

#endif
