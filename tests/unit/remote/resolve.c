/* resolve: where mail for a domain goes, and where DNS cannot make it go. */
#define _GNU_SOURCE
#include "remote/resolve.h"

#include "tests/unit/lib/nameserver.h"

#include "lib/clock.h"

enum { SOON = 400, LATER = 20000 }; /* ms: for what is to fail, and to work */

static const struct zone_row small[] = {
  /* Plain. */
    {"ok.example",         DNS_MX,    "20 b.example",            NS_TELL,     0},
    {"ok.example",         DNS_MX,    "10 a.example",            NS_TELL,     0},
    {"a.example",          DNS_A,     "192.0.2.1",               NS_TELL,     0},
    {"a.example",          DNS_A,     "192.0.2.2",               NS_TELL,     0},
    {"a.example",          DNS_AAAA,  "2001:db8::1",             NS_TELL,     0},
    {"b.example",          DNS_A,     "192.0.2.3",               NS_TELL,     0},
    {"plain.example",      DNS_A,     "192.0.2.4",               NS_TELL,     0},
    {"alias.example",      DNS_CNAME, "ok.example",              NS_TELL,     0},
    {"aliasplain.example", DNS_CNAME, "plain.example",           NS_TELL,     0},
    {"twice.example",      DNS_MX,    "10 a.example",            NS_TELL,     0},
    {"twice.example",      DNS_MX,    "20 A.Example",            NS_TELL,     0},
 /* N1: null MX, alone and among others. */
    {"null.example",       DNS_MX,    "0 .",                     NS_TELL,     0},
    {"halfnull.example",   DNS_MX,    "0 .",                     NS_TELL,     0},
    {"halfnull.example",   DNS_MX,    "10 b.example",            NS_TELL,     0},
 /* N2, N3: aliases. */
    {"mxalias.example",    DNS_MX,    "10 cname.example",        NS_TELL,     0},
    {"cname.example",      DNS_CNAME, "b.example",               NS_TELL,     0},
    {"mxloop.example",     DNS_MX,    "10 loop.example",         NS_TELL,     0},
    {"loop.example",       DNS_CNAME, "pool.example",            NS_TELL,     0},
    {"pool.example",       DNS_CNAME, "loop.example",            NS_TELL,     0},
    {"mxlooporb.example",  DNS_MX,    "10 loop.example",         NS_TELL,     0},
    {"mxlooporb.example",  DNS_MX,    "20 b.example",            NS_TELL,     0},
 /* N4: trouble. */
    {"fail.example",       DNS_MX,    "10 a.example",            NS_SERVFAIL, 0},
    {"drop.example",       DNS_MX,    "10 a.example",            NS_DROP,     0},
    {"junk.example",       DNS_MX,    "10 a.example",            NS_GARBAGE,  0},
    {"mxfail.example",     DNS_MX,    "10 afail.example",        NS_TELL,     0},
    {"afail.example",      DNS_A,     "192.0.2.5",               NS_SERVFAIL, 0},
    {"mxfailorb.example",  DNS_MX,    "10 afail.example",        NS_TELL,     0},
    {"mxfailorb.example",  DNS_MX,    "20 b.example",            NS_TELL,     0},
    {"halffail.example",   DNS_MX,    "10 six.example",          NS_TELL,     0},
    {"six.example",        DNS_AAAA,  "2001:db8::6",             NS_TELL,     0},
    {"six.example",        DNS_A,     "192.0.2.6",               NS_SERVFAIL, 0},
    {"plainfail.example",  DNS_A,     "192.0.2.6",               NS_SERVFAIL, 0},
 /* N5: exchangers without address do not lead to the domain's own. */
    {"noaddress.example",  DNS_MX,    "10 none.example",         NS_TELL,     0},
    {"noaddress.example",  DNS_A,     "192.0.2.4",               NS_TELL,     0},
    {"text.example",       DNS_TXT,   "nothing else",            NS_TELL,     0},
 /* N6: this host. */
    {"lo.example",         DNS_MX,    "10 lo4.example",          NS_TELL,     0},
    {"lo4.example",        DNS_A,     "127.0.0.1",               NS_TELL,     0},
    {"lo2.example",        DNS_MX,    "10 lo2a.example",         NS_TELL,     0},
    {"lo2a.example",       DNS_A,     "127.8.9.10",              NS_TELL,     0},
    {"zero.example",       DNS_MX,    "10 zero4.example",        NS_TELL,     0},
    {"zero4.example",      DNS_A,     "0.0.0.0",                 NS_TELL,     0},
    {"unspec.example",     DNS_MX,    "10 unspec6.example",      NS_TELL,     0},
    {"unspec6.example",    DNS_AAAA,  "::",                      NS_TELL,     0},
    {"loop6.example",      DNS_MX,    "10 lo6.example",          NS_TELL,     0},
    {"lo6.example",        DNS_AAAA,  "::1",                     NS_TELL,     0},
    {"mapped.example",     DNS_MX,    "10 mapped6.example",      NS_TELL,     0},
    {"mapped6.example",    DNS_AAAA,  "::ffff:127.0.0.1",        NS_TELL,     0},
    {"ownip.example",      DNS_MX,    "10 ownip4.example",       NS_TELL,     0},
    {"ownip4.example",     DNS_A,     "198.51.100.1",            NS_TELL,     0},
    {"ownip4.example",     DNS_A,     "192.0.2.9",               NS_TELL,     0},
    {"ownname.example",    DNS_MX,    "10 Me.Example",           NS_TELL,     0},
    {"me.example",         DNS_A,     "192.0.2.9",               NS_TELL,     0},
    {"helo.example",       DNS_A,     "192.0.2.9",               NS_TELL,     0},
    {"backup.example",     DNS_MX,    "10 a.example",            NS_TELL,     0},
    {"backup.example",     DNS_MX,    "20 me.example",           NS_TELL,     0},
    {"backup.example",     DNS_MX,    "20 b.example",            NS_TELL,     0},
    {"backup.example",     DNS_MX,    "30 six.example",          NS_TELL,     0},
    {"backupip.example",   DNS_MX,    "10 a.example",            NS_TELL,     0},
    {"backupip.example",   DNS_MX,    "20 ownip4.example",       NS_TELL,     0},
    {"backupip.example",   DNS_MX,    "20 b.example",            NS_TELL,     0},
    {"ownfail.example",    DNS_MX,    "10 me.example",           NS_TELL,     0},
    {"ownfail.example",    DNS_MX,    "20 afail.example",        NS_TELL,     0},
    {"failown.example",    DNS_MX,    "10 afail.example",        NS_TELL,     0},
    {"failown.example",    DNS_MX,    "20 me.example",           NS_TELL,     0},
    {"plainown.example",   DNS_A,     "198.51.100.1",            NS_TELL,     0},
    {"multi.example",      DNS_MX,    "10 multi4.example",       NS_TELL,     0},
    {"multi4.example",     DNS_A,     "224.0.0.1",               NS_TELL,     0},
    {"multi4.example",     DNS_A,     "255.255.255.255",         NS_TELL,     0},
    {"multi4.example",     DNS_A,     "169.254.169.254",         NS_TELL,     0},
    {"multi4.example",     DNS_AAAA,  "ff02::1",                 NS_TELL,     0},
    {"multi4.example",     DNS_AAAA,  "fe80::1",                 NS_TELL,     0},
 /* N7: a literal is a name, and nobody's. */
    {"literal.example",    DNS_MX,    "10 1.2.3.4.",             NS_TELL,     0},
    {"strange.example",    DNS_MX,    "10 a\\010b\\000.example", NS_TELL,     0},
    {"strange.example",    DNS_MX,    "20 a\\046b.example",      NS_TELL,     0},
 /* N9, N10: lies, and TCP. */
    {"lie.example",        DNS_MX,    "10 b.example",            NS_FALSE,    0},
    {"cut.example",        DNS_MX,    "10 b.example",            NS_CUT,      0},
    {"shut.example",       DNS_MX,    "10 b.example",            NS_CUT_SHUT, 0},
 /* AD. */
    {"sec.example",        DNS_MX,    "10 seca.example",         NS_SECURE,   0},
    {"sec.example",        DNS_MX,    "20 b.example",            NS_SECURE,   0},
    {"seca.example",       DNS_A,     "192.0.2.7",               NS_SECURE,   0},
    {"seca.example",       DNS_AAAA,  "2001:db8::7",             NS_SECURE,   0},
    {"halfsec.example",    DNS_MX,    "10 seca.example",         NS_TELL,     0},
    {NULL,		 0,         NULL,		      0,           0},
};

static struct zone_row zone[sizeof(small) / sizeof(small[0]) + 600];
static struct nameserver server;
static struct self self = {
    .names = {"me.example", "helo.example"}
};
static struct resolver r = {.self = &self, .ms = LATER};

/* "10 a.example 2001:db8::1 192.0.2.1; " for each target; "*" behind the
 * preference of a secure one; or "D 5.1.2". */
static void
describe(struct buf *out, bool found, const struct targets *t,
    const struct refusal *why)
{
	char ip[IP_SIZE];

	buf_clear(out);
	if (!found) {
		assert_true(buf_append_byte(out, why->letter) &&
			    buf_append_byte(out, ' ') &&
			    buf_append_text(out, why->status));
		assert_int_equal(t->count, 0);
	}
	for (unsigned i = 0; i < t->count; i++) {
		const struct target *h = &t->hosts[i];

		assert_true(buf_append_number(out, h->preference) &&
			    buf_append_text(out, h->secure ? "* " : " ") &&
			    buf_append_text(out, h->name));
		for (unsigned j = 0; j < h->count; j++) {
			ip_format(ip, &h->addresses[j]);
			assert_true(buf_append_byte(out, ' ') &&
				    buf_append_text(out, ip));
		}
		assert_true(buf_append_text(out, "; "));
	}
	assert_true(buf_terminate(out));
}

struct row {
	const char *host, *says;
};

static void
check(const struct row *rows, size_t count, bool mx)
{
	struct buf out = {0};
	struct targets t;
	struct refusal why;

	for (size_t i = 0; i < count; i++) {
		struct hop h = {rows[i].host, mx, 25};
		bool found = resolve(&r, &h, &t, &why);

		describe(&out, found, &t, &why);
		if (strcmp(out.data, rows[i].says) != 0)
			fail_msg(
			    "%s: %s (%s)", rows[i].host, out.data, why.text);
	}
	buf_free(&out);
}

#define CHECK(rows, mx) check((rows), sizeof(rows) / sizeof((rows)[0]), (mx))

static void
a_domain_is_where_its_exchangers_are(void **state)
{
	static const struct row rows[] = {
	    {"ok.example",         "10 a.example 2001:db8::1 192.0.2.1 192.0.2.2; "
			   "20 b.example 192.0.2.3; "      },
	    {"plain.example",      "0 plain.example 192.0.2.4; "                     },
	    {"alias.example",      "10 a.example 2001:db8::1 192.0.2.1 192.0.2.2; "
			      "20 b.example 192.0.2.3; "},
	    {"aliasplain.example", "0 aliasplain.example 192.0.2.4; "                },
	    {"twice.example",      "10 a.example 2001:db8::1 192.0.2.1 192.0.2.2; "  },
	    {"halfnull.example",   "10 b.example 192.0.2.3; "                        },
	    {"mxalias.example",    "10 cname.example 192.0.2.3; "                    },
	    {"mxlooporb.example",  "20 b.example 192.0.2.3; "                        },
	    {"mxfailorb.example",  "20 b.example 192.0.2.3; "                        },
	    {"halffail.example",   "10 six.example 2001:db8::6; "                    },
	    {"lie.example",        "10 b.example 192.0.2.3; "                        },
	    {"cut.example",        "10 b.example 192.0.2.3; "                        },
	    {"sec.example",        "10* seca.example 2001:db8::7 192.0.2.7; "
			    "20 b.example 192.0.2.3; "    },
	    {"halfsec.example",    "10 seca.example 2001:db8::7 192.0.2.7; "         },
	    {"[192.0.2.1]",        "0 [192.0.2.1] 192.0.2.1; "                       },
	    {"[IPv6:2001:db8::1]", "0 [IPv6:2001:db8::1] 2001:db8::1; "              },
	};

	(void)state;
	CHECK(rows, true);
}

/* What nobody can ever reach fails for good, and what nobody knows just now is
 * tried again. */
static void
no_is_no_and_trouble_is_trouble(void **state)
{
	static const struct row rows[] = {
	    {"nobody.example",    "D 5.1.2" },
	    {"not a host",        "D 5.1.2" },
	    {"[192.0.2.300]",     "D 5.1.2" },
	    {"[2001:db8::1]",     "D 5.1.2" },
	    {"[192.0.2.1",        "D 5.1.2" },
	    {"null.example",      "D 5.1.10"},
	    {"loop.example",      "D 5.4.4" },
	    {"mxloop.example",    "D 5.4.4" },
	    {"noaddress.example", "D 5.4.4" },
	    {"text.example",      "D 5.4.4" },
	    {"literal.example",   "D 5.4.4" },
	    {"strange.example",   "D 5.4.4" },
	    {"multi.example",     "D 5.4.4" },
	    {"fail.example",      "Z 4.1.2" },
	    {"mxfail.example",    "Z 4.1.2" },
	    {"plainfail.example", "Z 4.1.2" },
	    {"shut.example",      "Z 4.1.2" },
	};

	(void)state;
	CHECK(rows, true);
}

static void
silence_is_trouble(void **state)
{
	static const struct row rows[] = {
	    {"drop.example", "Z 4.1.2"},
	    {"junk.example", "Z 4.1.2"},
	};

	(void)state;
	r.ms = SOON;
	CHECK(rows, true);
	r.ms = LATER;
}

static void
mail_does_not_come_back_to_us(void **state)
{
	static const struct row rows[] = {
	    {"lo.example",       "D 5.4.6"                   },
	    {"lo2.example",      "D 5.4.6"                   },
	    {"zero.example",     "D 5.4.6"                   },
	    {"unspec.example",   "D 5.4.6"                   },
	    {"loop6.example",    "D 5.4.6"                   },
	    {"mapped.example",   "D 5.4.6"                   },
	    {"ownip.example",    "D 5.4.6"                   },
	    {"ownname.example",  "D 5.4.6"                   },
	    {"plainown.example", "D 5.4.6"                   },
	    {"me.example",       "D 5.4.6"                   },
	    {"helo.example",     "D 5.4.6"                   },
	    {"[127.0.0.1]",      "D 5.4.6"                   },
	    {"[198.51.100.1]",   "D 5.4.6"                   },
	    {"[IPv6:::1]",       "D 5.4.6"                   },
	    {"[224.0.0.1]",      "D 5.4.4"                   },
	    {"ownfail.example",  "D 5.4.6"                   },
	    {"failown.example",  "Z 4.1.2"                   },
	    {"backup.example",
             "10 a.example 2001:db8::1 192.0.2.1 192.0.2.2; "},
	    {"backupip.example",
             "10 a.example 2001:db8::1 192.0.2.1 192.0.2.2; "},
	};

	(void)state;
	CHECK(rows, true);
}

/* With it said, the loopback is a place like others; 0.0.0.0 is not. */
static void
the_loopback_is_a_host_where_that_is_said(void **state)
{
	static const struct row rows[] = {
	    {"lo.example",     "10 lo4.example 127.0.0.1; "    },
	    {"lo2.example",    "10 lo2a.example 127.8.9.10; "  },
	    {"loop6.example",  "10 lo6.example ::1; "          },
	    {"mapped.example", "10 mapped6.example 127.0.0.1; "},
	    {"zero.example",   "D 5.4.6"                       },
	    {"unspec.example", "D 5.4.6"                       },
	    {"ownip.example",  "D 5.4.6"                       },
	};

	(void)state;
	self.loopback = true;
	CHECK(rows, true);
	self.loopback = false;
}

/* What control/ names is dialled, and its mistakes bounce nothing. */
static void
a_relay_may_be_anywhere(void **state)
{
	static const struct row rows[] = {
	    {"lo4.example",    "0 lo4.example 127.0.0.1; "              },
	    {"me.example",     "0 me.example 192.0.2.9; "               },
	    {"ok.example",     "Z 4.4.4"                                },
	    {"nobody.example", "Z 4.4.4"                                },
	    {"afail.example",  "Z 4.1.2"                                },
	    {"seca.example",   "0* seca.example 2001:db8::7 192.0.2.7; "},
	    {"localhost",      "0 localhost ::1 127.0.0.1; "            },
	    {"[127.0.0.1]",    "0 [127.0.0.1] 127.0.0.1; "              },
	    {"[127.0.0.1",     "Z 4.4.4"                                },
	};

	(void)state;
	CHECK(rows, false);
}

static void
the_sentences_are_those_of_qmail_remote(void **state)
{
	static const struct row rows[] = {
	    {"nobody.example",       "Sorry, I couldn't find any host named "
			       "nobody.example. (#5.1.2)"              },
	    {"no\nbody\033.example", "Sorry, I couldn't find any host named "
				     "no?body?.example. (#5.1.2)"},
	    {"fail.example",
             "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
		"MX of fail.example: SERVFAIL, REFUSED or no server"                                 },
	    {"mxfail.example",
             "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
		"A of afail.example: SERVFAIL, REFUSED or no server"                                 },
	    {"text.example",         "Sorry, I couldn't find a mail exchanger or IP "
			     "address. (#5.4.4)"                         },
	    {"me.example",
             "Sorry. Although I'm listed as a best-preference MX or A for "
		"that host,\nit isn't in my control/locals file, so I don't "
		"treat it as local. (#5.4.6)"							},
	};
	struct targets t;
	struct refusal why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hop h = {rows[i].host, true, 25};

		assert_false(resolve(&r, &h, &t, &why));
		assert_string_equal(why.text, rows[i].says);
	}
}

static void
aliases_and_security_are_told_apart(void **state)
{
	static const struct {
		const char *host, *canonical, *target;
		bool mx, secure, address_secure;
	} rows[] = {
	    {"ok.example",         "ok.example",      "a.example",     true,  false, false},
	    {"alias.example",      "ok.example",      "a.example",     true,  false, false},
	    {"aliasplain.example", "plain.example",   "plain.example", false,
             false,								  false},
	    {"mxalias.example",    "mxalias.example", "b.example",     true,  false,
             false									},
	    {"sec.example",        "sec.example",     "seca.example",  true,  true,  true },
	    {"halfsec.example",    "halfsec.example", "seca.example",  true,  false,
             true									 },
	};
	struct targets t;
	struct refusal why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hop h = {rows[i].host, true, 25};

		assert_true(resolve(&r, &h, &t, &why));
		assert_string_equal(t.canonical, rows[i].canonical);
		assert_string_equal(t.hosts[0].canonical, rows[i].target);
		assert_int_equal(t.mx, rows[i].mx);
		assert_int_equal(t.secure, rows[i].secure);
		assert_int_equal(
		    t.hosts[0].address_secure, rows[i].address_secure);
	}
}

/* N8: 500 exchangers, the best with 50 addresses each. */
static void
many_hosts_are_a_few(void **state)
{
	struct hop h = {"big.example", true, 25};
	struct targets t;
	struct refusal why;
	unsigned before = atomic_load(server.asked), all = 0;

	(void)state;
	assert_true(resolve(&r, &h, &t, &why));
	assert_true(
	    atomic_load(server.asked) - before <= 2 + 2 * RESOLVE_HOSTS * 2);
	for (unsigned i = 0; i < t.count; i++) {
		assert_in_range(t.hosts[i].count, 1, RESOLVE_ADDRESSES);
		assert_true(i == 0 ||
			    t.hosts[i - 1].preference <= t.hosts[i].preference);
		all += t.hosts[i].count;
	}
	assert_int_equal(all, RESOLVE_ALL);
	assert_int_equal(t.count, RESOLVE_ALL / RESOLVE_ADDRESSES);
}

/* big.example: preferences 1 to 500, a host each; those of the first ten have
 * 9 addresses each, more than are taken. */
static size_t
fill_big(struct zone_row *z)
{
	static char text[600][32];
	size_t n = 0;

	for (unsigned i = 0; i < 500; i++, n++) {
		(void)snprintf(text[n], sizeof(text[n]), "%u x%u.example",
		    i + 1, i < 10 ? i : 10);
		z[n] = (struct zone_row){
		    "big.example", DNS_MX, text[n], NS_TELL, 0};
	}
	for (unsigned i = 0; i < 90; i++, n++) {
		(void)snprintf(text[n], sizeof(text[n]), "203.0.113.%u", i + 1);
		z[n] = (struct zone_row){
		    strchr(text[i / 9], ' ') + 1, DNS_A, text[n], NS_TELL, 0};
	}
	return n;
}

static int
start(void **state)
{
	const struct ip own = {
	    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1}
        };
	struct dns_server one = {.port = 0};
	size_t n = fill_big(zone);

	(void)state;
	memcpy(zone + n, small, sizeof(small));
	nameserver_start(&server, zone);
	one.port = server.port;
	if (!self_add(&self, &own) || !ip_parse(str_of("127.0.0.1"), &one.ip))
		return -1;
	r.dns = dns_new(&one, 1);
	return r.dns == NULL ? -1 : 0;
}

static int
stop(void **state)
{
	(void)state;
	nameserver_stop(&server);
	dns_free(r.dns);
	self_free(&self);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_domain_is_where_its_exchangers_are),
	    cmocka_unit_test(no_is_no_and_trouble_is_trouble),
	    cmocka_unit_test(silence_is_trouble),
	    cmocka_unit_test(mail_does_not_come_back_to_us),
	    cmocka_unit_test(the_loopback_is_a_host_where_that_is_said),
	    cmocka_unit_test(a_relay_may_be_anywhere),
	    cmocka_unit_test(the_sentences_are_those_of_qmail_remote),
	    cmocka_unit_test(aliases_and_security_are_told_apart),
	    cmocka_unit_test(many_hosts_are_a_few),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
