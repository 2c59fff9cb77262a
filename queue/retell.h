/* retell: queue/trying, when the messages that it speaks of have new names. */
#ifndef QUEUE_RETELL_H
#define QUEUE_RETELL_H

#include "lib/attr.h"
#include "queue/survey.h"
#include <stdbool.h>

/* What is said of O is said of N, for each N.F.O in mess/ that is the file N;
 * durably.  A token that was not known is filled in, so that it can be done
 * again.  False with errno. */
MUST_USE bool retell(const struct survey *s);

#endif
