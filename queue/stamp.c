/* stamp: the Received field of local programs' messages; see stamp.h. */
#include "queue/stamp.h"

#include "lib/clock.h"
#include "lib/date.h"
#include <stdio.h>
#include <unistd.h>

void
stamp_write(char out[STAMP_SIZE])
{
	char date[DATE_SIZE];

	date_rfc5322(date, clock_wall() / CLOCK_SECOND);
	(void)snprintf(out, STAMP_SIZE,
	    "Received: (culver %ld invoked by uid %lu); %s\n", (long)getpid(),
	    (unsigned long)getuid(), date);
}
