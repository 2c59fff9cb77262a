/* parcel: what one job sends; see parcel.h. */
#include "remote/parcel.h"

#include "lib/address.h"
#include "lib/idn.h"
#include "lib/utf8.h"
#include "wire/envelope.h"
#include <errno.h>
#include <string.h>

/* Room for all that views point into: it is taken once, so that they stay. */
enum { TEXTS = (JOB_RECIPIENTS + 1) * 3 * ENVELOPE_RECORD };

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 128)
			return false;
	return true;
}

/* s kept as long as the parcel is. */
static bool
keep(struct parcel *p, struct str s, struct str *kept)
{
	size_t from = p->texts.len;

	if (!buf_append_str(&p->texts, s))
		return false;
	*kept = (struct str){p->texts.data + from, s.len};
	return true;
}

/* As SMTP says it, the domain as DNS has it.  An empty path where SMTP cannot:
 * false for want of memory alone. */
static bool
make_path(struct parcel *p, struct str address, struct str *path, bool *wide)
{
	size_t from = p->texts.len;
	struct str local, domain;
	char ascii[IDN_SIZE];

	*path = (struct str){"", 0};
	address_split(address, &local, &domain);
	*wide = !is_ascii(local);
	if (!utf8_valid(local))
		return true;
	if (!is_ascii(domain)) {
		enum idn_result r = idn_to_ascii(ascii, domain);

		if (r != IDN_OK)
			return r == IDN_MALFORMED;
		domain = str_of(ascii);
	}
	if (!address_quote(&p->texts, local, domain))
		return errno == EINVAL;
	*path = (struct str){p->texts.data + from, p->texts.len - from};
	return true;
}

static enum parcel_result
make_paths(struct parcel *p, const struct errand *e)
{
	struct str rest = {NULL, 0};

	if (!make_path(p, p->sender, &p->sender_path, &p->sender_wide))
		return PARCEL_MEMORY;
	if (p->sender.len > 0 && p->sender_path.len == 0)
		return PARCEL_SENDER;
	p->count = e->job.count;
	for (uint32_t i = 0; i < p->count; i++) {
		struct addressee *a = &p->to[i];

		*a = (struct addressee){.number = job_number(&e->job, i)};
		if (!job_recipient(&e->job, &rest, &a->address) ||
		    !make_path(p, a->address, &a->path, &a->wide))
			return PARCEL_MEMORY;
	}
	return PARCEL_OK;
}

static struct addressee *
find(struct parcel *p, uint64_t number)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->to[i].number == number)
			return &p->to[i];
	return NULL;
}

static void
bounds(const struct parcel *p, uint64_t *first, uint64_t *last)
{
	*first = UINT64_MAX;
	*last = 0;
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->to[i].number < *first)
			*first = p->to[i].number;
		if (p->to[i].number > *last)
			*last = p->to[i].number;
	}
}

/* A record of the message (to is NULL) or of a recipient. */
static bool
take(struct parcel *p, struct addressee *to, char kind, struct str text)
{
	switch (kind) {
	case 'R':
		return keep(p, text, &p->ret);
	case 'E':
		return keep(p, text, &p->envid);
	case 'U':
		p->utf8 = true;
		return true;
	case 'Q':
		p->requiretls = true;
		return true;
	case 'N':
		return to == NULL || keep(p, text, &to->notify);
	case 'O':
		return to == NULL || keep(p, text, &to->orcpt);
	default:
		return true;
	}
}

/* Go on where an earlier errand of this message stopped, if that is between
 * where we are and the first recipient of ours. */
static bool
skip(const struct parcel *p, const struct errand *e, uint64_t first,
    struct envelope *in)
{
	const struct parcel_place *place = &p->place;
	const uint64_t end = e->envelope_at + e->envelope_len;

	if (!place->known || place->number > first ||
	    place->number < in->recipients || place->at < e->envelope_at ||
	    place->at > end ||
	    memcmp(place->token, e->job.token, QUEUE_TOKEN) != 0)
		return false;
	envelope_open(in, in->fd, place->at, end - place->at);
	in->recipients = place->number;
	return true;
}

static void
remember(struct parcel *p, const struct errand *e, uint64_t at, uint64_t number)
{
	p->place =
	    (struct parcel_place){.known = true, .at = at, .number = number};
	memcpy(p->place.token, e->job.token, QUEUE_TOKEN);
}

/* The records up to those of the last recipient of ours. */
static enum parcel_result
read_envelope(struct parcel *p, const struct errand *e, int fd)
{
	struct addressee *to = NULL;
	enum envelope_result r;
	uint64_t first, last, at;
	struct envelope in;
	struct str text;
	char kind;

	bounds(p, &first, &last);
	envelope_open(&in, fd, e->envelope_at, e->envelope_len);
	for (at = envelope_offset(&in);
	     (r = envelope_next(&in, &kind, &text)) == ENVELOPE_RECORD_READ;
	     at = envelope_offset(&in)) {
		if (kind != 'T') {
			if (!take(p, to, kind, text))
				return PARCEL_MEMORY;
			continue;
		}
		if (in.recipients - 1 > last) {
			remember(p, e, at, in.recipients - 1);
			return PARCEL_OK;
		}
		if (in.recipients == 1 && skip(p, e, first, &in))
			continue;
		to = find(p, in.recipients - 1);
	}
	return r == ENVELOPE_END ? PARCEL_OK : PARCEL_READ;
}

/* REQUIRETLS is the stronger of the two (RFC 8689, 3). */
static bool
read_header(struct parcel *p)
{
	static const char line[] = "TLS-Required: No";

	p->tls_optional = false;
	return p->requiretls ||
	       body_has_line(&p->outgoing.body, str_of(line), &p->tls_optional);
}

enum parcel_result
parcel_open(struct parcel *p, const struct errand *e, int fd)
{
	enum parcel_result r;

	p->texts = (struct buf){.max = TEXTS};
	p->sender = e->job.sender;
	p->ret = p->envid = (struct str){"", 0};
	p->utf8 = p->requiretls = false;
	p->count = 0;
	if (!buf_reserve(&p->texts, TEXTS))
		return PARCEL_MEMORY;
	r = make_paths(p, e);
	if (r == PARCEL_OK)
		r = read_envelope(p, e, fd);
	if (r == PARCEL_OK && outgoing_open(&p->outgoing, fd, e->body_at,
				  e->body_len) != OUTGOING_OK)
		r = PARCEL_READ;
	if (r == PARCEL_OK && !read_header(p))
		r = PARCEL_READ;
	return r;
}

void
parcel_free(struct parcel *p)
{
	buf_free(&p->texts);
}

uint32_t
parcel_count(const struct parcel *p, enum addressee_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->count; i++)
		n += p->to[i].state == state;
	return n;
}

bool
parcel_wants_success(const struct addressee *a)
{
	struct str rest = a->notify, word;

	while (str_cut(&rest, ',', &word))
		if (str_equal_nocase(word, str_of("SUCCESS")))
			return true;
	return false;
}
