/* pop3d: one Maildir, spoken to in the TRANSACTION state of POP3.
 *
 * Runs as     the mailbox's user, jailed; never root.
 * Started by  culver-authd's root half; or as the last program of a
 *             checkpassword chain.
 * Reads       the Maildir named on its command line; env USER TCPREMOTEIP, for
 *             the log.
 * Writes      the same: removes, and renames into cur/, after QUIT; and
 *             culver-sizes in it, for sizes that names do not tell.
 * Talks to    a POP3 client (culver-popup passes its bytes on), fd 0 and 1.
 * Trusts      the names in the Maildir for sizes; nothing from fd 0.
 * Exits       0 the session has ended; 100 wrong usage; 111 a local failure.
 */
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/num.h"
#include "lib/str.h"
#include "lib/usage.h"
#include "pop3d/command.h"
#include "pop3d/session.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-pop3d [-t SECONDS] MAILDIR\n"
    "  -t SECONDS  end when the client is silent for so long (1200; 0: never)\n"
    "\n"
    "It says +OK and then talks POP3 on fd 0 and 1 with a client whose "
    "password\n"
    "has been checked.\n"
    "example: tcpserver 0 110 qmail-popup HOST checkpassword culver-pop3d "
    "Maildir\n";

enum {
	TIMEOUT = 1200, /* seconds; RFC 1939, 3 wants 600 at least */
	TIMEOUT_MOST = 86400,
	ANSWERS = 65536 /* bytes of answers kept at most */
};

static const struct drop_path paths[] = {
    {"new", PATH_READ | PATH_CREATE | PATH_REMOVE},
    {"cur", PATH_READ | PATH_CREATE | PATH_REMOVE},
    {NULL,  0				    },
};

static const char *const ends[] = {[SESSION_QUIT] = "quit",
    [SESSION_LEFT] = "left",
    [SESSION_TIMEOUT] = "timeout",
    [SESSION_BROKEN] = "broken"};

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
note(const char *how, const struct maildrop *m, const struct tally *t)
{
	struct str user = env_get("USER"), ip = env_get("TCPREMOTEIP");
	struct log l;

	log_begin(&l, "end");
	if (ip.data != NULL)
		log_str(&l, "ip", ip);
	if (user.data != NULL)
		log_str(&l, "user", user);
	log_text(&l, "how", how);
	log_number(&l, "messages", m->count);
	log_number(&l, "retrieved", t->retrieved);
	log_number(&l, "octets", t->octets);
	log_number(&l, "deleted", t->deleted);
	log_end(&l);
}

static void
serve(int dirfd, const char *path, struct sizes *sizes, int timeout_seconds)
{
	static char commands[COMMAND_STORAGE], answers[ANSWERS];
	struct channel in_channel, out_channel;
	struct reader in;
	struct writer out;
	struct maildrop m;
	struct tally t = {0};
	enum session_end end;

	if (!maildrop_open(&m, dirfd))
		refuse("unable to list ", path);
	m.sizes = sizes;
	channel_open(&in_channel, 0, timeout_seconds);
	channel_open(&out_channel, 1, timeout_seconds);
	reader_open(&in, &in_channel, commands, sizeof(commands));
	writer_open(&out, &out_channel, answers, sizeof(answers));
	writer_text(&out, "+OK\r\n");
	end = session_run(&m, &in, &out, &t);
	note(ends[end], &m, &t);
	maildrop_close(&m);
	sizes_close(sizes);
}

int
main(int argc, char **argv)
{
	uint64_t timeout = TIMEOUT;
	struct sizes sizes;
	int option, here;

	(void)alarm(0); /* whoever started us has no longer to wait */
	die_name("pop3d");
	usage_answer(argc, argv, usage);
	opterr = 0;
	while ((option = getopt(argc, argv, "t:")) != -1)
		if (option != 't' ||
		    !num_parse(str_of(optarg), TIMEOUT_MOST, &timeout))
			die_usage("culver-pop3d [-t SECONDS] MAILDIR");
	if (optind + 1 != argc)
		die_usage("culver-pop3d [-t SECONDS] MAILDIR");
	errno = 0;
	if (geteuid() == 0)
		refuse("root has no mailbox: ", argv[optind]);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	/* Itself it is closed to us in the jail. */
	if (chdir(argv[optind]) != 0 ||
	    (here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		refuse("unable to enter ", argv[optind]);
	sizes_open(&sizes, here);
	drop_to(&(struct drop){.account = ACCOUNT_SELF,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_WRITE,
	    .paths = paths});
	serve(here, argv[optind], &sizes, (int)timeout);
	fd_close(&here);
	return 0;
}
