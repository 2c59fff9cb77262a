/* inject: make a message's header whole and queue it, as qmail-inject does.
 *
 * Runs as     the caller, whoever it is.
 * Started by  people and their programs.
 * Reads       control/{defaultdomain,defaulthost,idhost,me,plusdomain}; the
 *             message on descriptor 0; env QMAILINJECT QMAILUSER QMAILHOST
 *             QMAILNAME QMAILSUSER QMAILSHOST MAILUSER MAILHOST MAILNAME USER
 *             LOGNAME NAME QMAILDEFAULTHOST QMAILDEFAULTDOMAIN QMAILPLUSDOMAIN
 *             QMAILIDHOST QMAILMFTFILE QMAILQUEUE.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by socket queue/submit, wire/submit.h; or the
 *             program that $QMAILQUEUE names.
 * Trusts      the caller with the caller's own mail only.
 * Exits       0 it is queued, or printed; 100 asked wrongly, malformed, or
 *             refused for good; 111 not now.
 */
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/usage.h"
#include "queue/inject.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-inject [-aAhHnN] [-f SENDER] [RECIPIENT ...] <MESSAGE\n"
    "Complete a message's header, and queue the message.\n"
    "  -a  to the arguments        -h  to the header's recipients\n"
    "  -H  to both                 -A  to the arguments, or else the header's\n"
    "  -n  print it, do not queue  -N  queue it\n"
    "  -f SENDER  the envelope's sender; '' is nobody\n"
    "Example: printf 'To: joe\\nSubject: hi\\n\\nhello\\n' | culver-inject\n";

struct options {
	enum inject_to to;
	bool print;
	const char *sender; /* NULL: not given */
};

static void
read_options(int argc, char **argv, struct options *o)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+aAhHnNf:")) != -1)
		switch (option) {
		case 'a':
			o->to = INJECT_TO_ARGUMENTS;
			break;
		case 'A':
			o->to = INJECT_TO_EITHER;
			break;
		case 'h':
			o->to = INJECT_TO_HEADER;
			break;
		case 'H':
			o->to = INJECT_TO_BOTH;
			break;
		case 'n':
		case 'N':
			o->print = option == 'n';
			break;
		case 'f':
			o->sender = optarg;
			break;
		default:
			die_usage("culver-inject [-aAhHnN] [-f SENDER] "
				  "[RECIPIENT ...]; --help tells more");
		}
}

/* What is opened later must not become descriptor 0, 1 or 2. */
static void
check_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_TEMP);
}

static int
exit_code(enum inject_end e)
{
	if (e == INJECT_DONE)
		return 0;
	return e == INJECT_TEMP ? EXIT_TEMP : EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static struct inject i;
	struct options o = {.to = INJECT_TO_EITHER};
	enum inject_end e;

	check_descriptors();
	die_name("inject");
	usage_answer(argc, argv, usage);
	read_options(argc, argv, &o);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	e = inject_begin(&i);
	i.to = o.to;
	i.print = o.print;
	if (e == INJECT_DONE && o.sender != NULL)
		e = inject_sender(&i, str_of(o.sender));
	if (o.to != INJECT_TO_HEADER)
		for (; optind < argc && e == INJECT_DONE; optind++)
			e = inject_recipient(&i, str_of(argv[optind]));
	if (e == INJECT_DONE)
		e = inject_run(&i, STDIN_FILENO);
	if (e != INJECT_DONE)
		inject_complain(&i);
	inject_free(&i);
	return exit_code(e);
}
