/* load: one directive a line, by tables. */
#include "send/load.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "lib/span.h"
#include "send/lane.h"
#include <stdlib.h>
#include <string.h>

enum { WEEK = 7 * 86400 };

struct reader {
	struct load *load;
	struct str rest; /* of the line */
	struct load_fault *fault;
};

static bool
faulty(struct reader *r, const char *what, struct str near)
{
	r->fault->what = what;
	r->fault->near = near;
	return false;
}

/* The next word; false at the line's end. */
static bool
word(struct reader *r, struct str *out)
{
	while (str_cut(&r->rest, ' ', out))
		if (out->len > 0)
			return true;
	return false;
}

static bool
need(struct reader *r, struct str *out)
{
	return word(r, out) ||
	       faulty(r, "something is missing at the end", (struct str){0});
}

static bool
number(struct reader *r, uint64_t least, uint64_t most, uint32_t *out)
{
	struct str s;
	uint64_t n;

	if (!need(r, &s))
		return false;
	if (!num_parse(s, most, &n) || n < least)
		return faulty(r, "no number, or out of bounds", s);
	*out = (uint32_t)n;
	return true;
}

static bool
time_of(struct str s, int64_t *out)
{
	uint32_t seconds;
	uint64_t n;

	if (str_ends(s, str_of("ms"))) {
		if (!num_parse(str_slice(s, 0, s.len - 2), UINT32_MAX, &n))
			return false;
		*out = (int64_t)n * 1000;
		return true;
	}
	if (!span_parse(s, &seconds))
		return false;
	*out = seconds * (int64_t)CLOCK_SECOND;
	return true;
}

static bool
read_time(struct reader *r, int64_t *out)
{
	struct str s;

	return need(r, &s) &&
	       (time_of(s, out) || faulty(r, "no time like 200ms or 5m", s));
}

static bool
read_name(struct reader *r, char out[LOAD_NAME])
{
	struct str s;

	return need(r, &s) &&
	       (str_copy(out, LOAD_NAME, s) || faulty(r, "too long", s));
}

/* FROM..TO */
static bool
read_span(struct reader *r, struct load_span *spans, size_t *count)
{
	struct load_span *span = &spans[*count];
	struct str s;
	size_t dots;

	if (!need(r, &s))
		return false;
	if (*count == LOAD_SPANS)
		return faulty(r, "too many of these", s);
	dots = str_find(s, '.');
	if (!time_of(str_slice(s, 0, dots), &span->from) ||
	    !str_starts(str_slice(s, dots, s.len), str_of("..")) ||
	    !time_of(str_slice(s, dots + 2, s.len), &span->to))
		return faulty(r, "no span like 1h..26h", s);
	++*count;
	return true;
}

static bool
read_rate(struct reader *r, int64_t *out)
{
	struct str s;

	return need(r, &s) && (span_parse_rate(s, out) ||
				  faulty(r, "not a rate like 100/h", s));
}

static struct load_destination *
destination_now(const struct reader *r)
{
	return &r->load->destinations[r->load->destination_count - 1];
}

static struct load_mail *
mail_now(const struct reader *r)
{
	return &r->load->mail[r->load->mail_count - 1];
}

static bool
domains(struct reader *r)
{
	return number(r, 1, LOAD_DOMAINS, &destination_now(r)->domains);
}

static bool
group(struct reader *r)
{
	return read_name(r, destination_now(r)->group);
}

static bool
latency(struct reader *r)
{
	return read_time(r, &destination_now(r)->latency);
}

static bool
timeout(struct reader *r)
{
	return read_time(r, &destination_now(r)->timeout);
}

static bool
limit(struct reader *r)
{
	return number(r, 1, 65536, &destination_now(r)->limit);
}

static bool
rate(struct reader *r)
{
	return read_rate(r, &destination_now(r)->spacing);
}

static bool
defer(struct reader *r)
{
	return number(r, 0, 100, &destination_now(r)->defer);
}

static bool
fail(struct reader *r)
{
	return number(r, 0, 100, &destination_now(r)->fail);
}

static bool
dead(struct reader *r)
{
	struct load_destination *d = destination_now(r);

	return read_span(r, d->dead, &d->dead_count);
}

static bool
slow(struct reader *r)
{
	struct load_destination *d = destination_now(r);
	struct load_span *span = &d->slow[d->slow_count];

	return read_span(r, d->slow, &d->slow_count) &&
	       read_time(r, &span->latency);
}

static bool
customers(struct reader *r)
{
	return number(r, 1, LOAD_DOMAINS, &mail_now(r)->customers);
}

static bool
at(struct reader *r)
{
	return read_time(r, &mail_now(r)->start);
}

static bool
over(struct reader *r)
{
	return read_time(r, &mail_now(r)->over);
}

static bool
recipients(struct reader *r)
{
	return number(r, 1, 100, &mail_now(r)->recipients);
}

struct row {
	const char *name;
	bool (*read)(struct reader *r);
};

static const struct row of_destination[] = {
    {"domains", domains},
    {"group",   group  },
    {"latency", latency},
    {"timeout", timeout},
    {"limit",   limit  },
    {"rate",    rate   },
    {"defer",   defer  },
    {"fail",    fail   },
    {"dead",    dead   },
    {"slow",    slow   },
    {NULL,      NULL   },
};

static const struct row of_mail[] = {
    {"customers",  customers },
    {"at",         at        },
    {"over",       over      },
    {"recipients", recipients},
    {NULL,         NULL      },
};

static bool
by_name(struct reader *r, const struct row *rows, struct str name)
{
	for (; rows->name != NULL; rows++)
		if (str_equal(name, str_of(rows->name)))
			return rows->read(r);
	return faulty(r, "unknown word", name);
}

static bool
all_of(struct reader *r, const struct row *rows)
{
	struct str name;

	while (word(r, &name))
		if (!by_name(r, rows, name))
			return false;
	return true;
}

static size_t
find(const struct load *l, const char *name)
{
	size_t i = 0;

	while (i < l->destination_count &&
	       strcmp(l->destinations[i].name, name) != 0)
		i++;
	return i;
}

static bool
destination(struct reader *r)
{
	struct load *l = r->load;
	struct load_destination *d = &l->destinations[l->destination_count];

	if (l->destination_count == LOAD_ROWS)
		return faulty(r, "too many destinations", (struct str){0});
	*d = (struct load_destination){.domains = 1,
	    .latency = CLOCK_SECOND / 2,
	    .timeout = 30 * (int64_t)CLOCK_SECOND};
	if (!read_name(r, d->name))
		return false;
	if (find(l, d->name) < l->destination_count)
		return faulty(r, "named before", str_of(d->name));
	l->destination_count++;
	return all_of(r, of_destination);
}

static bool
mail(struct reader *r)
{
	struct load *l = r->load;
	struct load_mail *m = &l->mail[l->mail_count];
	char name[LOAD_NAME];

	if (l->mail_count == LOAD_ROWS)
		return faulty(r, "too many rows of mail", (struct str){0});
	*m = (struct load_mail){.customers = 1, .recipients = 1};
	if (!read_name(r, m->customer) || !read_name(r, name))
		return false;
	m->destination = find(l, name);
	if (m->destination == l->destination_count)
		return faulty(r, "no such destination", (struct str){0});
	if (!number(r, 1, LOAD_MESSAGES, &m->count))
		return false;
	l->messages += m->count;
	if (l->messages > LOAD_MESSAGES)
		return faulty(r, "too many messages", (struct str){0});
	l->mail_count++;
	return all_of(r, of_mail);
}

static bool
seed(struct reader *r)
{
	uint32_t n;

	if (!number(r, 0, UINT32_MAX, &n))
		return false;
	r->load->seed = n;
	return true;
}

static bool
seconds(struct reader *r, uint64_t *out)
{
	int64_t time;

	if (!read_time(r, &time))
		return false;
	*out = (uint64_t)(time / CLOCK_SECOND);
	return true;
}

static bool
duration(struct reader *r)
{
	return read_time(r, &r->load->duration);
}

static bool
slots(struct reader *r)
{
	return number(r, 1, 65536, &r->load->slots);
}

static bool
reserve(struct reader *r)
{
	return number(r, 0, 90, &r->load->reserve);
}

static bool
initial(struct reader *r)
{
	return number(r, 1, 65536, &r->load->lane_initial);
}

static bool
most(struct reader *r)
{
	return number(r, 1, 65536, &r->load->lane_most);
}

static bool
lifetime(struct reader *r)
{
	return seconds(r, &r->load->plan.lifetime);
}

static bool
schedule(struct reader *r)
{
	struct str all = r->rest;

	r->rest = (struct str){0};
	return (str_trim(all).len > 0 && retry_parse(&r->load->plan, all)) ||
	       faulty(r, "no list of times like 5m 2h", all);
}

static const struct row of_load[] = {
    {"seed",	      seed       },
    {"duration",          duration   },
    {"concurrencyremote", slots      },
    {"lanereserve",       reserve    },
    {"laneinitial",       initial    },
    {"lanemax",           most       },
    {"queuelifetime",     lifetime   },
    {"retryschedule",     schedule   },
    {"destination",       destination},
    {"mail",	      mail       },
    {NULL,		NULL       },
};

static bool
line(struct reader *r)
{
	struct str name;

	if (!word(r, &name) || name.data[0] == '#')
		return true;
	if (!by_name(r, of_load, name))
		return false;
	return !word(r, &name) || faulty(r, "nothing is expected here", name);
}

static bool
set_up(struct load *l)
{
	*l = (struct load){
	    .seed = 1,
	    .duration = WEEK * (int64_t)CLOCK_SECOND,
	    .slots = 20,
	    .reserve = 25,
	    .lane_initial = LANE_INITIAL,
	    .lane_most = LANE_MOST,
	    .plan = {.lifetime = WEEK, .spread = RETRY_SPREAD},
	    .destinations = calloc(LOAD_ROWS, sizeof *l->destinations),
	    .mail = calloc(LOAD_ROWS, sizeof *l->mail),
	};
	return l->destinations != NULL && l->mail != NULL;
}

bool
load_parse(struct load *l, struct str text, struct load_fault *fault)
{
	struct reader r = {.load = l, .fault = fault};

	*fault = (struct load_fault){.what = "out of memory"};
	if (!set_up(l))
		return false;
	while (str_cut(&text, '\n', &r.rest)) {
		fault->line++;
		r.rest = str_trim(r.rest);
		for (size_t i = 0; i < r.rest.len; i++)
			if (r.rest.data[i] < ' ' || r.rest.data[i] > '~')
				return faulty(
				    &r, "not printable ASCII", (struct str){0});
		if (!line(&r))
			return false;
	}
	l->plan.bounce_lifetime = l->plan.lifetime;
	l->plan.seed = l->seed;
	return true;
}

void
load_free(struct load *l)
{
	free(l->destinations);
	free(l->mail);
	*l = (struct load){0};
}
