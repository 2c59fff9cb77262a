/* spawner: jobs go out, results come in. */
#include "send/spawner.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	INPUT = 65536,        /* bytes read at once */
	BUFFER_MAX = 1 << 24, /* bytes waiting either way */
};

void
spawner_init(struct spawner *s, const char *path, uid_t owner)
{
	memset(s, 0, sizeof *s);
	s->path = path;
	s->owner = owner;
	s->fd = -1;
	s->width = 1;
	s->in.max = s->out.max = BUFFER_MAX;
}

bool
spawner_limit(struct spawner *s, uint64_t most)
{
	struct flight *flights;

	if (most > s->size) {
		flights = realloc(s->flights, most * sizeof *flights);
		if (flights == NULL)
			return false;
		memset(
		    flights + s->size, 0, (most - s->size) * sizeof *flights);
		s->flights = flights;
		s->size = (uint32_t)most;
	}
	s->most = most;
	return true;
}

void
spawner_close(struct spawner *s)
{
	fd_close(&s->fd);
	s->serving = false;
	buf_clear(&s->in);
	buf_clear(&s->out);
}

void
spawner_connect(struct spawner *s, int64_t now)
{
	struct peer who;

	if (s->fd != -1 || now < s->again)
		return;
	s->again = now + CLOCK_SECOND;
	s->ours = false;
	s->fd = sock_connect(s->path);
	if (s->fd == -1)
		return;
	if (!sock_peer(s->fd, &who) || who.uid != s->owner ||
	    !fd_nonblock(s->fd))
		spawner_close(s);
}

uint32_t
spawner_slots(const struct spawner *s)
{
	if (!s->serving)
		return 0;
	return (uint32_t)(s->width < s->most ? s->width : s->most);
}

uint32_t
spawner_reserve(const struct spawner *s, uint64_t percent)
{
	uint64_t kept = s->most * percent / 100;
	uint32_t slots = spawner_slots(s);

	return slots > s->most - kept ? (uint32_t)(slots - (s->most - kept))
				      : 0;
}

bool
spawner_widen(struct spawner *s, uint32_t reserve, int64_t due, int64_t now)
{
	if (s->flying > 0)
		s->rested = now;
	else if (now - s->rested > (int64_t)JOB_IDLE * CLOCK_SECOND)
		s->width = 1;
	s->late = 0;
	if (due == 0 || s->flying + reserve < s->width || s->width >= s->most)
		return false;
	s->late = due + SPAWNER_PATIENCE;
	if (s->late < s->grown + SPAWNER_STEP)
		s->late = s->grown + SPAWNER_STEP;
	if (now < s->late)
		return false;
	s->width *= 2;
	s->grown = now;
	return true;
}

int64_t
spawner_next(const struct spawner *s, int64_t until)
{
	return s->late != 0 && s->late < until ? s->late : until;
}

bool
spawner_take(struct spawner *s, struct job *j, struct active *a, uint32_t part,
    uint32_t delivery)
{
	uint32_t i = s->hint, *numbers;

	if (s->flying >= s->size)
		return false;
	numbers = malloc(j->count * sizeof *numbers);
	if (numbers == NULL)
		return false;
	for (uint32_t n = 0; n < j->count; n++)
		numbers[n] = job_number(j, n);
	while (s->flights[i].active != NULL)
		i = i + 1 < s->size ? i + 1 : 0;
	s->hint = i + 1 < s->size ? i + 1 : 0;
	s->flights[i] = (struct flight){.active = a,
	    .part = part,
	    .count = j->count,
	    .left = j->count,
	    .numbers = numbers,
	    .delivery = delivery};
	s->flying++;
	j->job = i;
	return true;
}

uint32_t
flight_find(const struct flight *f, uint32_t number)
{
	uint32_t i = 0;

	while (i < f->count && f->numbers[i] != number)
		i++;
	return i;
}

struct flight
spawner_give(struct spawner *s, uint32_t slot)
{
	struct flight f = s->flights[slot];

	s->flights[slot] = (struct flight){.active = NULL};
	s->flying--;
	s->hint = slot;
	return f;
}

bool
spawner_job(struct spawner *s, const struct job *j)
{
	size_t mark, before = s->out.len;

	if (frame_begin(&s->out, 'J', &mark) && job_write(&s->out, j) &&
	    frame_finish(&s->out, mark))
		return true;
	s->out.len = before;
	return false;
}

/* False: the connection ends.  Unless the other end is gone nobody died. */
static bool
goes_on(struct spawner *s)
{
	s->ours = errno != EPIPE && errno != ECONNRESET;
	return errno == EAGAIN || errno == EINTR;
}

/* It ended before it read all jobs, and perhaps behind results. */
static void
read_rest(struct spawner *s)
{
	ssize_t n;

	while (buf_reserve(&s->in, INPUT) &&
	       (n = recv(s->fd, s->in.data + s->in.len, INPUT, 0)) > 0)
		s->in.len += (size_t)n;
}

bool
spawner_write(struct spawner *s)
{
	while (s->out.len > 0) {
		ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);
		if (n == -1 && goes_on(s))
			return true;
		if (n == -1) {
			read_rest(s);
			return false;
		}
		buf_drop(&s->out, (size_t)n);
	}
	return true;
}

bool
spawner_read(struct spawner *s)
{
	ssize_t n;

	if (!buf_reserve(&s->in, INPUT))
		return goes_on(s);
	n = recv(s->fd, s->in.data + s->in.len, INPUT, 0);
	if (n == -1)
		return goes_on(s);
	s->in.len += (size_t)n;
	s->ours = false;
	return n > 0;
}

bool
spawner_result(struct spawner *s, struct result *r, size_t *used, bool *broken)
{
	struct frame f;
	enum frame_result got;

	*broken = false;
	while ((got = frame_take(&s->in, &f, used)) == FRAME_OK) {
		if (f.kind == 'R' && result_read(f.payload, r) &&
		    r->job < s->size && s->flights[r->job].active != NULL)
			return true;
		if (f.kind != 'H' || f.payload.len != 4 ||
		    num_get32((const unsigned char *)f.payload.data) !=
			JOB_VERSION) {
			*broken = true;
			return false;
		}
		s->serving = true;
		buf_drop(&s->in, *used);
	}
	*broken = got == FRAME_BAD;
	return false;
}
