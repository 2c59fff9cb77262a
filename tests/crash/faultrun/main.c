/* faultrun: run programs and make one of their system calls go wrong. */
#define _GNU_SOURCE
#include "lib/die.h"
#include "lib/num.h"
#include "lib/str.h"
#include "lib/usage.h"
#include "tests/crash/faultrun/serve.h"
#include "tests/crash/faultrun/watch.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: faultrun [-p PROGRAM] [-c CALLS] [-n N] [-d ACTION] [-o COUNTS]\n"
    "                [-w FOLDER] [-r RECORD] -- COMMAND [ARGUMENT ...]\n"
    "       faultrun --serve [all]\n"
    "\n"
    "Runs COMMAND and all it starts under ptrace(2), and at call number N of\n"
    "PROGRAM (a name without culver-; all of them unless given) does ACTION:\n"
    "\n"
    "  count                nothing; -o COUNTS takes a line for each call\n"
    "  kill, killall        SIGKILL for the process, or for all of them\n"
    "  cut                  the file system of FOLDER loses its power, and\n"
    "                       all are killed\n"
    "  synccut              the same, after a neighbour has synced a file of\n"
    "                       its own, and so perhaps others' names\n"
    "  signal=NAME          the process gets SEGV, BUS, ABRT, ILL, FPE or SYS\n"
    "                       in place of the call; + as below\n"
    "  errno=NAME           the call fails; with + behind it, that call of\n"
    "                       that program from then on\n"
    "  short=BYTES          it reads or writes at most so many, of writev so\n"
    "                       many pieces; + likewise\n"
    "\n"
    "CALLS says what is counted: changing (what a disk or another process\n"
    "sees; the default), all, or the name of one call.  --serve looks at the\n"
    "first kind alone unless told to look at all.  -r RECORD takes what\n"
    "is done to the files on FOLDER's file system.  Ends as COMMAND does; 111\n"
    "when the fault could not be made.\n"
    "\n"
    "example: faultrun -p queued -n 5 -d kill -- culver-queued\n";

/* In static storage: it is large. */
static struct watch watch = {
    .plan = {.program = "*", .calls = "changing", .nr = -1},
    .least = CALL_CHANGING,
};

static void
word(char out[PLAN_WORD], const char *text)
{
	if (!str_copy(out, PLAN_WORD, str_of(text)))
		die_usage("too long: ", text);
}

static FILE *
writer(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		die_temp("unable to write ", path);
	return f;
}

static void
option(struct watch *w, int letter, const char *text, const char **record)
{
	switch (letter) {
	case 'p':
		word(w->plan.program, text);
		break;
	case 'c':
		word(w->plan.calls, text);
		if (strcmp(text, "changing") != 0)
			w->least = CALL_LOOKING;
		break;
	case 'n':
		if (!num_parse(str_of(text), UINT64_MAX, &w->plan.at))
			die_usage("no number: ", text);
		break;
	case 'd':
		if (!plan_action(&w->plan, text))
			die_usage("no action: ", text);
		break;
	case 'o':
		w->counts = writer(text);
		break;
	case 'w':
		w->power = text;
		break;
	case 'r':
		*record = text;
		break;
	default:
		die_usage("see faultrun --help");
	}
}

static int
ending(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int
run(struct watch *w, char *const *argv, const char *record)
{
	if (record != NULL &&
	    (w->power == NULL || !record_open(&w->record, record, w->power)))
		die_temp("unable to record in ", record);
	if (tracee_start(&w->tracees, argv, NULL, w->least) == NULL)
		die_temp("unable to run ", argv[0]);
	while (watch_turn(w, true))
		continue;
	if (w->counts != NULL && fclose(w->counts) != 0)
		w->failed = true;
	if (record != NULL && !record_close(&w->record))
		w->failed = true;
	errno = 0;
	if (w->failed)
		die_temp("the fault could not be made");
	return ending(w->last);
}

int
main(int argc, char **argv)
{
	const char *record = NULL;
	int letter;

	die_name("faultrun");
	usage_answer(argc, argv, usage);
	if (argc == 3 && strcmp(argv[2], "all") == 0)
		watch.least = CALL_LOOKING;
	if (argc >= 2 && strcmp(argv[1], "--serve") == 0)
		return serve(&watch, stdin, stdout) ? 0 : EXIT_TEMP;
	opterr = 0;
	while ((letter = getopt(argc, argv, "+p:c:n:d:o:w:r:")) != -1)
		option(&watch, letter, optarg, &record);
	errno = 0;
	if (optind == argc)
		die_usage("no command; see faultrun --help");
	return run(&watch, argv + optind, record);
}
