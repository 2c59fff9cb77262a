/* signals: those that culver-send hears, as bytes of a pipe; and the deadly
 * ones, noted in queue/trying. */
#ifndef SEND_SIGNALS_H
#define SEND_SIGNALS_H

#include "wire/trying.h"

/* Hear SIGTERM, SIGHUP and SIGALRM: returns a descriptor that is readable when
 * one came.  SIGPIPE and SIGXFSZ are ignored.  Dies (111) when that fails. */
int signals_open(void);

/* The next signal that came; 0: none. */
int signals_next(int fd);

/* From now on a crash writes its signal into t's hand before it kills. */
void signals_note_crash(struct trying *t);

#endif
