/* authors: the addresses of a From or Sender field, RFC 5322 3.4 and 4.4: of
 * mailboxes and groups, with names, comments, routes and folds.  Strict: what
 * readers could take in two ways is malformed. */
#ifndef SMTPD_AUTHORS_H
#define SMTPD_AUTHORS_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"

enum authors_result {
	AUTHORS_OK,
	AUTHORS_MALFORMED, /* or no address at all */
	AUTHORS_MEMORY,    /* or over out->max */
};

/* Read the value of a field, LF before each fold, into out, which is emptied
 * first: each address in envelope form (the local part without quotes and
 * backslashes, '@', the domain as written), with an LF behind it: no address
 * holds one. */
MUST_USE enum authors_result authors_read(struct str value, struct buf *out);

#endif
