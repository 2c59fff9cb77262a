/* who: questions and answers, and a client whose server dies. */
#include "wire/who.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/sock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

static char folder[] = "/var/tmp/whoXXXXXX";

static void
questions_come_back_and_garbage_does_not(void **state)
{
	static char large[WHO_ADDRESS + 1];
	struct buf b = {0};
	struct str address;
	uint64_t size;

	(void)state;
	assert_true(who_write(&b, str_of("a-B@x"), 1ULL << 40));
	assert_true(who_read(buf_str(&b), &address, &size));
	assert_true(str_equal(address, str_of("a-B@x")));
	assert_true(size == 1ULL << 40);
	b.data[9] = '\0';
	assert_false(who_read(buf_str(&b), &address, &size));
	assert_false(who_read((struct str){b.data, 7}, &address, &size));
	assert_false(who_write(&b, (struct str){large, sizeof(large)}, 0));
	buf_free(&b);
}

static void
answers_are_four_letters(void **state)
{
	enum who who;

	(void)state;
	for (int c = 0; c < 256; c++) {
		const struct frame f = {
		    (char)c, {"", 0}
                };
		bool letter = c != 0 && strchr("YNFZ", c) != NULL;

		assert_int_equal(who_answer_read(&f, &who), letter);
		assert_true(!letter || (int)who == c);
	}
	assert_false(who_answer_read(
	    &(struct frame){
		'Y', {"x", 1}
        },
	    &who));
}

/* Serve one connection: each answer is a byte of letters; then close. */
static pid_t
serve(int listener, const char *letters)
{
	struct buf b = {0};
	struct frame f;
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	fd = accept(listener, NULL, NULL);
	for (; *letters != '\0'; letters++)
		if (frame_read(fd, -1, &b, &f) != FRAME_OK ||
		    !frame_write(fd, *letters, (struct str){"", 0}))
			_exit(1);
	_exit(0);
}

static void
bury(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
who_gets_no_answer_has_trouble_and_asks_again(void **state)
{
	struct who_client c;
	int listener;
	pid_t pid;

	(void)state;
	who_init(&c);
	/* Nobody is there. */
	assert_int_equal(who_ask(&c, str_of("a@x"), 0), WHO_TROUBLE);
	assert_int_equal(errno, ENOENT);
	listener = sock_listen(WHO_SOCKET, 0600);
	assert_true(listener >= 0);
	pid = serve(listener, "YNZ");
	assert_int_equal(who_ask(&c, str_of("a@x"), 0), WHO_YES);
	assert_int_equal(who_ask(&c, str_of("b@x"), 0), WHO_NO);
	/* Trouble is not remembered; the others are, by address and size. */
	assert_int_equal(who_ask(&c, str_of("c@x"), 0), WHO_TROUBLE);
	assert_int_equal(errno, 0);
	bury(pid);
	assert_int_equal(who_ask(&c, str_of("a@x"), 0), WHO_YES);
	assert_int_equal(who_ask(&c, str_of("b@x"), 0), WHO_NO);
	/* The connection has ended: another is made, once. */
	pid = serve(listener, "F");
	assert_int_equal(who_ask(&c, str_of("a@x"), 7), WHO_FULL);
	bury(pid);
	fd_close(&listener);
	assert_int_equal(who_ask(&c, str_of("d@x"), 0), WHO_TROUBLE);
	assert_int_equal(errno, ECONNREFUSED);
	who_close(&c);
}

static void
nonsense_is_trouble(void **state)
{
	int listener = sock_listen(WHO_SOCKET, 0600);
	struct who_client c;
	pid_t pid;

	(void)state;
	who_init(&c);
	pid = serve(listener, "K");
	assert_int_equal(who_ask(&c, str_of("a@x"), 0), WHO_TROUBLE);
	assert_int_equal(errno, EPROTO);
	bury(pid);
	/* Closed without a word, on a fresh connection: asked once. */
	pid = serve(listener, "");
	assert_int_equal(who_ask(&c, str_of("a@x"), 0), WHO_TROUBLE);
	bury(pid);
	fd_close(&listener);
	who_close(&c);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0 ||
		       mkdir("state", 0700) != 0
		   ? -1
		   : 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(WHO_SOCKET);
	return rmdir("state") | rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(questions_come_back_and_garbage_does_not),
	    cmocka_unit_test(answers_are_four_letters),
	    cmocka_unit_test(who_gets_no_answer_has_trouble_and_asks_again),
	    cmocka_unit_test(nonsense_is_trouble),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
