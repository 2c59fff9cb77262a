/* consign: a package's way into the queue. */
#ifndef SMTPD_CONSIGN_H
#define SMTPD_CONSIGN_H

#include "lib/str.h"
#include "smtpd/package.h"
#include <stdbool.h>

/* Begin the message in the queue, our Received on top, with control/databytes
 * for its limit where limited, else with $DATABYTES alone.  Trouble of ours,
 * the configuration among it, is a refusal. */
void consign_begin(struct package *p, bool limited);

/* Add to the envelope, after the message: the sender, once and first. */
void consign_sender(struct package *p, struct str sender);

/* Add a recipient. */
void consign_recipient(struct package *p, struct str recipient);

/* The envelope has ended: queue the message.  What became of it: 'K', 'Z' or
 * 'D' and words, p->refusal where there is one.  With no recipient nothing is
 * queued, and that is "Kok", too. */
const char *consign_commit(struct package *p, struct str sender);

#endif
