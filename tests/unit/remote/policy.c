/* policy: what TLS a host must have, and what becomes of mail where it is not
 * so: by tables of what is published, and with real servers. */
#include "tests/unit/lib/tlshost.h"
#include "tests/unit/remote/asked.h"

#include "control/inside.h"
#include "remote/policy.h"
#include "remote/stream.h"

/* What culver-policyd knows of the domain. */
static struct {
	enum sts_answer answer;
	enum sts_mode mode;
	const char *mx; /* its only pattern */
	unsigned asked;
} published;

static enum sts_answer
ask_sts(struct sts *s, struct str domain, struct sts_policy *p)
{
	assert_null(s);
	assert_true(str_equal(domain, str_of("example.org")));
	published.asked++;
	if (published.answer == STS_POLICY)
		*p = (struct sts_policy){
		    .mode = published.mode,
		    .max_age = 1,
		    .id = {"1", 1},
		    .mx = {str_of(published.mx)  },
		    .count = 1
                };
	return published.answer;
}

static struct policy_sources sources = {
    .tlsa = {NULL, asked_dns},
      .sts_ask = ask_sts
};

/* One case: what control/ says, what DNS does, what the domain publishes. */
struct given {
	const char *rules;   /* of tlspolicy; NULL: none */
	const char *hop;     /* a relay or literal; NULL: example.org's MX */
	bool implicit, user; /* of the way */
	bool insecure;       /* the answers that lead to the host */
	struct asked_row tlsa;
	enum sts_mode mode; /* with mx */
	const char *mx;     /* a pattern; NULL: no policy */
	bool later;         /* culver-policyd does not know */
	bool optional;      /* the message wants no policy */
};

static struct controls *controls;
static struct nexthop hop;
static struct targets targets;
static struct policy policy;

static void
set(const struct given *g)
{
	struct target *t = &targets.hosts[0];
	struct buf error = {0};
	const char *name = g->hop == NULL ? "mx.example.org" : g->hop;

	controls = control_new(-1, CONTROL_TOOLS);
	assert_non_null(controls);
	if (!control_set(controls, C_tlspolicy,
		str_of(g->rules == NULL ? "" : g->rules), &error))
		fail_msg("%s", error.data);
	buf_free(&error);
	sources.controls = controls;
	sources.optional = g->optional;
	hop = (struct nexthop){.mx = g->hop == NULL,
	    .port = 25,
	    .tls = g->implicit,
	    .user = str_of(g->user ? "joe" : "")};
	assert_true(str_copy(hop.host, sizeof hop.host,
	    str_of(g->hop == NULL ? "example.org" : g->hop)));
	targets = (struct targets){.mx = hop.mx, .secure = true, .count = 1};
	assert_true(str_copy(targets.canonical, sizeof targets.canonical,
	    str_of("canonical.example.org")));
	*t = (struct target){
	    .secure = !g->insecure, .address_secure = !g->insecure, .count = 1};
	assert_true(ip_parse(str_of("192.0.2.1"), &t->addresses[0]));
	assert_true(str_copy(t->name, sizeof t->name, str_of(name)));
	assert_true(str_copy(t->canonical, sizeof t->canonical, str_of(name)));
	asked_rows = &g->tlsa;
	asked_count = g->tlsa.name != NULL;
	published.answer = g->later        ? STS_LATER
			   : g->mx == NULL ? STS_NONE
					   : STS_POLICY;
	published.mode = g->mode;
	published.mx = g->mx;
	published.asked = 0;
}

static bool
decide(const struct given *g)
{
	set(g);
	return policy_decide(
	    &policy, &sources, &hop, &targets, &targets.hosts[0]);
}

static void
undecide(void)
{
	policy_free(&policy);
	control_free(controls);
}

/* "dane! dane mx.example.org,example.org,": level, '!' where it is required,
 * '?' in testing; trust; names. */
static void
expect(size_t row, const char *text)
{
	static const char *const trusts[] = {
	    [TLS_ANYBODY] = "anybody",
	    [TLS_NAMED] = "named",
	    [TLS_PINNED] = "pinned",
	};
	char got[1024];
	size_t n;

	n = (size_t)snprintf(got, sizeof got, "%s%s%s %s ",
	    policy_name(policy.level), policy.required ? "!" : "",
	    policy.testing ? "?" : "", trusts[policy.wish.trust]);
	for (size_t i = 0; i < policy.wish.name_count; i++)
		n += (size_t)snprintf(
		    got + n, sizeof got - n, "%s,", policy.wish.names[i]);
	if (strcmp(got, text) != 0)
		fail_msg("row %zu: %s is not %s", row, got, text);
}

#define TLSA "_25._tcp.mx.example.org"
#define PUBLISHED                                                              \
	{                                                                      \
		.name = TLSA, .secure = true, .usage = 3                       \
	}
#define UNUSABLE                                                               \
	{                                                                      \
		.name = TLSA, .secure = true, .usage = 1                       \
	}
#define UNSIGNED                                                               \
	{                                                                      \
		.name = TLSA, .usage = 3                                       \
	}
#define BROKEN                                                                 \
	{                                                                      \
		.name = TLSA, .trouble = "SERVFAIL"                            \
	}

static const struct {
	struct given given;
	const char *policy;
} decisions[] = {
    {{0},								   "may anybody "             },
 /* DANE, as far as all that leads there is signed. */
    {{.tlsa = PUBLISHED},
     "dane! pinned mx.example.org,example.org,canonical.example.org,"                                  },
    {{.tlsa = PUBLISHED, .insecure = true},                                 "may anybody "             },
    {{.tlsa = UNSIGNED},						    "may anybody "             },
    {{.tlsa = UNUSABLE},						    "encrypt! anybody "        },
    {{.tlsa = BROKEN, .insecure = true},                                    "may anybody "             },
    {{.tlsa = {.name = "_25._tcp.relay.test", .secure = true, .usage = 2},
	 .hop = "relay.test"},
     "dane! pinned relay.test,"									},
    {{.tlsa = {.name = "_25._tcp.[192.0.2.1]", .secure = true, .usage = 3},
	 .hop = "[192.0.2.1]"},
     "may anybody "										    },
 /* MTA-STS, behind it. */
    {{.mode = STS_MODE_ENFORCE, .mx = "*.example.org"},
     "sts! named mx.example.org,"								      },
    {{.mode = STS_MODE_TESTING, .mx = "mx.example.org"},
     "sts? named mx.example.org,"								      },
    {{.mode = STS_MODE_TESTING, .mx = "mx.example.com"},                    "sts? anybody "            },
    {{.mode = STS_MODE_NONE, .mx = "mx.example.org"},                       "may anybody "             },
    {{.later = true},						       "may anybody "             },
    {{.mode = STS_MODE_ENFORCE, .mx = "mx.example.org", .tlsa = UNSIGNED},
     "sts! named mx.example.org,"								      },
    {{.mode = STS_MODE_ENFORCE, .mx = "mx.example.org", .tlsa = PUBLISHED},
     "dane! pinned mx.example.org,example.org,canonical.example.org,"                                  },
    {{.mode = STS_MODE_ENFORCE, .mx = "mx.example.org", .tlsa = UNUSABLE},
     "encrypt! anybody "									       },
 /* A relay's own name has none. */
    {{.mode = STS_MODE_ENFORCE, .mx = "*.test", .hop = "relay.test"},
     "may anybody "										    },
 /* Of a message that asks for it they are not asked. */
    {{.optional = true, .tlsa = BROKEN},                                    "may anybody "             },
    {{.optional = true, .mode = STS_MODE_ENFORCE, .mx = "mx.example.com"},
     "may anybody "										    },
    {{.optional = true, .rules = ":encrypt\n"},                             "encrypt! anybody "        },
    {{.optional = true, .user = true},                                      "encrypt! anybody "        },
 /* A line stands in the place of them all. */
    {{.rules = ":none\n", .tlsa = PUBLISHED},                               "none anybody "            },
    {{.rules = ":may\n", .tlsa = PUBLISHED},                                "may anybody "             },
    {{.rules = "example.org:may\n:none\n",
	 .mode = STS_MODE_ENFORCE,
	 .mx = "mx.example.com"},
     "may anybody "										    },
    {{.rules = ".example.org:none\n"},                                      "may anybody "             },
    {{.rules = ":encrypt\n", .tlsa = BROKEN},                               "encrypt! anybody "        },
    {{.rules = "example.org:verify\n"},
     "verify! named example.org,.example.org,"							 },
    {{.rules = "example.org:verify a.test .b.test\n"},
     "verify! named a.test,.b.test,"								   },
    {{.rules = ":verify\n", .hop = "relay.test"},                           "verify! named relay.test,"},
    {{.rules = ":verify\n", .hop = "[192.0.2.1]"},                          "verify! named 192.0.2.1," },
    {{.rules = ":dane\n", .tlsa = PUBLISHED},
     "dane! pinned mx.example.org,example.org,canonical.example.org,"                                  },
    {{.rules = ":sts\n",
	 .mode = STS_MODE_ENFORCE,
	 .mx = "mx.example.org",
	 .tlsa = PUBLISHED},
     "sts! named mx.example.org,"								      },
    {{.rules = ":sts\n", .mode = STS_MODE_TESTING, .mx = "mx.example.org"},
     "sts! named mx.example.org,"								      },
 /* What the way wants. */
    {{.implicit = true},						    "encrypt! anybody "        },
    {{.implicit = true, .rules = ":none\n"},                                "encrypt! anybody "        },
    {{.implicit = true, .rules = ":may\n"},                                 "encrypt! anybody "        },
    {{.user = true, .hop = "relay.test"},                                   "encrypt! anybody "        },
    {{.user = true, .mode = STS_MODE_TESTING, .mx = "mx.example.org"},
     "sts!? named mx.example.org,"								     },
    {{.user = true, .hop = "relay.test", .rules = ":may\n"},                "may anybody "             },
    {{.user = true, .hop = "relay.test", .rules = ":none\n"},               "none anybody "            },
};

static void
policies_are_decided_by_line_then_dane_then_sts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		const struct given *g = &decisions[i].given;

		if (!decide(g))
			fail_msg("row %zu: refused: %s", i, policy.why);
		expect(i, decisions[i].policy);
		/* A literal has no name to send. */
		if (g->hop != NULL && g->hop[0] == '[')
			assert_null(policy.wish.sni);
		else
			assert_string_equal(policy.wish.sni,
			    g->hop == NULL ? "mx.example.org" : g->hop);
		if (policy.level == POLICY_DANE)
			assert_int_equal(published.asked, 0);
		undecide();
	}
}

static const struct {
	struct given given;
	enum sts_type type;
	enum sts_result result;
	const char *text;
} refusals[] = {
    {{.tlsa = BROKEN},						      STS_TYPE_TLSA, STS_DNSSEC_INVALID,
     "TLS policy dane for example.org is not met by mx.example.org: its "
	"TLSA records are not known: SERVFAIL. (#4.7.5)"                    },
    {{.tlsa = BROKEN, .mode = STS_MODE_ENFORCE, .mx = "mx.example.org"},
     STS_TYPE_TLSA,									STS_DNSSEC_INVALID,
     "TLS policy dane for example.org is not met by mx.example.org: its "
	"TLSA records are not known: SERVFAIL. (#4.7.5)"                    },
    {{.rules = ":dane\n"},						  STS_TYPE_TLSA, STS_DANE_REQUIRED,
     "TLS policy dane for example.org is not met by mx.example.org: it has "
	"no TLSA records that are signed. (#4.7.5)"                         },
    {{.rules = ":dane\n", .tlsa = UNSIGNED},                                STS_TYPE_TLSA, STS_DANE_REQUIRED,
     "TLS policy dane for example.org is not met by mx.example.org: it has "
	"no TLSA records that are signed. (#4.7.5)"                         },
    {{.rules = ":dane\n", .tlsa = PUBLISHED, .insecure = true},             STS_TYPE_TLSA,
     STS_DANE_REQUIRED,											"TLS policy dane for example.org is not met by mx.example.org: it has "
	"no TLSA records that are signed. (#4.7.5)"  },
    {{.rules = ":dane\n", .tlsa = UNUSABLE},                                STS_TYPE_TLSA, STS_TLSA_INVALID,
     "TLS policy dane for example.org is not met by mx.example.org: no TLSA "
	"record can be used. (#4.7.5)"				      },
    {{.mode = STS_MODE_ENFORCE, .mx = "mx.example.com"},                    STS_TYPE_STS,
     STS_FAILURE,											      "TLS policy sts for example.org is not met by mx.example.org: the "
	"domain's policy does not name this host. (#4.7.5)"},
    {{.rules = ":sts\n", .mode = STS_MODE_TESTING, .mx = "mx.example.com"},
     STS_TYPE_STS,									 STS_FAILURE,
     "TLS policy sts for example.org is not met by mx.example.org: the "
	"domain's policy does not name this host. (#4.7.5)"                 },
    {{.rules = ":sts\n"},						   STS_TYPE_NONE, STS_FETCH_ERROR,
     "TLS policy sts for example.org is not met by mx.example.org: the "
	"domain has no MTA-STS policy. (#4.7.5)"                            },
    {{.rules = ":sts\n", .later = true},                                    STS_TYPE_NONE, STS_FETCH_ERROR,
     "TLS policy sts for example.org is not met by mx.example.org: the "
	"domain's policy is not known now. (#4.7.5)"                        },
    {{.rules = ":sts\n", .hop = "relay.test"},                              STS_TYPE_NONE, STS_FETCH_ERROR,
     "TLS policy sts for relay.test is not met by relay.test: the domain "
	"has no MTA-STS policy. (#4.7.5)"                                   },
};

static void
hosts_that_may_not_be_used_are_named_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct sts_report report;
		struct buf records = {0};
		struct refusal why;

		if (decide(&refusals[i].given))
			fail_msg("row %zu was not refused", i);
		policy_refusal(&policy, &why);
		assert_int_equal(why.letter, 'Z');
		assert_string_equal(why.status, "4.7.5");
		assert_string_equal(why.text, refusals[i].text);
		assert_true(policy.required);
		assert_false(policy_clear(&policy));
		assert_true(policy_report(
		    &policy, "example.org", NULL, NULL, &records, &report));
		assert_int_equal(report.type, refusals[i].type);
		assert_int_equal(report.result, refusals[i].result);
		assert_false(report.reached);
		buf_free(&records);
		undecide();
	}
}

static void
a_table_that_was_never_read_defers(void **state)
{
	struct given g = {0};
	struct sts_report report;
	struct buf records = {0};
	struct refusal why;

	(void)state;
	set(&g);
	control_free(controls);
	sources.controls = controls = control_new(-1, CONTROL_TOOLS);
	assert_non_null(controls);
	assert_false(policy_decide(
	    &policy, &sources, &hop, &targets, &targets.hosts[0]));
	policy_refusal(&policy, &why);
	assert_int_equal(why.letter, 'Z');
	assert_string_equal(why.status, "4.3.0");
	assert_false(policy_report(
	    &policy, "example.org", NULL, NULL, &records, &report));
	undecide();
}

static void
without_starttls_only_what_demands_none_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		struct sts_report report;
		struct buf records = {0};
		struct refusal why;
		bool demanded = strchr(decisions[i].policy, '!') != NULL;
		bool silent = decisions[i].given.optional &&
			      decisions[i].given.rules == NULL;

		assert_true(decide(&decisions[i].given));
		assert_int_equal(policy_stripped(&policy), !demanded);
		policy_refusal(&policy, &why);
		assert_string_equal(why.status, "4.7.4");
		if (policy_report(
			&policy, "example.org", NULL, NULL, &records, &report))
			assert_int_equal(report.result, STS_NO_STARTTLS);
		else
			assert_true(silent || policy.level == POLICY_NONE);
		if (silent)
			assert_false(policy_report(&policy, "example.org", NULL,
			    NULL, &records, &report));
		buf_free(&records);
		undecide();
	}
}

static void
no_way_leads_from_a_demand_to_clear_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		bool demanded = strchr(decisions[i].policy, '!') != NULL;
		bool none = strstr(decisions[i].policy, "none ") != NULL;

		assert_true(decide(&decisions[i].given));
		assert_false(policy_shaken(
		    &policy, TLS_PROTOCOL, TLS_OK, "no shared cipher"));
		assert_int_equal(policy_clear(&policy), !demanded && !none);
		assert_false(policy_clear(&policy) && demanded);
		undecide();
		/* Nor does a fault of our own make one. */
		assert_true(decide(&decisions[i].given));
		assert_false(
		    policy_shaken(&policy, TLS_LOCAL, TLS_OK, "no memory"));
		assert_false(policy_clear(&policy));
		undecide();
	}
}

static unsigned char digest[32];

/* A digest of the certificate's key, or of the authority's certificate. */
static struct str
digest_of(X509 *x, bool key)
{
	unsigned char der[2048], *at = der;
	int n = key ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &at)
		    : i2d_X509(x, &at);

	assert_true(n > 0 && (size_t)n <= sizeof der);
	assert_int_equal(
	    EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL), 1);
	return (struct str){(const char *)digest, sizeof digest};
}

static struct stream stream;

/* Decide, connect to a host with that card, and shake hands. */
static bool
meet(const struct given *g, SSL_CTX *x, struct host *h)
{
	static const char address[] = "192.0.2.1";
	char why[TLS_WHY] = "";
	enum tls_fault fault, verdict = TLS_OK;
	struct ip ip;

	assert_true(decide(g));
	assert_true(ip_parse(str_of(address), &ip));
	policy_reach(&policy, &ip, 25);
	*h = host_start(serve_echo, x);
	stream_open(&stream, h->fd);
	fault = stream_start_tls(&stream, context, &policy.wish, soon(), why);
	if (fault == TLS_OK)
		verdict = tls_verdict(stream.tls);
	return policy_shaken(&policy, fault, verdict, why);
}

static void
leave(const struct host *h)
{
	stream_close(&stream, true);
	host_end(h);
	undecide();
}

enum { MAY, ENCRYPT, VERIFY, TESTING, ENFORCE, KEY, AUTHORITY, WRONG, BAD };

/* What is asked for; of DANE with the digest that h is for. */
static struct given
given(int kind, X509 *card)
{
	struct given g = {0};

	if (kind == ENCRYPT)
		g.rules = ":encrypt\n";
	if (kind == VERIFY)
		g.rules = ":verify\n";
	if (kind == TESTING || kind == ENFORCE) {
		g.mode = kind == TESTING ? STS_MODE_TESTING : STS_MODE_ENFORCE;
		g.mx = "mx.example.org";
	}
	if (kind >= KEY) {
		g.tlsa = (struct asked_row){.name = TLSA,
		    .secure = true,
		    .usage = kind == AUTHORITY ? 2
			     : kind == BAD     ? 0
					       : 3,
		    .selector = kind == KEY};
		g.tlsa.data = kind == KEY ? digest_of(card, true)
			      : kind == WRONG
				  ? digest_of(house.authority, true)
				  : digest_of(house.authority, false);
	}
	return g;
}

/* For each card and kind: S success, else the result that is reported; in
 * lower case mail goes on within TLS though it was reported.
 *   H host mismatch, E expired, T not trusted, F failure, I tlsa-invalid */
static void
certificates_meet_policies_or_do_not(void **state)
{
	static const struct {
		enum card card;
		const char *kinds; /* MAY ... BAD */
	} rows[] = {
	    {CARD_GOOD,    "SSSSSSSFi"},
	    {CARD_OTHER,   "SSHhHSHFi"},
	    {CARD_CN,      "SSHhHSSFi"},
	    {CARD_EXPIRED, "SSEeESEFi"},
	    {CARD_SELF,    "SSTtTSFFi"},
	};
	static const enum sts_result results[] = {
	    ['S'] = STS_SUCCESS,
	    ['H'] = STS_HOST_MISMATCH,
	    ['E'] = STS_EXPIRED,
	    ['T'] = STS_NOT_TRUSTED,
	    ['F'] = STS_FAILURE,
	    ['I'] = STS_TLSA_INVALID,
	};
	static const char *const words[] = {"untrusted", "untrusted",
	    "verified", "sts", "sts", "dane", "dane", "dane", "untrusted"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		SSL_CTX *x = host_context(rows[i].card);

		for (int kind = MAY; kind <= BAD; kind++) {
			struct given g = given(kind, house.cards[rows[i].card]);
			char want = rows[i].kinds[kind];
			bool on = want == 'S' || want >= 'a';
			struct sts_report report;
			struct buf records = {0};
			struct host h;
			char end[32];

			if (meet(&g, x, &h) != on)
				fail_msg("card %d, kind %d: %s", rows[i].card,
				    kind, policy.why);
			assert_true(policy_report(&policy, "example.org",
			    &targets.hosts[0].addresses[0],
			    &targets.hosts[0].addresses[0], &records, &report));
			assert_int_equal(report.result,
			    results[want >= 'a' ? want - 'a' + 'A' : want]);
			assert_true(report.reached);
			(void)snprintf(end, sizeof end, " %s",
			    want >= 'a' ? "untrusted" : words[kind]);
			assert_true(
			    !on || str_ends(str_of(stream_tls_text(&stream)),
				       str_of(end)));
			buf_free(&records);
			leave(&h);
		}
		SSL_CTX_free(x);
	}
}

static void
a_refused_certificate_is_told_in_words(void **state)
{
	struct given g = given(VERIFY, NULL);
	SSL_CTX *x = host_context(CARD_EXPIRED);
	struct refusal why;
	struct host h;

	(void)state;
	assert_false(meet(&g, x, &h));
	policy_refusal(&policy, &why);
	assert_string_equal(why.text,
	    "TLS policy verify for example.org is not met by mx.example.org: "
	    "the certificate has expired or is not yet valid: certificate has "
	    "expired. (#4.7.5)");
	assert_string_equal(why.status, "4.7.5");
	leave(&h);
	SSL_CTX_free(x);
}

static void
reports_name_the_records_and_their_domain(void **state)
{
	struct given g = given(WRONG, NULL);
	struct sts_report report;
	struct buf records = {0}, out = {0};
	SSL_CTX *x = host_context(CARD_GOOD);
	struct host h;

	(void)state;
	assert_false(meet(&g, x, &h));
	assert_true(policy_report(
	    &policy, "user.example", NULL, NULL, &records, &report));
	assert_int_equal(report.type, STS_TYPE_TLSA);
	assert_true(str_equal(report.domain, str_of("user.example")));
	assert_true(str_equal(report.base, str_of("mx.example.org")));
	assert_true(str_equal(report.mx, str_of("mx.example.org")));
	assert_true(str_starts(report.policy, str_of("3 0 1 ")));
	assert_int_equal(report.policy.len, 6 + 64);
	/* It is one that a frame can say. */
	assert_true(sts_report_write(&out, &report));
	buf_free(&records);
	buf_free(&out);
	leave(&h);
	SSL_CTX_free(x);
}

static void
a_session_goes_on_under_the_same_policy_alone(void **state)
{
	static const int kinds[] = {MAY, VERIFY, ENFORCE, KEY};
	SSL_CTX *x = host_context(CARD_GOOD);

	(void)state;
	assert_int_equal(SSL_CTX_set_max_proto_version(x, TLS1_2_VERSION), 1);
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < COUNT(kinds); i++) {
			struct given g =
			    given(kinds[i], house.cards[CARD_GOOD]);
			struct host h;

			/* Of names alone, as the tests before this one. */
			if (kinds[i] == VERIFY)
				g.rules = ":verify mx.example.org "
					  "mx.example.net\n";
			assert_true(meet(&g, x, &h));
			assert_int_equal(policy.result, STS_SUCCESS);
			if (again)
				assert_true(tls_resumed(stream.tls));
			else if (kinds[i] == VERIFY)
				assert_false(tls_resumed(stream.tls));
			leave(&h);
		}
	SSL_CTX_free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policies_are_decided_by_line_then_dane_then_sts),
	    cmocka_unit_test(
		hosts_that_may_not_be_used_are_named_with_the_reason),
	    cmocka_unit_test(a_table_that_was_never_read_defers),
	    cmocka_unit_test(without_starttls_only_what_demands_none_goes_on),
	    cmocka_unit_test(no_way_leads_from_a_demand_to_clear_text),
	    cmocka_unit_test(certificates_meet_policies_or_do_not),
	    cmocka_unit_test(a_refused_certificate_is_told_in_words),
	    cmocka_unit_test(reports_name_the_records_and_their_domain),
	    cmocka_unit_test(a_session_goes_on_under_the_same_policy_alone),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
