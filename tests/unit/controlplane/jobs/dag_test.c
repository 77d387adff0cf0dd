/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/dag.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static json_t *body_of(const char *text)
{
	json_t *body = json_loads(text, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	return body;
}

static const char good[] =
	"{\"name\":\"n\",\"tier\":\"gold\",\"namespace\":\"team\",\"stages\":["
	"{\"name\":\"a\",\"array\":3,\"job\":{\"argv\":[\"true\"],\"env\":{\"X\":\"1\"}}},"
	"{\"name\":\"b\",\"after\":[\"a\",\"a\"],\"gang\":2,\"job\":{\"argv\":[\"true\"],"
	"\"tier\":\"bronze\"}},"
	"{\"name\":\"c\",\"after\":[\"a\",\"b\"],\"job\":{\"argv\":[\"true\"],\"class\":\"S\"}}]}";

static void test_life_cycle(void)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_batch b;
	struct fog_job_wishes *w = malloc(sizeof(*w));
	json_t *body = body_of(good);

	CU_ASSERT(fog_job_batch_wanted(body));
	CU_ASSERT_EQUAL_FATAL(fog_job_batch_parse(body, "id", &b, error), 0);
	CU_ASSERT_STRING_EQUAL(b.id, "id");
	CU_ASSERT_EQUAL_FATAL(b.count, 3 + 2 + 3);
	CU_ASSERT_STRING_EQUAL(b.request[1].id, "id.a.1");
	CU_ASSERT_PTR_NOT_NULL(strstr(b.request[1].spec_text, "\"FOG_RANK=1\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.request[1].spec_text, "\"X=1\""));
	CU_ASSERT_STRING_EQUAL(b.request[0].member.after, "");
	CU_ASSERT_EQUAL(b.request[3].member.kind, FOG_JOB_GANG);
	CU_ASSERT_EQUAL(b.request[3].member.members, 2);
	CU_ASSERT_STRING_EQUAL(b.request[3].member.after, "a");
	CU_ASSERT_STRING_EQUAL(b.request[5].member.after, "a,b");
	CU_ASSERT_EQUAL(b.request[5].member.kind, FOG_JOB_REPLICA);
	/* Replicas are the same to the letter. */
	CU_ASSERT_STRING_EQUAL(b.request[5].spec_text, b.request[7].spec_text);
	CU_ASSERT_EQUAL(fog_job_wishes_parse(b.request[0].wishes_text, w, error), 0);
	CU_ASSERT_EQUAL(w->terms.tier, FOG_TIER_GOLD);
	CU_ASSERT_STRING_EQUAL(w->terms.space, "team");
	CU_ASSERT_EQUAL(fog_job_wishes_parse(b.request[3].wishes_text, w, error), 0);
	CU_ASSERT_EQUAL(w->terms.tier, FOG_TIER_BRONZE);
	fog_job_batch_free(&b);
	json_decref(body);
	free(w);
	CU_ASSERT(fog_job_after_has("a,bc", "bc"));
	CU_ASSERT_FALSE(fog_job_after_has("a,bc", "b"));
	CU_ASSERT_FALSE(fog_job_after_has("", "a"));
}

static void test_lone(void)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_batch b;
	json_t *body = body_of("{\"argv\":[\"true\"]}");

	CU_ASSERT_FALSE(fog_job_batch_wanted(body));
	json_object_set_new(body, "array", json_integer(4));
	json_object_set_new(body, "id", json_string("mine"));
	CU_ASSERT(fog_job_batch_wanted(body));
	CU_ASSERT_EQUAL_FATAL(fog_job_batch_parse(body, "id", &b, error), 0);
	CU_ASSERT_EQUAL(b.count, 4);
	CU_ASSERT_STRING_EQUAL(b.request[3].id, "mine.job.3");
	fog_job_batch_free(&b);
	json_decref(body);
}

#define STAGE(rest) "{\"stages\":[{\"name\":\"a\",\"job\":{\"argv\":[\"true\"]}}," rest "]}"

#define FROM(from)                                                                                 \
	"{\"name\":\"b\",\"after\":[\"a\"],\"job\":{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"n\"," \
	"\"from\":\"" from "\"}]}}"

static void test_bad_arguments(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{\"stages\":[]}", "stages: must be a list"},
		{STAGE(FROM("a.0.x")), "\"a.0.x\" is no STAGE.RANK"},
		{STAGE(FROM("a.x")), "\"a.x\" is no STAGE.RANK"},
		{STAGE(FROM("a.")), "\"a.\" is no STAGE.RANK"},
		{STAGE(FROM("a")), "\"a\" is no STAGE.RANK"},
		{STAGE(FROM("c.0")), "\"c.0\" is no STAGE.RANK"},
		{"{\"stages\":7}", "stages: must be a list"},
		{"{\"stages\":[7]}", "stages[0]: must be an object"},
		{STAGE("{\"name\":\"a\",\"job\":{\"argv\":[\"x\"]}}"), "two stages are named"},
		{STAGE("{\"name\":\"b.c\",\"job\":{\"argv\":[\"x\"]}}"), "stages[1].name"},
		{STAGE("{\"name\":\"b\"}"), "stages[1].job"},
		{STAGE("{\"name\":\"b\",\"after\":[\"b\"],\"job\":{\"argv\":[\"x\"]}}"),
		 "no stage \"b\" above"},
		{STAGE("{\"name\":\"b\",\"after\":[7],\"job\":{\"argv\":[\"x\"]}}"), "no stage"},
		{STAGE("{\"name\":\"b\",\"array\":0,\"job\":{\"argv\":[\"x\"]}}"),
		 "stages[1].array"},
		{STAGE("{\"name\":\"b\",\"array\":2,\"gang\":2,\"job\":{\"argv\":[\"x\"]}}"),
		 "an array or a gang"},
		{STAGE("{\"name\":\"b\",\"gang\":65,\"job\":{\"argv\":[\"x\"]}}"),
		 "stages[1].gang"},
		{STAGE("{\"name\":\"b\",\"gang\":2,\"job\":{\"argv\":[\"x\"],\"class\":\"S\"}}"),
		 "class S is replicated"},
		{STAGE("{\"name\":\"b\",\"array\":1024,\"job\":{\"argv\":[\"x\"]}}"), "1025 jobs"},
		{STAGE("{\"name\":\"b\",\"job\":{\"argv\":[]}}"), "stage b: argv"},
		{"{\"stages\":[{\"name\":\"a\",\"job\":{\"argv\":[\"x\"]}}],\"bogus\":1}", "bogus"},
		{"{\"argv\":[\"x\"],\"array\":2,\"id\":\"a b\"}", "id: must be"},
		{"{\"argv\":[\"x\"],\"array\":2,\"priority\":101}", "priority"},
		{"{\"argv\":[\"x\"],\"array\":2,\"webhook\":\"ftp://x\"}", "webhook"},
		{"{\"argv\":[\"x\"],\"array\":2,\"tier\":\"lead\"}", "tier"},
		{"{\"argv\":[\"x\"],\"array\":2,\"class\":\"C\"}", "class"},
	};
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_batch b;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		json_t *body = body_of(cases[i].text);
		CU_ASSERT_EQUAL(fog_job_batch_parse(body, "id", &b, error), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, cases[i].error));
		if (strstr(error, cases[i].error) == NULL)
			printf("case %zu: %s\n", i, error);
		CU_ASSERT_EQUAL(b.count, 0);
		json_decref(body);
	}
}

/* Inputs of other jobs and those known by their hash are so many together. */
static void test_inputs_max(void)
{
	char error[FOG_JSON_ERROR_SIZE], hash[65];
	struct fog_job_batch b;

	memset(hash, '0', 64);
	hash[64] = '\0';
	for (u32 hashes = 0; hashes < 2; hashes++) {
		json_t *body = body_of(STAGE(FROM("a.0")));
		json_t *job =
			json_object_get(json_array_get(json_object_get(body, "stages"), 1), "job");
		json_t *inputs = json_object_get(job, "inputs");
		for (u32 i = 1; i < FOG_JOB_INPUTS_MAX; i++)
			json_array_append_new(inputs,
					      json_pack("{s:o,s:s}", "name", json_sprintf("n%u", i),
							"from", "a.0"));
		if (hashes != 0)
			json_array_append_new(inputs,
					      json_pack("{s:s,s:s}", "name", "h", "sha256", hash));
		CU_ASSERT_EQUAL(fog_job_batch_parse(body, "id", &b, error),
				hashes == 0 ? 0 : -EINVAL);
		if (hashes == 0)
			fog_job_batch_free(&b);
		json_decref(body);
	}
}

static void test_tiers(void)
{
	/* Gold costs five times as much, three replicas together. */
	CU_ASSERT_EQUAL(fog_tier_premium(FOG_TIER_NONE, 1, 1000), 0);
	CU_ASSERT_EQUAL(fog_tier_premium(FOG_TIER_GOLD, 1, 1000), 4000);
	CU_ASSERT_EQUAL(fog_tier_premium(FOG_TIER_GOLD, 3, 1000), 666);
	CU_ASSERT_EQUAL(fog_tier_premium(FOG_TIER_SILVER, 1, 1), 2);
	CU_ASSERT_EQUAL(fog_tier_premium(FOG_TIER_SILVER, 2, 0), 0);
	CU_ASSERT_EQUAL(fog_tier_back(FOG_TIER_BRONZE, 1000), 100);
	CU_ASSERT_EQUAL(fog_tier_back(FOG_TIER_BRONZE, 0), 1);
	CU_ASSERT_EQUAL(fog_tier_back(FOG_TIER_GOLD, 7), 7);
}

FOG_TEST_MAIN("controlplane/jobs/dag", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_lone), FOG_TEST(test_inputs_max), FOG_TEST(test_tiers))
