/* asker: culver-lspawn's asking half: answers culver-smtpd, wire/who.h. */
#ifndef LOCAL_ASKER_H
#define LOCAL_ASKER_H

#include "lib/attr.h"
#include "local/owner.h"

/* Find whom to hear (dies, 111), then serve those who connect to the listener until the other end of parent is
 * closed. */
NO_RETURN void asker_run(int parent, int listener, struct owners *o);

#endif
