/* service: the services of an instance, one folder of HOME/service each, seen
 * and told by the tools of the supervisor that keeps them up. */
#ifndef TOOLS_SERVICE_H
#define TOOLS_SERVICE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "tools/supervisor.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SERVICE_MAX = 64, /* services of an instance */
	SERVICE_NAME = 32,
	SERVICE_PORTS = 256 /* text: endpoints with blanks between */
};

enum service_state {
	SERVICE_UP,
	SERVICE_DOWN,
	SERVICE_UNKNOWN /* not supervised, or not ours to see */
};

/* Services end in this order. */
enum service_rank { RANK_DOOR, RANK_SEND, RANK_OTHER, RANK_COUNT };

struct service {
	char name[SERVICE_NAME];
	enum service_rank rank;
	char ports[SERVICE_PORTS]; /* of env/LISTEN; empty: none */
	enum service_state state;
	pid_t pid;        /* 0 unless up */
	uint64_t seconds; /* in that state */
	char version[SERVICE_NAME];
};

struct services {
	struct service rows[SERVICE_MAX];
	size_t count;
};

/* The services of HOME, sorted by rank and name, with name, rank and ports.
 * False with errno; ENOENT also when there is none, EPROTO for an env/LISTEN
 * that cannot be shown. */
MUST_USE bool services_list(struct services *all);

/* Ask how a service is, of supervisor s: state, pid and seconds. */
void service_look(enum supervisor s, struct service *one);

/* The same for all of them at once. */
void services_look(enum supervisor s, struct services *all);

/* What HOME/bin/culver-NAME --version says; "?" when it does not. */
void service_version(struct service *one);

/* Tell a service to end and stay down; by SIGTERM, then by SIGKILL.
 * Asynchronous.  False when it could not be told. */
MUST_USE bool service_down(enum supervisor s, const struct service *one);

/* The same by SIGKILL. */
MUST_USE bool service_kill(enum supervisor s, const struct service *one);

/* End a service, its log and what supervises them (daemontools). */
MUST_USE bool service_end(enum supervisor s, const struct service *one);

/* Something accepts on every port of the service. */
bool service_accepts(const struct service *one);

/* state, pid and seconds from what a supervisor's tool printed: s6-svstat -o
 * up,pid,updownfor; sv status; svstat. */
void service_parse(enum supervisor s, struct str text, struct service *one);

#endif
