/* login: what the child of the checking half does; see login.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/login.h"

#include "lib/cdb.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/field.h"
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
open_mailbox(const struct login_job *job, struct str address, struct str text)
{
	struct buf b = {.max = LOGIN_SAID};
	bool ok = field_put_text(&b, address) && buf_append_str(&b, text) &&
		  sock_send(job->keeper, b.data, b.len, job->fd);

	if (!ok)
		warn("unable to ask for a mailbox");
	buf_free(&b);
	return ok;
}

/* Hand the stream on; it is closed here. */
static bool
answer(int fd, struct str address, int stream)
{
	struct login_answer a = {
	    .letter = 'K', .address = address, .fd = stream};
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
	return l->how != LOGIN_APOP || service_of(l) == SERVICE_POP3;
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

/* The keys of who logs in, and his one name, which is a view of name. */
static bool
find_name(struct login_job *job, const struct login *l, const struct table *t,
    struct buf *name)
{
	if (users_login_name(t, l->who.user, name) == FOUND_ERROR) {
		warn("unable to use ", USERS_PASSWD);
		return false;
	}
	job->keys = failures_keys(job->failures, buf_str(name), l->client);
	return true;
}

static enum verdict
verify_by(struct login_job *job, const struct login *l, const struct table *t,
    struct str client_first, struct buf *text)
{
	struct checkpw scram = l->who;
	enum verdict v;
	struct str hash;

	scram.user = client_first;
	v = l->how == LOGIN_FINAL
		? proof_final(
		      t, job->secret, l->who.user, &scram, refused(l), text)
		: verify_login(t, &l->who, l->how, refused(l));
	if (v == VERDICT_LATER)
		warn("unable to use ", USERS_PASSWD);
	job->tagged = v == VERDICT_RIGHT && may_be_remembered(l) &&
		      verify_hash(t, &l->who, refused(l), &hash) &&
		      recent_tag(job->recent, &l->who, hash, job->tag);
	return v;
}

/* No table is an instance without users; any other trouble may pass. */
static enum verdict
verify(struct login_job *job, const struct login *l, struct str client_first,
    struct buf *name, struct buf *text)
{
	enum verdict v = VERDICT_LATER;
	struct table *t;

	if (!open_table(&t))
		return VERDICT_LATER;
	if (find_name(job, l, t, name))
		v = verify_by(job, l, t, client_first, text);
	table_close(t);
	return v;
}

static bool
say(int fd, const struct login_answer *a)
{
	if (login_send(fd, a))
		return true;
	warn("unable to answer");
	return false;
}

/* The first step of SCRAM, client_first. */
static enum login_end
begin(struct login_job *job, const struct login *l, struct str client_first)
{
	struct buf text = {.max = LOGIN_TEXT}, name = {.max = CHECKPW_MAX};
	struct login_answer a = {.letter = 'C', .fd = -1};
	enum login_end end = LOGIN_LATER;
	struct table *t;

	if (!open_table(&t))
		return LOGIN_LATER;
	if (find_name(job, l, t, &name) &&
	    proof_first(t, job->secret, buf_str(&name), client_first, &text)) {
		a.text = buf_str(&text);
		end = say(job->fd, &a) ? LOGIN_TOLD : LOGIN_LATER;
	}
	table_close(t);
	buf_free(&name);
	buf_free(&text);
	return end;
}

/* Who has logged in is told so, by a mailbox or a word. */
static bool
let_in(const struct login_job *job, const struct login *l, struct str name,
    struct str text)
{
	const struct login_answer a = {
	    .letter = 'K', .address = name, .text = text, .fd = -1};

	return service_of(l) == SERVICE_POP3 ? open_mailbox(job, name, text)
					     : say(job->fd, &a);
}

static enum login_end
check_by_table(
    struct login_job *job, const struct login *l, struct str client_first)
{
	struct buf text = {.max = LOGIN_TEXT}, name = {.max = CHECKPW_MAX};
	enum verdict v = verify(job, l, client_first, &name, &text);
	bool in = v == VERDICT_RIGHT &&
		  let_in(job, l, buf_str(&name), buf_str(&text));

	buf_free(&name);
	buf_free(&text);
	note(in ? "success" : "failure", l, in ? NULL : reasons[v]);
	if (in)
		return LOGIN_OPENED;
	return v == VERDICT_RIGHT || v == VERDICT_LATER ? LOGIN_LATER
							: LOGIN_WRONG;
}

/* No SCRAM; and a digest with a stamp of POP3 is APOP's. */
static bool
program_knows(const struct login *l)
{
	return l->how == LOGIN_PASS || l->how == LOGIN_APOP ||
	       (l->how == LOGIN_CRAM && service_of(l) == SERVICE_SMTP);
}

static enum login_end
check_by_program(int fd, int opener, const struct login *l)
{
	const struct login_answer k = {
	    .letter = 'K', .address = l->who.user, .fd = -1};
	int stream = -1;
	enum program_result r = PROGRAM_LATER;

	if (program_knows(l))
		r = program_ask(opener, l, &stream);
	if (r == PROGRAM_RIGHT &&
	    (service_of(l) == SERVICE_SMTP ? say(fd, &k)
					   : answer(fd, l->who.user, stream))) {
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
	job->final = false;
	if (frame_read(job->fd, LOGIN_REQUEST * MILLI, &b, &f) == FRAME_OK &&
	    is_request(&f, job, &l) && name_user(&l, &first, &user)) {
		job->keys = failures_keys(job->failures, l.who.user, l.client);
		job->final = l.how == LOGIN_FINAL;
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

/* Right it was, and name is his one name. */
static bool
was_right(struct login_job *job, const struct login *l, struct buf *name)
{
	const struct checkpw *who = &l->who;
	struct table *t;
	struct str hash;
	bool ok;

	if (!users_open(USERS_PASSWD, &t))
		return false;
	ok = verify_hash(t, who, USER_DISABLED | USER_NOPOP3, &hash) &&
	     recent_tag(job->recent, who, hash, job->tag) &&
	     recent_has(job->recent, job->tag, clock_boot()) &&
	     find_name(job, l, t, name);
	table_close(t);
	return ok;
}

/* Trouble now is told by closing: nothing is left to be read again. */
static void
recall(struct login_job *job, const struct login *l, struct str name)
{
	const struct str none = {"", 0};
	bool opened = open_mailbox(job, name, none);

	note(opened ? "success" : "failure", l, opened ? NULL : "mailbox");
}

static bool
may_recall(struct login_job *job, const struct login *l, struct buf *name)
{
	return may_be_remembered(l) && control_refresh_lately(job->controls) &&
	       control_line(job->controls, C_checkpassword).len == 0 &&
	       was_right(job, l, name);
}

/* What is only looked at here is read by login_check, or else taken: whoever
 * has the mailbox reads on behind it. */
bool
login_recall(struct login_job *job)
{
	char bytes[FRAME_HEAD + LOGIN_PAYLOAD];
	struct buf b = {.data = bytes}, name = {.max = CHECKPW_MAX};
	struct frame f;
	struct login l;
	size_t used;
	ssize_t n =
	    recv(job->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	bool ok;

	b.len = n > 0 ? (size_t)n : 0;
	ok = frame_take(&b, &f, &used) == FRAME_OK && used == b.len &&
	     is_request(&f, job, &l) && may_recall(job, &l, &name) &&
	     recv(job->fd, bytes, used, MSG_DONTWAIT) == n;
	if (ok)
		recall(job, &l, buf_str(&name));
	buf_free(&name);
	explicit_bzero(bytes, sizeof(bytes));
	return ok;
}
