/* received: the trace field of a message; see received.h. */
#include "smtpd/received.h"

#include "lib/date.h"

static bool
is_safe(char c)
{
	char lower = str_lower(c);
	struct str marks = str_of("-._:[]+=");

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       str_find(marks, c) < marks.len;
}

bool
received_safe(struct buf *b, struct str s)
{
	size_t before = b->len;

	for (size_t i = 0; i < s.len; i++) {
		if (!buf_append_byte(b, is_safe(s.data[i]) ? s.data[i] : '?')) {
			b->len = before;
			return false;
		}
	}
	return true;
}

/* "(info@host [192.0.2.1])", each part where it is known. */
static bool
write_client(struct buf *b, const struct received *r)
{
	char literal[IP_LITERAL_SIZE] = "";
	bool ok = buf_append_text(b, " (");

	if (r->remote != NULL)
		ip_literal(literal, r->remote);
	if (r->info.len > 0)
		ok = ok && received_safe(b, r->info) && buf_append_byte(b, '@');
	if (r->host.len > 0 || r->info.len > 0 || r->remote == NULL)
		ok = ok &&
		     received_safe(
			 b, r->host.len > 0 ? r->host : str_of("unknown")) &&
		     (r->remote == NULL || buf_append_byte(b, ' '));
	return ok && buf_append_text(b, literal) && buf_append_byte(b, ')');
}

/* "client.example (...)".  The word stands where RFC 5321 wants a name. */
static bool
write_origin(struct buf *b, const struct received *r)
{
	if (r->hidden)
		return buf_append_text(b, "hidden (authenticated)");
	return received_safe(b, r->helo) && write_client(b, r);
}

/* "with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)" */
static bool
write_protocol(struct buf *b, const struct received *r)
{
	if (!buf_append_text(b, " with ") || !buf_append_text(b, r->protocol))
		return false;
	return r->cipher == NULL ||
	       (buf_append_text(b, " (") && buf_append_text(b, r->cipher) &&
		   buf_append_byte(b, ')'));
}

bool
received_write(struct buf *b, const struct received *r)
{
	char date[DATE_SIZE];
	size_t before = b->len;

	date_rfc5322(date, r->seconds);
	if (buf_append_text(b, "Received: from ") && write_origin(b, r) &&
	    buf_append_text(b, "\n\tby ") && received_safe(b, r->me) &&
	    write_protocol(b, r) && buf_append_text(b, " id ") &&
	    buf_append_str(b, r->id) && buf_append_text(b, ";\n\t") &&
	    buf_append_text(b, date) && buf_append_byte(b, '\n'))
		return true;
	b->len = before;
	return false;
}
