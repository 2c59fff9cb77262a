/* secret: bytes that culver-authd keeps in SECRET_FOLDER.  What is made of them
 * is the same after a restart, and nobody outside can make it. */
#ifndef POP3D_SECRET_H
#define POP3D_SECRET_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>

#define SECRET_FOLDER "state/authd"

enum { SECRET_SIZE = 32, SECRET_MAC = 32 /* bytes */ };

struct secret {
	unsigned char bytes[SECRET_SIZE];
};

enum secret_result {
	SECRET_KEPT,
	SECRET_FRESH, /* random, and not kept: errno says why */
	SECRET_NONE   /* not even that; errno */
};

/* The secret in folder, relative to HOME; where it holds none one is made and
 * kept durably.  A file that holds none is left as it is (errno EPROTO). */
MUST_USE enum secret_result secret_open(struct secret *s, const char *folder);

/* HMAC-SHA-256 of text in ASCII lower case, for one purpose; different ones have
 * nothing in common.  False when the library cannot. */
MUST_USE bool secret_mac(const struct secret *s, const char *purpose,
    struct str text, unsigned char mac[SECRET_MAC]);

#endif
