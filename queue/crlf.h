/* crlf: run a program that speaks a protocol of CR LF lines on descriptors 0
 * and 1, for a caller whose lines may end in LF alone.  Whoever ends the first
 * in CR LF is held to it: a bare LF in what he passes on may be another's. */
#ifndef QUEUE_CRLF_H
#define QUEUE_CRLF_H

#include "lib/attr.h"

/* Run path with argv (ended by NULL), its standard input being ours, with each
 * LF that has none given a CR where the first line has none, and its standard
 * error thrown away.  Returns its exit code when it has ended, though ours goes
 * on; -1 with errno when it could not be started or was killed. */
MUST_USE int crlf_run(const char *path, char *const *argv);

#endif
