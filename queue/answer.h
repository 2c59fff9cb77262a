/* answer: what a submitter is told, and the log line beside it. */
#ifndef QUEUE_ANSWER_H
#define QUEUE_ANSWER_H

#include "lib/attr.h"
#include "lib/sock.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stdint.h>

/* K: the message ino is queued.  False when nobody hears it. */
MUST_USE bool answer_yes(int fd, uint64_t ino, const struct message *head);

/* E with the code and its text.  Likewise. */
MUST_USE bool answer_no(int fd, int code);

/* "stored", and "refused" and "ended" with the reason. */
void answer_log_stored(const struct peer *peer, uint64_t ino,
    const struct message *head, uint64_t recipients);

/* "refused", with the code and why. */
void answer_log_refused(const struct peer *peer, int code, const char *why);

/* "ended": the connection is over, and why. */
void answer_log_ended(const struct peer *peer, const char *why);

#endif
