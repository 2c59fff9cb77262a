/* auth: log in to a host (RFC 4954) by PLAIN (RFC 4616) or LOGIN where nobody
 * can listen, which is within TLS or on this machine, else by CRAM-MD5 (RFC
 * 2195), which does not show the password. */
#ifndef REMOTE_AUTH_H
#define REMOTE_AUTH_H

#include "lib/attr.h"
#include "lib/str.h"

struct session;

enum auth_result {
	AUTH_OK,
	AUTH_REFUSED,   /* s->reply, or s is broken */
	AUTH_IMPOSSIBLE /* nothing was sent: it offers no way that will do */
};

/* Each at most NEXTHOP_LOGIN bytes. */
MUST_USE enum auth_result auth_run(
    struct session *s, struct str user, struct str password);

#endif
