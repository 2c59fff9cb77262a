/* report: what a simulation found, for people and for programs. */
#ifndef SEND_REPORT_H
#define SEND_REPORT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "send/simulation.h"
#include <stdbool.h>

/* Append tables of at most 80 columns to out.  False without memory. */
MUST_USE bool report_text(
    struct buf *out, const struct load *l, const struct simulation *s);

/* The same as one object. */
void report_json(
    struct json *j, const struct load *l, const struct simulation *s);

#endif
