/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "dataplane/edge/policy.h"
#include "tests/unit/fog_test.h"

static struct fog_policy policy;

static bool permits(const char *address, u16 port)
{
	u8 ip[16];

	CU_ASSERT_EQUAL_FATAL(fog_ip_parse(address, ip), 0);
	return fog_policy_permits(&policy, ip, port);
}

static void reset(void)
{
	memset(&policy, 0, sizeof(policy));
	policy.enabled = true;
}

static void test_life_cycle(void)
{
	reset();
	CU_ASSERT_FALSE(permits("192.0.2.1", 80)); /* the default */
	CU_ASSERT_FALSE(fog_policy_permits_port(&policy, 80));
	CU_ASSERT_EQUAL(fog_policy_allow(&policy, "192.0.2.0/24:80"), 0);
	CU_ASSERT_TRUE(permits("192.0.2.1", 80));
	CU_ASSERT_TRUE(fog_policy_permits_port(&policy, 80));
	CU_ASSERT_FALSE(fog_policy_permits_port(&policy, 81));
	CU_ASSERT_EQUAL(fog_policy_deny(&policy, "192.0.2.7/32:1-65535"), 0);
	CU_ASSERT_FALSE(permits("192.0.2.7", 80));
	policy.enabled = false;
	CU_ASSERT_FALSE(permits("192.0.2.1", 80));
	CU_ASSERT_FALSE(fog_policy_permits_port(&policy, 80));
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {"",
					  "192.0.2.0/24",
					  "192.0.2.0/33:80",
					  "x/8:80",
					  "192.0.2.1/24:80",
					  "10.0.0.0/8:0",
					  "10.0.0.0/8:90-80",
					  "10.0.0.0/8:65536",
					  "fd00::/8:80"};

	reset();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		if (fog_policy_allow(&policy, bad[i]) != -EINVAL)
			CU_FAIL(bad[i]);
		if (fog_policy_deny(&policy, bad[i]) != -EINVAL)
			CU_FAIL(bad[i]);
	}
	CU_ASSERT_EQUAL(policy.allow_count + policy.deny_count, 0);
	for (unsigned i = 0; i < FOG_POLICY_RULES_MAX; i++)
		CU_ASSERT_EQUAL(fog_policy_allow(&policy, "10.0.0.0/8:80"), 0);
	CU_ASSERT_EQUAL(fog_policy_allow(&policy, "10.0.0.0/8:80"), -ENOSPC);
	CU_ASSERT_FALSE(permits("10.0.0.1", 0));
}

static void test_table(void)
{
	static const struct {
		const char *address;
		u16 port;
		bool want;
	} table[] = {
		{"10.1.2.3", 80, true},        {"10.1.2.3", 81, false},
		{"10.255.255.255", 80, true},  {"11.0.0.0", 80, false},
		{"10.9.9.9", 80, false},  /* denied inside an allowed network */
		{"10.9.8.255", 80, true}, /* just outside the denied one */
		{"203.0.113.5", 1000, true},   {"203.0.113.5", 2000, true},
		{"203.0.113.5", 999, false},   {"203.0.113.5", 2001, false},
		{"fd00::1", 443, true},        {"fdff:ffff::1", 443, true},
		{"fe00::1", 443, false},       {"fd00::1", 80, false},
		{"fd00::bad", 443, false}, /* denied */
		{"::ffff:10.1.2.3", 80, true},
	};

	reset();
	fog_policy_allow(&policy, "10.0.0.0/8:80");
	fog_policy_allow(&policy, "203.0.113.0/24:1000-2000");
	fog_policy_allow(&policy, "[fd00::]/8:443");
	fog_policy_deny(&policy, "10.9.9.0/24:80");
	fog_policy_deny(&policy, "[fd00::bad]/128:443");
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		if (permits(table[i].address, table[i].port) != table[i].want)
			CU_FAIL(table[i].address);
	}
}

/* What "everything" never covers, and how it is opened on purpose. */
static void test_local_networks(void)
{
	static const char *const local[] = {"127.0.0.1",   "127.255.0.1",     "0.0.0.0",
					    "0.1.2.3",     "169.254.169.254", "224.0.0.1",
					    "239.1.1.1",   "255.255.255.255", "::",
					    "::1",         "fe80::1",         "ff02::1",
					    "fec0::1",     "64:ff9b::7f00:1", "2002:7f00:1::",
					    "::127.0.0.1", "64:ff9b:1::1"};
	static const char *const global[] = {"8.8.8.8",     "192.168.1.1", "100.64.0.1",
					     "2001:db8::1", "fd00::1",     "1.0.0.1"};

	reset();
	fog_policy_allow(&policy, "0.0.0.0/0:1-65535");
	fog_policy_allow(&policy, "[::]/0:1-65535");
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(local); i++) {
		if (permits(local[i], 80))
			CU_FAIL(local[i]);
	}
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(global); i++) {
		if (!permits(global[i], 80))
			CU_FAIL(global[i]);
	}
	fog_policy_allow(&policy, "127.0.0.0/8:8080");
	CU_ASSERT_TRUE(permits("127.0.0.1", 8080));
	CU_ASSERT_FALSE(permits("127.0.0.1", 80));
	fog_policy_allow(&policy, "[::1]/128:80");
	CU_ASSERT_TRUE(permits("::1", 80));
	CU_ASSERT_FALSE(permits("::", 80));
	fog_policy_deny(&policy, "127.0.0.1/32:8080");
	CU_ASSERT_FALSE(permits("127.0.0.1", 8080));
}

FOG_TEST_MAIN("dataplane/edge/policy", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_table), FOG_TEST(test_local_networks))
