/* outgoing: a message on its way out: its bytes as they are, or converted to
 * seven bits, and what has to be known of them before any is sent. */
#ifndef REMOTE_OUTGOING_H
#define REMOTE_OUTGOING_H

#include "lib/attr.h"
#include "lib/str.h"
#include "remote/convert.h"
#include "wire/body.h"
#include <stdbool.h>
#include <stdint.h>

struct outgoing {
	struct body body;
	struct convert convert;
	bool eight, eight_header; /* of the message as it is */
	uint64_t octets; /* with CR LF, no dots stuffed, as measured last */
	bool converted;  /* likewise; outgoing_next gives that */
	uint64_t at;     /* the next byte, where it is not converted */
};

enum outgoing_result {
	OUTGOING_OK,
	OUTGOING_END,
	OUTGOING_CANNOT, /* it cannot be converted */
	OUTGOING_ERROR   /* errno, as body_get */
};

/* Begin with the message of len bytes at offset at of fd, which stays the
 * caller's, and measure it as it is.  OUTGOING_OK or ERROR. */
MUST_USE enum outgoing_result outgoing_open(
    struct outgoing *o, int fd, uint64_t at, uint64_t len);

/* Measure it anew, converted or not, and go on with it so.  OUTGOING_OK, CANNOT
 * or ERROR. */
MUST_USE enum outgoing_result outgoing_measure(
    struct outgoing *o, bool converted);

/* Go back to the first byte. */
void outgoing_rewind(struct outgoing *o);

/* The next bytes, with the line ends of the message; never empty on OUTGOING_OK,
 * and valid until the next call. */
MUST_USE enum outgoing_result outgoing_next(
    struct outgoing *o, struct str *chunk);

#endif
