/* report: RFC 8460, 4; see report.h. */
#include "policy/report.h"

#include "lib/date.h"
#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

enum { DAY = 24 * 60 * 60 };

void
report_id(const struct report *r, char id[REPORT_ID_SIZE])
{
	char day[COUNTS_DAY_SIZE];
	uLong crc = crc32(
	    0, (const unsigned char *)r->domain.data, (unsigned)r->domain.len);

	counts_day(day, r->start);
	(void)snprintf(id, REPORT_ID_SIZE, "%s.%08lx@%.*s", day, crc,
	    (int)r->submitter.len, r->submitter.data);
}

/* A part of a line, as what it stands for; left out where it is nothing. */
static void
put_part(struct json *j, const char *key, struct str part)
{
	struct buf plain = {.max = COUNTS_LINE};

	if (!counts_plain(&plain, part))
		j->failed = true;
	else if (plain.len > 0)
		json_text(j, key, buf_str(&plain));
	buf_free(&plain);
}

/* Each line of text as a value. */
static void
put_lines(struct json *j, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.len > 0)
			json_text(j, NULL, line);
	}
}

static void
put_policy(const struct report *r, struct json *j, const struct count_line *l)
{
	bool sts = str_equal(l->type, str_of(sts_type_name(STS_TYPE_STS)));
	bool tlsa = str_equal(l->type, str_of(sts_type_name(STS_TYPE_TLSA)));
	struct buf records = {.max = COUNTS_LINE};

	json_object(j, "policy");
	put_part(j, "policy-type", l->type);
	json_list(j, "policy-string");
	if (sts)
		put_lines(j, r->text);
	if (tlsa && !counts_plain(&records, l->policy))
		j->failed = true;
	put_lines(j, buf_str(&records));
	json_list_end(j);
	put_part(j, "policy-domain",
	    str_equal(l->base, str_of("-")) ? l->domain : l->base);
	if (sts && r->text.len > 0) {
		json_list(j, "mx-host");
		for (size_t i = 0; i < r->policy->count; i++)
			json_text(j, NULL, r->policy->mx[i]);
		json_list_end(j);
	}
	json_object_end(j);
	buf_free(&records);
}

static bool
is_success(const struct count_line *l)
{
	return str_equal(l->result, str_of(sts_result_name(STS_SUCCESS)));
}

static void
put_summary(struct json *j, const struct count_line *l, size_t n)
{
	uint64_t good = 0, bad = 0;

	for (size_t i = 0; i < n; i++)
		*(is_success(&l[i]) ? &good : &bad) += l[i].n;
	json_object(j, "summary");
	json_number(j, "total-successful-session-count", good);
	json_number(j, "total-failure-session-count", bad);
	json_object_end(j);
}

/* How many lines from the first on are the same to the last word. */
static size_t
alike(const struct count_line *l, size_t n)
{
	size_t same = 1;

	while (same < n && str_equal(l[same].words, l[0].words))
		same++;
	return same;
}

static void
put_detail(struct json *j, const struct count_line *l, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += l[i].n;
	json_object(j, NULL);
	put_part(j, "result-type", l->result);
	put_part(j, "sending-mta-ip", l->sending);
	put_part(j, "receiving-mx-hostname", l->mx);
	put_part(j, "receiving-ip", l->receiving);
	json_number(j, "failed-session-count", sum);
	put_part(j, "failure-reason-code", l->reason);
	json_object_end(j);
}

static void
put_details(struct json *j, const struct count_line *l, size_t n)
{
	json_list(j, "failure-details");
	for (size_t i = 0, same; i < n; i += same) {
		same = alike(l + i, n - i);
		if (!is_success(&l[i]))
			put_detail(j, l + i, same);
	}
	json_list_end(j);
}

/* How many lines from the first on are of the same policy. */
static size_t
of_policy(const struct count_line *l, size_t n)
{
	size_t same = 1;

	while (same < n && str_equal(l[same].type, l[0].type) &&
	       str_equal(l[same].base, l[0].base) &&
	       str_equal(l[same].policy, l[0].policy))
		same++;
	return same;
}

static void
put_range(const struct report *r, struct json *j)
{
	char date[DATE_SIZE];

	json_object(j, "date-range");
	date_iso(date, r->start);
	json_text(j, "start-datetime", str_of(date));
	date_iso(date, r->start + DAY - 1);
	json_text(j, "end-datetime", str_of(date));
	json_object_end(j);
}

void
report_write(const struct report *r, struct json *j)
{
	char id[REPORT_ID_SIZE];

	report_id(r, id);
	json_object(j, NULL);
	json_text(j, "organization-name", r->submitter);
	put_range(r, j);
	json_text(j, "contact-info", r->contact);
	json_text(j, "report-id", str_of(id));
	json_list(j, "policies");
	for (size_t i = 0, n; i < r->count; i += n) {
		n = of_policy(r->lines + i, r->count - i);
		json_object(j, NULL);
		put_policy(r, j, r->lines + i);
		put_summary(j, r->lines + i, n);
		put_details(j, r->lines + i, n);
		json_object_end(j);
	}
	json_list_end(j);
	json_object_end(j);
}
