/* pop3d: one Maildir, spoken to in the TRANSACTION state of POP3.
 *
 * Runs as     the mailbox's user, jailed; never root.
 * Started by  culver-authd's root half, with -k, once: then each session is a
 *             child; or as the last program of a checkpassword chain.
 * Reads       the Maildir named on its command line; env USER TCPREMOTEIP, for
 *             the log.  With -k users/rcpt.cdb, and the Maildirs below domains/
 *             that it is asked for.
 * Writes      the same: removes, and renames into cur/, after QUIT; and
 *             culver-sizes in it, for sizes that names do not tell, and a line
 *             of maildirsize, if that is there.
 * Talks to    a POP3 client, fd 0 and 1 (culver-popup passes its bytes on), or,
 *             with -k, the one that culver-popup hands over, wire/handover.h.
 * Trusts      the names in the Maildir for sizes; nothing from a client.
 * Exits       0 the session has ended; 100 wrong usage; 111 a local failure.
 */
#include "lib/cdb.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/num.h"
#include "lib/os_linux.h"
#include "lib/str.h"
#include "lib/usage.h"
#include "pop3d/box.h"
#include "pop3d/keeper.h"
#include "wire/handover.h"
#include "wire/login.h"
#include "wire/users.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-pop3d [-t SECONDS] MAILDIR\n"
    "       culver-pop3d -k                  (as culver-authd starts it)\n"
    "  -t SECONDS  end when the client is silent for so long (1200; 0: never)\n"
    "  -k          wait on fd 3 for mailboxes to open\n"
    "\n"
    "It says +OK and then talks POP3 on fd 0 and 1 with a client whose "
    "password\n"
    "has been checked.\n"
    "example: tcpserver 0 110 qmail-popup HOST checkpassword culver-pop3d "
    "Maildir\n";

static const char brief[] = "culver-pop3d [-t SECONDS] MAILDIR";

enum {
	TIMEOUT = 1200, /* seconds; RFC 1939, 3 wants 600 at least */
	TIMEOUT_MOST = 86400
};

/* What all its mailboxes need, each of which goes into a jail of its own. */
static const struct drop_path kept_paths[] = {
    {USERS_DOMAINS, PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
    {"users",       PATH_READ					 },
    {NULL,          0						 },
};

/* The client waits for an answer to its password. */
NO_RETURN static void
refuse(const char *what, const char *path)
{
	static const char text[] =
	    "-ERR [SYS/TEMP] unable to open the mailbox\r\n";
	int saved = errno;

	if (!fd_write_all(1, text, strlen(text)))
		warn("unable to tell the client");
	errno = saved;
	die_temp(what, path);
}

static void
serve(const char *maildir, int seconds)
{
	const struct box_client c = {.in = 0,
	    .out = 1,
	    .seconds = seconds,
	    .user = env_get("USER"),
	    .address = env_get("TCPREMOTEIP")};
	uint64_t sent;
	struct box b;

	errno = 0;
	if (geteuid() == 0)
		refuse("root has no mailbox: ", maildir);
	if (!box_open(&b, maildir))
		refuse("unable to open ", maildir);
	(void)box_serve(&b, &c, &sent);
	box_close(&b);
}

/* Who may have a mailbox, and where it is; whoever asks. */
static bool
find_maildir(struct str user, char out[USERS_PATH_SIZE])
{
	struct user_record r;
	struct table *t;
	bool ok;

	errno = 0;
	if (!users_open(USERS_RCPT, &t))
		return false;
	ok = users_login(t, user, &r) == FOUND_YES &&
	     (r.flags & (USER_DISABLED | USER_NOPOP3)) == 0 &&
	     users_place(&r, out);
	table_close(t);
	return ok;
}

static bool
say(const struct kept *k, char letter)
{
	const struct login_answer a = {.letter = letter,
	    .address = str_of(k->user),
	    .text = str_of(k->text),
	    .fd = -1};

	return login_send(k->popup, &a);
}

/* Where the client is, its session has begun: how it ended is told. */
static void
talk(struct box *b, const struct kept *k)
{
	struct handover_client given;
	struct buf bytes = {0};

	if (!say(k, 'K') || !handover_take(k->popup, &bytes, &given)) {
		warn("unable to get the client of ", k->user);
	} else {
		int fd = given.fd < 0 ? k->popup : given.fd;
		const struct box_client c = {.in = fd,
		    .out = fd,
		    .seconds = (int)given.seconds,
		    .said = given.said,
		    .user = str_of(k->user),
		    .address = given.address};
		uint64_t sent;
		const char *how = box_serve(b, &c, &sent);

		/* One that has gone need not hear it. */
		if (given.fd >= 0 && !handover_end(k->popup, how, sent))
			errno = 0;
		fd_close(&given.fd);
	}
	buf_free(&bytes);
}

/* In a child: one mailbox. */
static void
serve_kept(struct kept *k)
{
	char maildir[USERS_PATH_SIZE];
	bool found = find_maildir(str_of(k->user), maildir);
	struct box b;

	if (found && box_open(&b, maildir)) {
		talk(&b, k);
	} else {
		warn("unable to open the mailbox of ", k->user);
		(void)!say(k, 'Z');
	}
	if (found)
		box_close(&b);
	fd_close(&k->popup);
}

NO_RETURN static void
keep(void)
{
	struct kept k;

	home_enter();
	errno = 0;
	if (geteuid() == 0)
		die_temp("root has no mailboxes");
	if (!os_seccomp_keep(BOX_PROMISES))
		die_temp("unable to prepare a jail");
	drop_to(&(struct drop){.account = ACCOUNT_SELF,
	    .jailed = true,
	    .promises = BOX_PROMISES | PROMISE_FORK,
	    .paths = kept_paths});
	keeper_wait(KEEPER_FD, &k);
	serve_kept(&k);
	_exit(0); /* nothing is left to be done, and the keeper waits */
}

int
main(int argc, char **argv)
{
	uint64_t timeout = TIMEOUT;
	bool keeper = false;
	int option;

	(void)alarm(0); /* whoever started us has no longer to wait */
	die_name("pop3d");
	usage_answer(argc, argv, usage);
	opterr = 0;
	while ((option = getopt(argc, argv, "kt:")) != -1) {
		if (option == 'k')
			keeper = true;
		else if (option != 't' ||
			 !num_parse(str_of(optarg), TIMEOUT_MOST, &timeout))
			die_usage(brief);
	}
	if (optind + (keeper ? 0 : 1) != argc)
		die_usage(brief);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	if (keeper)
		keep();
	serve(argv[optind], (int)timeout);
	return 0;
}
