/* secure: TLS with a client of culver-popup; see secure.h. */
#include "pop3d/secure.h"

#include "lib/log.h"
#include "lib/tls_channel.h"

/* A line with one word, in which blanks are "_". */
static void
note(const struct connection *c, const char *event, const char *key,
    const char *text)
{
	char ip[IP_SIZE], word[TLS_WHY];
	struct log l;

	(void)str_copy(word, sizeof(word), str_of(text));
	for (size_t i = 0; word[i] != '\0'; i++)
		if (word[i] == ' ')
			word[i] = '_';
	ip_format(ip, &c->remote);
	log_begin(&l, event);
	log_text(&l, "ip", ip);
	log_text(&l, key, word);
	log_end(&l);
}

struct tls *
secure_begin(struct tls_server *s, const struct connection *c,
    struct channel *in, struct channel *out, int64_t deadline)
{
	char why[TLS_WHY], cipher[TLS_TEXT];
	struct tls *t;

	if (tls_accept(&t, s, c->in_fd, deadline, why) != TLS_OK) {
		note(c, "tls-failed", "reason", why);
		return NULL;
	}
	out->fd = in->fd;
	tls_channel(in, t);
	tls_channel(out, t);
	tls_describe_session(t, cipher);
	note(c, "tls", "cipher", cipher);
	return t;
}
