/* ahead: time that passes when a test says so. */
#ifndef TESTS_UNIT_KEYD_AHEAD_H
#define TESTS_UNIT_KEYD_AHEAD_H

#include "lib/attr.h"
#include "lib/clock.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int clock_fd;
static int64_t ahead;

static void UNUSED
pass(int64_t seconds)
{
	char text[CLOCK_FILE_SIZE + 1];

	ahead += seconds * CLOCK_SECOND;
	(void)snprintf(text, sizeof text, "%+020lld\n%+020lld\n",
	    (long long)ahead, (long long)ahead);
	assert_int_equal(
	    pwrite(clock_fd, text, CLOCK_FILE_SIZE, 0), CLOCK_FILE_SIZE);
}

static int UNUSED
ahead_open(void **state)
{
	char path[] = "/tmp/tickets.XXXXXX";

	(void)state;
	clock_fd = mkstemp(path);
	assert_true(clock_fd >= 0);
	pass(0);
	assert_int_equal(setenv("CULVER_CLOCK", path, 1), 0);
	clock_open();
	return unlink(path);
}

#endif
