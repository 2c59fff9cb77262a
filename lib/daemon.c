/* daemon: a program that serves connections; see daemon.h. */
#include "lib/daemon.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/home.h"
#include "lib/usage.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { LETTERS = 16 };

static void
serve_listener(const struct daemon *d, struct listener *l)
{
	struct drop jail = *d->jail;

	jail.promises |= PROMISE_ACCEPT | PROMISE_FORK;
	jail.memory_max = 0;
	d->open(d->ops.context, false);
	drop_to(&jail);
	listener_run(l, &d->ops);
}

static void
serve_ucspi(const struct daemon *d)
{
	struct connection c;

	d->open(d->ops.context, true);
	connection_from_ucspi(&c);
	d->ops.prepare(d->ops.context);
	d->ops.serve(d->ops.context, &c);
}

/* "l:" and the program's own letters. */
static void
take_options(int argc, char **argv, const struct daemon *d, struct listener *l)
{
	char letters[LETTERS];
	int option;

	(void)snprintf(letters, sizeof(letters), "l:%s",
	    d->letters == NULL ? "" : d->letters);
	opterr = 0;
	while ((option = getopt(argc, argv, letters)) != -1) {
		if (option == '?')
			die_usage(d->brief);
		if (option == 'l')
			listener_add(l, str_of(optarg));
		else
			d->letter(d->ops.context, option);
	}
	if (optind == argc)
		return;
	if (d->words == NULL || l->count > 0)
		die_usage(d->brief);
	d->words(d->ops.context, argc - optind, argv + optind);
}

int
daemon_run(int argc, char **argv, const struct daemon *d)
{
	struct listener l = {.count = 0};

	die_name(d->name);
	usage_answer(argc, argv, d->usage);
	home_enter();
	clock_open();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	take_options(argc, argv, d, &l);
	if (l.count > 0)
		serve_listener(d, &l);
	else
		serve_ucspi(d);
	return 0;
}
