/* route: local or remote, and under which address. */
#include "send/route.h"
#include "lib/fd.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct router router;
static struct controls *controls;

static const struct {
	const char *recipient;
	enum channel channel;
	const char *address;
} rows[] = {
    {"ann@local.example",                         CHANNEL_LOCAL,  "ann@local.example"               },
    {"ann@LOCAL.Example",                         CHANNEL_LOCAL,  "ann@LOCAL.Example"               },
    {"ann",				       CHANNEL_LOCAL,  "ann@mail.example"                },
    {"x@virt.example",			    CHANNEL_LOCAL,  "bob-x@virt.example"              },
    {"X@Virt.Example",			    CHANNEL_LOCAL,  "bob-X@Virt.Example"              },
    {"one@virt.example",			  CHANNEL_LOCAL,  "carl-one@virt.example"           },
    {"x@free.virt.example",                       CHANNEL_REMOTE, "x@free.virt.example"             },
    {"x@deep.sub.wild.example",                   CHANNEL_LOCAL,  "dora-x@deep.sub.wild.example"    },
    {"x@wild.example",			    CHANNEL_REMOTE, "x@wild.example"                  },
    {"x@box.example",			     CHANNEL_LOCAL,  "x@box.example"                   },
    {"x@BOX.example",			     CHANNEL_LOCAL,  "x@BOX.example"                   },
    {"x@sub.box.example",                         CHANNEL_REMOTE, "x@sub.box.example"               },
    {"a@b@local.example",                         CHANNEL_LOCAL,  "a@b@local.example"               },
    {"x%elsewhere.example@local.example",         CHANNEL_REMOTE,
     "x@elsewhere.example"									  },
    {"x%Virt.example@PERCENT.example",            CHANNEL_LOCAL,  "bob-x@Virt.example"              },
    {"x%a.example%percent.example@local.example", CHANNEL_REMOTE,
     "x@a.example"										  },
    {"x%y%z.example@local.example",               CHANNEL_REMOTE, "x%y@z.example"                   },
    {"x%y%local.example@percent.example",         CHANNEL_REMOTE, "x@y"                             },
    {"x@y%box.example@local.example",             CHANNEL_LOCAL,  "x@y@box.example"                 },
    {"x%elsewhere.example@virt.example",          CHANNEL_LOCAL,
     "bob-x%elsewhere.example@virt.example"							 },
    {"x%elsewhere.example@sub.local.example",     CHANNEL_REMOTE,
     "x%elsewhere.example@sub.local.example"							},
    {"%elsewhere.example@local.example",          CHANNEL_LOCAL,
     "%elsewhere.example@local.example"							     },
    {"x%@local.example",			  CHANNEL_REMOTE, "x@"                              },
    {"x%elsewhere.example",                       CHANNEL_LOCAL,  "x%elsewhere.example@mail.example"},
    {"x@elsewhere.example",                       CHANNEL_REMOTE, "x@elsewhere.example"             },
};

static void
put(const char *path, const char *text)
{
	assert_true(fd_replace_file(AT_FDCWD, path, str_of(text), 0644));
}

static int
enter(void **state)
{
	static char folder[] = "/tmp/route.XXXXXX";
	struct table_maker *m;

	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) == -1 ||
	    mkdir("control", 0700) == -1 || mkdir("users", 0700) == -1)
		return -1;
	put("control/me", "mail.example\n");
	put("control/locals", "local.example\nmail.example\n");
	put("control/percenthack", "local.example\nPercent.example\n");
	put("control/virtualdomains",
	    "virt.example:bob\none@virt.example:carl\n"
	    "free.virt.example:\n.wild.example:dora\n");
	m = table_make(AT_FDCWD, "users/rcpt.cdb", 0644);
	if (m == NULL || !table_add(m, str_of("@box.example"), str_of("")) ||
	    !table_commit(m))
		return -1;
	controls = control_new(
	    open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC), CONTROL_SEND);
	router.controls = controls;
	return controls != NULL && control_refresh(controls) ? 0 : -1;
}

static int
leave(void **state)
{
	(void)state;
	route_close(&router);
	control_free(controls);
	return 0;
}

static void
every_recipient_finds_its_channel(void **state)
{
	struct buf out = {0};
	enum channel c;

	(void)state;
	assert_true(route_refresh(&router));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(
		    route_find(&router, str_of(rows[i].recipient), &c, &out),
		    ROUTE_OK);
		assert_true(buf_terminate(&out));
		assert_string_equal(out.data, rows[i].address);
		assert_int_equal(c, rows[i].channel);
	}
	buf_free(&out);
}

static void
without_locals_me_is_local(void **state)
{
	struct buf out = {0};
	enum channel c;

	(void)state;
	assert_int_equal(unlink("control/locals"), 0);
	assert_true(control_refresh(controls));
	assert_int_equal(
	    route_find(&router, str_of("x@MAIL.example"), &c, &out), ROUTE_OK);
	assert_int_equal(c, CHANNEL_LOCAL);
	assert_int_equal(
	    route_find(&router, str_of("x@local.example"), &c, &out), ROUTE_OK);
	assert_int_equal(c, CHANNEL_REMOTE);
	buf_free(&out);
}

static void
a_table_that_is_no_table_is_an_error(void **state)
{
	(void)state;
	put("users/rcpt.cdb", "this is no cdb");
	assert_false(route_refresh(&router));
	assert_int_equal(unlink("users/rcpt.cdb"), 0);
	assert_true(route_refresh(&router));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_recipient_finds_its_channel),
	    cmocka_unit_test(without_locals_me_is_local),
	    cmocka_unit_test(a_table_that_is_no_table_is_an_error),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
