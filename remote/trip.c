/* trip: a parcel on its way; see trip.h. */
#include "remote/trip.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "remote/transaction.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool
same_source(const struct nexthop_source *a, const struct nexthop_source *b)
{
	return a->has4 == b->has4 && a->has6 == b->has6 &&
	       (!a->has4 || ip_equal(&a->ip4, &b->ip4)) &&
	       (!a->has6 || ip_equal(&a->ip6, &b->ip6));
}

/* The host will not tell the sender of success, who asked for it (RFC 3461,
 * 5.2.2). */
static bool
is_relayed(const struct trip *t, const struct addressee *a)
{
	return parcel_wants_success(a) &&
	       !offer_has(&t->d->session.offers, OFFER_DSN);
}

void
trip_tell(struct trip *t, struct addressee *a, const struct outcome *o)
{
	const struct deliverer *d = t->d;
	const bool arrived = o->letter == 'K';
	const struct result r = {.job = t->errand->job.job,
	    .number = a->number,
	    .letter = o->letter,
	    .relayed = arrived && is_relayed(t, a),
	    .status = str_of(o->status),
	    .text = str_of(o->text),
	    .via = str_of(o->spoken ? d->kept.via : ""),
	    .tls = str_of(arrived ? d->kept.tls : "")};

	a->state = ADDRESSEE_DONE;
	d->answer(&r);
}

/* What a transaction says of one recipient. */
static void
tell_one(void *context, const struct addressee *a, const struct outcome *o)
{
	struct trip *t = context;

	trip_tell(t, &t->d->parcel.to[a - t->d->parcel.to], o);
}

/* Those for whom the message was taken; the end of the job does for them,
 * unless others still wait or a notice is owed. */
static void
tell_taken(struct trip *t, bool all)
{
	struct parcel *p = &t->d->parcel;

	for (uint32_t i = 0; i < p->count; i++)
		if (p->to[i].state == ADDRESSEE_TAKEN &&
		    (all || is_relayed(t, &p->to[i])))
			trip_tell(t, &p->to[i], &t->outcome);
}

/* One transaction after the other, until nobody waits.  True: it is over. */
static bool
transact(struct trip *t)
{
	const struct teller teller = {tell_one, t};
	struct session *s = &t->d->session;

	for (;;) {
		switch (
		    transaction_run(s, &t->d->parcel, &teller, &t->outcome)) {
		case TRANSACTION_FINAL:
			return true;
		case TRANSACTION_NEXT:
			return false;
		case TRANSACTION_DONE:
			break;
		}
		if (parcel_count(&t->d->parcel, ADDRESSEE_WAITING) == 0) {
			tell_taken(t, false);
			return true;
		}
		tell_taken(t, true);
		if (!session_usable(s)) {
			outcome_say(&t->outcome, OUTCOME_BUSY, s->host);
			return false;
		}
	}
}

/* The connection was made; what has to be known of it later. */
static void
keep(struct trip *t, const struct dialed *to)
{
	struct kept *k = &t->d->kept;

	/* What may do for this message may not do for the next. */
	(void)str_copy(k->key, sizeof(k->key),
	    str_of(t->d->parcel.tls_optional && !t->policy.row ? "" : t->key));
	k->source = t->source;
	k->ip = to->ip;
	k->rules = control_version(t->d->controls, C_tlspolicy);
	k->port = t->hop.port;
	k->lmtp = t->hop.lmtp;
	k->open = t->hop.user.len == 0 && !t->hop.tls && !t->policy.row &&
		  t->policy.level <= POLICY_MAY;
	k->until = clock_boot() + DELIVER_KEEP * INT64_C(1000000);
	(void)snprintf(k->via, sizeof(k->via), "%s %s[%s]:%u",
	    k->lmtp ? "lmtp" : "smtp",
	    to->target->name[0] == '[' ? "" : to->target->name,
	    t->d->session.host, (unsigned)k->port);
	(void)snprintf(k->tls, sizeof(k->tls), "%s",
	    stream_tls_text(&t->d->session.stream));
}

static bool
usable(struct trip *t)
{
	const struct kept *k = &t->d->kept;

	return k->key[0] != '\0' && clock_boot() < k->until &&
	       k->rules == control_version(t->d->controls, C_tlspolicy) &&
	       same_source(&k->source, &t->source) &&
	       session_usable(&t->d->session);
}

/* Of those that come first, one has the address that we are connected to. */
static const struct target *
find_kept(const struct trip *t)
{
	const struct targets *all = &t->targets;

	for (unsigned i = 0; i < all->count; i++) {
		const struct target *h = &all->hosts[i];

		if (h->preference != all->hosts[0].preference)
			break;
		for (unsigned j = 0; j < h->count; j++)
			if (ip_equal(&h->addresses[j], &t->d->kept.ip))
				return h;
	}
	return NULL;
}

static bool
decide(struct trip *t, const struct target *host)
{
	const struct policy_sources sources = {
	    .controls = t->d->controls,
	    .tlsa = {t->d->resolver.dns, dns_ask},
	    .sts = &t->d->sts,
	    .sts_ask = sts_ask,
	    .optional = t->d->parcel.tls_optional
        };

	policy_free(&t->policy);
	return policy_decide(&t->policy, &sources, &t->hop, &t->targets, host);
}

/* Another way's connection does for this one, too. */
static bool
shared(struct trip *t)
{
	const struct kept *k = &t->d->kept;
	const struct target *host;

	if (!usable(t) || !k->open || k->port != t->hop.port ||
	    k->lmtp != t->hop.lmtp || t->hop.user.len > 0 || t->hop.tls)
		return false;
	host = find_kept(t);
	return host != NULL && decide(t, host) && !t->policy.row &&
	       t->policy.level <= POLICY_MAY;
}

static void
refuse(struct trip *t, const struct refusal *why)
{
	outcome_set(&t->outcome, why->letter, why->status, why->text);
	if (why->letter == 'Z')
		t->outcome.fault = JOB_DEAD;
}

/* Our own end of a connection. */
static bool
own_address(int fd, struct ip *own)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	       ip_from_sockaddr((struct sockaddr *)&ss, own, NULL);
}

static void
report(struct trip *t, const struct ip *own, const struct ip *host)
{
	struct buf records = {.max = 0};
	struct sts_report r;

	if (policy_report(&t->policy, t->domain, own, host, &records, &r))
		sts_tell(&t->d->sts, &r);
	buf_free(&records);
}

/* The same address again, for want of TLS. */
static bool
redial(const struct dial_plan *plan, struct dialed *to)
{
	static struct targets one;
	const struct target *host = to->target;
	struct dial_plan again = *plan;
	struct dial dial;

	one = (struct targets){.count = 1};
	one.hosts[0] = *host;
	one.hosts[0].count = 1;
	one.hosts[0].addresses[0] = to->ip;
	again.targets = &one;
	dial_begin(&dial, &again);
	if (!dial_next(&dial, to))
		return false;
	to->target = host;
	return true;
}

static enum session_result
greet(struct trip *t, const struct dial_plan *plan, struct dialed *to)
{
	struct deliverer *d = t->d;
	char helo[NEXTHOP_HOST];
	struct session_plan p = {.helo = helo,
	    .lmtp = t->hop.lmtp,
	    .implicit = t->hop.tls,
	    .policy = &t->policy,
	    .context = d->tls,
	    .user = t->hop.user,
	    .password = t->hop.password,
	    .timeout_seconds =
		(int)control_number(d->controls, C_timeoutremote)};
	enum session_result r;
	struct ip own;
	bool known;

	if (!str_copy(
		helo, sizeof(helo), control_line(d->controls, C_helohost)))
		(void)str_copy(helo, sizeof(helo), str_of("localhost"));
	known = own_address(to->fd, &own);
	policy_reach(&t->policy, &to->ip, t->hop.port);
	r = session_open(&d->session, to->fd, &to->ip, &p, &t->outcome);
	report(t, known ? &own : NULL, &to->ip);
	if (r == SESSION_AGAIN && redial(plan, to))
		r = session_open(&d->session, to->fd, &to->ip, &p, &t->outcome);
	return r;
}

/* One host.  True: it is over. */
static bool
visit(struct trip *t, struct dial *dial, struct dialed *to)
{
	struct refusal why;

	/* Anew for each address: what became of one says nothing of another. */
	if (!decide(t, to->target)) {
		policy_refusal(&t->policy, &why);
		refuse(t, &why);
		t->outcome.apart = true;
		report(t, NULL, NULL);
		fd_close(&to->fd);
		dial_skip(dial, to->target);
		return false;
	}
	switch (greet(t, dial->plan, to)) {
	case SESSION_OK:
		keep(t, to);
		return transact(t);
	case SESSION_FINAL:
		return true;
	case SESSION_NEXT:
	case SESSION_AGAIN:
		break;
	}
	return false;
}

static void
say_unreached(struct trip *t, const struct dial *dial)
{
	char ip[IP_SIZE], text[256];

	outcome_say(&t->outcome, OUTCOME_UNREACHED, "");
	t->outcome.fault = JOB_DEAD;
	if (dial->error == 0)
		return;
	ip_format(ip, &dial->failed);
	(void)snprintf(text, sizeof(text),
	    "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
	    "Connecting to %s: %s",
	    ip, strerror(dial->error));
	outcome_set(&t->outcome, 'Z', "4.4.1", text);
	t->outcome.fault = JOB_DEAD;
}

/* Host after host, as long as they fail in a way that another may not. */
static void
travel(struct trip *t)
{
	const int64_t connect_ms =
	    (int64_t)control_number(t->d->controls, C_timeoutconnect) * 1000;
	const struct dial_plan plan = {
	    .targets = &t->targets,
	    .port = t->hop.port,
	    .source = {t->source.has4, t->source.has6, t->source.ip4,
		       t->source.ip6},
	    .connect_ms = connect_ms,
	    .total_ms = connect_ms * DELIVER_CONNECTS,
	    .dead = &t->d->dead
        };
	struct dial dial;
	struct dialed to;
	bool any = false;

	dial_begin(&dial, &plan);
	while (dial_next(&dial, &to)) {
		any = true;
		if (visit(t, &dial, &to))
			return;
		session_quit(&t->d->session);
	}
	if (!any)
		say_unreached(t, &dial);
}

static void
go(struct trip *t)
{
	struct deliverer *d = t->d;
	const struct hop hop = {t->hop.host, t->hop.mx, t->hop.port};
	struct refusal why;

	if (usable(t) && strcmp(d->kept.key, t->key) == 0 && transact(t))
		return;
	if (!resolve(&d->resolver, &hop, &t->targets, &why)) {
		refuse(t, &why);
		return;
	}
	if (shared(t) && transact(t))
		return;
	deliver_rest(d);
	travel(t);
}

void
trip_make(struct trip *t)
{
	t->d->session.limit = clock_boot() + DELIVER_SECONDS * INT64_C(1000000);
	go(t);
	policy_free(&t->policy);
}
