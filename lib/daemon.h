/* daemon: the life of a program that serves connections: with -l ADDRESS:PORT
 * it listens by itself, without it serves the one that a UCSPI server left on
 * descriptors 0 and 1. */
#ifndef LIB_DAEMON_H
#define LIB_DAEMON_H

#include "lib/drop.h"
#include "lib/listener.h"
#include <stdbool.h>

struct daemon {
	const char *name;  /* in the log: "qmtpd" */
	const char *usage; /* for --help */
	const char *brief; /* for die_usage */
	/* What a worker is jailed to, by ops.prepare; the listener may accept
	 * and fork, too. */
	const struct drop *jail;
	/* Open what is needed beyond the jail; the current folder is HOME, and
	 * root, where we are it, not yet given up: nothing is to be parsed. */
	void (*open)(void *context, bool ucspi);
	/* Words behind the options, count of them, which NULL follows: before
	 * open, and only under a UCSPI server.  NULL: there may be none. */
	void (*words)(void *context, int count, char **words);
	/* Letters of options that have no value, and who is told of each. */
	const char *letters;
	void (*letter)(void *context, int letter);
	struct listener_ops ops;
};

/* The whole program from main on: returns what it exits with. */
int daemon_run(int argc, char **argv, const struct daemon *d);

#endif
