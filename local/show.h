/* show: culver-local -n: what a delivery would do. */
#ifndef LOCAL_SHOW_H
#define LOCAL_SHOW_H

#include "lib/attr.h"
#include "local/report.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stdio.h>

enum { SHOW_ARGUMENTS = 8 };

/* Print what qmail-local -n prints for its arguments (user, home, local part,
 * dash, extension, domain, sender, default instructions): "maildir ./Maildir/",
 * "mbox ", "program " and "forward " lines, and "did F+W+P".  False, and the
 * report says why, at what a delivery would not do; what stands before it has
 * been printed.  A sticky home is only warned of. */
MUST_USE bool show_run(
    char *const arguments[SHOW_ARGUMENTS], FILE *out, struct report *r);

#endif
