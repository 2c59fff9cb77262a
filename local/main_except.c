/* except: turn a program's yes into no, and its no into yes.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local or another helper, for a line of a .qmail file.
 * Reads       nothing; the program, the message on descriptor 0.
 * Writes      nothing on disk.
 * Talks to    nobody.
 * Trusts      culver-local and the program.
 * Exits       100 the program exits 0; 111 it exits 111; 0 any other.
 */
#include "lib/die.h"
#include "local/helper.h"
#include <errno.h>

static const char usage[] =
    "usage: culver-except program [argument ...]\n"
    "Exit 100 if the program exits 0, 111 if it exits 111, and else 0, as "
    "except\n"
    "of qmail does.\n"
    "Example, in a .qmail file:\n"
    "         |bouncesaying 'Not for lists.' except grep -q '^To: anna'\n";

int
main(int argc, char **argv)
{
	int code;

	helper_begin(argc, argv, "except", usage);
	if (argc < 2)
		die_usage("culver-except program [argument ...]");
	code = helper_run(argv + 1);
	errno = 0;
	if (code == EXIT_TEMP)
		die_temp("temporary child error");
	return code == 0 ? EXIT_USAGE : 0;
}
