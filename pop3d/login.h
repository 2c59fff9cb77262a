/* login: one login, from its request to its end. */
#ifndef POP3D_LOGIN_H
#define POP3D_LOGIN_H

#include "control/control.h"
#include "lib/attr.h"
#include "pop3d/failures.h"

/* Exit codes of the child that checks it.  Only LOGIN_OPENED has answered. */
enum login_end { LOGIN_OPENED, LOGIN_WRONG, LOGIN_LATER };

struct login_job {
	int fd, opener;
	struct controls *controls; /* the rows of CONTROL_AUTHD */
	const struct failures *failures;
	struct failures_keys keys; /* set here: whose login it was, else 0 */
};

/* Read a request from fd, check the password by users/passwd, or by the program
 * that control/checkpassword names, ask the opener for the mailbox and answer
 * K; or leave a failure to be told later.  One line in the log says which. */
MUST_USE enum login_end login_check(struct login_job *job);

#endif
