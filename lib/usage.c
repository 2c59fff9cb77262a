/* usage: --help and --version; see usage.h. */
#include "lib/usage.h"

#include "lib/die.h"
#include "lib/fd.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <version.h> /* generated */

static void
say(const char *text)
{
	if (!fd_write_all(STDOUT_FILENO, text, strlen(text)))
		die_temp("unable to write to standard output");
	exit(0);
}

void
usage_answer(int argc, char *const *argv, const char *text)
{
	if (argc < 2)
		return;
	if (strcmp(argv[1], "--help") == 0)
		say(text);
	if (strcmp(argv[1], "--version") == 0)
		say("culver " VERSION "\n");
}
