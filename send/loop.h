/* loop: culver-send's only wait. */
#ifndef SEND_LOOP_H
#define SEND_LOOP_H

#include "send/send.h"

/* Read the settings; what they limit changes at once.  Where they do not parse
 * that is said, and s->broken keeps mail waiting until they do. */
void loop_settings(struct send *s);

/* Serve until SIGTERM, and then until what is under way has ended. */
void loop_run(struct send *s, int signals);

#endif
