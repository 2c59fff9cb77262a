/* login: what the child of the checking half does; see login.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/login.h"

#include "lib/cdb.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "pop3d/opener.h"
#include "pop3d/program.h"
#include "pop3d/proof.h"
#include "pop3d/verify.h"
#include "wire/login.h"
#include "wire/users.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { MILLI = 1000 };

static const char *const reasons[] = {[VERDICT_RIGHT] = "mailbox",
    [VERDICT_UNKNOWN] = "user",
    [VERDICT_PASSWORD] = "password",
    [VERDICT_REFUSED] = "flags",
    [VERDICT_LATER] = "table"};

static void
note(const char *event, const struct login *l, const char *reason)
{
	struct log line;

	log_begin(&line, event);
	log_str(&line, "service", l->service);
	log_str(&line, "ip", l->client);
	log_str(&line, "user", l->who.user);
	if (reason != NULL)
		log_text(&line, "reason", reason);
	log_end(&line);
}

/* Whoever opens mailboxes answers culver-popup itself.  It may be a moment
 * before there is one to do so. */
static bool
open_mailbox(const struct login_job *job, struct str user)
{
	if (sock_send(job->keeper, user.data, user.len, job->fd))
		return true;
	warn("unable to ask for a mailbox");
	return false;
}

/* Hand the stream on; it is closed here. */
static bool
answer(int fd, int stream)
{
	struct login_answer a = {.letter = 'K', .fd = stream};
	bool ok = stream >= 0 && login_send(fd, &a);

	fd_close(&stream);
	return ok;
}

static unsigned
service_of(const struct login *l)
{
	if (str_equal(l->service, str_of("pop3")))
		return SERVICE_POP3;
	return str_equal(l->service, str_of("smtp")) ? SERVICE_SMTP : 0;
}

/* What the ways to log in are for (wire/login.h). */
static bool
is_way(const struct login *l)
{
	if (l->how == LOGIN_PASS)
		return true;
	return service_of(l) ==
	       (l->how == LOGIN_APOP ? SERVICE_POP3 : SERVICE_SMTP);
}

static unsigned
refused(const struct login *l)
{
	return USER_DISABLED |
	       (service_of(l) == SERVICE_POP3 ? USER_NOPOP3 : USER_NOSMTP);
}

/* A table that answers, else a warning has said why. */
static bool
open_table(struct table **t)
{
	if (users_open(USERS_PASSWD, t))
		return true;
	warn("unable to use ", USERS_PASSWD);
	return false;
}

static bool
may_be_remembered(const struct login *l)
{
	return service_of(l) == SERVICE_POP3 && l->how == LOGIN_PASS;
}

/* No table is an instance without users; any other trouble may pass. */
static enum verdict
verify(struct login_job *job, const struct login *l, struct str client_first,
    struct buf *text)
{
	struct checkpw scram = l->who;
	enum verdict v;
	struct table *t;
	struct str hash;

	if (!open_table(&t))
		return VERDICT_LATER;
	scram.user = client_first;
	v = l->how == LOGIN_FINAL
		? proof_final(
		      t, job->recent, l->who.user, &scram, refused(l), text)
		: verify_login(t, &l->who, l->how, refused(l));
	if (v == VERDICT_LATER)
		warn("unable to use ", USERS_PASSWD);
	job->tagged = v == VERDICT_RIGHT && may_be_remembered(l) &&
		      verify_hash(t, &l->who, refused(l), &hash) &&
		      recent_tag(job->recent, &l->who, hash, job->tag);
	table_close(t);
	return v;
}

static bool
say(int fd, char letter, const struct buf *text)
{
	struct login_answer a = {
	    .letter = letter, .text = buf_str(text), .fd = -1};

	if (login_send(fd, &a))
		return true;
	warn("unable to answer");
	return false;
}

/* The first step of SCRAM, client_first. */
static enum login_end
begin(struct login_job *job, const struct login *l, struct str client_first)
{
	struct buf text = {.max = LOGIN_TEXT};
	enum login_end end = LOGIN_LATER;
	struct table *t;

	if (!open_table(&t))
		return LOGIN_LATER;
	if (proof_first(t, job->recent, l->who.user, client_first, &text) &&
	    say(job->fd, 'C', &text))
		end = LOGIN_TOLD;
	table_close(t);
	buf_free(&text);
	return end;
}

/* Who has logged in is told so, by a mailbox or a word. */
static bool
let_in(const struct login_job *job, const struct login *l, struct buf *text)
{
	return service_of(l) == SERVICE_POP3 ? open_mailbox(job, l->who.user)
					     : say(job->fd, 'K', text);
}

static enum login_end
check_by_table(
    struct login_job *job, const struct login *l, struct str client_first)
{
	struct buf text = {.max = LOGIN_TEXT};
	enum verdict v = verify(job, l, client_first, &text);
	bool in = v == VERDICT_RIGHT && let_in(job, l, &text);

	buf_free(&text);
	note(in ? "success" : "failure", l, in ? NULL : reasons[v]);
	if (in)
		return LOGIN_OPENED;
	return v == VERDICT_RIGHT || v == VERDICT_LATER ? LOGIN_LATER
							: LOGIN_WRONG;
}

static enum login_end
check_by_program(int fd, int opener, const struct login *l)
{
	const struct buf nothing = {0};
	int stream = -1;
	enum program_result r = PROGRAM_LATER;

	/* It knows no SCRAM. */
	if (l->how != LOGIN_FIRST && l->how != LOGIN_FINAL)
		r = program_ask(opener, l, &stream);
	if (r == PROGRAM_RIGHT &&
	    (service_of(l) == SERVICE_SMTP ? say(fd, 'K', &nothing)
					   : answer(fd, stream))) {
		note("success", l, NULL);
		return LOGIN_OPENED;
	}
	note("failure", l, r == PROGRAM_WRONG ? "password" : "program");
	return r == PROGRAM_WRONG ? LOGIN_WRONG : LOGIN_LATER;
}

static enum login_end
check(struct login_job *job, const struct login *l, struct str client_first)
{
	if (!control_refresh(job->controls)) {
		errno = 0;
		warn(control_error(job->controls));
		note("failure", l, "control");
		return LOGIN_LATER;
	}
	if (control_line(job->controls, C_checkpassword).len == 0)
		return l->how == LOGIN_FIRST
			   ? begin(job, l, client_first)
			   : check_by_table(job, l, client_first);
	return check_by_program(job->fd, job->opener, l);
}

static bool
is_request(const struct frame *f, const struct login_job *job, struct login *l)
{
	return f->kind == LOGIN_LETTER && login_read(f->payload, l) &&
	       (service_of(l) & job->may) != 0 && is_way(l);
}

/* Who it is that SCRAM's first message, where there is one, speaks of. */
static bool
name_user(struct login *l, struct str *client_first, struct buf *user)
{
	*client_first = l->who.user;
	if (l->how != LOGIN_FIRST && l->how != LOGIN_FINAL)
		return true;
	if (!proof_user(l->who.user, user))
		return false;
	l->who.user = buf_str(user);
	return true;
}

enum login_end
login_check(struct login_job *job)
{
	struct buf b = {0}, user = {0};
	struct frame f;
	struct login l;
	struct str first = {NULL, 0};
	enum login_end end = LOGIN_LATER;

	job->keys = (struct failures_keys){0, 0};
	if (frame_read(job->fd, LOGIN_REQUEST * MILLI, &b, &f) == FRAME_OK &&
	    is_request(&f, job, &l) && name_user(&l, &first, &user)) {
		job->keys = failures_keys(job->failures, l.who.user, l.client);
		end = check(job, &l, first);
	} else {
		errno = 0;
		warn("unable to read a request");
	}
	if (b.len > 0)
		explicit_bzero(b.data, b.len); /* the password */
	buf_free(&b);
	buf_free(&user);
	return end;
}

static bool
was_right(struct login_job *job, const struct checkpw *who)
{
	struct table *t;
	struct str hash;
	bool ok;

	if (!users_open(USERS_PASSWD, &t))
		return false;
	ok = verify_hash(t, who, USER_DISABLED | USER_NOPOP3, &hash) &&
	     recent_tag(job->recent, who, hash, job->tag) &&
	     recent_has(job->recent, job->tag, clock_boot());
	table_close(t);
	return ok;
}

/* Trouble now is told by closing: nothing is left to be read again. */
static void
recall(struct login_job *job, const struct login *l)
{
	bool opened = open_mailbox(job, l->who.user);

	job->keys = failures_keys(job->failures, l->who.user, l->client);
	note(opened ? "success" : "failure", l, opened ? NULL : "mailbox");
}

static bool
may_recall(struct login_job *job, const struct login *l)
{
	return may_be_remembered(l) && control_refresh_lately(job->controls) &&
	       control_line(job->controls, C_checkpassword).len == 0 &&
	       was_right(job, &l->who);
}

/* What is only looked at here is read by login_check, or else taken: whoever
 * has the mailbox reads on behind it. */
bool
login_recall(struct login_job *job)
{
	char bytes[FRAME_HEAD + LOGIN_PAYLOAD];
	struct buf b = {.data = bytes};
	struct frame f;
	struct login l;
	size_t used;
	ssize_t n =
	    recv(job->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	bool ok;

	b.len = n > 0 ? (size_t)n : 0;
	ok = frame_take(&b, &f, &used) == FRAME_OK && used == b.len &&
	     is_request(&f, job, &l) && may_recall(job, &l) &&
	     recv(job->fd, bytes, used, MSG_DONTWAIT) == n;
	if (ok)
		recall(job, &l);
	explicit_bzero(bytes, sizeof(bytes));
	return ok;
}
