/* stamp: the Received field of a message that a local program hands in. */
#ifndef QUEUE_STAMP_H
#define QUEUE_STAMP_H

enum { STAMP_SIZE = 128 };

/* "Received: (culver PID invoked by uid UID); DATE", its LF and an end byte. */
void stamp_write(char out[STAMP_SIZE]);

#endif
