/* mbox: a message appended to a mbox file. */
#ifndef LOCAL_MBOX_H
#define LOCAL_MBOX_H

#include "lib/attr.h"
#include "lib/str.h"
#include "local/report.h"
#include "wire/body.h"
#include <stdbool.h>

enum { MBOX_PATIENCE = 30 }; /* seconds for which a lock is waited for */

struct mbox_mail {
	struct str from;   /* the From_ line */
	struct str prefix; /* whole lines that go before the body */
	struct body *body;
};

/* Lock the file (flock), append the mail to it, and sync it, and its folder
 * where it was empty.  path is relative to home_fd, or absolute; a file that is
 * not there is made; one that ends within a message, of a delivery that was cut
 * off, or without an empty line, has that ended first, if it may be read.  Lines of the body that are "From " behind any number of
 * '>' get one more.  False, and the report says why, when that fails: the file is
 * then as long as before. */
MUST_USE bool mbox_deliver(
    int home_fd, struct str path, const struct mbox_mail *m, struct report *r);

#endif
