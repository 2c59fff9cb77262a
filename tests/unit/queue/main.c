/* main: culver-queue's exit codes, byte for byte those of qmail-queue, and what
 * it hands to culver-queued; both run as they are installed. */
#include "queue/relay.h"
#include "tests/unit/queue/house.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <sys/ioctl.h>

/* A descriptor to read these bytes from. */
static int
source(const char *data, size_t n)
{
	char path[] = "/var/tmp/culver-input-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_true(fd_write_all(fd, data, n));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Run culver-queue on two descriptors, -1 a closed one.  Its wait status. */
static int
queue_fds(int message, int envelope)
{
	char path[sizeof(house_bin) + 32];
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(path, sizeof(path), "%s/culver-queue", house_bin);
		if (message < 0 ? close(0) != 0 : dup2(message, 0) != 0)
			_exit(126);
		if (envelope < 0 ? close(1) != 0 : dup2(envelope, 1) != 1)
			_exit(126);
		(void)execl(path, path, "ignored", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
queue(const char *message, const char *envelope, size_t n)
{
	int in = source(message, strlen(message));
	int from = source(envelope, n);
	int status = queue_fds(in, from);

	fd_close(&in);
	fd_close(&from);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define E(bytes) bytes, sizeof(bytes) - 1
#define A50      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A250     A50 A50 A50 A50 A50
#define A1000    A250 A250 A250 A250

static const struct {
	const char *what, *envelope;
	size_t len;
	int code, queued;
} rows[] = {
    {"one recipient",            E("Fa@b\0Tc@d\0\0"),            0,  1},
    {"two recipients",           E("Fa@b\0Tc@d\0Te@f\0\0"),      0,  1},
    {"null sender",              E("F\0Tc@d\0\0"),               0,  1},
    {"double bounce's sender",   E("F#@[]\0Tc@d\0\0"),           0,  1},
    {"what follows is not read", E("Fa@b\0Tc@d\0\0Xjunk"),       0,  1},
    {"no recipients",            E("Fa@b\0\0"),                  0,  0},
    {"nothing",		  E(""),			  54, 0},
    {"only the end",             E("\0"),                        91, 0},
    {"no sender",                E("Tc@d\0\0"),                  91, 0},
    {"two senders",              E("Fa@b\0Fa@b\0Tc@d\0\0"),      91, 0},
    {"another record",           E("Fa@b\0Uc@d\0\0"),            91, 0},
    {"no end",		   E("Fa@b\0Tc@d\0"),              54, 0},
    {"ends in an address",       E("Fa@b\0Tc@d"),                54, 0},
    {"ends in the sender",       E("Fa@b"),                      54, 0},
    {"line end in an address",   E("Fa@b\0Tc@d\n\0\0"),          91, 0},
    {"empty recipient",          E("Fa@b\0T\0\0"),               91, 0},
    {"longest recipient",        E("Fa@b\0T" A1000 "\0\0"),      0,  1},
    {"longer recipient",         E("Fa@b\0Ta" A1000 "\0\0"),     11, 0},
    {"longer sender",            E("Fa" A1000 "\0Tc@d\0\0"),     11, 0},
    {"endless recipient",        E("Fa@b\0T" A1000 A1000 A1000), 11, 0},
};

static void
exit_codes_are_those_of_qmail_queue(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t before = stage_count();
		int code =
		    queue("Subject: x\n\nx\n", rows[i].envelope, rows[i].len);

		if (code != rows[i].code)
			fail_msg("%s: %d", rows[i].what, code);
		assert_int_equal(stage_count() - before, rows[i].queued);
	}
	(void)state;
}

static void
descriptors_that_cannot_be_read_are_54(void **state)
{
	int folder = open(".", O_RDONLY | O_DIRECTORY);
	int good = source("Fa@b\0Tc@d\0\0", 11);
	int text = source("x\n", 2);

	assert_int_equal(WEXITSTATUS(queue_fds(folder, good)), 54);
	assert_int_equal(WEXITSTATUS(queue_fds(text, folder)), 54);
	assert_int_equal(WEXITSTATUS(queue_fds(-1, good)), 54);
	assert_int_equal(WEXITSTATUS(queue_fds(text, -1)), 54);
	assert_int_equal(stage_count(), 0);
	fd_close(&folder);
	fd_close(&good);
	fd_close(&text);
	(void)state;
}

static void
without_culver_queued_it_is_56(void **state)
{
	struct house *h = *state;

	house_end(h);
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 56);
	assert_int_equal(unlink(QUEUE_SUBMIT), 0);
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 56);
}

static void
without_its_home_it_is_61(void **state)
{
	struct house *h = *state;

	env_set("CULVER_HOME", "/nonexistent");
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 61);
	env_set("CULVER_HOME", h->stage->dir);
}

/* What is queued of a message, our line on top, looks like form. */
static void
looks_like(const char *message, const char *form)
{
	static const char received[] =
	    "^Received: \\(culver [0-9]+ invoked by uid [0-9]+\\); "
	    "[MTWFS][a-z]{2}, [0-9]+ [JFMASOND][a-z]{2} [0-9]{4} "
	    "[0-9:]{8} \\+0000\n";
	char path[QUEUE_PATH_SIZE], body[512] = {0}, whole[512];
	struct message m;
	regex_t re;
	int fd;

	snprintf(whole, sizeof(whole), "%s%s", received, form);
	assert_int_equal(regcomp(&re, whole, REG_EXTENDED | REG_NOSUB), 0);
	assert_int_equal(queue(message, E("Fa@b\0Tc@d\0\0")), 0);
	assert_int_equal(stage_messages(path), 1);
	fd = message_open(path, geteuid() == 0 ? STAGE_NOBODY : geteuid(), &m);
	assert_true(fd >= 0);
	assert_int_equal(m.uid, getuid());
	assert_true(message_check_body(fd, &m));
	assert_true(m.body_len < sizeof(body));
	assert_true(fd_pread_all(fd, body, m.body_len, (off_t)m.body_at));
	assert_int_equal(regexec(&re, body, 0, NULL, 0), 0);
	fd_close(&fd);
	regfree(&re);
}

static void
the_message_has_a_received_line_and_is_whole(void **state)
{
	looks_like(
	    "Subject: x\n\nx\nno line end", "Subject: x\n\nx\nno line end$");
	(void)state;
}

static void
a_message_that_begins_with_a_blank_is_no_part_of_that_line(void **state)
{
	looks_like(" by a friend\nSubject: x\n\nx\n",
	    "\n by a friend\nSubject: x\n\nx\n$");
	(void)state;
}

static void
a_hundred_thousand_recipients_are_streamed(void **state)
{
	enum { MANY = 100000 };
	char path[QUEUE_PATH_SIZE], kind;
	struct buf b = {.max = 1 << 22};
	struct message m;
	struct envelope e;
	struct str text;
	int in = source("x\n", 2), from, fd;

	assert_true(buf_append(&b, "Fa@b", 5));
	for (int i = 0; i < MANY; i++) {
		char r[32];
		int n = snprintf(r, sizeof(r), "T%d@d", i);

		assert_true(buf_append(&b, r, (size_t)n + 1));
	}
	assert_true(buf_append_byte(&b, '\0'));
	from = source(b.data, b.len);
	assert_int_equal(queue_fds(in, from), 0);
	assert_int_equal(stage_messages(path), 1);
	fd = message_open(path, geteuid() == 0 ? STAGE_NOBODY : geteuid(), &m);
	assert_true(fd >= 0);
	envelope_open(&e, fd, m.envelope_at, m.envelope_len);
	while (envelope_next(&e, &kind, &text) == ENVELOPE_RECORD_READ)
		;
	assert_int_equal(e.recipients, MANY);
	fd_close(&fd);
	fd_close(&in);
	fd_close(&from);
	buf_free(&b);
	(void)state;
}

static void
the_disk_in_reserve_is_53(void **state)
{
	stage_put("control/queuereserve", "18446744073709551615\n");
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 53);
	assert_int_equal(stage_count(), 0);
	stage_put("control/queuereserve", "many\n");
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 55);
	assert_int_equal(unlink("control/queuereserve"), 0);
	assert_int_equal(queue("x\n", E("Fa@b\0Tc@d\0\0")), 0);
	(void)state;
}

static void
an_alarm_is_52(void **state)
{
	int pipes[2];
	int good = source("Fa@b\0Tc@d\0\0", 11);
	char path[sizeof(house_bin) + 32];
	int status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(path, sizeof(path), "%s/culver-queue", house_bin);
		if (dup2(pipes[0], 0) == 0 && dup2(good, 1) == 1)
			(void)execl(path, path, (char *)NULL);
		_exit(127);
	}
	/* It has caught signals when it has read what we write. */
	assert_int_equal(write(pipes[1], "x", 1), 1);
	for (int left = 1; left > 0;) {
		struct pollfd none = {.fd = -1};

		assert_int_equal(ioctl(pipes[1], FIONREAD, &left), 0);
		(void)poll(&none, 1, 1);
	}
	assert_int_equal(kill(pid, SIGALRM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 52);
	assert_int_equal(stage_count(), 0);
	fd_close(&pipes[0]);
	fd_close(&pipes[1]);
	fd_close(&good);
	(void)state;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    HOUSED(exit_codes_are_those_of_qmail_queue),
	    HOUSED(descriptors_that_cannot_be_read_are_54),
	    HOUSED(without_culver_queued_it_is_56),
	    HOUSED(without_its_home_it_is_61),
	    HOUSED(the_message_has_a_received_line_and_is_whole),
	    HOUSED(a_message_that_begins_with_a_blank_is_no_part_of_that_line),
	    HOUSED(a_hundred_thousand_recipients_are_streamed),
	    HOUSED(the_disk_in_reserve_is_53),
	    HOUSED(an_alarm_is_52),
	};

	(void)argc;
	house_find_bin(argv[0]);
	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
