/* receive: DATA: a message up to the dot. */
#ifndef SMTPD_RECEIVE_H
#define SMTPD_RECEIVE_H

#include "lib/str.h"
#include "smtpd/session.h"

/* The verb: begins a message in the queue and asks for the client's bytes. */
struct reply do_data(struct session *s, struct str none);

/* Phase PH_DATA: read the message to its end, and say what became of it. */
struct reply receive_message(struct session *s);

#endif
