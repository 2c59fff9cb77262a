/* main_queued: the program as it is installed: whose files it makes, what its
 * processes may do, whom it turns away, and what is left when one dies. */
#include "queue/peers.h"
#include "tests/unit/queue/house.h"
#include "wire/message.h"
#include "wire/submit.h"
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>

static uid_t
owner(void)
{
	return geteuid() == 0 ? STAGE_NOBODY : geteuid();
}

static void
begin(struct submit *s)
{
	submit_init(s);
	if (!submit_begin(s))
		fail_msg("unable to connect: %s", strerror(errno));
}

static struct submit_result
end(struct submit *s)
{
	struct submit_result result;

	submit_body(s, str_of("Subject: x\n\nx\n"));
	submit_record(s, 'F', str_of("a@b"));
	submit_record(s, 'T', str_of("c@d"));
	submit_commit(s, &result);
	return result;
}

/* A message of one connection, which stays. */
static struct submit_result
message(struct submit *s)
{
	begin(s);
	return end(s);
}

/* Likewise; the pid of who wrote it. */
static pid_t
writer(struct submit *s)
{
	const struct submit_result result = message(s);

	assert_int_equal(result.code, 0);
	return (pid_t)result.pid;
}

static struct stat
look(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st;
}

static void
files_are_the_accounts(void **state)
{
	struct submit s;
	char path[QUEUE_PATH_SIZE];
	struct stat st;

	assert_int_equal(message(&s).code, 0);
	assert_int_equal(stage_messages(path), 1);
	st = look(path);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_uid, owner());
	st = look(QUEUE_RESCAN); /* nobody reads the fifo */
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_uid, owner());
	assert_int_equal(look(QUEUE_SUBMIT).st_mode, S_IFSOCK | 0666);
	submit_close(&s);
	(void)state;
}

static void
status_says(pid_t pid, const char *line)
{
	struct buf b = {.max = 1 << 16};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_true(fd_slurp(fd, &b));
	assert_true(buf_terminate(&b));
	if (strstr(b.data, line) == NULL)
		fail_msg("no %s in: %s", line, b.data);
	fd_close(&fd);
	buf_free(&b);
}

static void
listener_and_writers_are_jailed(void **state)
{
	struct house *h = *state;
	struct submit s;
	pid_t pids[2];
	char uids[64];

	snprintf(uids, sizeof(uids), "\nUid:\t%u\t%u\t%u\t%u\n", owner(),
	    owner(), owner(), owner());
	pids[0] = h->queued;
	pids[1] = writer(&s);
	assert_int_not_equal(pids[0], pids[1]);
	for (size_t i = 0; i < COUNT(pids); i++) {
		status_says(pids[i], "\nSeccomp:\t2\n");
		status_says(pids[i], "\nNoNewPrivs:\t1\n");
		status_says(pids[i], uids);
		status_says(pids[i], "\nCapEff:\t0000000000000000\n");
	}
	submit_close(&s);
}

static void
an_ordinary_uid_is_turned_away_at_its_limit(void **state)
{
	static struct submit s[PEERS_EACH + 1];

	if (geteuid() != 0) /* the instance's own uid has no limit */
		skip();
	for (size_t i = 0; i < PEERS_EACH; i++)
		assert_int_equal(message(&s[i]).code, 0);
	assert_int_equal(message(&s[PEERS_EACH]).code, QQ_DEFERRED);
	assert_int_equal(stage_count(), PEERS_EACH);
	/* Those that have a connection keep it. */
	assert_true(submit_begin(&s[0]));
	assert_int_equal(end(&s[0]).code, 0);
	for (size_t i = 0; i <= PEERS_EACH; i++)
		submit_close(&s[i]);
	(void)state;
}

/* The answer to a message that names its submitter; as the instance's account,
 * or as who we are. */
static int
name_submitter(bool as_owner)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct submit_result result;
		struct submit s;

		if (as_owner && geteuid() == 0 && setuid(STAGE_NOBODY) != 0)
			_exit(126);
		submit_init(&s);
		if (!submit_begin(&s))
			_exit(125);
		submit_record(&s, 'F', str_of("a@b"));
		submit_record(&s, 'S', str_of("ann"));
		submit_record(&s, 'T', str_of("c@d"));
		submit_commit(&s, &result);
		_exit(result.code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
only_the_suite_names_a_submitter(void **state)
{
	assert_int_equal(name_submitter(true), 0);
	if (geteuid() == 0)
		assert_int_equal(name_submitter(false), QQ_FORMAT);
	(void)state;
}

/* The writer has received all that was sent. */
static void
drained(const struct submit *s)
{
	int left = 1;

	while (left > 0) {
		assert_int_equal(ioctl(s->fd, TIOCOUTQ, &left), 0);
		(void)sched_yield();
	}
}

/* More than is kept unsent, so that the writer has a part. */
static void
begin_large(struct submit *s)
{
	static char body[100000];

	assert_true(submit_begin(s));
	submit_body(s, (struct str){body, sizeof(body)});
	drained(s);
}

static void
a_killed_writer_takes_only_its_own_message(void **state)
{
	struct submit a, b;
	pid_t pid = writer(&a);

	assert_int_equal(message(&b).code, 0);
	begin_large(&a);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_not_equal(end(&a).code, 0);
	assert_true(submit_begin(&b));
	assert_int_equal(end(&b).code, 0);
	assert_true(submit_begin(&a)); /* another writer */
	assert_int_equal(end(&a).code, 0);
	assert_int_equal(stage_count(), 4);
	submit_close(&a);
	submit_close(&b);
	(void)state;
}

static void
told_to_end_it_finishes_what_is_in_hand(void **state)
{
	struct house *h = *state;
	struct submit idle, busy;
	char c;

	assert_int_equal(message(&idle).code, 0);
	assert_int_equal(message(&busy).code, 0);
	begin_large(&busy);
	assert_int_equal(kill(h->queued, SIGTERM), 0);
	/* The idle one is closed; the other goes on. */
	assert_int_equal(recv(idle.fd, &c, 1, 0), 0);
	assert_int_equal(end(&busy).code, 0);
	assert_int_equal(recv(busy.fd, &c, 1, 0), 0);
	house_end(h);
	assert_int_equal(stage_count(), 3);
	idle.heard = 0; /* long ago */
	assert_false(submit_begin(&idle));
	submit_close(&idle);
	submit_close(&busy);
}

static void
a_killed_listener_leaves_what_is_in_hand(void **state)
{
	struct house *h = *state;
	struct submit s;
	char c;

	assert_int_equal(message(&s).code, 0);
	begin_large(&s);
	assert_int_equal(kill(h->queued, SIGKILL), 0);
	assert_int_equal(waitpid(h->queued, NULL, 0), h->queued);
	assert_int_equal(end(&s).code, 0);
	assert_int_equal(recv(s.fd, &c, 1, 0), 0);
	h->queued = 0;
	house_start(h);
	assert_true(submit_begin(&s));
	assert_int_equal(end(&s).code, 0);
	assert_int_equal(stage_count(), 3);
	submit_close(&s);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    HOUSED(files_are_the_accounts),
	    HOUSED(listener_and_writers_are_jailed),
	    HOUSED(an_ordinary_uid_is_turned_away_at_its_limit),
	    HOUSED(only_the_suite_names_a_submitter),
	    HOUSED(a_killed_writer_takes_only_its_own_message),
	    HOUSED(told_to_end_it_finishes_what_is_in_hand),
	    HOUSED(a_killed_listener_leaves_what_is_in_hand),
	};

	(void)argc;
	house_find_bin(argv[0]);
	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
