/* SPDX-License-Identifier: BSD-3-Clause */
/* The genesis file: what it means, what is refused and in which words, and the chain's id. */
#include "controlplane/validator/genesis.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <unistd.h>

#define KEY(c)  "\"key\":\"" c "000000000000000000000000000000000000000000000000000000000000000\""
#define CONTROL "\"control_pk\":\"11" ZEROS "\""
#define ZEROS   "00000000000000000000000000000000000000000000000000000000000000"
#define MEMBER(c)                                                                        \
	"{" KEY(c) ",\"bond\":20000000," CONTROL ",\"address\":\"10.0.0." c ":4000\",\"" \
		   "operator\":\"o" c "\",\"country\":\"C" c "\",\"as\":" c "}"
#define FOUR MEMBER("1") "," MEMBER("2") "," MEMBER("3") "," MEMBER("4")

static char path[] = "/tmp/fog-genesis-test.XXXXXX";

static int read_text(struct fog_genesis_file *g, const char *text, char why[FOG_GENESIS_WHY_SIZE])
{
	static bool made;
	int fd = made ? 0 : mkstemp(path);

	if (!made && fd >= 0)
		close(fd);
	made = true;
	FILE *f = fopen(path, "we");
	why[0] = '\0';
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		return -EIO;
	return fog_genesis_read(g, path, true, why);
}

static void test_good(void)
{
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE];

	int rc = read_text(&g,
			   "{\"name\":\"x\",\"time_ms\":5,\"treasury\":9,\"profile\":\"basic\","
			   "\"parameters\":{\"market.fee_ppm\":7},\"accounts\":[" FOUR
			   ",{" KEY("9") ",\"balance\":3,\"rank\":\"citizen\"}]}",
			   why);
	CU_ASSERT_STRING_EQUAL(why, "");
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(g.ledger.name, "x");
	CU_ASSERT_EQUAL(g.ledger.time_ms, 5);
	CU_ASSERT_EQUAL(g.ledger.treasury, 9);
	CU_ASSERT_EQUAL(g.set.rules.epoch_ms, 600000);
	CU_ASSERT_EQUAL(g.ledger.account_count, 5);
	CU_ASSERT_EQUAL(g.account[4].balance, 3);
	CU_ASSERT_EQUAL(g.set.rules.profile, FOG_PROFILE_BASIC);
	/* Those two are parameters, too: the ledger is where they are changed. */
	CU_ASSERT_EQUAL(g.ledger.parameter_count, 3);
	CU_ASSERT_EQUAL(g.ledger.parameter[0].value, FOG_PROFILE_BASIC);
	CU_ASSERT_EQUAL(g.ledger.parameter[1].value, 600000);
	CU_ASSERT_EQUAL(g.ledger.parameter[2].value, 7);
	CU_ASSERT_EQUAL(g.set.count, 4); /* who has a bond votes */
	CU_ASSERT_EQUAL(g.set.epoch, 1);
	CU_ASSERT_EQUAL(g.set.v[1].port, 4000);
	CU_ASSERT_EQUAL(g.set.v[1].as, 2);
	CU_ASSERT_STRING_EQUAL(g.set.v[1].country, "C2");
	fog_genesis_free(&g);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "line"},
		{"[]", "line"},
		{"{\"name\":\"a\",\"name\":\"b\"}", "duplicate"},
		{"{}", "accounts"},
		{"{\"accounts\":[]}", "accounts"},
		{"{\"accounts\":[{}]}", "key"},
		{"{\"accounts\":[{\"key\":\"12\"}]}", "key"},
		{"{\"accounts\":[{" KEY("1") ",\"bond\":-1}]}", "out of range"},
		{"{\"accounts\":[{" KEY("1") ",\"commission_ppm\":1000001}]}", "out of range"},
		{"{\"accounts\":[{" KEY("1") ",\"as\":4294967296}]}", "out of range"},
		{"{\"accounts\":[{" KEY("1") ",\"operator\":"
					     "\"a name that is quite a bit too long for this\"}]}",
		 "too long"},
		{"{\"accounts\":[{" KEY("1") ",\"bond\":20000000}]}", "needs \"control_pk\""},
		{"{\"accounts\":[{" KEY("1") "," CONTROL ",\"address\":\"nowhere\"}]}", "ip:port"},
		{"{\"epoch_ms\":999,\"accounts\":[" FOUR "]}", "epoch_ms"},
		{"{\"parameters\":{\"quorum.epoch_ms\":2000},\"accounts\":[" FOUR "]}",
		 "quorum.epoch_ms"},
		{"{\"residual_ppm\":300001,\"accounts\":[" FOUR "]}", "residual_ppm"},
		{"{\"profile\":\"silver\",\"accounts\":[" FOUR "]}", "profile"},
		{"{\"profile\":1,\"accounts\":[" FOUR "]}", "profile"},
		{"{\"parameters\":{\"no.such\":1},\"accounts\":[" FOUR "]}", "no.such"},
		{"{\"parameters\":{\"market.fee_ppm\":\"7\"},\"accounts\":[" FOUR "]}",
		 "market.fee_ppm"},
	};
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE];

	for (u32 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(read_text(&g, bad[i].text, why), -EINVAL);
		if (strstr(why, bad[i].why) == NULL)
			printf("\n%u: \"%s\" not in \"%s\"\n", i, bad[i].why, why);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, bad[i].why));
	}
	CU_ASSERT_EQUAL(fog_genesis_read(&g, "/nowhere/at/all", true, why), -ENOENT);
}

/* Sets that agreement could not live with. */
static void test_sets(void)
{
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE];

	CU_ASSERT_EQUAL(read_text(&g, "{\"accounts\":[{" KEY("1") ",\"balance\":1}]}", why),
			-EINVAL);
	CU_ASSERT_STRING_NOT_EQUAL(why, "");
	CU_ASSERT_EQUAL(read_text(&g, "{\"accounts\":[" MEMBER("1") "," MEMBER("1") "]}", why),
			-EINVAL);
	/* Three of a kind: one has a third of the weight. Flagged, or refused when strict. */
#define THREE "\"accounts\":[" MEMBER("1") "," MEMBER("2") "," MEMBER("3") "]}"
	CU_ASSERT_EQUAL(read_text(&g, "{\"strict\":true," THREE, why), -ERANGE);
	CU_ASSERT_EQUAL_FATAL(read_text(&g, "{" THREE, why), 0);
	CU_ASSERT_TRUE(g.set.flagged);
	fog_genesis_free(&g);
	CU_ASSERT_EQUAL(read_text(&g, "{\"profile\":\"gold\"," THREE, why), -ENOTSUP);
}

static void test_chain(void)
{
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE];
	u8 root[32] = {1}, a[32], b[32];

	CU_ASSERT_EQUAL_FATAL(read_text(&g, "{\"accounts\":[" FOUR "]}", why), 0);
	fog_genesis_chain(&g.set, 1, root, a);
	fog_genesis_chain(&g.set, 1, root, b);
	CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	for (u32 i = 0; i < 3; i++) {
		struct fog_validators s = g.set;
		s.hash[0] ^= i == 0;
		root[31] = i == 1;
		fog_genesis_chain(&s, 1 + (i == 2), root, b);
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, 32), 0);
	}
	fog_genesis_free(&g);
	unlink(path);
}

FOG_TEST_MAIN("controlplane/validator/genesis", FOG_TEST(test_good), FOG_TEST(test_refused),
	      FOG_TEST(test_sets), FOG_TEST(test_chain))
