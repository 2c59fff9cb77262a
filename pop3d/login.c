/* login: what the child of the checking half does; see login.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/login.h"

#include "lib/cdb.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/ip.h"
#include "lib/log.h"
#include "lib/num.h"
#include "lib/sock.h"
#include "pop3d/dovecot.h"
#include "pop3d/opener.h"
#include "pop3d/program.h"
#include "pop3d/proof.h"
#include "pop3d/verify.h"
#include "wire/login.h"
#include "wire/users.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	MILLI = 1000,
	SOCKET_MAX = 108 /* bytes of a path that a Unix socket may have */
};

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
	if (l->how == LOGIN_APOP)
		return service_of(l) == SERVICE_POP3;
	return (l->how != LOGIN_SEND && l->how != LOGIN_SEEN) ||
	       service_of(l) == SERVICE_SMTP;
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

/* Mail is read from there: control/popbeforesmtp.  Who is at this host shares
 * its address with everybody there. */
static void
see(const struct login_job *job, const struct login *l)
{
	struct ip client, server;

	if (service_of(l) != SERVICE_POP3 ||
	    control_number(job->controls, C_popbeforesmtp) == 0 ||
	    !ip_parse(l->client, &client) || !ip_parse(l->server, &server) ||
	    ip_is_here(&client, &server))
		return;
	ledger_see(job->ledger, ledger_address(job->secret, &client),
	    clock_wall() / CLOCK_SECOND);
}

static bool
was_seen(const struct login_job *job, const struct login *l)
{
	enum { MINUTE = 60 };
	uint64_t minutes = control_number(job->controls, C_popbeforesmtp);
	struct ip client;

	return minutes > 0 && ip_parse(l->client, &client) &&
	       ledger_seen(job->ledger, ledger_address(job->secret, &client),
		   (uint32_t)minutes * MINUTE, clock_wall() / CLOCK_SECOND);
}

/* 'Z' for what is no such question. */
static char
may_send(const struct login_job *job, const struct login *l)
{
	uint64_t n, most, key = ledger_account(job->secret, l->who.user);

	if (key == 0 || !num_parse(l->who.password, UINT32_MAX, &n) ||
	    !num_parse(l->who.extra, UINT32_MAX, &most))
		return 'Z';
	return ledger_take(job->ledger, key, (uint32_t)n, (uint32_t)most,
		   clock_wall() / CLOCK_SECOND)
		   ? 'K'
		   : 'N';
}

static bool
is_question(const struct login *l)
{
	return l->how == LOGIN_SEND || l->how == LOGIN_SEEN;
}

/* One that is about no password. */
static void
answer_question(const struct login_job *job, const struct login *l)
{
	struct login_answer a = {.letter = 'Z', .fd = -1};

	if (l->how == LOGIN_SEND)
		a.letter = may_send(job, l);
	else if (control_refresh_lately(job->controls))
		a.letter = was_seen(job, l) ? 'K' : 'N';
	if (!login_send(job->fd, &a))
		warn("unable to answer");
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
	if (in) {
		see(job, l);
		return LOGIN_OPENED;
	}
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
check_by_program(const struct login_job *job, const struct login *l)
{
	const struct login_answer k = {
	    .letter = 'K', .address = l->who.user, .fd = -1};
	int stream = -1;
	enum program_result r = PROGRAM_LATER;

	if (program_knows(l))
		r = program_ask(job->opener, l, &stream);
	if (r == PROGRAM_RIGHT &&
	    (service_of(l) == SERVICE_SMTP
		    ? say(job->fd, &k)
		    : answer(job->fd, l->who.user, stream))) {
		note("success", l, NULL);
		see(job, l);
		return LOGIN_OPENED;
	}
	note("failure", l, r == PROGRAM_WRONG ? "password" : "program");
	return r == PROGRAM_WRONG ? LOGIN_WRONG : LOGIN_LATER;
}

/* No exchange waits here for a client, so Dovecot is asked by PLAIN alone. */
static enum login_end
check_by_dovecot(struct login_job *job, const struct login *l)
{
	const struct str none = {"", 0};
	char socket[SOCKET_MAX];
	struct buf name = {.max = CHECKPW_MAX};
	enum dovecot_result r = DOVECOT_LATER;
	bool in;

	if (l->how == LOGIN_PASS &&
	    str_copy(socket, sizeof(socket),
		control_line(job->controls, C_dovecotauth)))
		r = dovecot_ask(socket, l, &name);
	in = r == DOVECOT_RIGHT && let_in(job, l, buf_str(&name), none);
	note(in ? "success" : "failure", l,
	    in                   ? NULL
	    : r == DOVECOT_WRONG ? "password"
				 : "dovecot");
	if (in)
		see(job, l);
	buf_free(&name);
	if (in)
		return LOGIN_OPENED;
	return r == DOVECOT_WRONG ? LOGIN_WRONG : LOGIN_LATER;
}

static bool
has(const struct login_job *job, enum control_id id)
{
	return control_line(job->controls, id).len > 0;
}

/* As control/ says. */
static enum login_end
check_by_any(
    struct login_job *job, const struct login *l, struct str client_first)
{
	bool program = has(job, C_checkpassword),
	     dovecot = has(job, C_dovecotauth);

	if (program && dovecot) {
		warn("control/checkpassword and control/dovecotauth: one of "
		     "them is too many");
		note("failure", l, "control");
		return LOGIN_LATER;
	}
	if (program)
		return check_by_program(job, l);
	if (dovecot)
		return check_by_dovecot(job, l);
	return l->how == LOGIN_FIRST ? begin(job, l, client_first)
				     : check_by_table(job, l, client_first);
}

static enum login_end
check(struct login_job *job, const struct login *l, struct str client_first)
{
	if (is_question(l)) {
		job->keys = (struct failures_keys){0, 0};
		answer_question(job, l);
		return LOGIN_ANSWERED;
	}
	if (!control_refresh(job->controls)) {
		errno = 0;
		warn(control_error(job->controls));
		note("failure", l, "control");
		return LOGIN_LATER;
	}
	return check_by_any(job, l, client_first);
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
	job->service = 0;
	job->final = false;
	if (frame_read(job->fd, LOGIN_REQUEST * MILLI, &b, &f) == FRAME_OK &&
	    is_request(&f, job, &l) && name_user(&l, &first, &user)) {
		job->service = service_of(&l);
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
	if (opened)
		see(job, l);
}

static bool
may_recall(struct login_job *job, const struct login *l, struct buf *name)
{
	return may_be_remembered(l) && control_refresh_lately(job->controls) &&
	       !has(job, C_checkpassword) && !has(job, C_dovecotauth) &&
	       was_right(job, l, name);
}

/* What is only looked at here is read by login_check, or else taken: whoever
 * has the mailbox reads on behind it. */
static bool
take_request(const struct login_job *job, char *bytes, size_t n)
{
	return recv(job->fd, bytes, n, MSG_DONTWAIT) == (ssize_t)n;
}

static enum login_look
look(struct login_job *job, const struct login *l, char *bytes, size_t n)
{
	struct buf name = {.max = CHECKPW_MAX};
	enum login_look r = LOOK_CHECK;

	job->service = service_of(l);
	job->keys = failures_keys(job->failures, l->who.user, l->client);
	if (is_question(l)) {
		job->keys = (struct failures_keys){0, 0};
		answer_question(job, l);
		return LOOK_DONE;
	}
	if (may_recall(job, l, &name) && take_request(job, bytes, n)) {
		recall(job, l, buf_str(&name));
		r = LOOK_DONE;
	}
	buf_free(&name);
	return r;
}

enum login_look
login_look(struct login_job *job)
{
	char bytes[FRAME_HEAD + LOGIN_PAYLOAD];
	struct buf b = {.data = bytes};
	enum login_look r = LOOK_UNKNOWN;
	struct frame f;
	struct login l;
	size_t used;
	ssize_t n =
	    recv(job->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	job->keys = (struct failures_keys){0, 0};
	job->service = 0;
	b.len = n > 0 ? (size_t)n : 0;
	if (frame_take(&b, &f, &used) == FRAME_OK && used == b.len &&
	    is_request(&f, job, &l))
		r = look(job, &l, bytes, used);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}
