/* dial: connections to the hosts of a next hop; see dial.h. */
#define _GNU_SOURCE
#include "remote/dial.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum state {
	FREE,    /* not tried, or lost a race */
	RACING,  /* connecting now */
	TRIED,   /* handed out, or has failed */
	SKIPPED, /* not to be tried by this host's name */
};

enum { MS = CLOCK_SECOND / 1000, LONGEST_MS = 60000 };

/* One address that is connecting. */
struct attempt {
	int fd;
	unsigned which; /* of the host's addresses */
	int64_t end;    /* of clock_boot, as all times here */
};

/* The addresses of one host, dead ones or others, connecting at once. */
struct race {
	struct dial *d;
	unsigned host;
	bool dead;
	struct attempt list[RESOLVE_ADDRESSES];
	size_t count;
	int64_t next; /* when another may begin */
	int64_t end;  /* of total_ms */
};

static const struct target *
target_of(const struct race *r)
{
	return &r->d->plan->targets->hosts[r->host];
}

void
dial_begin(struct dial *d, const struct dial_plan *plan)
{
	memset(d, 0, sizeof(*d));
	d->plan = plan;
	d->left_ms = plan->total_ms;
}

void
dial_skip(struct dial *d, const struct target *target)
{
	size_t host = (size_t)(target - d->plan->targets->hosts);

	for (unsigned i = 0; i < target->count; i++)
		if (d->state[host][i] == FREE)
			d->state[host][i] = SKIPPED;
}

void
dial_bury(struct dial_dead *dead, const struct ip *a)
{
	size_t i = 0;

	while (i < DIAL_DEAD_MAX &&
	       !(dead->rows[i].until != 0 && ip_equal(&dead->rows[i].ip, a)))
		i++;
	if (i == DIAL_DEAD_MAX) {
		i = dead->next;
		dead->next = (i + 1) % DIAL_DEAD_MAX;
	}
	dead->rows[i].ip = *a;
	dead->rows[i].until = clock_boot() + (int64_t)DIAL_DEAD * CLOCK_SECOND;
}

bool
dial_is_dead(const struct dial_dead *dead, const struct ip *a)
{
	int64_t now = clock_boot();

	for (size_t i = 0; i < DIAL_DEAD_MAX; i++)
		if (dead->rows[i].until > now && ip_equal(&dead->rows[i].ip, a))
			return true;
	return false;
}

static void
unbury(struct dial_dead *dead, const struct ip *a)
{
	for (size_t i = 0; i < DIAL_DEAD_MAX; i++)
		if (ip_equal(&dead->rows[i].ip, a))
			dead->rows[i].until = 0;
}

/* a was tried, by any host's name. */
static bool
was_tried(const struct dial *d, const struct ip *a)
{
	const struct targets *t = d->plan->targets;

	for (unsigned i = 0; i < t->count; i++)
		for (unsigned j = 0; j < t->hosts[i].count; j++)
			if (d->state[i][j] == TRIED &&
			    ip_equal(&t->hosts[i].addresses[j], a))
				return true;
	return false;
}

/* The next address to begin with; the host's count when there is none. */
static unsigned
candidate(const struct race *r)
{
	const struct target *t = target_of(r);
	unsigned i = 0;

	for (; i < t->count; i++)
		if (r->d->state[r->host][i] == FREE &&
		    dial_is_dead(r->d->plan->dead, &t->addresses[i]) ==
			r->dead &&
		    !was_tried(r->d, &t->addresses[i]))
			break;
	return i;
}

static void
failed(struct race *r, unsigned which, int error)
{
	const struct ip *ip = &target_of(r)->addresses[which];

	r->d->state[r->host][which] = TRIED;
	r->d->tries++;
	r->d->error = error;
	r->d->failed = *ip;
	if (error == ETIMEDOUT || error == EHOSTUNREACH)
		dial_bury(r->d->plan->dead, ip);
	r->next = 0;
}

/* From the address that its family is to come from, if any. */
static bool
bind_source(int fd, const struct dial_source *s, bool is4)
{
	const struct ip *from = is4 ? &s->four : &s->six;
	struct sockaddr_storage ss;
	socklen_t len;
	int on = 1;

	if (is4 ? !s->has4 : !s->has6)
		return true;
	len = ip_to_sockaddr(from, 0, &ss);
	/* A port that is chosen when the other end is known may be another
	 * connection's, too; without it a busy host runs out sooner. */
	(void)setsockopt(
	    fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (const struct sockaddr *)&ss, len) == 0;
}

/* A socket that connects to a, or -1 with errno. */
static int
begin_connect(const struct dial_plan *plan, const struct ip *a)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(a, plan->port, &ss);
	int fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	/* What is written has been gathered; it is only slower without. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!bind_source(fd, &plan->source, ip_is4(a)) ||
	    (connect(fd, (const struct sockaddr *)&ss, len) != 0 &&
		errno != EINPROGRESS))
		fd_close(&fd);
	return fd;
}

/* Begin with one more address when it is time; false: none is left. */
static bool
enter(struct race *r, int64_t now)
{
	for (;;) {
		unsigned i = candidate(r);
		int fd;

		if (i == target_of(r)->count)
			return r->count > 0;
		if (r->count > 0 && now < r->next)
			return true;
		fd = begin_connect(r->d->plan, &target_of(r)->addresses[i]);
		if (fd < 0) {
			failed(r, i, errno);
			continue;
		}
		r->d->state[r->host][i] = RACING;
		r->list[r->count++] =
		    (struct attempt){fd, i, now + r->d->plan->connect_ms * MS};
		r->next = now + (int64_t)DIAL_STAGGER * MS;
	}
}

static void
leave(struct race *r, size_t i)
{
	fd_close(&r->list[i].fd);
	r->list[i] = r->list[--r->count];
}

/* Those that are still connecting have lost. */
static void
end_race(struct race *r)
{
	while (r->count > 0) {
		r->d->state[r->host][r->list[0].which] = FREE;
		leave(r, 0);
	}
}

/* Until something happens or is due.  False with errno. */
static bool
wait_for(struct race *r, struct pollfd *fds, int64_t now)
{
	int64_t due = r->end;

	for (size_t i = 0; i < r->count; i++) {
		fds[i] = (struct pollfd){r->list[i].fd, POLLOUT, 0};
		if (r->list[i].end < due)
			due = r->list[i].end;
	}
	if (candidate(r) < target_of(r)->count && r->next < due)
		due = r->next;
	due = (due - now + MS - 1) / MS;
	due = due < 0 ? 0 : due > LONGEST_MS ? LONGEST_MS : due;
	return poll(fds, r->count, (int)due) >= 0 || errno == EINTR;
}

static void
win(struct race *r, size_t i, struct dialed *out)
{
	unsigned which = r->list[i].which;

	out->target = target_of(r);
	out->ip = out->target->addresses[which];
	out->fd = r->list[i].fd;
	r->list[i].fd = -1;
	leave(r, i);
	r->d->state[r->host][which] = TRIED;
	r->d->tries++;
	unbury(r->d->plan->dead, &out->ip);
}

/* What has connected wins; what failed, or took too long, leaves. */
static bool
look(struct race *r, const struct pollfd *fds, struct dialed *out)
{
	int64_t now = clock_boot();

	for (size_t i = r->count; i-- > 0;) {
		int error = 0;
		socklen_t len = sizeof(error);

		if (fds[i].revents == 0) {
			if (now < r->list[i].end)
				continue;
			error = ETIMEDOUT;
		} else if (getsockopt(r->list[i].fd, SOL_SOCKET, SO_ERROR,
			       &error, &len) != 0) {
			error = errno;
		}
		if (error == 0) {
			win(r, i, out);
			return true;
		}
		failed(r, r->list[i].which, error);
		leave(r, i);
	}
	return false;
}

/* The time for all is over: whoever is connecting has not connected. */
static void
give_up(struct race *r)
{
	r->d->left_ms = 0;
	r->d->error = ETIMEDOUT;
	if (r->count > 0)
		r->d->failed = target_of(r)->addresses[r->list[0].which];
}

static bool
run(struct race *r, struct dialed *out)
{
	struct pollfd fds[RESOLVE_ADDRESSES];
	bool won = false;

	while (!won) {
		int64_t now = clock_boot();

		if (!enter(r, now))
			return false;
		if (now >= r->end) {
			give_up(r);
			break;
		}
		if (!wait_for(r, fds, now)) {
			r->d->error = errno;
			break;
		}
		won = look(r, fds, out);
	}
	end_race(r);
	return won;
}

bool
dial_next(struct dial *d, struct dialed *out)
{
	int64_t began = clock_boot(), end = began + d->left_ms * MS;
	bool won = false;

	for (int dead = 0; dead <= 1 && !won; dead++)
		for (unsigned host = 0;
		     host < d->plan->targets->count && !won && d->left_ms > 0;
		     host++) {
			struct race r = {.d = d,
			    .host = host,
			    .dead = dead == 1,
			    .end = end};

			won = run(&r, out);
		}
	if (d->left_ms > 0)
		d->left_ms = (end - clock_boot()) / MS;
	if (d->left_ms < 0)
		d->left_ms = 0;
	return won;
}
