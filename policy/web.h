/* web: one HTTPS request, by libcurl: the server's certificate is for its name
 * and of an authority we trust, nothing is followed elsewhere (RFC 8461, 3.3),
 * no proxy, cookie or password of anybody's environment is used. */
#ifndef POLICY_WEB_H
#define POLICY_WEB_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	WEB_SECONDS = 60,   /* of a whole request */
	WEB_ADDRESSES = 16, /* of a host, that are tried */
	WEB_HOST_SIZE = 256,
	WEB_WHY = 160
};

enum web_result {
	WEB_OK,        /* 200 */
	WEB_FAILED,    /* no answer, another one, or too long a one */
	WEB_UNTRUSTED, /* its certificate is not what it should be */
	WEB_LOCAL      /* trouble of ours */
};

struct web_request {
	const char *url;            /* https:// */
	const char *host;           /* of the URL, as it stands there */
	unsigned port;              /* of the URL */
	const struct ip *addresses; /* of the host */
	size_t count;               /* at most WEB_ADDRESSES */
	const char *authorities;    /* a file; NULL: the system's */
	struct str body;            /* posted, where type is not NULL */
	const char *type;           /* its Content-Type */
};

/* Before the jail, once.  False where libcurl does not work. */
MUST_USE bool web_begin(void);

/* Do it.  The answer's body is appended to answer, whose max bounds it (NULL:
 * thrown away); type (may be NULL) becomes its Content-Type, "" when there is
 * none.  Other than WEB_OK: why is a C string that tells. */
MUST_USE enum web_result web_do(const struct web_request *r, struct buf *answer,
    struct buf *type, char why[WEB_WHY]);

/* Host and port of an https URL without user or fragment; false for any
 * other. */
MUST_USE bool web_host(
    struct str url, char host[WEB_HOST_SIZE], unsigned *port);

#endif
