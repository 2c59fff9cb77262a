/* hint: culver-send hears of a message, or is told to look for itself. */
#include "queue/hint.h"

#include "tests/unit/queue/stage.h"
#include <errno.h>
#include <signal.h>

static const unsigned char token[QUEUE_TOKEN] = "0123456789abcde";

static bool
rescan(void)
{
	return access(QUEUE_RESCAN, F_OK) == 0;
}

static void
expect(int reader, uint64_t want)
{
	char text[QUEUE_HINT_SIZE];
	unsigned char got[QUEUE_TOKEN];
	uint64_t ino;

	assert_int_equal(read(reader, text, sizeof(text)), sizeof(text));
	assert_true(queue_hint_read(text, &ino, got));
	assert_int_equal(ino, want);
	assert_memory_equal(got, token, QUEUE_TOKEN);
}

static void
a_reader_gets_the_hint(void **state)
{
	int reader = open(QUEUE_HINT, O_RDWR | O_NONBLOCK);
	struct hint h;

	assert_true(hint_open(&h));
	assert_true(hint_say(&h, 131, token));
	expect(reader, 131);
	assert_false(rescan());
	hint_close(&h);
	fd_close(&reader);
	(void)state;
}

static void
without_a_reader_a_listing_is_asked_for(void **state)
{
	struct stat st;
	struct hint h;

	assert_true(hint_open(&h));
	assert_true(hint_say(&h, 131, token));
	assert_int_equal(stat(QUEUE_RESCAN, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(hint_say(&h, 132, token)); /* it is there already */
	hint_close(&h);
	(void)state;
}

static void
a_reader_that_comes_later_is_heard_of(void **state)
{
	struct hint h;
	int reader;

	assert_true(hint_open(&h));
	reader = open(QUEUE_HINT, O_RDWR | O_NONBLOCK);
	for (uint64_t i = 1; i < 3; i++) {
		assert_true(hint_say(&h, i, token));
		expect(reader, i);
		fd_close(&reader);
		assert_false(rescan());
		assert_true(hint_say(&h, 100, token));
		assert_true(rescan());
		assert_int_equal(unlink(QUEUE_RESCAN), 0);
		reader = open(QUEUE_HINT, O_RDWR | O_NONBLOCK);
	}
	fd_close(&reader);
	hint_close(&h);
	(void)state;
}

static void
a_full_fifo_asks_for_a_listing(void **state)
{
	int reader = open(QUEUE_HINT, O_RDWR | O_NONBLOCK);
	uint64_t fit = 0, got = 0;
	char text[QUEUE_HINT_SIZE];
	struct hint h;

	assert_true(hint_open(&h));
	while (!rescan()) {
		assert_true(hint_say(&h, 131, token));
		fit++;
		assert_true(fit < 1 << 20);
	}
	/* What is in it is whole. */
	while (read(reader, text, sizeof(text)) == (ssize_t)sizeof(text)) {
		assert_int_equal(text[QUEUE_HINT_SIZE - 1], '\n');
		got++;
	}
	assert_int_equal(got, fit - 1);
	hint_close(&h);
	fd_close(&reader);
	(void)state;
}

static void
what_is_no_fifo_is_not_written_to(void **state)
{
	struct stat st;
	struct hint h;

	assert_int_equal(unlink(QUEUE_HINT), 0);
	assert_true(hint_open(&h));
	assert_true(hint_say(&h, 131, token));
	assert_true(rescan());
	hint_close(&h);
	stage_put(QUEUE_HINT, "");
	assert_true(hint_open(&h));
	assert_true(hint_say(&h, 131, token));
	assert_int_equal(stat(QUEUE_HINT, &st), 0);
	assert_int_equal(st.st_size, 0);
	hint_close(&h);
	(void)state;
}

static void
neither_is_an_error(void **state)
{
	struct hint h;

	assert_true(hint_open(&h));
	assert_int_equal(unlink(QUEUE_HINT), 0);
	assert_int_equal(rename("queue", "elsewhere"), 0);
	assert_false(hint_say(&h, 131, token));
	assert_int_equal(errno, ENOENT);
	hint_close(&h);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STAGED(a_reader_gets_the_hint),
	    STAGED(without_a_reader_a_listing_is_asked_for),
	    STAGED(a_reader_that_comes_later_is_heard_of),
	    STAGED(a_full_fifo_asks_for_a_listing),
	    STAGED(what_is_no_fifo_is_not_written_to),
	    STAGED(neither_is_an_error),
	};

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
