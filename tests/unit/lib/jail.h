/* jail: children that enter a jail, try, and tell; for the tests of drop.
 * Wants _GNU_SOURCE. */
#ifndef TESTS_UNIT_LIB_JAIL_H
#define TESTS_UNIT_LIB_JAIL_H

#include "lib/drop.h"
#include "lib/home.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOMEBODY = 65534 }; /* a uid and gid that is not root's */
enum { ANSWERS = 256 };    /* ints that a child can leave behind */

static int *answers; /* shared between the test and its children */

static const struct drop_path everywhere[] = {
    {"/",  PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE | PATH_EXEC},
    {NULL, 0							     },
};

/* A private instance under /var/tmp, whose owner is not root: whoever runs the
 * test, or somebody when root does. */
static int
home_make(void **state)
{
	static char path[] = "/var/tmp/culver-test.XXXXXX";
	bool root = geteuid() == 0;

	(void)state;
	if (mkdtemp(path) == NULL ||
	    (root && chown(path, SOMEBODY, SOMEBODY) != 0) ||
	    setenv("CULVER_HOME", path, 1) != 0)
		return -1;
	home_enter();
	answers = mmap(NULL, ANSWERS * sizeof(*answers), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return answers == MAP_FAILED ? -1 : 0;
}

/* Fork; the child runs body and exits with what it returns.  The test gets the
 * status of wait(2). */
static int
in_child(int (*body)(const void *context), const void *context)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(context));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
