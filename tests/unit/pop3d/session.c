/* session: what a client may say, and what it is answered. */
#include "pop3d/session.h"

#include "pop3d/command.h"
#include "tests/unit/pop3d/box.h"
#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A client that has said all at once, in pieces of step bytes, and then leaves
 * or is silent. */
struct client {
	const char *says;
	size_t len, at, step;
	bool silent;
	char heard[16384];
	size_t heard_len, writes;
};

static ssize_t
client_read(struct channel *c, void *data, size_t size)
{
	struct client *who = c->context;
	size_t n = who->len - who->at;

	if (n == 0 && who->silent) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (n > size)
		n = size;
	if (n > who->step)
		n = who->step;
	memcpy(data, who->says + who->at, n);
	who->at += n;
	return (ssize_t)n;
}

static ssize_t
client_write(struct channel *c, const void *data, size_t size)
{
	struct client *who = c->context;

	assert_true(who->heard_len + size < sizeof(who->heard));
	memcpy(who->heard + who->heard_len, data, size);
	who->heard_len += size;
	who->heard[who->heard_len] = '\0';
	who->writes++;
	return (ssize_t)size;
}

static enum session_end
talk(struct client *who, const struct box *b, struct tally *t)
{
	static char storage[COMMAND_STORAGE], out_storage[4096];
	struct channel c = {
	    .read = client_read, .write = client_write, .context = who};
	struct reader in;
	struct writer out;
	struct maildrop m;
	enum session_end end;

	*t = (struct tally){0};
	reader_open(&in, &c, storage, sizeof(storage));
	writer_open(&out, &c, out_storage, sizeof(out_storage));
	assert_true(maildrop_open(&m, b->fd));
	end = session_run(&m, &in, &out, t);
	maildrop_close(&m);
	return end;
}

static void
says(struct client *who, const char *text)
{
	*who = (struct client){
	    .says = text, .len = strlen(text), .step = SIZE_MAX};
}

static void
fill(const struct box *b)
{
	box_put(b, "new/1.a,S=11,W=16", "h: v\n\n.b\n\n\n");
	box_put(b, "cur/2.b:2,S", "no end");
	box_put(b, "new/3.c", "h: 3\n");
}

static const char capabilities[] =
    "+OK capabilities follow\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
    "RESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\n"
    "IMPLEMENTATION culver\r\n.\r\n";

static const char *const answers[][2] = {
    {"STAT",		      "+OK 3 30\r\n"				     },
    {"stat",		      "+OK 3 30\r\n"				     },
    {"STAT ",		     "+OK 3 30\r\n"				     },
    {"LANG",		      "+OK languages follow\r\nen English\r\ni-default English\r\n"
	     ".\r\n"						     },
    {"lang EN",		   "+OK en English it is\r\n"                         },
    {"LANG i-default",            "+OK i-default English it is\r\n"                  },
    {"LANG *",		    "+OK en English it is\r\n"                         },
    {"LANG fr",		   "-ERR no such language\r\n"                        },
    {"LANG en de",                "-ERR no such language\r\n"                        },
    {"UTF8",		      "-ERR no such command\r\n"                         },
    {"STAT 1",		    "-ERR wrong number of arguments\r\n"               },
    {"LIST",		      "+OK\r\n1 16\r\n2 8\r\n3 6\r\n.\r\n"               },
    {"LIST 2",		    "+OK 2 8\r\n"				      },
    {"LIST 4",		    "-ERR no such message\r\n"                         },
    {"LIST 99999999999",          "-ERR no such message\r\n"                         },
    {"LIST 99999999999999999999", "-ERR not a number\r\n"                            },
    {"UIDL",		      "+OK\r\n1 1.a,S=11,W=16\r\n2 2.b\r\n3 3.c\r\n.\r\n"},
    {"UIDL 3",		    "+OK 3 3.c\r\n"				    },
    {"RETR 1",		    "+OK\r\nh: v\r\n\r\n..b\r\n\r\n\r\n.\r\n"          },
    {"RETR 2",		    "+OK\r\nno end\r\n.\r\n"                           },
    {"RETR 01",		   "+OK\r\nh: v\r\n\r\n..b\r\n\r\n\r\n.\r\n"          },
    {"RETR",		      "-ERR wrong number of arguments\r\n"               },
    {"RETR ",		     "-ERR wrong number of arguments\r\n"               },
    {"RETR 0",		    "-ERR no such message\r\n"                         },
    {"RETR -1",		   "-ERR not a number\r\n"                            },
    {"RETR +1",		   "-ERR not a number\r\n"                            },
    {"RETR  1",		   "-ERR not a number\r\n"                            },
    {"RETR 1 1",		  "-ERR wrong number of arguments\r\n"               },
    {"RETR 1 1 1",                "-ERR not a number\r\n"                            },
    {"RETR 0x1",		  "-ERR not a number\r\n"                            },
    {"RETR 4294967297",           "-ERR no such message\r\n"                         },
    {"RETR 18446744073709551617", "-ERR not a number\r\n"                            },
    {"RETR\t1",		   "-ERR no such command\r\n"                         },
    {"TOP 1 0",		   "+OK\r\nh: v\r\n\r\n.\r\n"                         },
    {"TOP 1 1",		   "+OK\r\nh: v\r\n\r\n..b\r\n.\r\n"                  },
    {"TOP 1 4294967296",          "+OK\r\nh: v\r\n\r\n..b\r\n\r\n\r\n.\r\n"          },
    {"TOP 1",		     "-ERR wrong number of arguments\r\n"               },
    {"TOP 1 -1",		  "-ERR not a number\r\n"                            },
    {"TOP 4 1",		   "-ERR no such message\r\n"                         },
    {"DELE 0",		    "-ERR no such message\r\n"                         },
    {"NOOP",		      "+OK\r\n"					  },
    {"RSET",		      "+OK\r\n"					  },
    {"",			  "-ERR no such command\r\n"                         },
    {" ",			 "-ERR no such command\r\n"                         },
    {"USER a",		    "-ERR no such command\r\n"                         },
    {"LISTX",		     "-ERR no such command\r\n"                         },
    {"CAPA",		      capabilities				       },
};

static void
commands_and_answers(void **state)
{
	struct box *b = *state;

	fill(b);
	for (size_t i = 0; i < COUNT(answers); i++) {
		char line[80];
		struct client who;
		struct tally t;

		(void)snprintf(line, sizeof(line), "%s\r\n", answers[i][0]);
		says(&who, line);
		assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
		assert_string_equal(who.heard, answers[i][1]);
	}
}

static void
marks_hide_a_message_until_reset(void **state)
{
	static const char text[] = "DELE 2\r\nDELE 2\r\nSTAT\r\nLIST\r\n"
				   "RETR 2\r\nTOP 2 0\r\nUIDL 2\r\nUIDL\r\n"
				   "RSET\r\nSTAT\r\n";
	struct box *b = *state;
	struct client who;
	struct tally t;

	fill(b);
	says(&who, text);
	assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
	assert_string_equal(who.heard,
	    "+OK\r\n-ERR message is deleted\r\n+OK 2 22\r\n"
	    "+OK\r\n1 16\r\n3 6\r\n.\r\n-ERR message is deleted\r\n"
	    "-ERR message is deleted\r\n-ERR message is deleted\r\n"
	    "+OK\r\n1 1.a,S=11,W=16\r\n3 3.c\r\n.\r\n+OK\r\n+OK 3 30\r\n");
}

static void
only_quit_changes_the_maildir(void **state)
{
	struct box *b = *state;
	struct client who;
	struct tally t;

	fill(b);
	says(&who, "RETR 1\r\nDELE 2\r\n");
	assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
	who.at = 0;
	who.heard_len = 0;
	who.silent = true;
	assert_int_equal(talk(&who, b, &t), SESSION_TIMEOUT);
	assert_true(box_has(b, "new/1.a,S=11,W=16"));
	assert_true(box_has(b, "cur/2.b:2,S"));
	assert_true(box_has(b, "new/3.c"));

	says(&who, "RETR 1\r\nDELE 2\r\nQUIT\r\nDELE 3\r\n");
	assert_int_equal(talk(&who, b, &t), SESSION_QUIT);
	assert_int_equal(t.retrieved, 1);
	assert_int_equal(t.deleted, 1);
	assert_int_equal(t.octets, 16);
	assert_true(box_has(b, "cur/1.a,S=11,W=16:2,S"));
	assert_false(box_has(b, "cur/2.b:2,S"));
	assert_true(box_has(b, "cur/3.c:2,"));
}

static void
pipelined_commands_are_answered_in_one_write(void **state)
{
	static const char text[] = "NOOP\r\nSTAT\r\nUIDL 2\r\nRETR 2\r\nQUI";
	struct box *b = *state;
	struct client who;
	struct tally t;

	fill(b);
	says(&who, text);
	assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
	assert_int_equal(who.writes, 1);
	assert_string_equal(who.heard,
	    "+OK\r\n+OK 3 30\r\n+OK 2 2.b\r\n+OK\r\nno end\r\n.\r\n");
	/* One at a time, each is answered before the next is waited for. */
	says(&who, text);
	who.step = 1;
	assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
	assert_int_equal(who.writes, 4);
}

static void
long_commands_are_refused_and_no_more(void **state)
{
	static const size_t rows[] = {254, 255, 256, 1024, 4096, 70000};
	static char text[80000];
	struct box *b = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct client who;
		struct tally t;

		/* As many octets with their CRLF; what follows is in step. */
		memset(text, 'N', rows[i]);
		memset(text + 1, 'O', 2);
		text[3] = 'P';
		memset(text + 4, ' ', 60);
		memcpy(text + rows[i] - 2, "\r\nSTAT\r\n", 9);
		says(&who, text);
		assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
		assert_string_equal(
		    who.heard, rows[i] > COMMAND_MAX
				   ? "-ERR command too long\r\n+OK 0 0\r\n"
				   : "-ERR not a number\r\n+OK 0 0\r\n");
	}
}

static void
vanished_message_is_refused_and_still_counted(void **state)
{
	struct box *b = *state;
	struct maildrop m;
	char storage[COMMAND_STORAGE], out_storage[256];
	struct client who;
	struct channel c = {
	    .read = client_read, .write = client_write, .context = &who};
	struct reader in;
	struct writer out;
	struct tally t = {0};

	fill(b);
	says(&who, "STAT\r\nRETR 1\r\nLIST 1\r\nSTAT\r\nDELE 1\r\nQUIT\r\n");
	reader_open(&in, &c, storage, sizeof(storage));
	writer_open(&out, &c, out_storage, sizeof(out_storage));
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(unlinkat(b->fd, "new/1.a,S=11,W=16", 0), 0);
	assert_int_equal(session_run(&m, &in, &out, &t), SESSION_QUIT);
	maildrop_close(&m);
	assert_string_equal(who.heard,
	    "+OK 3 30\r\n-ERR message is gone\r\n+OK 1 16\r\n+OK 3 30\r\n"
	    "+OK\r\n+OK\r\n");
}

/* Sentences of the client's words in any order: nothing but QUIT, which is not
 * among them, may change the Maildir. */
static void
words_in_any_order_do_no_harm(void **state)
{
	static const char *const words[] = {"STAT", "LIST", "RETR", "DELE",
	    "TOP", "UIDL", "RSET", "CAPA", "NOOP", " ", " ", " ", "1", "2", "3",
	    "0", "-", "99999999999999999999", "\r\n", "\r\n", "\r\n", "\n",
	    "\r", "\x80"};
	struct box *b = *state;
	unsigned seed = 7;

	fill(b);
	for (int round = 0; round < 300; round++) {
		struct client who;
		struct tally t;
		char text[600];

		for (size_t at = 0; at + 24 < sizeof(text);) {
			seed = seed * 1103515245 + 12345;
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%s", words[(seed >> 16) % COUNT(words)]);
		}
		says(&who, text);
		who.step = 1 + seed % 99;
		assert_int_equal(talk(&who, b, &t), SESSION_LEFT);
		assert_int_equal(t.deleted, 0);
	}
	assert_true(box_has(b, "new/1.a,S=11,W=16"));
	assert_true(box_has(b, "cur/2.b:2,S"));
	assert_true(box_has(b, "new/3.c"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		commands_and_answers, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		marks_hide_a_message_until_reset, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		only_quit_changes_the_maildir, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		pipelined_commands_are_answered_in_one_write, box_setup,
		box_teardown),
	    cmocka_unit_test_setup_teardown(
		long_commands_are_refused_and_no_more, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		vanished_message_is_refused_and_still_counted, box_setup,
		box_teardown),
	    cmocka_unit_test_setup_teardown(
		words_in_any_order_do_no_harm, box_setup, box_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
