/* param: what follows the path of MAIL and RCPT, RFC 5321 4.1.2. */
#ifndef SMTPD_PARAM_H
#define SMTPD_PARAM_H

#include "lib/attr.h"
#include "lib/str.h"
#include "smtpd/dsn.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_result {
	PARAM_OK,
	PARAM_SYNTAX,   /* 501 5.5.4: malformed, or given twice */
	PARAM_UNKNOWN,  /* 555 5.5.4: none that we offer */
	PARAM_TOO_LARGE /* 552 5.3.4: a size that no number of ours holds */
};

enum param_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME };

enum param_ret { RET_UNSAID, RET_FULL, RET_HDRS };

struct params {
	/* Of MAIL. */
	uint64_t size; /* RFC 1870; 0: not said */
	enum param_body body;
	enum param_ret ret; /* RFC 3461, 4.3 */
	size_t envid_len;   /* 0: not said */
	char envid[DSN_ENVID_MAX];
	bool utf8; /* SMTPUTF8 */
	/* Of RCPT. */
	unsigned notify;  /* set of enum dsn_notify; 0: not said */
	struct str orcpt; /* as given, within rest; empty: not said */

	unsigned seen;
};

/* Read the parameters of MAIL from rest, which is what stands behind the path,
 * blanks in front included.  *p is emptied first and of use after PARAM_OK
 * only. */
MUST_USE enum param_result param_mail(struct str rest, struct params *p);

/* The same for RCPT; utf8: its MAIL had SMTPUTF8. */
MUST_USE enum param_result param_rcpt(
    struct str rest, bool utf8, struct params *p);

/* Among the words of a MAIL command is SMTPUTF8: its path, which stands in
 * front of it, is to be read so.  Whether it is a parameter param_mail says. */
bool param_may_be_utf8(struct str argument);

#endif
