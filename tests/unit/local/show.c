/* show: the lines of qmail-local -n, and what it would not do. */
#include "local/show.h"

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
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/var/tmp/showXXXXXX";

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const struct row {
	const char *file, *text; /* in the home; NULL: none */
	mode_t mode;
	const char *dash, *ext;
	const char *want; /* printed */
	const char *says; /* NULL: nothing is wrong */
	char letter;
} rows[] = {
    {NULL,	       NULL,					  0,    "",  "",    "maildir ./Maildir/\ndid 1+0+0\n", NULL, 0  },
    {".qmail",           "",					    0600, "",  "",    "maildir ./Maildir/\ndid 1+0+0\n", NULL, 0  },
    {".qmail",           "./Maildir/ \n./mbox\n|cat x\n&a@b\nc@d\n#\n", 0600, "",  "",
     "maildir ./Maildir/\nmbox ./mbox\nprogram cat x\nforward a@b\n"
	"forward c@d\ndid 2+2+1\n",											  NULL, 0  },
    {".qmail-a-default", "|x\n",					0600, "-", "A-b", "program x\ndid 0+0+1\n",
     NULL,															 0  },
    {NULL,	       NULL,					  0,    "-", "a",   "",
     "Sorry, no mailbox here by that name. (#5.1.1)\n",									    'D'},
    {".qmail",           "a@b\n|x\n",				   0700, "",  "",    "forward a@b\n",
     "Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)\n",                                                              'Z'},
    {".qmail",           "a@b\n",				       0602, "",  "",    "",
     "Uh-oh: .qmail file is writable. (#4.7.0)\n",										 'Z'},
    {".qmail",           "\na@b\n",				     0600, "",  "",    "",
     "Uh-oh: first line of .qmail file is blank. (#4.2.1)\n",								      'Z'},
};

static void
prints_what_would_be_done(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char dash[8], ext[8], none[] = "", otherwise[] = "./Maildir/";
		char *arguments[] = {
		    none, folder, none, dash, ext, none, none, otherwise};
		struct report r;
		char *text = NULL, path[128];
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		bool ok;

		assert_non_null(out);
		(void)snprintf(dash, sizeof(dash), "%s", rows[i].dash);
		(void)snprintf(ext, sizeof(ext), "%s", rows[i].ext);
		if (rows[i].file != NULL)
			write_file(rows[i].file, rows[i].text, rows[i].mode);
		ok = show_run(arguments, out, &r);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(text, rows[i].want);
		assert_int_equal(ok, rows[i].says == NULL);
		if (!ok) {
			assert_string_equal(r.text, rows[i].says);
			assert_int_equal(r.letter, rows[i].letter);
		}
		free(text);
		if (rows[i].file != NULL) {
			(void)snprintf(
			    path, sizeof(path), "%s/%s", folder, rows[i].file);
			assert_int_equal(unlink(path), 0);
		}
	}
}

static void
homes_that_are_not_used(void **state)
{
	char none[] = "", relative[] = "home", otherwise[] = "./Maildir/";
	char *arguments[] = {
	    none, relative, none, none, none, none, none, otherwise};
	struct report r;

	(void)state;
	assert_false(show_run(arguments, stdout, &r));
	assert_non_null(strstr(r.text, "home directory is not absolute"));
	arguments[1] = folder;
	assert_int_equal(chmod(folder, 0702), 0);
	assert_false(show_run(arguments, stdout, &r));
	assert_string_equal(
	    r.text, "Uh-oh: home directory is writable. (#4.7.0)\n");
	assert_int_equal(chmod(folder, 0700), 0);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prints_what_would_be_done),
	    cmocka_unit_test(homes_that_are_not_used),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
