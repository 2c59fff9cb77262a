/* house: a private instance with culver-queued running in it. */
#ifndef TESTS_QUEUE_HOUSE_H
#define TESTS_QUEUE_HOUSE_H

#include "lib/env.h"
#include "lib/frame.h"
#include "tests/unit/queue/stage.h"
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { PATIENCE_MS = 60000 };

static char house_bin[4096]; /* the folder of the programs */

struct house {
	struct stage *stage;
	pid_t queued;
};

static inline void
house_run(void)
{
	char path[sizeof(house_bin) + 32];
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);

	snprintf(path, sizeof(path), "%s/culver-queued", house_bin);
	if (dup2(log, 2) == 2)
		(void)execl(path, path, (char *)NULL);
	_exit(127);
}

/* An empty message is refused by whoever is up. */
static inline bool
house_answers(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;
	bool ok;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", QUEUE_SUBMIT);
	ok = connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	     frame_write(fd, 'C', (struct str){NULL, 0}) &&
	     read(fd, &c, 1) == 1;
	fd_close(&fd);
	return ok;
}

static inline void
house_wait(void)
{
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		struct pollfd none = {.fd = -1};

		if (house_answers())
			return;
		(void)poll(&none, 1, 10);
	}
	fail_msg("culver-queued does not answer");
}

static inline void
house_give_away(void)
{
	char all[64];
	const char *const chown_r[] = {"chown", "-R", all, ".", NULL};

	snprintf(all, sizeof(all), "%d:%d", STAGE_NOBODY, STAGE_NOBODY);
	if (geteuid() == 0)
		stage_run(chown_r);
}

static inline void
house_start(struct house *h)
{
	h->queued = fork();
	assert_true(h->queued >= 0);
	if (h->queued == 0)
		house_run();
	house_wait();
}

static inline int
house_open(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	void *stage = NULL;

	assert_non_null(h);
	assert_int_equal(stage_make(&stage), 0);
	h->stage = stage;
	house_give_away();
	env_set("CULVER_HOME", h->stage->dir);
	house_start(h);
	*state = h;
	return 0;
}

static inline void
house_end(struct house *h)
{
	int status;

	if (h->queued == 0)
		return;
	assert_int_equal(kill(h->queued, SIGTERM), 0);
	assert_int_equal(waitpid(h->queued, &status, 0), h->queued);
	assert_int_equal(status, 0);
	h->queued = 0;
}

static inline int
house_close(void **state)
{
	struct house *h = *state;
	void *stage = h->stage;

	house_end(h);
	assert_int_equal(stage_remove(&stage), 0);
	free(h);
	return 0;
}

/* BUILD/tests/unit/queue/main runs BUILD/bin/culver-queue. */
static inline void
house_find_bin(const char *self)
{
	const char *at = strstr(self, "/tests/unit/");
	char here[2048] = "";
	int n = at == NULL ? 0 : (int)(at - self);

	assert_true(n > 0);
	if (self[0] != '/')
		assert_non_null(getcwd(here, sizeof(here)));
	n = snprintf(
	    house_bin, sizeof(house_bin), "%s/%.*s/bin", here, n, self);
	assert_true(n > 0 && (size_t)n < sizeof(house_bin));
}

#define HOUSED(f) cmocka_unit_test_setup_teardown(f, house_open, house_close)

#endif
