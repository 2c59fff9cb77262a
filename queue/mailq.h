/* mailq: the queue as Postfix's mailq prints it, which scripts know. */
#ifndef QUEUE_MAILQ_H
#define QUEUE_MAILQ_H

#include "lib/attr.h"
#include <stdbool.h>

/* Print every message of the queue below HOME, or "Mail queue is empty".  A
 * recipient that is done with is left out; of the last reply that deferred one
 * the text is shown.  False with errno: EACCES when the caller may not see the
 * queue, and nothing has been printed then. */
MUST_USE bool mailq_print(void);

#endif
