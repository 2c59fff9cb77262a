/* dns: questions to the resolver by c-ares; see dns.h.
 *
 * c-ares sends, waits, repeats and compares; what an answer says is read by
 * dnsanswer, since c-ares 1.18 has no AD bit and no TLSA. */
#include "lib/dns.h"

#include "lib/clock.h"
#include "lib/dnscache.h"
#include "lib/rng.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
/* Wants fd_set. */
#include <ares.h>

enum {
	UDP_SIZE = 1232,   /* of an answer by UDP: fits every path whole */
	TIMEOUT_MS = 2000, /* for a server's first answer; doubles */
	TRIES = 4,         /* of each server */
	CLASS_IN = 1,
	FLAG_AD = 0x20, /* of byte FLAGS: in a question "tell me" (RFC 6840) */
	FLAGS = 3,
	CODE_FORMERR = 1,
	LONGEST_MS = 60000, /* of one wait */
	ROUNDS = 4 /* answers that leave an alias open, for one question */
};

struct dns {
	ares_channel channel;
	struct dns_cache *cache;
};

enum state { ASK, WAITING, DONE };

/* A question under way. */
struct pending {
	struct dns *dns;
	struct dns_question *question;
	enum state state;
	char name[DNS_HOST_SIZE]; /* what is asked for now */
	bool plain;               /* the server does not know EDNS */
	/* Of the answers that led to this name. */
	unsigned rounds, aliases;
	bool insecure;
};

static const char timed_out[] = "time-out";

static bool
set_servers(ares_channel channel, const struct dns_server *servers, size_t n)
{
	struct ares_addr_port_node nodes[DNS_SERVERS_MAX];

	memset(nodes, 0, sizeof(nodes));
	for (size_t i = 0; i < n; i++) {
		struct ares_addr_port_node *to = &nodes[i];
		const unsigned char *bytes = servers[i].ip.bytes;

		to->next = i + 1 < n ? to + 1 : NULL;
		to->udp_port = to->tcp_port = servers[i].port;
		to->family = ip_is4(&servers[i].ip) ? AF_INET : AF_INET6;
		if (to->family == AF_INET)
			memcpy(&to->addr.addr4, bytes + 12, 4);
		else
			memcpy(&to->addr.addr6, bytes, 16);
	}
	return ares_set_servers_ports(channel, nodes) == ARES_SUCCESS;
}

static bool
open_channel(struct dns *d, const struct dns_server *servers, size_t count)
{
	struct ares_options o = {0};
	int r;

	o.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
	o.ednspsz = UDP_SIZE;
	o.timeout = TIMEOUT_MS;
	o.tries = TRIES;
	r = ares_init_options(&d->channel, &o,
	    ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
		ARES_OPT_TRIES);
	if (r != ARES_SUCCESS) {
		d->channel = NULL;
		errno = r == ARES_ENOMEM ? ENOMEM : EIO;
		return false;
	}
	errno = ENOMEM;
	return count == 0 || set_servers(d->channel, servers, count);
}

struct dns *
dns_new(const struct dns_server *servers, size_t count)
{
	struct dns *d = calloc(1, sizeof(*d));
	int saved;

	if (d == NULL)
		return NULL;
	if (count > DNS_SERVERS_MAX)
		count = DNS_SERVERS_MAX;
	d->cache = dns_cache_new();
	if (d->cache != NULL && open_channel(d, servers, count))
		return d;
	saved = errno;
	dns_free(d);
	errno = saved;
	return NULL;
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	if (d->channel != NULL)
		ares_destroy(d->channel);
	dns_cache_free(d->cache);
	free(d);
}

static void
finish(struct pending *p, enum dns_result result, const char *why)
{
	dns_answer_none(&p->question->answer, result, why);
	p->state = DONE;
}

/* What c-ares says when it has no answer to show.  1.18 does not tell a server
 * that failed from one that is not there. */
static void
finish_without(struct pending *p, int status)
{
	static const struct {
		int status;
		const char *why;
	} rows[] = {
	    {ARES_ETIMEOUT,     timed_out                       },
	    {ARES_ECANCELLED,   timed_out                       },
	    {ARES_ECONNREFUSED, "SERVFAIL, REFUSED or no server"},
	    {ARES_ENOMEM,       "no memory"                     },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status) {
			finish(p, DNS_TROUBLE, rows[i].why);
			return;
		}
	finish(p, DNS_TROUBLE, "no answer");
}

/* The answer leaves its last alias open: that name is asked for next. */
static bool
follow(struct pending *p)
{
	struct dns_answer *a = &p->question->answer;

	if (!a->dangling || ++p->rounds > ROUNDS ||
	    !dns_name_is_askable(str_of(a->name)) ||
	    !str_copy(p->name, sizeof(p->name), str_of(a->name)))
		return false;
	dns_answer_free(a);
	p->state = ASK;
	return true;
}

/* Read an answer, from a server or the cache. */
static void
take(struct pending *p, struct str packet)
{
	struct dns_answer *a = &p->question->answer;

	dns_answer_read(a, packet, p->name, p->question->type);
	p->aliases = a->aliases += p->aliases;
	if ((a->result == DNS_FOUND || a->dangling) &&
	    a->aliases > DNS_ALIASES_MAX) {
		dns_answer_free(a);
		finish(p, DNS_LOOP, NULL);
		a->aliases = p->aliases;
		return;
	}
	p->insecure = p->insecure || !a->secure;
	a->secure = !p->insecure;
	if (!follow(p))
		p->state = DONE;
}

static void
/* NOLINTNEXTLINE(readability-non-const-parameter): c-ares' own type */
arrived(void *context, int status, int timeouts, unsigned char *bytes, int len)
{
	struct pending *p = context;
	const struct dns_answer *a = &p->question->answer;
	struct str packet = {(const char *)bytes, (size_t)len};
	char name[DNS_HOST_SIZE];

	(void)timeouts;
	if (status != ARES_SUCCESS || bytes == NULL || len <= FLAGS) {
		finish_without(p, status);
		return;
	}
	if (!p->plain && (bytes[FLAGS] & 0xf) == CODE_FORMERR) {
		p->plain = true; /* RFC 6891, 7 */
		p->state = ASK;
		return;
	}
	memcpy(name, p->name, sizeof(name));
	take(p, packet);
	if (p->state == DONE && a->result != DNS_TROUBLE)
		dns_cache_keep(
		    p->dns->cache, name, p->question->type, packet, a->ttl);
}

static bool
remembered(struct pending *p)
{
	uint32_t seconds = 0;
	struct str packet =
	    dns_cache_find(p->dns->cache, p->name, p->question->type, &seconds);

	if (packet.len == 0)
		return false;
	take(p, packet);
	if (p->question->answer.ttl > seconds)
		p->question->answer.ttl = seconds;
	return true;
}

static void
send_question(struct pending *p)
{
	unsigned char *query = NULL;
	unsigned short id;
	int len = 0, r;

	if (!rng_bytes(&id, sizeof(id))) {
		finish(p, DNS_TROUBLE, "no randomness");
		return;
	}
	r = ares_create_query(p->name, CLASS_IN, (int)p->question->type, id, 1,
	    &query, &len, p->plain ? 0 : UDP_SIZE);
	if (r == ARES_EBADNAME || r == ARES_ENOTFOUND) {
		/* What is not to be asked for: .onion (RFC 7686). */
		finish(p, DNS_NO_NAME, NULL);
		return;
	}
	if (r != ARES_SUCCESS) {
		finish_without(p, r);
		return;
	}
	query[FLAGS] |= FLAG_AD;
	p->state = WAITING;
	ares_send(p->dns->channel, query, len, arrived, p);
	ares_free_string(query);
}

static void
begin(struct pending *p, struct dns *d, struct dns_question *q)
{
	struct str name = str_of(q->name);

	memset(p, 0, sizeof(*p));
	p->dns = d;
	p->question = q;
	dns_answer_none(&q->answer, DNS_TROUBLE, timed_out);
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	if (!dns_name_is_askable(name) ||
	    !str_copy(p->name, sizeof(p->name), name))
		finish(p, DNS_NO_NAME, NULL);
}

/* Send what is to be sent; true while anything is waited for. */
static bool
advance(struct pending *all, size_t count)
{
	bool waiting = false;

	for (struct pending *p = all; p < all + count; p++) {
		while (p->state == ASK)
			if (!remembered(p))
				send_question(p);
		waiting = waiting || p->state == WAITING;
	}
	return waiting;
}

/* In ms for poll, rounded up. */
static int
smaller(int64_t left_us, const struct timeval *wait)
{
	int64_t us = (int64_t)wait->tv_sec * 1000000 + wait->tv_usec;

	us = us < left_us ? us : left_us;
	return (int)(us / 1000) + 1;
}

/* What c-ares wants to know of its sockets. */
static nfds_t
list_sockets(ares_channel channel, struct pollfd fds[ARES_GETSOCK_MAXNUM])
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned readable =
	    (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	unsigned writable = readable >> ARES_GETSOCK_MAXNUM;
	nfds_t n = 0;

	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		int events = ((readable >> i & 1) != 0 ? POLLIN : 0) |
			     ((writable >> i & 1) != 0 ? POLLOUT : 0);

		if (events != 0)
			fds[n++] =
			    (struct pollfd){sockets[i], (short)events, 0};
	}
	return n;
}

static void
serve(ares_channel channel, const struct pollfd *p)
{
	if (p->revents != 0)
		ares_process_fd(channel,
		    (p->events & POLLIN) != 0 ? p->fd : ARES_SOCKET_BAD,
		    (p->events & POLLOUT) != 0 ? p->fd : ARES_SOCKET_BAD);
}

/* Wait for c-ares' sockets or times, and let it work.  False with an error. */
static bool
turn(ares_channel channel, int64_t left_us)
{
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	struct timeval most = {LONGEST_MS / 1000, 0};
	const struct timeval *wait = ares_timeout(channel, &most, &most);
	nfds_t n = list_sockets(channel, fds);

	if (poll(fds, n, smaller(left_us, wait)) < 0)
		return errno == EINTR;
	for (nfds_t i = 0; i < n; i++)
		serve(channel, &fds[i]);
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return true;
}

void
dns_ask(struct dns *d, struct dns_question *questions, size_t count, int64_t ms)
{
	struct pending all[DNS_QUESTIONS_MAX];
	int64_t end = clock_boot() + ms * 1000, left = ms * 1000;

	for (; count > DNS_QUESTIONS_MAX; count--)
		dns_answer_none(&questions[count - 1].answer, DNS_TROUBLE,
		    "too many questions");
	for (size_t i = 0; i < count; i++)
		begin(&all[i], d, &questions[i]);
	while (advance(all, count)) {
		if (left <= 0 || !turn(d->channel, left)) {
			ares_cancel(d->channel);
			return;
		}
		left = end - clock_boot();
	}
}
