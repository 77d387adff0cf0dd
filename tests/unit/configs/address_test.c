/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "configs/address.h"
#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_address a;
	char text[FOG_ADDRESS_TEXT_SIZE];

	CU_ASSERT_EQUAL(fog_address_parse("192.0.2.1:9000", &a), 0);
	CU_ASSERT_EQUAL(a.port, 9000);
	CU_ASSERT_EQUAL(a.ip[10], 0xff);
	CU_ASSERT_EQUAL(a.ip[12], 192);
	CU_ASSERT_STRING_EQUAL(fog_address_format(&a, text), "192.0.2.1:9000");
	CU_ASSERT_EQUAL(fog_address_parse("[2001:db8::1]:65535", &a), 0);
	CU_ASSERT_STRING_EQUAL(fog_address_format(&a, text), "[2001:db8::1]:65535");
	CU_ASSERT_EQUAL(fog_address_parse("[1111:2222:3333:4444:5555:6666:7777:8888]:65535", &a),
			0);
	CU_ASSERT_EQUAL(strlen(fog_address_format(&a, text)), 47);
	CU_ASSERT_EQUAL(fog_address_parse("0.0.0.0:1", &a), 0);
	CU_ASSERT(fog_address_is_any(&a));
	CU_ASSERT_EQUAL(fog_address_parse("[::]:1", &a), 0);
	CU_ASSERT(fog_address_is_any(&a));
	CU_ASSERT_EQUAL(fog_address_parse("[::1]:1", &a), 0);
	CU_ASSERT(!fog_address_is_any(&a));
}

static void test_bad_addresses(void)
{
	static const char *const bad[] = {
		"",
		":",
		"1.2.3.4",
		"1.2.3.4:",
		":80",
		"1.2.3.4:0",
		"1.2.3.4:65536",
		"1.2.3.4:080",
		"1.2.3.4:+80",
		"1.2.3.4: 80",
		"1.2.3.4:80 ",
		"1.2.3.4:8x",
		"1.2.3:80",
		"1.2.3.4.5:80",
		"1.2.3.256:80",
		"01.2.3.4:80",
		"::1:80",
		"[::1:80",
		"::1]:80",
		"[]:80",
		"[1.2.3.4]:80",
		"host:80",
		"[fe80::1%lo]:80",
		"[::1]:80:90",
		"[[::1]]:80",
		"1.2.3.4:99999999999999999999",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999]:1",
	};
	struct fog_address a = {.port = 7};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(fog_address_parse(bad[i], &a), -EINVAL);
		if (fog_address_parse(bad[i], &a) == 0)
			printf("accepted case %u: %s\n", i, bad[i]);
	}
	CU_ASSERT_EQUAL(a.port, 7);
	u8 ip[16];
	CU_ASSERT_EQUAL(fog_ip_parse("10.0.0.1", ip), 0);
	CU_ASSERT_EQUAL(fog_ip_parse("example.lab", ip), -EINVAL);
	CU_ASSERT_EQUAL(fog_ip_parse("", ip), -EINVAL);
}

static void test_bad_rules(void)
{
	static const char *const bad[] = {
		"",
		"10.0.0.0",
		"10.0.0.0/8",
		"10.0.0.0/8:",
		"10.0.0.0:80",
		"10.0.0.0/33:80",
		"10.0.0.1/8:80",
		"10.0.0.0/8:0",
		"10.0.0.0/8:9-8",
		"10.0.0.0/8:1-",
		"10.0.0.0/8:-1",
		"fd00::/8:80",
		"[fd00::]/129:80",
		"[fd00::1]/8:80",
		"10.0.0.0/8:1-65536",
		"[fd00::/8]:80",
		"10.0.0.0/08:1",
		"10.0.0.0/8:1-2-3",
		"x/8:1",
		"/8:1",
	};
	struct fog_exit_rule r;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		if (fog_exit_rule_parse(bad[i], &r) == 0)
			printf("accepted case %u: %s\n", i, bad[i]);
		CU_ASSERT_EQUAL(fog_exit_rule_parse(bad[i], &r), -EINVAL);
	}
}

static void test_rule_matching(void)
{
	static const struct {
		const char *rule, *ip;
		u16 port;
		bool match;
	} cases[] = {
		{"10.0.0.0/8:80", "10.255.0.1", 80, true},
		{"10.0.0.0/8:80", "11.0.0.1", 80, false},
		{"10.0.0.0/8:80", "10.0.0.1", 81, false},
		{"10.0.0.0/8:80-90", "10.0.0.1", 90, true},
		{"10.0.0.0/8:80-90", "10.0.0.1", 91, false},
		{"172.16.0.0/12:1-65535", "172.31.255.255", 9, true},
		{"172.16.0.0/12:1-65535", "172.32.0.0", 9, false},
		{"192.0.2.7/32:22", "192.0.2.7", 22, true},
		{"192.0.2.7/32:22", "192.0.2.6", 22, false},
		{"0.0.0.0/0:443", "8.8.8.8", 443, true},
		{"0.0.0.0/0:443", "2001:db8::1", 443, false},
		{"[::]/0:443", "2001:db8::1", 443, true},
		{"[::]/0:443", "8.8.8.8", 443, false},
		{"[fd00::]/8:1-65535", "fdff::1", 1, true},
		{"[fd00::]/8:1-65535", "fe00::1", 1, false},
		{"[fc00::]/7:53", "fdff::1", 53, true},
		{"[2001:db8::1]/128:53", "2001:db8::1", 53, true},
		{"[2001:db8::1]/128:53", "2001:db8::2", 53, false},
	};
	struct fog_exit_rule r;
	u8 ip[16];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(fog_exit_rule_parse(cases[i].rule, &r), 0);
		CU_ASSERT_EQUAL_FATAL(fog_ip_parse(cases[i].ip, ip), 0);
		if (fog_exit_rule_match(&r, ip, cases[i].port) != cases[i].match)
			printf("case %u\n", i);
		CU_ASSERT_EQUAL(fog_exit_rule_match(&r, ip, cases[i].port), cases[i].match);
	}
}

static void test_networks(void)
{
	static const char *const bad[] = {
		"",          "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/8:1",
		"fd00::1/8", "[fd00::/8",  "fd00::/129",  "example.org", "10.0.0.0/8 ",
		"/8",        "[]"};
	static const struct {
		const char *network, *ip;
		bool match;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"::1", "::1", true},
		{"::1", "127.0.0.1", false},
		{"fd00::/8", "fdff::1", true},
		{"[fd00::]/8", "fdff::1", true},
		{"[fd00::]/8", "fe00::1", false},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
	};
	struct fog_exit_rule r;
	u8 ip[16];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		if (fog_network_parse(bad[i], &r) == 0)
			printf("accepted case %u: %s\n", i, bad[i]);
		CU_ASSERT_EQUAL(fog_network_parse(bad[i], &r), -EINVAL);
	}
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(fog_network_parse(cases[i].network, &r), 0);
		CU_ASSERT_EQUAL_FATAL(fog_ip_parse(cases[i].ip, ip), 0);
		if (fog_exit_rule_match(&r, ip, 1) != cases[i].match)
			printf("case %u\n", i);
		CU_ASSERT_EQUAL(fog_exit_rule_match(&r, ip, 1), cases[i].match);
	}
}

static void test_public(void)
{
	static const struct {
		const char *text;
		bool local, public;
	} cases[] = {
		{"127.0.0.1", true, false},
		{"0.0.0.0", true, false},
		{"169.254.169.254", true, false},
		{"224.0.0.1", true, false},
		{"::1", true, false},
		{"fe80::1", true, false},
		{"64:ff9b::a00:1", true, false},
		{"10.1.2.3", false, false},
		{"172.31.255.255", false, false},
		{"192.168.0.1", false, false},
		{"100.127.0.1", false, false},
		{"fd00::1", false, false},
		{"172.32.0.1", false, true},
		{"100.128.0.1", false, true},
		{"8.8.8.8", false, true},
		{"2001:db8::1", false, true},
	};
	u8 ip[16];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(fog_ip_parse(cases[i].text, ip), 0);
		CU_ASSERT_EQUAL(fog_ip_local(ip) != NULL, cases[i].local);
		CU_ASSERT_EQUAL(fog_ip_is_public(ip), cases[i].public);
	}
}

FOG_TEST_MAIN("configs/address", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_addresses),
	      FOG_TEST(test_bad_rules), FOG_TEST(test_rule_matching), FOG_TEST(test_networks),
	      FOG_TEST(test_public))
