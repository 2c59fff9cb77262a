/* ip: what counts as an address, its one shortest form, networks, endpoints. */
#include "lib/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static struct ip
ip_of(const char *text)
{
	struct ip a = {{0}};

	assert_true(ip_parse(str_of(text), &a));
	return a;
}

static void
text_has_one_shortest_form(void **state)
{
	static const struct {
		const char *in, *out, *literal;
	} rows[] = {
	    {"192.0.2.1",				     "192.0.2.1",            "[192.0.2.1]"                                   },
	    {"0.0.0.0",				       "0.0.0.0",              "[0.0.0.0]"                                     },
	    {"255.255.255.255",                               "255.255.255.255",      "[255.255.255.255]"                             },
	    {"::ffff:127.0.0.1",                              "127.0.0.1",            "[127.0.0.1]"                                   },
	    {"::FFFF:7f00:1",				 "127.0.0.1",            "[127.0.0.1]"                                   },
	    {"::",					    "::",                   "[IPv6:::]"				     },
	    {"::1",					   "::1",                  "[IPv6:::1]"                                    },
	    {"::0102:0304",				   "::102:304",            "[IPv6:::102:304]"                              },
	    {"2001:DB8::1",				   "2001:db8::1",          "[IPv6:2001:db8::1]"                            },
	    {"2001:0db8:0:0:0:0:0:1",                         "2001:db8::1",          "[IPv6:2001:db8::1]"                            },
 /* RFC 5952: no :: for a single group; the first of two runs. */
	    {"2001:db8::1:1:1:1:1",                           "2001:db8:0:1:1:1:1:1",
             "[IPv6:2001:db8:0:1:1:1:1:1]"											    },
	    {"2001:db8:0:0:1:0:0:1",                          "2001:db8::1:0:0:1",
             "[IPv6:2001:db8::1:0:0:1]"											       },
	    {"2001:0:0:1:0:0:0:1",                            "2001:0:0:1::1",        "[IPv6:2001:0:0:1::1]"                          },
	    {"1:2:3:4:5:6::",				 "1:2:3:4:5:6::",        "[IPv6:1:2:3:4:5:6::]"                          },
	    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",			       "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
	};
	char text[IP_SIZE], literal[IP_LITERAL_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip a = ip_of(rows[i].in), again;

		ip_format(text, &a);
		assert_string_equal(text, rows[i].out);
		ip_literal(literal, &a);
		assert_string_equal(literal, rows[i].literal);
		again = ip_of(text);
		assert_true(ip_equal(&a, &again));
	}
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const rows[] = {"", " ", "1", "2130706433", "1.2.3",
	    "300.1.1.1", "1.2.3.4.", "1.2.3.4 ", " 1.2.3.4", "0x7f.0.0.1",
	    "127.0.0.01", "1.2.3.4/8", "[1.2.3.4]", ":", ":::", "1::2::3",
	    "fe80::1%lo", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	    "g::", "localhost", "IPv6:::1",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct ip a = ip_of("192.0.2.9"), before = a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ip_parse(str_of(rows[i]), &a))
			fail_msg("accepted: %s", rows[i]);
		assert_true(ip_equal(&a, &before));
	}
	assert_false(ip_parse((struct str){"1.2.3.4\0", 8}, &a));
	assert_false(ip_parse((struct str){NULL, 0}, &a));
}

static void
networks_are_compared_bit_by_bit(void **state)
{
	static const struct {
		const char *a, *net;
		unsigned bits;
		bool within;
	} rows[] = {
	    {"192.0.2.1",   "192.0.2.0",   96 + 24, true },
	    {"192.0.3.1",   "192.0.2.0",   96 + 24, false},
	    {"192.0.3.1",   "192.0.2.0",   96 + 23, true },
	    {"192.0.2.1",   "192.0.2.1",   128,     true },
	    {"192.0.2.1",   "192.0.2.0",   128,     false},
	    {"192.0.2.1",   "192.0.2.0",   127,     true },
	    {"192.0.2.1",   "198.51.0.0",  0,       true },
	    {"::1",         "192.0.2.0",   96,      false},
	    {"2001:db8::1", "2001:db8::",  32,      true },
	    {"2001:db9::1", "2001:db8::",  32,      false},
	    {"2001:db9::1", "2001:db8::",  31,      true },
	    {"2001:db8::1", "2001:db8::2", 999,     false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip a = ip_of(rows[i].a), net = ip_of(rows[i].net);

		assert_int_equal(
		    ip_within(&a, &net, rows[i].bits), rows[i].within);
	}
}

static void
the_kernels_form_and_back(void **state)
{
	static const struct {
		const char *text;
		int family;
		socklen_t len;
	} rows[] = {
	    {"192.0.2.1",   AF_INET,  sizeof(struct sockaddr_in) },
	    {"2001:db8::1", AF_INET6, sizeof(struct sockaddr_in6)},
	};
	struct sockaddr_storage ss;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ip a, back;
	uint16_t port = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = ip_of(rows[i].text);
		assert_int_equal(ip_to_sockaddr(&a, 2525, &ss), rows[i].len);
		assert_int_equal(ss.ss_family, rows[i].family);
		assert_true(
		    ip_from_sockaddr((struct sockaddr *)&ss, &back, &port));
		assert_true(ip_equal(&a, &back));
		assert_int_equal(port, 2525);
		assert_true(
		    ip_from_sockaddr((struct sockaddr *)&ss, &back, NULL));
	}
	assert_false(ip_from_sockaddr((struct sockaddr *)&un, &back, &port));
	assert_int_equal(port, 2525);
}

/* A dual-stack socket tells 192.0.2.1 as ::ffff:192.0.2.1: the same host. */
static void
mapped_addresses_are_ipv4(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct ip a, b = ip_of("192.0.2.1");

	(void)state;
	assert_int_equal(
	    inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	assert_true(ip_from_sockaddr((struct sockaddr *)&in6, &a, NULL));
	assert_true(ip_is4(&a));
	assert_true(ip_equal(&a, &b));
	b = ip_of("::192.0.2.1");
	assert_false(ip_is4(&b));
}

static void
endpoints(void **state)
{
	static const struct {
		const char *text, *ip;
		unsigned port;
	} good[] = {
	    {"0.0.0.0:25",          "0.0.0.0",     25   },
	    {"[::]:25",             "::",          25   },
	    {"[2001:db8::1]:65535", "2001:db8::1", 65535},
	    {"127.0.0.1:0",         "127.0.0.1",   0    },
	};
	static const char *const bad[] = {"", ":", ":25", "25", "0.0.0.0",
	    "0.0.0.0:", "0.0.0.0:65536", "0.0.0.0:-1", "0.0.0.0:smtp", "::1:25",
	    ":::25", "[::]", "[::]25", "[]:25", "[:25", "[0.0.0.0]:25",
	    "[::1]x:25", "localhost:25", "0.0.0.0:25 "};
	struct ip a;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ip want = ip_of(good[i].ip);

		assert_true(ip_parse_endpoint(str_of(good[i].text), &a, &port));
		assert_true(ip_equal(&a, &want));
		assert_int_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_parse_endpoint(str_of(bad[i]), &a, &port))
			fail_msg("accepted: %s", bad[i]);
}

static void
servers(void **state)
{
	static const struct {
		const char *text, *ip;
		unsigned port;
	} good[] = {
	    {"192.0.2.1",           "192.0.2.1",      628  },
	    {"192.0.2.1:1",         "192.0.2.1",      1    },
	    {"2001:db8::1",         "2001:db8::1",    628  },
	    {"[2001:db8::1]",       "2001:db8::1",    628  },
	    {"[2001:db8::1]:65535", "2001:db8::1",    65535},
 /* All of it is an address, and none of it a port. */
	    {"2001:db8::1:25",      "2001:db8::1:25", 628  },
	};
	static const char *const bad[] = {"", ":", ":628", "628",
	    "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x",
	    "[192.0.2.1]", "[192.0.2.1]:25", "[]", "[::1", "::1]",
	    "[::1]:", "[::1]:0", "[::1]25", "mail.example", "mail.example:25",
	    "192.0.2.1 "};
	struct ip a;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ip want = ip_of(good[i].ip);

		assert_true(
		    ip_parse_server(str_of(good[i].text), 628, &a, &port));
		assert_true(ip_equal(&a, &want));
		assert_int_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_parse_server(str_of(bad[i]), 628, &a, &port))
			fail_msg("accepted: %s", bad[i]);
}

static void
who_is_at_this_host(void **state)
{
	static const struct {
		const char *remote, *local;
		bool here;
	} rows[] = {
	    {"127.0.0.1",   "192.0.2.1", true },
	    {"127.9.8.7",   "192.0.2.1", true },
	    {"126.0.0.1",   "192.0.2.1", false},
	    {"128.0.0.1",   "192.0.2.1", false},
	    {"::1",         "::2",       true },
	    {"::2",         "::1",       false},
	    {"192.0.2.1",   "192.0.2.1", true },
	    {"192.0.2.2",   "192.0.2.1", false},
	    {"2001:db8::1", "192.0.2.1", false},
	    {"::",          "::",        false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip a, b;

		assert_true(ip_parse(str_of(rows[i].remote), &a));
		assert_true(ip_parse(str_of(rows[i].local), &b));
		assert_int_equal(ip_is_here(&a, &b), rows[i].here);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_at_this_host),
	    cmocka_unit_test(text_has_one_shortest_form),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(networks_are_compared_bit_by_bit),
	    cmocka_unit_test(the_kernels_form_and_back),
	    cmocka_unit_test(mapped_addresses_are_ipv4),
	    cmocka_unit_test(endpoints),
	    cmocka_unit_test(servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
