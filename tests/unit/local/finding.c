/* finding: a worker serves one account with one set of groups. */
#include "local/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* uid, gid, how many groups, the groups */
static const struct {
	uid_t uid;
	gid_t gid;
	uint32_t count;
	gid_t first, second;
} rows[] = {
    {1000, 1000, 0, 0,    0},
    {1000, 1001, 0, 0,    0},
    {1001, 1000, 0, 0,    0},
    {1000, 1000, 1, 1000, 0},
    {1000, 1000, 2, 1000, 4},
    {1000, 1000, 2, 1000, 5},
    {1001, 1000, 2, 1000, 5},
};

static struct finding
made(size_t i)
{
	struct finding f = {
	    .uid = rows[i].uid, .gid = rows[i].gid, .count = rows[i].count};

	f.groups[0] = rows[i].first;
	f.groups[1] = rows[i].second;
	return f;
}

static void
an_account_with_other_groups_has_another_worker(void **state)
{
	uint64_t keys[COUNT(rows)];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct finding f = made(i);

		keys[i] = finding_key(&f);
		/* Whatever the groups are, no account is another. */
		assert_int_equal(keys[i] >> 32, rows[i].uid);
		for (size_t j = 0; j < i; j++)
			assert_true(keys[i] != keys[j]);
		f.groups[f.count] = 7; /* not one of them */
		assert_true(finding_key(&f) == keys[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_account_with_other_groups_has_another_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
