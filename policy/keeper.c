/* keeper: policies known, kept, and fetched anew; see keeper.h. */
#include "policy/keeper.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "policy/text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	SPARE = FETCHER_MOST / 2, /* flights that the sweep leaves free */
	HOUR = 60 * 60,
	BATCH_MS = 1000,
	IDLE_MS = 60000
};

static int64_t
wall(void)
{
	return clock_wall() / CLOCK_SECOND;
}

static int64_t
after(int64_t seconds)
{
	return clock_boot() + seconds * CLOCK_SECOND;
}

static struct flight *
flight_of(struct keeper *k, struct str domain)
{
	for (size_t i = 0; i < FETCHER_MOST; i++)
		if (str_equal(str_of(k->flights[i].domain), domain))
			return &k->flights[i];
	return NULL;
}

static size_t
flights_free(const struct keeper *k)
{
	size_t n = 0;

	for (size_t i = 0; i < FETCHER_MOST; i++)
		n += k->flights[i].domain[0] == '\0';
	return n;
}

/* Have the fetcher ask.  False when it has too much to do. */
static bool
launch(struct keeper *k, struct str domain, const char *known, bool anyway)
{
	const struct order o = {.job = k->job + 1,
	    .anyway = anyway,
	    .domain = domain,
	    .known = str_of(known)};
	struct flight *f = flight_of(k, (struct str){"", 0});
	struct buf b = {.max = ORDER_PACKET};
	bool ok;

	if (flight_of(k, domain) != NULL)
		return true;
	if (f == NULL || !str_copy(f->domain, sizeof(f->domain), domain))
		return false;
	ok = order_write(&b, &o) && sock_send(k->fetcher, b.data, b.len, -1);
	buf_free(&b);
	if (ok)
		f->job = ++k->job;
	else
		f->domain[0] = '\0';
	return ok;
}

/* The policy that is kept, not too old.  What is damaged is said, and removed
 * with what has expired. */
static bool
kept(struct keeper *k, struct str domain, struct sts_policy *p)
{
	enum found r = store_read(k->policies, domain, &k->stored, &k->text, p);

	if (r == FOUND_YES && !store_expired(&k->stored, wall()))
		return true;
	if (r == FOUND_ERROR)
		warn("unable to read a policy in ", STORE_FOLDER);
	if (r == FOUND_YES || (r == FOUND_ERROR && errno == EPROTO))
		store_remove(k->policies, domain);
	return false;
}

static bool
fresh(const struct known *n)
{
	return n != NULL && n->until > clock_boot();
}

enum keeper_answer
keeper_ask(
    struct keeper *k, struct str domain, bool waited, struct sts_policy *p)
{
	const struct known *n = known_find(k->known, domain);
	int64_t asked;

	if (kept(k, domain, p)) {
		bool due = store_due(&k->stored, wall());
		struct stored head;

		/* It is used at once; what is new counts for the next. */
		if (!fresh(n))
			(void)launch(k, domain, k->stored.id, due);
		if (store_head(k->policies, domain, &head, &asked) ==
			FOUND_YES &&
		    asked < wall() - STORE_DAY)
			store_asked(k->policies, domain, wall());
		return KEEPER_HAS;
	}
	if (fresh(n))
		return KEEPER_HAS_NOT;
	return !waited && launch(k, domain, "", true) ? KEEPER_WAIT
						      : KEEPER_LATER;
}

static void
say(struct str domain, const char *event, const char *key, struct str value)
{
	struct log l;

	log_begin(&l, event);
	log_str(&l, "domain", domain);
	if (value.len > 0)
		log_str(&l, key, value);
	log_end(&l);
}

/* The fetcher has found it well-formed; the keeper sees for itself. */
static bool
keep(struct keeper *k, struct str domain, const struct outcome *o)
{
	struct stored s = {.fetched = wall()};
	struct buf copy = {.max = STS_TEXT_MAX + 1};
	struct sts_policy p;
	bool ok = false;

	if (!buf_append_str(&copy, o->text) ||
	    !text_read(copy.data, copy.len, &p) ||
	    !str_copy(s.id, sizeof(s.id), o->id))
		warn("unable to read what the fetcher brought");
	else {
		s.max_age = p.max_age;
		ok = store_write(k->policies, domain, &s, o->text);
		if (!ok)
			warn("unable to keep a policy in ", STORE_FOLDER);
		else
			say(domain, "policy", "id", o->id);
	}
	buf_free(&copy);
	return ok;
}

static void
learn(struct keeper *k, struct str domain, const struct outcome *o)
{
	static const struct {
		int seconds;
		enum sts_result failure;
		const char *event;
	} rows[FETCH_RESULTS] = {
	    [FETCH_NEW] = {KEEPER_CHECK,   STS_SUCCESS,        NULL     },
	    [FETCH_SAME] = {KEEPER_CHECK,   STS_SUCCESS,        NULL     },
	    [FETCH_NONE] = {KEEPER_NONE,    STS_SUCCESS,        NULL     },
	    [FETCH_UNKNOWN] = {KEEPER_UNKNOWN, STS_SUCCESS,        NULL     },
	    [FETCH_FAILED] = {KEEPER_FAILED,  STS_FETCH_ERROR,    "failed" },
	    [FETCH_INVALID] = {KEEPER_FAILED,  STS_POLICY_INVALID, "invalid"},
	    [FETCH_UNTRUSTED] = {KEEPER_FAILED,  STS_WEBPKI_INVALID,
			   "untrusted"				  },
	    [FETCH_LOCAL] = {KEEPER_UNKNOWN, STS_SUCCESS,        "trouble"},
	};

	enum fetch_result r = o->result;

	if (r == FETCH_NEW && !keep(k, domain, o))
		r = FETCH_LOCAL;
	else if (rows[r].event != NULL)
		say(domain, rows[r].event, "reason", o->why);
	known_put(k->known, domain, after(rows[r].seconds), rows[r].failure);
}

void
keeper_hear(struct keeper *k, char domain[STS_DOMAIN_MAX + 1])
{
	static char packet[ORDER_PACKET];
	struct outcome o;
	ssize_t n;
	int none;

	domain[0] = '\0';
	n = sock_receive(k->fetcher, packet, sizeof(packet), &none);
	fd_close(&none);
	if (n <= 0)
		die_temp("the fetcher has gone");
	if (!outcome_read((struct str){packet, (size_t)n}, &o))
		die_temp("the fetcher broke its word");
	for (size_t i = 0; i < FETCHER_MOST; i++) {
		struct flight *f = &k->flights[i];

		if (f->domain[0] == '\0' || f->job != o.job)
			continue;
		memcpy(domain, f->domain, sizeof(f->domain));
		f->domain[0] = '\0';
		learn(k, str_of(domain), &o);
		return;
	}
}

/* A session without a policy, where one was announced and not to be had, is
 * that failure (RFC 8460, 4.3.2.2). */
static void
count_as(const struct keeper *k, struct sts_report *r)
{
	const struct known *n = known_find(k->known, r->domain);

	if (r->type != STS_TYPE_NONE || n == NULL || n->failure == STS_SUCCESS)
		return;
	r->type = STS_TYPE_STS;
	r->result = n->failure;
}

void
keeper_count(struct keeper *k, const struct sts_report *r)
{
	struct sts_report as = *r;

	if (!control_refresh(k->controls)) {
		warn(control_error(k->controls));
		return;
	}
	if (control_line(k->controls, C_tlsrptfrom).len == 0)
		return;
	count_as(k, &as);
	if (!counts_add(&k->counts, k->days, &as, wall()))
		warn("unable to count in ", COUNTS_FOLDER);
	if (k->write_at == 0)
		k->write_at = after(COUNTS_SECONDS);
}

/* One policy that is kept: has it expired, is it to be fetched anew? */
static void
look(struct keeper *k, struct str domain)
{
	struct stored s;
	int64_t asked = 0;
	enum found r;

	if (!sts_domain_ok(domain))
		return;
	r = store_head(k->policies, domain, &s, &asked);
	/* What a crash left half-made, among others. */
	if (r == FOUND_ERROR && errno == EPROTO && asked < wall() - HOUR)
		store_remove(k->policies, domain);
	if (r != FOUND_YES)
		return;
	if (store_expired(&s, wall()))
		store_remove(k->policies, domain);
	else if (store_due(&s, wall()) && asked > wall() - STORE_ASKED &&
		 !fresh(known_find(k->known, domain)))
		(void)launch(k, domain, s.id, true);
}

static void
sweep_begin(struct keeper *k)
{
	int fd = openat(k->policies, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	k->sweep_at = after(KEEPER_SWEEP);
	k->sweep = fd < 0 ? NULL : fdopendir(fd);
	if (k->sweep == NULL)
		warn("unable to list ", STORE_FOLDER);
}

static void
sweep_on(struct keeper *k)
{
	const struct dirent *entry;

	for (int i = 0; i < KEEPER_BATCH && flights_free(k) > SPARE; i++) {
		entry = readdir(k->sweep);
		if (entry == NULL) {
			(void)closedir(k->sweep);
			k->sweep = NULL;
			return;
		}
		look(k, str_of(entry->d_name));
	}
}

static void
write_counts(struct keeper *k)
{
	k->write_at = 0;
	if (!counts_write(&k->counts, k->days))
		warn("unable to count in ", COUNTS_FOLDER);
}

int
keeper_tick(struct keeper *k)
{
	int64_t now = clock_boot();

	if (k->write_at != 0 && now >= k->write_at)
		write_counts(k);
	if (k->sweep == NULL && now >= k->sweep_at)
		sweep_begin(k);
	if (k->sweep != NULL)
		sweep_on(k);
	return k->sweep != NULL || k->write_at != 0 ? BATCH_MS : IDLE_MS;
}

void
keeper_end(struct keeper *k)
{
	write_counts(k);
}
