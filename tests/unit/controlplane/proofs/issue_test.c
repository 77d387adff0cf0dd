/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/issue.h"

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define NOW_S 1790000000ull

static struct fog_local_verifier *v;
static u8 pk[32], sk[64];
static char self[65], why[FOG_PROOF_WHY];
static struct fog_proof made;

static void setup(void)
{
	const u8 seed[32] = {1};

	if (v == NULL && (fog_crypto_init() != 0 || fog_local_verifier_open(&v) != 0))
		abort();
	fog_sign_keypair(pk, sk, seed);
	fog_hex_encode(pk, 32, self, sizeof(self));
}

/* {"statement", "witness", "inputs"}; %s is this issuer's key. */
static int issue(u32 kind, const char *format)
{
	char text[2048];

	snprintf(text, sizeof(text), format, self);
	json_t *o = json_loads(text, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	int rc = fog_issue_proof(kind, json_object_get(o, "statement"),
				 json_object_get(o, "witness"), json_object_get(o, "inputs"), sk,
				 NOW_S, &made, why);
	json_decref(o);
	return rc;
}

#define SUBJECT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char *const good[] = {
	[FOG_PROOF_AUDIT] = "{\"statement\":{\"subject\":\"" SUBJECT "\",\"round\":3,"
			    "\"verdict\":true},\"inputs\":{\"roster\":{\"%s\":10}}}",
	[FOG_PROOF_SLA] = "{\"statement\":{\"service\":\"quotes\",\"limit_us\":300,\"from\":10,"
			  "\"to\":20},\"witness\":{\"samples_us\":[100,200,300,250,120]}}",
	[FOG_PROOF_BATCH] = "{\"statement\":{\"entries\":[\"a\",{\"b\":1},3],\"old_size\":2}}",
	[FOG_PROOF_INCLUSION] = "{\"statement\":{\"entries\":[\"a\",\"b\",\"c\"],\"index\":1}}",
};

static void test_life_cycle(void)
{
	struct fog_roster_member roster;
	struct fog_proof_policy policy = {.now_s = NOW_S, .roster = &roster, .roster_count = 1};

	setup();
	memcpy(roster.key, pk, 32);
	roster.weight = 10;
	for (u32 kind = FOG_PROOF_AUDIT; kind <= FOG_PROOF_INCLUSION; kind++) {
		CU_ASSERT_EQUAL(issue(kind, good[kind]), 0);
		if (why[0] != '\0')
			printf("%u: %s\n", kind, why);
		CU_ASSERT_EQUAL(fog_proof_verify(v, &made, &policy, why), 0);
		if (why[0] != '\0')
			printf("%u: %s\n", kind, why);
		made.signature[3] ^= 1;
		CU_ASSERT_EQUAL(fog_proof_verify(v, &made, &policy, why), -EBADMSG);
	}
}

static void test_bad_arguments(void)
{
	static const struct {
		u32 kind;
		const char *text, *why;
	} cases[] = {
		{FOG_PROOF_EXECUTION, "{}", "something else"},
		{FOG_PROOF_AUDIT, "{}", "subject"},
		{FOG_PROOF_AUDIT, "{\"statement\":{\"subject\":\"" SUBJECT "\"}}", "roster"},
		{FOG_PROOF_AUDIT,
		 "{\"statement\":{\"subject\":\"" SUBJECT "\",\"verdict\":false},\"inputs\":"
		 "{\"roster\":{\"%s\":10}}}",
		 "less than 0.67"},
		{FOG_PROOF_AUDIT,
		 "{\"statement\":{\"subject\":\"" SUBJECT "\",\"verdict\":true},\"inputs\":"
		 "{\"roster\":{\"" SUBJECT "\":10}}}",
		 "nobody of the roster"},
		{FOG_PROOF_AUDIT,
		 "{\"statement\":{\"subject\":\"" SUBJECT "\"},\"witness\":{\"votes\":[1]},"
		 "\"inputs\":{\"roster\":{\"%s\":10}}}",
		 "vote 0"},
		{FOG_PROOF_AUDIT,
		 "{\"statement\":{\"subject\":\"" SUBJECT "\"},\"inputs\":{\"roster\":{\"%s\":0}}}",
		 "no key with a weight"},
		{FOG_PROOF_SLA, "{}", "service"},
		{FOG_PROOF_SLA, "{\"statement\":{\"service\":\"x\"}}", "samples_us"},
		{FOG_PROOF_SLA,
		 "{\"statement\":{\"service\":\"x\"},\"witness\":{\"samples_us\":[1]}}",
		 "limit_us"},
		{FOG_PROOF_SLA,
		 "{\"statement\":{\"service\":\"x\",\"limit_us\":9,\"from\":2,\"to\":2},"
		 "\"witness\":{\"samples_us\":[1]}}",
		 "to wants"},
		{FOG_PROOF_SLA,
		 "{\"statement\":{\"service\":\"x\",\"limit_us\":9,\"from\":1,\"to\":2},"
		 "\"witness\":{\"samples_us\":[-1]}}",
		 "number 0"},
		{FOG_PROOF_BATCH, "{}", "entries"},
		{FOG_PROOF_BATCH, "{\"statement\":{\"entries\":[1],\"old_size\":2}}", "old_size"},
		{FOG_PROOF_INCLUSION, "{\"statement\":{\"entries\":[1]}}", "index"},
		{FOG_PROOF_INCLUSION, "{\"statement\":{\"entries\":[1],\"index\":1}}", "index"},
	};

	setup();
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(issue(cases[i].kind, cases[i].text), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		if (strstr(why, cases[i].why) == NULL)
			printf("%u: %s\n", i, why);
	}
}

/* A percentile above the limit is no proof, and its value is not in the reason. */
static void test_missed(void)
{
	setup();
	CU_ASSERT_EQUAL(issue(FOG_PROOF_SLA,
			      "{\"statement\":{\"service\":\"x\",\"limit_us\":9,\"from\":1,"
			      "\"to\":2},\"witness\":{\"samples_us\":[1,77777]}}"),
			-ERANGE);
	CU_ASSERT_PTR_NULL(strstr(why, "77777"));
}

static void test_names(void)
{
	CU_ASSERT_EQUAL(fog_issue_kind("PoE"), FOG_PROOF_EXECUTION);
	CU_ASSERT_EQUAL(fog_issue_kind("audit"), FOG_PROOF_AUDIT);
	CU_ASSERT_EQUAL(fog_issue_kind("POSLA"), FOG_PROOF_SLA);
	CU_ASSERT_EQUAL(fog_issue_kind("merkle_batch"), FOG_PROOF_BATCH);
	CU_ASSERT_EQUAL(fog_issue_kind("MERKLE_TREE"), FOG_PROOF_INCLUSION);
	CU_ASSERT_EQUAL(fog_issue_kind("poem"), 0);
	fog_local_verifier_close(v);
	v = NULL;
}

FOG_TEST_MAIN("controlplane/proofs/issue", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_missed), FOG_TEST(test_names))
