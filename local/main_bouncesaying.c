/* bouncesaying: refuse a message with a text, if a program says so.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local, for a line of a .qmail file.
 * Reads       nothing; the program, the message on descriptor 0.
 * Writes      nothing on disk.
 * Talks to    nobody.
 * Trusts      culver-local and the program.
 * Exits       100 it is refused; 0 the program said no; 111 not now.
 */
#include "lib/die.h"
#include "local/helper.h"
#include <errno.h>
#include <stdio.h>

static const char usage[] =
    "usage: culver-bouncesaying text [program [argument ...]]\n"
    "Refuse the message with the text, if the program exits 0 or there is "
    "none,\n"
    "as bouncesaying of qmail does.\n"
    "Example, in a .qmail file: |bouncesaying 'This address is gone.'\n";

int
main(int argc, char **argv)
{
	int code = 0;

	helper_begin(argc, argv, "bouncesaying", usage);
	if (argc < 2)
		die_usage("culver-bouncesaying text [program [argument ...]]");
	if (argc > 2)
		code = helper_run(argv + 2);
	errno = 0;
	if (code == EXIT_TEMP)
		die_temp("temporary child error");
	if (code != 0)
		return 0;
	(void)fprintf(stderr, "%s\n", argv[1]);
	return EXIT_USAGE;
}
