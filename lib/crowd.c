/* crowd: one too many of an address; see crowd.h. */
#include "lib/crowd.h"

#include "lib/clock.h"
#include "lib/log.h"

enum { RESERVE = 4, PAUSE = CLOCK_SECOND };

bool
crowd_admits(const struct crowd_limits *l, const struct tally *t, size_t busy,
    const struct ip *a)
{
	uint64_t free = busy < l->all ? l->all - busy : 0;
	size_t network = tally_network(t, a);

	if (l->address > 0 && tally_address(t, a) >= l->address)
		return false;
	if (l->network == 0 || network == 0)
		return true;
	return network < l->network && free > l->all / RESERVE;
}

void
crowd_refused(
    struct crowd *c, const struct tally *t, const struct ip *a, int64_t now)
{
	c->refused++;
	c->last = *a;
	c->address = tally_address(t, a);
	c->network = tally_network(t, a);
	(void)crowd_say(c, now);
}

int64_t
crowd_say(struct crowd *c, int64_t now)
{
	char ip[IP_SIZE];
	struct log l;

	if (c->refused == 0)
		return -1;
	if (c->begun && now < c->said + PAUSE)
		return c->said + PAUSE;
	ip_format(ip, &c->last);
	log_begin(&l, "crowded");
	log_text(&l, "ip", ip);
	log_number(&l, "address", c->address);
	log_number(&l, "network", c->network);
	log_number(&l, "refused", c->refused);
	log_end(&l);
	c->refused = 0;
	c->begun = true;
	c->said = now;
	return -1;
}
