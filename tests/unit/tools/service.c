/* service: what three supervisors say is understood alike. */
#include "tools/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DIR "./service/down"

enum {
	S6 = SUPERVISOR_S6,
	RUNIT = SUPERVISOR_RUNIT,
	TOOLS = SUPERVISOR_DAEMONTOOLS,
	UP = SERVICE_UP,
	DOWN = SERVICE_DOWN,
	UNKNOWN = SERVICE_UNKNOWN
};

static void
each_supervisors_words_are_understood(void **state)
{
	static const struct {
		int s, state;
		pid_t pid;
		uint64_t seconds;
		const char *text;
	} rows[] = {
	    {S6,              UP,      123,       45, "true 123 45\n"                          },
	    {S6,              DOWN,    0,         3,  "false -1 3\n"                           },
	    {S6,              UNKNOWN, 0,         0,  "true\n"                                 },
	    {S6,              UNKNOWN, 0,         0,  ""				       },
	    {RUNIT,           UP,      9,         7,  "run: " DIR ": (pid 9) 7s; run: log: x\n"},
	    {RUNIT,           UP,      9,         7,  "run: " DIR ": (pid 9) 7s, want down\n"  },
	    {RUNIT,           DOWN,    0,         2,
             "down: " DIR ": 2s, normally up; run: log: x\n"                                   },
	    {RUNIT,           UNKNOWN, 0,         0,  "fail: " DIR ": runsv not running\n"     },
	    {RUNIT,           UNKNOWN, 0,         0,  ""				       },
	    {TOOLS,           UP,      INT32_MAX, 1,  DIR ": up (pid 2147483647) 1 seconds\n"  },
	    {TOOLS,           DOWN,    0,         12, DIR ": down 12 seconds, normally up\n"   },
	    {TOOLS,           UNKNOWN, 0,         0,  DIR ": supervise not running\n"          },
	    {TOOLS,           UNKNOWN, 0,         0,  DIR ": up (pid 99999999999) 1 seconds\n" },
	    {SUPERVISOR_NONE, UNKNOWN, 0,         0,  "true 1 1\n"                             },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct service one = {.name = "down", .pid = 77, .seconds = 7};

		service_parse(
		    (enum supervisor)rows[i].s, str_of(rows[i].text), &one);
		assert_int_equal(one.state, rows[i].state);
		assert_int_equal(one.pid, rows[i].pid);
		assert_int_equal(one.seconds, rows[i].seconds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_supervisors_words_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
