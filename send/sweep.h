/* sweep: what dead writers leave on file systems without unnamed files. */
#ifndef SEND_SWEEP_H
#define SEND_SWEEP_H

/* Remove the files in queue/mess/tmp that are older than any writer can be
 * (QUEUE_OSSIFIED), or as far in the future.  What fails is said in the log; no such folder is fine. */
void sweep_tmp(void);

#endif
