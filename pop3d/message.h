/* message: one message of a maildrop: its file, its size, its unique-id. */
#ifndef POP3D_MESSAGE_H
#define POP3D_MESSAGE_H

#include "lib/attr.h"
#include "pop3d/maildrop.h"
#include <stdint.h>
#include <sys/stat.h>

enum { UIDL_SIZE = 71 }; /* RFC 1939, 7: at most 70 octets; and an end byte */

/* Open the file to read, where need be under the name it has by now.  -1 with
 * errno: ENOENT when it is gone, EPERM when it is not a regular file of this
 * process's own user (a symbolic link, a fifo, somebody else's).  *st is the
 * file's, and the caller closes it. */
MUST_USE int message_open(
    struct maildrop *m, struct message *p, struct stat *st);

/* How many octets RETR sends, without doubled dots: what the name says
 * (wire/maildir.h), else what was remembered (pop3d/sizes.h), else the file is
 * read for it, once.  0 where it cannot be read. */
uint64_t message_octets(struct maildrop *m, struct message *p);

/* The unique-id: the base name where it is 1 to 70 printable octets that do not
 * begin with '#' (and has no twin), else '#' and 32 digits of a hash. */
void message_uidl(const struct message *p, char out[UIDL_SIZE]);

#endif
