/* report: tables. */
#include "send/report.h"
#include "lib/clock.h"
#include <inttypes.h>
#include <stdio.h>

enum { CELL = 32, LINE = 256, NAME = 23 };

/* At most 7 columns: 12ms, 3.4s, 5m10s, 2h05m, 3d04h. */
static const char *
time_text(char out[CELL], int64_t t)
{
	int64_t seconds = t / CLOCK_SECOND;

	if (t < 0)
		(void)snprintf(out, CELL, "-");
	else if (seconds < 1)
		(void)snprintf(out, CELL, "%" PRId64 "ms", t / 1000);
	else if (seconds < 60)
		(void)snprintf(out, CELL, "%.1fs", (double)t / CLOCK_SECOND);
	else if (seconds < 3600)
		(void)snprintf(out, CELL, "%" PRId64 "m%02" PRId64 "s",
		    seconds / 60, seconds % 60);
	else if (seconds < 86400)
		(void)snprintf(out, CELL, "%" PRId64 "h%02" PRId64 "m",
		    seconds / 3600, seconds / 60 % 60);
	else
		(void)snprintf(out, CELL, "%" PRId64 "d%02" PRId64 "h",
		    seconds / 86400, seconds / 3600 % 24);
	return out;
}

struct table {
	struct buf *out;
	bool ok;
};

static void
add(struct table *t, const char *line)
{
	t->ok = t->ok && buf_append_text(t->out, line) &&
		buf_append_byte(t->out, '\n');
}

static void
counts(struct table *t, const char *name, const struct simulation_row *r)
{
	char line[LINE];

	(void)snprintf(line, sizeof line,
	    "%-*.*s %8" PRIu64 " %9" PRIu64 " %7" PRIu64 " %7" PRIu64
	    " %9" PRIu64 " %9" PRIu64,
	    NAME, NAME, name, r->messages, r->delivered, r->bounced, r->waiting,
	    r->deferrals, r->attempts);
	add(t, line);
}

static void
times(struct table *t, const char *name, const struct simulation_row *r)
{
	char line[LINE], first[CELL], median[CELL], ninety[CELL], most[CELL];

	(void)snprintf(line, sizeof line,
	    "%-*.*s %7s %7s %7s %7s %5" PRIu32 " %8" PRIu64 " %8" PRIu64, NAME,
	    NAME, name, time_text(first, r->first),
	    time_text(median, r->delivered > 0 ? r->median : -1),
	    time_text(ninety, r->delivered > 0 ? r->ninety : -1),
	    time_text(most, r->delivered > 0 ? r->most : -1), r->peak, r->dead,
	    r->slowed);
	add(t, line);
}

static void
count_head(struct table *t, const char *what)
{
	char line[LINE];

	(void)snprintf(line, sizeof line, "%-*s %8s %9s %7s %7s %9s %9s", NAME,
	    what, "messages", "delivered", "bounced", "waiting", "deferrals",
	    "attempts");
	add(t, line);
}

static void
time_head(struct table *t, const char *what)
{
	char line[LINE];

	(void)snprintf(line, sizeof line, "%-*s %7s %7s %7s %7s %5s %8s %8s",
	    NAME, what, "first", "median", "90%", "most", "peak", "dead",
	    "421");
	add(t, line);
}

static void
destinations(struct table *t, const struct load *l, const struct simulation *s)
{
	char line[LINE], back[CELL];

	count_head(t, "destination");
	for (size_t i = 0; i < l->destination_count; i++)
		counts(t, l->destinations[i].name, &s->destinations[i]);
	add(t, "");
	time_head(t, "destination");
	for (size_t i = 0; i < l->destination_count; i++)
		times(t, l->destinations[i].name, &s->destinations[i]);
	add(t, "");
	for (size_t i = 0; i < l->destination_count; i++) {
		if (l->destinations[i].dead_count == 0 ||
		    s->destinations[i].recovered < 0)
			continue;
		(void)snprintf(line, sizeof line,
		    "%s is served in full %s after it came up.",
		    l->destinations[i].name,
		    time_text(back, s->destinations[i].recovered));
		add(t, line);
	}
}

static void
customers(struct table *t, const struct load *l, const struct simulation *s)
{
	count_head(t, "customer");
	for (size_t i = 0; i < l->mail_count; i++)
		counts(t, l->mail[i].customer, &s->mail[i]);
	add(t, "");
	time_head(t, "customer");
	for (size_t i = 0; i < l->mail_count; i++)
		times(t, l->mail[i].customer, &s->mail[i]);
	add(t, "");
}

bool
report_text(struct buf *out, const struct load *l, const struct simulation *s)
{
	struct table t = {.out = out, .ok = true};
	char line[LINE], end[CELL];

	destinations(&t, l, s);
	customers(&t, l, s);
	(void)snprintf(line, sizeof line,
	    "Ended after %s.  Most at once: %zu messages, %" PRIu64
	    " lanes, %zu KiB.",
	    time_text(end, s->end), s->known, s->lanes, s->bytes / 1024);
	add(&t, line);
	return t.ok;
}

static void
row(struct json *j, const char *name, const struct simulation_row *r)
{
	json_object(j, NULL);
	json_text(j, "name", str_of(name));
	json_number(j, "messages", r->messages);
	json_number(j, "delivered", r->delivered);
	json_number(j, "bounced", r->bounced);
	json_number(j, "waiting", r->waiting);
	json_number(j, "deferrals", r->deferrals);
	json_number(j, "attempts", r->attempts);
	json_number(j, "attempts_while_dead", r->dead);
	json_number(j, "slowed", r->slowed);
	json_number(j, "peak", r->peak);
	json_number(j, "first_us", (uint64_t)r->first);
	json_number(j, "median_us", (uint64_t)r->median);
	json_number(j, "p90_us", (uint64_t)r->ninety);
	json_number(j, "most_us", (uint64_t)r->most);
}

void
report_json(struct json *j, const struct load *l, const struct simulation *s)
{
	json_object(j, NULL);
	json_list(j, "destinations");
	for (size_t i = 0; i < l->destination_count; i++) {
		row(j, l->destinations[i].name, &s->destinations[i]);
		if (s->destinations[i].recovered < 0)
			json_null(j, "recovered_us");
		else
			json_number(j, "recovered_us",
			    (uint64_t)s->destinations[i].recovered);
		json_object_end(j);
	}
	json_list_end(j);
	json_list(j, "customers");
	for (size_t i = 0; i < l->mail_count; i++) {
		row(j, l->mail[i].customer, &s->mail[i]);
		json_object_end(j);
	}
	json_list_end(j);
	json_number(j, "end_us", (uint64_t)s->end);
	json_number(j, "most_messages", s->known);
	json_number(j, "most_lanes", s->lanes);
	json_number(j, "most_bytes", s->bytes);
	json_number(j, "steps", s->steps);
	json_object_end(j);
}
