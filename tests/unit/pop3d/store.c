/* store: texts stay where they are, however many come after them. */
#include "pop3d/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 20000 };

static void
texts_stay(void **state)
{
	static const char *kept[MANY];
	struct store *s = NULL;
	char text[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof(text), "%.*d", 1 + i % 40, i);
		kept[i] = store_keep(&s, text);
		assert_non_null(kept[i]);
	}
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof(text), "%.*d", 1 + i % 40, i);
		assert_string_equal(kept[i], text);
	}
	store_free(s);
}

static void
what_no_block_holds_is_refused(void **state)
{
	static char text[70000];
	struct store *s = NULL;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_null(store_keep(&s, text));
	assert_non_null(store_keep(&s, ""));
	store_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_stay),
	    cmocka_unit_test(what_no_block_holds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
