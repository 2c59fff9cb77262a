/* clock: the only place that asks for the time.  Stamps are on the wall clock,
 * intervals on the boot clock.  $CULVER_CLOCK may name a file of two numbers,
 * microseconds added to each: whole systems are tested with it.  It holds what
 * printf("%+020lld\n%+020lld\n", wall, boot) writes, CLOCK_FILE_SIZE bytes, and
 * a test rewrites it in place by one pwrite(2): never truncate it. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

enum {
	CLOCK_SECOND = 1000000,
	CLOCK_FILE_SIZE = 42 /* bytes: sign, 19 digits, LF; twice */
};

/* Microseconds since 1970 (UTC), and since the machine started (suspended time
 * counts).  They do not fail. */
int64_t clock_wall(void);

/* The boot clock. */
int64_t clock_boot(void);

/* Map $CULVER_CLOCK if it is set; call it before the jail.  Dies (111) when it
 * is set and cannot be used.  Without this call the clocks are the true ones.
 * The map is shared, so a test moves the clock of a running program. */
void clock_open(void);

#endif
