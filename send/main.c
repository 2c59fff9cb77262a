/* send: decide what is delivered when; record it; remove what is finished.
 *
 * Runs as     culvers:culverm, jailed: no network, no exec.
 * Started by  a supervisor, see run/send.
 * Reads       control/{me,authsenders,bouncelifetime,concurrencylocal,
 *             concurrencyremote,delaynotice,envnoathost,laneinitial,lanemax,
 *             lanerate,lanereserve,locals,percenthack,queuelifetime,
 *             queuepool,retryschedule,smtproutes,virtualdomains};
 *             users/rcpt.cdb; queue/mess (head and envelope); queue/info;
 *             queue/hint.
 * Writes      queue/info, queue/trying; removes from queue/mess, queue/info;
 *             queue/pool; the fifo queue/free.
 * Talks to    lspawn and rspawn, by queue/lspawn and queue/rspawn,
 *             wire/job.h; bounce, by queue/bounce, wire/bounce.h.
 * Trusts      the heads that culver-queued wrote; nothing a message says.
 * Exits       0 after SIGTERM, when deliveries have ended; 111 local trouble.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "lib/usage.h"
#include "send/attempt.h"
#include "send/loop.h"
#include "send/qlog.h"
#include "send/signals.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 1 << 18 }; /* twice the widest concurrency, and spare */

static const char usage[] =
    "usage: culver-send\n"
    "\n"
    "Decides what is delivered when, and removes what is finished.  One runs\n"
    "for each instance, under a supervisor; it takes no arguments and finds\n"
    "the instance by $CULVER_HOME.\n"
    "\n"
    "example: CULVER_HOME=/var/culver culver-send\n";

static const struct drop_path paths[] = {
    {"control", PATH_READ					 },
    {"users",   PATH_READ					 },
    {"queue",   PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
    {NULL,      0						 },
};

static const struct drop jail = {
    .account = ACCOUNT_SEND,
    .group = GROUP_MESSAGES,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_WRITE | PROMISE_UNIX,
    .paths = paths,
};

/* Kept open for as long as the program lives. */
static void
lock_queue(void)
{
	int fd = open(QUEUE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		die_temp("unable to open ", QUEUE_LOCK);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		die_temp("unable to lock ", QUEUE_LOCK,
		    ": another culver-send runs");
}

/* A message in hand is an open file.  What its journal needs besides must be
 * left, or none of them could be recorded and let go. */
static uint64_t
raise_descriptors(void)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		die_temp("unable to learn the limit of descriptors");
	now.rlim_cur = now.rlim_max < FILES_MAX ? now.rlim_max : FILES_MAX;
	if (setrlimit(RLIMIT_NOFILE, &now) != 0)
		die_temp("unable to raise the limit of descriptors");
	return now.rlim_cur > SEND_DESCRIPTORS ? now.rlim_cur - SEND_DESCRIPTORS
					       : 1;
}

static bool
is_there(const char *path)
{
	bool there = access(path, F_OK) == 0;

	if (!there && errno != ENOENT)
		die_temp("unable to look at ", path);
	errno = 0;
	return there;
}

/* INTERNALS 7: names are on the move, and a message may have two.  12.9: what
 * was taken from another queue may still be in that one. */
static void
refuse_repair(void)
{
	if (is_there(QUEUE_REPAIRING))
		die_temp("a repair of the queue is unfinished: run "
			 "culver queue check --repair");
	if (is_there(QUEUE_IMPORTING))
		die_temp(
		    "an import into the queue is unfinished: run culver "
		    "queue import again, for the queue that " QUEUE_IMPORTING
		    " names");
}

static uid_t
uid_of(enum account a)
{
	uid_t uid;
	gid_t gid;

	if (!account_find(a, &uid, &gid))
		die_temp("unable to find an account; run culver setup");
	return uid;
}

static uid_t
local_owner(void)
{
	return home_private() ? home_owner() : 0;
}

static uint64_t
seed(void)
{
	uint64_t n;

	if (!rng_bytes(&n, sizeof n))
		die_temp("unable to get random bytes");
	return n;
}

static void
open_all(struct send *s)
{
	int control = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (control == -1)
		die_temp("unable to open control");
	s->controls = control_new(control, CONTROL_SEND);
	s->schedule = schedule_new(seed());
	if (s->controls == NULL || s->schedule == NULL)
		die_temp("unable to allocate memory");
	if (!removal_init(&s->removal, s->split))
		die_temp("unable to open ", QUEUE_POOL);
	s->router.controls = s->controls;
	s->trying = trying_open();
	if (s->trying == NULL)
		die_temp("unable to map ", QUEUE_TRYING);
	if (!discover_open(&s->discovery, s->schedule, s->split, 0))
		die_temp("unable to open ", QUEUE_HINT);
}

int
main(int argc, char **argv)
{
	static struct send s;
	int signals;

	die_name("send");
	usage_answer(argc, argv, usage);
	if (argc > 1)
		die_usage("culver-send takes no arguments: ", argv[1]);
	home_enter();
	clock_open();
	drop_to(&jail);
	(void)umask(0027);
	s.hands = raise_descriptors();
	s.owner = uid_of(ACCOUNT_QUEUE);
	spawner_init(&s.spawners[CHANNEL_LOCAL], QUEUE_LSPAWN, local_owner());
	spawner_init(
	    &s.spawners[CHANNEL_REMOTE], QUEUE_RSPAWN, uid_of(ACCOUNT_REMOTE));
	bouncer_init(&s.bouncer, s.owner);
	if (!queue_split_read(&s.split))
		die_temp("unable to read ", QUEUE_FORMAT_FILE);
	lock_queue();
	refuse_repair();
	open_all(&s);
	s.plan.seed = seed();
	log_gather();
	signals = signals_open();
	signals_note_crash(s.trying);
	attempt_suspects(&s);
	loop_settings(&s);
	loop_run(&s, signals);
	return 0;
}
