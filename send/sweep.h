/* sweep: what dead writers leave. */
#ifndef SEND_SWEEP_H
#define SEND_SWEEP_H

/* Remove the files in queue/mess/tmp, where unnamed files are unknown, that are
 * older than any writer can be (QUEUE_OSSIFIED), or as far in the future.  What
 * fails is said in the log; no such folder is fine. */
void sweep_tmp(void);

/* Likewise in queue/pool.  A message that is as old and still queued keeps its
 * name in mess/. */
void sweep_pool(void);

#endif
