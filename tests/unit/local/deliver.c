/* deliver: what becomes of a message in a home, from .qmail files to words. */
#include "local/deliver.h"

#include "lib/buf.h"
#include "lib/fd.h"
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
#include <errno.h>
#include <fcntl.h>
#include <zlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT     "From: x\nDelivered-To: other@example.org\n\nhi\n"

static char folder[] = "/var/tmp/deliverXXXXXX";
static char home[64];
static int control_fd = -1;
static struct deliverer l;
static struct report report;
static FILE *message;

/* A shell is short and this is a test. */
static void
run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (chdir(folder) == 0)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static struct delivery
start(const char *text)
{
	struct delivery d = {
	    .job.count = 1,
	    .job.numbers = {"\0\0\0\1", 4},
	    .job.sender = str_of("se nder@example.net"),
	    .body_len = strlen(text),
	    .home = str_of(home),
	    .user = str_of("anna"),
	    .local = str_of("anna"),
	    .domain = str_of("example.org")
        };

	if (message != NULL)
		assert_int_equal(fclose(message), 0);
	message = tmpfile();
	assert_non_null(message);
	assert_true(fd_write_all(fileno(message), text, strlen(text)));
	for (const char *c = text; *c != '\0'; c++)
		d.lines += *c == '\n';
	d.body_crc =
	    (uint32_t)crc32_z(0, (const unsigned char *)text, strlen(text));
	return d;
}

static void
deliver_it(const struct delivery *d)
{
	deliver(&l, d, fileno(message), &report);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(home, sizeof(home), "%s/home", folder);
	run("mkdir control && echo mail.example >control/me");
	/* A submission finds no queue here. */
	if (chdir(folder) != 0)
		return -1;
	control_fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l.controls = control_new(control_fd, CONTROL_LOCAL);
	submit_init(&l.submit);
	return l.controls == NULL ? -1 : 0;
}

static int
make_home(void **state)
{
	(void)state;
	run("umask 077; mkdir -p home/Maildir/tmp home/Maildir/new "
	    "home/Maildir/cur");
	return 0;
}

static int
remove_home(void **state)
{
	(void)state;
	run("rm -rf home");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	control_free(l.controls);
	submit_close(&l.submit);
	folders_close(&l.homes);
	folders_close(&l.boxes);
	(void)close(control_fd);
	if (message != NULL)
		(void)fclose(message);
	run("rm -rf control");
	return rmdir(folder);
}

static void
without_a_file_the_default(void **state)
{
	struct delivery d = start(TEXT);
	char via[128];

	(void)state;
	deliver_it(&d);
	assert_string_equal(report.text, "did 1+0+0\n");
	assert_int_equal(report.letter, 'K');
	(void)snprintf(via, sizeof(via), "maildir %s/Maildir", home);
	assert_string_equal(report.via, via);
	run("cat home/Maildir/new/* >got; printf 'Return-Path: "
	    "<\"se nder\"@example.net>\\n"
	    "Delivered-To: anna@example.org\\n" TEXT "' | cmp - got; "
	    "r=$?; rm got; exit $r");
}

static void
controls_rule_the_default(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	run("echo ./Box/ >control/defaultdelivery; "
	    "mkdir -p home/Box/tmp home/Box/new home/Box/cur");
	assert_true(control_refresh(l.controls));
	deliver_it(&d);
	run("test $(ls home/Box/new | wc -l) = 1");
	run("rm control/defaultdelivery; mkdir control/defaultdelivery");
	assert_false(control_refresh(l.controls));
	deliver_it(&d);
	assert_int_equal(report.letter, 'Z');
	assert_non_null(strstr(report.text, "control/defaultdelivery"));
	run("rmdir control/defaultdelivery");
}

struct row {
	const char *prepare; /* in folder */
	const char *dash, *ext;
	char letter;
	const char *text; /* a part of the report's */
};

static const struct row rows[] = {
    {"chmod o+w home",							     "",  "",     'Z', "Uh-oh: home directory is writable. (#4.7"     },
    {"chmod +t home",							      "",  "",     'Z', "Home directory is sticky: user is editing"    },
    {"rm -r home",								 "",  "",     'Z', "Unable to switch to /var/tmp/"                },
    {"rm -r home/Maildir",							 "",  "",     'Z', "Unable to chdir to maildir. (#4.2.1)"         },
    {"true",								       "-", "list", 'D', "Sorry, no mailbox here by that name. (#5.1.1)"},
    {"echo ./Maildir/ >home/.qmail-list",					  "-", "list", 'K', "did 1+0+0\n"                                  },
    {"touch home/.qmail-list",						     "-", "list", 'K', "did 1+0+0\n"                                  },
    {"echo '#' >home/.qmail",						      "",  "",     'K', "did 0+0+0\n"                                  },
    {"echo >home/.qmail",							  "",  "",     'Z', "first line of .qmail file is blank"           },
    {"printf './Maildir/\\n|true\\n' >home/.qmail",                                "",  "",     'K', "did 1+0+1\n"                                  },
    {"printf '|echo hi\\n./mbox\\n' >home/.qmail",                                 "",  "",     'K',
     "hi\ndid 1+0+1\n"															      },
    {"printf './Maildir/\\n+list\\n' >home/.qmail",                                "",  "",     'K', "did 1+0+0\n"                                  },
    {"printf './Maildir/\\n+list\\n./mbox\\n' >home/.qmail",                       "",  "",     'Z',
     "has file delivery but has x bit"													      },
    {"printf '|exit 99\\n./none/\\n&\\n' >home/.qmail",                            "",  "",     'K',
     "did 0+0+1\n"																  },
    {"printf '|exit 0\\n&\\n' >home/.qmail",                                       "",  "",     'Z',
     "a line that is no instruction"														},
    {"printf '|echo not here; exit 100\\n' >home/.qmail",                          "",  "",     'D',
     "not here\n"																   },
    {"printf '|test \"$DEFAULT\" = B-c\\n' >home/.qmail-a-default",                "-",
     "a-B-c",										   'K', "did 0+0+1\n"                                  },
    {"printf '|test \"$NEWSENDER\" = anna-owner@example.org\\n' "
     ">home/.qmail-l; touch home/.qmail-l-owner",			     "-", "l",    'K', "did 0+0+1\n"                                  },
    {"printf '|test \"$NEWSENDER\" = anna-owner-@example.org-@[]\\n' "
     ">home/.qmail-l; touch home/.qmail-l-owner home/.qmail-l-owner-default", "-", "l",    'K', "did 0+0+1\n"                                  },
    {"printf '|test \"$NEWSENDER\" = \"$SENDER\"\\n' >home/.qmail-l; touch "
     "home/.qmail-l-owner-default",					   "-", "l",    'K', "did 0+0+1\n"                                  },
    {"printf '|test \"$DEFAULT\" = Default\\n' >home/.qmail-a-default",            "-",
     "a-Default",									       'K', "did 0+0+1\n"                                  },
    {"printf '|test \"${DEFAULT-none}\" = none\\n' >home/.qmail-a",                "-", "a",
     'K',											    "did 0+0+1\n"				  },
    {"chmod g+w home; echo ./Maildir/ >home/.qmail; chmod g+w home/.qmail",        "",
     "",											'K', "did 1+0+0\n"				  },
    {"echo '|true' >home/.qmail; chmod u+x home/.qmail",                           "",  "",     'Z',
     "has prog delivery but has x bit set. (#4.7.0)"												},
    {"touch home/.qmail; chmod u+x home/.qmail",                                   "",  "",     'K', "did 1+0+0\n"                                  },
    {"echo ./Maildir/ >home/.qmail; chmod g+x home/.qmail",                        "",  "",     'K',
     "did 1+0+0\n"																  },
    {"mkdir home/.qmail-d; echo ./Maildir/ >home/.qmail-d/e",                      "-", "D/E",  'K',
     "did 1+0+0\n"																  },
    {"printf './Maildir/\\n&x@y\\n' >home/.qmail",                                 "",  "",     'Z',
     "Unable to forward message: qq trouble making network connection "
	"(#4.3.0).\n"															       },
};

static void
homes_and_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct delivery d = start(TEXT);

		(void)remove_home(NULL);
		(void)make_home(NULL);
		run(rows[i].prepare);
		d.dash = str_of(rows[i].dash);
		d.ext = str_of(rows[i].ext);
		deliver_it(&d);
		assert_int_equal(report.letter, rows[i].letter);
		assert_non_null(strstr(report.text, rows[i].text));
	}
}

/* Nobody is to be told of a bounce that bounces by another bounce. */
static void
bounces_keep_their_sender(void **state)
{
	static const char *const senders[] = {"", "#@[]"};

	(void)state;
	run("printf '|test \"$NEWSENDER\" = \"$SENDER\" && echo "
	    "\"<$SENDER>\"\\n' "
	    ">home/.qmail-l; touch home/.qmail-l-owner "
	    "home/.qmail-l-owner-default");
	for (size_t i = 0; i < COUNT(senders); i++) {
		struct delivery d = start(TEXT);
		char want[64];

		d.job.sender = str_of(senders[i]);
		d.dash = str_of("-");
		d.ext = str_of("l");
		deliver_it(&d);
		(void)snprintf(
		    want, sizeof(want), "<%s>\ndid 0+0+1\n", senders[i]);
		assert_string_equal(report.text, want);
	}
}

/* culverv could not see whose it is. */
static void
a_home_that_nobody_has_looked_at_is_its_users_own(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	d.home = str_of("/proc/1");
	if (geteuid() == 0)
		skip();
	deliver_it(&d);
	assert_null(strstr(report.text, "somebody else"));
	d.job.flags = JOB_OWN_HOME;
	deliver_it(&d);
	assert_string_equal(report.text,
	    "Uh-oh: home directory is somebody else's. (#4.7.0)\n");
}

/* A home stays open, and is looked at for each message all the same. */
static void
homes_change_between_deliveries(void **state)
{
	static const struct {
		const char *prepare;
		char letter;
		const char *after; /* holds then */
	} changes[] = {
	    {"true",			  'K', "test $(ls home/Maildir/new | wc -l) = 1"},
	    {"chmod +t home",                 'Z', "chmod -t home"                          },
	    {"chmod o+w home",                'Z', "chmod o-w home"                         },
	    {"printf '#' >home/.qmail",       'K',
             "test $(ls home/Maildir/new | wc -l) = 1"                                      },
	    {"mv home old; mkdir -p home/Maildir/tmp home/Maildir/new "
	     "home/Maildir/cur", 'K', "test $(ls home/Maildir/new | wc -l) = 1"},
	    {"mv home/Maildir home/away",     'Z',
             "test $(ls home/away/new | wc -l) = 1"                                         },
	    {"ln -s away home/Maildir",       'K',
             "test $(ls home/away/new | wc -l) = 2"                                         },
	    {"rm -r home; mv old home",       'K',
             "test $(ls home/Maildir/new | wc -l) = 1"                                      },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct delivery d = start(TEXT);

		d.job.token[0] = (unsigned char)i;
		run(changes[i].prepare);
		deliver_it(&d);
		assert_int_equal(report.letter, changes[i].letter);
		run(changes[i].after);
	}
}

/* Nothing is written before it is known that everything can be, up to the first
 * program. */
static void
what_must_wait_writes_nothing(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	run("printf './Maildir/\\n&\\n|true\\n' >home/.qmail");
	deliver_it(&d);
	assert_int_equal(report.letter, 'Z');
	run("test -z \"$(ls home/Maildir/new)\"");
}

/* As qmail-local's: From_ line, both header lines, an empty line behind it. */
static void
mbox_is_appended_to(void **state)
{
	struct delivery d = start(TEXT "From here\n");

	(void)state;
	run("printf ./mbox >home/.qmail");
	deliver_it(&d);
	deliver_it(&d);
	assert_string_equal(report.text, "did 1+0+0\n");
	run("test $(grep -c '^From se-nder@example.net ... ... .. ..:..:.. "
	    "20..$' home/mbox) = 2");
	run("test $(grep -c '^>From here' home/mbox) = 2");
	run("test \"$(sed -n '2p;3p;4p' home/mbox)\" = \"$(printf "
	    "'Return-Path: <\"se nder\"@example.net>\\nDelivered-To: "
	    "anna@example.org\\nFrom: x')\"");
}

/* What the program would be told is code to some shells. */
static void
a_senders_code_reaches_no_program(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	d.job.sender = str_of("() { :;}; touch pwn@x");
	run("printf './Maildir/\\n|touch ran\\n' >home/.qmail");
	deliver_it(&d);
	assert_int_equal(report.letter, 'D');
	assert_string_equal(report.text,
	    "Sorry, this address cannot be given to a program. (#5.1.3)\n");
	run("test ! -e home/ran && test ! -e home/pwn@x");
}

/* All that a program may do to what it has got, and the next is as new. */
static void
programs_do_not_meet_in_descriptors(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	run("printf '|cat >one; exec 0<&- 1>&- 2>&-\\n|exec 1</dev/null; cat "
	    ">two\\n./Maildir/\\n|cat >three\\n' >home/.qmail");
	deliver_it(&d);
	assert_string_equal(report.text, "did 1+0+3\n");
	run("printf '" TEXT "' | cmp - home/one && cmp home/one home/two && "
	    "cmp home/one home/three");
}

static void
own_delivered_to_is_a_loop(void **state)
{
	struct delivery d =
	    start("X: y\nDelivered-To: ANNA@example.org\n\nhi\n");

	(void)state;
	deliver_it(&d);
	assert_int_equal(report.letter, 'D');
	assert_string_equal(report.text,
	    "This message is looping: it already has my Delivered-To line. "
	    "(#5.4.6)\n");
}

static void
damaged_when_tried_again_is_held(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	d.job.flags = JOB_REPEAT;
	deliver_it(&d);
	assert_int_equal(report.letter, 'K');
	d.body_crc++;
	deliver_it(&d);
	assert_int_equal(report.letter, 'H');
	run("test $(ls home/Maildir/new | wc -l) = 1");
}

static void
no_envelope_makes_a_header_line(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	d.job.sender = str_of("a>b c@d\\e");
	d.local = str_of("an\x7fna");
	deliver_it(&d);
	assert_int_equal(report.letter, 'K');
	run("test \"$(sed -n 1p home/Maildir/new/*)\" = "
	    "'Return-Path: <a_b_c@d_e>'");
	run("test \"$(sed -n 2p home/Maildir/new/*)\" = "
	    "'Delivered-To: an_na@example.org'");
}

/* What is in the Maildir of a system user, and what is said of a message. */
static void
quotas_of_a_system_user(void **state)
{
	static const struct {
		const char *prepare, *said, *maildirsize;
	} cases[] = {
	    {"true",							   "did 1",						     ""               },
	    {"printf '400S\\n0 0\\n' >home/Maildir/maildirsize",               "did 1",
             "400S;0 0;112 1;"															       },
	    {"printf '100S\\n0 0\\n' >home/Maildir/maildirsize",
             "no room for the message. (#4.2.2)",											   "100S;0 0;"      },
	    {"printf '100S\\n0 0\\n' >home/Maildir/maildirsize; "
	     "echo refuse >control/quotapolicy",		  "Sorry, this mailbox has no room for the message. (#5.2.2)",
             "100S;0 0;"																     },
	    {"echo 400 >control/quotadefault; touch -d yesterday "
	     "home/Maildir/new home/Maildir/cur",		 "did 1",						     "400S;0 0;112 1;"},
	    {"echo 100 >control/quotadefault; printf '400S\\n0 0\\n' "
	     ">home/Maildir/maildirsize",			 "did 1",						     "400S;0 0;112 1;"},
 /* The folder's quota is that of its Maildir. */
	    {"mkdir home/Maildir/.X; cd home/Maildir/.X; mkdir tmp new cur; "
	     "touch maildirfolder; echo ./Maildir/.X/ >../../.qmail; "
	     "printf '400S\\n0 0\\n' >../maildirsize",            "did 1",						     "400S;0 0;112 1;"},
	    {"mkdir home/Maildir/.X; cd home/Maildir/.X; mkdir tmp new cur; "
	     "touch maildirfolder; echo ./Maildir/.X/ >../../.qmail; "
	     "printf '100S\\n0 0\\n' >../maildirsize",            "no room for the message. (#4.2.2)",                         "100S;0 0;"      },
 /* One that only begins with a dot is no folder. */
	    {"mkdir home/.M; cd home/.M; mkdir tmp new cur; "
	     "echo ./.M/ >../.qmail; printf '100S\\n0 0\\n' >maildirsize; "
	     "printf '400S\\n0 0\\n' >../maildirsize",            "no room for the message. (#4.2.2)",                         ""               },
	    {"mkdir home/Maildir/maildirsize; echo 400 >control/quotadefault",
             "Unable to use ./Maildir/maildirsize: Is a directory. (#4.3.0)",							       ""               },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct delivery d = start(TEXT);
		char command[256];

		print_message("row %zu\n", i);
		run("rm -rf home; umask 077; mkdir -p home/Maildir/tmp "
		    "home/Maildir/new home/Maildir/cur");
		run(cases[i].prepare);
		assert_true(control_refresh(l.controls));
		deliver_it(&d);
		if (strstr(report.text, cases[i].said) == NULL)
			fail_msg("%s", report.text);
		(void)snprintf(command, sizeof(command),
		    "test \"$(cat home/Maildir/maildirsize 2>/dev/null | "
		    "tr '\\n' ';')\" = '%s'",
		    cases[i].maildirsize);
		run(command);
		run("rm -f control/quota*");
	}
	assert_true(control_refresh(l.controls));
}

/* It goes once, is counted, and needs no room. */
static void
a_warning_goes_once(void **state)
{
	struct delivery d = start(TEXT);

	(void)state;
	run("echo 50 >control/quotawarn; printf 'Subject: full\\nX-Mine: y"
	    "\\n\\nTidy up.\\n' >control/quotawarnmsg; "
	    "printf '200S\\n0 0\\n' >home/Maildir/maildirsize");
	assert_true(control_refresh(l.controls));
	deliver_it(&d);
	assert_int_equal(report.letter, 'K');
	assert_string_equal(report.text, "did 1+0+0\n");
	run("test $(ls home/Maildir/new | wc -l) = 2; "
	    "grep -l 'Tidy up.' home/Maildir/new/* >file; "
	    "test $(wc -l <file) = 1; f=$(cat file); "
	    "grep -q '^To: anna@example.org$' $f && "
	    "grep -q '^Return-Path: <>$' $f && grep -q '^X-Mine: y$' $f && "
	    "grep -q '^From: postmaster@mail.example$' $f && "
	    "test $(grep -c '^$' $f) = 1 && rm $f file");
	run("awk 'NR > 1 {n += $2} END {exit n != 2}' "
	    "home/Maildir/maildirsize");
	d = start(TEXT);
	d.job.token[0] = 1;
	deliver_it(&d);
	assert_int_equal(report.letter, 'Z');
	run("! grep -l 'Tidy up.' home/Maildir/new/*");
	/* The last was long ago, or is said to be to come. */
	run("printf '%020d\\n' 5 >home/Maildir/culver-quotawarn");
	deliver_it(&d);
	run("grep -q 'Tidy up.' home/Maildir/new/* && rm home/Maildir/new/*");
	run("printf '%020d\\n' 99999999999 >home/Maildir/culver-quotawarn");
	deliver_it(&d);
	run("grep -q 'Tidy up.' home/Maildir/new/* && rm home/Maildir/new/*");
	run("rm control/quotawarn*");
	assert_true(control_refresh(l.controls));
}

int
main(void)
{
#define HOME_TEST(f) cmocka_unit_test_setup_teardown(f, make_home, remove_home)
	const struct CMUnitTest tests[] = {
	    HOME_TEST(without_a_file_the_default),
	    HOME_TEST(controls_rule_the_default),
	    HOME_TEST(homes_and_files),
	    HOME_TEST(bounces_keep_their_sender),
	    HOME_TEST(a_home_that_nobody_has_looked_at_is_its_users_own),
	    HOME_TEST(homes_change_between_deliveries),
	    HOME_TEST(what_must_wait_writes_nothing),
	    HOME_TEST(mbox_is_appended_to),
	    HOME_TEST(a_senders_code_reaches_no_program),
	    HOME_TEST(programs_do_not_meet_in_descriptors),
	    HOME_TEST(own_delivered_to_is_a_loop),
	    HOME_TEST(damaged_when_tried_again_is_held),
	    HOME_TEST(no_envelope_makes_a_header_line),
	    HOME_TEST(quotas_of_a_system_user),
	    HOME_TEST(a_warning_goes_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
