/* simulate: the scheduler of culver-send on a described load, weeks in seconds.
 *
 * Runs as     the caller, whoever it is; jailed once the description is open: no
 *             file, no network, no exec.
 * Started by  people.
 * Reads       a description: the file that is named, or descriptor 0.
 * Writes      nothing on disk.
 * Talks to    nobody: there is no network in it, and no instance.
 * Trusts      nothing; numbers and lengths are bounded.
 * Exits       0 with the tables; 100 a wrong argument, or a description that
 *             does not parse; 111 no memory, or the file cannot be read.
 */
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "send/report.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { REPORT = 1 << 24 }; /* bytes */

static const struct drop jail = {.account = ACCOUNT_SELF, .jailed = true};

static const char usage[] =
    "usage: culver-simulate [--json] [FILE]\n"
    "Run culver's scheduler on the load that FILE (or the standard input)\n"
    "describes, on a clock of its own, and say what became of the mail.\n"
    "culver-simulate(8) says how a load is described.\n"
    "example: printf 'destination a.test dead 0s..1h\\nmail joe a.test 50\\n' "
    "|\n"
    "         culver-simulate\n";

static int
open_it(const char *name)
{
	int fd = name == NULL ? 0 : open(name, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		die_temp("unable to open ", name);
	return fd;
}

static void
read_all(int fd, struct buf *text)
{
	ssize_t n = 1;

	text->max = LOAD_TEXT;
	while (n != 0) {
		if (!buf_reserve(text, 4096)) {
			if (errno == EMSGSIZE)
				die_usage("the description is too long");
			die_temp("unable to allocate memory");
		}
		n = read(fd, text->data + text->len, 4096);
		if (n == -1 && errno != EINTR)
			die_temp("unable to read the description");
		if (n > 0)
			text->len += (size_t)n;
	}
}

static void
complain(const char *name, const struct load_fault *f)
{
	char line[NUM_SIZE], near[LOAD_NAME];

	(void)num_format(line, f->line);
	(void)str_copy(
	    near, sizeof near, str_slice(f->near, 0, sizeof near - 1));
	errno = 0;
	die_usage(name == NULL ? "standard input" : name, ":", line, ": ",
	    f->what, near[0] == '\0' ? "" : ": ", near);
}

static void
print(const struct load *l, const struct simulation *s, bool as_json)
{
	struct json j = {.out.max = REPORT};
	struct buf text = {.max = REPORT};

	if (as_json) {
		report_json(&j, l, s);
		if (!json_print(&j, 1))
			die_temp("unable to write");
	} else if (!report_text(&text, l, s) ||
		   !fd_write_all(1, text.data, text.len)) {
		die_temp("unable to write");
	}
	buf_free(&text);
	buf_free(&j.out);
}

int
main(int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = {
	    {"--json", &json, NULL},
	    {NULL,     NULL,  NULL},
	};
	const char *name = NULL;
	struct load load;
	struct load_fault fault;
	struct simulation found;
	struct buf text = {0};
	int fd;

	die_name("simulate");
	usage_answer(argc, argv, usage);
	(void)option_operands(argc, argv, rows, &name, 1);
	fd = open_it(name);
	drop_to(&jail);
	read_all(fd, &text);
	if (!load_parse(&load, buf_str(&text), &fault))
		complain(name, &fault);
	if (!simulation_run(&found, &load))
		die_temp("unable to allocate memory");
	print(&load, &found, json);
	simulation_free(&found);
	load_free(&load);
	buf_free(&text);
	return 0;
}
