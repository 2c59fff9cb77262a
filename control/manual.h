/* manual: the table of controls as people read it. */
#ifndef CONTROL_MANUAL_H
#define CONTROL_MANUAL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/json.h"
#include <stdbool.h>

/* Append the items of the list in culver-controls(5), in mdoc.  False without
 * memory. */
MUST_USE bool manual_mdoc(struct buf *b);

/* Append the same for a terminal. */
MUST_USE bool manual_text(struct buf *b);

/* The same as a list of objects. */
void manual_json(struct json *j);

#endif
