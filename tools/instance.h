/* instance: an instance as culver start, stop and status see it. */
#ifndef TOOLS_INSTANCE_H
#define TOOLS_INSTANCE_H

#include "lib/attr.h"
#include "tools/service.h"
#include "tools/supervisor.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct instance {
	struct services all;
	enum supervisor supervisor; /* that runs, or ran last */
	pid_t pid;                  /* of it; 0: it does not run */
};

/* Enter HOME (home NULL: $CULVER_HOME or the compiled one), and in a private
 * instance become its owner where root asks.  Dies: 100 when there are no
 * services or, with act set, when the caller is neither HOME's owner nor root;
 * 111 when something cannot be read. */
void instance_enter(struct instance *i, const char *home, bool act);

/* Ask the supervisor's pid and every service's state again.  Dies (111) when
 * the lock cannot be read. */
void instance_look(struct instance *i);

/* Wait until test holds for i, looked at again each time, at most seconds long.
 * Returns what test said last.  On a terminal, the services that one_is_done
 * says false for are named on stderr meanwhile. */
bool instance_wait(struct instance *i, uint64_t seconds,
    bool (*one_is_done)(const struct instance *i, const struct service *one));

/* Print a table of at most 80 columns, or JSON, with every service's version.
 * Dies (111) when it cannot be written. */
void instance_print(struct instance *i, bool json);

#endif
