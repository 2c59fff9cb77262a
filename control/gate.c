/* gate: before a session; see gate.h. */
#include "control/gate.h"

#include "lib/die.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/proxy.h"
#include <errno.h>

enum { TELL_SECONDS = 5, TELL_SIZE = 128 };

static void
note(const char *event, const struct ip *a, const char *key, const char *value)
{
	char ip[IP_SIZE];
	struct log l;

	ip_format(ip, a);
	log_begin(&l, event);
	log_text(&l, "ip", ip);
	if (key != NULL)
		log_text(&l, key, value);
	log_end(&l);
}

/* The connection is whose the header says. */
static enum gate
speak_for(struct connection *peer, const struct proxy *p)
{
	char via[IP_SIZE];

	ip_format(via, &peer->remote);
	peer->remote = p->source;
	peer->remote_port = p->source_port;
	peer->local = p->destination;
	peer->local_port = p->destination_port;
	note("proxied", &peer->remote, "via", via);
	return connection_recount(peer) ? GATE_OPEN : GATE_CROWDED;
}

enum gate
gate_proxy(const struct controls *c, struct connection *peer, bool *proxied)
{
	const char *why = "";
	struct proxy p;

	*proxied = false;
	switch (access_listed(c, C_proxyclients, &peer->remote)) {
	case FOUND_NO:
		return GATE_OPEN;
	case FOUND_ERROR:
		errno = 0;
		warn("unable to read control/proxyclients");
		return GATE_TROUBLE;
	case FOUND_YES:
		break;
	}
	if (!proxy_read(peer->in_fd, &p, &why)) {
		note("noproxy", &peer->remote, "why", why);
		return GATE_CLOSED;
	}
	*proxied = p.known;
	return p.known ? speak_for(peer, &p) : GATE_OPEN;
}

static enum gate
follow(enum access a, enum control_id rules, const struct access_client *who)
{
	switch (a) {
	case ACCESS_ALLOW:
		return GATE_OPEN;
	case ACCESS_DENY:
		note("deny", who->ip, NULL, NULL);
		return GATE_DENIED;
	case ACCESS_ERROR:
		errno = 0;
		warn("unable to read control/", control_row(rules)->name);
		return GATE_TROUBLE;
	}
	return GATE_TROUBLE;
}

enum gate
gate_rules(const struct controls *c, enum control_id rules,
    const struct access_client *who, struct buf *vars)
{
	return follow(access_find(c, rules, who, vars), rules, who);
}

enum gate
gate_guests(const struct controls *c, enum control_id rules,
    const struct access_client *who, struct buf *vars)
{
	return follow(access_find_guest(c, rules, who, vars), rules, who);
}

/* It may have gone: nobody is left to tell then. */
void
gate_tell(const struct connection *peer, const char *line)
{
	struct channel out;
	struct writer w;
	char storage[TELL_SIZE];
	bool told;

	channel_open(&out, peer->out_fd, TELL_SECONDS);
	writer_open(&w, &out, storage, sizeof(storage));
	writer_text(&w, line);
	told = writer_flush(&w);
	(void)told;
}
