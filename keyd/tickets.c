/* tickets: the keys of session tickets; see tickets.h. */
#include "keyd/tickets.h"

#include "lib/clock.h"
#include "lib/rng.h"
#include "wire/key.h"

enum { LENGTH = KEY_TICKET_SECONDS };

static bool
rotate(struct tickets *t, int64_t now)
{
	struct tls_ticket_key fresh;

	if (!rng_bytes(&fresh, sizeof(fresh)))
		return false;
	/* After a time without questions the last one is too old, too. */
	if (t->next != 0 && now < t->next + (int64_t)LENGTH * CLOCK_SECOND)
		t->keys.former = t->keys.now;
	else if (!rng_bytes(&t->keys.former, sizeof(t->keys.former)))
		return false;
	t->keys.now = fresh;
	t->next = now + (int64_t)LENGTH * CLOCK_SECOND;
	return true;
}

bool
tickets_now(struct tickets *t, struct tls_tickets *out)
{
	int64_t now = clock_boot();

	if (now >= t->next && !rotate(t, now))
		return false;
	*out = t->keys;
	out->seconds = (uint32_t)((t->next - now) / CLOCK_SECOND) + 1;
	return true;
}
