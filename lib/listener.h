/* listener: accept connections and hand each to a worker process, which takes
 * one connection after another.  Used by every program that listens on TCP. */
#ifndef LIB_LISTENER_H
#define LIB_LISTENER_H

#include "lib/attr.h"
#include "lib/crowd.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTENER_MAX = 16 }; /* addresses of one program */

/* One connection, over TCP or from a UCSPI server. */
struct connection {
	int in_fd, out_fd; /* the same descriptor over TCP */
	struct ip remote, local;
	uint16_t remote_port, local_port;
	int listener_fd; /* for connection_recount; -1 under a UCSPI server */
};

struct listener {
	int fds[LISTENER_MAX];
	size_t count;
};

/* Bind and listen at "ADDRESS:PORT"; done while still root.  "[::]" is IPv6
 * alone, beside "0.0.0.0".  Dies: 100 for text that is no endpoint and for more
 * than LISTENER_MAX, 111 when it cannot be bound. */
void listener_add(struct listener *l, struct str endpoint);

struct listener_ops {
	/* Most connections served at once, read again for every connection;
	 * asked in the listener. */
	uint64_t (*limit)(void *context);
	/* Most of one address and one network (lib/tally.h), 0: no limit; asked
	 * after limit.  NULL: there are none. */
	void (*limits)(void *context, struct crowd_limits *l);
	/* This address speaks for others: what it has is not limited but by
	 * connection_recount.  Asked only about one that is over a limit. */
	bool (*is_proxy)(void *context, const struct ip *remote);
	/* The line, with CR LF, that a client over a limit is told. */
	const char *crowded;
	/* How many connections a worker serves before a fresh one replaces it;
	 * asked in the worker after each; 0 is taken for 1. */
	uint64_t (*uses)(void *context);
	/* First act of a worker: enter the jail, open what it keeps. */
	void (*prepare)(void *context);
	/* Serve one connection to its end; its descriptor is closed after. */
	void (*serve)(void *context, const struct connection *c);
	void *context;
};

/* Accept until SIGTERM, then let running connections end and return; the
 * listening sockets are closed then.  A second SIGTERM is passed on to the
 * workers.  Beyond the limit connections wait in the kernel's queue.  One that
 * is too many of its address or network is told so and closed; so is, where
 * networks have a limit, a second one of a network while no more than a quarter
 * of all places is free: these are kept for others.  A worker that dies takes
 * its own connection with it and no other.  accept(2) failing for want of
 * descriptors or memory waits a second, it does not spin; nor does a worker
 * that ends before it is prepared.
 *
 * A worker has default signals, SIGPIPE ignored, no listening socket, and ends
 * by _exit: after its uses, after 60 seconds without a connection, and after
 * the connection in hand when the listener is gone.  What the listener is
 * jailed to its workers are, too: it promises PROMISE_ACCEPT and PROMISE_FORK
 * and whatever they need. */
void listener_run(struct listener *l, const struct listener_ops *ops);

/* The connection a UCSPI server left on descriptors 0 and 1, from $TCPREMOTEIP
 * and its siblings, else from the socket itself; zero addresses when neither
 * tells (a terminal, a test). */
void connection_from_ucspi(struct connection *c);

/* In a worker: the connection is that of c->remote from now on, for whom a
 * proxy speaks.  False when that is one too many: tell the client and close. */
MUST_USE bool connection_recount(const struct connection *c);

#endif
