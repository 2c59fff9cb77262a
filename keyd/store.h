/* store: the credentials of control/servercert.pem and control/tls/NAME.pem, read when
 * they are asked for and again when their file has changed. */
#ifndef KEYD_STORE_H
#define KEYD_STORE_H

#include "keyd/credential.h"
#include "lib/attr.h"
#include "lib/str.h"

enum {
	STORE_FILES = 1024,       /* kept at once; the longest unused goes */
	STORE_FILE_MAX = 1 << 18, /* bytes of one */
	STORE_FORMER_SECONDS = 60 /* a replaced key goes on */
};

struct store;

/* A store of the files in the folder control_fd, which stays the caller's.  NULL
 * without memory.  Free with store_free, which accepts NULL. */
MUST_USE struct store *store_new(int control_fd);

/* Free s. */
void store_free(struct store *s);

/* the credential for a host name in lower case, or "": NAME's own, else that of what
 * follows its first dot if its certificate is for NAME, else servercert.pem's.
 * NULL when there is none that can be read.  Valid until the next call.  A file
 * that cannot be used is named in the log, once for each change of it, and what
 * was read from it before goes on. */
const struct credential *store_find(struct store *s, struct str name);

/* The credential that has the key of that hash, one that was replaced lately among
 * them; NULL without one. */
const struct credential *store_of(
    struct store *s, const unsigned char hash[TLS_KEY_HASH]);

#endif
