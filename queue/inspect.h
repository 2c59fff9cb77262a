/* inspect: every message and journal looked at; nothing is changed, and
 * culver-send may run meanwhile. */
#ifndef QUEUE_INSPECT_H
#define QUEUE_INSPECT_H

#include "queue/findings.h"
#include "queue/modes.h"
#include "queue/survey.h"
#include <stdbool.h>

/* Say what is wrong of queue/, mess/ and info/ in f.  With bodies, the crc32
 * of envelopes and messages is compared, too.  Dies (111) when the table
 * doc/hier is not to be understood. */
void inspect(const struct survey *s, const struct modes *m, struct findings *f,
    bool bodies);

#endif
