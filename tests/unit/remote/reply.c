/* reply: what a host says, and how much of it is listened to. */
#include "remote/reply.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(text)                                                            \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

static struct stream stream;
static struct reply reply;
static char lines[4096];

static void
note(void *context, struct str line)
{
	size_t len = strlen(lines);

	(void)context;
	(void)snprintf(lines + len, sizeof(lines) - len, "%.*s|", (int)line.len,
	    line.data);
}

/* A host that says text count times and then closes. */
static enum reply_result
hear(struct str text, size_t count)
{
	enum reply_result r;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		while (count-- > 0 &&
		       send(ends[1], text.data, text.len, MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	(void)close(ends[1]);
	assert_true(fd_nonblock(ends[0]));
	stream_open(&stream, ends[0]);
	lines[0] = '\0';
	r = reply_read(&stream, clock_boot() + (int64_t)60 * CLOCK_SECOND,
	    &reply, note, NULL);
	stream_close(&stream, false);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return r;
}

static void
is_read(void **state)
{
	static const struct {
		const char *said;
		enum reply_result result;
		unsigned code;
		const char *status, *lines;
	} rows[] = {
	    {"250 ok\r\n",                         REPLY_OK,      250, "",        "ok|"        },
	    {"250\r\n",			    REPLY_OK,      250, "",        "|"          },
	    {"250 ok\n",			   REPLY_OK,      250, "",        "ok|"        },
	    {"250-a\r\n250-b c\r\n250 d\r\n",      REPLY_OK,      250, "",        "a|b c|d|"   },
	    {"250-a\n250\n",                       REPLY_OK,      250, "",        "a||"        },
	    {"550-5.1.1 no\r\n550 5.1.1 such\r\n", REPLY_OK,      550, "5.1.1",
             "5.1.1 no|5.1.1 such|"							    },
	    {"550 5.7.999\r\n",                    REPLY_OK,      550, "5.7.999", "5.7.999|"   },
	    {"450 4.7.1 x\r\n",                    REPLY_OK,      450, "4.7.1",   "4.7.1 x|"   },
	    {"450 5.7.1 x\r\n",                    REPLY_OK,      450, "",        "5.7.1 x|"   },
	    {"450 4.7.1234 x\r\n",                 REPLY_OK,      450, "",        "4.7.1234 x|"},
	    {"450 4.7 x\r\n",                      REPLY_OK,      450, "",        "4.7 x|"     },
	    {"450 4..7 x\r\n",                     REPLY_OK,      450, "",        "4..7 x|"    },
	    {"550 5.1.1x\r\n",                     REPLY_OK,      550, "",        "5.1.1x|"    },
 /* The last line rules. */
	    {"450-4.7.1 x\r\n550 y\r\n",           REPLY_OK,      550, "",        "4.7.1 x|y|" },
	    {"150 x\r\n",			  REPLY_GARBLED, 0,   "",        ""           },
	    {"600 x\r\n",			  REPLY_GARBLED, 0,   "",        ""           },
	    {"25 x\r\n",			   REPLY_GARBLED, 0,   "",        ""           },
	    {"250x\r\n",			   REPLY_GARBLED, 0,   "",        ""           },
	    {"\r\n",			       REPLY_GARBLED, 0,   "",        ""           },
	    {"hello\r\n",			  REPLY_GARBLED, 0,   "",        ""           },
	    {"250-x\r\nhello\r\n",                 REPLY_GARBLED, 0,   "",        "x|"         },
	    {"",				   REPLY_CLOSED,  0,   "",        ""           },
	    {"250 x",			      REPLY_CLOSED,  0,   "",        ""           },
	    {"250-x\r\n",			  REPLY_CLOSED,  0,   "",        "x|"         },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum reply_result r = hear(str_of(rows[i].said), 1);

		if (r != rows[i].result || reply.code != rows[i].code ||
		    strcmp(reply.status, rows[i].status) != 0 ||
		    strcmp(lines, rows[i].lines) != 0)
			fail_msg("row %zu: %d %u %s %s", i, (int)r, reply.code,
			    reply.status, lines);
	}
}

static void
nul_is_no_reply(void **state)
{
	static const struct str rows[] = {
	    BYTES("250 a\0b\r\n"),
	    BYTES("250\0\r\n"),
	    BYTES("250-a\r\n250 \0\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(hear(rows[i], 1), REPLY_GARBLED);
}

/* Each would go on for ever. */
static void
endless_is_no_reply(void **state)
{
	char line[1001];

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(
	    hear((struct str){line, sizeof(line)}, SIZE_MAX), REPLY_GARBLED);
	line[0] = '2', line[1] = '5', line[2] = '0', line[3] = '-';
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(
	    hear((struct str){line, sizeof(line)}, SIZE_MAX), REPLY_GARBLED);
	assert_int_equal(hear(str_of("250-\r\n"), SIZE_MAX), REPLY_GARBLED);
}

/* What is kept is whole lines, however many there are. */
static void
text_is_bounded(void **state)
{
	char text[8192] = "";

	(void)state;
	for (size_t i = 0; i < 60; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "550-%0100zu\r\n", i);
	(void)snprintf(
	    text + strlen(text), sizeof(text) - strlen(text), "550 end\r\n");
	assert_int_equal(hear(str_of(text), 1), REPLY_OK);
	assert_true(reply.len > JOB_TEXT - 105 && reply.len <= JOB_TEXT);
	assert_int_equal(strlen(reply.text), reply.len);
	assert_true(strncmp(reply.text, "550-0", 5) == 0);
	assert_int_equal(reply.text[reply.len - 1], '\n');
}

static void
silence_ends(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_true(fd_nonblock(ends[0]));
	stream_open(&stream, ends[0]);
	assert_true(fd_write_all(ends[1], "250-x\r\n", 7));
	assert_int_equal(
	    reply_read(&stream, clock_boot() + 1000, &reply, NULL, NULL),
	    REPLY_TIMEOUT);
	assert_int_equal(reply.code, 0);
	stream_close(&stream, false);
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_read),
	    cmocka_unit_test(nul_is_no_reply),
	    cmocka_unit_test(endless_is_no_reply),
	    cmocka_unit_test(text_is_bounded),
	    cmocka_unit_test(silence_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
