/* record: which TXT records announce a policy, and where reports go. */
#include "policy/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The same numbers in every run. */
static size_t
pick(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (size_t)(seed >> 33);
}

static void
id_is_that_of_the_only_valid_record(void **state)
{
	static const struct {
		const char *records[3];
		const char *id; /* NULL: no policy */
	} rows[] = {
	    {{"v=STSv1; id=20160831085700Z;"},                   "20160831085700Z"},
	    {{"v=STSv1; id=1"},				  "1"              },
	    {{"v=STSv1;id=1;"},				  "1"              },
	    {{"v=STSv1; \t id=1 ; x-y=z;"},                      "1"              },
	    {{"v=STSv1; x=y; id=1;"},                            "1"              },
	    {{"v=STSv1; id=1; id=2;"},                           "1"              },
	    {{"v=spf1 -all", "v=STSv1; id=1;"},                  "1"              },
	    {{"v=STSv1; id=1;", "v=STSv1; id=1;"},               NULL             },
	    {{"v=STSv1; id=1;", "v=STSv1;"},                     NULL             },
	    {{"v=STSv1"},					NULL             },
	    {{"v=STSv1;"},				       NULL             },
	    {{"v=STSv1 ; id=1;"},                                NULL             },
	    {{"v=stsv1; id=1;"},				 NULL             },
	    {{"V=STSv1; id=1;"},				 NULL             },
	    {{"id=1; v=STSv1;"},				 NULL             },
	    {{"v=STSv1; id=;"},				  NULL             },
	    {{"v=STSv1; ID=1;"},				 NULL             },
	    {{"v=STSv1; id=a_b;"},                               NULL             },
	    {{"v=STSv1; id=1 2;"},                               NULL             },
	    {{"v=STSv1; id=1;; x=y;"},                           NULL             },
	    {{"v=STSv1; id=1; x;"},                              NULL             },
	    {{"v=STSv1; id=1; x=;"},                             NULL             },
	    {{"v=STSv1; id=1; -x=y;"},                           NULL             },
	    {{"v=STSv1; id=1; x=\x01;"},                         NULL             },
	    {{"v=STSv1; id=12345678901234567890123456789012;"},
             "12345678901234567890123456789012"                                   },
	    {{"v=STSv1; id=123456789012345678901234567890123;"}, NULL             },
	    {{""},					       NULL             },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str records[3], id = str_of("");
		size_t n = 0;

		for (; n < 3 && rows[i].records[n] != NULL; n++)
			records[n] = str_of(rows[i].records[n]);
		if (record_id(records, n, &id) != (rows[i].id != NULL) ||
		    (rows[i].id != NULL && !str_equal(id, str_of(rows[i].id))))
			fail_msg("%s: %.*s", rows[i].records[0], (int)id.len,
			    id.data);
	}
	assert_false(record_id(NULL, 0, NULL));
}

static void
places_are_mail_addresses_and_https(void **state)
{
	static const struct {
		const char *record;
		size_t count;
		const char *first; /* 'm' or 'w', then what */
	} rows[] = {
	    {"v=TLSRPTv1;rua=mailto:a@b.example",                                   1,             "ma@b.example"},
	    {"v=TLSRPTv1; rua=mailto:a@b.example;",                                 1,             "ma@b.example"},
	    {"v=TLSRPTv1; rua=MAILTO:a@b.example?subject=x",                        1,             "ma@b.example"},
	    {"v=TLSRPTv1; rua=https://b.example/v1,mailto:a@b.example",             2,
             "whttps://b.example/v1"									     },
	    {"v=TLSRPTv1; rua=http://b.example/,mailto:a@b.example",                1,
             "ma@b.example"										      },
	    {"v=TLSRPTv1; rua=mailto:a@b.example , mailto:c@d.example",             2,
             "ma@b.example"										      },
	    {"v=TLSRPTv1; x=y; rua=mailto:a@b.example",                             1,             "ma@b.example"},
	    {"v=TLSRPTv1; rua=mailto:nobody",                                       0,             NULL          },
	    {"v=TLSRPTv1; rua=https://",					    0,             NULL          },
	    {"v=TLSRPTv1; rua=",						    0,             NULL          },
	    {"v=TLSRPTv1;",							 0,             NULL          },
	    {"v=TLSRPTv2; rua=mailto:a@b.example",                                  0,             NULL          },
	    {"v=TLSRPTv1; rua=mailto:a@b.example; ;x",                              0,             NULL          },
	    {"v=TLSRPTv1; rua=mailto:a@x,mailto:b@x,mailto:c@x,mailto:d@x,"
	     "mailto:e@x,mailto:f@x,mailto:g@x,mailto:h@x,mailto:i@x", RECORD_PLACES, "ma@x"        },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record_place p[RECORD_PLACES];
		struct str r = str_of(rows[i].record);
		size_t n = record_places(&r, 1, p);

		if (n != rows[i].count)
			fail_msg("%s: %zu", rows[i].record, n);
		if (n == 0)
			continue;
		assert_int_equal(p[0].mail, rows[i].first[0] == 'm');
		assert_true(str_equal(p[0].what, str_of(rows[i].first + 1)));
	}
}

/* The bytes are in a block of their own, so that a sanitizer sees a step over
 * its end. */
static void
damaged_records_are_read_within_their_bounds(void **state)
{
	static const char *const seeds[] = {"v=STSv1; id=20160831085700Z; x=y;",
	    "v=TLSRPTv1; rua=mailto:a@b.example?x,https://b.example/v1;"};
	struct record_place p[RECORD_PLACES];
	struct str id;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		const char *seed = seeds[i % 2];
		size_t n = pick() % (strlen(seed) + 1);
		char *bytes = malloc(n + (n == 0));
		struct str r = {bytes, n};

		assert_non_null(bytes);
		memcpy(bytes, seed, n);
		for (int m = (int)(pick() % 4); n > 0 && m > 0; m--)
			bytes[10 < n ? 9 + pick() % (n - 9) : 0] =
			    ";= ,:@"[pick() % 6];
		if (record_id(&r, 1, &id))
			assert_in_range(id.len, 1, STS_ID_MAX);
		assert_in_range(record_places(&r, 1, p), 0, RECORD_PLACES);
		free(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(id_is_that_of_the_only_valid_record),
	    cmocka_unit_test(places_are_mail_addresses_and_https),
	    cmocka_unit_test(damaged_records_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
