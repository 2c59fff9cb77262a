/* hint: tell culver-send of a new message; W7 of doc/INTERNALS, 3. */
#ifndef QUEUE_HINT_H
#define QUEUE_HINT_H

#include "lib/attr.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

struct hint {
	int fd;     /* the fifo, for writing; -1: it could not be opened */
	int folder; /* HOME; queue/rescan is below it */
};

/* Open the fifo, whether or not somebody reads it, before the jail.  False with
 * errno when HOME cannot be opened; a fifo that cannot only means that every
 * message asks for a listing.  Freed by hint_close. */
MUST_USE bool hint_open(struct hint *h);

/* Close it. */
void hint_close(struct hint *h);

/* Write the hint or, where nobody takes it, create queue/rescan.  False with
 * errno when neither could be done: the message is found by culver-send's next
 * listing. */
MUST_USE bool hint_say(
    struct hint *h, uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

#endif
