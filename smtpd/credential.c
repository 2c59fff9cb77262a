/* credential: one question, one answer; see credential.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/credential.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "lib/sock.h"
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
	int fd = sock_connect(LOGIN_SOCKET);
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
