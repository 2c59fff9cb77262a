/* complaint: one line that says what is wrong where, for a person. */
#ifndef CONTROL_COMPLAINT_H
#define CONTROL_COMPLAINT_H

#include "lib/buf.h"
#include <stdbool.h>

/* "WHERE: WHAT" in error (emptied first), as a C string; without memory less of
 * it.  Returns false, so that a failing function can end with it. */
bool complaint(struct buf *error, const char *where, const char *what);

/* The same with the text of errno. */
bool complaint_errno(struct buf *error, const char *where);

/* What error holds, however it got there, as a C string until it changes; ""
 * when there is nothing, or no memory for the end byte. */
const char *complaint_text(struct buf *error);

#endif
