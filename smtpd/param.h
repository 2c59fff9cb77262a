/* param: what follows the path of MAIL, RFC 5321 4.1.2. */
#ifndef SMTPD_PARAM_H
#define SMTPD_PARAM_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdint.h>

enum param_result {
	PARAM_OK,
	PARAM_SYNTAX,   /* 501 5.5.4: malformed, or given twice */
	PARAM_UNKNOWN,  /* 555 5.5.4: none that we offer */
	PARAM_TOO_LARGE /* 552 5.3.4: a size that no number of ours holds */
};

enum param_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME };

struct params {
	uint64_t size; /* RFC 1870; 0: not said */
	enum param_body body;
	unsigned seen;
};

/* Read the parameters of MAIL (of RCPT: none is offered) from rest, which is
 * what stands behind the path, blanks in front included.  *p is emptied first
 * and of use after PARAM_OK only. */
MUST_USE enum param_result param_mail(struct str rest, struct params *p);

/* The same for RCPT, to which none is offered. */
MUST_USE enum param_result param_rcpt(struct str rest);

#endif
