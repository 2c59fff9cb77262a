/* home: an instance with users in it, as the current folder. */
#ifndef TESTS_POP3D_HOME_H
#define TESTS_POP3D_HOME_H

#include "control/control.h"
#include "lib/cdb.h"
#include "lib/fd.h"
#include "lib/str.h"
#include "wire/users.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct user {
	const char *address, *hash;
	unsigned flags;
};

static inline int
home_setup(void **state)
{
	static char path[32];

	*state = path;
	memcpy(path, "/tmp/culver-home-XXXXXX", 24);
	return mkdtemp(path) == NULL || chmod(path, 0755) != 0 ||
	       chdir(path) != 0 || mkdir("users", 0755) != 0 ||
	       mkdir("control", 0755) != 0;
}

/* control/checkpassword holds this line; NULL: there is none. */
static inline void
home_checkpassword(const char *line)
{
	if (line == NULL)
		assert_int_equal(unlink("control/checkpassword"), 0);
	else
		assert_true(fd_replace_file(
		    AT_FDCWD, "control/checkpassword", str_of(line), 0644));
}

/* The settings of culver-authd, read when they are asked for. */
static inline struct controls *
home_controls(void)
{
	int fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct controls *c = control_new(fd, CONTROL_AUTHD);

	assert_true(fd >= 0);
	assert_non_null(c);
	return c;
}

static inline int
home_teardown(void **state)
{
	(void)unlink(USERS_PASSWD);
	(void)unlink(USERS_RCPT);
	(void)unlink("control/checkpassword");
	return rmdir("users") != 0 || rmdir("control") != 0 ||
	       chdir("/") != 0 || rmdir((const char *)*state) != 0;
}

/* Make one of the two tables of users. */
static inline void
home_users(const char *table, const struct user *users, size_t count)
{
	struct table_maker *m = table_make(AT_FDCWD, table, 0644);

	assert_non_null(m);
	for (size_t i = 0; i < count; i++) {
		struct user_record r = {
		    .hash = str_of(users[i].hash), .flags = users[i].flags};
		struct buf b = {0};

		assert_true(users_format_record(&b, &r));
		assert_true(
		    table_add(m, str_of(users[i].address), buf_str(&b)));
		buf_free(&b);
	}
	assert_true(table_commit(m));
}

#endif
