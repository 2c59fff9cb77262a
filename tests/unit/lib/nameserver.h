/* nameserver: a DNS server in a child, on UDP and TCP of one port of 127.0.0.1,
 * that answers from rows, right or wrong.  Wants _GNU_SOURCE. */
#ifndef TESTS_UNIT_LIB_NAMESERVER_H
#define TESTS_UNIT_LIB_NAMESERVER_H

#include "tests/unit/lib/packet.h"

#include "lib/fd.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is done with a question for a name that a row has. */
enum manner {
	NS_TELL,     /* the rows of this name and type; none: no data */
	NS_SECURE,   /* the same with AD, where the question asks for it */
	NS_SERVFAIL, /* these three: the code */
	NS_REFUSED,
	NS_FORMERR,  /* a question with EDNS is not understood */
	NS_DROP,     /* no answer */
	NS_GARBAGE,  /* bytes with the question's id, then nothing */
	NS_FALSE,    /* another id, another question, another port, all with
		      * 203.0.113.66; then the truth */
	NS_CUT,      /* by UDP cut, by TCP whole */
	NS_CUT_SHUT, /* by UDP cut, and TCP closes without a word */
	NS_OPEN,     /* aliases are not followed, and no SOA is told */
};

struct zone_row {
	const char *name; /* lower case */
	enum dns_type type;
	const char *data;
	enum manner manner; /* of the name's first row for this type */
	uint32_t ttl;       /* 0: 300 */
};

#define ZONE_ZERO UINT32_MAX /* a ttl that is 0 */

struct nameserver {
	pid_t pid;
	uint16_t port;
	atomic_uint *asked; /* questions so far, by UDP and TCP */
};

/* The child's own. */
struct serving {
	const struct zone_row *zone; /* ended by a NULL name */
	int udp, tcp, other;
	atomic_uint *asked;
};

/* A question as it came. */
struct asked {
	unsigned id, type;
	bool edns, ad, tcp;
	char name[DNS_TEXT_SIZE];
};

static const struct zone_row *
zone_find(const struct zone_row *z, const char *name, unsigned type)
{
	for (; z->name != NULL; z++)
		if (z->type == type && strcmp(z->name, name) == 0)
			return z;
	return NULL;
}

static bool
zone_has(const struct zone_row *z, const char *name)
{
	for (; z->name != NULL; z++)
		if (strcmp(z->name, name) == 0)
			return true;
	return false;
}

static unsigned
put_row(struct buf *b, const struct zone_row *z)
{
	put_record(b, z->name, z->type,
	    z->ttl == ZONE_ZERO ? 0
	    : z->ttl == 0       ? 300
				: z->ttl,
	    z->data);
	return 1;
}

/* The records for a question, aliases first; their number. */
static unsigned
put_rows(struct buf *b, const struct zone_row *zone, const struct asked *q,
    const char **end, bool *secure)
{
	const char *name = q->name;
	unsigned n = 0;

	for (unsigned links = 0; links < 40; links++) {
		const struct zone_row *z = zone_find(zone, name, DNS_CNAME);

		if (z == NULL)
			break;
		*secure = *secure && z->manner == NS_SECURE;
		n += put_row(b, z);
		name = z->data;
		if (z->manner == NS_OPEN) {
			*end = name;
			return n;
		}
	}
	*end = name;
	for (const struct zone_row *z = zone; z->name != NULL; z++)
		if (z->type == q->type && strcmp(z->name, name) == 0 &&
		    z->manner != NS_OPEN) {
			*secure = *secure && z->manner == NS_SECURE;
			n += put_row(b, z);
		}
	return n;
}

static void
answer_with(struct buf *b, const struct zone_row *zone, const struct asked *q)
{
	struct buf rows = {.max = 1 << 24};
	const char *end;
	bool secure = true;
	unsigned n = put_rows(&rows, zone, q, &end, &secure);
	const struct zone_row *z = zone_find(zone, q->name, DNS_CNAME);
	bool open = z != NULL && z->manner == NS_OPEN;
	bool exists = open || zone_has(zone, end);
	bool data = zone_find(zone, end, q->type) != NULL;
	unsigned flags = FLAG_QR | FLAG_RD_RA | (exists ? 0 : 3) |
			 (secure && exists && q->ad ? FLAG_AD : 0);

	put16(b, q->id);
	put16(b, flags);
	put16(b, 1);
	put16(b, n);
	put16(b, data || open ? 0 : 1);
	put16(b, 0);
	put_question(b, q->name, q->type);
	assert_true(buf_append_str(b, buf_str(&rows)));
	if (!data && !open)
		put_record(b, "zone", DNS_SOA, 300, "60");
	buf_free(&rows);
}

static void
answer_code(struct buf *b, const struct asked *q, unsigned code)
{
	put16(b, q->id);
	put16(b, FLAG_QR | FLAG_RD_RA | code);
	put16(b, 1);
	for (int i = 0; i < 3; i++)
		put16(b, 0);
	put_question(b, q->name, q->type);
}

/* A lie that c-ares must not look at. */
static void
answer_falsely(
    struct buf *b, const struct asked *q, unsigned id, const char *name)
{
	buf_clear(b);
	put16(b, id);
	put16(b, FLAG_QR | FLAG_RD_RA);
	put16(b, 1);
	put16(b, 1);
	put32(b, 0);
	put_question(b, name, q->type);
	put_record(b, name, DNS_A, 300, "203.0.113.66");
}

static bool
read_question(struct str p, struct asked *q)
{
	size_t at = 12;

	if (p.len < 12 || !dns_name_text(p, &at, q->name) || p.len - at < 4)
		return false;
	q->id =
	    (unsigned)(unsigned char)p.data[0] << 8 | (unsigned char)p.data[1];
	q->ad = (p.data[3] & FLAG_AD) != 0;
	q->edns = p.data[11] != 0;
	q->type = (unsigned char)p.data[at + 1];
	return true;
}

static enum manner
manner_of(const struct zone_row *zone, const struct asked *q)
{
	const struct zone_row *z = zone_find(zone, q->name, q->type);

	return z == NULL ? NS_TELL : z->manner;
}

struct udp_client {
	struct sockaddr_storage from;
	socklen_t len;
};

static void
send_udp(int fd, const struct udp_client *to, const struct buf *b)
{
	if (sendto(fd, b->data, b->len, 0, (const struct sockaddr *)&to->from,
		to->len) < 0)
		_exit(3);
}

static void
lie(struct serving *s, const struct udp_client *to, const struct asked *q)
{
	struct buf b = {0};

	answer_falsely(&b, q, q->id ^ 1, q->name);
	send_udp(s->udp, to, &b);
	answer_falsely(&b, q, q->id, "other.example");
	send_udp(s->udp, to, &b);
	answer_falsely(&b, q, q->id, q->name);
	send_udp(s->other, to, &b);
	buf_free(&b);
}

/* What is sent for a question; nothing: b stays empty. */
static void
compose(struct serving *s, struct buf *b, const struct asked *q)
{
	switch (manner_of(s->zone, q)) {
	case NS_SERVFAIL:
		answer_code(b, q, 2);
		return;
	case NS_REFUSED:
		answer_code(b, q, 5);
		return;
	case NS_FORMERR:
		if (q->edns)
			answer_code(b, q, 1);
		else
			answer_with(b, s->zone, q);
		return;
	case NS_DROP:
		return;
	case NS_GARBAGE:
		put16(b, q->id);
		put32(b, 0x81800001);
		put32(b, 0xffffffff);
		return;
	case NS_CUT:
	case NS_CUT_SHUT:
		if (!q->tcp)
			answer_code(b, q, FLAG_TC);
		else if (manner_of(s->zone, q) == NS_CUT)
			answer_with(b, s->zone, q);
		return;
	case NS_TELL:
	case NS_SECURE:
	case NS_FALSE:
	case NS_OPEN:
		answer_with(b, s->zone, q);
		return;
	}
}

static void
serve_udp(struct serving *s)
{
	char bytes[4096];
	struct udp_client from = {.len = sizeof(from.from)};
	struct buf b = {0};
	struct asked q = {0};
	ssize_t n = recvfrom(s->udp, bytes, sizeof(bytes), 0,
	    (struct sockaddr *)&from.from, &from.len);

	if (n < 0 || !read_question((struct str){bytes, (size_t)n}, &q))
		return;
	atomic_fetch_add(s->asked, 1);
	compose(s, &b, &q);
	if (manner_of(s->zone, &q) == NS_FALSE)
		lie(s, &from, &q);
	if (b.len > 1232) {
		buf_clear(&b);
		answer_code(&b, &q, FLAG_TC);
	}
	if (b.len > 0)
		send_udp(s->udp, &from, &b);
	buf_free(&b);
}

static void
serve_tcp(struct serving *s)
{
	int fd = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC);
	unsigned char head[2];
	char bytes[4096];
	struct buf b = {.max = 1 << 24}, out = {.max = 1 << 24};
	struct asked q = {.tcp = true};
	size_t n;

	if (fd < 0)
		return;
	if (fd_read_all(fd, head, 2) &&
	    (n = (size_t)head[0] << 8 | head[1]) <= sizeof(bytes) &&
	    fd_read_all(fd, bytes, n) &&
	    read_question((struct str){bytes, n}, &q)) {
		q.tcp = true;
		atomic_fetch_add(s->asked, 1);
		compose(s, &b, &q);
		if (b.len > 0) {
			put16(&out, (unsigned)b.len);
			assert_true(buf_append_str(&out, buf_str(&b)));
			if (!fd_write_all(fd, out.data, out.len))
				_exit(3);
		}
	}
	buf_free(&b);
	buf_free(&out);
	(void)close(fd);
}

static void
serve(struct serving *s)
{
	struct pollfd fds[] = {
	    {s->udp, POLLIN, 0},
            {s->tcp, POLLIN, 0}
        };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0)
			serve_udp(s);
		if (fds[1].revents != 0)
			serve_tcp(s);
	}
}

/* A socket of 127.0.0.1, and its port. */
static int
local_socket(int type, uint16_t *at)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sin.sin_port = htons(*at);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		(void)close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*at = ntohs(sin.sin_port);
	return fd;
}

/* Both of one port: UDP takes one, and another when TCP has it. */
static void
local_pair(struct serving *s, uint16_t *at)
{
	do {
		*at = 0;
		s->udp = local_socket(SOCK_DGRAM, at);
		s->tcp = local_socket(SOCK_STREAM, at);
		if (s->tcp < 0)
			(void)close(s->udp);
	} while (s->tcp < 0);
	assert_int_equal(listen(s->tcp, 16), 0);
}

static void
nameserver_start(struct nameserver *n, const struct zone_row *zone)
{
	struct serving s = {.zone = zone};
	uint16_t any = 0;

	n->asked = mmap(NULL, sizeof(*n->asked), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(n->asked != MAP_FAILED);
	s.asked = n->asked;
	local_pair(&s, &n->port);
	s.other = local_socket(SOCK_DGRAM, &any);
	(void)fflush(NULL);
	n->pid = fork();
	assert_true(n->pid >= 0);
	if (n->pid == 0)
		serve(&s);
	(void)close(s.udp);
	(void)close(s.tcp);
	(void)close(s.other);
}

static void
nameserver_stop(struct nameserver *n)
{
	assert_int_equal(kill(n->pid, SIGKILL), 0);
	assert_int_equal(waitpid(n->pid, NULL, 0), n->pid);
	assert_int_equal(munmap(n->asked, sizeof(*n->asked)), 0);
}

#endif
