/* rspawn: have workers deliver to other hosts, one that knows the host first.
 *
 * Runs as     culverr, not jailed: its workers jail themselves; root until its
 *             socket is bound.
 * Started by  a supervisor, see run/rspawn.
 * Reads       the heads of messages.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/rspawn; culver-remote; wire/job.h.
 * Trusts      culver-send for everything in a job; nothing a host says.
 * Exits       0 SIGTERM; 111 it cannot work.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/usage.h"
#include "wire/spawn.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BACKLOG = 16,
	SPARE = 16, /* workers that wait for their own hosts, and no others */
	COLD = 10   /* seconds after which one is not waiting for its own */
};

static const char usage[] =
    "usage: culver-rspawn [--help | --version]\n"
    "It serves culver-send at queue/rspawn below $CULVER_HOME.\n"
    "Example: CULVER_HOME=/var/culver culver-rspawn\n";

/* FNV-1a.  Two groups with one key share workers, and the worker looks where
 * its connection leads before it uses it. */
static uint64_t
key_of(struct str group)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < group.len; i++)
		key = (key ^ (unsigned char)group.data[i]) *
		      UINT64_C(0x100000001b3);
	return key;
}

/* The worker that has been without work for longest; NULL when none is. */
static struct worker *
coldest(struct pool *p, size_t *idle)
{
	struct worker *found = NULL;

	*idle = 0;
	for (size_t i = 0; i < p->count; i++) {
		struct worker *w = &p->workers[i];
		if (w->fd < 0 || w->busy)
			continue;
		++*idle;
		if (found == NULL || w->since < found->since)
			found = w;
	}
	return found;
}

/* One worker more is started only while few wait, and all of them perhaps for
 * their hosts' next message. */
static void
choose(struct pool *p, uint64_t key)
{
	struct worker *w;
	size_t idle;

	if (pool_idle(p, key) < p->count)
		return;
	w = coldest(p, &idle);
	if (w != NULL && (idle >= SPARE || clock_boot() - w->since >=
					       (int64_t)COLD * CLOCK_SECOND))
		w->key = key;
}

static void
put_off(struct spawn *s, const struct job *j, char letter, const char *what)
{
	char text[JOB_TEXT];

	if (errno == 0)
		(void)snprintf(text, sizeof(text), "%s. (#4.3.0)\n", what);
	else
		(void)snprintf(text, sizeof(text), "%s: %s. (#4.3.0)\n", what,
		    strerror(errno));
	pool_answer(&s->pool, &(struct result){.job = j->job,
				  .number = JOB_END,
				  .letter = letter,
				  .status = str_of("4.3.0"),
				  .text = str_of(text)});
}

static void
say_unopened(struct spawn *s, const struct job *j)
{
	bool damaged = errno == EPROTO, gone = errno == ENOENT;

	if (damaged || gone)
		errno = 0;
	put_off(s, j, damaged ? 'H' : 'Z',
	    damaged ? "The message's file is damaged: its head does not read"
	    : gone  ? "The message is gone, or another is in its place"
		    : "Unable to open the message");
}

static bool
give(struct pool *p, const struct errand *e, int fd)
{
	struct buf packet = {.max = JOB_PACKET};
	uint64_t key = key_of(e->job.group);
	bool ok;

	choose(p, key);
	ok = errand_write(&packet, e) &&
	     pool_give(p, key, NULL, &e->job, buf_str(&packet), fd);
	buf_free(&packet);
	return ok;
}

static bool
begin(struct spawn *s, const struct job *j)
{
	struct message m;
	struct errand e;
	int fd = spawn_message(s, j, &m);

	if (fd < 0) {
		say_unopened(s, j);
		return true;
	}
	e = (struct errand){.job = *j,
	    .arrived = m.arrived,
	    .body_at = m.body_at,
	    .body_len = m.body_len,
	    .lines = m.lines,
	    .body_crc = m.body_crc,
	    .envelope_at = m.envelope_at,
	    .envelope_len = m.envelope_len};
	if (!give(&s->pool, &e, fd))
		put_off(s, j, 'Z', "Unable to start culver-remote");
	fd_close(&fd);
	return true;
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_REMOTE};
	static struct spawn s;

	die_name("rspawn");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	spawn_open(&s, QUEUE_RSPAWN);
	drop_to(&drop);
	/* Who connects is told who listened last: not root. */
	if (listen(s.listen_fd, BACKLOG) != 0)
		die_temp("unable to listen at ", QUEUE_RSPAWN);
	s.begin = begin;
	s.pool.program = "culver-remote";
	s.pool.keep = POOL_MAX;
	spawn_run(&s);
	return 0;
}
