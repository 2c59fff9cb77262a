/* reply: what a client is told. */
#ifndef SMTPD_REPLY_H
#define SMTPD_REPLY_H

/* code 0: nothing is said (the client has gone).  A text of several lines has
 * LF between them; each begins with the enhanced code where there is one. */
struct reply {
	int code;
	const char *text;
};

#endif
