/* importing: see importing.h.  I1 to I6 are the steps of doc/INTERNALS, 12.9. */
#include "queue/importing.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "queue/mend.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MARKER_MODE = 0644, MARKER_MOST = 8192, JSON_MOST = 1 << 26 };

void
importing_open(struct importing *i, const char *path, bool dry)
{
	*i = (struct importing){.path = path, .dry = dry};
	i->out.out.max = JSON_MOST;
	past_init(&i->past);
	if (!former_open(&i->former, path)) {
		if (errno != ENOENT)
			die_temp("unable to open ", path);
		errno = 0;
		die_usage(path,
		    " is no queue of a qmail: it has not all of "
		    "mess, intd, todo, info, local, remote, bounce");
	}
	if (!modes_open(&i->modes))
		die_temp("unable to read doc/hier or find the accounts (culver "
			 "setup makes them)");
	if (!survey_open(&i->survey))
		die_temp("unable to open queue/ (culver setup makes it)");
	if (!adopt_open(&i->adopt, &i->survey, &i->modes))
		die_temp("unable to open queue/mess");
	i->survey.split = i->adopt.place.split;
}

/* What cannot be removed there must not be taken. */
static void
check_writable(const struct importing *i)
{
	for (size_t k = 0; k < FORMER_PARTS; k++)
		if (faccessat(i->former.parts[k], ".", W_OK, AT_EACCESS) != 0)
			die_temp("unable to write to ", i->path);
}

/* I1 */
static void
lock_both(const struct importing *i)
{
	int lock;

	mend_lock(&i->survey, &i->modes);
	switch (former_lock(&i->former, &lock)) {
	case FORMER_OURS:
		break;
	case FORMER_RUNNING:
		errno = 0;
		die_temp("a qmail-send runs on ", i->path, ": end it first");
	case FORMER_TROUBLE:
		die_temp("unable to lock ", i->path, "/lock/sendmutex");
	}
	errno = 0;
	if (faccessat(i->survey.queue, "repairing", F_OK, 0) == 0)
		die_temp("a repair of the queue is unfinished: run culver "
			 "queue check --repair first");
}

/* What an import that was ended has left is to be ended by one of the same
 * queue. */
static void
check_marker(struct importing *i)
{
	struct buf b = {.max = MARKER_MOST};
	struct str was;

	if (!fd_read_file(i->survey.queue, "importing", &b)) {
		if (errno != ENOENT)
			die_temp("unable to read " QUEUE_IMPORTING);
		return;
	}
	was = str_trim(buf_str(&b));
	i->marked = true;
	errno = 0;
	if (was.len > 0 && !str_equal(was, str_of(i->path)) &&
	    buf_terminate(&b))
		die_usage(QUEUE_IMPORTING
		    " names another queue, whose import is to be ended first: ",
		    b.data);
	buf_free(&b);
}

/* I2: from here on culver-send does not start. */
static bool
mark(struct importing *i)
{
	int fd;
	bool ok;

	if (i->marked)
		return true;
	fd = openat(i->survey.queue, "importing",
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MARKER_MODE);
	i->marked = fd >= 0;
	ok = fd >= 0 && fd_write_all(fd, i->path, strlen(i->path)) &&
	     fd_write_all(fd, "\n", 1) && fsync(fd) == 0 &&
	     fsync(i->survey.queue) == 0;
	fd_close(&fd);
	return ok;
}

/* I6: nothing that is in our queue is left there, and that is on the disk. */
static bool
unmark(struct importing *i)
{
	return !i->marked ||
	       (former_sync(&i->former) &&
		   unlinkat(i->survey.queue, "importing", 0) == 0 &&
		   fsync(i->survey.queue) == 0);
}

/* One message stays where it is, and why. */
static void
leave(struct importing *i, const char *why)
{
	i->left++;
	if (!i->json) {
		(void)printf("left %s\n", why);
		return;
	}
	json_text(&i->out, NULL, str_of(why));
}

/* I5: its files, the message last. */
static bool
remove_old(struct importing *i)
{
	for (size_t k = 0; k < FORMER_PARTS; k++)
		if (i->past.files.of[k] != NULL &&
		    !former_unlink(&i->former, i->past.files.of[k]))
			return false;
	return true;
}

static void
count(struct importing *i)
{
	for (size_t k = 0; k < i->past.count; k++) {
		const struct past_recipient *r = &i->past.list[k];

		i->waiting += !r->done;
		i->done += r->done && r->report.data == NULL;
		i->failures += r->report.data != NULL;
	}
}

/* A message without its envelope: unless ours has it, it was never
 * acknowledged, or is being written at this moment. */
static bool
leftover(struct importing *i)
{
	char path[FORMER_PATH], why[PAST_WHY];

	if (i->past.state != PAST_S1 && adopt_has(&i->adopt, &i->past)) {
		i->before++;
		return i->dry || remove_old(i);
	}
	for (size_t k = FORMER_PARTS; k-- > 0;) {
		if (i->past.files.of[k] == NULL)
			continue;
		former_path(path, i->past.files.of[k]);
		(void)snprintf(why, sizeof(why), "%s: %s", path,
		    i->past.state == PAST_S1
			? "there is no message of this number"
			: "it was never queued: qmail-queue is writing it, or "
			  "died with it");
		leave(i, why);
		break;
	}
	return true;
}

/* I3 to I5 for one that is queued. */
static bool
take(struct importing *i)
{
	bool known = adopt_has(&i->adopt, &i->past);

	if (!past_read(&i->past, &i->former, i->controls)) {
		leave(i, i->past.why);
		return true;
	}
	if (i->dry) {
		count(i);
		i->taken++;
		return true;
	}
	if (!mark(i))
		return false;
	switch (adopt_message(&i->adopt, &i->past)) {
	case ADOPT_DONE:
		count(i);
		i->taken += !known;
		i->before += known;
		return remove_old(i);
	case ADOPT_FINISHED:
		i->finished++;
		return remove_old(i);
	case ADOPT_REFUSED:
		leave(i, i->past.why);
		return true;
	case ADOPT_FAILED:
		break;
	}
	return false;
}

static bool
visit(struct importing *i, const struct former_message *m)
{
	bool ok = true;

	past_init(&i->past);
	i->past.files = *m;
	i->past.state = past_state_of(m);
	if (i->past.state != PAST_S1 && !past_open(&i->past, &i->former, m))
		leave(i, i->past.why);
	else if (i->past.state == PAST_S4 || i->past.state == PAST_S5)
		ok = take(i);
	else
		ok = leftover(i);
	past_close(&i->past);
	return ok;
}

static void
say_text(const struct importing *i)
{
	const char *would = i->dry ? "would take" : "took";

	(void)printf("%s %" PRIu64 " messages: %" PRIu64
		     " recipients to deliver to, %" PRIu64
		     " done before, %" PRIu64 " failures to tell of\n",
	    would, i->taken + i->before, i->waiting, i->done, i->failures);
	if (i->before > 0)
		(void)printf("%" PRIu64 " of them were in our queue already\n",
		    i->before);
	if (i->finished > 0)
		(void)printf("removed %" PRIu64
			     " that were delivered to all their recipients\n",
		    i->finished);
	if (i->left > 0)
		(void)printf("%" PRIu64 " are left in %s\n", i->left, i->path);
}

static void
say(struct importing *i)
{
	if (!i->json) {
		say_text(i);
		if (fflush(stdout) != 0)
			die_temp("unable to write to standard output");
		return;
	}
	json_list_end(&i->out);
	json_bool(&i->out, "dry_run", i->dry);
	json_number(&i->out, "messages", i->taken + i->before);
	json_number(&i->out, "messages_before", i->before);
	json_number(&i->out, "messages_finished", i->finished);
	json_number(&i->out, "messages_left", i->left);
	json_number(&i->out, "recipients_waiting", i->waiting);
	json_number(&i->out, "recipients_done", i->done);
	json_number(&i->out, "recipients_failed", i->failures);
	json_object_end(&i->out);
	if (!json_print(&i->out, STDOUT_FILENO))
		die_temp("unable to write to standard output");
}

int
importing_run(struct importing *i, bool json)
{
	struct former_message m;
	size_t at = 0;
	bool ok = true;

	i->json = json;
	if (!i->dry) {
		check_writable(i);
		lock_both(i);
		check_marker(i);
	}
	if (!adopt_look(&i->adopt))
		die_temp("unable to list queue/mess");
	if (!former_list(&i->former))
		die_temp("unable to list ", i->path);
	json_object(&i->out, NULL);
	json_list(&i->out, "left");
	while (ok && former_next(&i->former, &at, &m))
		ok = visit(i, &m);
	if (!ok)
		die_temp("unable to take message ", "of ", i->path,
		    "; run this again");
	if (!i->dry && !unmark(i))
		die_temp("unable to end the import; run this again");
	say(i);
	adopt_close(&i->adopt);
	former_close(&i->former);
	survey_close(&i->survey);
	return i->left > 0 ? EXIT_USAGE : 0;
}
