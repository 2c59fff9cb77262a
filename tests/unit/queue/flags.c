/* flags: a row for every flag that programs pass to sendmail, and what it is
 * taken for. */
#include "queue/flags.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WORDS = 12 };

/* argv; "mode header sender name body ret notify envid: operands", a '-' for
 * what was not given; and whether a warning is printed. */
static const struct {
	const char *argv[WORDS];
	const char *means;
	bool warns;
} rows[] = {
  /* what programs pass */
    {{"sendmail", "-t", "-i"},					 "mail t - - - - - -:",            false},
    {{"sendmail", "-t", "-i", "-fa@b"},                                "mail t a@b - - - - -:",          false},
    {{"sendmail", "-t", "-i", "-fa@b", "-f", "c@d"},
     "mail t c@d - - - - -:",									    false},
    {{"sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"},
     "mail - - CronDaemon 8BITMIME - - -: root",							 false},
    {{"sendmail", "-oem", "-oi", "-f", "a@b", "-N", "failure,delay", "-R",
	 "hdrs", "--", "c@d"},
     "mail - a@b - - HDRS FAILURE,DELAY -: c@d",							 false},
    {{"sendmail", "-i", "-r", "a@b", "--", "c@d", "e@f"},
     "mail - a@b - - - - -: c@d e@f",								    false},
    {{"sendmail", "-i", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-it"},					      "mail t - - - - - -:",            false},
    {{"sendmail", "-ti", "-fa@b"},				     "mail t a@b - - - - -:",          false},
    {{"sendmail", "-G", "-i", "-f", "a@b", "--", "c@d"},
     "mail - a@b - - - - -: c@d",									false},
    {{"/usr/lib/sendmail", "-om", "-oi", "c@d"},                       "mail - - - - - - -: c@d",
     false												    },
    {{"sendmail", "-odi", "-oi", "c@d"},                               "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-odb", "-oeq", "c@d"},                              "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-bm", "c@d"},				       "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-bs"},					      "smtp - - - - - - -:",            false},
    {{"sendmail", "-bp"},					      "list - - - - - - -:",            false},
    {{"sendmail", "-bi"},					      "aliases - - - - - - -:",         false},
    {{"sendmail", "-bv", "c@d"},				       "verify - - - - - - -: c@d",      false},
    {{"sendmail", "-bd"},					      "daemon - - - - - - -:",          false},
    {{"sendmail", "-bd", "-q30m"},				     "daemon - - - - - - -:",          false},
    {{"sendmail", "-q30m", "-bd"},				     "daemon - - - - - - -:",          false},
    {{"sendmail", "-bD"},					      "daemon - - - - - - -:",          false},
    {{"sendmail", "-bt"},					      "unknown - - - - - - -:",         false},
    {{"mailq"},							"list - - - - - - -:",            false},
    {{"/usr/bin/mailq", "-v"},					 "list - - - - - - -:",            false},
    {{"mailq", "-Ac"},						 "list - - - - - - -:",            false},
    {{"/usr/bin/newaliases"},					  "aliases - - - - - - -:",         false},
    {{"sendmail", "-I"},					       "aliases - - - - - - -:",         false},
    {{"sendmail", "-q"},					       "run - - - - - - -:",             false},
    {{"sendmail", "-q15m"},					    "run - - - - - - -:",             false},
    {{"sendmail", "-qIABC"},					   "run - - - - - - -:",             false},
    {{"sendmail", "-qRb.example"},				     "run - - - - - - -:",             false},
    {{"sendmail", "-qSa@b"},					   "run - - - - - - -:",             false},
    {{"sendmail", "-q", "-v"},					 "run - - - - - - -:",             false},
 /* mail with -q is still mail */
    {{"sendmail", "-q", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-q", "-t"},					 "mail t - - - - - -:",            false},
 /* each flag, its value in the word and behind it */
    {{"sendmail", "-Am", "c@d"},				       "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-A", "s", "c@d"},                                   "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-B7BIT", "c@d"},				    "mail - - - 7BIT - - -: c@d",     false},
    {{"sendmail", "-B", "8bitmime", "c@d"},                            "mail - - - 8BITMIME - - -: c@d",
     false												    },
    {{"sendmail", "-B", "EBCDIC", "c@d"},                              "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-C", "/etc/mail.cf", "c@d"},                        "mail - - - - - - -: c@d",
     false												    },
    {{"sendmail", "-C/etc/mail.cf", "c@d"},                            "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-D", "file", "c@d"},                                "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-d", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-d8.15", "c@d"},				    "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-em", "c@d"},				       "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-e", "p", "c@d"},                                   "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-E", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-Exyz", "c@d"},				     "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-F", "A B", "c@d"},                                 "mail - - A B - - - -: c@d",      false},
    {{"sendmail", "-f", "", "c@d"},				    "mail -  - - - - -: c@d",         false},
    {{"sendmail", "-f<>", "c@d"},				      "mail - <> - - - - -: c@d",       false},
    {{"sendmail", "-h", "10", "c@d"},                                  "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-h10", "c@d"},				      "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-J", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-L", "tag", "c@d"},                                 "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-Ltag", "c@d"},				     "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-M", "id", "c@d"},                                  "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-m", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-n", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-N", "never", "c@d"},                               "mail - - - - - NEVER -: c@d",    false},
    {{"sendmail", "-Nsuccess, failure", "c@d"},
     "mail - - - - - SUCCESS,FAILURE -: c@d",							    false},
    {{"sendmail", "-N", "", "c@d"},				    "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-N", "never,delay", "c@d"},                         "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-N", "delay,", "c@d"},                              "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-N", "yes", "c@d"},                                 "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-O", "Timeout=1m", "c@d"},                          "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-OTimeout=1m", "c@d"},                              "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-o", "i", "c@d"},                                   "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-o7", "c@d"},				       "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-p", "SMTP:host", "c@d"},                           "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-pUUCP", "c@d"},				    "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-Qreason", "c@d"},                                  "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-R", "FULL", "c@d"},                                "mail - - - - FULL - -: c@d",     false},
    {{"sendmail", "-Rhdrs", "c@d"},				    "mail - - - - HDRS - -: c@d",     false},
    {{"sendmail", "-R", "half", "c@d"},                                "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-ra@b", "c@d"},				     "mail - a@b - - - - -: c@d",      false},
    {{"sendmail", "-U", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-V", "QQ314", "c@d"},                               "mail - - - - - - QQ314: c@d",    false},
    {{"sendmail", "-V", "a\nb", "c@d"},                                "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-V", "", "c@d"},				    "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-v", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-X", "/tmp/log", "c@d"},                            "mail - - - - - - -: c@d",        false},
    {{"sendmail", "-x", "c@d"},					"mail - - - - - - -: c@d",        false},
    {{"sendmail", "-c", "c@d"},					"mail - - - - - - -: c@d",        false},
 /* the end of options */
    {{"sendmail", "--", "-t"},					 "mail - - - - - - -: -t",         false},
    {{"sendmail", "c@d", "-t"},					"mail - - - - - - -: c@d -t",     false},
    {{"sendmail", "-", "c@d"},					 "mail - - - - - - -: - c@d",      false},
    {{"sendmail"},						     "mail - - - - - - -:",            false},
 /* what nobody knows is skipped, the rest of its word with it */
    {{"sendmail", "-K", "c@d"},					"mail - - - - - - -: c@d",        true },
    {{"sendmail", "-Kfa@b", "c@d"},				    "mail - - - - - - -: c@d",        true },
    {{"sendmail", "-iKt", "c@d"},				      "mail - - - - - - -: c@d",        true },
    {{"sendmail", "--quiet", "-t"},				    "mail t - - - - - -:",            true },
 /* a value that is not there */
    {{"sendmail", "-t", "-o"},					 "mail t - - - - - -:",            true },
    {{"sendmail", "-t", "-X"},					 "mail t - - - - - -:",            true },
    {{"sendmail", "-t", "-f"},					 NULL,                             true },
    {{"sendmail", "-t", "-r"},					 NULL,                             true },
    {{"sendmail", "-t", "-F"},					 NULL,                             true },
    {{"sendmail", "-b"},					       NULL,                             true },
};

static const char *
shown(const char *s)
{
	return s == NULL ? "-" : s;
}

static void
describe(
    char *out, size_t size, const struct flags *f, int argc, char *const *argv)
{
	static const char *const modes[] = {"mail", "smtp", "list", "aliases",
	    "verify", "daemon", "run", "unknown"};
	size_t n;

	snprintf(out, size, "%s %s %s %s %s %s %s %s:", modes[f->mode],
	    f->header ? "t" : "-", shown(f->sender), shown(f->name),
	    shown(f->body), shown(f->ret), shown(f->notify), shown(f->envid));
	for (int i = f->operands; i < argc; i++) {
		n = strlen(out);
		snprintf(out + n, size - n, " %s", argv[i]);
	}
}

/* Read a row with what is printed in a file; the file's length. */
static bool
read_row(struct flags *f, int argc, char *const *argv, long *printed)
{
	FILE *said = tmpfile();
	int kept = dup(2);
	bool fine;

	assert_non_null(said);
	assert_true(kept >= 0 && dup2(fileno(said), 2) == 2);
	fine = flags_read(f, argc, argv);
	assert_true(dup2(kept, 2) == 2);
	assert_int_equal(close(kept), 0);
	*printed = (long)lseek(fileno(said), 0, SEEK_END);
	assert_int_equal(fclose(said), 0);
	return fine;
}

static void
rows_are_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *argv[WORDS + 1] = {NULL}, means[512] = "";
		struct flags f;
		long printed;
		bool fine;
		int argc = 0;

		for (; argc < WORDS && rows[i].argv[argc] != NULL; argc++)
			argv[argc] = strdup(rows[i].argv[argc]);
		fine = read_row(&f, argc, argv, &printed);
		if (fine)
			describe(means, sizeof(means), &f, argc, argv);
		if (fine != (rows[i].means != NULL) ||
		    (fine && strcmp(means, rows[i].means) != 0))
			fail_msg("row %zu: %s", i, means);
		if ((printed > 0) != rows[i].warns)
			fail_msg("row %zu: %ld bytes printed", i, printed);
		while (argc-- > 0)
			free(argv[argc]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
