/* package: a message that comes in netstrings; see package.h. */
#include "smtpd/package.h"

#include "lib/clock.h"
#include "lib/num.h"
#include <stdlib.h>
#include <string.h>

struct package *
package_new(struct door *door, const char *protocol)
{
	struct package *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->door = door;
	p->protocol = protocol;
	return p;
}

static int64_t
seconds(uint64_t n)
{
	return (int64_t)n * CLOCK_SECOND;
}

/* The client is given time for what it has sent, but not for what nobody will
 * read. */
static void
set_deadline(struct package *p)
{
	uint64_t most = PACKAGE_SECONDS + p->taken / PACKAGE_RATE;

	if (p->began == 0)
		p->stream.deadline = 0;
	else if (p->drain_until != 0)
		p->stream.deadline = p->drain_until;
	else
		p->stream.deadline =
		    p->began + seconds(most < QUEUE_DEATH ? most : QUEUE_DEATH);
}

static const char *
word(enum stream_result r)
{
	if (r == STREAM_END)
		return "closed";
	return r == STREAM_TIMEOUT ? "timeout" : "lost";
}

/* All that was read is used: read more. */
static bool
refill(struct package *p)
{
	enum stream_result r;

	set_deadline(p);
	r = stream_peek(&p->stream, &p->raw);
	if (r != STREAM_OK) {
		p->raw = (struct str){NULL, 0};
		p->closing = word(r);
		return false;
	}
	reader_consume(&p->stream.reader, p->raw.len);
	p->taken += p->raw.len;
	return true;
}

bool
package_begin(struct package *p)
{
	package_end(p);
	p->began = 0;
	if (p->raw.len == 0 && !refill(p))
		return false;
	p->began = clock_boot();
	p->taken = p->raw.len;
	p->outer = (struct netstring){.left = 0};
	p->held = (struct str){NULL, 0};
	p->header = (struct header){.over = false};
	p->cr = false;
	p->bytes = p->recipients = 0;
	p->drain_until = 0;
	p->refusal = NULL;
	return true;
}

static enum netstring_event
lost(struct package *p)
{
	if (p->closing == NULL)
		p->closing = "protocol";
	return NETSTRING_BAD;
}

/* At the top. */
static enum netstring_event
take(struct package *p, struct netstring *n, struct str *piece)
{
	for (;;) {
		enum netstring_event e = netstring_take(n, &p->raw, piece);

		if (e == NETSTRING_BAD)
			return lost(p);
		if (e != NETSTRING_MORE)
			return e;
		if (!refill(p))
			return NETSTRING_BAD;
	}
}

enum netstring_event
package_take(
    struct package *p, struct netstring *n, bool within, struct str *piece)
{
	if (!within)
		return take(p, n, piece);
	for (;;) {
		enum netstring_event e = netstring_take(n, &p->held, piece);

		if (e == NETSTRING_BAD)
			return lost(p);
		if (e != NETSTRING_MORE)
			return e;
		e = take(p, &p->outer, &p->held);
		if (e == NETSTRING_END)
			return n->begun ? lost(p) : NETSTRING_MORE;
		if (e == NETSTRING_BAD)
			return e;
	}
}

/* CR LF becomes LF.  Returns how many bytes p->body holds. */
static size_t
decode(struct package *p, struct str in)
{
	size_t made = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.data[i];

		if (p->cr != (c == '\n'))
			package_refuse(p,
			    "Da CR or LF by itself in a message whose lines "
			    "end in CR LF (#5.6.0)");
		p->cr = c == '\r';
		if (!p->cr)
			p->body[made++] = c;
	}
	return made;
}

/* What has been seen of the message so far forbids it. */
static void
judge(struct package *p)
{
	if (p->bytes > p->limit)
		package_refuse(p,
		    "Dsorry, that message size exceeds my databytes limit "
		    "(#5.3.4)");
	if (header_loops(&p->header))
		package_refuse(
		    p, "Dtoo many hops, this message is looping (#5.4.6)");
	if (header_large(&p->header))
		package_refuse(
		    p, "Dthe header of this message is too large (#5.3.4)");
}

static void
pass_on(struct package *p, struct str text)
{
	struct submit *submit = &p->door->submit;

	if (p->refusal != NULL)
		return;
	if (p->lines == LINES_CRLF)
		text = (struct str){p->body, decode(p, text)};
	/* Our trace field is not the sender's to go on with. */
	if (p->bytes == 0 && header_is_folded(text))
		submit_body(submit, str_of("\n"));
	p->bytes += text.len;
	header_scan(&p->header, text);
	judge(p);
	if (p->refusal != NULL)
		return;
	submit_body(submit, text);
	if (submit->trouble != 0)
		package_refuse(p, queue_code_text(submit->trouble));
}

/* The first byte says how its lines end. */
static bool
take_encoding(struct package *p, struct str *piece)
{
	char c = piece->data[0];

	if (c != '\r' && c != '\n')
		return false;
	p->lines = c == '\r' ? LINES_CRLF : LINES_LF;
	*piece = str_slice(*piece, 1, piece->len);
	return true;
}

bool
package_message(struct package *p, bool within, enum package_lines lines)
{
	struct netstring n = {.left = 0};
	struct str piece;
	enum netstring_event e;

	p->lines = lines;
	while ((e = package_take(p, &n, within, &piece)) == NETSTRING_BYTES) {
		if (p->lines == LINES_SAID && !take_encoding(p, &piece))
			break;
		pass_on(p, piece);
	}
	/* No encoding, or no message where there must be one. */
	if (e != NETSTRING_END || p->lines == LINES_SAID) {
		(void)lost(p);
		return false;
	}
	if (p->cr)
		package_refuse(p, "Da CR at the end of the message (#5.6.0)");
	return true;
}

enum package_part
package_string(struct package *p, bool within, struct str *string)
{
	struct netstring n = {.left = 0};
	struct str piece;
	enum netstring_event e;
	size_t len = 0;
	bool fits = true;

	while ((e = package_take(p, &n, within, &piece)) == NETSTRING_BYTES) {
		fits = fits && piece.len <= sizeof(p->text) - len;
		if (fits) {
			memcpy(p->text + len, piece.data, piece.len);
			len += piece.len;
		}
	}
	if (e == NETSTRING_BAD)
		return PART_LOST;
	if (e == NETSTRING_MORE)
		return PART_NONE;
	*string = (struct str){p->text, len};
	return fits ? PART_STRING : PART_LONG;
}

void
package_refuse(struct package *p, const char *text)
{
	if (p->refusal != NULL)
		return;
	p->refusal = text;
	p->drain_until = clock_boot() + seconds(PACKAGE_SECONDS);
	package_end(p);
}

void
package_end(struct package *p)
{
	if (p->posted)
		submit_abort(&p->door->submit);
	p->posted = false;
}

bool
package_plain(struct str address)
{
	for (size_t i = 0; i < address.len; i++) {
		unsigned char c = (unsigned char)address.data[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return true;
}

void
package_open(struct package *p, const struct connection *peer)
{
	const struct door *d = p->door;
	struct log l;

	stream_open(&p->stream, peer->in_fd, peer->out_fd,
	    (int)control_number(d->controls, C_timeoutsmtpd));
	p->peer = peer;
	p->closing = NULL;
	p->accepted = p->refused = 0;
	p->raw = (struct str){NULL, 0};
	p->posted = false;
	package_log(p, &l, "connect");
	log_number(&l, "port", peer->remote_port);
	if (d->host.len > 0)
		log_str(&l, "host", d->host);
	if (d->info.len > 0)
		log_str(&l, "info", d->info);
	log_end(&l);
}

void
package_close(struct package *p)
{
	struct log l;

	package_end(p);
	if (!writer_flush(&p->stream.writer))
		p->closing = "lost";
	else if (p->raw.len > 0 || stream_early(&p->stream))
		stream_linger(&p->stream);
	package_log(p, &l, "disconnect");
	log_text(&l, "why", p->closing);
	log_number(&l, "accepted", p->accepted);
	log_number(&l, "refused", p->refused);
	log_end(&l);
}

void
package_say(struct package *p, const char *text)
{
	struct writer *w = &p->stream.writer;

	writer_number(w, strlen(text));
	writer_text(w, ":");
	writer_text(w, text);
	writer_text(w, ",");
}

void
package_log(const struct package *p, struct log *l, const char *event)
{
	char ip[IP_SIZE];

	ip_format(ip, &p->peer->remote);
	log_begin(l, event);
	log_text(l, "ip", ip);
}

void
package_log_refusal(
    struct package *p, struct str sender, struct str rcpt, const char *text)
{
	char reason[PACKAGE_ANSWER];
	struct log l;
	size_t n = 0;

	if (++p->refused > PACKAGE_LOGGED)
		return;
	/* The log escapes blanks; words are easier to read without. */
	for (; n < sizeof(reason) && text[n] != '\0'; n++)
		reason[n] = (char)(text[n] == ' ' ? '_' : text[n]);
	package_log(p, &l, "refuse");
	log_str(&l, "from", sender);
	if (rcpt.len > 0)
		log_str(&l, "rcpt", rcpt);
	log_str(&l, "reason", (struct str){reason, n});
	log_end(&l);
}
