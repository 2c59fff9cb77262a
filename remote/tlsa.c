/* tlsa: the TLSA records of a host; see tlsa.h. */
#include "remote/tlsa.h"

#include <stdio.h>
#include <string.h>

/* Ask for name, and again where its aliases end if the server left that to us.
 * The answer is secure when all were. */
static void
ask(struct tlsa *t, const struct tlsa_asker *a, char name[DNS_TEXT_SIZE])
{
	bool secure = true;

	for (int i = 0; i < TLSA_ALIASES; i++) {
		struct dns_question q = {.name = name, .type = DNS_TLSA};

		a->ask(a->dns, &q, 1, TLSA_DNS_MS);
		secure = secure && q.answer.secure;
		if (q.answer.dangling)
			memcpy(name, q.answer.name, DNS_TEXT_SIZE);
		dns_answer_free(&t->answer);
		t->answer = q.answer;
		t->answer.secure = secure;
		if (!t->answer.dangling)
			return;
	}
	dns_answer_free(&t->answer);
	dns_answer_none(&t->answer, DNS_LOOP, NULL);
}

static enum tlsa_result
keep(struct tlsa *t)
{
	for (size_t i = 0; i < t->answer.count && t->count < TLS_MOST_RECORDS;
	     i++) {
		const struct dns_record *d = &t->answer.records[i];
		struct tls_record r = {
		    d->usage, d->selector, d->match, d->data};

		if (tls_record_usable(&r))
			t->records[t->count++] = r;
	}
	return t->count > 0 ? TLSA_USABLE : TLSA_UNUSABLE;
}

static enum tlsa_result
find_at(
    struct tlsa *t, const struct tlsa_asker *a, const char *base, uint16_t port)
{
	char name[DNS_TEXT_SIZE];

	t->base = base;
	(void)snprintf(name, sizeof name, "_%u._tcp.%s", (unsigned)port, base);
	ask(t, a, name);
	switch (t->answer.result) {
	case DNS_FOUND:
		return t->answer.secure ? keep(t) : TLSA_NONE;
	case DNS_NO_NAME:
	case DNS_NO_DATA:
		return TLSA_NONE;
	case DNS_LOOP:
		t->why = "its aliases have no end";
		return TLSA_TROUBLE;
	case DNS_TROUBLE:
		break;
	}
	t->why = t->answer.why;
	return TLSA_TROUBLE;
}

enum tlsa_result
tlsa_find(struct tlsa *t, const struct tlsa_asker *a, const char *canonical,
    const char *name, uint16_t port)
{
	enum tlsa_result r = TLSA_NONE;

	*t = (struct tlsa){0};
	if (canonical[0] != '\0' && strcmp(canonical, name) != 0)
		r = find_at(t, a, canonical, port);
	if (r == TLSA_NONE)
		r = find_at(t, a, name, port);
	return r;
}

void
tlsa_free(struct tlsa *t)
{
	dns_answer_free(&t->answer);
	*t = (struct tlsa){0};
}

static bool
add_hex(struct buf *out, struct str bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (!buf_append_byte(out, digits[c >> 4]) ||
		    !buf_append_byte(out, digits[c & 15]))
			return false;
	}
	return true;
}

static bool
add_record(struct buf *out, const struct dns_record *d)
{
	return buf_append_number(out, d->usage) && buf_append_byte(out, ' ') &&
	       buf_append_number(out, d->selector) &&
	       buf_append_byte(out, ' ') && buf_append_number(out, d->match) &&
	       buf_append_byte(out, ' ') && add_hex(out, d->data);
}

bool
tlsa_format(const struct tlsa *t, size_t max, struct buf *out)
{
	enum { HEAD = sizeof "255 255 255 " }; /* and the LF before it */

	for (size_t i = 0; i < t->answer.count; i++) {
		const struct dns_record *d = &t->answer.records[i];

		if (out->len + HEAD + 2 * d->data.len > max)
			return true;
		if ((out->len > 0 && !buf_append_byte(out, '\n')) ||
		    !add_record(out, d))
			return false;
	}
	return true;
}
