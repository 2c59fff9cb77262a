/* self: which addresses lead to this host, and which to none. */
#define _GNU_SOURCE
#include "remote/self.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip
ip_of(const char *text)
{
	struct ip a = {{0}};

	assert_true(ip_parse(str_of(text), &a));
	return a;
}

static void
addresses_lead_somewhere_or_not(void **state)
{
	static const struct {
		const char *ip;
		bool own, own_with_loopback, may_dial;
	} rows[] = {
	    {"192.0.2.1",        false, false, true },
	    {"2001:db8::1",      false, false, true },
	    {"198.51.100.7",     true,  true,  true },
	    {"2001:db8::7",      true,  true,  true },
	    {"198.51.100.8",     false, false, true },
	    {"10.0.0.1",         false, false, true },
	    {"127.0.0.1",        true,  false, true },
	    {"127.255.255.255",  true,  false, true },
	    {"128.0.0.1",        false, false, true },
	    {"126.255.255.255",  false, false, true },
	    {"::1",              true,  false, true },
	    {"::ffff:127.0.0.1", true,  false, true },
	    {"::2",              false, false, true },
	    {"0.0.0.0",          true,  true,  true },
	    {"0.1.2.3",          true,  true,  true },
	    {"::",               true,  true,  true },
	    {"::ffff:0.0.0.0",   true,  true,  true },
	    {"224.0.0.1",        false, false, false},
	    {"239.255.255.255",  false, false, false},
	    {"240.0.0.1",        false, false, false},
	    {"255.255.255.255",  false, false, false},
	    {"223.255.255.255",  false, false, true },
	    {"169.254.169.254",  false, false, false},
	    {"169.253.1.1",      false, false, true },
	    {"ff02::1",          false, false, false},
	    {"fe80::1",          false, false, false},
	    {"febf::1",          false, false, false},
	    {"fec0::1",          false, false, true },
	};
	struct self s = {.names = {NULL}};
	struct ip four = ip_of("198.51.100.7"), six = ip_of("2001:db8::7");

	(void)state;
	assert_true(self_add(&s, &four) && self_add(&s, &six));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip a = ip_of(rows[i].ip);

		s.loopback = false;
		if (self_is_address(&s, &a) != rows[i].own ||
		    self_may_dial(&a) != rows[i].may_dial)
			fail_msg("%s", rows[i].ip);
		s.loopback = true;
		if (self_is_address(&s, &a) != rows[i].own_with_loopback)
			fail_msg("%s with loopback", rows[i].ip);
	}
	self_free(&s);
}

static void
names_are_compared_without_case(void **state)
{
	const struct self s = {
	    .names = {"me.example", NULL}
        };

	(void)state;
	assert_true(self_is_name(&s, "Me.Example"));
	assert_false(self_is_name(&s, "me.exampl"));
	assert_false(self_is_name(&s, ""));
}

/* Whatever this machine has, it knows; the loopback is not learnt. */
static void
every_interface_is_learnt(void **state)
{
	struct self s = {.names = {NULL}, .loopback = true};
	struct ip lo = ip_of("127.0.0.1"), a;
	struct ifaddrs *all;

	(void)state;
	assert_true(self_learn(&s));
	assert_false(self_is_address(&s, &lo));
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && (i->ifa_flags & IFF_LOOPBACK) == 0 &&
		    ip_from_sockaddr(i->ifa_addr, &a, NULL))
			assert_true(self_is_address(&s, &a));
	freeifaddrs(all);
	self_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_lead_somewhere_or_not),
	    cmocka_unit_test(names_are_compared_without_case),
	    cmocka_unit_test(every_interface_is_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
