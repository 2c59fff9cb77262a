/* variables: the environment of the programs of .qmail files, qmail-local's. */
#ifndef LOCAL_VARIABLES_H
#define LOCAL_VARIABLES_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "local/lines.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stddef.h>

enum { VARIABLES_MAX = 32 };

struct variables_from {
	const struct delivery *d;
	const struct lines *lines;
	struct str home, new_sender;
	struct str rest; /* of the extension, where the file's is a default */
	bool has_rest;
};

struct variables {
	struct buf text; /* of them all, each with its end byte */
	size_t count;
	char *list[VARIABLES_MAX + 1]; /* for execve(2); points into text */
};

enum variables_result {
	VARIABLES_OK,
	VARIABLES_UNSAFE, /* a value is one that a program must not get */
	VARIABLES_MEMORY
};

/* Make them: those of the envelope, and PATH, CULVER_HOME and CULVER_CLOCK of
 * ours.  A value that comes from outside and begins with "() {", or holds an LF
 * or a NUL, is unsafe.  variables_free in any case. */
MUST_USE enum variables_result variables_make(
    struct variables *v, const struct variables_from *from);

/* Free them. */
void variables_free(struct variables *v);

#endif
