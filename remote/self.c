/* self: this host's names and addresses; see self.h. */
#define _GNU_SOURCE
#include "remote/self.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

/* A network, as bytes of a struct ip. */
struct net {
	const char *address;
	unsigned bits;
};

static const struct net loopbacks[] = {
    {"127.0.0.0", 96 + 8},
    {"::1",       128   }
};
static const struct net nowhere[] = {
    {"0.0.0.0", 96 + 8},
    {"::",      128   }
};
static const struct net no_host[] = {
    {"224.0.0.0",   96 + 4 },
    {"240.0.0.0",   96 + 4 },
    {"169.254.0.0", 96 + 16},
    {"ff00::",      8      },
    {"fe80::",      10     }
};

#define IN(list, a) is_in((list), sizeof(list) / sizeof((list)[0]), (a))

static bool
is_in(const struct net *nets, size_t count, const struct ip *a)
{
	struct ip net;

	for (size_t i = 0; i < count; i++)
		if (ip_parse(str_of(nets[i].address), &net) &&
		    ip_within(a, &net, nets[i].bits))
			return true;
	return false;
}

bool
self_add(struct self *s, const struct ip *a)
{
	return buf_append(&s->addresses, a->bytes, sizeof(a->bytes));
}

bool
self_learn(struct self *s)
{
	struct ifaddrs *all;
	struct ip ip;
	bool added = true;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i != NULL && added; i = i->ifa_next)
		if (i->ifa_addr != NULL &&
		    ip_from_sockaddr(i->ifa_addr, &ip, NULL) &&
		    !IN(loopbacks, &ip))
			added = self_add(s, &ip);
	freeifaddrs(all);
	return added;
}

void
self_free(struct self *s)
{
	buf_free(&s->addresses);
}

bool
self_is_name(const struct self *s, const char *name)
{
	for (size_t i = 0; i < sizeof(s->names) / sizeof(s->names[0]); i++)
		if (s->names[i] != NULL &&
		    str_equal_nocase(str_of(s->names[i]), str_of(name)))
			return true;
	return false;
}

bool
self_is_address(const struct self *s, const struct ip *a)
{
	struct str rest = buf_str(&s->addresses);

	for (; rest.len > 0; rest = str_slice(rest, sizeof(*a), rest.len))
		if (memcmp(rest.data, a->bytes, sizeof(a->bytes)) == 0)
			return true;
	return IN(nowhere, a) || (!s->loopback && IN(loopbacks, a));
}

bool
self_may_dial(const struct ip *a)
{
	return !IN(no_host, a);
}
