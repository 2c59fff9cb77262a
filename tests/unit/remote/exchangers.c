/* exchangers: the best first, equal ones by chance, and one text for one set. */
#include "remote/exchangers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 40 };

/* An answer of "10 a.example" and so on, in the caller's records. */
static struct dns_answer
answer(struct dns_record *records, const char *const *texts, size_t count)
{
	struct dns_answer a = {.count = count, .records = records};

	for (size_t i = 0; i < count; i++) {
		char *end;

		records[i].preference = (uint16_t)strtoul(texts[i], &end, 10);
		records[i].data = str_of(end + 1);
	}
	return a;
}

static void
equal_ones_come_in_any_order(void **state)
{
	static const char *const texts[] = {
	    "20 c.example", "10 a.example", "10 b.example"};
	const struct self self = {.names = {NULL}};
	struct dns_record records[3];
	struct dns_answer a = answer(records, texts, 3);
	bool first[2] = {false, false};
	struct exchangers x;

	(void)state;
	/* One of the two does not come first 200 times: once in 2^199. */
	for (int i = 0; i < 200; i++) {
		assert_true(exchangers_list(&a, &self, &x));
		assert_int_equal(x.count, 3);
		assert_string_equal(x.list[2].name, "c.example");
		first[x.list[0].name[0] - 'a'] = true;
	}
	assert_true(first[0] && first[1]);
}

static void
no_more_than_the_best_are_taken(void **state)
{
	static char texts[MANY][32];
	const char *rows[MANY];
	const struct self self = {.names = {"me.example"}};
	struct dns_record records[MANY];
	struct dns_answer a;
	struct exchangers x;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%u x%u.example",
		    MANY - i, MANY - i);
		rows[i] = texts[i];
	}
	a = answer(records, rows, MANY);
	assert_true(exchangers_list(&a, &self, &x));
	assert_int_equal(x.count, EXCHANGERS_MAX);
	for (unsigned i = 0; i < EXCHANGERS_MAX; i++)
		assert_int_equal(x.list[i].preference, i + 1);
	assert_false(x.own);
	/* We are among equals that were taken before. */
	for (unsigned i = 0; i < MANY; i++)
		records[i].preference = i == 0 ? 5 : 7;
	records[MANY - 1].data = str_of("ME.example");
	assert_true(exchangers_list(&a, &self, &x));
	assert_int_equal(x.count, 1);
	assert_int_equal(x.list[0].preference, 5);
	assert_true(x.own);
}

static void
group(
    char out[GROUP_SIZE], const char *const *texts, size_t count, uint16_t port)
{
	struct dns_record records[MANY];
	struct dns_answer a = answer(records, texts, count);

	assert_true(exchangers_group(&a, port, out));
}

static void
one_set_is_one_text(void **state)
{
	static const char *const one[] = {"20 b.example", "10 a.example"};
	static const char *const two[] = {
	    "5 a.example", "5 b.example", "7 a.example"};
	static const char *const other[] = {"5 a.example", "5 b.exampl"};
	char text[GROUP_SIZE];

	(void)state;
	group(text, one, 2, 25);
	assert_string_equal(text, "a.example,b.example");
	group(text, two, 3, 25);
	assert_string_equal(text, "a.example,b.example");
	group(text, other, 2, 25);
	assert_string_equal(text, "a.example,b.exampl");
	group(text, one, 2, 2525);
	assert_string_equal(text, "a.example,b.example:2525");
}

static void
a_long_set_is_a_digest(void **state)
{
	static char texts[MANY][32];
	const char *rows[MANY], *back[MANY];
	char one[GROUP_SIZE], two[GROUP_SIZE], less[GROUP_SIZE];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "1 mx%u.example", i);
		rows[i] = back[MANY - 1 - i] = texts[i];
	}
	group(one, rows, MANY, 25);
	group(two, back, MANY, 25);
	group(less, rows, MANY - 1, 25);
	assert_string_equal(one, two);
	assert_string_not_equal(one, less);
	assert_int_equal(strlen(one), strlen("sha256:") + 32);
}

static void
null_is_root_alone(void **state)
{
	static const char *const null[] = {"0 ", "10 "};
	static const char *const half[] = {"0 ", "10 a.example"};
	struct dns_record records[2];
	struct dns_answer a = answer(records, null, 2);

	(void)state;
	assert_true(exchangers_are_null(&a));
	a = answer(records, half, 2);
	assert_false(exchangers_are_null(&a));
	a.count = 0;
	assert_false(exchangers_are_null(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_ones_come_in_any_order),
	    cmocka_unit_test(no_more_than_the_best_are_taken),
	    cmocka_unit_test(one_set_is_one_text),
	    cmocka_unit_test(a_long_set_is_a_digest),
	    cmocka_unit_test(null_is_root_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
