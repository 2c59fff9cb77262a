/* resolve: what a DNS server leads to, printed, for the tests of real servers.
 *
 *   resolve ADDRESS:PORT mx DOMAIN      the targets of a domain
 *   resolve ADDRESS:PORT relay HOST     those of a relay
 *   resolve ADDRESS:PORT TYPE NAME      an answer: A AAAA MX TXT PTR TLSA
 *
 * A number behind them is the most milliseconds that it may take, 60000 where
 * there is none.  The loopback counts as a host.  Exits 0 when something was found, 1 when not,
 * 100 for wrong usage. */
#include "remote/resolve.h"

#include "lib/num.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 60000, HEX_SIZE = 2 * 64 + 1 };

static const struct {
	const char *name;
	enum dns_type type;
} types[] = {
    {"A",    DNS_A   },
    {"AAAA", DNS_AAAA},
    {"MX",   DNS_MX  },
    {"TXT",  DNS_TXT },
    {"PTR",  DNS_PTR },
    {"TLSA", DNS_TLSA}
};

static const char *const results[] = {[DNS_FOUND] = "found",
    [DNS_NO_NAME] = "no name",
    [DNS_NO_DATA] = "no data",
    [DNS_LOOP] = "loop",
    [DNS_TROUBLE] = "trouble"};

static void
print_record(enum dns_type type, const struct dns_record *r)
{
	char text[IP_SIZE], hex[HEX_SIZE] = "";

	ip_format(text, &r->ip);
	if (type == DNS_TLSA && r->data.len < sizeof(hex) / 2) {
		num_hex(hex, (const unsigned char *)r->data.data, r->data.len);
		(void)printf(
		    "%d %d %d %s\n", r->usage, r->selector, r->match, hex);
	} else if (type == DNS_A || type == DNS_AAAA) {
		(void)printf("%s\n", text);
	} else {
		(void)printf("%d ", r->preference);
		(void)fwrite(r->data.data, 1, r->data.len, stdout);
		(void)printf("\n");
	}
}

static int
print_answer(struct dns *d, enum dns_type type, const char *name, int64_t ms)
{
	struct dns_question q = {.name = name, .type = type};
	bool found;

	dns_ask(d, &q, 1, ms);
	found = q.answer.result == DNS_FOUND;
	(void)printf("%s%s%s%s\n", results[q.answer.result],
	    q.answer.secure ? " secure" : "", q.answer.why == NULL ? "" : ": ",
	    q.answer.why == NULL ? "" : q.answer.why);
	for (size_t i = 0; i < q.answer.count; i++)
		print_record(type, &q.answer.records[i]);
	dns_answer_free(&q.answer);
	return found ? 0 : 1;
}

static int
print_targets(struct dns *d, bool mx, const char *host, int64_t ms)
{
	const struct self self = {.names = {NULL}, .loopback = true};
	const struct resolver r = {.dns = d, .self = &self, .ms = ms};
	const struct hop h = {host, mx, 25};
	struct targets t;
	struct refusal why;
	char text[IP_SIZE];

	if (!resolve(&r, &h, &t, &why)) {
		(void)printf("%c %s\n%s\n", why.letter, why.status, why.text);
		return 1;
	}
	(void)printf("%s%s%s group %s\n", t.canonical, t.mx ? " mx" : "",
	    t.secure ? " secure" : "", t.group);
	for (unsigned i = 0; i < t.count; i++) {
		const struct target *to = &t.hosts[i];

		(void)printf("%d %s %s%s", to->preference, to->name,
		    to->canonical, to->secure ? " secure" : "");
		for (unsigned j = 0; j < to->count; j++) {
			ip_format(text, &to->addresses[j]);
			(void)printf(" %s", text);
		}
		(void)printf("\n");
	}
	return 0;
}

static int
run(struct dns *d, const char *what, const char *name, int64_t ms)
{
	if (strcmp(what, "mx") == 0 || strcmp(what, "relay") == 0)
		return print_targets(d, what[0] == 'm', name, ms);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, what) == 0)
			return print_answer(d, types[i].type, name, ms);
	return 100;
}

int
main(int argc, char **argv)
{
	struct dns_server server;
	struct dns *d;
	uint64_t ms = MS;
	int code;

	if (argc < 4 || argc > 5 ||
	    (argc == 5 && !num_parse(str_of(argv[4]), MS, &ms)) ||
	    !ip_parse_server(
		str_of(argv[1]), DNS_PORT, &server.ip, &server.port))
		return 100;
	d = dns_new(&server, 1);
	if (d == NULL)
		return 111;
	code = run(d, argv[2], argv[3], (int64_t)ms);
	dns_free(d);
	return code;
}
