/* exchangers: the hosts of an answer for MX; see exchangers.h. */
#include "remote/exchangers.h"

#include "lib/buf.h"
#include "lib/num.h"
#include "lib/rng.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMTP_PORT = 25,
	DIGEST = 32, /* bytes of SHA-256 */
	DIGEST_SHOWN = 16,
	GROUP_NAMES = 200 /* bytes of names that stand for themselves */
};

/* A record with what it is sorted by. */
struct lot {
	const struct dns_record *record;
	uint32_t chance;
};

static int
by_preference(const void *one, const void *two)
{
	const struct lot *a = one, *b = two;

	if (a->record->preference != b->record->preference)
		return a->record->preference < b->record->preference ? -1 : 1;
	return a->chance < b->chance ? -1 : a->chance > b->chance;
}

static int
by_name(const void *one, const void *two)
{
	const struct lot *x = one, *y = two;
	struct str a = x->record->data, b = y->record->data;
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* All records with their lots, or NULL.  Freed by the caller. */
static struct lot *
draw(const struct dns_answer *a)
{
	struct lot *lots = calloc(a->count + 1, sizeof(*lots));

	for (size_t i = 0; lots != NULL && i < a->count; i++) {
		lots[i].record = &a->records[i];
		/* Without randomness the server's order is as good. */
		if (!rng_bytes(&lots[i].chance, sizeof(lots[i].chance)))
			lots[i].chance = (uint32_t)i;
	}
	return lots;
}

static bool
is_listed(const struct exchangers *x, struct str name)
{
	for (size_t i = 0; i < x->count; i++)
		if (str_equal(str_of(x->list[i].name), name))
			return true;
	return false;
}

void
exchangers_keep_better(struct exchangers *x, uint16_t limit)
{
	while (x->count > 0 && x->list[x->count - 1].preference >= limit)
		x->count--;
}

/* False: this host's record, and nothing behind it is of use. */
static bool
list_one(
    struct exchangers *out, const struct dns_record *r, const struct self *self)
{
	struct exchanger e = {.preference = r->preference};

	if (!dns_name_is_askable(r->data) ||
	    !str_copy(e.name, sizeof(e.name), r->data))
		return true;
	if (self_is_name(self, e.name)) {
		out->own = true;
		exchangers_keep_better(out, e.preference);
		return false;
	}
	if (out->count < EXCHANGERS_MAX && !is_listed(out, r->data))
		out->list[out->count++] = e;
	return true;
}

bool
exchangers_list(
    const struct dns_answer *a, const struct self *self, struct exchangers *out)
{
	struct lot *lots = draw(a);

	memset(out, 0, sizeof(*out));
	if (lots == NULL)
		return false;
	qsort(lots, a->count, sizeof(*lots), by_preference);
	for (size_t i = 0; i < a->count; i++)
		if (!list_one(out, lots[i].record, self))
			break;
	free(lots);
	return true;
}

bool
exchangers_are_null(const struct dns_answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].data.len > 0)
			return false;
	return a->count > 0;
}

/* The names, sorted, a comma between them; each is one word. */
static bool
join(const struct dns_answer *a, struct buf *out)
{
	struct lot *lots = draw(a);
	bool joined = lots != NULL;

	if (joined)
		qsort(lots, a->count, sizeof(*lots), by_name);
	for (size_t i = 0; joined && i < a->count; i++) {
		if (i > 0 && by_name(&lots[i - 1], &lots[i]) == 0)
			continue;
		joined = (out->len == 0 || buf_append_byte(out, ',')) &&
			 buf_append_str(out, lots[i].record->data);
	}
	free(lots);
	return joined;
}

/* A digest in place of many names. */
static bool
digest(struct buf *names)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	char hex[2 * DIGEST_SHOWN + 1];

	if (EVP_Digest(
		names->data, names->len, bytes, NULL, EVP_sha256(), NULL) != 1)
		return false;
	num_hex(hex, bytes, DIGEST_SHOWN);
	buf_clear(names);
	return buf_append_text(names, "sha256:") && buf_append_text(names, hex);
}

bool
exchangers_group(
    const struct dns_answer *a, uint16_t port, char out[GROUP_SIZE])
{
	struct buf names = {.max = (size_t)DNS_RECORDS_MAX * DNS_TEXT_SIZE * 2};
	bool made =
	    join(a, &names) && (names.len <= GROUP_NAMES || digest(&names)) &&
	    (port == SMTP_PORT || (buf_append_byte(&names, ':') &&
				      buf_append_number(&names, port))) &&
	    str_copy(out, GROUP_SIZE, buf_str(&names));

	buf_free(&names);
	return made;
}
