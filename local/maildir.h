/* maildir: a message written into a Maildir, once however often it is tried
 * (P3), and on the disk before anybody says so (P1). */
#ifndef LOCAL_MAILDIR_H
#define LOCAL_MAILDIR_H

#include "lib/attr.h"
#include "lib/str.h"
#include "local/folders.h"
#include "local/report.h"
#include "wire/body.h"
#include "wire/job.h"
#include "wire/quota.h"
#include <stdbool.h>

/* What a Maildir may hold.  The last three are what a delivery found. */
struct maildir_quota {
	struct quota limits;    /* none: what its maildirsize says, and then */
	struct quota otherwise; /* none: there is no limit */
	bool trash;             /* what is in .Trash counts */
	bool refuse;            /* 5.2.2 where there is no room, not 4.2.2 */
	bool always;            /* it is delivered, room or not */
	bool known;             /* limits and use are its own now */
	struct quota use;       /* the message with it, if it was delivered */
	struct str root; /* the Maildir, of which folder may be a folder */
};

struct maildir_mail {
	const struct delivery *delivery; /* arrival, token, number, flags */
	struct str host;                 /* this host's name, for the file's */
	struct str prefix; /* whole lines that go before the body */
	struct body *body;
	struct maildir_quota *quota; /* NULL: the Maildir has none */
};

/* Write the mail to folder (relative to home_fd, or absolute; it ends with a
 * '/'), an existing Maildir, and sync file and folder.  The Maildir stays open
 * in kept, and is looked at as a whole when it is opened.  A file of the same message and recipient
 * that is there already (in new/; with JOB_REPEAT in cur/, too) is success, and
 * nothing is written.  False: nothing was delivered as far as is known, and the
 * report says why. */
MUST_USE bool maildir_deliver(struct folders *kept, int home_fd,
    struct str folder, const struct maildir_mail *m, struct report *r);

#endif
