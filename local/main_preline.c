/* preline: give a program the message behind the lines of a mbox.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local, for a line of a .qmail file.
 * Reads       the message on descriptor 0; env UFLINE RPLINE DTLINE.
 * Writes      nothing on disk.
 * Talks to    the program, by its descriptor 0.
 * Trusts      culver-local and the program; nothing of the message.
 * Exits       as the program; 111 it could not be run or did not end by itself.
 */
#define _GNU_SOURCE /* pipe2 */
#include "lib/buf.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "local/helper.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

static const char usage[] =
    "usage: culver-preline [-frd] program [argument ...]\n"
    "Run the program with the From_, Return-Path and Delivered-To lines "
    "before\n"
    "the message, as preline of qmail does; -f, -r, -d leave that one out.\n"
    "Example, in a .qmail file: |preline procmail\n";

/* The lines, in their order; true: it is written. */
static struct line {
	char letter; /* leaves it out; a capital puts it in again */
	const char *name;
	bool wanted;
} lines[] = {
    {'f', "UFLINE", true},
    {'r', "RPLINE", true},
    {'d', "DTLINE", true},
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static void
take_letter(char c)
{
	for (size_t i = 0; i < LINES; i++) {
		if (str_lower(c) == lines[i].letter) {
			lines[i].wanted = c != lines[i].letter;
			return;
		}
	}
	errno = 0;
	die_usage("culver-preline [-frd] program [argument ...]");
}

/* The first argument that is no option. */
static int
take_options(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		for (const char *c = argv[i] + 1; *c != '\0'; c++)
			take_letter(*c);
	}
	return i;
}

/* A program that reads no further is its own affair. */
static bool
put(int fd, struct str s)
{
	if (fd_write_all(fd, s.data, s.len))
		return true;
	if (errno != EPIPE)
		die_temp("unable to copy input");
	return false;
}

static void
feed(int fd)
{
	struct buf chunk = {.max = CHUNK};
	bool ok = true;
	ssize_t n = 0;

	for (size_t i = 0; i < LINES && ok; i++)
		if (lines[i].wanted)
			ok = put(fd, helper_need(lines[i].name));
	while (ok && (n = fd_read_more(STDIN_FILENO, &chunk, CHUNK)) > 0) {
		ok = put(fd, buf_str(&chunk));
		buf_clear(&chunk);
	}
	if (n < 0)
		die_temp("unable to read message");
	buf_free(&chunk);
}

/* Who writes is the child: the program's end is what is waited for. */
int
main(int argc, char **argv)
{
	int ends[2], first, code, status = -1;
	pid_t pid;

	helper_begin(argc, argv, "preline", usage);
	first = take_options(argc, argv);
	errno = 0;
	if (first >= argc)
		die_usage("culver-preline [-frd] program [argument ...]");
	for (size_t i = 0; i < LINES; i++)
		if (lines[i].wanted)
			(void)helper_need(lines[i].name);
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die_temp("unable to start ", argv[first]);
	if (pid == 0) {
		(void)close(ends[0]);
		feed(ends[1]);
		_exit(0);
	}
	(void)close(ends[1]);
	if (dup2(ends[0], STDIN_FILENO) != STDIN_FILENO)
		die_temp("unable to pass the message to ", argv[first]);
	(void)close(ends[0]);
	code = helper_run(argv + first);
	/* It may have left bytes in the pipe. */
	(void)close(STDIN_FILENO);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		return EXIT_TEMP;
	return code;
}
