/* reporter: a day's reports, each when its time has come; see reporter.h. */
#include "policy/reporter.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "policy/day.h"
#include "policy/fetch.h"
#include "policy/fetcher.h"
#include "policy/letter.h"
#include "policy/store.h"
#include "wire/submit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
	DAY = 24 * 60 * 60,
	NAP_MS = 5000,
	PATH_SIZE = 4096,
	JSON_MAX = 16 << 20, /* octets; larger reports are not sent */
	GZIP_MAX = 10 << 20
};

struct reporter {
	struct controls *controls;
	int days, policies, life;
	struct submit submit;
	struct dns *dns;
	const char *authorities;
	int64_t next; /* seconds since 1970: when something is due */
};

enum sent {
	SENT, /* or nobody wanted it, or nobody ever will get it */
	SENT_NONE,
	SENT_LATER
};

/* Wait; the end is when the keeper ends. */
static void
rest(const struct reporter *r, int ms)
{
	if (fd_wait_read(r->life, ms))
		exit(0);
}

/* Something is due at that time. */
static void
due_at(struct reporter *r, int64_t when)
{
	if (when < r->next)
		r->next = when;
}

static void
say(const struct report *r, const char *event, struct str place)
{
	char id[REPORT_ID_SIZE];
	struct log l;

	report_id(r, id);
	log_begin(&l, event);
	log_str(&l, "domain", r->domain);
	log_text(&l, "id", id);
	log_str(&l, "to", place);
	log_end(&l);
}

/* One message to all mail addresses. */
static bool
mail(struct reporter *r, const struct report *report, struct str gzip,
    const struct buf *to, size_t count)
{
	struct buf letter = {.max = (size_t)2 * GZIP_MAX},
		   header = {.max = 1 << 16};
	struct submit_result result = {.code = -1};
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		struct str local, domain;

		address_split(buf_str(&to[i]), &local, &domain);
		ok = (i == 0 || buf_append_text(&header, ",\n ")) &&
		     address_quote(&header, local, domain);
	}
	ok = ok &&
	     letter_write(&letter, report, buf_str(&header), gzip,
		 clock_wall() / CLOCK_SECOND) &&
	     submit_begin(&r->submit);
	if (ok) {
		submit_body(&r->submit, buf_str(&letter));
		/* From nobody: a report that bounces makes no more mail. */
		submit_record(&r->submit, 'F', str_of(""));
		for (size_t i = 0; i < count; i++)
			submit_record(&r->submit, 'T', buf_str(&to[i]));
		submit_commit(&r->submit, &result);
		ok = result.code == 0;
	}
	if (!ok)
		warn("unable to queue a report");
	else
		say(report, "report", buf_str(&header));
	buf_free(&letter);
	buf_free(&header);
	return ok;
}

static bool
post(struct reporter *r, const struct report *report, struct str gzip,
    struct str url)
{
	char host[WEB_HOST_SIZE], text[RECORD_PLACE_MAX + 1], why[WEB_WHY];
	struct ip addresses[WEB_ADDRESSES];
	struct web_request q = {.url = text,
	    .host = host,
	    .addresses = addresses,
	    .authorities = r->authorities,
	    .body = gzip,
	    .type = LETTER_TYPE};
	const char *none;

	if (!str_copy(text, sizeof(text), url) || !web_host(url, host, &q.port))
		return false;
	q.count = fetch_addresses(r->dns, host, addresses, &none);
	if (q.count == 0 || web_do(&q, NULL, NULL, why) != WEB_OK) {
		say(report, "unsent", url);
		return false;
	}
	say(report, "report", url);
	return true;
}

/* To all places; one that has it is enough. */
static enum sent
deliver(struct reporter *r, const struct report *report, struct str gzip,
    const struct record_place *places, size_t n)
{
	struct buf to[RECORD_PLACES] = {0};
	size_t count = 0;
	bool sent = false, wanted = false;

	for (size_t i = 0; i < n; i++) {
		if (places[i].mail)
			count += letter_address(&to[count], places[i].what);
		else {
			wanted = true;
			sent |= post(r, report, gzip, places[i].what);
		}
	}
	if (count > 0) {
		wanted = true;
		sent |= mail(r, report, gzip, to, count);
	}
	for (size_t i = 0; i < count; i++)
		buf_free(&to[i]);
	return sent ? SENT : wanted ? SENT_LATER : SENT_NONE;
}

static enum sent
compose(struct reporter *r, const struct report *bare,
    const struct record_place *places, size_t n)
{
	struct json j = {.out = {.max = JSON_MAX}};
	struct buf text = {0}, gzip = {.max = GZIP_MAX};
	enum sent sent = SENT_NONE;
	struct report report = *bare;
	struct sts_policy p;
	struct stored s;

	if (store_read(r->policies, report.domain, &s, &text, &p) ==
	    FOUND_YES) {
		report.text = buf_str(&text);
		report.policy = &p;
	}
	report_write(&report, &j);
	if (!j.failed && letter_gzip(&gzip, buf_str(&j.out)))
		sent = deliver(r, &report, buf_str(&gzip), places, n);
	else
		warn("unable to make a report");
	buf_free(&j.out);
	buf_free(&gzip);
	buf_free(&text);
	return sent;
}

static enum sent
send_one(struct reporter *r, const struct report *report)
{
	struct record_place places[RECORD_PLACES];
	struct str records[FETCH_RECORDS];
	struct dns_answer a;
	enum sent sent = SENT_NONE;
	size_t n;

	(void)fetch_txt(r->dns, "_smtp._tls.", report->domain, &a);
	n = record_places(records, fetch_strings(&a, records), places);
	if (a.result == DNS_TROUBLE)
		sent = SENT_LATER;
	else if (n > 0)
		sent = compose(r, report, places, n);
	dns_answer_free(&a);
	return sent;
}

/* When the domain's report of the day that ends at end goes. */
static int64_t
turn(const struct report *r, int64_t end)
{
	char id[REPORT_ID_SIZE];

	report_id(r, id);
	return end + REPORTER_GRACE +
	       (int64_t)(crc32(0, (const unsigned char *)id,
			     (unsigned)strlen(id)) %
			 (REPORTER_SPREAD / REPORTER_STEP)) *
		   REPORTER_STEP;
}

/* One domain of the day.  False while it has to come again. */
static bool
one(struct reporter *r, const char *day, const struct report *report)
{
	int64_t now = clock_wall() / CLOCK_SECOND, end = report->start + DAY;

	if (now < turn(report, end)) {
		due_at(r, turn(report, end));
		return false;
	}
	if (send_one(r, report) == SENT_LATER && now < end + REPORTER_TRIES) {
		due_at(r, now + REPORTER_AGAIN);
		return false;
	}
	if (!day_done(r->days, day, report->domain)) {
		warn("unable to note a report in ", COUNTS_FOLDER);
		due_at(r, now + REPORTER_AGAIN);
		return false;
	}
	return true;
}

static void
all(struct reporter *r, const char *day, int64_t start, struct str contact)
{
	struct report report = {.start = start,
	    .submitter = control_line(r->controls, C_me),
	    .contact = contact};
	struct day d;
	bool done = day_read(&d, r->days, day);

	if (!done) {
		warn("unable to read counts in ", COUNTS_FOLDER);
		due_at(r, clock_wall() / CLOCK_SECOND + REPORTER_AGAIN);
	}
	for (size_t i = 0; i < d.count; i += report.count) {
		rest(r, 0);
		report.domain = d.lines[i].domain;
		report.lines = &d.lines[i];
		report.count = day_domain(&d, i);
		report.text = (struct str){"", 0};
		if (!day_is_done(&d, report.domain))
			done &= one(r, day, &report);
	}
	day_free(&d);
	if (done && !day_remove(r->days, day))
		warn("unable to remove counts in ", COUNTS_FOLDER);
}

/* What bears a day's name: leave it, report it, or remove what is too old. */
static void
look(struct reporter *r, const char *name, struct str contact)
{
	int64_t now = clock_wall() / CLOCK_SECOND, start;
	char day[COUNTS_DAY_SIZE];

	if (!str_copy(day, sizeof(day), str_slice(str_of(name), 0, 10)) ||
	    day[0] < '0' || day[0] > '9')
		return;
	if (!day_start(day, now, REPORTER_DAYS, &start)) {
		/* Not from a time to come: a clock may have been wrong. */
		char today[COUNTS_DAY_SIZE];

		counts_day(today, now);
		if (strcmp(day, today) < 0 && !day_remove(r->days, day))
			warn("unable to remove counts in ", COUNTS_FOLDER);
	} else if (strcmp(day, name) == 0) {
		if (now >= start + DAY + REPORTER_GRACE)
			all(r, day, start, contact);
		else
			due_at(r, start + DAY + REPORTER_GRACE);
	}
}

/* All days that there are. */
static void
pass(struct reporter *r, struct str contact)
{
	int fd = openat(r->days, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL)
		warn("unable to list ", COUNTS_FOLDER);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		look(r, entry->d_name, contact);
	if (dir != NULL)
		(void)closedir(dir);
}

/* control/tlsrptfrom, with me where it has no domain.  False where there is
 * none, or it is no address, which is said. */
static bool
contact_of(const struct controls *c, struct buf *out)
{
	struct str line = control_line(c, C_tlsrptfrom);
	struct buf form = {0};
	struct address a;
	bool ok;

	buf_clear(out);
	if (line.len == 0)
		return false;
	ok = buf_append_str(out, line) &&
	     (str_find(line, '@') != line.len ||
		 (buf_append_byte(out, '@') &&
		     buf_append_str(out, control_line(c, C_me)))) &&
	     address_parse(buf_str(out), false, &form, &a) == ADDRESS_OK;
	buf_free(&form);
	if (!ok)
		warn("control/tlsrptfrom: no address");
	return ok;
}

static void
report(struct reporter *r)
{
	struct buf contact = {.max = ADDRESS_MAX};
	char path[PATH_SIZE];

	if (!control_refresh(r->controls))
		warn(control_error(r->controls));
	else if (contact_of(r->controls, &contact)) {
		r->authorities = fetcher_authorities(r->controls, path);
		r->dns = fetcher_dns(r->controls);
		if (r->dns == NULL)
			warn("unable to begin asking DNS");
		else
			pass(r, buf_str(&contact));
		dns_free(r->dns);
		submit_close(&r->submit);
	}
	buf_free(&contact);
}

void
reporter_run(struct controls *c, int days, int policies, int life)
{
	static struct reporter r;
	int64_t now;

	if (!web_begin())
		die_temp("unable to begin with libcurl");
	r.controls = c;
	r.days = days;
	r.policies = policies;
	r.life = life;
	submit_init(&r.submit);
	for (;;) {
		now = clock_wall() / CLOCK_SECOND;
		if (now >= r.next) {
			/* At the latest when the next day is over. */
			r.next = now - now % DAY + DAY + REPORTER_GRACE;
			report(&r);
			if (r.next <= now)
				r.next = now + REPORTER_AGAIN;
		}
		rest(&r, NAP_MS);
	}
}
