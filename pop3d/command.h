/* command: a client's command lines, one at a time.  Answers are gathered while
 * another whole command waits, and written before anything is waited for. */
#ifndef POP3D_COMMAND_H
#define POP3D_COMMAND_H

#include "lib/attr.h"
#include "lib/io.h"
#include "lib/str.h"

enum {
	COMMAND_MAX = 255,     /* octets, CRLF included; RFC 2449, 4 */
	COMMAND_ANSWER = 2048, /* the same of an answer within AUTH, base64 */
	COMMAND_STORAGE = 4096 /* for the reader: pipelined ones, too */
};

enum command_result {
	COMMAND_OK,
	COMMAND_LONG, /* over its length; it was skipped up to its LF */
	COMMAND_END,  /* the client has closed, or cannot be heard */
	COMMAND_TIMEOUT,
	COMMAND_UNHEARD /* it cannot be written to */
};

/* Wait for the next line; it points into the reader's storage until the next
 * call. */
MUST_USE enum command_result command_next(
    struct reader *in, struct writer *out, struct str *line);

/* The same for an answer within AUTH. */
MUST_USE enum command_result command_answer(
    struct reader *in, struct writer *out, struct str *line);

#endif
