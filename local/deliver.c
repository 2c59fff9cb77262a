/* deliver: one delivery; see deliver.h. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "local/deliver.h"

#include "lib/address.h"
#include "lib/fd.h"
#include "local/dotfile.h"
#include "local/forward.h"
#include "local/mailbox.h"
#include "local/maildir.h"
#include "wire/message.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PREFIX_MAX = 16384 }; /* bytes of the lines we add */

struct run {
	struct deliverer *l;
	const struct delivery *d;
	struct report *r;
	int fd;
	int home_fd;            /* of the deliverer's homes */
	struct mailbox mailbox; /* of a virtual one */
	struct str home;        /* of either kind */
	struct dotfile dot;
	struct str instructions;
	struct buf delivered_to, prefix; /* each of whole lines */
	uint64_t files, forwards;
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
	if ((st.st_mode & S_ISVTX) != 0)
		return refuse(run, REPORT_HOME_STICKY);
	return true;
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

/* An envelope may hold what a header line cannot: it is replaced. */
static bool
append_harmless(struct buf *b, struct str s, const char *forbidden)
{
	bool ok = true;

	for (size_t i = 0; i < s.len && ok; i++) {
		unsigned char c = (unsigned char)s.data[i];
		bool bad = c < ' ' || c == 127 || strchr(forbidden, c) != NULL;

		ok = buf_append_byte(b, bad ? '_' : s.data[i]);
	}
	return ok;
}

static bool
append_sender(struct buf *b, struct str sender)
{
	struct str local, domain;

	address_split(sender, &local, &domain);
	if (address_quote(b, local, domain))
		return true;
	return errno == EINVAL && append_harmless(b, sender, " <>\"\\");
}

static bool
make_prefix(struct run *run)
{
	struct buf *dt = &run->delivered_to, *p = &run->prefix;

	dt->max = p->max = PREFIX_MAX;
	if (buf_append_text(dt, "Delivered-To: ") &&
	    append_harmless(dt, run->d->local, "") &&
	    buf_append_byte(dt, '@') &&
	    append_harmless(dt, run->d->domain, "") &&
	    buf_append_byte(dt, '\n') && buf_append_text(p, "Return-Path: <") &&
	    append_sender(p, run->d->job.sender) && buf_append_text(p, ">\n") &&
	    buf_append_str(p, buf_str(dt)))
		return true;
	return refuse(run, REPORT_MEMORY);
}

static bool
check_loop(struct run *run)
{
	struct str line = buf_str(&run->delivered_to);
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
	run->instructions = buf_str(&run->dot.text);
	if (run->instructions.len > 0)
		return true;
	run->dot.forward_only = false;
	run->instructions =
	    d->home.len > 0 ? control_line(run->l->controls, C_defaultdelivery)
			    : buf_str(&run->mailbox.instructions);
	return true;
}

/* The next instruction after *rest; false at the end. */
static bool
next(struct run *run, struct str *rest, struct instruction *i)
{
	return dotfile_next(&run->dot, rest, i, run->r) == DOTFILE_INSTRUCTION;
}

/* Nothing is begun that is known not to end. */
static bool
check_instructions(struct run *run)
{
	struct str rest = run->instructions;
	enum dotfile_result result;
	struct instruction i;

	while ((result = dotfile_next(&run->dot, &rest, &i, run->r)) ==
	       DOTFILE_INSTRUCTION) {
		if (i.kind == DO_MBOX || i.kind == DO_PROGRAM)
			return refuse(run, REPORT_LATER_VERSION);
		if (i.kind == DO_FORWARD)
			run->forwards++;
	}
	return result == DOTFILE_END;
}

/* "maildir /home/anna/Maildir", the first of them. */
static void
note_via(struct run *run, struct str folder)
{
	struct str home = run->home;

	if (run->r->via[0] != '\0')
		return;
	if (str_starts(folder, str_of("./")))
		folder = str_slice(folder, 2, folder.len);
	if (str_ends(folder, str_of("/")))
		folder.len--;
	if (str_starts(folder, str_of("/")))
		home.len = 0;
	(void)snprintf(run->r->via, sizeof(run->r->via), "maildir %.*s%s%.*s",
	    (int)home.len, home.data, home.len > 0 ? "/" : "", (int)folder.len,
	    folder.data);
}

static bool
deliver_files(struct run *run)
{
	const struct maildir_mail m = {.delivery = run->d,
	    .host = control_line(run->l->controls, C_me),
	    .prefix = buf_str(&run->prefix),
	    .body = &run->l->body};
	struct str rest = run->instructions;
	struct instruction i;

	while (next(run, &rest, &i)) {
		if (i.kind != DO_MAILDIR)
			continue;
		if (!maildir_deliver(
			&run->l->boxes, run->home_fd, i.text, &m, run->r))
			return false;
		run->files++;
		note_via(run, i.text);
	}
	return true;
}

/* All in one message, last: a failure before it sends nothing twice. */
static bool
deliver_forwards(struct run *run)
{
	struct submit *s = &run->l->submit;
	struct str rest = run->instructions;
	struct instruction i;

	if (run->forwards == 0)
		return true;
	if (!forward_begin(s, buf_str(&run->delivered_to), &run->l->body,
		run->d->job.sender, run->r))
		return false;
	while (next(run, &rest, &i))
		if (i.kind == DO_FORWARD)
			forward_to(s, i.text);
	return forward_end(s, &run->writer, run->r);
}

/* qmail-local's own words, which its log scripts count. */
static bool
say_done(struct run *run)
{
	char text[128], qp[32] = "";

	if (run->forwards > 0) {
		(void)snprintf(
		    qp, sizeof(qp), "\nqp %lu", (unsigned long)run->writer);
		if (run->r->via[0] == '\0')
			(void)snprintf(
			    run->r->via, sizeof(run->r->via), "forward");
	}
	(void)snprintf(text, sizeof(text), "did %llu+%llu+0%s",
	    (unsigned long long)run->files, (unsigned long long)run->forwards,
	    qp);
	report_set(run->r, 'K', "2.0.0", text);
	return true;
}

void
deliver(struct deliverer *l, const struct delivery *d, int fd, struct report *r)
{
	static bool (*const steps[])(struct run *) = {check_controls, find_home,
	    enter_home, check_body, make_prefix, check_loop, find_instructions,
	    check_instructions, deliver_files, deliver_forwards, say_done};
	struct run run = {.l = l, .d = d, .r = r, .fd = fd, .home_fd = -1};
	bool ok = true;

	r->via[0] = '\0';
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && ok; i++)
		ok = steps[i](&run);
	dotfile_free(&run.dot);
	buf_free(&run.delivered_to);
	buf_free(&run.prefix);
	buf_free(&run.mailbox.instructions);
}
