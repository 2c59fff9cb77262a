/* fetch: a domain's policy from DNS and its web server; see fetch.h. */
#include "policy/fetch.h"

#include "policy/record.h"
#include "policy/text.h"
#include <stdio.h>

enum { HTTPS = 443, URL_SIZE = 320 };

static void
tell(struct fetch *f, const char *why)
{
	(void)snprintf(f->why, sizeof(f->why), "%s", why == NULL ? "" : why);
}

enum dns_result
fetch_txt(struct dns *dns, const char *prefix, struct str domain,
    struct dns_answer *answer)
{
	char name[DNS_HOST_SIZE];
	struct dns_question q = {.name = name, .type = DNS_TXT};

	(void)snprintf(
	    name, sizeof(name), "%s%.*s", prefix, (int)domain.len, domain.data);
	dns_ask(dns, &q, 1, FETCH_DNS_MS);
	*answer = q.answer;
	return answer->result;
}

size_t
fetch_strings(const struct dns_answer *a, struct str out[FETCH_RECORDS])
{
	size_t n = a->count < FETCH_RECORDS ? a->count : FETCH_RECORDS;

	for (size_t i = 0; i < n; i++)
		out[i] = a->records[i].data;
	return n;
}

size_t
fetch_addresses(struct dns *dns, const char *host, struct ip out[WEB_ADDRESSES],
    const char **why)
{
	struct dns_question q[2] = {
	    {.name = host, .type = DNS_AAAA},
            {.name = host, .type = DNS_A   }
        };
	size_t n = 0;

	dns_ask(dns, q, 2, FETCH_DNS_MS);
	*why = "its web server has no address";
	for (size_t i = 0; i < 2; i++) {
		/* Half of the places for each kind. */
		for (size_t j = 0;
		     j < q[i].answer.count && j < WEB_ADDRESSES / 2; j++)
			out[n++] = q[i].answer.records[j].ip;
		if (q[i].answer.result == DNS_TROUBLE)
			*why = q[i].answer.why;
		dns_answer_free(&q[i].answer);
	}
	return n;
}

/* The media type is text/plain, whatever its parameters. */
static bool
is_plain(struct str type)
{
	struct str media;

	return str_cut(&type, ';', &media) &&
	       str_equal_nocase(str_trim(media), str_of("text/plain"));
}

static enum fetch_result
check(struct fetch *f, struct str type)
{
	struct sts_policy p;
	struct buf copy = {.max = STS_TEXT_MAX + 1};
	bool ok;

	if (!is_plain(type)) {
		tell(f, "the policy is not text/plain");
		return FETCH_FAILED;
	}
	/* It reads in place; what is passed on is what was sent. */
	ok = buf_append_str(&copy, buf_str(&f->text)) &&
	     text_read(copy.data, copy.len, &p);
	buf_free(&copy);
	if (ok)
		return FETCH_NEW;
	tell(f, "the policy is malformed");
	return FETCH_INVALID;
}

static enum fetch_result
get(struct fetch *f)
{
	static const enum fetch_result results[] = {[WEB_OK] = FETCH_NEW,
	    [WEB_FAILED] = FETCH_FAILED,
	    [WEB_UNTRUSTED] = FETCH_UNTRUSTED,
	    [WEB_LOCAL] = FETCH_LOCAL};
	char host[WEB_HOST_SIZE], url[URL_SIZE];
	struct ip addresses[WEB_ADDRESSES];
	struct web_request r = {.url = url,
	    .host = host,
	    .port = HTTPS,
	    .addresses = addresses,
	    .authorities = f->authorities};
	struct buf type = {.max = WEB_WHY};
	enum fetch_result result;
	const char *why;

	(void)snprintf(host, sizeof(host), "mta-sts.%.*s", (int)f->domain.len,
	    f->domain.data);
	(void)snprintf(
	    url, sizeof(url), "https://%s/.well-known/mta-sts.txt", host);
	r.count = fetch_addresses(f->dns, host, addresses, &why);
	if (r.count == 0) {
		tell(f, why);
		return FETCH_FAILED;
	}
	f->text.max = STS_TEXT_MAX;
	result = results[web_do(&r, &f->text, &type, f->why)];
	if (result == FETCH_NEW)
		result = check(f, buf_str(&type));
	buf_free(&type);
	return result;
}

/* What the record says, if nothing is to be fetched. */
static enum fetch_result
look(struct fetch *f, const struct dns_answer *a)
{
	struct str records[FETCH_RECORDS], id;
	size_t n = fetch_strings(a, records);

	if (a->result == DNS_TROUBLE || a->result == DNS_LOOP) {
		tell(f, a->why == NULL ? "aliases go round" : a->why);
		return FETCH_UNKNOWN;
	}
	if (a->result != DNS_FOUND || !record_id(records, n, &id) ||
	    !str_copy(f->id, sizeof(f->id), id))
		return FETCH_NONE;
	return str_equal(id, f->known) && !f->anyway ? FETCH_SAME : FETCH_NEW;
}

enum fetch_result
fetch_run(struct fetch *f)
{
	struct dns_answer a;
	enum fetch_result r;

	f->id[0] = '\0';
	tell(f, "");
	(void)fetch_txt(f->dns, "_mta-sts.", f->domain, &a);
	r = look(f, &a);
	dns_answer_free(&a);
	return r == FETCH_NEW ? get(f) : r;
}
