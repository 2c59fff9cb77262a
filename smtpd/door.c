/* door: what a worker keeps; see door.h. */
#include "smtpd/door.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "smtpd/porter.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 1024, LINE_SIZE = 128, PORT_SMTP = 25 };

void
door_open(struct door *d)
{
	door_open_for(d, CONTROL_SMTPD, C_tcp_smtp, false);
}

void
door_open_for(struct door *d, enum control_reader also, enum control_id rules,
    bool guests)
{
	int fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*d = (struct door){
	    .rules = rules, .guests = guests, .name = {.max = NAME_MAX_BYTES}};
	d->checkpw = -1;
	d->controls = fd < 0 ? NULL : control_new(fd, CONTROL_SMTPD | also);
	if (d->controls == NULL)
		die_temp("unable to read control");
	submit_init(&d->submit);
	who_init(&d->who);
}

void
door_filter(struct door *d)
{
	struct str path = env_get("QMAILQUEUE");

	if (path.len == 0)
		return;
	/* As the jailed process: a caller's program is his own affair. */
	porter_start(&d->submit, path.data,
	    d->caller && geteuid() != 0 ? ACCOUNT_SELF : ACCOUNT_SMTPD);
	d->porter = true;
}

void
door_close(struct door *d)
{
	submit_close(&d->submit);
	fd_close(&d->checkpw);
	who_close(&d->who);
	tls_server_free(d->tls);
	table_close(d->mailboxes);
	control_free(d->controls);
	buf_free(&d->vars);
	buf_free(&d->name);
}

/* The variable as the rule for this client has it, else the environment. */
static struct str
variable(const struct door *d, const char *name)
{
	struct str value;

	return access_get(buf_str(&d->vars), name, &value) ? value
							   : env_get(name);
}

/* The same for what the environment says of the client that a UCSPI server has
 * accepted, and of no other. */
static struct str
variable_of(const struct door *d, const char *name, bool ours)
{
	struct str value = {NULL, 0};

	if (ours)
		return variable(d, name);
	(void)access_get(buf_str(&d->vars), name, &value);
	return value;
}

/* A rule says that this client's messages need none. */
static void
pass_filter_by(struct door *d)
{
	if (!d->porter)
		return;
	submit_close(&d->submit);
	submit_init(&d->submit);
	d->porter = false;
}

/* It came by no network: rules of addresses are not for it.  A client that has
 * gone already has no address, but its socket still has ours. */
static bool
is_local(const struct door *d)
{
	static const struct ip unknown;

	return d->caller || (d->client.listener_fd < 0 && !d->foreign &&
				ip_equal(&d->client.remote, &unknown) &&
				ip_equal(&d->client.local, &unknown));
}

/* Look the client up, and take what its rule says. */
static enum gate
apply_rules(struct door *d)
{
	bool ucspi = d->client.listener_fd < 0 && !d->foreign;
	struct access_client who = {
	    &d->client.remote, buf_str(&d->name),
	    ucspi ? env_get("TCPREMOTEINFO") : (struct str){"", 0}
        };
	enum gate g = GATE_OPEN;

	if (ucspi)
		who.host = env_get("TCPREMOTEHOST");
	d->relay_asked = false;
	buf_clear(&d->vars);
	if (!is_local(d))
		g = d->guests && !ucspi
			? gate_guests(d->controls, d->rules, &who, &d->vars)
			: gate_rules(d->controls, d->rules, &who, &d->vars);
	d->relayclient = variable_of(d, "RELAYCLIENT", !d->foreign);
	d->databytes = variable(d, "DATABYTES");
	d->wants_auth = variable(d, "REQUIREAUTH").len > 0 &&
			d->client.local_port != PORT_SMTP;
	d->filter = variable(d, "QMAILQUEUE");
	if (d->filter.len == 0)
		pass_filter_by(d);
	d->info = variable_of(d, "TCPREMOTEINFO", ucspi);
	d->host = variable_of(d, "TCPREMOTEHOST", ucspi);
	if (d->host.data == NULL)
		d->host = who.host;
	d->local = variable_of(d, "TCPLOCALHOST", ucspi);
	return g;
}

enum gate
door_change(struct door *d, struct str name)
{
	d->foreign = true;
	buf_clear(&d->name);
	if (!buf_append_str(&d->name, name))
		return GATE_TROUBLE;
	if (!connection_recount(&d->client))
		return GATE_CROWDED;
	return apply_rules(d);
}

const char *
door_words(enum gate g, int *code)
{
	switch (g) {
	case GATE_DENIED:
		*code = 554;
		return "5.7.1 sorry, you may not connect here (#5.7.1)";
	case GATE_CROWDED:
		*code = 421;
		return "4.7.0 too many connections from your address";
	case GATE_TROUBLE:
		*code = 421;
		return "4.3.0 sorry, my configuration cannot be read (#4.3.0)";
	case GATE_CLOSED:
	case GATE_OPEN:
		break;
	}
	*code = 0;
	return "";
}

static void
turn_away(const struct door *d, enum gate g)
{
	char line[LINE_SIZE];
	int code;
	const char *words = door_words(g, &code);
	int n = snprintf(line, sizeof(line), "%d %s\r\n", code, words);

	if (code != 0 && n > 0 && n < LINE_SIZE)
		gate_tell(&d->client, line);
}

enum gate
door_ask(struct door *d, const struct connection *c)
{
	enum gate g = GATE_OPEN;
	bool fresh = control_refresh(d->controls), readable = door_refresh(d);

	(void)fresh;
	(void)readable; /* MAIL asks again, and refuses */
	d->client = *c;
	d->foreign = false;
	buf_clear(&d->name);
	/* Whoever runs us speaks for himself. */
	if (!d->caller)
		g = gate_proxy(d->controls, &d->client, &d->foreign);
	return g == GATE_OPEN ? apply_rules(d) : g;
}

bool
door_enter(struct door *d, const struct connection *c)
{
	enum gate g = door_ask(d, c);
	bool listed = false;

	if (g == GATE_OPEN && !d->caller)
		listed = access_listed(d->controls, C_xclientclients,
			     &d->client.remote) == FOUND_YES;
	d->xclient = listed;
	if (g != GATE_OPEN)
		turn_away(d, g);
	return g == GATE_OPEN;
}

static bool
refresh_mailboxes(struct door *d)
{
	if (d->mailboxes != NULL &&
	    !table_stale(d->mailboxes, AT_FDCWD, USERS_RCPT))
		return true;
	table_close(d->mailboxes);
	if (users_open(USERS_RCPT, &d->mailboxes))
		return true;
	warn("unable to open ", USERS_RCPT);
	return false;
}

static bool
databytes_ok(const struct door *d)
{
	uint64_t n;

	return d->databytes.data == NULL ||
	       num_parse(d->databytes, UINT64_MAX, &n);
}

/* A text that is newer than its cdb. */
static void
say_notice(struct door *d)
{
	const char *notice = control_notice(d->controls);

	errno = 0;
	if (notice != NULL)
		warn(notice);
}

bool
door_refresh(struct door *d)
{
	const char *wrong = NULL;

	if (!control_refresh_lately(d->controls))
		wrong = control_error(d->controls);
	else if (control_line(d->controls, C_me).len == 0)
		wrong = "control/me: there is no name in it";
	else if (!databytes_ok(d))
		wrong = "$DATABYTES: not a number";
	else if (d->filter.len > 0 &&
		 !(d->porter && str_equal(d->filter, env_get("QMAILQUEUE"))))
		wrong = "$QMAILQUEUE is set, and no program may be run here";
	if (wrong == NULL) {
		say_notice(d);
		return refresh_mailboxes(d);
	}
	errno = 0;
	warn(wrong);
	return false;
}

bool
door_outbound(struct door *d)
{
	static const enum control_id rows[] = {C_badmailfrom_out,
	    C_badmailto_out, C_forceheaderfrom, C_hideclientip};
	int64_t now = clock_boot();

	if (d->outbound != 0 && now - d->outbound < CONTROL_LATELY)
		return true;
	d->outbound = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!control_refresh_row(d->controls, rows[i])) {
			errno = 0;
			warn(control_error(d->controls));
			return false;
		}
	d->outbound = now;
	return true;
}

struct str
door_me(const struct door *d)
{
	struct str me = control_line(d->controls, C_me);

	return me.len > 0 ? me : str_of("localhost");
}

struct str
door_local(const struct door *d)
{
	/* tcpserver's -l 0 is no name. */
	bool name = address_domain_ok(d->local, false) &&
		    str_find(d->local, '.') < d->local.len;

	return name ? d->local : door_me(d);
}

uint64_t
door_databytes(const struct door *d)
{
	uint64_t n = 0;

	if (d->databytes.data == NULL)
		n = control_number(d->controls, C_databytes);
	else if (!num_parse(d->databytes, UINT64_MAX, &n))
		n = 1; /* door_refresh has said why */
	return n == 0 ? UINT64_MAX : n;
}
