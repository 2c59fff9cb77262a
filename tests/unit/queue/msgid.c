/* msgid: the id is that of the header's first Message-ID, however it comes. */
#include "queue/msgid.h"

#include "wire/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text, *id; /* NULL: there is none */
} rows[] = {
    {"Message-ID: <a@b>\n\n",				 "a@b"},
    {"Message-ID:<a@b>\n\n",				  "a@b"},
    {"message-id  : <a@b>\n",				 "a@b"},
    {"MESSAGE-ID: <a@b>",				     "a@b"},
    {"Subject: x\nMessage-ID: <a@b>\n\n",                     "a@b"},
    {"Message-ID:\n <a@b>\n\n",                               "a@b"},
    {"Message-ID: <a\n\t@b>\n\n",                             "a@b"},
    {"Message-ID: (hello) <a@b> x\n\n",                       "a@b"},
    {"Message-ID: <a@b>\nMessage-ID: <c@d>\n\n",              "a@b"},
    {"Mess\nMessage-ID: <a@b>\n\n",                           "a@b"},
    {"Message-ID\nMessage-ID: <a@b>\n\n",                     "a@b"},
    {"Message-IDs: <c@d>\nMessage-ID: <a@b>\n\n",             "a@b"},
    {"Message: <c@d>\nMessage-ID: <a@b>\n\n",                 "a@b"},
    {"Resent-Message-ID: <c@d>\nMessage-ID: <a@b>\n\n",       "a@b"},
    {"Subject: x\n Message-ID: <c@d>\nMessage-ID: <a@b>\n\n", "a@b"},
    {"Message-ID: <>\n\n",				    ""   },
    {"Message-ID: a@b\n\n",				   NULL },
    {"Message-ID: a@b\nX: <c@d>\n\n",                         NULL },
    {"Message-ID: <a@b\nX: <c@d>\n\n",                        NULL },
    {"Message-ID: a@b\nMessage-ID: <c@d>\n\n",                NULL },
    {"Message-ID: <a@b",				      NULL },
    {"Subject: x\n\nMessage-ID: <a@b>\n",                     NULL },
    {"\nMessage-ID: <a@b>\n",				 NULL },
    {"",						      NULL },
};

static void
check(const char *text, const struct msgid *m, const char *id)
{
	uint64_t want = id == NULL ? 0 : message_id_hash(str_of(id));

	if (msgid_hash(m) != want)
		fail_msg("%s", text);
}

static void
ids_are_found_in_the_header_alone(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct msgid m = {0};

		msgid_feed(&m, str_of(rows[i].text));
		check(rows[i].text, &m, rows[i].id);
	}
	(void)state;
}

static void
pieces_make_no_difference(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t cut = 0; cut <= strlen(rows[i].text); cut++) {
			struct str s = str_of(rows[i].text);
			struct msgid m = {0};

			msgid_feed(&m, str_slice(s, 0, cut));
			msgid_feed(&m, str_slice(s, cut, s.len));
			check(rows[i].text, &m, rows[i].id);
		}
	(void)state;
}

static void
an_id_too_long_is_none(void **state)
{
	char id[MSGID_MAX + 2];

	memset(id, 'a', sizeof(id));
	for (size_t over = 0; over < 2; over++) {
		struct msgid m = {0};
		struct str s = {id, MSGID_MAX + over};

		msgid_feed(&m, str_of("Message-ID: <"));
		msgid_feed(&m, s);
		msgid_feed(&m, str_of(">\n\n"));
		assert_int_equal(msgid_hash(&m), over ? 0 : message_id_hash(s));
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_are_found_in_the_header_alone),
	    cmocka_unit_test(pieces_make_no_difference),
	    cmocka_unit_test(an_id_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
