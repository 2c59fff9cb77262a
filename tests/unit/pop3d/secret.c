/* secret: it is the same after a restart, and never half a one. */
#include "pop3d/secret.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[32], path[48];

static int
setup(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/culver-secret-XXXXXX", 26);
	if (mkdtemp(folder) == NULL)
		return -1;
	memcpy(path, folder, 25);
	memcpy(path + 25, "/secret", 8);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void
it_is_made_once(void **state)
{
	struct secret first, again;
	struct stat st;

	(void)state;
	assert_int_equal(secret_open(&first, folder), SECRET_KEPT);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SECRET_SIZE);
	assert_int_equal(secret_open(&again, folder), SECRET_KEPT);
	assert_memory_equal(&first, &again, sizeof(first));
}

/* What somebody has put there stays: it may be a part of another's. */
static void
what_is_none_is_left_alone(void **state)
{
	static const char *const rows[] = {
	    "", "short", "thirty-two bytes and a few more besides"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secret a, b;
		struct buf left = {0};

		assert_true(
		    fd_replace_file(AT_FDCWD, path, str_of(rows[i]), 0600));
		errno = 0;
		assert_int_equal(secret_open(&a, folder), SECRET_FRESH);
		assert_int_equal(errno, EPROTO);
		assert_int_equal(secret_open(&b, folder), SECRET_FRESH);
		assert_memory_not_equal(&a, &b, sizeof(a));
		assert_true(fd_read_file(AT_FDCWD, path, &left));
		assert_true(str_equal(buf_str(&left), str_of(rows[i])));
		buf_free(&left);
	}
}

static void
without_a_folder_it_is_fresh(void **state)
{
	struct secret a, b;

	(void)state;
	assert_int_equal(secret_open(&a, "/nonexistent"), SECRET_FRESH);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(secret_open(&b, "/nonexistent"), SECRET_FRESH);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void
macs_are_of_purpose_and_text(void **state)
{
	static const struct secret s = {{1}}, other = {{2}};
	unsigned char a[SECRET_MAC], b[SECRET_MAC];

	(void)state;
	assert_true(secret_mac(&s, "salt", str_of("u@A.test"), a));
	assert_true(secret_mac(&s, "salt", str_of("U@a.test"), b));
	assert_memory_equal(a, b, SECRET_MAC);
	assert_true(secret_mac(&s, "salt", str_of("v@a.test"), b));
	assert_memory_not_equal(a, b, SECRET_MAC);
	assert_true(secret_mac(&s, "sal", str_of("tu@a.test"), b));
	assert_memory_not_equal(a, b, SECRET_MAC);
	assert_true(secret_mac(&other, "salt", str_of("u@a.test"), b));
	assert_memory_not_equal(a, b, SECRET_MAC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_made_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_is_none_is_left_alone, setup, teardown),
	    cmocka_unit_test(without_a_folder_it_is_fresh),
	    cmocka_unit_test(macs_are_of_purpose_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
