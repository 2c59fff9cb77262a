/* authd: check who logs in, for culver-popup, whose mailboxes it opens, and for
 * culver-smtpd.
 *
 * Runs as     two processes: the opening half as root, the checking half (and
 *             its children, one for each login) as culveru, jailed.
 * Started by  the supervisor, run/authd.
 * Reads       control/{checkpassword,dovecotauth,me,popbeforesmtp};
 *             users/passwd.cdb (the checking half).
 * Writes      the socket state/auth; files in state/authd (the
 *             checking half).
 * Talks to    culver-popup and culver-smtpd, by that socket, wire/login.h;
 *             starts one culver-pop3d as culverv, which opens the mailboxes; or a
 *             checkpassword program, as root, which starts one of its own;
 *             a Dovecot, where control/dovecotauth names its socket
 *             (pop3d/dovecot.h).
 * Trusts      who connects, by SO_PEERCRED, to be culverp or culverd; nothing
 *             they say.
 * Exits       100 wrong usage; 111 one half could not go on, and so neither.
 */
#include "control/control.h"
#include "lib/account.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "pop3d/checker.h"
#include "pop3d/opener.h"
#include "pop3d/secret.h"
#include "wire/login.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-authd\n"
    "\n"
    "It listens on HOME/state/auth until it is stopped.\n"
    "example: CULVER_HOME=/var/culver culver-authd\n";

#define PATHS                                                                  \
	{"control", PATH_READ},                                                \
	{                                                                      \
		"users", PATH_READ                                             \
	}

static const struct drop_path paths[] = {
    PATHS,
    {NULL, 0},
};

/* What outlives us is opened first. */
static const struct drop_path first_paths[] = {
    PATHS,
    {SECRET_FOLDER, PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
    {NULL,          0						 },
};

static const struct drop jail = {.account = ACCOUNT_USERS,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_UNIX | PROMISE_ACCEPT | PROMISE_FORK,
    .paths = paths};

enum { SOCKET_MODE = 0666 }; /* SO_PEERCRED says who may */

static void
open_memory(struct checker *c)
{
	enum secret_result r = secret_open(&c->secret, SECRET_FOLDER);
	enum ledger_result l;

	if (r == SECRET_NONE)
		die_temp("unable to get random bytes");
	if (r == SECRET_FRESH)
		warn("unable to keep a secret in ", SECRET_FOLDER);
	l = ledger_open(&c->ledger, SECRET_FOLDER);
	if (l == LEDGER_NONE)
		die_temp("unable to get memory");
	if (l == LEDGER_LOOSE)
		warn("unable to keep a ledger in ", SECRET_FOLDER);
}

NO_RETURN static void
checking_half(struct checker *c)
{
	struct drop first = jail;

	first.promises |= PROMISE_WRITE;
	first.paths = first_paths;
	drop_to(&first);
	open_memory(c);
	drop_to(&jail);
	checker_run(c);
	_exit(EXIT_TEMP);
}

int
main(int argc, char **argv)
{
	struct checker c;
	gid_t gid;
	int ends[2], mailboxes[2], folder;
	pid_t pid;

	die_name("authd");
	usage_answer(argc, argv, usage);
	if (argc != 1)
		die_usage("culver-authd");
	home_enter();
	clock_open();
	if (!account_find(ACCOUNT_POPUP, &c.pop3, &gid) ||
	    !account_find(ACCOUNT_SMTPD, &c.smtp, &gid))
		die_temp("unable to find the accounts of the doors");
	drop_to(&(struct drop){.account = ACCOUNT_ROOT});
	folder = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c.controls = folder < 0 ? NULL : control_new(folder, CONTROL_AUTHD);
	if (c.controls == NULL)
		die_temp("unable to read control");
	c.listening = sock_listen(LOGIN_SOCKET, SOCKET_MODE);
	if (c.listening < 0)
		die_temp("unable to listen on ", LOGIN_SOCKET);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || !sock_pair(ends) ||
	    !sock_pair(mailboxes) || !fd_nonblock(mailboxes[1]))
		die_temp("unable to prepare two halves");
	pid = fork();
	if (pid < 0)
		die_temp("unable to fork");
	if (pid == 0) {
		fd_close(&ends[0]);
		fd_close(&mailboxes[0]);
		c.opener = ends[1];
		c.keeper = mailboxes[1];
		checking_half(&c);
	}
	fd_close(&ends[1]);
	fd_close(&mailboxes[1]);
	fd_close(&c.listening);
	opener_run(ends[0], mailboxes[0], c.controls);
}
