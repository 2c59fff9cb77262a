/* asked: TLSA records as a table says, in place of dns_ask. */
#ifndef TESTS_UNIT_REMOTE_ASKED_H
#define TESTS_UNIT_REMOTE_ASKED_H

#include "lib/attr.h"
#include "lib/dns.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef COUNT
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* Rows with one name are one answer.  Without trouble and alias it is a record
 * of matching type 1; without data, of a digest of zeros. */
struct asked_row {
	const char *name;
	bool secure;
	const char *trouble, *alias; /* or NULL */
	uint8_t usage, selector;
	struct str data;
};

static const struct asked_row *asked_rows;
static size_t asked_count;

static void
asked_record(struct dns_answer *a, const struct asked_row *row)
{
	static const char zeros[32];

	a->records = realloc(a->records, (a->count + 1) * sizeof *a->records);
	assert_non_null(a->records);
	a->records[a->count++] = (struct dns_record){
	    .usage = row->usage,
	    .selector = row->selector,
	    .match = 1,
	    .data = row->data.len > 0 ? row->data : (struct str){zeros, 32}
        };
	a->result = DNS_FOUND;
}

static void UNUSED
asked_dns(
    struct dns *d, struct dns_question *questions, size_t count, int64_t ms)
{
	struct dns_answer *a = &questions->answer;

	assert_null(d);
	assert_int_equal(count, 1);
	assert_true(ms > 0);
	assert_int_equal(questions->type, DNS_TLSA);
	*a = (struct dns_answer){.result = DNS_NO_NAME};
	for (size_t i = 0; i < asked_count; i++) {
		const struct asked_row *row = &asked_rows[i];

		if (row->name == NULL ||
		    strcmp(row->name, questions->name) != 0)
			continue;
		a->secure = row->secure;
		if (row->trouble != NULL) {
			a->result = DNS_TROUBLE;
			a->why = row->trouble;
		} else if (row->alias != NULL) {
			a->result = DNS_NO_DATA;
			a->dangling = true;
			assert_true(str_copy(
			    a->name, sizeof a->name, str_of(row->alias)));
		} else
			asked_record(a, row);
	}
}

#endif
