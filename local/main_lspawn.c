/* lspawn: find whose mail it is and have a worker of that user deliver it.
 *
 * Runs as     root; in a private instance its owner.  Every line is counted.
 * Started by  a supervisor, see run/lspawn.
 * Reads       users/rcpt.cdb; the system's users; the heads of messages.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/lspawn; culver-local; wire/job.h.
 * Trusts      culver-send for the recipient; the tables of users.
 * Exits       0 SIGTERM; 111 it cannot work.
 */
#define _GNU_SOURCE /* initgroups */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/usage.h"
#include "local/owner.h"
#include "local/report.h"
#include "wire/spawn.h"
#include <errno.h>
#include <grp.h>
#include <unistd.h>

enum { KEEP = 64 }; /* workers of the pool, of however many users */

struct lspawn {
	struct spawn spawn; /* first: what spawn_run knows of us */
	struct owners owners;
};

static const char usage[] =
    "usage: culver-lspawn [--help | --version]\n"
    "It serves culver-send at queue/lspawn below $CULVER_HOME.\n"
    "Example: CULVER_HOME=/var/culver culver-lspawn\n";

/* False unless we are nobody else any more. */
static bool
become(const void *whom)
{
	const struct account_row *a = whom;

	if (getuid() != 0)
		return getuid() == a->uid && geteuid() == a->uid;
	return a->uid != 0 && initgroups(a->name, a->gid) == 0 &&
	       setgid(a->gid) == 0 && setuid(a->uid) == 0 &&
	       os_is(a->uid, a->gid) && setuid(0) != 0;
}

/* The message of a job, or -1 and why not. */
static int
open_message(const struct lspawn *l, struct delivery *d, struct report *r)
{
	struct message m = {0};
	int fd = spawn_message(&l->spawn, &d->job, &m);

	if (fd < 0 && errno == ENOENT)
		report_say(r, REPORT_GONE);
	else if (fd < 0 && errno == EPROTO)
		report_say(r, REPORT_DAMAGED_HEAD);
	else if (fd < 0)
		report_errno(r, "open", str_of("the message"));
	d->arrived = m.arrived;
	d->body_at = m.body_at;
	d->body_len = m.body_len;
	d->lines = m.lines;
	d->body_crc = m.body_crc;
	return fd;
}

/* Give the job to a worker of the account and of no other, or false and why
 * not. */
static bool
give(struct lspawn *l, struct delivery *d, const struct account_row *a,
    struct report *r)
{
	struct buf packet = {.max = JOB_PACKET};
	uint64_t key = (uint64_t)a->uid << 32 | a->gid;
	int fd = open_message(l, d, r);
	bool ok;

	if (fd < 0)
		return false;
	ok = delivery_write(&packet, d) &&
	     pool_give(&l->spawn.pool, key, a, &d->job, buf_str(&packet), fd);
	if (!ok)
		report_errno(r, "start", str_of("culver-local"));
	buf_free(&packet);
	fd_close(&fd);
	return ok;
}

static bool
begin(struct spawn *s, const struct job *j)
{
	static struct report r;
	struct lspawn *l = (struct lspawn *)s;
	struct delivery d = {.job = *j};
	const struct account_row *a;
	enum found found;

	if (j->count != 1)
		return false;
	found = owner_find(&l->owners, &d, &a);
	if (found == FOUND_YES && give(l, &d, a, &r))
		return true;
	if (found == FOUND_NO)
		report_say(&r, REPORT_NO_MAILBOX);
	if (found == FOUND_ERROR)
		report_errno(&r, "find the user of", job_only(j));
	pool_answer(&s->pool, &(struct result){.job = j->job,
				  .number = JOB_END,
				  .letter = r.letter,
				  .status = str_of(r.status),
				  .text = str_of(r.text)});
	return true;
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_ROOT};
	static struct lspawn l;

	die_name("lspawn");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	drop_to(&drop);
	owner_open(&l.owners);
	l.spawn.begin = begin;
	l.spawn.pool.program = "culver-local";
	l.spawn.pool.become = become;
	l.spawn.pool.keep = KEEP;
	spawn_open(&l.spawn, QUEUE_LSPAWN);
	spawn_run(&l.spawn);
	return 0;
}
