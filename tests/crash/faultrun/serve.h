/* serve: a driver says, line by line, what to run and what shall go wrong; a
 * warm system so meets one fault after another.
 *
 *   words of a line are divided by tabs; each line gets one answer
 *   run LOG ARGV0 ARGV1 ...      ok PID
 *   arm PROGRAM CALLS N ACTION   ok            counting begins again at 1
 *   disarm                       ok            nothing goes wrong any more
 *   power FOLDER                 ok            whose disk a cut cuts
 *   counts PATH | counts -       ok            lines of PROGRAM, N, CALL
 *   record PATH FOLDER | record -    ok
 *   mark TEXT                    ok            a line of the record
 *   state                        ok SEEN HIT   calls counted, 1 once it hit
 *   kill                         ok            SIGKILL for all
 *   anything else                no REASON
 *
 * Between the answers come, as they happen:
 *   hit PROGRAM PID CALL N       the plan's call was entered
 *   exit PROGRAM PID STATUS      what run started ended; -9 is a signal
 *   dead                         after kill, killall, a cut: all are gone
 *   failed                       a fault could not be made */
#ifndef TESTS_CRASH_FAULTRUN_SERVE_H
#define TESTS_CRASH_FAULTRUN_SERVE_H

#include "lib/attr.h"
#include "tests/crash/faultrun/watch.h"
#include <stdbool.h>
#include <stdio.h>

/* Serve until in ends; then all are killed.  False when out cannot be
 * written, or nothing could be waited for. */
MUST_USE bool serve(struct watch *w, FILE *in, FILE *out);

#endif
