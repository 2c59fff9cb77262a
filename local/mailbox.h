/* mailbox: what users/rcpt.cdb says of a virtual mailbox. */
#ifndef LOCAL_MAILBOX_H
#define LOCAL_MAILBOX_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "local/report.h"
#include "wire/quota.h"
#include "wire/users.h"
#include <limits.h>
#include <stdbool.h>

struct mailbox {
	char home[PATH_MAX];     /* absolute; it holds the Maildir */
	struct buf instructions; /* as a .qmail file's; the caller frees it */
	struct quota quota;
};

/* Look address up in rcpt, which is the caller's to close.  False, and the report says why, when there is no
 * such mailbox, it takes no mail, or that cannot be known. */
MUST_USE bool mailbox_find(struct users *rcpt, struct str address,
    struct mailbox *m, struct report *r);

#endif
