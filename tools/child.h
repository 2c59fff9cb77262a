/* child: run a helper program and hear what it says. */
#ifndef TOOLS_CHILD_H
#define TOOLS_CHILD_H

#include "lib/attr.h"
#include "lib/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* Run a program ($PATH is searched) with the arguments listed, C strings, and
 * wait for its end.  It has no input; what it prints is appended to *out, what
 * does not fit there is dropped; out NULL drops all, and its complaints always
 * are.  Returns its exit code, 128 and more when a signal ended it, or -1 with
 * errno (ENOENT: there is none of that name). */
#define child_run(out, ...) child_run_list(out, __VA_ARGS__, (char *)0)

/* What child_run calls. */
MUST_USE NULL_ENDED int child_run_list(
    struct buf *out, const char *program, ...);

/* A program of this name can be found in $PATH. */
bool child_exists(const char *program);

#endif
