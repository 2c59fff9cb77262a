/* dnsanswer: what an answer says, and that no bytes are believed, run after or
 * read beyond their end. */
#include "lib/dnsanswer.h"

#include "tests/unit/lib/packet.h"

#include <stdio.h>

enum { RECORDS = 6 };

struct line {
	const char *name; /* NULL: no more */
	enum dns_type type;
	uint32_t ttl;
	const char *data;
};

struct row {
	const char *what, *name;
	enum dns_type type;
	unsigned flags;
	const char *soa; /* of the authority: "minimum" at TTL 600, or NULL */
	struct line lines[RECORDS];
	enum dns_result result;
	const char *says; /* the records, each with "; " behind */
	unsigned aliases;
	uint32_t ttl;
	const char *ends; /* NULL: name */
};

enum { OK = FLAG_QR | FLAG_RD_RA, NX = OK | 3 };

static void
build(struct buf *b, const struct row *r)
{
	unsigned n = 0;

	while (n < RECORDS && r->lines[n].name != NULL)
		n++;
	buf_clear(b);
	put_head(b, r->flags, n, r->soa != NULL, 0);
	put_question(b, r->name, r->type);
	for (unsigned i = 0; i < n; i++)
		put_record(b, r->lines[i].name, r->lines[i].type,
		    r->lines[i].ttl, r->lines[i].data);
	if (r->soa != NULL)
		put_record(b, "example", DNS_SOA, 600, r->soa);
}

static void
describe(struct buf *out, enum dns_type type, const struct dns_record *r)
{
	char text[IP_SIZE], hex[2 * 64 + 1];
	unsigned numbers[3] = {r->usage, r->selector, r->match};

	if (type == DNS_MX) {
		assert_true(buf_append_number(out, r->preference));
		assert_true(buf_append_byte(out, ' '));
	}
	for (int i = 0; type == DNS_TLSA && i < 3; i++) {
		assert_true(buf_append_number(out, numbers[i]));
		assert_true(buf_append_byte(out, ' '));
	}
	if (type == DNS_A || type == DNS_AAAA) {
		ip_format(text, &r->ip);
		assert_true(buf_append_text(out, text));
	} else if (type == DNS_TLSA) {
		assert_true(r->data.len <= 64);
		num_hex(hex, (const unsigned char *)r->data.data, r->data.len);
		assert_true(buf_append_text(out, hex));
	} else {
		assert_true(buf_append_str(out, r->data));
	}
	assert_true(buf_append_text(out, "; "));
}

static const struct row rows[] = {
    {"addresses",				  "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_A, 300, "192.0.2.1"},
	    {"a.example", DNS_A, 200, "192.0.2.2"}},
     DNS_FOUND,																 "192.0.2.1; 192.0.2.2; ",              0,  200,              NULL       },
    {"IPv6",				       "a.example",              DNS_AAAA,  OK,           NULL,
     {{"A.EXAMPLE", DNS_AAAA, 300, "2001:db8::1"}},										DNS_FOUND,
     "2001:db8::1; ",																				  0,  300,              NULL       },
    {"exchangers",				 "Example",                DNS_MX,    OK,           NULL,
     {{"example", DNS_MX, 300, "10 MX1.Example"},
	    {"example", DNS_MX, 300, "0 ."},
	    {"example", DNS_MX, 300, "65535 1.2.3.4"}},
     DNS_FOUND,																 "10 mx1.example; 0 ; 65535 1.2.3.4; ", 0,  300,              "example"  },
    {"an exchanger whose name would write logs",   "example",                DNS_MX,    OK,           NULL,
     {{"example", DNS_MX, 300, "1 a\\010b\\000\\027.x"}},									  DNS_FOUND,
     "1 a\\010b\\000\\027.x; ",																			0,  300,              NULL       },
    {"a host's name",			      "1.2.0.192.in-addr.arpa", DNS_PTR,   OK,           NULL,
     {{"1.2.0.192.in-addr.arpa", DNS_PTR, 300, "h\\034\\010.example"}},
     DNS_FOUND,																 "h\\034\\010.example; ",               0,  300,              NULL       },
    {"text",				       "example",                DNS_TXT,   OK,           NULL,
     {{"example", DNS_TXT, 300, "v=spf1 -all"},
	    {"example", DNS_TXT, 300, ""}},
     DNS_FOUND,																 "v=spf1 -all; ; ",                     0,  300,              NULL       },
    {"TLSA",				       "_25._tcp.example",       DNS_TLSA,  OK,           NULL,
     {{"_25._tcp.example", DNS_TLSA, 300, "3 1 1 00ff10"},
	    {"_25._tcp.example", DNS_TLSA, 300, "2 0 255 "}},
     DNS_FOUND,																 "3 1 1 00ff10; 2 0 255 ; ",            0,  300,              NULL       },
    {"an alias itself",			    "a.example",              DNS_CNAME, OK,           NULL,
     {{"a.example", DNS_CNAME, 300, "b.example"}},										 DNS_FOUND,   "b.example; ",
     0,																						    300,              NULL       },
    {"aliases in any order",                       "a.example",              DNS_A,     OK,           NULL,
     {{"c.example", DNS_A, 300, "192.0.2.1"},
	    {"b.example", DNS_CNAME, 20, "c.example"},
	    {"a.example", DNS_CNAME, 300, "B.example"}},
     DNS_FOUND,																 "192.0.2.1; ",                         2,  20,               "c.example"},
    {"records of others are none",                 "a.example",              DNS_A,     OK,           NULL,
     {{"b.example", DNS_A, 300, "192.0.2.1"},
	    {"a.example", DNS_TXT, 300, "x"},
	    {"b.example", DNS_CNAME, 300, "a.example"}},
     DNS_NO_DATA,															       "",				    0,  0,                NULL       },
    {"an alias comes before its own records",      "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_A, 300, "192.0.2.1"},
	    {"a.example", DNS_CNAME, 300, "b.example"},
	    {"b.example", DNS_A, 300, "192.0.2.2"}},
     DNS_FOUND,																 "192.0.2.2; ",                         1,  300,              "b.example"},
    {"an alias of itself",                         "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_CNAME, 300, "a.example"}},										 DNS_LOOP,    "",                                    17, 300,
     NULL																									       },
    {"aliases in a circle",                        "a.example",              DNS_MX,    OK,           NULL,
     {{"a.example", DNS_CNAME, 300, "b.example"},
	    {"b.example", DNS_CNAME, 300, "c.example"},
	    {"c.example", DNS_CNAME, 300, "a.example"}},
     DNS_LOOP,																  "",				    17, 300,              "c.example"},
    {"nobody has it",			      "a.example",              DNS_A,     NX,           "120", {{NULL, 0, 0, NULL}},
     DNS_NO_NAME,															       "",				    0,  120,              NULL       },
    {"nobody has it, kept for the SOA's own time", "a.example",              DNS_A,     NX,
     "86400",												{{NULL, 0, 0, NULL}}, DNS_NO_NAME, "",                                    0,  600,              NULL       },
    {"nobody has it, nothing says how long",       "a.example",              DNS_A,     NX,           NULL,
     {{NULL, 0, 0, NULL}},													 DNS_NO_NAME, "",                                    0,  0,                NULL       },
    {"nobody has what it is an alias of",          "a.example",              DNS_A,     NX,           "120",
     {{"a.example", DNS_CNAME, 60, "b.example"}},										  DNS_NO_NAME, "",                                    1,  60,
     "b.example"																									},
    {"no such record",			     "a.example",              DNS_MX,    OK,           "120", {{NULL, 0, 0, NULL}},
     DNS_NO_DATA,															       "",				    0,  120,              NULL       },
    {"an empty answer",			    "a.example",              DNS_MX,    OK,           NULL,  {{NULL, 0, 0, NULL}},
     DNS_NO_DATA,															       "",				    0,  0,                NULL       },
    {"nothing at an alias's end",                  "a.example",              DNS_MX,    OK,           "120",
     {{"a.example", DNS_CNAME, 300, "b.example"}},										 DNS_NO_DATA, "",                                    1,  120,
     "b.example"																									},
    {"time to live 0",			     "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_A, 0, "192.0.2.1"}},										       DNS_FOUND,   "192.0.2.1; ",                         0,  0,
     NULL																									       },
    {"time to live 2^31",			  "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_A, 0x80000000, "192.0.2.1"}},									      DNS_FOUND,
     "192.0.2.1; ",																				    0,  DNS_POSITIVE_MAX, NULL       },
    {"time to live 2^32-1",                        "a.example",              DNS_A,     OK,           NULL,
     {{"a.example", DNS_A, 0xffffffff, "192.0.2.1"}},									      DNS_FOUND,
     "192.0.2.1; ",																				    0,  DNS_POSITIVE_MAX, NULL       },
    {"there is none, and here it is",              "a.example",              DNS_A,     NX,           NULL,
     {{"a.example", DNS_A, 300, "192.0.2.1"}},										     DNS_TROUBLE, "",                                    0,  0,                ""         },
    {"SERVFAIL",				   "a.example",              DNS_A,     OK | 2,       NULL,  {{NULL, 0, 0, NULL}},
     DNS_TROUBLE,															       "",				    0,  0,                ""         },
    {"REFUSED",				    "a.example",              DNS_A,     OK | 5,       NULL,  {{NULL, 0, 0, NULL}},
     DNS_TROUBLE,															       "",				    0,  0,                ""         },
    {"NXRRSET",				    "a.example",              DNS_A,     OK | 8,       NULL,  {{NULL, 0, 0, NULL}},
     DNS_TROUBLE,															       "",				    0,  0,                ""         },
    {"a question",				 "a.example",              DNS_A,     FLAG_RD_RA,   NULL,
     {{"a.example", DNS_A, 300, "192.0.2.1"}},										     DNS_TROUBLE, "",                                    0,  0,                ""         },
    {"cut",					"a.example",              DNS_A,     OK | FLAG_TC, NULL,
     {{"a.example", DNS_A, 300, "192.0.2.1"}},										     DNS_TROUBLE, "",                                    0,  0,                ""         },
};

static void
says_what_it_says(void **state)
{
	struct buf b = {0}, said = {0};
	struct dns_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		build(&b, r);
		dns_answer_read(&a, buf_str(&b), r->name, r->type);
		buf_clear(&said);
		for (size_t j = 0; j < a.count; j++)
			describe(&said, r->type, &a.records[j]);
		assert_true(buf_terminate(&said));
		if (a.result != r->result || strcmp(said.data, r->says) != 0 ||
		    a.aliases != r->aliases || a.ttl != r->ttl ||
		    strcmp(a.name, r->ends == NULL ? r->name : r->ends) != 0)
			fail_msg("%s: %d %s, %u aliases, %u s, %s", r->what,
			    a.result, said.data, a.aliases, a.ttl, a.name);
		assert_int_equal(a.why != NULL, a.result == DNS_TROUBLE);
		assert_false(a.secure);
		dns_answer_free(&a);
	}
	buf_free(&b);
	buf_free(&said);
}

/* The same rows with AD: what is said is as secure as the server says, but
 * trouble never is. */
static void
ad_is_told(void **state)
{
	struct buf b = {0};
	struct dns_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row r = rows[i];

		r.flags |= FLAG_AD;
		build(&b, &r);
		dns_answer_read(&a, buf_str(&b), r.name, r.type);
		assert_int_equal(a.secure, a.result != DNS_TROUBLE);
		dns_answer_free(&a);
	}
	buf_free(&b);
}

/* Only an alias without end and without a SOA is to be asked on. */
static void
an_open_alias_is_told(void **state)
{
	static const struct {
		unsigned flags;
		const char *soa;
		struct line line;
		bool dangling;
	} cases[] = {
	    {OK, NULL, {"a.example", DNS_CNAME, 9, "b.example"}, true },
	    {OK, "9",  {"a.example", DNS_CNAME, 9, "b.example"}, false},
	    {NX, NULL, {"a.example", DNS_CNAME, 9, "b.example"}, false},
	    {OK, NULL, {NULL, 0, 0, NULL},                       false},
	    {OK, NULL, {"a.example", DNS_MX, 9, "1 b.example"},  false},
	};
	struct buf b = {0};
	struct dns_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct row r = {"", "a.example", DNS_MX, cases[i].flags,
		    cases[i].soa, {cases[i].line}, DNS_FOUND, "", 0, 0, NULL};

		build(&b, &r);
		dns_answer_read(&a, buf_str(&b), r.name, r.type);
		assert_int_equal(a.dangling, cases[i].dangling);
		dns_answer_free(&a);
	}
	buf_free(&b);
}

static enum dns_result
result_of(const struct buf *b, const char *name, enum dns_type type)
{
	struct dns_answer a;
	enum dns_result result;

	dns_answer_read(&a, buf_str(b), name, type);
	result = a.result;
	dns_answer_free(&a);
	return result;
}

/* Data whose form is not its type's. */
static void
malformed_data_is_trouble(void **state)
{
	static const struct {
		enum dns_type type;
		const char *data;
		size_t len;
	} cases[] = {
	    {DNS_A,    "\1\2\3",                           3 },
	    {DNS_A,    "\1\2\3\4\5",                       5 },
	    {DNS_A,    "",				 0 },
	    {DNS_A,    "\1\2\3\4\1\2\3\4\1\2\3\4\1\2\3\4", 16},
	    {DNS_AAAA, "\1\2\3\4",                         4 },
	    {DNS_MX,   "",				 0 },
	    {DNS_MX,   "\0",			       1 },
	    {DNS_MX,   "\0\1",			     2 },
	    {DNS_MX,   "\0\1\1a\0x",                       6 }, /* more than a name */
	    {DNS_MX,   "\0\1\1a",                          4 }, /* less, but bytes follow */
	    {DNS_MX,   "\0\1\300",                         3 },
	    {DNS_PTR,  "\377\377",                         2 },
	    {DNS_TXT,  "",				 0 },
	    {DNS_TXT,  "\5ab",                             3 },
	    {DNS_TXT,  "\0\1",                             2 },
	    {DNS_TLSA, "\3\1",                             2 },
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		put_head(&b, OK, 2, 0, 0);
		put_question(&b, "a.example", cases[i].type);
		put16(&b, 0xc00c);
		put_fixed(&b, cases[i].type, 300, cases[i].len);
		assert_true(buf_append(&b, cases[i].data, cases[i].len));
		put_record(&b, "another.example", DNS_TXT, 1, "x");
		if (result_of(&b, "a.example", cases[i].type) != DNS_TROUBLE)
			fail_msg("row %zu was believed", i);
	}
	buf_free(&b);
}

/* Where the frame itself lies. */
static void
a_broken_frame_is_trouble(void **state)
{
	static const struct {
		const char *what;
		size_t at; /* from here the bytes are these */
		const char *bytes;
		size_t len;
	} cases[] = {
	    {"ANCOUNT 65535",          6,  "\377\377", 2},
	    {"NSCOUNT 1",              8,  "\0\1",     2},
	    {"ARCOUNT 65535",          10, "\377\377", 2},
	    {"no question",            4,  "\0\0",     2},
	    {"two questions",          4,  "\0\2",     2},
	    {"another name",           13, "b",        1},
	    {"another type",           24, "\34",      1},
	    {"another class",          26, "\3",       1},
	    {"opcode STATUS",          2,  "\221",     1},
	    {"owner points ahead",     27, "\300\47",  2},
	    {"owner points at itself", 27, "\300\33",  2},
	    {"RDLENGTH past the end",  37, "\0\5",     2},
	    {"RDLENGTH 65535",         37, "\377\377", 2},
	};
	const struct row good = {"", "a.example", DNS_A, OK, NULL,
	    {{"", DNS_A, 300, "192.0.2.1"}}, DNS_FOUND, "", 0, 0, NULL};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		put_head(&b, OK, 1, 0, 0);
		put_question(&b, good.name, DNS_A);
		put16(&b, 0xc00c);
		put_fixed(&b, DNS_A, 300, 4);
		put_data(&b, DNS_A, "192.0.2.1");
		assert_int_equal(result_of(&b, good.name, DNS_A), DNS_FOUND);
		memcpy(b.data + cases[i].at, cases[i].bytes, cases[i].len);
		if (result_of(&b, good.name, DNS_A) != DNS_TROUBLE)
			fail_msg("%s was believed", cases[i].what);
	}
	/* Every answer that is cut anywhere. */
	for (size_t len = 0; len < sizeof(rows) / sizeof(rows[0]); len++) {
		build(&b, &rows[len]);
		while (b.len > 0) {
			b.len--;
			assert_int_equal(
			    result_of(&b, rows[len].name, rows[len].type),
			    DNS_TROUBLE);
		}
	}
	buf_free(&b);
}

/* Two root names and five numbers; and a byte more, or less. */
static void
a_malformed_soa_is_trouble(void **state)
{
	struct buf b = {0};

	(void)state;
	for (size_t len = 21; len <= 23; len++) {
		buf_clear(&b);
		put_head(&b, NX, 0, 1, 0);
		put_question(&b, "a.example", DNS_A);
		put_name(&b, "example");
		put_fixed(&b, DNS_SOA, 300, len);
		for (size_t i = 0; i < len; i++)
			put8(&b, 0);
		assert_int_equal(result_of(&b, "a.example", DNS_A),
		    len == 22 ? DNS_NO_NAME : DNS_TROUBLE);
	}
	buf_free(&b);
}

/* BADVERS is written in the additional section alone (RFC 6891, 6.1.3). */
static void
the_upper_bits_of_a_code_count(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned upper = 0; upper < 2; upper++) {
		buf_clear(&b);
		put_head(&b, OK, 0, 0, 1);
		put_question(&b, "a.example", DNS_A);
		put8(&b, 0);
		put16(&b, 41);
		put16(&b, 1232);
		put32(&b, upper << 24);
		put16(&b, 0);
		assert_int_equal(result_of(&b, "a.example", DNS_A),
		    upper ? DNS_TROUBLE : DNS_NO_DATA);
	}
	buf_free(&b);
}

/* As many bytes as TCP carries: records beyond the most that are read are
 * passed over, and a chain of aliases costs no more than its bound. */
static void
the_largest_answers_are_read(void **state)
{
	struct buf b = {0};
	struct dns_answer a;
	unsigned n = 0;
	char one[32], two[32];

	(void)state;
	put_head(&b, OK, 0, 0, 0);
	put_question(&b, "a.example", DNS_A);
	for (; b.len + 16 <= DNS_PACKET_MAX; n++) {
		put16(&b, 0xc00c);
		put_fixed(&b, DNS_A, 300, 4);
		put32(&b, n);
	}
	b.data[6] = (char)(n >> 8);
	b.data[7] = (char)(n & 0xff);
	dns_answer_read(&a, buf_str(&b), "a.example", DNS_A);
	assert_int_equal(a.result, DNS_FOUND);
	assert_int_equal(a.count, DNS_RECORDS_MAX);
	dns_answer_free(&a);

	for (unsigned links = DNS_ALIASES_MAX; links < DNS_ALIASES_MAX + 2;
	     links++) {
		buf_clear(&b);
		put_head(&b, OK, links + 1, 0, 0);
		put_question(&b, "n0.example", DNS_A);
		for (unsigned i = links; i > 0; i--) {
			(void)snprintf(one, sizeof(one), "n%u.example", i - 1);
			(void)snprintf(two, sizeof(two), "n%u.example", i);
			put_record(&b, one, DNS_CNAME, 300, two);
		}
		(void)snprintf(one, sizeof(one), "n%u.example", links);
		put_record(&b, one, DNS_A, 300, "192.0.2.1");
		assert_int_equal(result_of(&b, "n0.example", DNS_A),
		    links > DNS_ALIASES_MAX ? DNS_LOOP : DNS_FOUND);
	}
	buf_free(&b);
}

/* More text than one string, and NULs in it, stay what they are. */
static void
strings_of_a_text_are_joined(void **state)
{
	struct buf b = {0};
	struct dns_answer a;
	size_t n = 60000;
	char *text = malloc(n + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', n);
	text[n] = '\0';
	put_head(&b, OK, 2, 0, 0);
	put_question(&b, "a.example", DNS_TXT);
	put_record(&b, "a.example", DNS_TXT, 300, text);
	put_name(&b, "a.example");
	put_fixed(&b, DNS_TXT, 300, 8);
	assert_true(buf_append(&b, "\2a\0\0\3\nb\033", 8));
	dns_answer_read(&a, buf_str(&b), "a.example", DNS_TXT);
	assert_int_equal(a.count, 2);
	assert_true(str_equal(a.records[0].data, str_of(text)));
	assert_int_equal(a.records[1].data.len, 5);
	assert_memory_equal(a.records[1].data.data, "a\0\nb\033", 5);
	dns_answer_free(&a);
	buf_free(&b);
	free(text);
}

static void
mutate(struct buf *b, uint32_t *seed)
{
	unsigned times = 1 + (*seed >> 20) % 4;

	for (unsigned i = 0; i < times; i++) {
		*seed = *seed * 1664525 + 1013904223;
		b->data[(*seed >> 8) % b->len] =
		    (*seed & 1) ? (char)(*seed >> 24) : (char)0xc0;
	}
	if ((*seed >> 4) % 8 == 0)
		b->len = (*seed >> 8) % b->len;
}

/* Answers with bytes changed by chance: the sanitizers look on, and what is
 * told lies within the answer. */
static void
changed_bytes_do_no_harm(void **state)
{
	struct buf b = {0};
	struct dns_answer a;
	uint32_t seed = 20261126;
	size_t found = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		const struct row *r =
		    &rows[round % (sizeof(rows) / sizeof(rows[0]))];
		char *exact;

		build(&b, r);
		mutate(&b, &seed);
		exact = malloc(b.len > 0 ? b.len : 1);
		assert_non_null(exact);
		memcpy(exact, b.data, b.len);
		dns_answer_read(
		    &a, (struct str){exact, b.len}, r->name, r->type);
		for (size_t i = 0; i < a.count; i++)
			assert_true(a.records[i].data.data == NULL ||
				    (a.records[i].data.data >= a.bytes.data &&
					a.records[i].data.data +
						a.records[i].data.len <=
					    a.bytes.data + a.bytes.len));
		assert_true(a.ttl <= DNS_POSITIVE_MAX);
		found += a.result == DNS_FOUND;
		dns_answer_free(&a);
		free(exact);
	}
	assert_true(found > 1000);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_what_it_says),
	    cmocka_unit_test(ad_is_told),
	    cmocka_unit_test(an_open_alias_is_told),
	    cmocka_unit_test(malformed_data_is_trouble),
	    cmocka_unit_test(a_broken_frame_is_trouble),
	    cmocka_unit_test(a_malformed_soa_is_trouble),
	    cmocka_unit_test(the_upper_bits_of_a_code_count),
	    cmocka_unit_test(the_largest_answers_are_read),
	    cmocka_unit_test(strings_of_a_text_are_joined),
	    cmocka_unit_test(changed_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
