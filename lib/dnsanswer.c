/* dnsanswer: answers of DNS servers, read; see dnsanswer.h. */
#include "lib/dnsanswer.h"

#include "lib/dnsname.h"
#include <stdlib.h>
#include <string.h>

enum {
	HEADER = 12,   /* bytes before the question */
	RR_FIXED = 10, /* type, class, time to live, length */
	CLASS_IN = 1,
	TYPE_OPT = 41, /* RFC 6891 */
	CODE_NXDOMAIN = 3,
	SOA_FIXED = 20 /* five numbers behind its two names */
};

enum section { ANSWER, AUTHORITY, ADDITIONAL };

/* Where one record lies in the packet. */
struct rr {
	size_t owner; /* offset of its name */
	uint16_t type, class;
	uint32_t ttl;
	size_t at, len; /* of its data */
};

/* What is of use in a packet. */
struct index {
	struct str packet;
	unsigned code; /* with the upper bits of an OPT record */
	bool negative; /* a SOA says so, for so many seconds: */
	uint32_t negative_ttl;
	size_t count;
	struct rr rr[DNS_RECORDS_MAX]; /* of the answer section */
};

static const char malformed[] = "malformed answer";
static const char no_memory[] = "no memory";

static unsigned
byte(struct str p, size_t at)
{
	return (unsigned char)p.data[at];
}

static uint16_t
get16(struct str p, size_t at)
{
	return (uint16_t)(byte(p, at) << 8 | byte(p, at + 1));
}

static uint32_t
get32(struct str p, size_t at)
{
	return (uint32_t)get16(p, at) << 16 | get16(p, at + 2);
}

/* The packet up to where r's data ends: no name in it may go on behind. */
static struct str
until_end(struct str p, const struct rr *r)
{
	return (struct str){p.data, r->at + r->len};
}

static bool
read_rr(struct str p, size_t *at, struct rr *r)
{
	struct dns_name unused;

	r->owner = *at;
	if (!dns_name_read(p, at, &unused) || p.len - *at < RR_FIXED)
		return false;
	r->type = get16(p, *at);
	r->class = get16(p, *at + 2);
	r->ttl = get32(p, *at + 4);
	r->len = get16(p, *at + 8);
	r->at = *at + RR_FIXED;
	*at = r->at + r->len;
	return *at <= p.len;
}

/* How long a no holds: RFC 2308, 5. */
static bool
note_soa(struct index *x, const struct rr *r)
{
	struct str p = until_end(x->packet, r);
	struct dns_name server, person;
	size_t at = r->at;
	uint32_t minimum;

	if (!dns_name_read(p, &at, &server) ||
	    !dns_name_read(p, &at, &person) || p.len - at != SOA_FIXED)
		return false;
	minimum = get32(p, at + SOA_FIXED - 4);
	x->negative = true;
	x->negative_ttl = r->ttl < minimum ? r->ttl : minimum;
	return true;
}

static bool
note(struct index *x, enum section s, const struct rr *r)
{
	if (s == ADDITIONAL && r->type == TYPE_OPT)
		x->code |= r->ttl >> 24 << 4;
	if (r->class != CLASS_IN)
		return true;
	if (s == AUTHORITY && r->type == DNS_SOA)
		return note_soa(x, r);
	if (s == ANSWER && x->count < DNS_RECORDS_MAX)
		x->rr[x->count++] = *r;
	return true;
}

/* The header and the question are those of an answer to ours. */
static bool
read_head(
    struct str p, size_t *at, const struct dns_name *asked, enum dns_type type)
{
	struct dns_name name;

	*at = HEADER;
	return p.len >= HEADER && p.len <= DNS_PACKET_MAX &&
	       (byte(p, 2) & 0xf8) == 0x80 && get16(p, 4) == 1 &&
	       dns_name_read(p, at, &name) && p.len - *at >= 4 &&
	       dns_name_equal(&name, asked) && get16(p, *at) == type &&
	       get16(p, *at + 2) == CLASS_IN;
}

static bool
read_sections(struct index *x, size_t at)
{
	struct str p = x->packet;
	struct rr r;

	x->code = byte(p, 3) & 0xf;
	for (enum section s = ANSWER; s <= ADDITIONAL; s++)
		for (unsigned n = get16(p, 6 + 2 * (size_t)s); n > 0; n--)
			if (!read_rr(p, &at, &r) || !note(x, s, &r))
				return false;
	return true;
}

static bool
data_ip(struct str p, size_t at, struct dns_record *out, struct buf *bytes)
{
	static const unsigned char mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	size_t len = p.len - at, before = sizeof(out->ip.bytes) - len;

	(void)bytes;
	if (len != 4 && len != sizeof(out->ip.bytes))
		return false;
	memcpy(out->ip.bytes, mapped, before);
	memcpy(out->ip.bytes + before, p.data + at, len);
	return true;
}

static bool
data_name(struct str p, size_t at, struct dns_record *out, struct buf *bytes)
{
	char text[DNS_TEXT_SIZE];

	if (!dns_name_text(p, &at, text) || at != p.len)
		return false;
	out->data.len = strlen(text);
	return buf_append_text(bytes, text);
}

static bool
data_mx(struct str p, size_t at, struct dns_record *out, struct buf *bytes)
{
	if (p.len - at < 2)
		return false;
	out->preference = get16(p, at);
	return data_name(p, at + 2, out, bytes);
}

static bool
data_txt(struct str p, size_t at, struct dns_record *out, struct buf *bytes)
{
	bool any = at < p.len;

	while (at < p.len) {
		size_t n = byte(p, at++);

		if (p.len - at < n || !buf_append(bytes, p.data + at, n))
			return false;
		out->data.len += n;
		at += n;
	}
	return any;
}

static bool
data_tlsa(struct str p, size_t at, struct dns_record *out, struct buf *bytes)
{
	if (p.len - at < 3)
		return false;
	out->usage = (unsigned char)byte(p, at);
	out->selector = (unsigned char)byte(p, at + 1);
	out->match = (unsigned char)byte(p, at + 2);
	out->data.len = p.len - at - 3;
	return buf_append(bytes, p.data + at + 3, out->data.len);
}

/* size: of the data alone, 0 where it varies; room: most bytes that one record
 * of len bytes becomes, besides len. */
static const struct reader {
	enum dns_type type;
	size_t size, room;
	bool (*read)(
	    struct str p, size_t at, struct dns_record *out, struct buf *bytes);
} readers[] = {
    {DNS_A,     4,  0,             data_ip  },
    {DNS_AAAA,  16, 0,             data_ip  },
    {DNS_CNAME, 0,  DNS_TEXT_SIZE, data_name},
    {DNS_PTR,   0,  DNS_TEXT_SIZE, data_name},
    {DNS_MX,    0,  DNS_TEXT_SIZE, data_mx  },
    {DNS_TXT,   0,  0,             data_txt },
    {DNS_TLSA,  0,  0,             data_tlsa},
};

static const struct reader *
reader_of(enum dns_type type)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i].type == type)
			return &readers[i];
	return NULL;
}

static bool
is_of(
    const struct index *x, size_t i, const struct dns_name *name, unsigned type)
{
	struct dns_name owner;
	size_t at = x->rr[i].owner;

	return x->rr[i].type == type && dns_name_read(x->packet, &at, &owner) &&
	       dns_name_equal(&owner, name);
}

/* Keep the records of name and type, and no other, in x. */
static void
keep(struct index *x, const struct dns_name *name, enum dns_type type)
{
	size_t kept = 0;

	for (size_t i = 0; i < x->count; i++)
		if (is_of(x, i, name, type))
			x->rr[kept++] = x->rr[i];
	x->count = kept;
}

static void
shorten(struct dns_answer *a, uint32_t ttl)
{
	if (a->ttl > ttl)
		a->ttl = ttl;
}

/* name becomes what it is an alias of; false: of nothing.  A target that is
 * malformed is left to the caller by *bad. */
static bool
step(const struct index *x, struct dns_name *name, struct dns_answer *a,
    bool *bad)
{
	for (size_t i = 0; i < x->count; i++) {
		const struct rr *r = &x->rr[i];
		size_t at = r->at;

		if (!is_of(x, i, name, DNS_CNAME))
			continue;
		*bad = !dns_name_read(until_end(x->packet, r), &at, name) ||
		       at != r->at + r->len;
		shorten(a, r->ttl);
		a->aliases++;
		return !*bad;
	}
	return false;
}

/* One record behind the other; the bytes do not move, as all have room. */
static bool
fill(struct dns_answer *a, const struct index *x, const struct reader *how)
{
	for (size_t i = 0; i < x->count; i++) {
		const struct rr *r = &x->rr[i];
		struct dns_record *out = &a->records[i];

		out->data.data = a->bytes.data + a->bytes.len;
		if ((how->size != 0 && how->size != r->len) ||
		    !how->read(until_end(x->packet, r), r->at, out, &a->bytes))
			return false;
		shorten(a, r->ttl);
	}
	a->count = x->count;
	return true;
}

/* NULL, or what was wrong. */
static const char *
take_records(
    struct dns_answer *a, const struct index *x, const struct reader *how)
{
	size_t room = 1;

	for (size_t i = 0; i < x->count; i++)
		room += x->rr[i].len + how->room;
	a->bytes.max = (size_t)DNS_RECORDS_MAX * DNS_TEXT_SIZE * 2;
	a->records = calloc(x->count, sizeof(*a->records));
	if (a->records == NULL || !buf_reserve(&a->bytes, room))
		return no_memory;
	a->result = DNS_FOUND;
	return fill(a, x, how) ? NULL : malformed;
}

static const char *
take_none(struct dns_answer *a, const struct index *x)
{
	a->result = x->code == CODE_NXDOMAIN ? DNS_NO_NAME : DNS_NO_DATA;
	a->dangling =
	    a->result == DNS_NO_DATA && a->aliases > 0 && !x->negative;
	shorten(a, DNS_NEGATIVE_MAX);
	shorten(a, x->negative ? x->negative_ttl : 0);
	return NULL;
}

/* The aliases, then the records that stand at their end. */
static const char *
take(struct dns_answer *a, struct index *x, struct dns_name *name,
    enum dns_type type)
{
	const struct reader *how = reader_of(type);
	bool bad = false;

	a->secure = (byte(x->packet, 3) & 0x20) != 0;
	a->ttl = DNS_POSITIVE_MAX;
	while (type != DNS_CNAME && a->aliases <= DNS_ALIASES_MAX &&
	       step(x, name, a, &bad))
		;
	if (bad || how == NULL)
		return malformed;
	dns_name_format(a->name, name);
	if (a->aliases > DNS_ALIASES_MAX) {
		a->result = DNS_LOOP;
		shorten(a, DNS_NEGATIVE_MAX);
		return NULL;
	}
	keep(x, name, type);
	if (x->count == 0)
		return take_none(a, x);
	if (x->code != 0)
		return malformed; /* there is none, and here it is */
	return take_records(a, x, how);
}

static const char *
code_text(unsigned code)
{
	static const char *const texts[] = {
	    NULL, "FORMERR", "SERVFAIL", NULL, "NOTIMP", "REFUSED"};

	if (code == 0 || code == CODE_NXDOMAIN)
		return NULL;
	return code < sizeof(texts) / sizeof(texts[0]) ? texts[code]
						       : "unknown code";
}

static const char *
read_all(
    struct dns_answer *a, struct index *x, const char *name, enum dns_type type)
{
	struct dns_name asked;
	size_t at;
	const char *why;

	if (!dns_name_parse(str_of(name), &asked) ||
	    !read_head(x->packet, &at, &asked, type))
		return malformed;
	why = code_text(byte(x->packet, 3) & 0xf);
	if (why != NULL)
		return why;
	if ((byte(x->packet, 2) & 0x02) != 0)
		return "cut answer";
	if (!read_sections(x, at + 4))
		return malformed;
	why = code_text(x->code);
	return why != NULL ? why : take(a, x, &asked, type);
}

void
dns_answer_read(struct dns_answer *a, struct str packet, const char *name,
    enum dns_type type)
{
	struct index *x = calloc(1, sizeof(*x));
	const char *why;

	memset(a, 0, sizeof(*a));
	if (x == NULL) {
		dns_answer_none(a, DNS_TROUBLE, no_memory);
		return;
	}
	x->packet = packet;
	why = read_all(a, x, name, type);
	free(x);
	if (why == NULL)
		return;
	dns_answer_free(a);
	dns_answer_none(a, DNS_TROUBLE, why);
}

void
dns_answer_none(struct dns_answer *a, enum dns_result result, const char *why)
{
	memset(a, 0, sizeof(*a));
	a->result = result;
	a->why = why;
}

void
dns_answer_free(struct dns_answer *a)
{
	free(a->records);
	a->records = NULL;
	a->count = 0;
	buf_free(&a->bytes);
}
