/* program: a test runs one of the programs beside it. */
#ifndef TESTS_UNIT_CONTROL_PROGRAM_H
#define TESTS_UNIT_CONTROL_PROGRAM_H

/* cmocka.h and what it wants come first. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_WORDS = 12, PROGRAM_OUTPUT = 8192 };

/* BUILD/bin/culver-NAME for a test BUILD/tests/unit/FOLDER/TEST. */
static inline void
program_find(char out[PATH_MAX], const char *name)
{
	char own[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);

	assert_true(n > 0);
	own[n] = '\0';
	for (int i = 0; i < 4; i++) {
		char *slash = strrchr(own, '/');

		assert_non_null(slash);
		*slash = '\0';
	}
	(void)snprintf(out, PATH_MAX, "%s/bin/culver-%s", own, name);
}

/* Start it; what it prints goes to descriptor out. */
static inline pid_t
program_start(const char *name, const char *const *words, int out)
{
	char program[PATH_MAX], *argv[PROGRAM_WORDS + 2];
	size_t n = 0;
	pid_t pid;

	program_find(program, name);
	argv[n++] = program;
	for (; n <= PROGRAM_WORDS && words[n - 1] != NULL; n++)
		argv[n] = strdup(words[n - 1]);
	argv[n] = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(out, 1);
		(void)dup2(out, 2);
		(void)execv(program, argv);
		_exit(1);
	}
	while (n-- > 1)
		free(argv[n]);
	return pid;
}

static inline int
program_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Run it; its exit code, and in output (may be NULL) what it printed. */
static inline int
program_run(
    const char *name, const char *const *words, char output[PROGRAM_OUTPUT])
{
	FILE *file = tmpfile();
	size_t n = 0;
	int code;

	assert_non_null(file);
	code = program_end(program_start(name, words, fileno(file)));
	if (output != NULL) {
		rewind(file);
		n = fread(output, 1, PROGRAM_OUTPUT - 1, file);
		output[n] = '\0';
	}
	assert_int_equal(fclose(file), 0);
	return code;
}

static inline void
program_remove_tree(const char *path)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	assert_int_equal(program_end(pid), 0);
}

#endif
