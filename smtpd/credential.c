/* credential: one question, one answer; see credential.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/credential.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "lib/sock.h"
#include "smtpd/checkpw.h"
#include <errno.h>
#include <string.h>

enum { MILLI = 1000 };

static char
hear(int fd, struct buf *user, struct buf *text)
{
	struct buf b = {0};
	struct login_answer a;
	char letter = 'Z';

	if (!login_receive(fd, LOGIN_ANSWER * MILLI, &b, &a)) {
		warn("unable to hear from authd");
	} else {
		letter = a.letter;
		fd_close(&a.fd); /* none belongs to smtp */
		if ((user != NULL && !buf_append_lower(user, a.address)) ||
		    (text != NULL && !buf_append_str(text, a.text)))
			letter = 'Z';
	}
	buf_free(&b);
	return letter;
}

static char
ask(struct str request, struct buf *user, struct buf *text)
{
	int fd = sock_connect_within(LOGIN_SOCKET, LOGIN_ANSWER);
	char letter = 'Z';

	if (fd < 0)
		warn("unable to reach authd at ", LOGIN_SOCKET);
	else if (!frame_write(fd, LOGIN_LETTER, request))
		warn("unable to ask authd");
	else
		letter = hear(fd, user, text);
	fd_close(&fd);
	return letter;
}

/* The line that culver-authd would write. */
static void
note(const struct session *s, const struct checkpw *who, char letter)
{
	char ip[IP_SIZE];
	struct log l;

	ip_format(ip, &s->peer->remote);
	log_begin(&l, letter == 'K' ? "success" : "failure");
	log_text(&l, "service", "smtp");
	log_text(&l, "ip", ip);
	log_str(&l, "user", who->user);
	if (letter != 'K')
		log_text(&l, "reason", letter == 'N' ? "password" : "program");
	log_end(&l);
}

/* By the program; it knows no SCRAM. */
static char
ask_program(struct session *s, enum login_how how, const struct checkpw *who,
    struct buf *user)
{
	char letter = 'Z';

	if (!writer_flush(&s->stream.writer))
		return 'Z';
	if (how == LOGIN_PASS || how == LOGIN_CRAM)
		letter = checkpw_ask(s->door->checkpw, who);
	if (letter == 'K' && user != NULL && !buf_append_lower(user, who->user))
		letter = 'Z';
	note(s, who, letter);
	return letter;
}

char
credential_ask(struct session *s, enum login_how how, const struct checkpw *who,
    struct buf *user, struct buf *text)
{
	const struct connection *c = s->peer;
	char ip[IP_SIZE], port[NUM_SIZE], server[IP_SIZE],
	    server_port[NUM_SIZE];
	struct login l = {.service = str_of("smtp"), .how = how, .who = *who};
	struct buf b = {0};
	char letter = 'Z';

	if (s->door->checkpw >= 0 && how != LOGIN_SEND && how != LOGIN_SEEN)
		return ask_program(s, how, who, user);
	ip_format(ip, &c->remote);
	ip_format(server, &c->local);
	l.client = str_of(ip);
	l.server = str_of(server);
	l.client_port = (struct str){port, num_format(port, c->remote_port)};
	l.server_port =
	    (struct str){server_port, num_format(server_port, c->local_port)};
	/* Room for all at once, so that no copy is left behind. */
	if (!writer_flush(&s->stream.writer) || !buf_reserve(&b, LOGIN_PAYLOAD))
		return 'Z';
	/* What cannot be said is nobody's. */
	if (login_write(&b, &l))
		letter = ask(buf_str(&b), user, text);
	else if (errno == EMSGSIZE || errno == EINVAL)
		letter = 'N';
	explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return letter;
}
