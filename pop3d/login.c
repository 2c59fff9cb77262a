/* login: what the child of the checking half does; see login.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/login.h"

#include "lib/cdb.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "pop3d/opener.h"
#include "pop3d/program.h"
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

/* The stream to the mailbox of a user, from the half that opens them; -1. */
static int
open_mailbox(int opener, struct str user)
{
	static const char kind = OPENER_MAILBOX;
	int ends[2], stream = -1;
	char letter = 'Z';

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		warn("unable to make a pair");
		return -1;
	}
	if (!sock_send_both(opener, (struct str){&kind, 1}, user, ends[1]))
		warn("unable to ask for a mailbox");
	fd_close(&ends[1]);
	if (!fd_wait_read(ends[0], OPENER_SECONDS * MILLI) ||
	    sock_receive(ends[0], &letter, 1, &stream) != 1 || letter != 'K')
		fd_close(&stream);
	fd_close(&ends[0]);
	return stream;
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

/* No table is an instance without users; any other trouble may pass. */
static enum verdict
verify(const struct login *l)
{
	enum verdict v = VERDICT_LATER;
	struct table *t;

	if (users_open(USERS_PASSWD, &t))
		v = verify_login(
		    t, &l->who, l->apop, USER_DISABLED | USER_NOPOP3);
	if (v == VERDICT_LATER)
		warn("unable to use ", USERS_PASSWD);
	table_close(t);
	return v;
}

static enum login_end
check_by_table(int fd, int opener, const struct login *l)
{
	enum verdict v = verify(l);

	if (v == VERDICT_RIGHT &&
	    answer(fd, open_mailbox(opener, l->who.user))) {
		note("success", l, NULL);
		return LOGIN_OPENED;
	}
	note("failure", l, reasons[v]);
	return v == VERDICT_RIGHT || v == VERDICT_LATER ? LOGIN_LATER
							: LOGIN_WRONG;
}

static enum login_end
check_by_program(int fd, int opener, const struct login *l)
{
	int stream;
	enum program_result r = program_ask(opener, l, &stream);

	if (r == PROGRAM_RIGHT && answer(fd, stream)) {
		note("success", l, NULL);
		return LOGIN_OPENED;
	}
	note("failure", l, r == PROGRAM_WRONG ? "password" : "program");
	return r == PROGRAM_WRONG ? LOGIN_WRONG : LOGIN_LATER;
}

static enum login_end
check(const struct login_job *job, const struct login *l)
{
	if (!control_refresh(job->controls)) {
		errno = 0;
		warn(control_error(job->controls));
		note("failure", l, "control");
		return LOGIN_LATER;
	}
	if (control_line(job->controls, C_checkpassword).len > 0)
		return check_by_program(job->fd, job->opener, l);
	return check_by_table(job->fd, job->opener, l);
}

enum login_end
login_check(struct login_job *job)
{
	struct buf b = {0};
	struct frame f;
	struct login l;
	enum login_end end = LOGIN_LATER;

	job->keys = (struct failures_keys){0, 0};
	if (frame_read(job->fd, LOGIN_REQUEST * MILLI, &b, &f) == FRAME_OK &&
	    f.kind == LOGIN_LETTER && login_read(f.payload, &l) &&
	    str_equal(l.service, str_of("pop3"))) {
		job->keys = failures_keys(job->failures, l.who.user, l.client);
		end = check(job, &l);
	} else {
		errno = 0;
		warn("unable to read a request");
	}
	if (b.len > 0)
		explicit_bzero(b.data, b.len); /* the password */
	buf_free(&b);
	return end;
}
