/* unmap: the address behind what virtualdomains has put a prepend before. */
#include "queue/unmap.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* mapped, and what was before; NULL: nothing */
static const struct row {
	const char *mapped, *out;
} rows[] = {
    {"ann@here.example",            "ann@here.example"       },
    {"a-b-c@here.example",          "a-b-c@here.example"     },
    {"joe-ann@virtual.example",     "ann@virtual.example"    },
    {"joe-joe-ann@virtual.example", "joe-ann@virtual.example"},
    {"joe-@virtual.example",        "@virtual.example"       },
    {"Joe-ann@virtual.example",     NULL                     },
    {"ann@virtual.example",         NULL                     },
    {"x-y-ann@VIRTUAL.example",     NULL                     },
    {"joe-ann@Virtual.Example",     "ann@Virtual.Example"    },
    {"bob-x-one@half.example",      "one@half.example"       },
    {"bob-x-two@half.example",      NULL                     },
    {"web-u@a.b.sub.example",       "u@a.b.sub.example"      },
    {"web-u@sub.example",           NULL                     },
    {"ann@except.example",          NULL                     },
    {"",			    NULL		     },
};

static void
what_leads_there_is_found(void **state)
{
	static const char lists[] = "virtual.example:joe\n"
				    "one@half.example:bob-x\n"
				    ".sub.example:web\n"
				    "except.example:\n";
	char path[] = "/tmp/culver-unmap.XXXXXX", name[64];
	struct controls *c;
	struct buf work = {0};
	struct str out;
	int dir;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(fd_replace_file(dir, "me", str_of("here.example\n"), 0644));
	assert_true(
	    fd_replace_file(dir, "virtualdomains", str_of(lists), 0644));
	c = control_new(dir, CONTROL_TOOLS);
	assert_non_null(c);
	assert_true(control_refresh(c));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		bool found = unmap_address(c, str_of(r->mapped), &work, &out);

		print_message("%s\n", r->mapped);
		assert_int_equal(found, r->out != NULL);
		if (!found)
			assert_int_equal(errno, 0);
		else
			assert_true(str_equal(out, str_of(r->out)));
	}
	control_free(c);
	buf_free(&work);
	(void)unlinkat(dir, "me", 0);
	(void)unlinkat(dir, "virtualdomains", 0);
	(void)close(dir);
	(void)snprintf(name, sizeof(name), "%s", path);
	assert_int_equal(rmdir(name), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_leads_there_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
