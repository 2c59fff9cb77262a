/* maildirmake: make a Maildir.
 *
 * Runs as     the caller.
 * Started by  a person.
 * Reads       nothing.
 * Writes      the Maildir.
 * Talks to    nobody.
 * Trusts      the caller.
 * Exits       0 it is made; 100 without a name; 111 it cannot be.
 */
#include "lib/die.h"
#include "local/helper.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: culver-maildirmake folder\n"
			    "Make a Maildir, as maildirmake of qmail does.\n"
			    "Example: culver-maildirmake ~/Maildir\n";

int
main(int argc, char **argv)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	int fd;

	helper_begin(argc, argv, "maildirmake", usage);
	if (argc != 2)
		die_usage("culver-maildirmake folder");
	(void)umask(077);
	if (mkdir(argv[1], 0700) != 0)
		die_temp("unable to mkdir ", argv[1]);
	fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die_temp("unable to open ", argv[1]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (mkdirat(fd, parts[i], 0700) != 0)
			die_temp("unable to mkdir ", argv[1], "/", parts[i]);
	(void)close(fd);
	return 0;
}
