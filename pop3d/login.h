/* login: one login, from its request to its end. */
#ifndef POP3D_LOGIN_H
#define POP3D_LOGIN_H

#include "control/control.h"
#include "lib/attr.h"
#include "pop3d/failures.h"
#include "pop3d/recent.h"
#include <stdbool.h>

/* Exit codes of the child that checks it.  LOGIN_OPENED, right, has answered, and
 * so has LOGIN_TOLD, by which nobody has logged in or failed to. */
enum login_end { LOGIN_OPENED, LOGIN_TOLD, LOGIN_WRONG, LOGIN_LATER };

/* Services that who asks may ask for. */
enum login_service { SERVICE_POP3 = 1 << 0, SERVICE_SMTP = 1 << 1 };

struct login_job {
	int fd, opener, keeper;
	unsigned may;              /* of enum login_service */
	struct controls *controls; /* the rows of CONTROL_AUTHD */
	const struct failures *failures;
	const struct recent *recent;
	/* Set here: whose login it was, else 0; and, where tagged, the tag of a
	 * password whose hash was right. */
	struct failures_keys keys;
	bool tagged;
	unsigned char tag[RECENT_TAG];
};

/* Read a request from fd, check the password by users/passwd, and have the
 * keeper answer with the mailbox, or, for smtp, answer; or by the program that control/checkpassword
 * names, and answer with the mailbox that it opens, or, for smtp, answer; or leave a failure to be
 * told later.  One line in the log says which. */
MUST_USE enum login_end login_check(struct login_job *job);

/* The same where all of a request waits in fd whose password was right a moment
 * ago, without a hash.  False, and nothing is done, for any other. */
MUST_USE bool login_recall(struct login_job *job);

#endif
