/* service: what three supervisors say is understood alike. */
#include "tools/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
each_supervisors_words_are_understood(void **state)
{
	static const struct {
		enum supervisor s;
		const char *text;
		enum service_state state;
		pid_t pid;
		uint64_t seconds;
	} rows[] = {
	    {SUPERVISOR_S6,          "true 123 45\n",                              SERVICE_UP,      123, 45},
	    {SUPERVISOR_S6,          "false -1 3\n",                               SERVICE_DOWN,    0,   3 },
	    {SUPERVISOR_S6,          "true\n",                                     SERVICE_UNKNOWN, 0,   0 },
	    {SUPERVISOR_S6,          "",					   SERVICE_UNKNOWN, 0,   0 },
	    {SUPERVISOR_RUNIT,
             "run: ./service/smtpd: (pid 9) 7s; run: log: (pid 8) 70s\n",          SERVICE_UP,      9,   7 },
	    {SUPERVISOR_RUNIT,
             "run: ./service/smtpd: (pid 9) 7s, want down, got TERM\n",            SERVICE_UP,      9,   7 },
	    {SUPERVISOR_RUNIT,
             "down: ./service/smtpd: 2s, normally up; run: log: (pid 8) "
             "7s\n",							       SERVICE_DOWN,    0,   2 },
	    {SUPERVISOR_RUNIT,       "fail: ./service/smtpd: runsv not running\n",
             SERVICE_UNKNOWN,								       0,   0 },
	    {SUPERVISOR_RUNIT,       "",					   SERVICE_UNKNOWN, 0,   0 },
	    {SUPERVISOR_DAEMONTOOLS,
             "./service/smtpd: up (pid 2147483647) 1 seconds\n",                   SERVICE_UP,
             INT32_MAX,										  1 },
	    {SUPERVISOR_DAEMONTOOLS,
             "./service/smtpd: down 12 seconds, normally up\n",                    SERVICE_DOWN,
             0,											  12},
	    {SUPERVISOR_DAEMONTOOLS, "./service/smtpd: supervise not running\n",
             SERVICE_UNKNOWN,								       0,   0 },
	    {SUPERVISOR_DAEMONTOOLS,
             "./service/smtpd: up (pid 99999999999) 1 seconds\n",		  SERVICE_UNKNOWN, 0,   0 },
	    {SUPERVISOR_NONE,        "true 1 1\n",                                 SERVICE_UNKNOWN, 0,   0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct service one = {.name = "smtpd", .pid = 77, .seconds = 7};

		service_parse(rows[i].s, str_of(rows[i].text), &one);
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
