/* inside: what the tools of control/ know of a struct controls. */
#ifndef CONTROL_INSIDE_H
#define CONTROL_INSIDE_H

#include "control/control.h"
#include "control/value.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

/* Give a row the value of a text, as if that were its file.  False with
 * "control/NAME:LINE: what" in error (a C string); the row then has none. */
MUST_USE bool control_set(
    struct controls *c, enum control_id id, struct str text, struct buf *error);

/* What was read of the row's text; nothing where the cdb rules. */
const struct value *control_value(const struct controls *c, enum control_id id);

/* The row has been read, and what it says is in force. */
bool control_known(const struct controls *c, enum control_id id);

#endif
