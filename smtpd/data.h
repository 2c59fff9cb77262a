/* data: the body of DATA or BDAT as bytes, RFC 5321 4.5.2: dots undone, lines
 * ended by LF, and the one true end found.  Only CR LF ends a line and only
 * CR LF "." CR LF ends the message; a CR or LF by itself does neither, it is
 * remembered, and the message is refused once its end has come (no SMTP
 * smuggling).  Where the length is told otherwise dots are ordinary bytes. */
#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum data_state {
	DS_START, /* at the start of a line; that of the whole is zero */
	DS_TEXT,
	DS_CR,    /* after CR within a line */
	DS_DOT,   /* after a dot at the start of a line */
	DS_DOTCR, /* after that and CR */
	DS_END,   /* the message has ended */
	DS_COUNT
};

/* Zero is the start. */
struct data {
	enum data_state state;
	bool counted;   /* no dots: the length is told otherwise (BDAT) */
	bool bare;      /* a CR or LF by itself was seen */
	uint64_t bytes; /* of the message with CR LF, RFC 1870 6.1 */
};

/* Take bytes from the front of *in until it is empty or the message has ended
 * (state DS_END; what is left in *in comes after the message).  out has room
 * for in->len bytes and may be where they stand; returns how many were
 * written. */
MUST_USE size_t data_decode(struct data *d, struct str *in, char *out);

/* No more will come: a CR at the very end was one by itself. */
void data_finish(struct data *d);

/* data_decode byte by byte from the table alone, for the test that holds the
 * two together. */
MUST_USE size_t data_decode_slow(struct data *d, struct str *in, char *out);

#endif
