/* hier: its lines, and that the shipped file names what the tree builds. */
#include "control/hier.h"
#include "lib/account.h"
#include "lib/buf.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
a_mark_tells_the_kind(void **state)
{
	static const struct {
		const char *line, *path, *owner, *group;
		enum hier_kind kind;
		mode_t mode;
	} rows[] = {
	    {"./ root root 0755",     ".",          "root", "root", HIER_FOLDER, 0755 },
	    {"a/b/\tx  y 1777",       "a/b",        "x",    "y",    HIER_FOLDER, 01777},
	    {"queue/hint| s q 0620 ", "queue/hint", "s",    "q",    HIER_FIFO,   0620 },
	    {"users/x? u r 0600",     "users/x",    "u",    "r",    HIER_MADE,   0600 },
	    {"bin/x r r 0755",        "bin/x",      "r",    "r",    HIER_FILE,   0755 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str rest = str_of(rows[i].line);
		struct hier_row row;
		bool bad;

		assert_true(hier_next(&rest, &row, &bad));
		assert_true(str_equal(row.path, str_of(rows[i].path)));
		assert_true(str_equal(row.owner, str_of(rows[i].owner)));
		assert_true(str_equal(row.group, str_of(rows[i].group)));
		assert_int_equal(row.kind, rows[i].kind);
		assert_int_equal(row.mode, rows[i].mode);
		assert_false(hier_next(&rest, &row, &bad));
		assert_false(bad);
	}
}

static void
what_is_no_row_is_bad(void **state)
{
	static const char *const lines[] = {
	    "x",
	    "bin/x root root",
	    "bin/x root root 755",
	    "bin/x root root 07555",
	    "bin/x root root 0788",
	    "bin/x root root 0755 more",
	    "/etc/passwd root root 0644",
	    "../x root root 0644",
	    "a/../x root root 0644",
	    "a//x root root 0644",
	    "a// root root 0755",
	    "/ root root 0755",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct str rest = str_of(lines[i]);
		struct hier_row row;
		bool bad;

		if (hier_next(&rest, &row, &bad) || !bad)
			fail_msg("accepted: %s", lines[i]);
	}
}

static bool
known(struct str name)
{
	static const char *const others[] = {
	    "root", GROUP_MESSAGES, GROUP_ADMIN};

	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		if (str_equal(name, str_of(account_name(a))))
			return true;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (str_equal(name, str_of(others[i])))
			return true;
	return false;
}

static void
read_hier(struct buf *b)
{
	assert_true(fd_read_file(AT_FDCWD, "hier", b));
}

static void
the_shipped_file_is_sound(void **state)
{
	struct buf b = {0};
	struct str rest, above = {0};
	struct hier_row row;
	bool bad;

	(void)state;
	read_hier(&b);
	rest = buf_str(&b);
	assert_true(hier_next(&rest, &row, &bad));
	assert_true(str_equal(row.path, str_of(".")));
	while (hier_next(&rest, &row, &bad)) {
		size_t slash = str_rfind(row.path, '/');
		struct str all = buf_str(&b), line;
		bool parent = slash == row.path.len;

		if (!known(row.owner) || !known(row.group))
			fail_msg(
			    "whose is %.*s", (int)row.path.len, row.path.data);
		/* The folder stands in a line before it. */
		above = str_slice(row.path, 0, slash + 1);
		while (!parent && str_cut(&all, '\n', &line) &&
		       line.data < row.path.data)
			parent = str_starts(line, above) &&
				 line.data[above.len] == ' ';
		if (!parent)
			fail_msg("no folder of %.*s", (int)row.path.len,
			    row.path.data);
	}
	assert_false(bad);
	buf_free(&b);
}

/* "send/main.c" makes bin/culver-send, "queue/main_queued.c" culver-queued. */
static void
program_of(const char *source, char *out, size_t size)
{
	const char *slash = strchr(source, '/'), *under = strchr(slash, '_');

	if (strcmp(source, "tools/main.c") == 0)
		(void)snprintf(out, size, "\nbin/culver ");
	else if (under == NULL)
		(void)snprintf(out, size, "\nbin/culver-%.*s ",
		    (int)(slash - source), source);
	else
		(void)snprintf(out, size, "\nbin/culver-%.*s ",
		    (int)strlen(under) - 3, under + 1);
}

static void
every_program_of_the_tree_is_in_it(void **state)
{
	struct buf b = {0};
	glob_t mains;

	(void)state;
	read_hier(&b);
	assert_true(buf_terminate(&b));
	assert_int_equal(glob("*/main*.c", 0, NULL, &mains), 0);
	for (size_t i = 0; i < mains.gl_pathc; i++) {
		char line[128];

		program_of(mains.gl_pathv[i], line, sizeof line);
		if (strstr(b.data, line) == NULL)
			fail_msg("hier lacks %s", line + 1);
	}
	globfree(&mains);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_mark_tells_the_kind),
	    cmocka_unit_test(what_is_no_row_is_bad),
	    cmocka_unit_test(the_shipped_file_is_sound),
	    cmocka_unit_test(every_program_of_the_tree_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
