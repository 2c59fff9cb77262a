/* routing: a .qmail file, read by a child that has become its owner, so that
 * what root is asked about shows nobody more than he may see. */
#define _DEFAULT_SOURCE /* setgroups */
#include "local/routing.h"

#include "lib/address.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "local/dotfile.h"
#include "local/report.h"
#include "local/show.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHOWN = 1 << 20, TEXT = 1024 };

static char *
copy_of(struct str s)
{
	char *copy = malloc(s.len + 1);

	if (copy == NULL)
		die_temp("unable to keep an address");
	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* The file's name: what the search of dotfile_find ended at. */
static void
print_name(const struct owner *w, FILE *out)
{
	struct dotfile d = {.found = false};
	struct report report = {.letter = 0};
	char *home = copy_of(w->home);
	int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && dotfile_find(fd, w->dash, w->ext, &d, &report) &&
	    d.found) {
		struct str ext =
		    d.is_default ? str_slice(w->ext, 0, d.rest) : w->ext;

		(void)fprintf(out, ".qmail %s/.qmail%.*s", home,
		    (int)w->dash.len, w->dash.data);
		for (size_t i = 0; i < ext.len; i++)
			(void)fputc(
			    ext.data[i] == '.' ? ':' : str_lower(ext.data[i]),
			    out);
		(void)fprintf(out, "%s\n", d.is_default ? "default" : "");
	}
	dotfile_free(&d);
	fd_close(&fd);
	free(home);
}

/* The child: as qmail-local -n would print it; then exit as that would. */
NO_RETURN static void
show(const struct routing *r, const struct owner *w, struct str address, int fd)
{
	struct str local, domain;
	struct report report;
	FILE *out = fdopen(fd, "w");
	char *arguments[SHOW_ARGUMENTS];
	bool ok;

	if (geteuid() == 0 &&
	    (w->account->uid == 0 || setgroups(1, &w->account->gid) != 0 ||
		setgid(w->account->gid) != 0 || setuid(w->account->uid) != 0))
		_exit(EXIT_TEMP);
	address_split(address, &local, &domain);
	arguments[0] = copy_of(w->user);
	arguments[1] = copy_of(w->home);
	arguments[2] = copy_of(local);
	arguments[3] = copy_of(w->dash);
	arguments[4] = copy_of(w->ext);
	arguments[5] = copy_of(domain);
	arguments[6] = copy_of(r->sender);
	arguments[7] = copy_of(control_line(r->controls, C_defaultdelivery));
	if (out == NULL)
		_exit(EXIT_TEMP);
	print_name(w, out);
	ok = show_run(arguments, out, &report);
	if (!ok)
		(void)fputs(report.text, out);
	if (fflush(out) != 0)
		_exit(EXIT_TEMP);
	_exit(ok ? 0 : report.letter == 'D' ? EXIT_USAGE : EXIT_TEMP);
}

/* "maildir ./Maildir/" is a step and its text; what did says is not shown. */
static void
say_lines(struct routing *r, struct str text, bool refused)
{
	struct str line, word;

	while (str_cut(&text, '\n', &line)) {
		struct str rest = line;

		if (str_starts(line, str_of("did ")))
			continue;
		if (refused && text.len == 0) {
			routing_step(
			    r, "report", "%.*s", (int)line.len, line.data);
			continue;
		}
		if (str_cut(&rest, ' ', &word)) {
			char step[TEXT];

			(void)str_copy(step, sizeof(step), word);
			routing_step(r, step, "%.*s", (int)rest.len, rest.data);
		}
	}
}

enum routing_end
routing_show(struct routing *r, const struct owner *w, struct str address)
{
	struct buf said = {.max = SHOWN};
	int ends[2], status;
	pid_t pid;

	if (fflush(stdout) != 0 || pipe(ends) != 0 || (pid = fork()) < 0)
		die_temp("unable to ask the owner's .qmail file");
	if (pid == 0) {
		fd_close(&ends[0]);
		show(r, w, address, ends[1]);
	}
	fd_close(&ends[1]);
	if (!fd_slurp(ends[0], &said))
		die_temp("unable to hear of the owner's .qmail file");
	fd_close(&ends[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die_temp("unable to wait for a child");
	say_lines(r, buf_str(&said), status != 0);
	buf_free(&said);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_TEMP)
		return ROUTING_DEFERRED;
	return status == 0 ? ROUTING_DELIVERED : ROUTING_REFUSED;
}
