/* msgid: finds the Message-ID of a message as it streams by. */
#ifndef QUEUE_MSGID_H
#define QUEUE_MSGID_H

#include "lib/str.h"
#include <stddef.h>
#include <stdint.h>

enum { MSGID_MAX = 998 }; /* bytes between the brackets; RFC 5322, 2.1.1 */

/* Zero is the start. */
struct msgid {
	unsigned char state;
	size_t matched; /* bytes of the field's name */
	size_t len;
	char id[MSGID_MAX];
};

/* The next bytes of the message, LF line ends.  Only the first Message-ID field
 * of the header counts; blanks and folding within the brackets are left out; an
 * id without brackets, or longer than MSGID_MAX, is none. */
void msgid_feed(struct msgid *m, struct str bytes);

/* message_id_hash of what was found; 0: nothing was. */
uint64_t msgid_hash(const struct msgid *m);

#endif
