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
	STORE_QUIET_SECONDS = 2,  /* since the last write, before it replaces */
	STORE_FORMER_SECONDS = 60, /* a replaced key goes on */
	STORE_GONE_SECONDS = 600   /* one whose file was removed does */
};

struct store;

/* A store of the files in the folder control_fd, which stays the caller's.  NULL
 * without memory.  Free with store_free, which accepts NULL. */
MUST_USE struct store *store_new(int control_fd);

/* Free s. */
void store_free(struct store *s);

/* the credential for a host name in lower case, or "": NAME's own, else that of what
 * follows its first dot if its certificate is for NAME, else servercert.pem's.
 * NULL when there is none that can be read.  Valid until the next call.
 *
 * However a file is renewed, what was read from it goes on until the new is whole:
 * while it is being written, while it cannot be used (it is named in the log,
 * once for each change of it), while it cannot be looked at, and for
 * STORE_GONE_SECONDS while it is not there. */
const struct credential *store_find(struct store *s, struct str name);

/* The credential that has the key of that hash, one that was replaced lately among
 * them; NULL without one. */
const struct credential *store_of(
    struct store *s, const unsigned char hash[TLS_KEY_HASH]);

#endif
