/* date: stamps as text; see date.h.  gmtime(3) is not used: it reads
 * /etc/localtime, which a jail forbids. */
#include "lib/date.h"

#include <stdbool.h>
#include <stdio.h>

enum { DAY = 24 * 60 * 60 }; /* seconds */

static const int64_t first = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t last = 253402300799;  /* 9999-12-31T23:59:59Z */

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct moment {
	unsigned year, month, day; /* month from 0, day from 1 */
	unsigned hour, minute, second;
	unsigned weekday; /* from 0, Sunday */
};

static bool
leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned
month_days(unsigned year, unsigned month)
{
	static const unsigned days[12] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month] + (month == 1 && leap(year) ? 1U : 0U);
}

/* Days of the years before this one, from year 0 (a leap year). */
static unsigned
days_before(unsigned year)
{
	unsigned y = year == 0 ? 0 : year - 1;

	return year * 365 + (year == 0 ? 0 : 1 + y / 4 - y / 100 + y / 400);
}

/* days counts from 0000-01-01, a Saturday. */
static void
civil(struct moment *m, unsigned days)
{
	m->weekday = (days + 6) % 7;
	m->year = days / 366;
	while (days_before(m->year + 1) <= days)
		m->year++;
	days -= days_before(m->year);
	m->month = 0;
	while (days >= month_days(m->year, m->month))
		days -= month_days(m->year, m->month++);
	m->day = days + 1;
}

static struct moment
moment(int64_t seconds)
{
	struct moment m;
	unsigned rest;

	seconds = seconds < first ? first : seconds > last ? last : seconds;
	seconds -= first;
	rest = (unsigned)(seconds % DAY);
	civil(&m, (unsigned)(seconds / DAY));
	m.hour = rest / 3600;
	m.minute = rest / 60 % 60;
	m.second = rest % 60;
	return m;
}

void
date_rfc5322(char out[DATE_SIZE], int64_t seconds)
{
	struct moment m = moment(seconds);

	(void)snprintf(out, DATE_SIZE, "%s, %u %s %04u %02u:%02u:%02u +0000",
	    weekdays[m.weekday], m.day, months[m.month], m.year, m.hour,
	    m.minute, m.second);
}

void
date_gmt(char out[DATE_SIZE], int64_t seconds)
{
	struct moment m = moment(seconds);

	(void)snprintf(out, DATE_SIZE, "%u %s %04u %02u:%02u:%02u GMT", m.day,
	    months[m.month], m.year, m.hour, m.minute, m.second);
}

void
date_ctime(char out[DATE_SIZE], int64_t seconds)
{
	struct moment m = moment(seconds);

	(void)snprintf(out, DATE_SIZE, "%s %s %02u %02u:%02u:%02u %u",
	    weekdays[m.weekday], months[m.month], m.day, m.hour, m.minute,
	    m.second, m.year);
}

void
date_iso(char out[DATE_SIZE], int64_t seconds)
{
	struct moment m = moment(seconds);

	(void)snprintf(out, DATE_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", m.year,
	    m.month + 1, m.day, m.hour, m.minute, m.second);
}
