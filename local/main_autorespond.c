/* autorespond: answer a message with a text, as RFC 3834 wants it done.
 *
 * Runs as     the user whose mail it is.
 * Started by  culver-local, for a line of a .qmail file.
 * Reads       the message on descriptor 0; the text; env SENDER RECIPIENT.
 * Writes      the file of those that were answered.
 * Talks to    queue, wire/submit.h.
 * Trusts      culver-local; nothing of the message.
 * Exits       0 it is answered, or is not to be; 100 asked wrongly; 111 not
 *             now.
 */
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/option.h"
#include "lib/rng.h"
#include "local/answered.h"
#include "local/autoreply.h"
#include "local/helper.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { DAY = 86400, MINE = 32, UNIQUE = 16 };

static const char usage[] =
    "usage: culver-autorespond [--days N] [--from ADDRESS]\n"
    "           TEXT MEMORY [ADDRESS ...]\n"
    "Answer the message with the text in the file TEXT, each sender once in 7\n"
    "days, which MEMORY remembers; never lists, machines, bulk mail, or mail "
    "that\n"
    "is not addressed to the recipient or one of the addresses.\n"
    "Example, in a .qmail file:\n"
    "         |culver-autorespond away.txt .answered anna@example.org\n";

static struct str
read_header(struct buf *b)
{
	struct str text;
	ssize_t n;

	b->max = AUTOREPLY_HEADER;
	do
		n = fd_read_more(STDIN_FILENO, b, AUTOREPLY_HEADER - b->len);
	while (n > 0 && b->len < AUTOREPLY_HEADER);
	if (n < 0)
		die_temp("unable to read message");
	text = buf_str(b);
	return text;
}

static void
no_answer(const char *why)
{
	(void)dprintf(STDERR_FILENO, "%s: no answer: %s\n", die_program(), why);
}

static void
answer(const struct autoreply *a, const char *path)
{
	struct buf text = {.max = AUTOREPLY_TEXT}, b = {0};
	unsigned char bytes[UNIQUE];
	char unique[2 * UNIQUE + 1];

	if (!fd_read_file(AT_FDCWD, path, &text))
		die_temp("unable to read ", path);
	if (!rng_bytes(bytes, sizeof(bytes)))
		die_temp("unable to make a name");
	num_hex(unique, bytes, sizeof(bytes));
	if (autoreply_write(
		&b, a, buf_str(&text), clock_wall() / CLOCK_SECOND, unique))
		helper_answer(buf_str(&b), a->sender);
	else if (errno == EINVAL)
		no_answer("no header can hold its sender");
	else
		die_temp("unable to write the answer");
	buf_free(&text);
	buf_free(&b);
}

/* The memory is ours alone from looking to noting, and what could not be queued
 * is not noted; what could not be noted would be answered at each attempt, so
 * there is room for the note before. */
static void
answer_once(const struct autoreply *a, const char *path, const char *memory,
    int64_t seconds)
{
	const int64_t now = clock_wall() / CLOCK_SECOND;
	int64_t at;
	int fd;

	switch (answered_open(memory, a->sender, now, seconds, &fd)) {
	case ANSWERED_NO:
		if (!answered_reserve(fd, a->sender, &at))
			die_temp("unable to write ", memory);
		answer(a, path);
		if (!answered_note(fd, at, now))
			die_temp("unable to write ", memory);
		break;
	case ANSWERED_LATELY:
		no_answer("its sender has had one lately");
		break;
	case ANSWERED_FULL:
		no_answer("too many have had one lately");
		break;
	case ANSWERED_ERROR:
		die_temp("unable to use ", memory);
	}
	fd_close(&fd);
}

int
main(int argc, char **argv)
{
	static struct buf header;
	const char *days = "7", *from = NULL, *refusal;
	const struct option_row rows[] = {
	    {"--days", NULL, &days},
	    {"--from", NULL, &from},
	    {NULL,     NULL, NULL },
	};
	struct str mine[MINE];
	struct autoreply a = {.mine = mine};
	uint64_t n;
	int first;

	helper_begin(argc, argv, "autorespond", usage);
	clock_open();
	first = option_take(argc, argv, rows);
	errno = 0;
	if (argc - first < 2 || argc - first > MINE - 2 ||
	    !num_parse(str_of(days), 3650, &n))
		die_usage("culver-autorespond [--days N] [--from ADDRESS] TEXT "
			  "MEMORY [ADDRESS ...]");
	if (from != NULL)
		mine[a.mine_count++] = str_of(from);
	mine[a.mine_count++] = helper_need("RECIPIENT");
	for (int i = first + 2; i < argc; i++)
		mine[a.mine_count++] = str_of(argv[i]);
	a.sender = helper_need("SENDER");
	a.header = read_header(&header);
	refusal = autoreply_refusal(&a);
	if (refusal != NULL)
		no_answer(refusal);
	else
		answer_once(&a, argv[first], argv[first + 1], (int64_t)n * DAY);
	buf_free(&header);
	return 0;
}
