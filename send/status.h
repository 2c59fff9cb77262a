/* status: what culver-send says of itself. */
#ifndef SEND_STATUS_H
#define SEND_STATUS_H

#include "send/send.h"

/* qmail-send's status line. */
void status_say(const struct send *s);

/* "send: message ino=… token=… …": joins qmail-send's lines to every other
 * program's. */
void status_message(const struct active *a);

/* "send: held ino=… token=… why=…" */
void status_held(const struct entry *e, const char *why);

/* "send: …" about local trouble with a message: what, and errno's text. */
void status_trouble(const struct entry *e, const char *what);

#endif
