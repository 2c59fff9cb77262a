/* warning: the message to an owner whose mailbox is nearly full. */
#ifndef LOCAL_WARNING_H
#define LOCAL_WARNING_H

#include "control/control.h"
#include "lib/str.h"
#include "local/folders.h"
#include "local/maildir.h"

/* In the Maildir, the time of the last warning: seconds since 1970, and LF. */
#define WARNING_STAMP "culver-quotawarn"

/* Where q, as a delivery found it (known), is full to control/quotawarn percent
 * and the last warning was a day ago or more, deliver control/quotawarnmsg into
 * q->root (relative to home_fd), whether it has room or not.  delivered_to is
 * the line of that name.  What fails is tried again with the next delivery, and
 * logged. */
void warning_give(const struct controls *c, struct folders *boxes, int home_fd,
    struct str delivered_to, const struct maildir_quota *q);

#endif
