/* command: MAIL and RCPT; see command.h. */
#include "remote/command.h"

/* RFC 3461, 4: printable characters but '+' and '='. */
static bool
append_xtext(struct buf *out, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";
	bool ok = true;

	for (size_t i = 0; i < s.len && ok; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=')
			ok = buf_append_byte(out, s.data[i]);
		else
			ok = buf_append_byte(out, '+') &&
			     buf_append_byte(out, digits[c >> 4]) &&
			     buf_append_byte(out, digits[c & 15]);
	}
	return ok;
}

static bool
append_path(struct buf *out, const char *verb, struct str path)
{
	return buf_append_text(out, verb) && buf_append_byte(out, '<') &&
	       buf_append_str(out, path) && buf_append_byte(out, '>');
}

/* RFC 1870, RFC 6152, RFC 6531, RFC 8689. */
static bool
append_needs(struct buf *out, const struct parcel *p,
    const struct offers *offers, bool utf8)
{
	const struct outgoing *m = &p->outgoing;

	if (offer_has(offers, OFFER_SIZE) &&
	    (!buf_append_text(out, " SIZE=") ||
		!buf_append_number(out, m->octets)))
		return false;
	if (m->eight && !m->converted && offer_has(offers, OFFER_8BITMIME) &&
	    !buf_append_text(out, " BODY=8BITMIME"))
		return false;
	return (!utf8 || buf_append_text(out, " SMTPUTF8")) &&
	       (!p->requiretls || buf_append_text(out, " REQUIRETLS"));
}

/* RFC 3461, 4.3 and 4.4. */
static bool
append_notices(
    struct buf *out, const struct parcel *p, const struct offers *offers)
{
	if (!offer_has(offers, OFFER_DSN))
		return true;
	if (p->ret.len > 0 &&
	    (!buf_append_text(out, " RET=") || !buf_append_str(out, p->ret)))
		return false;
	return p->envid.len == 0 ||
	       (buf_append_text(out, " ENVID=") && append_xtext(out, p->envid));
}

bool
command_mail(struct buf *out, const struct parcel *p,
    const struct offers *offers, bool utf8)
{
	return append_path(out, "MAIL FROM:", p->sender_path) &&
	       append_needs(out, p, offers, utf8) &&
	       append_notices(out, p, offers) && buf_append_text(out, "\r\n");
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 128)
			return false;
	return true;
}

bool
command_rcpt(struct buf *out, const struct addressee *a,
    const struct offers *offers, bool utf8)
{
	bool dsn = offer_has(offers, OFFER_DSN);

	if (!append_path(out, "RCPT TO:", a->path))
		return false;
	if (dsn && a->notify.len > 0 &&
	    (!buf_append_text(out, " NOTIFY=") ||
		!buf_append_str(out, a->notify)))
		return false;
	/* As given; characters beyond ASCII only by SMTPUTF8 (RFC 6533, 3). */
	if (dsn && a->orcpt.len > 0 && (utf8 || is_ascii(a->orcpt)) &&
	    (!buf_append_text(out, " ORCPT=") ||
		!buf_append_str(out, a->orcpt)))
		return false;
	return buf_append_text(out, "\r\n");
}
