/* login: one login, from its request to its end. */
#ifndef POP3D_LOGIN_H
#define POP3D_LOGIN_H

#include "control/control.h"
#include "lib/attr.h"

/* Exit codes of the child that checks it.  Only LOGIN_OPENED has answered. */
enum login_end { LOGIN_OPENED, LOGIN_WRONG, LOGIN_LATER };

/* Read a request from fd, check the password by users/passwd, or by the program
 * that control/checkpassword names, ask the opener for the mailbox and answer
 * K; or leave a failure to be told later.  One line in the log says which. */
MUST_USE enum login_end login_check(int fd, int opener, struct controls *c);

#endif
