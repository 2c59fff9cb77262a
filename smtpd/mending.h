/* mending: what a passing header lacks is added at its end, and what its author
 * says of himself is shown; nothing that is there is changed (doc/INTERNALS,
 * 12.6).  Bytes go on as they come, but for the start of the first line, which
 * is kept until it is known for a field.  However the message is cut, the result
 * is the same. */
#ifndef SMTPD_MENDING_H
#define SMTPD_MENDING_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* The fields that are looked for. */
enum mending_field {
	MENDING_DATE,
	MENDING_MESSAGE_ID,
	MENDING_FROM,
	MENDING_SENDER,
	MENDING_NONE /* any other, and what is none */
};

enum {
	MENDING_START = 1000, /* bytes of the first line without a colon that
	                         are kept; with more it is no field */
	MENDING_VALUE = 8192  /* bytes of From or Sender that are looked at */
};

enum mending_state {
	MS_LINE,  /* at the start of a line; that of the message is zero */
	MS_NAME,  /* within what may be a field's name */
	MS_BLANK, /* behind that and a blank, before its colon */
	MS_VALUE, /* behind the colon, or in a line that has none */
	MS_BODY   /* the header has ended */
};

/* What becomes of it. */
struct mending_ops {
	/* The next bytes of the message as it goes on. */
	void (*pass)(void *context, struct str bytes);
	/* A From or Sender has ended; value is what stands behind its colon,
	 * folds and all, whole being false when it is longer than that. */
	void (*author)(void *context, enum mending_field field,
	    struct str value, bool whole);
	/* The header ends here: pass these fields, where not NULL. */
	void (*lacks)(void *context, bool date, bool message_id);
	void *context;
};

struct mending {
	const struct mending_ops *ops;
	enum mending_state state;
	bool begun;                /* the first line is known for what it is */
	bool open;                 /* the last byte passed ended no line */
	bool whole;                /* value is all of it */
	unsigned has;              /* bits of enum mending_field */
	enum mending_field field;  /* whose value this is */
	struct buf value;          /* of an author's field */
	size_t len;                /* of start so far */
	char start[MENDING_START]; /* of the line, up to its colon */
};

/* Begin a message.  m is zero, or has been begun before; ops stays the
 * caller's. */
void mending_begin(struct mending *m, const struct mending_ops *ops);

/* The next bytes of the message, with LF line ends. */
void mending_scan(struct mending *m, struct str text);

/* The message has ended. */
void mending_end(struct mending *m);

/* Free what it keeps. */
void mending_free(struct mending *m);

#endif
