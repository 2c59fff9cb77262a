/* verbs: the table of SMTP commands, and those of them that are short. */
#ifndef SMTPD_VERBS_H
#define SMTPD_VERBS_H

#include "lib/str.h"
#include "smtpd/session.h"

/* Run one command line.  Sequence errors, line limits, stray arguments and
 * clients that do not wait where they must are answered here, for every verb
 * by its row. */
struct reply verbs_run(struct session *s, struct str line);

/* A line that is none, of which start are the first bytes, is to be answered
 * with r.  The reply; if bytes follow the command that are no commands the
 * connection ends. */
struct reply verbs_broken(struct session *s, struct str start, struct reply r);

#endif
