/* resolve: the hosts of a next hop; see resolve.h. */
#include "remote/resolve.h"

#include "lib/clock.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* One run of resolve. */
struct work {
	const struct resolver *r;
	const struct hop *h;
	struct targets *t;
	struct refusal *why;
	int64_t end;                      /* of clock_boot */
	unsigned all;                     /* addresses so far */
	bool own;                         /* the list ended with this host */
	char trouble[DNS_HOST_SIZE + 64]; /* "A of mx.example: time-out" */
};

enum reason {
	NO_HOST,
	NO_MAIL,
	ALIASES,
	TROUBLE,
	NO_ROUTE,
	OWN,
	NO_RELAY,
	NO_MEMORY
};

static const struct {
	char letter;
	const char *status,
	    *before;       /* and between them the host, where after */
	const char *after; /* is not NULL */
} reasons[] = {
    [NO_HOST] = {'D', "5.1.2",  "Sorry, I couldn't find any host named ",
		 ". (#5.1.2)"										    },
    [NO_MAIL] = {'D', "5.1.10", "Sorry, ",                                          " accepts no mail. (#5.1.10)"},
    [ALIASES] = {'D', "5.4.4",  "Sorry, ",
		 " is an alias that leads to nothing. (#5.4.4)"                                                  },
    [TROUBLE] = {'Z', "4.1.2",
		 "Sorry, I couldn't find any host by that name. (#4.1.2)",          NULL                         },
    [NO_ROUTE] = {'D', "5.4.4",
		 "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)",
		 NULL											    },
    [OWN] = {'D', "5.4.6",
		 "Sorry. Although I'm listed as a best-preference MX or A for that "
	"host,\nit isn't in my control/locals file, so I don't treat it as "
	"local. (#5.4.6)",							  NULL			 },
    [NO_RELAY] = {'Z', "4.4.4",  "Sorry, I couldn't find the relay named ",
		 ". (#4.4.4)"										    },
    [NO_MEMORY] = {'Z', "4.3.0",  "Out of memory. (#4.3.0)",                          NULL                         },
};

static bool
refuse(struct work *w, enum reason reason)
{
	char host[DNS_HOST_SIZE];
	struct refusal *y = w->why;
	bool dns = reason == TROUBLE && w->trouble[0] != '\0';
	bool named = reasons[reason].after != NULL;

	(void)snprintf(host, sizeof(host), "%s", w->h->host);
	for (char *c = host; *c != '\0'; c++)
		if (!isgraph((unsigned char)*c))
			*c = '?';
	memset(w->t, 0, sizeof(*w->t));
	y->letter = reasons[reason].letter;
	(void)snprintf(
	    y->status, sizeof(y->status), "%s", reasons[reason].status);
	(void)snprintf(y->text, sizeof(y->text), "%s%s%s%s%s",
	    reasons[reason].before, named ? host : "",
	    named ? reasons[reason].after : "", dns ? "\n" : "",
	    dns ? w->trouble : "");
	return false;
}

static void
note_trouble(struct work *w, const struct dns_question *q)
{
	const char *type = q->type == DNS_MX     ? "MX"
			   : q->type == DNS_AAAA ? "AAAA"
						 : "A";

	if (q->answer.result == DNS_TROUBLE && w->trouble[0] == '\0')
		(void)snprintf(w->trouble, sizeof(w->trouble), "%s of %s: %s",
		    type, q->name, q->answer.why);
}

static void
ask(struct work *w, struct dns_question *q, size_t count)
{
	int64_t left = (w->end - clock_boot()) / 1000;

	dns_ask(w->r->dns, q, count, left > 0 ? left : 0);
}

/* What DNS does not lead back to us by. */
static bool
is_own(const struct work *w, const struct dns_answer *a)
{
	for (size_t i = 0; w->h->mx && i < a->count; i++)
		if (self_is_address(w->r->self, &a->records[i].ip))
			return true;
	return false;
}

static bool
has_address(const struct target *to, const struct ip *a)
{
	for (unsigned i = 0; i < to->count; i++)
		if (ip_equal(&to->addresses[i], a))
			return true;
	return false;
}

/* The next record from *at on that is of use becomes to's; false: none is. */
static bool
add_address(
    struct work *w, struct target *to, const struct dns_answer *a, size_t *at)
{
	while (*at < a->count && to->count < RESOLVE_ADDRESSES &&
	       w->all < RESOLVE_ALL) {
		const struct ip *ip = &a->records[(*at)++].ip;

		if (!self_may_dial(ip) || has_address(to, ip))
			continue;
		to->addresses[to->count++] = *ip;
		w->all++;
		return true;
	}
	return false;
}

/* What one answer says of to: its name, and whether its address is secure; of
 * that trouble says nothing. */
static void
heed(struct target *to, const struct dns_answer *a)
{
	if (a->result == DNS_FOUND && strlen(a->name) < sizeof(to->canonical))
		memcpy(to->canonical, a->name, strlen(a->name) + 1);
	if (a->result != DNS_TROUBLE && !a->secure)
		to->address_secure = false;
}

static void
add_target(struct work *w, const struct exchanger *e,
    const struct dns_question pair[2])
{
	const struct dns_answer *six = &pair[0].answer, *four = &pair[1].answer;
	struct target *to = &w->t->hosts[w->t->count];
	size_t at6 = 0, at4 = 0;
	bool more = true;

	memset(to, 0, sizeof(*to));
	while (more) {
		more = add_address(w, to, six, &at6);
		more = add_address(w, to, four, &at4) || more;
	}
	if (to->count == 0)
		return;
	memcpy(to->name, e->name, sizeof(to->name));
	memcpy(to->canonical, e->name, sizeof(to->canonical));
	to->preference = e->preference;
	to->address_secure = true;
	heed(to, six);
	heed(to, four);
	to->secure = to->address_secure && w->t->secure;
	w->t->count++;
}

/* Targets of those exchangers that have an address, but for this host and what
 * is no better. */
static void
add_targets(struct work *w, struct exchangers *x)
{
	struct dns_question q[2 * EXCHANGERS_MAX];
	size_t count = 2 * x->count;

	for (size_t i = 0; i < count; i++)
		q[i] = (struct dns_question){.name = x->list[i / 2].name,
		    .type = i % 2 == 0 ? DNS_AAAA : DNS_A};
	ask(w, q, count);
	for (size_t i = 0; i < count; i++)
		if (is_own(w, &q[i].answer)) {
			x->own = true;
			exchangers_keep_better(x, x->list[i / 2].preference);
			break;
		}
	for (size_t i = 0; i < x->count; i++) {
		note_trouble(w, &q[2 * i]);
		note_trouble(w, &q[2 * i + 1]);
		add_target(w, &x->list[i], &q[2 * i]);
	}
	for (size_t i = 0; i < count; i++)
		dns_answer_free(&q[i].answer);
	w->own = x->own;
}

static bool
conclude(struct work *w)
{
	if (w->t->count > 0)
		return true;
	if (w->trouble[0] != '\0')
		return refuse(w, TROUBLE);
	return refuse(w, !w->h->mx ? NO_RELAY : w->own ? OWN : NO_ROUTE);
}

/* The host itself, by its addresses. */
static bool
resolve_host(struct work *w)
{
	struct exchangers x = {.count = 1};

	if (!str_copy(x.list[0].name, DNS_HOST_SIZE, str_of(w->h->host)))
		return refuse(w, w->h->mx ? NO_HOST : NO_RELAY);
	if (w->h->mx && self_is_name(w->r->self, w->h->host))
		return refuse(w, OWN);
	add_targets(w, &x);
	return conclude(w);
}

static bool
resolve_exchangers(struct work *w, const struct dns_answer *a)
{
	struct exchangers x;

	if (exchangers_are_null(a))
		return refuse(w, NO_MAIL);
	w->t->mx = true;
	if (!exchangers_list(a, w->r->self, &x) ||
	    !exchangers_group(a, w->h->port, w->t->group))
		return refuse(w, NO_MEMORY);
	add_targets(w, &x);
	return conclude(w);
}

static bool
resolve_answer(struct work *w, const struct dns_answer *a)
{
	w->t->secure = a->secure;
	if (strlen(a->name) < sizeof(w->t->canonical))
		memcpy(w->t->canonical, a->name, strlen(a->name) + 1);
	switch (a->result) {
	case DNS_FOUND:
		return resolve_exchangers(w, a);
	case DNS_NO_DATA:
		return resolve_host(w);
	case DNS_NO_NAME:
		return refuse(w, NO_HOST);
	case DNS_LOOP:
		return refuse(w, ALIASES);
	case DNS_TROUBLE:
		break;
	}
	return refuse(w, TROUBLE);
}

static bool
resolve_domain(struct work *w)
{
	struct dns_question q = {.name = w->h->host, .type = DNS_MX};
	bool found;

	ask(w, &q, 1);
	note_trouble(w, &q);
	found = resolve_answer(w, &q.answer);
	dns_answer_free(&q.answer);
	return found;
}

/* The address in "[...]". */
static bool
parse_literal(struct str s, struct ip *out)
{
	static const char six[] = "[IPv6:";
	bool is6 = str_starts_nocase(s, str_of(six));

	return s.len > 2 && s.data[s.len - 1] == ']' &&
	       ip_parse(
		   str_slice(s, is6 ? sizeof(six) - 1 : 1, s.len - 1), out) &&
	       (is6 || ip_is4(out));
}

/* Hosts that need no DNS; their addresses. */
static void
resolve_known(struct work *w, const struct ip *addresses, unsigned count)
{
	struct target *to = &w->t->hosts[0];

	w->t->count = 1;
	(void)snprintf(
	    w->t->canonical, sizeof(w->t->canonical), "%s", w->h->host);
	memcpy(to->name, w->t->canonical, sizeof(to->name));
	memcpy(to->canonical, w->t->canonical, sizeof(to->canonical));
	to->count = count;
	memcpy(to->addresses, addresses, count * sizeof(*addresses));
}

static bool
resolve_literal(struct work *w)
{
	struct ip ip;

	if (!parse_literal(str_of(w->h->host), &ip))
		return refuse(w, w->h->mx ? NO_HOST : NO_RELAY);
	if (w->h->mx && self_is_address(w->r->self, &ip))
		return refuse(w, OWN);
	if (!self_may_dial(&ip))
		return refuse(w, w->h->mx ? NO_ROUTE : NO_RELAY);
	resolve_known(w, &ip, 1);
	return true;
}

/* A relay: localhost needs no DNS (RFC 6761, 6.3). */
static bool
resolve_relay(struct work *w)
{
	struct ip both[2];

	w->t->secure = true; /* control/ has named it */
	if (strcmp(w->h->host, "localhost") == 0 &&
	    ip_parse(str_of("::1"), &both[0]) &&
	    ip_parse(str_of("127.0.0.1"), &both[1])) {
		resolve_known(w, both, 2);
		return true;
	}
	(void)snprintf(
	    w->t->canonical, sizeof(w->t->canonical), "%s", w->h->host);
	return resolve_host(w);
}

bool
resolve(const struct resolver *r, const struct hop *h, struct targets *t,
    struct refusal *why)
{
	struct work w = {.r = r,
	    .h = h,
	    .t = t,
	    .why = why,
	    .end = clock_boot() + r->ms * 1000};

	memset(t, 0, sizeof(*t));
	memset(why, 0, sizeof(*why));
	if (h->host[0] == '[')
		return resolve_literal(&w);
	return h->mx ? resolve_domain(&w) : resolve_relay(&w);
}
