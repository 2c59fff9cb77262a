/* stage: a queue of its own for a test, on a real file system. */
#ifndef TESTS_QUEUE_STAGE_H
#define TESTS_QUEUE_STAGE_H

#include "lib/fd.h"
#include "wire/queue.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { STAGE_SPLIT = 3, STAGE_NOBODY = 65534 };

struct stage {
	char dir[64], back[4096];
};

static inline void
stage_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, text, strlen(text)));
	assert_int_equal(close(fd), 0);
}

static inline void
stage_folders(const char *of)
{
	assert_int_equal(mkdir(of, 0755), 0);
	for (int i = 0; i < STAGE_SPLIT; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%d", of, i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
}

/* An instance with an empty queue, which becomes the current folder. */
static inline int
stage_make(void **state)
{
	struct stage *st = calloc(1, sizeof(*st));
	char format[64];

	assert_non_null(st);
	assert_non_null(getcwd(st->back, sizeof(st->back)));
	snprintf(st->dir, sizeof(st->dir), "/var/tmp/culver-test-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	assert_int_equal(chmod(st->dir, 0755), 0);
	assert_int_equal(chdir(st->dir), 0);
	assert_int_equal(mkdir("control", 0755), 0);
	assert_int_equal(mkdir("queue", 0755), 0);
	stage_folders(QUEUE_MESS);
	stage_folders(QUEUE_INFO);
	stage_put("control/me", "me.example\n");
	snprintf(
	    format, sizeof(format), "culver-queue 1\nsplit %d\n", STAGE_SPLIT);
	stage_put(QUEUE_FORMAT_FILE, format);
	assert_int_equal(mkfifo(QUEUE_HINT, 0644), 0);
	*state = st;
	return 0;
}

static inline void
stage_run(const char *const argv[])
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline int
stage_remove(void **state)
{
	struct stage *st = *state;
	const char *const rm[] = {"rm", "-rf", st->dir, NULL};

	assert_int_equal(chdir(st->back), 0);
	stage_run(rm);
	free(st);
	return 0;
}

/* How many entries of mess/SS there are; the last one's path in path. */
static inline size_t
stage_messages(char path[QUEUE_PATH_SIZE])
{
	size_t n = 0;

	for (int i = 0; i < STAGE_SPLIT; i++) {
		struct dirent *e;
		char folder[32];
		DIR *d;

		snprintf(folder, sizeof(folder), "%s/%d", QUEUE_MESS, i);
		d = opendir(folder);
		assert_non_null(d);
		while ((e = readdir(d)) != NULL) {
			uint64_t ino;

			if (!queue_name_parse(str_of(e->d_name), (unsigned)i,
				STAGE_SPLIT, &ino))
				continue;
			n++;
			queue_mess_path(path, STAGE_SPLIT, ino);
		}
		assert_int_equal(closedir(d), 0);
	}
	return n;
}

static inline size_t
stage_count(void)
{
	char path[QUEUE_PATH_SIZE];

	return stage_messages(path);
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, stage_make, stage_remove)

#endif
