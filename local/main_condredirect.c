/* condredirect: send a message elsewhere if a program says so.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local, for a line of a .qmail file.
 * Reads       the message on descriptor 0; env DTLINE NEWSENDER.
 * Writes      nothing on disk.
 * Talks to    queue, wire/submit.h.
 * Trusts      culver-local and the program; nothing of the message.
 * Exits       99 it is queued; 0 the program said no; 100 it never will be
 *             queued; 111 not now.
 */
#include "lib/die.h"
#include "local/helper.h"
#include <errno.h>

enum { EX_LAST = 99 };

static const char usage[] =
    "usage: culver-condredirect address program [argument ...]\n"
    "Send the message to the address, and do no further line, if the program\n"
    "exits 0, as condredirect of qmail does.\n"
    "Example, in a .qmail file:\n"
    "         |condredirect lists@example.org grep -qi '^list-id:'\n";

int
main(int argc, char **argv)
{
	int code;

	helper_begin(argc, argv, "condredirect", usage);
	if (argc < 3)
		die_usage("culver-condredirect address program [argument ...]");
	code = helper_run(argv + 2);
	errno = 0;
	if (code == EXIT_TEMP)
		die_temp("temporary child error");
	if (code != 0)
		return 0;
	helper_rewind();
	helper_say_queued(helper_forward(argv + 1, 1));
	return EX_LAST;
}
