/* forward: send a message on to other addresses.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local, for a line of a .qmail file.
 * Reads       the message on descriptor 0; env DTLINE NEWSENDER.
 * Writes      nothing on disk.
 * Talks to    queue, wire/submit.h.
 * Trusts      culver-local; nothing of the message.
 * Exits       0 it is queued; 100 it never will be; 111 not now.
 */
#include "lib/die.h"
#include "local/helper.h"

static const char usage[] =
    "usage: culver-forward address ...\n"
    "Send the message on, as forward of qmail does.\n"
    "Example, in a .qmail file: |forward anna@example.org bert@example.net\n";

int
main(int argc, char **argv)
{
	helper_begin(argc, argv, "forward", usage);
	if (argc < 2)
		die_usage("culver-forward address ...");
	helper_say_queued(helper_forward(argv + 1, (size_t)argc - 1));
	return 0;
}
