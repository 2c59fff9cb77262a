/* dns: what a resolver says is what we hear, and nobody else is heard; what it
 * does not say in time, or says badly, is trouble and never a no. */
#define _GNU_SOURCE
#include "lib/dns.h"

#include "tests/unit/lib/jail.h"
#include "tests/unit/lib/nameserver.h"

#include "lib/clock.h"
#include "lib/home.h"

/* ms: for what is to fail, for both together, for what is to work. */
enum { SOON = 400, AT_ONCE = 5000, LATER = 20000 };

static const struct zone_row zone[] = {
    {"a.example",          DNS_A,     "192.0.2.1",      NS_TELL,     0         },
    {"a.example",          DNS_AAAA,  "2001:db8::1",    NS_SECURE,   0         },
    {"a.example",          DNS_MX,    "10 mx.example",  NS_SECURE,   0         },
    {"a.example",          DNS_MX,    "20 mx2.example", NS_SECURE,   0         },
    {"_25._tcp.a.example", DNS_TLSA,  "3 1 1 00ff",     NS_SECURE,   0         },
    {"c.example",          DNS_CNAME, "a.example",      NS_TELL,     0         },
    {"sc.example",         DNS_CNAME, "a.example",      NS_SECURE,   0         },
    {"loop.example",       DNS_CNAME, "loop2.example",  NS_TELL,     0         },
    {"loop2.example",      DNS_CNAME, "loop.example",   NS_TELL,     0         },
    {"open.example",       DNS_CNAME, "open2.example",  NS_OPEN,     0         },
    {"open2.example",      DNS_CNAME, "a.example",      NS_OPEN,     0         },
    {"opensec.example",    DNS_CNAME, "sec.example",    NS_OPEN,     0         },
    {"sec.example",        DNS_A,     "192.0.2.8",      NS_SECURE,   0         },
    {"ring.example",       DNS_CNAME, "ring.example",   NS_OPEN,     0         },
    {"ring0.example",      DNS_CNAME, "ring1.example",  NS_OPEN,     0         },
    {"ring1.example",      DNS_CNAME, "ring0.example",  NS_OPEN,     0         },
    {"fail.example",       DNS_A,     "192.0.2.1",      NS_SERVFAIL, 0         },
    {"no.example",         DNS_A,     "192.0.2.1",      NS_REFUSED,  0         },
    {"old.example",        DNS_A,     "192.0.2.1",      NS_FORMERR,  0         },
    {"old2.example",       DNS_A,     "192.0.2.2",      NS_FORMERR,  0         },
    {"drop.example",       DNS_A,     "192.0.2.1",      NS_DROP,     0         },
    {"junk.example",       DNS_A,     "192.0.2.1",      NS_GARBAGE,  0         },
    {"lie.example",        DNS_A,     "192.0.2.1",      NS_FALSE,    0         },
    {"cut.example",        DNS_A,     "192.0.2.1",      NS_CUT,      0         },
    {"shut.example",       DNS_A,     "192.0.2.1",      NS_CUT_SHUT, 0         },
    {"now.example",        DNS_A,     "192.0.2.1",      NS_TELL,     ZONE_ZERO },
    {"day.example",        DNS_A,     "192.0.2.1",      NS_TELL,     0x80000000},
    {"short.example",      DNS_A,     "192.0.2.1",      NS_TELL,     60        },
    {NULL,		 0,         NULL,             0,           0         },
};

static struct nameserver server;

static struct dns *
resolver(uint16_t port)
{
	struct dns_server one = {.port = port};
	struct dns *d;

	assert_true(ip_parse(str_of("127.0.0.1"), &one.ip));
	d = dns_new(&one, 1);
	assert_non_null(d);
	return d;
}

struct row {
	const char *name;
	enum dns_type type;
	enum dns_result result;
	const char *says; /* of the first record; of trouble why */
	size_t count;
	bool secure;
	unsigned aliases;
	int64_t ms;
};

#define failed "SERVFAIL, REFUSED or no server"

static const struct row rows[] = {
    {"a.example",          DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 0,  LATER},
    {"A.Example.",         DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 0,  LATER},
    {"a.example",          DNS_AAAA, DNS_FOUND,   "2001:db8::1", 1, true,  0,  LATER},
    {"a.example",          DNS_MX,   DNS_FOUND,   "mx.example",  2, true,  0,  LATER},
    {"_25._tcp.a.example", DNS_TLSA, DNS_FOUND,   NULL,          1, true,  0,  LATER},
    {"c.example",          DNS_AAAA, DNS_FOUND,   "2001:db8::1", 1, false, 1,  LATER},
    {"sc.example",         DNS_AAAA, DNS_FOUND,   "2001:db8::1", 1, true,  1,  LATER},
    {"sc.example",         DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 1,  LATER},
    {"a.example",          DNS_TXT,  DNS_NO_DATA, NULL,          0, true,  0,  LATER},
    {"none.example",       DNS_A,    DNS_NO_NAME, NULL,          0, false, 0,  LATER},
    {"not a name",         DNS_A,    DNS_NO_NAME, NULL,          0, false, 0,  LATER},
    {"",		   DNS_A,    DNS_NO_NAME, NULL,          0, false, 0,  LATER},
    {"x.onion",            DNS_A,    DNS_NO_NAME, NULL,          0, false, 0,  LATER},
    {"loop.example",       DNS_A,    DNS_LOOP,    NULL,          0, false, 17, LATER},
    {"open.example",       DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 2,  LATER},
 /* The alias was not signed, and so nothing is that it led to. */
    {"opensec.example",    DNS_A,    DNS_FOUND,   "192.0.2.8",   1, false, 1,  LATER},
    {"sec.example",        DNS_A,    DNS_FOUND,   "192.0.2.8",   1, true,  0,  LATER},
    {"ring0.example",      DNS_A,    DNS_NO_DATA, NULL,          0, false, 5,  LATER},
    {"fail.example",       DNS_A,    DNS_TROUBLE, failed,        0, false, 0,  LATER},
    {"no.example",         DNS_A,    DNS_TROUBLE, failed,        0, false, 0,  LATER},
    {"drop.example",       DNS_A,    DNS_TROUBLE, "time-out",    0, false, 0,  SOON },
    {"junk.example",       DNS_A,    DNS_TROUBLE, "time-out",    0, false, 0,  SOON },
    {"lie.example",        DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 0,  LATER},
    {"cut.example",        DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 0,  LATER},
    {"shut.example",       DNS_A,    DNS_TROUBLE, NULL,          0, false, 0,  LATER},
    {"old.example",        DNS_A,    DNS_FOUND,   "192.0.2.1",   1, false, 0,  LATER},
    {"old2.example",       DNS_A,    DNS_FOUND,   "192.0.2.2",   1, false, 0,  LATER},
 /* After them a server that knows EDNS again. */
    {"a.example",          DNS_MX,   DNS_FOUND,   "mx.example",  2, true,  0,  LATER},
};

static void
check(const struct row *r, const struct dns_answer *a)
{
	char text[IP_SIZE] = "";

	if (a->count > 0 && (r->type == DNS_A || r->type == DNS_AAAA))
		ip_format(text, &a->records[0].ip);
	else if (a->count > 0 && r->type != DNS_TLSA)
		assert_true(str_copy(text, sizeof(text), a->records[0].data));
	else if (a->why != NULL)
		assert_true(str_copy(text, sizeof(text), str_of(a->why)));
	if (a->result != r->result || a->count != r->count ||
	    a->secure != r->secure || a->aliases != r->aliases ||
	    (r->says != NULL && strcmp(text, r->says) != 0))
		fail_msg("%s %d: %d %zu %s, secure %d, %u aliases", r->name,
		    r->type, a->result, a->count, text, a->secure, a->aliases);
	assert_int_equal(a->why != NULL, a->result == DNS_TROUBLE);
}

static void
each_answer_is_what_the_server_says(void **state)
{
	struct dns *d = resolver(server.port);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_question q = {
		    .name = rows[i].name, .type = rows[i].type};

		dns_ask(d, &q, 1, rows[i].ms);
		check(&rows[i], &q.answer);
		dns_answer_free(&q.answer);
	}
	dns_free(d);
}

/* All rows at once: those that get no answer do not take the others'.  But for
 * a server that shuts TCP: it loses a try of all its questions. */
static void
questions_at_once_get_each_its_own(void **state)
{
	struct dns_question q[sizeof(rows) / sizeof(rows[0])];
	struct dns *d = resolver(server.port);
	size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool shuts = strcmp(rows[i].name, "shut.example") == 0;

		q[i] = (struct dns_question){
		    .name = shuts ? rows[0].name : rows[i].name,
		    .type = rows[i].type};
	}
	dns_ask(d, q, n, AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, "shut.example") != 0)
			check(&rows[i], &q[i].answer);
		dns_answer_free(&q[i].answer);
	}
	dns_free(d);
}

static void
more_questions_than_can_be_are_trouble(void **state)
{
	static struct dns_question q[DNS_QUESTIONS_MAX + 2];
	struct dns *d = resolver(server.port);

	(void)state;
	for (size_t i = 0; i < DNS_QUESTIONS_MAX + 2; i++)
		q[i] =
		    (struct dns_question){.name = "a.example", .type = DNS_A};
	dns_ask(d, q, DNS_QUESTIONS_MAX + 2, LATER);
	for (size_t i = 0; i < DNS_QUESTIONS_MAX + 2; i++) {
		assert_int_equal(q[i].answer.result,
		    i < DNS_QUESTIONS_MAX ? DNS_FOUND : DNS_TROUBLE);
		dns_answer_free(&q[i].answer);
	}
	dns_free(d);
}

static enum dns_result
ask(struct dns *d, const char *name, enum dns_type type)
{
	struct dns_question q = {.name = name, .type = type};
	enum dns_result result;

	dns_ask(d, &q, 1, LATER);
	result = q.answer.result;
	dns_answer_free(&q.answer);
	return result;
}

/* Which questions reach the server the second time. */
static void
answers_are_kept_as_long_as_they_say(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
		bool kept;
	} cases[] = {
	    {"a.example",    DNS_A,   true },
	    {"A.EXAMPLE",    DNS_A,   true },
	    {"a.example",    DNS_MX,  true },
	    {"c.example",    DNS_A,   true },
	    {"cut.example",  DNS_A,   true },
	    {"none.example", DNS_A,   true },
	    {"a.example",    DNS_TXT, true },
	    {"day.example",  DNS_A,   true },
	    {"now.example",  DNS_A,   false},
	    {"fail.example", DNS_A,   false},
	};
	struct dns *d = resolver(server.port);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum dns_result first = ask(d, cases[i].name, cases[i].type);
		unsigned before = atomic_load(server.asked);

		assert_int_equal(ask(d, cases[i].name, cases[i].type), first);
		if ((atomic_load(server.asked) == before) != cases[i].kept)
			fail_msg("%s %d", cases[i].name, cases[i].type);
	}
	dns_free(d);
}

static void
without_a_server_there_is_trouble(void **state)
{
	struct nameserver gone;
	struct dns *d;

	(void)state;
	nameserver_start(&gone, zone);
	d = resolver(gone.port);
	nameserver_stop(&gone);
	assert_int_equal(ask(d, "a.example", DNS_A), DNS_TROUBLE);
	dns_free(d);
}

/* SERVFAIL, a refusal, silence or nobody at the first: the second is asked. */
static void
the_next_server_is_asked(void **state)
{
	static const enum manner manners[] = {
	    NS_SERVFAIL, NS_REFUSED, NS_DROP, NS_CUT_SHUT};
	struct dns_server two[2] = {{.port = 0}, {.port = server.port}};

	(void)state;
	assert_true(ip_parse(str_of("127.0.0.1"), &two[0].ip));
	two[1].ip = two[0].ip;
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		const struct zone_row bad[] = {
		    {"a.example", DNS_A, "192.0.2.9", manners[i], 0},
		    {NULL,        0,     NULL,        0,          0},
		};
		struct nameserver first;
		struct dns *d;

		nameserver_start(&first, bad);
		two[0].port = first.port;
		d = dns_new(two, 2);
		assert_non_null(d);
		assert_int_equal(ask(d, "a.example", DNS_A), DNS_FOUND);
		assert_true(atomic_load(first.asked) > 0);
		nameserver_stop(&first);
		assert_int_equal(ask(d, "a.example", DNS_MX), DNS_FOUND);
		dns_free(d);
	}
}

/* 0: UDP, TCP and a server that is gone, all from within the jail. */
static int
jailed(const void *context)
{
	static const struct drop d = {
	    .account = ACCOUNT_SELF, .jailed = true, .promises = PROMISE_INET};
	struct dns *dns = resolver(server.port), *system = dns_new(NULL, 0);
	bool there;

	(void)context;
	if (system == NULL)
		return 1;
	drop_to(&d);
	there = ask(dns, "a.example", DNS_A) == DNS_FOUND &&
		ask(dns, "cut.example", DNS_A) == DNS_FOUND &&
		ask(dns, "none.example", DNS_A) == DNS_NO_NAME;
	dns_free(dns);
	dns_free(system);
	return there ? 0 : 2;
}

static void
asks_from_within_the_jail(void **state)
{
	(void)state;
	assert_int_equal(in_child(jailed, NULL), 0);
}

static int
start(void **state)
{
	if (home_make(state) != 0)
		return -1;
	nameserver_start(&server, zone);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	nameserver_stop(&server);
	return rmdir(home_path());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_answer_is_what_the_server_says),
	    cmocka_unit_test(questions_at_once_get_each_its_own),
	    cmocka_unit_test(more_questions_than_can_be_are_trouble),
	    cmocka_unit_test(answers_are_kept_as_long_as_they_say),
	    cmocka_unit_test(without_a_server_there_is_trouble),
	    cmocka_unit_test(the_next_server_is_asked),
	    cmocka_unit_test(asks_from_within_the_jail),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
