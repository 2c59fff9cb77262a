/* proxy: the header with which a proxy says for whom it speaks, versions 1
 * and 2 of HAProxy's PROXY protocol, in front of everything else. */
#ifndef LIB_PROXY_H
#define LIB_PROXY_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROXY_LINE = 107,      /* bytes of version 1, its CR LF among them */
	PROXY_MAX = 16 + 4096, /* bytes of version 2 at most, extensions too */
	PROXY_SECONDS = 10,    /* in which all of it has to come */
};

struct proxy {
	bool known; /* false: the connection is the proxy's own, or it cannot
	             * tell (LOCAL, UNKNOWN, UNSPEC) */
	struct ip source, destination;
	uint16_t source_port, destination_port;
};

enum proxy_result {
	PROXY_MORE, /* at least *more bytes are wanting */
	PROXY_DONE, /* the bytes are the whole header, and p is what it says */
	PROXY_BAD   /* these bytes begin no header */
};

/* Take apart what has come so far.  Bytes behind a header are PROXY_BAD: read
 * as many as *more says, at first *more of none, and nothing of the session is
 * among them. */
enum proxy_result proxy_parse(struct str bytes, struct proxy *p, size_t *more);

/* Read a header, and not one byte behind it.  False when there is none in time
 * or it is malformed: *why says how, as a word for the log. */
MUST_USE bool proxy_read(int fd, struct proxy *p, const char **why);

#endif
