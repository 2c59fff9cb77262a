/* owed: which notices a message owes its sender (RFC 3461): of success and of
 * delay; of failures as ever.  With nothing in flight owed_next says which is
 * next; the journal remembers what was told. */
#ifndef SEND_OWED_H
#define SEND_OWED_H

#include "lib/attr.h"
#include "send/send.h"
#include "wire/bounce.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	OWED_DELAY = 14400 /* seconds; where NOTIFY asks and nothing is set */
};

/* The envelope's NOTIFY of recipient number, who is known to a. */
void owed_asked(struct active *a, uint32_t number, struct str notify);

/* What a sender who asked to hear of success is owed for the result r, letter K,
 * of channel c; none where the next host tells him. */
enum journal_act owed_act(enum channel c, const struct result *r);

/* The notice to be asked for next, which a has not told: over says that no
 * recipient is waited for any more, without which failures are not told.
 * BOUNCE_NONE: all is told. */
enum bounce_kind owed_next(
    const struct send *s, const struct active *a, bool over);

/* What culver-bounce must know besides, to compose a notice of this kind. */
void owed_request(const struct send *s, const struct active *a,
    enum bounce_kind kind, struct bounce_request *r);

/* The notice of this kind was made, or is not wanted: the line that says so has
 * been noted, or read. */
void owed_told(struct active *a, enum bounce_kind kind);

/* The event of that line. */
enum journal_event owed_event(enum bounce_kind kind);

#endif
