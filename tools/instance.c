/* instance: see instance.h. */
#include "tools/instance.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/json.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { LOOK_MS = 150 };

/* What a private instance's folders name is run as their owner, never as root
 * who only came to look. */
static void
become_owner(bool act)
{
	if (geteuid() == 0 && home_private())
		drop_to(&(struct drop){.account = ACCOUNT_SMTPD});
	else if (act && geteuid() != home_owner())
		die_usage(home_path(), " belongs to another account; ask ",
		    home_private() ? "as that one or as root" : "as root");
}

void
instance_enter(struct instance *i, const char *home, bool act)
{
	if (home != NULL)
		env_set("CULVER_HOME", home);
	home_enter();
	become_owner(act);
	if (!services_list(&i->all)) {
		if (errno == ENOENT)
			die_usage("no services below ", home_path(),
			    "; culver setup makes them");
		die_temp("unable to read the services of ", home_path());
	}
	i->supervisor = supervisor_recall();
}

void
instance_look(struct instance *i)
{
	i->pid = supervisor_pid();
	if (i->pid < 0)
		die_temp("unable to read ", SUPERVISOR_LOCK);
	services_look(i->supervisor, &i->all);
}

/* The services that are not done, on one line that is written over. */
static void
show_waiting(const struct instance *i,
    bool (*one_is_done)(const struct instance *i, const struct service *one))
{
	(void)fputs("\r\033[Kwaiting for", stderr);
	for (size_t n = 0; n < i->all.count; n++)
		if (!one_is_done(i, &i->all.rows[n]))
			(void)fprintf(stderr, " %s", i->all.rows[n].name);
}

static bool
all_done(const struct instance *i,
    bool (*one_is_done)(const struct instance *i, const struct service *one))
{
	for (size_t n = 0; n < i->all.count; n++)
		if (!one_is_done(i, &i->all.rows[n]))
			return false;
	return true;
}

bool
instance_wait(struct instance *i, uint64_t seconds,
    bool (*one_is_done)(const struct instance *i, const struct service *one))
{
	int64_t end = clock_boot() + (int64_t)seconds * CLOCK_SECOND;
	bool terminal = isatty(STDERR_FILENO) == 1, done;

	for (;;) {
		instance_look(i);
		done = all_done(i, one_is_done);
		if (done || clock_boot() >= end)
			break;
		if (terminal)
			show_waiting(i, one_is_done);
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (terminal)
		(void)fputs("\r\033[K", stderr);
	return done;
}

/* What nobody supervises is down, unless somebody else's supervisor does. */
static const char *
state_word(const struct instance *i, const struct service *one)
{
	switch (one->state) {
	case SERVICE_UP:
		return "up";
	case SERVICE_DOWN:
		return "down";
	case SERVICE_UNKNOWN:
		break;
	}
	return i->pid == 0 ? "down" : "unknown";
}

static void
print_table(const struct instance *i)
{
	if (i->pid > 0)
		(void)printf("%s under %s, pid %ld\n\n", home_path(),
		    supervisor_name(i->supervisor), (long)i->pid);
	else
		(void)printf("%s is not started\n\n", home_path());
	(void)printf("%-10s %-7s %8s %9s %-8s %s\n", "SERVICE", "STATE", "PID",
	    "SECONDS", "VERSION", "PORTS");
	for (size_t n = 0; n < i->all.count; n++) {
		const struct service *one = &i->all.rows[n];

		(void)printf("%-10s %-7s %8ld %9llu %-8s %s\n", one->name,
		    state_word(i, one), (long)one->pid,
		    (unsigned long long)one->seconds, one->version, one->ports);
	}
}

static void
print_json(const struct instance *i)
{
	struct json j = {.out = {.max = 1 << 20}};

	json_object(&j, NULL);
	json_text(&j, "home", str_of(home_path()));
	json_bool(&j, "started", i->pid > 0);
	json_text(&j, "supervisor", str_of(supervisor_name(i->supervisor)));
	json_number(&j, "pid", (uint64_t)i->pid);
	json_list(&j, "services");
	for (size_t n = 0; n < i->all.count; n++) {
		const struct service *one = &i->all.rows[n];
		struct str ports = str_of(one->ports), port;

		json_object(&j, NULL);
		json_text(&j, "name", str_of(one->name));
		json_text(&j, "state", str_of(state_word(i, one)));
		json_number(&j, "pid", (uint64_t)one->pid);
		json_number(&j, "seconds", one->seconds);
		json_text(&j, "version", str_of(one->version));
		json_list(&j, "ports");
		while (str_cut(&ports, ' ', &port))
			json_text(&j, NULL, port);
		json_list_end(&j);
		json_object_end(&j);
	}
	json_list_end(&j);
	json_object_end(&j);
	if (!json_print(&j, STDOUT_FILENO))
		die_temp("unable to print");
	buf_free(&j.out);
}

void
instance_print(struct instance *i, bool json)
{
	for (size_t n = 0; n < i->all.count; n++)
		service_version(&i->all.rows[n]);
	if (json)
		print_json(i);
	else
		print_table(i);
	if (fflush(stdout) != 0)
		die_temp("unable to print");
}
