/* sts: what culver-remote and culver-policyd tell each other; see sts.h. */
#include "wire/sts.h"

#include "lib/address.h"
#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

const char *
sts_type_name(enum sts_type type)
{
	static const char *const names[] = {
#define STS_TYPE_NAME(id, name) [id] = (name),
	    STS_TYPES(STS_TYPE_NAME)
#undef STS_TYPE_NAME
	};

	return names[type];
}

const char *
sts_result_name(enum sts_result result)
{
	static const char *const names[] = {
#define STS_RESULT_NAME(id, name) [id] = (name),
	    STS_RESULTS(STS_RESULT_NAME)
#undef STS_RESULT_NAME
	};

	return names[result];
}

static bool
matches(struct str pattern, struct str host)
{
	if (!str_starts(pattern, str_of("*.")))
		return str_equal_nocase(pattern, host);
	/* One label, not empty, and what follows it with its dot. */
	if (host.len == 0 || host.data[0] == '.')
		return false;
	return str_equal_nocase(str_slice(pattern, 1, pattern.len),
	    str_slice(host, str_find(host, '.'), host.len));
}

bool
sts_allows(const struct sts_policy *p, struct str host)
{
	if (host.len > 0 && host.data[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < p->count; i++)
		if (matches(p->mx[i], host))
			return true;
	return false;
}

static bool
put_text(struct buf *b, struct str text, size_t most)
{
	if (text.len > most) {
		errno = EINVAL;
		return false;
	}
	return field_put_text(b, text);
}

static bool
take_text(struct str *in, struct str *text, size_t most)
{
	return field_take_text(in, text) && text->len <= most;
}

/* With STS_MODE_NONE a policy may name no exchanger, with the others it must.
 */
static bool
sound(const struct sts_policy *p)
{
	return p->mode <= STS_MODE_ENFORCE && p->max_age <= STS_AGE_MAX &&
	       p->count <= STS_PATTERNS &&
	       (p->count > 0 || p->mode == STS_MODE_NONE);
}

static bool
put_policy(struct buf *b, const struct sts_policy *p)
{
	if (!sound(p)) {
		errno = EINVAL;
		return false;
	}
	if (!field_put32(b, p->mode) || !field_put32(b, p->max_age) ||
	    !put_text(b, p->id, STS_ID_MAX) ||
	    !field_put32(b, (uint32_t)p->count))
		return false;
	for (size_t i = 0; i < p->count; i++)
		if (!put_text(b, p->mx[i], STS_HOST_MAX))
			return false;
	return true;
}

bool
sts_policy_write(struct buf *b, const struct sts_policy *p)
{
	size_t mark = b->len;

	if (put_policy(b, p))
		return true;
	b->len = mark;
	return false;
}

bool
sts_policy_read(struct str in, struct sts_policy *p)
{
	uint32_t mode, count;

	if (!field_take32(&in, &mode) || !field_take32(&in, &p->max_age) ||
	    !take_text(&in, &p->id, STS_ID_MAX) || !field_take32(&in, &count))
		return false;
	p->mode = (enum sts_mode)mode;
	p->count = count;
	if (!sound(p))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_text(&in, &p->mx[i], STS_HOST_MAX))
			return false;
	return in.len == 0;
}

static bool
has_capital(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] != str_lower(s.data[i]))
			return true;
	return false;
}

bool
sts_domain_ok(struct str domain)
{
	struct ip ip;

	return domain.len <= STS_DOMAIN_MAX && !has_capital(domain) &&
	       address_domain_ok(domain, false) &&
	       str_find(domain, '.') != domain.len && !ip_parse(domain, &ip);
}

/* An empty text stands for addresses that are not known. */
static bool
put_ip(struct buf *b, const struct sts_report *r, const struct ip *a)
{
	char text[IP_SIZE];

	ip_format(text, a);
	return field_put_text(b, str_of(r->reached ? text : ""));
}

static bool
put_report(struct buf *b, const struct sts_report *r)
{
	if (r->type >= STS_TYPE_COUNT || r->result >= STS_RESULT_COUNT ||
	    !sts_domain_ok(r->domain)) {
		errno = EINVAL;
		return false;
	}
	return field_put32(b, r->type) && field_put32(b, r->result) &&
	       field_put_text(b, r->domain) &&
	       put_text(b, r->base, STS_HOST_MAX) &&
	       put_text(b, r->mx, STS_HOST_MAX) && put_ip(b, r, &r->sending) &&
	       put_ip(b, r, &r->receiving) &&
	       field_put_text(b, str_slice(r->reason, 0, STS_REASON_MAX)) &&
	       put_text(b, r->policy, STS_POLICY_MAX);
}

bool
sts_report_write(struct buf *b, const struct sts_report *r)
{
	size_t mark = b->len;

	if (put_report(b, r))
		return true;
	b->len = mark;
	return false;
}

static bool
take_ips(struct str *in, struct sts_report *r)
{
	struct str sending, receiving;

	if (!take_text(in, &sending, IP_SIZE) ||
	    !take_text(in, &receiving, IP_SIZE))
		return false;
	r->reached = sending.len > 0;
	if (!r->reached)
		return receiving.len == 0;
	return ip_parse(sending, &r->sending) &&
	       ip_parse(receiving, &r->receiving);
}

bool
sts_report_read(struct str in, struct sts_report *r)
{
	uint32_t type, result;

	*r = (struct sts_report){0};
	if (!field_take32(&in, &type) || type >= STS_TYPE_COUNT ||
	    !field_take32(&in, &result) || result >= STS_RESULT_COUNT)
		return false;
	r->type = (enum sts_type)type;
	r->result = (enum sts_result)result;
	return field_take_text(&in, &r->domain) && sts_domain_ok(r->domain) &&
	       take_text(&in, &r->base, STS_HOST_MAX) &&
	       take_text(&in, &r->mx, STS_HOST_MAX) && take_ips(&in, r) &&
	       take_text(&in, &r->reason, STS_REASON_MAX) &&
	       take_text(&in, &r->policy, STS_POLICY_MAX) && in.len == 0;
}

void
sts_init(struct sts *s)
{
	*s = (struct sts){.fd = -1,
	    .in = {.max = STS_FRAME + FRAME_HEAD},
	    .out = {.max = STS_FRAME}};
}

void
sts_close(struct sts *s)
{
	fd_close(&s->fd);
	buf_free(&s->in);
	buf_free(&s->out);
	sts_init(s);
}

/* A connection whose other end need not read for us to go on. */
static int
reach(void)
{
	const struct timeval patience = {.tv_sec = STS_WAIT};
	int fd = sock_connect(STS_SOCKET);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			   sizeof(patience)) != 0)
		fd_close(&fd);
	return fd;
}

/* Send a frame of what is in out; over a new connection where there was none
 * or the old one has ended, which closes without a word after STS_IDLE. */
static bool
send_frame(struct sts *s, char kind)
{
	if (s->fd >= 0 && fd_wait_read(s->fd, 0))
		fd_close(&s->fd); /* nothing was asked: it is the end */
	if (s->fd >= 0 && frame_write(s->fd, kind, buf_str(&s->out)))
		return true;
	fd_close(&s->fd);
	s->fd = reach();
	if (s->fd >= 0 && frame_write(s->fd, kind, buf_str(&s->out)))
		return true;
	fd_close(&s->fd);
	return false;
}

/* False when it is no answer. */
static bool
read_answer(const struct frame *f, struct sts_policy *p, enum sts_answer *a)
{
	*a = f->kind == 'P'   ? STS_POLICY
	     : f->kind == 'N' ? STS_NONE
			      : STS_LATER;
	if (f->kind == 'P')
		return sts_policy_read(f->payload, p);
	return (f->kind == 'N' || f->kind == 'Z') && f->payload.len == 0;
}

/* Ask what is in out.  False without an answer. */
static bool
exchange(struct sts *s, struct sts_policy *p, enum sts_answer *a)
{
	struct frame f;

	if (!send_frame(s, 'Q'))
		return false;
	if (frame_read(s->fd, STS_WAIT * 1000, &s->in, &f) == FRAME_OK &&
	    read_answer(&f, p, a))
		return true;
	fd_close(&s->fd);
	return false;
}

enum sts_answer
sts_ask(struct sts *s, struct str domain, struct sts_policy *p)
{
	enum sts_answer a;
	bool old = s->fd >= 0;

	buf_clear(&s->out);
	if (domain.len > STS_DOMAIN_MAX || !buf_append_lower(&s->out, domain) ||
	    !sts_domain_ok(buf_str(&s->out)))
		return STS_NONE;
	if (!buf_append_byte(&s->out, '\0'))
		return STS_LATER;
	if (exchange(s, p, &a))
		return a;
	/* An old connection may have ended just then. */
	return old && errno != ETIMEDOUT && exchange(s, p, &a) ? a : STS_LATER;
}

void
sts_tell(struct sts *s, const struct sts_report *r)
{
	buf_clear(&s->out);
	if (sts_report_write(&s->out, r) && !send_frame(s, 'R'))
		fd_close(&s->fd);
}
