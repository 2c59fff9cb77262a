/* lines: what goes before a message; see lines.h. */
#include "local/lines.h"

#include "lib/address.h"
#include "lib/date.h"
#include <errno.h>
#include <string.h>

enum { LINES_MAX = 16384 }; /* bytes of each */

/* An envelope may hold what a header line cannot: it is replaced. */
static bool
append_harmless(struct buf *b, struct str s, const char *forbidden)
{
	bool ok = true;

	for (size_t i = 0; i < s.len && ok; i++) {
		unsigned char c = (unsigned char)s.data[i];
		bool bad = c < ' ' || c == 127 || strchr(forbidden, c) != NULL;

		ok = buf_append_byte(b, bad ? '_' : s.data[i]);
	}
	return ok;
}

static bool
append_sender(struct buf *b, struct str sender)
{
	struct str local, domain;

	address_split(sender, &local, &domain);
	if (address_quote(b, local, domain))
		return true;
	return errno == EINVAL && append_harmless(b, sender, " <>\"\\");
}

/* A blank would end the sender there. */
static bool
append_undivided(struct buf *b, struct str s)
{
	bool ok = true;

	for (size_t i = 0; i < s.len && ok; i++) {
		bool blank =
		    s.data[i] == ' ' || s.data[i] == '\t' || s.data[i] == '\n';

		ok = blank ? buf_append_byte(b, '-')
			   : append_harmless(b, str_slice(s, i, i + 1), "");
	}
	return ok;
}

static bool
make_from(struct buf *b, struct str sender, int64_t seconds)
{
	char date[DATE_SIZE];

	date_ctime(date, seconds);
	return buf_append_text(b, "From ") &&
	       append_undivided(
		   b, sender.len > 0 ? sender : str_of("MAILER-DAEMON")) &&
	       buf_append_byte(b, ' ') && buf_append_text(b, date) &&
	       buf_append_byte(b, '\n');
}

bool
lines_make(struct lines *l, const struct delivery *d, int64_t seconds)
{
	struct buf *dt = &l->delivered_to, *rp = &l->return_path;

	*l = (struct lines){.delivered_to.max = LINES_MAX,
	    .return_path.max = LINES_MAX,
	    .from.max = LINES_MAX,
	    .prefix.max = (size_t)2 * LINES_MAX};
	return buf_append_text(dt, "Delivered-To: ") &&
	       append_harmless(dt, d->local, "") && buf_append_byte(dt, '@') &&
	       append_harmless(dt, d->domain, "") &&
	       buf_append_byte(dt, '\n') &&
	       buf_append_text(rp, "Return-Path: <") &&
	       append_sender(rp, d->job.sender) && buf_append_text(rp, ">\n") &&
	       make_from(&l->from, d->job.sender, seconds) &&
	       buf_append_str(&l->prefix, buf_str(rp)) &&
	       buf_append_str(&l->prefix, buf_str(dt));
}

void
lines_free(struct lines *l)
{
	buf_free(&l->delivered_to);
	buf_free(&l->return_path);
	buf_free(&l->from);
	buf_free(&l->prefix);
}
