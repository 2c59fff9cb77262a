/* door: what a worker keeps; see door.h. */
#include "smtpd/door.h"

#include "lib/die.h"
#include "lib/env.h"
#include "lib/num.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
door_open(struct door *d, bool ucspi)
{
	int fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*d = (struct door){.relayclient = env_get("RELAYCLIENT"),
	    .databytes = env_get("DATABYTES")};
	if (fd < 0)
		die_temp("unable to open control");
	d->controls = control_new(fd, CONTROL_SMTPD);
	if (d->controls == NULL)
		die_temp("unable to start");
	submit_init(&d->submit);
	if (ucspi) {
		d->host = env_get("TCPREMOTEHOST");
		d->info = env_get("TCPREMOTEINFO");
	}
}

void
door_close(struct door *d)
{
	submit_close(&d->submit);
	table_close(d->mailboxes);
	control_free(d->controls);
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

	if (!control_refresh(d->controls))
		wrong = control_error(d->controls);
	else if (control_line(d->controls, C_me).len == 0)
		wrong = "control/me: there is no name in it";
	else if (!databytes_ok(d))
		wrong = "$DATABYTES: not a number";
	if (wrong == NULL) {
		say_notice(d);
		return refresh_mailboxes(d);
	}
	errno = 0;
	warn(wrong);
	return false;
}

struct str
door_me(const struct door *d)
{
	struct str me = control_line(d->controls, C_me);

	return me.len > 0 ? me : str_of("localhost");
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
