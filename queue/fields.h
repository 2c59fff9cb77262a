/* fields: the header fields that culver-inject knows (qmail-header(5)). */
#ifndef QUEUE_FIELDS_H
#define QUEUE_FIELDS_H

#include "lib/str.h"
#include <stdbool.h>

enum role {
	ROLE_NONE,   /* no addresses that we read */
	ROLE_SENDER, /* addresses, made whole */
	ROLE_TO,     /* recipients that Mail-Followup-To would name, too */
	ROLE_HIDDEN, /* recipients */
	ROLE_RESENT, /* recipients of a message sent on */
	ROLE_RETURN  /* the envelope's sender */
};

/*      id                name                 role    kept   resent */
#define FIELDS(X)                                                              \
	X(SENDER, "Sender", SENDER, true, false)                               \
	X(FROM, "From", SENDER, true, false)                                   \
	X(REPLY_TO, "Reply-To", SENDER, true, false)                           \
	X(TO, "To", TO, true, false)                                           \
	X(CC, "Cc", TO, true, false)                                           \
	X(BCC, "Bcc", HIDDEN, false, false)                                    \
	X(APPARENTLY_TO, "Apparently-To", HIDDEN, true, false)                 \
	X(DATE, "Date", NONE, true, false)                                     \
	X(MESSAGE_ID, "Message-ID", NONE, true, false)                         \
	X(RESENT_SENDER, "Resent-Sender", SENDER, true, true)                  \
	X(RESENT_FROM, "Resent-From", SENDER, true, true)                      \
	X(RESENT_REPLY_TO, "Resent-Reply-To", SENDER, true, true)              \
	X(RESENT_TO, "Resent-To", RESENT, true, true)                          \
	X(RESENT_CC, "Resent-Cc", RESENT, true, true)                          \
	X(RESENT_BCC, "Resent-Bcc", RESENT, false, true)                       \
	X(RESENT_DATE, "Resent-Date", NONE, true, true)                        \
	X(RESENT_MESSAGE_ID, "Resent-Message-ID", NONE, true, true)            \
	X(RETURN_RECEIPT_TO, "Return-Receipt-To", SENDER, true, false)         \
	X(ERRORS_TO, "Errors-To", SENDER, true, false)                         \
	X(RETURN_PATH, "Return-Path", RETURN, false, false)                    \
	X(CONTENT_LENGTH, "Content-Length", NONE, false, false)                \
	X(MAIL_FOLLOWUP_TO, "Mail-Followup-To", NONE, true, false)             \
	X(OTHER, "", NONE, true, false)

enum field_id {
#define FIELD_ID(id, name, role, kept, resent) FIELD_##id,
	FIELDS(FIELD_ID)
#undef FIELD_ID
	    FIELD_COUNT
};

struct field_row {
	const char *name;
	enum role role;
	bool kept;   /* it stays in the message */
	bool resent; /* it makes the message one that is sent on */
};

/* The field of this name, in any case; FIELD_OTHER for all the rest. */
enum field_id fields_find(struct str name);

/* Its row; FIELD_OTHER has one that says nothing. */
const struct field_row *fields_row(enum field_id id);

#endif
