/* findings: a table that fits, JSON that is whole, counts that are right. */
#include "queue/findings.h"

#include "tests/unit/queue/stage.h"

static const char *const longest = "4095/18446744073709551615";

/* What is printed meanwhile goes to a file. */
static int
turn_away(int *kept)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(fflush(stdout), 0);
	*kept = dup(STDOUT_FILENO);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	return fd;
}

static void
turn_back(int fd, int kept, char *text, size_t size)
{
	ssize_t n;

	assert_int_equal(fflush(stdout), 0);
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	n = pread(fd, text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(kept), 0);
}

static void
add_all(struct findings *f, const char *path)
{
	for (enum fault i = 0; i < FAULT_COUNT; i++) {
		findings_add(f, i, path, NULL);
		findings_add(f, i, path, longest);
	}
}

static void
every_row_fits_80_columns(void **state)
{
	static const char *const paths[] = {"mess/63/123456789", "hint",
	    "mess/4095/18446744073709551615",
	    "info/1/a name\twith\n strange \xff bytes and no end at all, for "
	    "it "
	    "goes on and on and on and on and on and on and on and on and on"};
	static char text[1 << 16];
	struct findings f;
	int kept, fd = turn_away(&kept);

	findings_begin(&f, false);
	for (size_t i = 0; i < COUNT(paths); i++)
		add_all(&f, paths[i]);
	findings_end(&f, true, 3);
	turn_back(fd, kept, text, sizeof(text));
	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
		assert_true(strcspn(p, "\n") <= 80);
		assert_true(strcspn(p, "\t\xff") >= strcspn(p, "\n"));
	}
	(void)state;
}

static void
a_good_queue_is_one_line(void **state)
{
	static char text[256];
	struct findings f;
	int kept, fd = turn_away(&kept);

	findings_begin(&f, false);
	f.messages = 1;
	f.left = 2;
	findings_end(&f, false, 0);
	turn_back(fd, kept, text, sizeof(text));
	assert_string_equal(text,
	    "1 message, 0 journals: all is well; 2 left to culver-send\n");
	(void)state;
}

static void
json_is_written_as_it_grows(void **state)
{
	enum { MANY = 5000 };
	static char text[4 << 20];
	struct findings f;
	size_t paths = 0;
	int kept, fd = turn_away(&kept);

	findings_begin(&f, true);
	for (int i = 0; i < MANY; i++) {
		findings_add(&f, FAULT_PLACE, "mess/1/2", "3/4");
		assert_true(f.out.out.len < 1 << 17);
	}
	findings_end(&f, false, MANY);
	turn_back(fd, kept, text, sizeof(text));
	for (const char *p = text; (p = strstr(p, "\"path\": ")) != NULL; p++)
		paths++;
	assert_int_equal(paths, MANY);
	assert_memory_equal(text, "{\"findings\": [{\"path\"", 20);
	assert_non_null(strstr(text, "}], \"messages\": 0"));
	assert_non_null(strstr(text, "\"count\": 5000"));
	(void)state;
}

static void
cures_are_counted(void **state)
{
	struct findings f = {.silent = true};

	findings_add(&f, FAULT_PLACE, "x", NULL);
	findings_add(&f, FAULT_NUMBER, "x", NULL);
	findings_add(&f, FAULT_MODE, "x", NULL);
	findings_add(&f, FAULT_HEAD, "x", NULL);
	assert_int_equal(findings_count(&f), 4);
	assert_int_equal(findings_curable(&f, CURE_NAMES), 2);
	assert_int_equal(findings_curable(&f, CURE_MODES), 1);
	assert_int_equal(findings_curable(&f, CURE_MAKE), 0);
	assert_int_equal(findings_blocking(&f), 0);
	findings_add(&f, FAULT_NO_FILE, "x", NULL);
	findings_add(&f, FAULT_UNREADABLE, "x", NULL);
	assert_int_equal(findings_blocking(&f), 2);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_fits_80_columns),
	    cmocka_unit_test(a_good_queue_is_one_line),
	    cmocka_unit_test(json_is_written_as_it_grows),
	    cmocka_unit_test(cures_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
