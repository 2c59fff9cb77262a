/* autoreply: who is never answered, and the answer. */
#include "local/autoreply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TO       "To: Anna <anna@example.org>\n"

static const struct row {
	const char *sender, *header;
	bool answered;
} rows[] = {
    {"s@x",	     TO "\n",				   true },
    {"s@x",	     TO,					true },
    {"s@x",	     "X: y\nCC: a@b,\n\tANNA@example.org\n",    true },
    {"s@x",	     "To: second@example.org\n",                true },
    {"",		TO,					false},
    {"#@[]",            TO,					false},
    {"MAILER-DAEMON@x", TO,					false},
    {"mailer-daemon",   TO,					false},
    {"owner-list@x",    TO,					false},
    {"list-owner@x",    TO,					false},
    {"list-request@x",  TO,					false},
    {"LISTSERV@x",      TO,					false},
    {"majordomo@x",     TO,					false},
    {"list-bounces@x",  TO,					false},
    {"no-reply@x",      TO,					false},
    {"requester@x",     TO,					true },
    {"s@x",	     TO "Auto-Submitted: auto-replied\n",       false},
    {"s@x",	     TO "auto-submitted:auto-generated; x=y\n", false},
    {"s@x",	     TO "Auto-Submitted: no\n",                 true },
    {"s@x",	     TO "Auto-Submitted: NO ; x\n",             true },
    {"s@x",	     TO "Precedence: bulk\n",                   false},
    {"s@x",	     TO "Precedence: List\n",                   false},
    {"s@x",	     TO "Precedence: junk\n",                   false},
    {"s@x",	     TO "Precedence: first-class\n",            true },
    {"s@x",	     TO "List-Id: <l.x>\n",                     false},
    {"s@x",	     TO "List-Unsubscribe: <mailto:x>\n",       false},
    {"s@x",	     "Mailing-List: x\n" TO,                    false},
    {"s@x",	     TO "X-Auto-Response-Suppress: All\n",      false},
    {"s@x",	     TO "X-Auto-Response-Suppress: none\n",     true },
    {"s@x",	     TO "\nPrecedence: bulk\n",                 true },
    {"s@x",	     TO "Subject: x\n Precedence: bulk\n",      true },
    {"s@x",	     "To: joanna@example.org\n",                false},
    {"s@x",	     "To: anna@example.organ\n",                false},
    {"s@x",	     "X-To: anna@example.org\n",                false},
    {"s@x",	     "\n" TO,				   false},
    {"s@x",	     "",					false},
    {"s@x",	     "no field at all\n:\n" TO,                 true },
};

static void
machines_lists_and_strangers_are_not_answered(void **state)
{
	const struct str mine[] = {
	    str_of("anna@example.org"), str_of("second@example.org")};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct autoreply a = {.sender = str_of(rows[i].sender),
		    .header = str_of(rows[i].header),
		    .mine = mine,
		    .mine_count = 2};

		assert_int_equal(
		    autoreply_refusal(&a) == NULL, rows[i].answered);
	}
}

static void
a_header_that_is_not_all_seen_is_not_answered(void **state)
{
	static char header[AUTOREPLY_HEADER + 1];
	const struct str mine[] = {str_of("anna@example.org")},
			 begin = str_of("To: anna@example.org\nX: ");
	struct autoreply a = {
	    .sender = str_of("s@x"), .mine = mine, .mine_count = 1};

	(void)state;
	memset(header, 'x', AUTOREPLY_HEADER);
	memcpy(header, begin.data, begin.len);
	a.header = str_of(header);
	assert_non_null(autoreply_refusal(&a));
	header[AUTOREPLY_HEADER - 3] = header[AUTOREPLY_HEADER - 2] = '\n';
	assert_null(autoreply_refusal(&a));
}

static void
written(const char *sender, const char *header, const char *want)
{
	const struct str mine[] = {str_of("anna@example.org")};
	const struct autoreply a = {.sender = str_of(sender),
	    .header = str_of(header),
	    .mine = mine,
	    .mine_count = 1};
	struct buf b = {0};

	assert_int_equal(
	    autoreply_write(&b, &a, str_of("I am away."), 1795229420, "u"),
	    want != NULL);
	if (want != NULL) {
		assert_true(buf_terminate(&b));
		assert_string_equal(b.data, want);
	}
	buf_free(&b);
}

#define HEAD "Date: Sat, 21 Nov 2026 02:50:20 +0000\nFrom: anna@example.org\n"
#define TAIL                                                                   \
	"Message-ID: <u@example.org>\nAuto-Submitted: auto-replied\n"          \
	"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"         \
	"Content-Transfer-Encoding: 8bit\n\nI am away.\n"

static void
the_answer_names_what_it_answers(void **state)
{
	(void)state;
	written("s@x.example", "Subject:  Hello\n there\nMessage-ID: <1@x>\n\n",
	    HEAD "To: s@x.example\nSubject: Auto: Hello  there\n"
		 "In-Reply-To: <1@x>\nReferences: <1@x>\n" TAIL);
	written("s p@x.example", "",
	    HEAD "To: \"s p\"@x.example\nSubject: Auto: \n" TAIL);
	written("s@x.example", "Subject: \x1b[2J\xc3\xa9\n",
	    HEAD "To: s@x.example\nSubject: Auto:  [2J  \n" TAIL);
	/* What would begin a field of its own. */
	written("s\nBcc: a@x.example", "", NULL);
	written("s@x.example\nBcc: a", "", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(machines_lists_and_strangers_are_not_answered),
	    cmocka_unit_test(a_header_that_is_not_all_seen_is_not_answered),
	    cmocka_unit_test(the_answer_names_what_it_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
