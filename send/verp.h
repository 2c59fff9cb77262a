/* verp: a sender of its own for each recipient of a list. */
#ifndef SEND_VERP_H
#define SEND_VERP_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

/* The sender to show recipient, in out (emptied first): "list-@host-@[]" is
 * "list-box=domain@host" for box@domain; any other sender is itself.  Fails as
 * buf_append does. */
MUST_USE bool verp_expand(
    struct str sender, struct str recipient, struct buf *out);

#endif
