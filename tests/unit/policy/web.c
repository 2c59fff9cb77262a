/* web: which URLs are asked at all. */
#include "policy/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
only_https_with_a_host_is_asked(void **state)
{
	static const struct {
		const char *url, *host; /* NULL: not asked */
		unsigned port;
	} rows[] = {
	    {"https://a.example",        "a.example", 443 },
	    {"https://a.example/x?y:z",  "a.example", 443 },
	    {"https://a.example:8443/x", "a.example", 8443},
	    {"HTTPS://a.example?x",      "a.example", 443 },
	    {"https://a.example:0/",     NULL,        0   },
	    {"https://a.example:65536/", NULL,        0   },
	    {"https://a.example:/",      NULL,        0   },
	    {"https://u:p@a.example/",   NULL,        0   },
	    {"https://u@a.example/",     NULL,        0   },
	    {"https://[::1]/",           NULL,        0   },
	    {"https:///x",               NULL,        0   },
	    {"https://a.example/#x",     NULL,        0   },
	    {"http://a.example/",        NULL,        0   },
	    {"file:///etc/passwd",       NULL,        0   },
	    {"",			 NULL,        0   },
	};
	char host[WEB_HOST_SIZE];
	unsigned port = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = web_host(str_of(rows[i].url), host, &port);

		if (ok != (rows[i].host != NULL) ||
		    (ok && (strcmp(host, rows[i].host) != 0 ||
			       port != rows[i].port)))
			fail_msg("%s", rows[i].url);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_https_with_a_host_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
