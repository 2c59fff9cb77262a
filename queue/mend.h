/* mend: the repair of doc/INTERNALS, 7.  It belongs to one program: it dies
 * (111) where a step fails, and culver-send does not start until it was done
 * again. */
#ifndef QUEUE_MEND_H
#define QUEUE_MEND_H

#include "queue/modes.h"
#include "queue/survey.h"
#include <stdbool.h>

/* Q1: become the one that may change the queue.  Dies (111) when culver-send
 * runs.  Kept until the program ends. */
void mend_lock(const struct survey *s, const struct modes *m);

/* Q1 to Q10.  Nothing in mess/ and info/ is in the way. */
void mend_names(const struct survey *s, const struct modes *m);

/* Owners and modes of messages and journals; queue/pool is emptied. */
void mend_modes(const struct survey *s, const struct modes *m);

/* Q11, when all is done. */
void mend_finish(const struct survey *s);

#endif
