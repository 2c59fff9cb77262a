/* compose: the header fields that a message lacks; see compose.h. */
#include "queue/compose.h"

#include "lib/address.h"
#include "lib/date.h"
#include "lib/num.h"
#include "lib/rng.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool
begin(const struct compose *c, const char *name, struct buf *out)
{
	return buf_append_text(out, c->resent ? "Resent-" : "") &&
	       buf_append_text(out, name) && buf_append_text(out, ": ");
}

static bool
has(const struct compose *c, enum field_id plain, enum field_id resent)
{
	return c->seen[c->resent ? resent : plain];
}

static bool
add_date(const struct compose *c, struct buf *out)
{
	char date[DATE_SIZE];

	if (has(c, FIELD_DATE, FIELD_RESENT_DATE))
		return true;
	date_rfc5322(date, c->seconds);
	return begin(c, "Date", out) && buf_append_text(out, date) &&
	       buf_append_byte(out, '\n');
}

/* "<20261125235410.PID.RANDOM@idhost>" */
static bool
add_id(const struct compose *c, struct buf *out)
{
	enum { RANDOM = 8 };
	unsigned char bytes[RANDOM];
	char hex[2 * RANDOM + 1], text[64];
	time_t when = (time_t)c->seconds;
	struct tm tm;

	if (has(c, FIELD_MESSAGE_ID, FIELD_RESENT_MESSAGE_ID))
		return true;
	if (!rng_bytes(bytes, sizeof(bytes)) || gmtime_r(&when, &tm) == NULL)
		return false;
	num_hex(hex, bytes, sizeof(bytes));
	(void)snprintf(text, sizeof(text), "<%04d%02d%02d%02d%02d%02d.%ld.",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, (long)getpid());
	return begin(c, "Message-ID", out) && buf_append_text(out, text) &&
	       buf_append_text(out, hex) && buf_append_byte(out, '@') &&
	       buf_append_str(out, c->idhost) && buf_append_text(out, ">\n");
}

static bool
add_from(const struct compose *c, struct buf *out)
{
	return has(c, FIELD_FROM, FIELD_RESENT_FROM) ||
	       (begin(c, "From", out) && identity_from(c->who, c->hosts, out) &&
		   buf_append_byte(out, '\n'));
}

static bool
add_cc(const struct compose *c, struct buf *out)
{
	return has(c, FIELD_TO, FIELD_RESENT_TO) ||
	       has(c, FIELD_CC, FIELD_RESENT_CC) ||
	       (begin(c, "Cc", out) &&
		   buf_append_text(out, "recipient list not shown: ;\n"));
}

/* A line of lists is this address. */
static bool
is_list(const struct compose *c, struct str address)
{
	struct str rest = c->lists, line;

	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.len > 0 && line.data[0] != '#' &&
		    str_equal_nocase(line, address))
			return true;
	}
	return false;
}

static bool
goes_to_list(const struct compose *c)
{
	struct str rest = c->followers, address;

	while (str_cut(&rest, '\0', &address))
		if (is_list(c, address))
			return true;
	return false;
}

static bool
add_followup(const struct compose *c, struct buf *out)
{
	struct str rest = c->followers, address, local, domain;
	const char *before = "Mail-Followup-To: ";

	if (c->resent || c->seen[FIELD_MAIL_FOLLOWUP_TO] || !goes_to_list(c))
		return true;
	while (str_cut(&rest, '\0', &address)) {
		if (address.len == 0)
			continue;
		address_split(address, &local, &domain);
		if (!buf_append_text(out, before) ||
		    !address_quote(out, local, domain))
			return false;
		before = ",\n  ";
	}
	return buf_append_byte(out, '\n');
}

bool
compose_fields(const struct compose *c, struct buf *out)
{
	return add_date(c, out) && add_id(c, out) && add_from(c, out) &&
	       add_cc(c, out) && add_followup(c, out);
}
