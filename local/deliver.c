/* deliver: one delivery; see deliver.h. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "local/deliver.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "local/command.h"
#include "local/dotfile.h"
#include "local/forward.h"
#include "local/lines.h"
#include "local/mailbox.h"
#include "local/maildir.h"
#include "local/mbox.h"
#include "local/variables.h"
#include "local/warning.h"
#include "wire/message.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
	struct deliverer *l;
	const struct delivery *d;
	struct report *r;
	int fd;
	int home_fd;            /* of the deliverer's homes */
	struct mailbox mailbox; /* of a virtual one */
	struct str home;        /* of either kind */
	struct dotfile dot;
	bool forward_only; /* the file's x bit: what each walk begins with */
	struct str instructions; /* up to the last that is to be done */
	struct lines lines;
	struct buf new_sender; /* where an -owner file gives one */
	bool owned;            /* it does */
	bool asked;            /* that is known */
	struct buf said;       /* by programs */
	uint64_t files, forwards, programs;
	uint32_t writer; /* of the forwarded message; 0: none was */
};

static bool
refuse(struct run *run, enum report_id id)
{
	report_say(run->r, id);
	return false;
}

static bool
check_controls(struct run *run)
{
	char text[512];

	if (control_refresh_lately(run->l->controls))
		return true;
	(void)snprintf(text, sizeof(text), "Unable to use %s. (#4.3.5)",
	    control_error(run->l->controls));
	report_set(run->r, 'Z', "4.3.5", text);
	return false;
}

static bool
find_home(struct run *run)
{
	run->home = run->d->home;
	if (run->home.len > 0)
		return true;
	if (!mailbox_find(
		&run->l->rcpt, job_only(&run->d->job), &run->mailbox, run->r))
		return false;
	run->home = str_of(run->mailbox.home);
	return true;
}

/* Open it, unless it is open; *st is what it is now. */
static bool
open_home(struct run *run, const char *path, struct stat *st)
{
	const struct folder *f = NULL;
	int fds[FOLDER_FDS] = {-1, -1};

	if (stat(path, st) == 0)
		f = folders_find(&run->l->homes, st);
	if (f == NULL) {
		fds[0] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[0] < 0 || fstat(fds[0], st) != 0) {
			fd_close(&fds[0]);
			return false;
		}
		f = folders_keep(&run->l->homes, st, fds);
	}
	run->home_fd = f->fds[0];
	return true;
}

static bool
enter_home(struct run *run)
{
	const struct str home = run->home;
	char path[PATH_MAX];
	struct stat st;

	if (!str_copy(path, sizeof(path), home) || path[0] != '/')
		return refuse(run, REPORT_HOME_RELATIVE);
	if (!open_home(run, path, &st)) {
		report_errno(run->r, "switch to", home);
		return false;
	}
	if ((st.st_mode & S_IWOTH) != 0)
		return refuse(run, REPORT_HOME_WRITABLE);
	/* Whose .qmail files say what runs as us.  Who told us where it is may
	 * have been told himself. */
	if (st.st_uid != geteuid() &&
	    (st.st_uid != 0 || (run->d->job.flags & JOB_OWN_HOME) != 0))
		return refuse(run, REPORT_HOME_OWNER);
	return (st.st_mode & S_ISVTX) == 0 || refuse(run, REPORT_HOME_STICKY);
}

/* What was found by listing, or may have been tried before, is not believed
 * without its crc32. */
static bool
check_body(struct run *run)
{
	const struct message m = {.body_at = run->d->body_at,
	    .body_len = run->d->body_len,
	    .body_crc = run->d->body_crc};

	body_open(&run->l->body, run->fd, m.body_at, m.body_len);
	if ((run->d->job.flags & JOB_REPEAT) == 0 ||
	    message_check_body(run->fd, &m))
		return true;
	if (errno == EPROTO)
		return refuse(run, REPORT_DAMAGED);
	report_errno(run->r, "read", str_of("message"));
	return false;
}

static bool
make_lines(struct run *run)
{
	return lines_make(&run->lines, run->d, clock_wall() / CLOCK_SECOND) ||
	       refuse(run, REPORT_MEMORY);
}

static bool
check_loop(struct run *run)
{
	struct str line = buf_str(&run->lines.delivered_to);
	bool has;

	line.len--;
	if (!body_has_line(&run->l->body, line, &has)) {
		report_errno(run->r, "read", str_of("message"));
		return false;
	}
	return !has || refuse(run, REPORT_LOOPING);
}

/* An empty file stands for the default; so does none, for a mailbox. */
static bool
find_instructions(struct run *run)
{
	const struct delivery *d = run->d;

	if (!dotfile_find(run->home_fd, d->dash, d->ext, &run->dot, run->r))
		return false;
	if (!run->dot.found && d->dash.len > 0)
		return refuse(run, REPORT_NO_MAILBOX);
	/* Whoever gets at one mailbox of users/passwd could have a program run
	 * that gets at all. */
	run->dot.no_programs =
	    d->home.len == 0 && !run->dot.roots && !home_private();
	run->instructions = buf_str(&run->dot.text);
	if (run->instructions.len > 0)
		return true;
	run->dot.forward_only = false;
	run->instructions =
	    d->home.len > 0 ? control_line(run->l->controls, C_defaultdelivery)
			    : buf_str(&run->mailbox.instructions);
	return true;
}

/* The instructions from the first on; "+list" counts from where it stands. */
static struct str
begin_walk(struct run *run)
{
	run->dot.forward_only = run->forward_only;
	return run->instructions;
}

/* Nothing is begun that is known not to end.  What follows a program may never
 * be reached. */
static bool
check_instructions(struct run *run)
{
	struct str rest;
	enum dotfile_result result;
	struct instruction i;

	run->forward_only = run->dot.forward_only;
	rest = begin_walk(run);
	do
		result = dotfile_next(&run->dot, &rest, &i, run->r);
	while (result == DOTFILE_INSTRUCTION && i.kind != DO_PROGRAM);
	return result != DOTFILE_BAD;
}

/* "maildir /home/anna/Maildir", the first of them. */
static void
note_via(struct run *run, const char *kind, struct str path)
{
	struct str home = run->home;

	if (run->r->via[0] != '\0')
		return;
	if (str_starts(path, str_of("./")))
		path = str_slice(path, 2, path.len);
	if (str_ends(path, str_of("/")))
		path.len--;
	if (str_starts(path, str_of("/")))
		home.len = 0;
	(void)snprintf(run->r->via, sizeof(run->r->via), "%s %.*s%s%.*s", kind,
	    (int)home.len, home.data, home.len > 0 ? "/" : "", (int)path.len,
	    path.data);
}

/* Of a virtual mailbox what users/passwd says, of a system user's Maildir what
 * lies in it.  Where a mailbox has none, another program's maildirsize is kept
 * right, no more. */
static struct maildir_quota
find_quota(const struct run *run)
{
	const struct controls *c = run->l->controls;
	struct maildir_quota q = {.trash = control_number(c, C_quotatrash) == 1,
	    .refuse =
		str_equal(control_line(c, C_quotapolicy), str_of("refuse"))};

	if (run->d->home.len == 0) {
		q.limits = run->mailbox.quota;
		q.always = !quota_limits(&q.limits);
	} else if (!users_parse_quota(control_line(c, C_quotadefault),
		       &q.otherwise.bytes, &q.otherwise.messages)) {
		q.otherwise = (struct quota){0, 0};
	}
	return q;
}

/* Who is nearly full hears of it, whether this message had room or not. */
static bool
deliver_maildir(struct run *run, struct str folder)
{
	struct maildir_quota q = find_quota(run);
	const struct maildir_mail m = {.delivery = run->d,
	    .host = control_line(run->l->controls, C_me),
	    .prefix = buf_str(&run->lines.prefix),
	    .body = &run->l->body,
	    .quota = &q};
	struct deliverer *l = run->l;
	bool ok = maildir_deliver(&l->boxes, run->home_fd, folder, &m, run->r);

	if (q.known && !q.always)
		warning_give(l->controls, &l->boxes, run->home_fd,
		    buf_str(&run->lines.delivered_to), &q);
	if (!ok)
		return false;
	run->files++;
	note_via(run, "maildir", folder);
	return true;
}

static bool
deliver_mbox(struct run *run, struct str path)
{
	const struct mbox_mail m = {.from = buf_str(&run->lines.from),
	    .prefix = buf_str(&run->lines.prefix),
	    .body = &run->l->body};

	if (!mbox_deliver(run->home_fd, path, &m, run->r))
		return false;
	run->files++;
	note_via(run, "mbox", path);
	return true;
}

/* LOCAL-owner@HOST, or LOCAL-owner-@HOST-@[] of which each recipient's is made;
 * bounces keep their sender. */
static bool
find_sender(struct run *run)
{
	const struct delivery *d = run->d;
	struct buf *b = &run->new_sender;
	enum owner_files owner;

	if (run->asked || d->job.sender.len == 0 ||
	    str_equal(d->job.sender, str_of("#@[]")))
		return true;
	if (!dotfile_owner(run->home_fd, d->dash, d->ext, &owner, run->r))
		return false;
	run->asked = true;
	run->owned = owner != OWNER_NONE;
	b->max = JOB_PACKET;
	if (owner == OWNER_NONE ||
	    (buf_append_str(b, d->local) && buf_append_text(b, "-owner") &&
		buf_append_text(b, owner == OWNER_EACH ? "-@" : "@") &&
		buf_append_str(b, d->domain) &&
		buf_append_text(b, owner == OWNER_EACH ? "-@[]" : "")))
		return true;
	return refuse(run, REPORT_MEMORY);
}

static struct str
sender(const struct run *run)
{
	return run->owned ? buf_str(&run->new_sender) : run->d->job.sender;
}

static bool
make_variables(struct run *run, struct variables *v)
{
	const struct variables_from from = {.d = run->d,
	    .lines = &run->lines,
	    .home = run->home,
	    .new_sender = sender(run),
	    .has_rest = run->dot.is_default,
	    .rest = str_slice(run->d->ext, run->dot.rest, run->d->ext.len)};

	switch (variables_make(v, &from)) {
	case VARIABLES_OK:
		return true;
	case VARIABLES_UNSAFE:
		return refuse(run, REPORT_UNSAFE);
	case VARIABLES_MEMORY:
		break;
	}
	return refuse(run, REPORT_MEMORY);
}

/* *last: what stands behind it is not done. */
static bool
deliver_program(struct run *run, struct str line, bool *last)
{
	const struct controls *k = run->l->controls;
	struct variables v = {0};
	const struct command c = {
	    .line = line,
	    .list = v.list,
	    .home_fd = run->home_fd,
	    .body = &run->l->body,
	    .seconds = (unsigned)control_number(k, C_timeoutprogram),
	    .grace = (unsigned)control_number(k, C_programgrace),
	    .limits = {.cpu = control_number(k, C_programcpu),
		       .memory = control_number(k, C_programmemory),
		       .files = control_number(k, C_programfiles),
		       .processes = control_number(k, C_programprocesses)},
	    .said = &run->said
        };
	enum command_result result = COMMAND_FAILED;

	if (find_sender(run) && make_variables(run, &v))
		result = command_run(&c, run->r);
	variables_free(&v);
	*last = result == COMMAND_LAST;
	if (result == COMMAND_FAILED)
		return false;
	run->programs++;
	if (run->r->via[0] == '\0')
		(void)snprintf(run->r->via, sizeof(run->r->via), "program");
	return true;
}

static bool
deliver_one(struct run *run, const struct instruction *i, bool *last)
{
	switch (i->kind) {
	case DO_MAILDIR:
		return deliver_maildir(run, i->text);
	case DO_MBOX:
		return deliver_mbox(run, i->text);
	case DO_PROGRAM:
		return deliver_program(run, i->text, last);
	case DO_FORWARD:
		break;
	}
	run->forwards++;
	return true;
}

/* All but forwards, which are counted. */
static bool
deliver_lines(struct run *run)
{
	struct str rest = begin_walk(run);
	enum dotfile_result result = DOTFILE_INSTRUCTION;
	struct instruction i;
	bool last = false;

	while (!last && result == DOTFILE_INSTRUCTION) {
		result = dotfile_next(&run->dot, &rest, &i, run->r);
		if (result == DOTFILE_INSTRUCTION &&
		    !deliver_one(run, &i, &last))
			return false;
	}
	run->instructions.len -= rest.len;
	return result != DOTFILE_BAD;
}

/* All in one message, last: a failure before it sends nothing twice. */
static bool
deliver_forwards(struct run *run)
{
	struct submit *s = &run->l->submit;
	struct str rest = begin_walk(run);
	struct instruction i;

	if (run->forwards == 0)
		return true;
	if (!find_sender(run) ||
	    !forward_begin(s, buf_str(&run->lines.delivered_to), &run->l->body,
		sender(run), run->r))
		return false;
	while (
	    dotfile_next(&run->dot, &rest, &i, run->r) == DOTFILE_INSTRUCTION)
		if (i.kind == DO_FORWARD)
			forward_to(s, i.text);
	return forward_end(s, &run->writer, run->r);
}

/* qmail-local's own words, which its log scripts count, behind those of the
 * programs. */
static bool
say_done(struct run *run)
{
	struct str said = buf_str(&run->said);
	char text[JOB_TEXT], qp[32] = "";

	if (run->forwards > 0) {
		(void)snprintf(
		    qp, sizeof(qp), "\nqp %lu", (unsigned long)run->writer);
		if (run->r->via[0] == '\0')
			(void)snprintf(
			    run->r->via, sizeof(run->r->via), "forward");
	}
	said.len = str_find(said, '\0');
	(void)snprintf(text, sizeof(text), "%.*s%sdid %llu+%llu+%llu%s",
	    (int)said.len, said.len > 0 ? said.data : "",
	    said.len > 0 && said.data[said.len - 1] != '\n' ? "\n" : "",
	    (unsigned long long)run->files, (unsigned long long)run->forwards,
	    (unsigned long long)run->programs, qp);
	report_set(run->r, 'K', "2.0.0", text);
	return true;
}

void
deliver(struct deliverer *l, const struct delivery *d, int fd, struct report *r)
{
	static bool (*const steps[])(struct run *) = {check_controls, find_home,
	    enter_home, check_body, make_lines, check_loop, find_instructions,
	    check_instructions, deliver_lines, deliver_forwards, say_done};
	struct run run = {.l = l,
	    .d = d,
	    .r = r,
	    .fd = fd,
	    .home_fd = -1,
	    .said.max = COMMAND_SAID};
	bool ok = true;

	r->via[0] = '\0';
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && ok; i++)
		ok = steps[i](&run);
	dotfile_free(&run.dot);
	lines_free(&run.lines);
	buf_free(&run.new_sender);
	buf_free(&run.said);
	buf_free(&run.mailbox.instructions);
}
