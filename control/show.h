/* show: a configuration as text that can be read again, and as JSON.
 *
 *  text   = *( comment / line / list )
 *  line   = NAME " =" [ " " VALUE ] LF
 *  list   = NAME " {" LF *( TAB ENTRY LF ) "}" LF
 *  ENTRY  = KEY of a LIST; KEY ":" VALUE of a MAP
 *  comment = "#" anything LF; also an empty line
 *
 * What has no file of its own is a comment that shows the default; so it is
 * again the default when the text is read. */
#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/str.h"
#include <stdbool.h>

/* Append one row.  False with errno (EPROTO: its cdb is damaged). */
MUST_USE bool show_row(
    struct buf *b, const struct controls *c, enum control_id id);

/* The same as a member of the open object j. */
MUST_USE bool show_json(
    struct json *j, const struct controls *c, enum control_id id);

/* Read the text back into c, which has read nothing yet.  False with "line 3:
 * what" or "control/NAME:1: what" in error (a C string). */
MUST_USE bool show_parse(
    struct controls *c, struct str text, struct buf *error);

#endif
