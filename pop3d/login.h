/* login: one login, from its request to its end. */
#ifndef POP3D_LOGIN_H
#define POP3D_LOGIN_H

#include "control/control.h"
#include "lib/attr.h"
#include "pop3d/failures.h"
#include "pop3d/ledger.h"
#include "pop3d/recent.h"
#include "pop3d/secret.h"
#include <stdbool.h>

/* Exit codes of the child that checks it.  LOGIN_OPENED, right, has answered, and
 * so has LOGIN_TOLD, the first step of SCRAM, which is a failure until it goes
 * on. */
enum login_end {
	LOGIN_OPENED,
	LOGIN_TOLD,
	LOGIN_WRONG,
	LOGIN_LATER,
	LOGIN_ANSWERED /* nobody wanted to log in */
};

/* Services that who asks may ask for. */
enum login_service { SERVICE_POP3 = 1 << 0, SERVICE_SMTP = 1 << 1 };

struct login_job {
	int fd, opener, keeper;
	unsigned may;              /* of enum login_service */
	struct controls *controls; /* the rows of CONTROL_AUTHD */
	const struct failures *failures;
	const struct recent *recent;
	const struct secret *secret;
	struct ledger *ledger;
	/* Set here: whose login it was (users_login_name), else 0; whether it
	 * was the last step of one that had been LOGIN_TOLD; and, where tagged,
	 * the tag of a password whose hash was right. */
	struct failures_keys keys;
	unsigned service; /* which was asked for; 0: no request was read */
	bool final;
	bool tagged;
	unsigned char tag[RECENT_TAG];
};

/* Read a request from fd and check the password: by users/passwd, or by the
 * program that control/checkpassword names.  Who is right is answered: by the
 * keeper or the program, who has the mailbox, or, for smtp, here.  A failure is
 * left to be told later.  One line in the log says which. */
MUST_USE enum login_end login_check(struct login_job *job);

enum login_look {
	LOOK_UNKNOWN, /* not all of a request waits, or it is none */
	LOOK_CHECK,   /* login_check has to be called */
	LOOK_DONE     /* it has been answered */
};

/* Look at the request that waits in fd, and set service and keys, by the name as
 * it was said.  What costs no hash is done: the password was right a moment ago,
 * or it is about no password (keys are 0 then). */
MUST_USE enum login_look login_look(struct login_job *job);

#endif
