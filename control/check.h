/* check: what is wrong with an instance's configuration. */
#ifndef CONTROL_CHECK_H
#define CONTROL_CHECK_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* Lines of text without their LF: "control/databytes:1: not a number: 10k". */
struct check {
	/* Called for each finding; an error is what a program would defer mail
	 * for or never read, a warning what has no effect or may surprise. */
	void (*found)(void *context, bool error, struct str text);
	void *context;
	size_t errors, warnings;
};

/* Every control file of the folder dirfd, and names that are none. */
void check_controls(struct check *k, int dirfd);

/* users/passwd and its tables, HOME being the current folder. */
void check_users(struct check *k);

/* A text as control/show.h writes it. */
void check_text(struct check *k, struct str text);

#endif
