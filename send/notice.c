/* notice: a bounce, composed and queued; see notice.h. */
#include "send/notice.h"

#include "lib/num.h"
#include "lib/rng.h"
#include "lib/utf8.h"
#include "send/noticepart.h"
#include "send/noticetext.h"
#include "wire/envelope.h"
#include <errno.h>
#include <string.h>

enum {
	OUT_HIGH = 32768, /* bytes after which what is ready is handed on */
	BOUNDARY_BYTES = 16,
	TO_BYTES = 2 * ENVELOPE_RECORD
};

static const char *
keyword(enum bounce_kind kind)
{
	switch (kind) {
	case BOUNCE_SUCCESS:
		return "SUCCESS";
	case BOUNCE_DELAYED:
		return "DELAY";
	case BOUNCE_FAILED:
	case BOUNCE_NONE:
		break;
	}
	return "FAILURE";
}

/* RFC 3461, 4.1: NEVER, or a list that may hold the kind's word.  Who does not
 * say hears of failures, and of delays as this host sees fit. */
static bool
wants(const struct notice *n, struct str notify)
{
	struct str word;

	if (notify.len == 0)
		return n->kind == BOUNCE_FAILED ||
		       (n->kind == BOUNCE_DELAYED && n->unasked);
	while (str_cut(&notify, ',', &word))
		if (str_equal_nocase(str_trim(word), str_of(keyword(n->kind))))
			return true;
	return false;
}

/* A recipient while its records are being read. */
struct reading {
	uint64_t number;
	bool any;
	struct buf address, original, notify;
};

static void
free_reading(struct reading *r)
{
	buf_free(&r->address);
	buf_free(&r->original);
	buf_free(&r->notify);
}

/* All that belongs to the recipient is known now. */
static void
tell(struct notice *n, struct reading *r,
    void (*each)(struct notice *, const struct told *))
{
	const struct told told = {.line = noticelist_find(n->list, r->number),
	    .address = buf_str(&r->address),
	    .original = buf_str(&r->original)};

	if (r->any && told.line != NULL) {
		n->met = true;
		if (wants(n, buf_str(&r->notify)))
			each(n, &told);
	}
	if (n->out.len > OUT_HIGH)
		noticepart_hand_on(n);
	r->number += r->any;
	r->any = true;
	buf_clear(&r->address);
	buf_clear(&r->original);
	buf_clear(&r->notify);
}

static bool
keep(struct buf *b, struct str text)
{
	b->max = ENVELOPE_RECORD;
	buf_clear(b);
	return buf_append_str(b, text);
}

/* One record.  False without memory. */
static bool
take_record(struct notice *n, struct reading *r, char kind, struct str text)
{
	switch (kind) {
	case 'F':
		return keep(&n->sender, text);
	case 'E':
		return keep(&n->envid, text);
	case 'R':
		n->headers_only = str_equal_nocase(text, str_of("HDRS"));
		return true;
	case 'U':
		n->smtputf8 = true;
		return true;
	case 'T':
		return keep(&r->address, text);
	case 'N':
		return keep(&r->notify, text);
	case 'O':
		return keep(&r->original, text);
	default:
		return true;
	}
}

/* Read the envelope; each is called for those of whom the notice speaks, in
 * their order.  False with errno. */
static bool
walk(struct notice *n, void (*each)(struct notice *, const struct told *))
{
	struct reading r = {0};
	enum envelope_result result;
	struct envelope e;
	struct str text;
	bool ok = true;
	char kind;

	envelope_open(
	    &e, n->fd, n->message.envelope_at, n->message.envelope_len);
	while (ok && (result = envelope_next(&e, &kind, &text)) ==
			 ENVELOPE_RECORD_READ) {
		if (kind == 'T')
			tell(n, &r, each);
		ok = take_record(n, &r, kind, text);
	}
	tell(n, &r, each);
	free_reading(&r);
	return ok && result == ENVELOPE_END;
}

static void
note_wanted(struct notice *n, const struct told *told)
{
	n->wanted = true;
	if (noticetext_is_8bit(told->address) ||
	    noticetext_is_8bit(told->original))
		n->told_8bit = true;
}

/* "list-@host-@[]" stands for each of its recipients' bounces; to its owner
 * goes what all of them begin with, "list-@host". */
static struct str
without_verp(struct str sender)
{
	const size_t len = strlen("-@[]");

	if (sender.len > len && str_ends(sender, str_of("-@[]")))
		sender.len -= len;
	return sender;
}

/* Where the notice goes; else why none is wanted. */
static const char *
decide(struct notice *n)
{
	struct str sender = buf_str(&n->sender);
	struct str name = control_line(n->controls, C_doublebounceto);
	bool ok;

	if (n->kind != BOUNCE_FAILED &&
	    (sender.len == 0 || str_equal(sender, str_of("#@[]"))))
		return BOUNCE_NOBODY;
	if (str_equal(sender, str_of("#@[]")))
		return BOUNCE_TRIPLE;
	if (!n->wanted)
		return BOUNCE_NEVER;
	if (n->is_double && name.len == 0)
		return BOUNCE_DOUBLE;
	n->to.max = TO_BYTES;
	ok = n->is_double ? buf_append_str(&n->to, name) &&
				buf_append_byte(&n->to, '@') &&
				buf_append_str(&n->to, control_line(n->controls,
							   C_doublebouncehost))
			  : buf_append_str(&n->to, without_verp(sender));
	n->failed = n->failed || !ok;
	return NULL;
}

/* A header that is cut ends with a whole line.  False with errno. */
static bool
cut_header(struct notice *n, uint64_t most)
{
	struct str header;

	if (n->copy_len < most || most == n->message.body_len)
		return true;
	if (!body_get(&n->body, 0, &header))
		return false;
	header = str_slice(header, 0, (size_t)most);
	n->copy_len = str_rfind(header, '\n') + 1;
	if (n->copy_len > most)
		n->copy_len = most;
	return true;
}

/* What of the message goes along: all of one that is not too large, with a
 * bounce; else its header (RFC 3461, 4.3).  False with errno. */
static bool
choose_copy(struct notice *n)
{
	const uint64_t len = n->message.body_len;
	const uint64_t limit = control_number(n->controls, C_bouncemaxbytes);
	const uint64_t most =
	    limit > 0 && limit < NOTICE_HEADER ? limit : NOTICE_HEADER;

	body_open(&n->body, n->fd, n->message.body_at, len);
	n->copy_len = len;
	n->whole = n->kind == BOUNCE_FAILED && !n->headers_only &&
		   (limit == 0 || len <= limit);
	if (n->whole)
		return true;
	return body_header(&n->body, most, &n->copy_len) && cut_header(n, most);
}

/* The header that goes along is in UTF-8 beyond ASCII.  False with errno. */
static bool
look_at_header(struct notice *n, bool *is_utf8)
{
	uint64_t len = 0;
	struct str header;

	if (!body_header(&n->body, NOTICE_HEADER, &len) ||
	    !body_get(&n->body, 0, &header))
		return false;
	header = str_slice(header, 0, (size_t)len);
	*is_utf8 = noticetext_is_8bit(header) && utf8_valid(header);
	return true;
}

/* What the notice must be able to carry.  False with errno. */
static bool
choose_form(struct notice *n)
{
	const struct str to = buf_str(&n->to);
	struct str chunk;
	bool header = false;

	for (uint64_t at = 0; at < n->copy_len && !n->copy_8bit;
	     at += chunk.len) {
		if (!body_get(&n->body, at, &chunk))
			return false;
		chunk = str_slice(chunk, 0, (size_t)(n->copy_len - at));
		n->copy_8bit = noticetext_is_8bit(chunk);
	}
	if (n->smtputf8 && !look_at_header(n, &header))
		return false;
	n->utf8 =
	    utf8_valid(to) && (noticetext_is_8bit(to) ||
				  (n->smtputf8 && (n->told_8bit || header)));
	return true;
}

/* Nobody who wrote a part can have known it.  False with errno. */
static bool
make_boundary(struct notice *n)
{
	unsigned char bytes[BOUNDARY_BYTES];
	char text[2 * BOUNDARY_BYTES + 1];

	if (!rng_bytes(bytes, sizeof(bytes)))
		return false;
	num_hex(text, bytes, sizeof(bytes));
	buf_clear(&n->boundary);
	return buf_append_text(&n->boundary, "culver-") &&
	       buf_append_text(&n->boundary, text);
}

static void
put_envelope(struct notice *n)
{
	submit_record(n->submit, 'F', str_of(n->is_double ? "#@[]" : ""));
	if (n->copy_8bit || n->utf8)
		submit_record(n->submit, 'B', str_of("8BITMIME"));
	if (n->utf8 || noticetext_is_8bit(buf_str(&n->to)))
		submit_record(n->submit, 'U', str_of(""));
	submit_record(n->submit, 'T', buf_str(&n->to));
}

/* The whole message and its envelope, up to the commit.  False with errno. */
static bool
compose(struct notice *n)
{
	if (!choose_copy(n) || !choose_form(n) || !make_boundary(n))
		return false;
	if (!submit_begin(n->submit))
		return true; /* submit_commit will say it */
	noticepart_header(n);
	noticepart_intro(n);
	if (!walk(n, noticepart_paragraph))
		return false;
	noticepart_status_head(n);
	if (!walk(n, noticepart_status))
		return false;
	if (!noticepart_copy(n))
		return false;
	put_envelope(n);
	errno = ENOMEM;
	return !n->failed;
}

/* Z, and nothing was queued. */
static void
put_off(struct notice *n, struct bounce_answer *answer, struct buf *text,
    const char *what)
{
	const char *why = strerror(errno);

	submit_abort(n->submit);
	answer->kind = 'Z';
	if (!buf_append_text(text, what) || !buf_append_text(text, ": ") ||
	    !buf_append_text(text, why))
		buf_clear(text);
}

static void
commit(struct notice *n, struct bounce_answer *answer, struct buf *text)
{
	struct submit_result result;

	submit_commit(n->submit, &result);
	if (result.code == 0) {
		answer->kind = 'K';
		answer->ino = result.ino;
		answer->pid = result.pid;
		memcpy(answer->token, result.token, QUEUE_TOKEN);
		return;
	}
	answer->kind = 'Z';
	if (!buf_append_text(text, "unable to queue the notice: ") ||
	    !buf_append_text(text, result.text))
		buf_clear(text);
}

void
notice_make(struct notice *n, struct bounce_answer *answer, struct buf *text)
{
	const char *unwanted;

	*answer = (struct bounce_answer){.kind = 'Z'};
	text->max = BOUNCE_TEXT;
	errno = EPROTO; /* the journal speaks of others */
	if (!walk(n, note_wanted) || !n->met) {
		put_off(n, answer, text, "unable to read the envelope");
		return;
	}
	n->is_double = n->kind == BOUNCE_FAILED && n->sender.len == 0;
	unwanted = decide(n);
	if (unwanted != NULL) {
		answer->kind = 'N';
		if (!buf_append_text(text, unwanted))
			answer->kind = 'Z';
	} else if (!compose(n)) {
		put_off(n, answer, text, "unable to compose the notice");
	} else {
		commit(n, answer, text);
	}
	answer->text = buf_str(text);
}

void
notice_free(struct notice *n)
{
	buf_free(&n->sender);
	buf_free(&n->to);
	buf_free(&n->envid);
	buf_free(&n->boundary);
	buf_free(&n->out);
}
