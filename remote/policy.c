/* policy: what TLS a host must have for a message; see policy.h. */
#include "remote/policy.h"

#include "control/tlsrule.h"
#include <stdio.h>
#include <string.h>

/* What one decision is made of. */
struct question {
	const struct policy_sources *sources;
	const struct nexthop *hop;
	const struct targets *targets;
	const struct target *host;
};

static bool
is_literal(const struct nexthop *hop)
{
	return hop->host[0] == '[';
}

/* Nothing may be sent to this host. */
static bool
refuse(struct policy *p, enum sts_result result, const char *why)
{
	p->result = result;
	(void)snprintf(p->why, sizeof p->why, "%s", why);
	return false;
}

/* A name that a certificate may be for; more than there is room for are never
 * given. */
static void
add_name(struct policy *p, const char *dot, struct str name)
{
	struct tls_wish *w = &p->wish;
	int n = (int)name.len;

	if (w->name_count == TLS_MOST_NAMES)
		return;
	(void)snprintf(p->names[w->name_count], sizeof p->names[0], "%s%.*s",
	    dot, n, name.data);
	w->names[w->name_count] = p->names[w->name_count];
	w->name_count++;
}

static void
demand(struct policy *p, enum policy_level level)
{
	p->level = level;
	p->required = true;
}

/* Never a name that only DNS says. */
static void
verify(struct policy *p, const struct question *q, const struct tlsrule *rule)
{
	char ip[IP_SIZE];

	demand(p, POLICY_VERIFY);
	p->wish.trust = TLS_NAMED;
	for (size_t i = 0; i < rule->count; i++)
		add_name(p, "", rule->names[i]);
	if (rule->count > 0)
		return;
	if (is_literal(q->hop)) {
		ip_format(ip, &q->host->addresses[0]);
		add_name(p, "", str_of(ip));
		return;
	}
	add_name(p, "", str_of(q->hop->host));
	if (q->hop->mx)
		add_name(p, ".", str_of(q->hop->host));
}

/* RFC 7672, 3.2.2: names that an authority may have certified. */
static void
pin(struct policy *p, const struct question *q)
{
	const struct targets *t = q->targets;

	demand(p, POLICY_DANE);
	p->wish.trust = TLS_PINNED;
	p->wish.word = "dane";
	p->wish.sni = p->tlsa.base;
	p->wish.records = p->tlsa.records;
	p->wish.record_count = p->tlsa.count;
	add_name(p, "", str_of(p->tlsa.base));
	if (!q->hop->mx)
		return;
	add_name(p, "", str_of(q->hop->host));
	if (strcmp(t->canonical, q->hop->host) != 0)
		add_name(p, "", str_of(t->canonical));
}

/* What DANE says of the host; TLSA_NONE where it has no say (RFC 7672, 2.2). */
static enum tlsa_result
ask_dane(struct policy *p, const struct question *q)
{
	enum tlsa_result r;

	if (is_literal(q->hop) || !q->host->secure || !q->host->address_secure)
		return TLSA_NONE;
	r = tlsa_find(
	    &p->tlsa, &q->sources->tlsa, p->canonical, p->host, q->hop->port);
	if (r != TLSA_NONE)
		p->type = STS_TYPE_TLSA;
	return r;
}

static bool
refuse_trouble(struct policy *p)
{
	char why[TLS_WHY];

	(void)snprintf(why, sizeof why, "its TLSA records are not known: %s",
	    p->tlsa.why == NULL ? "no answer" : p->tlsa.why);
	demand(p, POLICY_DANE);
	return refuse(p, STS_DNSSEC_INVALID, why);
}

/* tlspolicy: dane. */
static bool
decide_dane(struct policy *p, const struct question *q)
{
	enum tlsa_result r = ask_dane(p, q);

	demand(p, POLICY_DANE);
	p->type = STS_TYPE_TLSA;
	switch (r) {
	case TLSA_USABLE:
		pin(p, q);
		return true;
	case TLSA_UNUSABLE:
		return refuse(
		    p, STS_TLSA_INVALID, tls_fault_text(TLS_UNUSABLE));
	case TLSA_TROUBLE:
		return refuse_trouble(p);
	case TLSA_NONE:
		break;
	}
	return refuse(
	    p, STS_DANE_REQUIRED, "it has no TLSA records that are signed");
}

static void
follow_sts(struct policy *p, bool testing)
{
	p->wish.trust = TLS_NAMED;
	p->wish.word = "sts";
	p->wish.lenient = testing;
	add_name(p, "", str_of(p->host));
}

/* The domain has a policy that counts. */
static bool
take_sts(struct policy *p, bool testing, bool allowed)
{
	p->level = POLICY_STS;
	p->type = STS_TYPE_STS;
	p->testing = testing;
	p->required = !testing;
	if (allowed) {
		follow_sts(p, testing);
		return true;
	}
	(void)refuse(
	    p, STS_FAILURE, "the domain's policy does not name this host");
	return testing;
}

static bool
decide_sts(struct policy *p, const struct question *q, bool demanded)
{
	struct sts_policy policy;
	enum sts_answer a = STS_NONE;

	if (q->hop->mx)
		a = q->sources->sts_ask(
		    q->sources->sts, str_of(q->hop->host), &policy);
	if (a == STS_POLICY && policy.mode != STS_MODE_NONE)
		return take_sts(p, !demanded && policy.mode == STS_MODE_TESTING,
		    sts_allows(&policy, str_of(p->host)));
	if (!demanded)
		return true;
	demand(p, POLICY_STS);
	return refuse(p, STS_FETCH_ERROR,
	    a == STS_LATER ? "the domain's policy is not known now"
			   : "the domain has no MTA-STS policy");
}

/* Without a line of tlspolicy: what the domain has published. */
static bool
decide_published(struct policy *p, const struct question *q)
{
	p->level = POLICY_MAY;
	if (q->sources->optional)
		return true;
	switch (ask_dane(p, q)) {
	case TLSA_USABLE:
		pin(p, q);
		return true;
	case TLSA_UNUSABLE:
		/* RFC 7672, 2.2: encrypted, to whomever. */
		demand(p, POLICY_ENCRYPT);
		(void)refuse(p, STS_TLSA_INVALID, tls_fault_text(TLS_UNUSABLE));
		return true;
	case TLSA_TROUBLE:
		return refuse_trouble(p);
	case TLSA_NONE:
		break;
	}
	return decide_sts(p, q, false);
}

static bool
decide_rule(
    struct policy *p, const struct question *q, const struct tlsrule *rule)
{
	p->row = true;
	switch (rule->level) {
	case TLSRULE_NONE:
		p->level = POLICY_NONE;
		return true;
	case TLSRULE_MAY:
		p->level = POLICY_MAY;
		return true;
	case TLSRULE_ENCRYPT:
		demand(p, POLICY_ENCRYPT);
		return true;
	case TLSRULE_VERIFY:
		verify(p, q, rule);
		return true;
	case TLSRULE_DANE:
		return decide_dane(p, q);
	case TLSRULE_STS:
		break;
	}
	return decide_sts(p, q, true);
}

/* What the way demands, whatever else is said. */
static void
heed_way(struct policy *p, const struct nexthop *hop)
{
	bool secret = hop->user.len > 0 && !p->row;

	if (hop->tls || secret) {
		if (p->level < POLICY_ENCRYPT)
			p->level = POLICY_ENCRYPT;
		p->required = true;
	}
	p->wanted = p->level != POLICY_NONE;
}

bool
policy_decide(struct policy *p, const struct policy_sources *s,
    const struct nexthop *hop, const struct targets *targets,
    const struct target *host)
{
	const struct question q = {s, hop, targets, host};
	struct tlsrule rule;
	bool ok = false;

	policy_free(p);
	*p = (struct policy){0};
	(void)snprintf(p->domain, sizeof p->domain, "%s", hop->host);
	(void)snprintf(p->host, sizeof p->host, "%s", host->name);
	(void)snprintf(
	    p->canonical, sizeof p->canonical, "%s", host->canonical);
	p->wish.word = "verified";
	if (!is_literal(hop))
		p->wish.sni = p->host;
	switch (tlsrule_find(s->controls, hop->host, &rule)) {
	case FOUND_YES:
		ok = decide_rule(p, &q, &rule);
		break;
	case FOUND_NO:
		ok = decide_published(p, &q);
		break;
	case FOUND_ERROR:
		p->ours = true;
		return refuse(p, STS_FAILURE, "control/tlspolicy is not known");
	}
	heed_way(p, hop);
	if (s->optional && !p->row)
		p->wanted = false;
	return ok;
}

void
policy_free(struct policy *p)
{
	tlsa_free(&p->tlsa);
	p->wish = (struct tls_wish){0};
}

void
policy_reach(struct policy *p, const struct ip *a, uint16_t port)
{
	char ip[IP_SIZE];

	ip_format(ip, a);
	(void)snprintf(p->peer, sizeof p->peer, "%s:%u", ip, (unsigned)port);
	p->wish.peer = p->peer;
}

bool
policy_stripped(struct policy *p)
{
	(void)refuse(p, STS_NO_STARTTLS, "it does not offer STARTTLS");
	return !p->required;
}

static enum sts_result
result_of(enum tls_fault fault)
{
	switch (fault) {
	case TLS_OK:
		return STS_SUCCESS;
	case TLS_NAME:
		return STS_HOST_MISMATCH;
	case TLS_EXPIRED:
		return STS_EXPIRED;
	case TLS_UNTRUSTED:
		return STS_NOT_TRUSTED;
	case TLS_UNUSABLE:
		return STS_TLSA_INVALID;
	case TLS_TIMEOUT:
	case TLS_CLOSED:
	case TLS_PROTOCOL:
	case TLS_MISMATCH:
	case TLS_INVALID:
	case TLS_INJECTED:
	case TLS_LOCAL:
		break;
	}
	return STS_FAILURE;
}

static void
note(struct policy *p, enum tls_fault fault, const char *why)
{
	const char *text = tls_fault_text(fault);
	bool more = why[0] != '\0' && strcmp(why, text) != 0;

	p->result = result_of(fault);
	(void)snprintf(p->why, sizeof p->why, "%s%s%s", text, more ? ": " : "",
	    more ? why : "");
}

bool
policy_shaken(struct policy *p, enum tls_fault fault, enum tls_fault verdict,
    const char *why)
{
	if (fault != TLS_OK) {
		p->ours = fault == TLS_LOCAL;
		note(p, fault, why);
	} else if (p->wish.lenient && verdict != TLS_OK)
		note(p, verdict, "");
	return fault == TLS_OK;
}

bool
policy_clear(struct policy *p)
{
	if (p->required || p->ours || p->level == POLICY_NONE)
		return false;
	p->level = POLICY_NONE;
	return true;
}

const char *
policy_name(enum policy_level level)
{
	static const char *const names[] = {
	    [POLICY_NONE] = "none",
	    [POLICY_MAY] = "may",
	    [POLICY_ENCRYPT] = "encrypt",
	    [POLICY_VERIFY] = "verify",
	    [POLICY_DANE] = "dane",
	    [POLICY_STS] = "sts",
	};

	return names[level];
}

void
policy_refusal(const struct policy *p, struct refusal *r)
{
	const char *status = p->ours                        ? "4.3.0"
			     : p->result == STS_NO_STARTTLS ? "4.7.4"
							    : "4.7.5";

	*r = (struct refusal){.letter = 'Z'};
	(void)snprintf(r->status, sizeof r->status, "%s", status);
	(void)snprintf(r->text, sizeof r->text,
	    "TLS policy %s for %s is not met by %s: %s. (#%s)",
	    policy_name(p->level), p->domain, p->host, p->why, status);
}

bool
policy_report(const struct policy *p, const char *recipient,
    const struct ip *sending, const struct ip *receiving, struct buf *records,
    struct sts_report *r)
{
	bool tlsa = p->type == STS_TYPE_TLSA;

	buf_clear(records);
	if (!p->wanted || p->ours ||
	    (tlsa && !tlsa_format(&p->tlsa, STS_POLICY_MAX, records)))
		return false;
	*r = (struct sts_report){.type = p->type,
	    .result = p->result,
	    .domain = str_of(recipient),
	    .base = str_of(""),
	    .mx = str_of(p->host),
	    .reason = str_of(p->why),
	    .policy = buf_str(records)};
	if (tlsa)
		r->base = str_of(p->tlsa.base == NULL ? p->host : p->tlsa.base);
	if (sending != NULL && receiving != NULL) {
		r->reached = true;
		r->sending = *sending;
		r->receiving = *receiving;
	}
	return true;
}
