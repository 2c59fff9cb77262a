/* forward: a message queued again for other recipients. */
#ifndef LOCAL_FORWARD_H
#define LOCAL_FORWARD_H

#include "lib/attr.h"
#include "lib/str.h"
#include "local/report.h"
#include "wire/body.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <stdint.h>

/* Begin the message: prefix, body, sender; then each recipient; then the end:
 * it is queued, *writer the process that wrote it, or the report says why not.
 * What fails on the way is remembered and said at the end, but for a body that
 * cannot be read (false). */
MUST_USE bool forward_begin(struct submit *s, struct str prefix,
    struct body *body, struct str sender, struct report *r);

/* Add a recipient. */
void forward_to(struct submit *s, struct str recipient);

/* End it: true when it is queued, *writer the process that wrote it; else the
 * report says why not. */
MUST_USE bool forward_end(struct submit *s, uint32_t *writer, struct report *r);

#endif
