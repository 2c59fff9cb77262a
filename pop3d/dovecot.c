/* dovecot: a handshake, one AUTH, one answer; see dovecot.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/dovecot.h"

#include "lib/base64.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { ESCAPE = '\001', REQUEST_MAX = 4096 };

struct talk {
	int fd;
	struct channel in;
	struct reader reader;
	unsigned lines; /* that were read */
	char storage[DOVECOT_LINE];
};

static bool
next_line(struct talk *t, struct str *line)
{
	if (++t->lines > DOVECOT_LINES) {
		errno = EPROTO;
		return false;
	}
	switch (reader_line(&t->reader, line, NULL)) {
	case LINE_OK:
		return true;
	case LINE_EOF:
		errno = EPIPE;
		return false;
	case LINE_LONG:
		errno = EPROTO;
		return false;
	case LINE_ERROR:
		break;
	}
	return false;
}

static bool
next_word(struct str *line, struct str *word)
{
	return str_cut(line, '\t', word);
}

static bool
is_word(struct str line, const char *first, const char *second)
{
	struct str word;

	return next_word(&line, &word) && str_equal(word, str_of(first)) &&
	       next_word(&line, &word) && str_equal(word, str_of(second));
}

/* What Dovecot says of itself, up to DONE: it is of our version, and takes
 * PLAIN. */
static bool
shake(struct talk *t)
{
	bool version = false, plain = false;
	struct str line;

	while (next_line(t, &line)) {
		version = version || is_word(line, "VERSION", "1");
		plain = plain || is_word(line, "MECH", "PLAIN");
		if (!str_equal(line, str_of("DONE")))
			continue;
		errno = EPROTONOSUPPORT;
		return version && plain;
	}
	return false;
}

static bool
put_response(struct buf *b, const struct checkpw *who)
{
	struct buf plain = {.max = CHECKPW_MAX + 2};
	bool ok = buf_reserve(&plain, CHECKPW_MAX + 2) &&
		  buf_append_byte(&plain, '\0') &&
		  buf_append_str(&plain, who->user) &&
		  buf_append_byte(&plain, '\0') &&
		  buf_append_str(&plain, who->password) &&
		  base64_encode(b, buf_str(&plain));

	if (plain.data != NULL)
		explicit_bzero(plain.data, plain.cap);
	buf_free(&plain);
	return ok;
}

/* Addresses and ports hold neither tabs nor what begins an escape. */
static bool
put_field(struct buf *b, const char *name, struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] <= ' ')
			return false;
	return value.len == 0 ||
	       (buf_append_byte(b, '\t') && buf_append_text(b, name) &&
		   buf_append_byte(b, '=') && buf_append_str(b, value));
}

static bool
put_request(struct buf *b, const struct login *l)
{
	return buf_reserve(b, REQUEST_MAX) &&
	       buf_append_text(b, "AUTH\t1\tPLAIN") &&
	       put_field(b, "service", l->service) &&
	       buf_append_text(b, "\tsecured\tnologin") &&
	       put_field(b, "lip", l->server) &&
	       put_field(b, "rip", l->client) &&
	       put_field(b, "lport", l->server_port) &&
	       put_field(b, "rport", l->client_port) &&
	       buf_append_text(b, "\tresp=") && put_response(b, &l->who) &&
	       buf_append_byte(b, '\n');
}

static bool
put_continuation(struct buf *b, const struct login *l)
{
	return buf_reserve(b, REQUEST_MAX) && buf_append_text(b, "CONT\t1\t") &&
	       put_response(b, &l->who) && buf_append_byte(b, '\n');
}

static bool
say(const struct talk *t, const struct login *l,
    bool (*put)(struct buf *b, const struct login *l))
{
	struct buf b = {.max = REQUEST_MAX};
	bool ok = put(&b, l) && fd_write_all(t->fd, b.data, b.len);

	if (b.data != NULL)
		explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return ok;
}

static bool
greet(const struct talk *t)
{
	struct buf b = {.max = REQUEST_MAX};
	bool ok = buf_append_text(&b, "VERSION\t1\t1\nCPID\t") &&
		  buf_append_number(&b, (uint64_t)getpid()) &&
		  buf_append_byte(&b, '\n') &&
		  fd_write_all(t->fd, b.data, b.len);

	buf_free(&b);
	return ok;
}

static bool
has_word(struct str fields, const char *wanted)
{
	struct str word;

	while (next_word(&fields, &word))
		if (str_equal(word, str_of(wanted)))
			return true;
	return false;
}

/* The name in OK's fields; one that had to be escaped is none. */
static bool
take_user(struct str fields, struct buf *user)
{
	struct str word;

	while (next_word(&fields, &word)) {
		if (!str_starts(word, str_of("user=")))
			continue;
		word = str_slice(word, 5, word.len);
		errno = EPROTO;
		return word.len > 0 && word.len <= CHECKPW_MAX &&
		       str_find(word, ESCAPE) == word.len &&
		       buf_append_lower(user, word);
	}
	errno = EPROTO;
	return false;
}

static enum dovecot_result
hear(struct talk *t, const struct login *l, struct buf *user)
{
	bool continued = false;
	struct str line, verb, id;

	while (next_line(t, &line)) {
		if (!next_word(&line, &verb) || !next_word(&line, &id) ||
		    !str_equal(id, str_of("1")))
			continue;
		if (str_equal(verb, str_of("OK")))
			return take_user(line, user) ? DOVECOT_RIGHT
						     : DOVECOT_LATER;
		errno = 0;
		if (str_equal(verb, str_of("FAIL")))
			return has_word(line, "temp") ? DOVECOT_LATER
						      : DOVECOT_WRONG;
		if (!str_equal(verb, str_of("CONT")))
			continue;
		if (continued || !say(t, l, put_continuation))
			return DOVECOT_LATER;
		continued = true;
	}
	return DOVECOT_LATER;
}

enum dovecot_result
dovecot_ask(const char *socket, const struct login *l, struct buf *user)
{
	struct talk t = {.fd = sock_connect_within(socket, DOVECOT_SECONDS)};
	enum dovecot_result r = DOVECOT_LATER;

	if (t.fd < 0) {
		warn("unable to reach a Dovecot at ", socket);
		return DOVECOT_LATER;
	}
	channel_open(&t.in, t.fd, DOVECOT_SECONDS);
	reader_open(&t.reader, &t.in, t.storage, sizeof(t.storage));
	if (greet(&t) && shake(&t) && say(&t, l, put_request))
		r = hear(&t, l, user);
	if (r == DOVECOT_LATER)
		warn("unable to have a password checked by ", socket);
	fd_close(&t.fd);
	return r;
}
