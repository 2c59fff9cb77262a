/* culver: run one of the suite's programs, or list them.
 *
 * Runs as     the caller.
 * Started by  a person.
 * Reads       nothing.
 * Writes      nothing.
 * Talks to    nobody: it becomes culver-X, which stands beside it.
 * Trusts      its caller.
 * Exits       as culver-X; 0 help; 100 no such command.
 */
#include "lib/die.h"
#include "lib/usage.h"
#include "tools/programs.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver COMMAND [ARGUMENT ...]\n"
    "\n"
    "culver X runs culver-X; culver help lists the commands and what each\n"
    "program of the suite does, as whom; culver X --help explains one.\n"
    "culver queue check runs culver-check.\n"
    "\n"
    "  culver status --home /var/tmp/mine\n";

int
main(int argc, char **argv)
{
	char path[PROGRAM_PATH];
	const char *close, *two;

	die_name("culver");
	usage_answer(argc, argv, usage);
	if (argc < 2 || strcmp(argv[1], "help") == 0) {
		programs_print(stdout);
		if (fflush(stdout) != 0)
			die_temp("unable to print");
		return argc < 2 ? EXIT_USAGE : 0;
	}
	two = argc > 2 ? program_of_two(argv[1], argv[2]) : NULL;
	if (!program_path(path, two == NULL ? argv[1] : two))
		die_temp("unable to find where culver is");
	(void)execv(path, argv + (two == NULL ? 1 : 2));
	if (errno != ENOENT)
		die_temp("unable to run ", path);
	close = program_like(argv[1]);
	if (close == NULL)
		die_usage("no command ", argv[1], "; culver help lists them");
	die_usage("no command ", argv[1], "; did you mean ", close,
	    "?  culver help lists them");
}
