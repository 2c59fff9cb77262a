/* dotfile: the right file is found, bad ones defer, lines become instructions. */
#include "local/dotfile.h"

#include "lib/fd.h"
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
#include <errno.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/tmp/dotfileXXXXXX";
static int home_fd = -1;
static struct report report;

static void
write_file(const char *name, const char *text, mode_t mode)
{
	int fd = openat(
	    home_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, text, strlen(text)));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void
remove_file(const char *name)
{
	assert_int_equal(unlinkat(home_fd, name, 0), 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	home_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home_fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return close(home_fd) | rmdir(folder);
}

static void
search_goes_from_exact_to_default(void **state)
{
	static const struct {
		const char *dash, *ext, *want; /* NULL: none is found */
	} rows[] = {
	    {"",  "",             ".qmail"              },
	    {"-", "a",            ".qmail-default"      },
	    {"-", "list",         ".qmail-list"         },
	    {"-", "LIST",         ".qmail-list"         },
	    {"-", "list-x",       ".qmail-list-default" },
	    {"-", "list-x-y",     ".qmail-list-default" },
	    {"-", "list-a.b",     ".qmail-list-a:b"     },
	    {"-", "list-../../x", ".qmail-list-default" },
	    {"-", "list/x",       ".qmail-default"      },
	    {"-", "../x",         ".qmail-default"      },
	    {"-", "dir/B.c",      ".qmail-dir/b:c"      },
	    {"-", "dir/b-c",      ".qmail-dir/b-default"},
	    {"-", "dir/../dir/b", ".qmail-default"      },
	    {"-", "dir/b",        ".qmail-default"      },
	    {"-", "",             ".qmail-default"      },
	};

	(void)state;
	write_file(".qmail", "#.qmail", 0600);
	write_file(".qmail-list", "#.qmail-list", 0600);
	write_file(".qmail-list-default", "#.qmail-list-default", 0600);
	write_file(".qmail-list-a:b", "#.qmail-list-a:b", 0600);
	write_file(".qmail-default", "#.qmail-default", 0600);
	assert_int_equal(mkdirat(home_fd, ".qmail-dir", 0700), 0);
	write_file(".qmail-dir/b:c", "#.qmail-dir/b:c", 0600);
	write_file(".qmail-dir/b-default", "#.qmail-dir/b-default", 0600);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dotfile d = {.found = false};

		assert_true(dotfile_find(home_fd, str_of(rows[i].dash),
		    str_of(rows[i].ext), &d, &report));
		assert_true(d.found);
		assert_true(str_equal(
		    str_slice(buf_str(&d.text), 1, 99), str_of(rows[i].want)));
		dotfile_free(&d);
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if (unlinkat(home_fd, rows[i].want, 0) != 0)
			assert_int_equal(errno, ENOENT);
	assert_int_equal(unlinkat(home_fd, ".qmail-dir", AT_REMOVEDIR), 0);
}

static void
none_is_no_error(void **state)
{
	static char much[2000];
	static const struct str rows[] = {
	    {"",       0           },
            {"list-x", 6           },
            {much,     sizeof(much)},
            {"a/c",    3           }
        };
	struct dotfile d;

	(void)state;
	memset(much, 'x', sizeof(much));
	/* Not ".qmaildefault", and nothing in another folder. */
	write_file(".qmaildefault", "x", 0600);
	assert_int_equal(mkdirat(home_fd, ".qmail-a", 0700), 0);
	write_file(".qmail-a/b", "x", 0600);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(dotfile_find(home_fd,
		    str_of(rows[i].len > 0 ? "-" : ""), rows[i], &d, &report));
		assert_false(d.found);
		dotfile_free(&d);
	}
	remove_file(".qmaildefault");
	remove_file(".qmail-a/b");
	assert_int_equal(unlinkat(home_fd, ".qmail-a", AT_REMOVEDIR), 0);
}

static void
a_file_that_must_not_be_used_defers(void **state)
{
	struct dotfile d;
	struct str none = {"", 0};

	(void)state;
	write_file(".qmail", "x", 0602);
	assert_false(dotfile_find(home_fd, none, none, &d, &report));
	assert_int_equal(report.letter, 'Z');
	assert_string_equal(
	    report.text, "Uh-oh: .qmail file is writable. (#4.7.0)\n");
	remove_file(".qmail");

	assert_int_equal(mkfifoat(home_fd, ".qmail", 0600), 0);
	assert_false(dotfile_find(home_fd, none, none, &d, &report));
	assert_int_equal(report.letter, 'Z');
	remove_file(".qmail");

	assert_int_equal(symlinkat(".qmail", home_fd, ".qmail"), 0);
	assert_false(dotfile_find(home_fd, none, none, &d, &report));
	assert_int_equal(report.letter, 'Z');
	remove_file(".qmail");

	write_file(".qmail", "x", 0600);
	{
		int fd = openat(home_fd, ".qmail", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, DOTFILE_MAX + 1), 0);
		assert_int_equal(close(fd), 0);
	}
	assert_false(dotfile_find(home_fd, none, none, &d, &report));
	assert_int_equal(report.letter, 'Z');
	remove_file(".qmail");
}

struct row {
	const char *text;
	bool forward_only;
	const char *want; /* kind and text of each, 'X' where it is refused */
};

static const struct row lines[] = {
    {"",			 false, ""		      },
    {"./Maildir/",               false, "M./Maildir/;"          },
    {"./Maildir/ \t\n",          false, "M./Maildir/;"          },
    {"/var/mail/x/\n./mbox\n",   false, "M/var/mail/x/;B./mbox;"},
    {"#c\n\n&a@b\n",             false, "Fa@b;"                 },
    {"a@b\nc@d",		 false, "Fa@b;Fc@d;"            },
    {"&\"x y\"@b\n",             false, "F\"x y\"@b;"           },
    {"|procmail -d x\n",         false, "Pprocmail -d x;"       },
    {"|a\tb\n",		  false, "Pa\tb;"                },
    {"+list\na@b\n./Maildir/\n", false, "Fa@b;X"                },
    {"+other\n./Maildir/\n",     false, "M./Maildir/;"          },
    {"a@b\n",		    true,  "Fa@b;"                 },
    {"./Maildir/\n",             true,  "X"                     },
    {"|x\n",		     true,  "X"                     },
    {"\na@b\n",		  false, "X"                     },
    {" \t\na@b\n",               false, "X"                     },
    {"#\n \na@b\n",              false, "Fa@b;"                 },
    {"&\n",		      false, "X"                     },
    {"a@b\x01\n",                false, "X"                     },
    {"./Mail\tdir/\n",           false, "X"                     },
    {"&a@b\r\n",		 false, "X"                     },
};

static void
lines_become_instructions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct dotfile d = {.forward_only = lines[i].forward_only};
		enum dotfile_result result;
		struct instruction in;
		struct buf got = {0};
		struct str rest;

		assert_true(buf_append_text(&d.text, lines[i].text));
		rest = buf_str(&d.text);
		while ((result = dotfile_next(&d, &rest, &in, &report)) ==
		       DOTFILE_INSTRUCTION) {
			assert_true(
			    buf_append_byte(&got, "MBPF"[(int)in.kind]) &&
			    buf_append_str(&got, in.text) &&
			    buf_append_byte(&got, ';'));
		}
		if (result == DOTFILE_BAD) {
			assert_int_equal(report.letter, 'Z');
			assert_true(buf_append_byte(&got, 'X'));
		}
		assert_true(buf_terminate(&got));
		assert_string_equal(got.data, lines[i].want);
		buf_free(&got);
		dotfile_free(&d);
	}
}

static void
x_bit_means_forward_only(void **state)
{
	struct str none = {"", 0};
	struct dotfile d;

	(void)state;
	write_file(".qmail", "a@b", 0700);
	assert_true(dotfile_find(home_fd, none, none, &d, &report));
	assert_true(d.forward_only);
	dotfile_free(&d);
	remove_file(".qmail");
}

static void
change_owner(const char *name, uid_t uid)
{
	assert_int_equal(
	    fchownat(home_fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW), 0);
}

/* Whoever says where the home is may have been told himself. */
static void
a_file_is_roots_or_of_who_has_the_home(void **state)
{
	static const struct {
		uid_t home, file;
		bool want;
	} cases[] = {
	    {0,    0,    true },
	    {1234, 0,    true },
	    {1234, 1234, true },
	    {0,    1234, false},
	    {1234, 1235, false},
	};
	struct str none = {"", 0};
	struct dotfile d;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_file(".qmail", "a@b", 0600);
		change_owner(".", cases[i].home);
		change_owner(".qmail", cases[i].file);
		assert_int_equal(dotfile_find(home_fd, none, none, &d, &report),
		    cases[i].want);
		dotfile_free(&d);
		remove_file(".qmail");
		if (!cases[i].want)
			assert_string_equal(report.text,
			    "Uh-oh: .qmail file is somebody else's. "
			    "(#4.7.0)\n");
	}
	change_owner(".", 0);
}

static bool
is_roots(void)
{
	struct str none = {"", 0};
	struct dotfile d;
	bool roots;

	assert_true(dotfile_find(home_fd, none, none, &d, &report));
	roots = d.roots;
	dotfile_free(&d);
	return roots;
}

static void
roots_is_what_nobody_else_has_made_or_can_change(void **state)
{
	(void)state;
	write_file(".qmail", "a@b", 0644);
	assert_int_equal(is_roots(), geteuid() == 0);
	write_file(".qmail", "a@b", 0660);
	assert_false(is_roots());
	assert_int_equal(renameat(home_fd, ".qmail", home_fd, "other"), 0);
	write_file("other", "a@b", 0600);
	assert_int_equal(symlinkat("other", home_fd, ".qmail"), 0);
	assert_int_equal(is_roots(), geteuid() == 0);
	if (geteuid() == 0) {
		change_owner(".qmail", 1234);
		assert_false(is_roots());
		change_owner(".qmail", 0);
		change_owner(".", 1234);
		change_owner("other", 1234);
		assert_false(is_roots());
		change_owner(".", 0);
	}
	remove_file(".qmail");
	remove_file("other");
}

static void
a_program_can_be_forbidden(void **state)
{
	struct dotfile d = {.no_programs = true};
	struct instruction in;
	struct str rest;

	(void)state;
	assert_true(buf_append_text(&d.text, "./Maildir/\n&a@b\n|true\n"));
	rest = buf_str(&d.text);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    dotfile_next(&d, &rest, &in, &report), DOTFILE_INSTRUCTION);
	assert_int_equal(dotfile_next(&d, &rest, &in, &report), DOTFILE_BAD);
	assert_string_equal(report.text,
	    "Uh-oh: .qmail of a mailbox has prog delivery but is not root's. "
	    "(#4.7.0)\n");
	assert_int_equal(report.letter, 'Z');
	dotfile_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_roots_or_of_who_has_the_home),
	    cmocka_unit_test(roots_is_what_nobody_else_has_made_or_can_change),
	    cmocka_unit_test(a_program_can_be_forbidden),
	    cmocka_unit_test(search_goes_from_exact_to_default),
	    cmocka_unit_test(none_is_no_error),
	    cmocka_unit_test(a_file_that_must_not_be_used_defers),
	    cmocka_unit_test(lines_become_instructions),
	    cmocka_unit_test(x_bit_means_forward_only),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
