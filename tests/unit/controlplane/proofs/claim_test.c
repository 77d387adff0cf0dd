/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/claim.h"

#include "crypto/cpu.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static char why[FOG_PREDICATE_WHY];

static json_t *secrets_make(void)
{
	json_t *values = json_pack("{s:i, s:s, s:i, s:i, s:s, s:b}", "age", 25, "country", "de",
				   "port", 8080, "limit", 9000, "home", "de", "flag", 1);
	json_t *secrets;

	CU_ASSERT_EQUAL_FATAL(fog_claim_commit(values, &secrets, why), 0);
	json_decref(values);
	return secrets;
}

static struct fog_claim_question question(const char *predicate)
{
	return (struct fog_claim_question){
		.predicate = predicate, .domain = "shop", .context = "order 7", .expires_s = 1500};
}

static struct fog_claim_expected expected(void)
{
	return (struct fog_claim_expected){.domain = "shop", .context = "order 7", .now_s = 1000};
}

static void test_life_cycle(void)
{
	static const struct {
		unsigned number;
		const char *text;
		int rc;
	} cases[] = {
		{1, "age >= 18", 0},
		{2, "age >= 26", -EDOM},
		{3, "age in 20..30 and country in {\"fr\", \"de\"}", 0},
		{4, "country not in {\"us\", \"cn\"} or age < 3", 0},
		{5, "country == home and port < limit and port != age", 0},
		{6, "limit <= port or country != home", -EDOM},
		{7, "flag == true", 0},
		{8, "not (age in 10..24) and not (country == \"fr\")", 0},
		{9, "(age == 1 or age == 25) and (port == 1 or port in 8000..8100)", 0},
		{10, "country == \"de\"", 0},
		{11, "country == \"fr\"", -EDOM},
		{12, "weight > 3", -EINVAL},
		{13, "age == \"25\"", -EINVAL},
	};
	json_t *secrets = secrets_make();
	struct fog_claim_expected e = expected();
	struct fog_local_verifier *v;

	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_claim_question q = question(cases[i].text);
		json_t *claim;
		int rc = fog_claim_prove(&q, secrets, &claim, why);

		if (rc != cases[i].rc)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_EQUAL(why[0] == '\0', rc == 0);
		if (rc != 0)
			continue;
		rc = fog_claim_verify(v, claim, &e, why);
		if (rc != 0)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, 0);
		json_decref(claim);
	}
	fog_local_verifier_close(v);
	json_decref(secrets);
}

static void test_bad_arguments(void)
{
	struct fog_claim_question q = question("age >= 18");
	json_t *secrets = secrets_make(), *claim, *bad = json_pack("{s:[i]}", "x", 1);
	struct fog_local_verifier *v;

	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	CU_ASSERT_EQUAL(fog_claim_commit(bad, &claim, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_claim_commit(NULL, &claim, why), -EINVAL);
	q.domain = "";
	CU_ASSERT_EQUAL(fog_claim_prove(&q, secrets, &claim, why), -EINVAL);
	q = question(NULL);
	CU_ASSERT_EQUAL(fog_claim_prove(&q, secrets, &claim, why), -EINVAL);
	q = question("age >= 18");
	CU_ASSERT_EQUAL(fog_claim_prove(&q, NULL, &claim, why), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(fog_claim_prove(&q, secrets, &claim, why), 0);

	struct fog_claim_expected e = expected();
	e.domain = "bank";
	CU_ASSERT_EQUAL(fog_claim_verify(v, claim, &e, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "domain"));
	e = expected();
	e.now_s = 1500;
	CU_ASSERT_EQUAL(fog_claim_verify(v, claim, &e, why), -ETIME);
	e = expected();
	e.predicate = "age >= 21";
	CU_ASSERT_EQUAL(fog_claim_verify(v, claim, &e, why), -EINVAL);
	e = expected();
	json_t *other = json_pack("{s:s}", "age", "00");
	e.commitments = other;
	CU_ASSERT_EQUAL(fog_claim_verify(v, claim, &e, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "another"));
	e = expected();
	CU_ASSERT_EQUAL(fog_claim_verify(v, claim, &e, why), 0);

	static const struct {
		unsigned number;
		const char *key, *json, *why;
		int rc;
	} cases[] = {
		{1, "type", "\"fog.claim.v2\"", "type", -EINVAL},
		{2, "expires", "\"soon\"", "expires", -EINVAL},
		{3, "expires", "1501", "false", -EBADMSG},
		{4, "expires", "999999999", "week", -EINVAL},
		{5, "predicate", "\"age >= 17\"", "false", -EBADMSG},
		{6, "predicate", "\"age >\"", "missing", -EINVAL},
		{7, "commitments", "{}", "commitments", -EINVAL},
		{8, "commitments", "{\"age\": \"zz\"}", "hex", -EINVAL},
		{9, "proof", "\"abc\"", "hex", -EINVAL},
		{10, "proof", "\"abcd\"", "bytes", -EINVAL},
		{11, "proof", "7", "hex", -EINVAL},
		{12, "context", "null", "context", -EINVAL},
	};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		json_t *changed = json_deep_copy(claim);

		json_object_set_new(changed, cases[i].key,
				    json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
		int rc = fog_claim_verify(v, changed, &e, why);
		if (rc != cases[i].rc || strstr(why, cases[i].why) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		json_decref(changed);
	}
	fog_local_verifier_close(v);
	json_decref(other);
	json_decref(bad);
	json_decref(claim);
	json_decref(secrets);
}

FOG_TEST_MAIN("controlplane/proofs/claim", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
