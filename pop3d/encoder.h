/* encoder: a message as POP3 sends it (RFC 1939, 3 and 11): each line ends in
 * CRLF, also the last one, and a dot at the start of a line is doubled.  All
 * other bytes, NUL and bare CR among them, stay. */
#ifndef POP3D_ENCODER_H
#define POP3D_ENCODER_H

#include "lib/attr.h"
#include "lib/io.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

#define ENCODER_ALL UINT64_MAX /* as a number of body lines */

struct encoder {
	struct writer *out;
	uint64_t octets; /* so far, CRLF and all, without the doubled dots */
	uint64_t body_lines; /* still to be sent */
	uint64_t column;     /* bytes of the current line so far */
	bool cr;             /* the last of them was a CR */
	bool body;           /* the header has ended */
	bool done;           /* no body line is left to send */
};

/* Begin a message of which the header and body_lines lines are wanted (TOP), or
 * ENCODER_ALL. */
void encoder_open(struct encoder *e, struct writer *out, uint64_t body_lines);

/* The next bytes of the file.  False when all that is wanted has been sent. */
MUST_USE bool encoder_put(struct encoder *e, struct str bytes);

/* End the last line where the file did not. */
void encoder_end(struct encoder *e);

#endif
