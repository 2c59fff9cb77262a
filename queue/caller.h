/* caller: how a program with qmail-queue's interface begins. */
#ifndef QUEUE_CALLER_H
#define QUEUE_CALLER_H

/* Check descriptors 0, 1 and 2, answer --help, let signals and a day's silence
 * end in qmail-queue's codes, and enter HOME.  Ends the program (54, 61, 81;
 * 111) when that cannot be. */
void caller_begin(int argc, char **argv, const char *name, const char *usage);

#endif
