/* maildir: the names of files in a Maildir, as culver-local makes them and
 * culver-pop3d (and Dovecot) reads them:
 *
 *   SECONDS.qTOKENrNUMBER.HOST,S=SIZE,W=WIRESIZE[:2,FLAGS]
 *
 * The part before the ':' is made from the message alone (arrival, token,
 * number of the recipient), so that a delivery made again meets its own name
 * and changes nothing (P3).  SIZE is the file's bytes, WIRESIZE the same with
 * CRLF line ends: one more for each LF that no CR precedes.  It is left out
 * where the last line has no end, since POP3 sends one and IMAP does not.  '/'
 * and ':' in HOST are written \057 and \072, and so is every other byte that
 * is not printable or would end a part.
 */
#ifndef WIRE_MAILDIR_H
#define WIRE_MAILDIR_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum { MAILDIR_NAME = 256 };

struct maildir_name {
	int64_t arrived; /* microseconds since 1970; the name has its seconds */
	const unsigned char *token;
	uint32_t number;
	struct str host;
	uint64_t size;
	uint64_t wire_size; /* 0: without ",W=", a reader counts it */
};

/* The name, end byte included.  A host that is too long is cut. */
void maildir_name_write(char out[MAILDIR_NAME], const struct maildir_name *n);

/* The two sizes in any name; false when it has not the one asked for. */
MUST_USE bool maildir_name_size(struct str name, uint64_t *size);

/* The size with CRLF line ends; likewise. */
MUST_USE bool maildir_name_wire_size(struct str name, uint64_t *wire_size);

/* The part before ':', which is a file's identity while its flags change. */
struct str maildir_name_base(struct str name);

#endif
