/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/forwarded.h"

#include "tests/unit/fog_test.h"

static struct fog_proxies proxies;

static void set(bool forwarded)
{
	static const char *const networks[] = {"127.0.0.1", "10.0.0.0/8", "fd00::/8"};

	proxies = (struct fog_proxies){.forwarded = forwarded};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(networks); i++)
		CU_ASSERT_EQUAL(fog_network_parse(networks[i], &proxies.network[proxies.count++]),
				0);
}

struct example {
	const char *line, *client; /* of a request from 127.0.0.1 */
	bool more;
};

static void check(const struct example *e)
{
	u8 ip[16], wanted[16];

	CU_ASSERT_EQUAL(fog_ip_parse("127.0.0.1", ip), 0);
	CU_ASSERT_EQUAL(fog_ip_parse(e->client, wanted), 0);
	bool more = fog_forwarded_step(&proxies, e->line, ip);
	bool good = more == e->more && memcmp(ip, wanted, 16) == 0;
	if (!good)
		printf("line: %s\n", e->line);
	CU_ASSERT(good);
}

static void test_life_cycle(void)
{
	static const struct example examples[] = {
		{"192.0.2.1", "192.0.2.1", false},
		{"192.0.2.1:4711", "192.0.2.1", false},
		{"2001:db8::1", "2001:db8::1", false},
		{"[2001:db8::1]", "2001:db8::1", false},
		{"[2001:db8::1]:4711", "2001:db8::1", false},
		/* What the client itself wrote is to the left of what a proxy wrote. */
		{"198.51.100.9, 192.0.2.1", "192.0.2.1", false},
		{"127.0.0.1, 192.0.2.1", "192.0.2.1", false},
		{"\"198.51.100.9, 192.0.2.1", "192.0.2.1", false},
		/* Through two of ours, and three. */
		{"192.0.2.1, 10.1.2.3", "192.0.2.1", false},
		{"198.51.100.9,192.0.2.1 ,\t10.1.2.3,fd00::5", "192.0.2.1", false},
		/* Our own proxies alone: the line before tells more. */
		{"10.1.2.3", "10.1.2.3", true},
		{"", "127.0.0.1", true},
		{" , ,", "127.0.0.1", true},
	};

	set(false);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(examples); i++)
		check(&examples[i]);
}

static void test_bad_lines(void)
{
	static const char *const bad[] = {
		"unknown",
		"_hidden",
		"192.0.2.256",
		"192.0.2.1:80:90",
		"[2001:db8::1",
		"[2001:db8::1]x",
		"[]",
		"example.org",
		"192.0.2.1 192.0.2.2",
		"for=192.0.2.1",
		"192.0.2.1;x",
		"1111111111111111111111111111111111111111111111111111111111111111111111",
	};

	set(false);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		check(&(struct example){bad[i], "127.0.0.1", false});
	/* The last one known, where the way ends. */
	check(&(struct example){"192.0.2.1, unknown, 10.1.2.3", "10.1.2.3", false});
}

static void test_forwarded(void)
{
	static const struct example examples[] = {
		{"for=192.0.2.43", "192.0.2.43", false},
		{"For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17", false},
		{"for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60", false},
		{"by=203.0.113.43 ; FOR=\"192.0.2.60:80\"", "192.0.2.60", false},
		{"for=192.0.2.43, for=198.51.100.17", "198.51.100.17", false},
		{"for=192.0.2.43, for=10.0.0.9;host=\"a,b;for=1.2.3.4\"", "192.0.2.43", false},
		{"for=10.0.0.9", "10.0.0.9", true},
		{"for=unknown", "127.0.0.1", false},
		{"for=\"_gazonk\"", "127.0.0.1", false},
		{"proto=https", "127.0.0.1", false},
		{"for=", "127.0.0.1", false},
		{"192.0.2.43", "127.0.0.1", false},
		{"xfor=192.0.2.43", "127.0.0.1", false},
	};

	set(true);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(examples); i++)
		check(&examples[i]);
}

static void test_random(void)
{
	static const char letters[] = "for=\"[]:;,. 1a%\t";
	const char *text = getenv("FOG_SEED");
	unsigned seed = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
	char line[64];
	u8 ip[16];

	printf("seed %u ", seed);
	for (u32 round = 0; round < 200000; round++) {
		set(round & 1);
		u32 len = (u32)rand_r(&seed) % sizeof(line);
		for (u32 i = 0; i < len; i++)
			line[i] = letters[(u32)rand_r(&seed) % (sizeof(letters) - 1)];
		line[len] = '\0';
		memset(ip, 0, sizeof(ip));
		(void)fog_forwarded_step(&proxies, line, ip);
	}
}

FOG_TEST_MAIN("controlplane/gateway/forwarded", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_lines),
	      FOG_TEST(test_forwarded), FOG_TEST(test_random))
