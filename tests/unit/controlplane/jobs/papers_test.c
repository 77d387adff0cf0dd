/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/papers.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "controlplane/scheduler/scheduler.h"
#include "crypto/hash/hash.h"
#include "crypto/sign/sign.h"

#define GIB (1ull << 30)

static const struct fog_job_limits limits = {
	.cpu_milli = 1000,
	.memory_bytes = GIB,
	.wall_ms = 3600000,
	.output_bytes = 1000,
	.pids = 8,
};

static struct fog_offer offer_make(void)
{
	struct fog_offer o = {.price.cpu_hour = 150,
			      .price.memory_gb_hour = 50,
			      .price_max = 200,
			      .created_ms = 1700000000000ull};

	memset(o.key.submitter, 1, 32);
	memset(o.key.worker, 2, 32);
	snprintf(o.key.job, sizeof(o.key.job), "job-1");
	o.key.attempt = 3;
	memset(o.spec_sha256, 4, 32);
	return o;
}

static struct fog_receipt receipt_make(const struct fog_offer *o)
{
	struct fog_receipt t = {.key = o->key,
				.outcome = FOG_OUTCOME_EXITED,
				.price.cpu_hour = o->price.cpu_hour,
				.price.memory_gb_hour = o->price.memory_gb_hour,
				.amount = 100,
				.started_ms = 1700000001000ull,
				.ended_ms = 1700001801000ull,
				.sequence = 9};

	memset(t.offer_sha256, 5, 32);
	memcpy(t.spec_sha256, o->spec_sha256, 32);
	t.usage.wall_ms = 1800000;
	t.output[0].size = 10;
	snprintf(t.error, sizeof(t.error), "a \"quoted\" word");
	snprintf(t.sandbox, sizeof(t.sandbox), "{\"seccomp\":true}");
	return t;
}

static void test_life_cycle(void)
{
	struct fog_offer o = offer_make(), o2;
	struct fog_receipt t = receipt_make(&o), t2;
	struct fog_settlement s = {.key = o.key, .amount = 100, .created_ms = 5}, s2;
	char error[FOG_JSON_ERROR_SIZE];
	char *text = fog_offer_text(&o);

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(text, &o2, error), 0);
	CU_ASSERT_TRUE(fog_attempt_key_equal(&o.key, &o2.key));
	CU_ASSERT_EQUAL(o2.price_max, 200);
	free(text);
	text = fog_receipt_text(&t);
	CU_ASSERT_EQUAL_FATAL(fog_receipt_parse(text, &t2, error), 0);
	CU_ASSERT_STRING_EQUAL(t2.error, t.error);
	CU_ASSERT_STRING_EQUAL(t2.sandbox, t.sandbox);
	CU_ASSERT_EQUAL(memcmp(&t.usage, &t2.usage, sizeof(t.usage)), 0);
	CU_ASSERT_EQUAL(t2.sequence, 9);
	free(text);
	text = fog_settlement_text(&s);
	CU_ASSERT_EQUAL_FATAL(fog_settlement_parse(text, &s2, error), 0);
	CU_ASSERT_EQUAL(s2.amount, 100);
	free(text);
}

/* What a job left is signed, too, and never more than its limits; nor more than a verifier takes.
 */
static void test_leavings(void)
{
	struct fog_offer o = offer_make();
	struct fog_receipt t = receipt_make(&o), t2;
	struct fog_job_limits l = limits;
	char error[FOG_JSON_ERROR_SIZE];

	l.checkpoint_bytes = FOG_JOB_FILE_MAX;
	l.artifact_bytes = FOG_JOB_FILE_MAX;
	t.checkpoint_number = UINT32_MAX;
	t.checkpoint.size = FOG_JOB_FILE_MAX;
	memset(t.checkpoint.sha256, 7, 32);
	t.artifacts = FOG_EXECUTOR_ARTIFACTS_MAX;
	t.artifact_bytes = FOG_JOB_FILE_MAX;
	t.manifest.size = FOG_EXECUTOR_MANIFEST_MAX;
	memset(t.manifest.sha256, 8, 32);
	memset(t.error, '"', sizeof(t.error) - 1);
	char *text = fog_receipt_text(&t);
	CU_ASSERT_TRUE(strlen(text) <= FOG_JOBS_VERIFY_TEXT_MAX - FOG_JOB_SANDBOX_SIZE);
	CU_ASSERT_EQUAL_FATAL(fog_receipt_parse(text, &t2, error), 0);
	free(text);
	CU_ASSERT_EQUAL(t2.checkpoint_number, UINT32_MAX);
	CU_ASSERT_EQUAL(memcmp(&t.checkpoint, &t2.checkpoint, sizeof(t.checkpoint)), 0);
	CU_ASSERT_EQUAL(memcmp(&t.manifest, &t2.manifest, sizeof(t.manifest)), 0);
	CU_ASSERT_EQUAL(t2.artifacts, t.artifacts);
	CU_ASSERT_EQUAL(t2.artifact_bytes, t.artifact_bytes);
	CU_ASSERT_PTR_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
	l.artifact_bytes--;
	CU_ASSERT_PTR_NOT_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
	l.artifact_bytes++;
	l.checkpoint_bytes--;
	CU_ASSERT_PTR_NOT_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
}

/* Every field removed, every field of the wrong type, one more field: none passes. */
static void test_bad_arguments(void)
{
	struct fog_offer o = offer_make(), parsed;
	struct fog_receipt t = receipt_make(&o), t2;
	char error[FOG_JSON_ERROR_SIZE];
	char *text = fog_receipt_text(&t);
	json_t *root = json_loads(text, 0, NULL);
	const char *key;
	json_t *value;
	void *next;

	CU_ASSERT_EQUAL(fog_offer_parse(text, &parsed, error), -EINVAL);
	free(text);
	json_object_foreach_safe(root, next, key, value)
	{
		char name[64];
		snprintf(name, sizeof(name), "%s", key);
		json_t *copy = json_deep_copy(root);
		json_object_del(copy, name);
		text = json_dumps(copy, 0);
		CU_ASSERT_EQUAL(fog_receipt_parse(text, &t2, error), -EINVAL);
		free(text);
		json_object_set_new(copy, name, json_array());
		text = json_dumps(copy, 0);
		CU_ASSERT_EQUAL(fog_receipt_parse(text, &t2, error), -EINVAL);
		free(text);
		json_decref(copy);
	}
	json_object_set_new(root, "extra", json_true());
	text = json_dumps(root, 0);
	CU_ASSERT_EQUAL(fog_receipt_parse(text, &t2, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "receipt.extra: unknown field");
	free(text);
	json_decref(root);
	CU_ASSERT_EQUAL(fog_settlement_parse("{}", &(struct fog_settlement){0}, error), -EINVAL);
}

/* What accelerators cost is in offer and receipt, with their kind; both are audited. */
static void test_accelerators(void)
{
	struct fog_job_limits l = limits;
	struct fog_offer o = offer_make(), o2;
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt t2;

	l.accelerators = 2;
	snprintf(l.accelerator_type, sizeof(l.accelerator_type), "tesla-t4");
	o.price.accelerator_hour = 2000;
	o.price_max = 4200;
	struct fog_receipt t = receipt_make(&o);
	t.price = o.price;
	t.accelerators = 2;
	snprintf(t.accelerator_type, sizeof(t.accelerator_type), "tesla-t4");
	t.amount = fog_receipt_amount(&o, &l, t.outcome, t.usage.wall_ms);
	CU_ASSERT_EQUAL(t.amount, 2100); /* half an hour of two, a core and a GiB */
	char *text = fog_offer_text(&o);
	CU_ASSERT_EQUAL(fog_offer_parse(text, &o2, error), 0);
	CU_ASSERT_TRUE(fog_tariff_equal(&o.price, &o2.price));
	free(text);
	text = fog_receipt_text(&t);
	CU_ASSERT_EQUAL_FATAL(fog_receipt_parse(text, &t2, error), 0);
	free(text);
	CU_ASSERT_EQUAL(t2.accelerators, 2);
	CU_ASSERT_STRING_EQUAL(t2.accelerator_type, "tesla-t4");
	CU_ASSERT_PTR_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
	t2.accelerators = 1;
	CU_ASSERT_PTR_NOT_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
	t2 = t;
	t2.accelerator_type[0] = 'x';
	CU_ASSERT_PTR_NOT_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
	t2 = t;
	t2.price.accelerator_hour++;
	CU_ASSERT_PTR_NOT_NULL(fog_receipt_audit(&t2, &o, t.offer_sha256, &l, 1800000));
}

/* The largest receipt there can be still fits what verifiers take. */
static void test_largest(void)
{
	struct fog_offer o = offer_make();
	struct fog_receipt t = receipt_make(&o), t2;
	char error[FOG_JSON_ERROR_SIZE];

	memset(t.key.job, 'j', FOG_JOB_ID_SIZE - 1);
	t.key.attempt = 1000000;
	memset(t.error, '"', sizeof(t.error) - 1);
	snprintf(t.sandbox, sizeof(t.sandbox), "{\"%0490d\":true}", 0);
	t.amount = 1000000000000000ll;
	t.price = (struct fog_tariff){FOG_PLACEMENT_PRICE_MAX, FOG_PLACEMENT_PRICE_MAX,
				      FOG_PLACEMENT_PRICE_MAX};
	t.accelerators = FOG_JOB_ACCELERATORS_MAX;
	memset(t.accelerator_type, 'x', sizeof(t.accelerator_type) - 1);
	t.sequence = 1ull << 53;
	t.usage = (struct fog_job_usage){1ull << 50, 1ull << 50, 1ull << 50,
					 1ull << 53, 1ull << 53, 1ull << 53};
	char *text = fog_receipt_text(&t);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT(strlen(text) <= FOG_JOBS_VERIFY_TEXT_MAX);
	CU_ASSERT_EQUAL(fog_receipt_parse(text, &t2, error), 0);
	free(text);
}

static void test_audit(void)
{
	struct fog_offer o = offer_make();
	u8 sha[32];

	memset(sha, 5, sizeof(sha));
	for (u32 i = 0; i < 12; i++) {
		struct fog_receipt t = receipt_make(&o);
		u64 observed = 1800000;
		bool good = false;
		switch (i) {
		case 0:
			good = true;
			break;
		case 1:
			t.key.attempt++;
			break;
		case 2:
			t.offer_sha256[0] ^= 1;
			break;
		case 3:
			t.spec_sha256[0] ^= 1;
			break;
		case 4:
			t.price.cpu_hour++;
			break;
		case 5:
			t.amount++;
			break;
		case 6: /* longer than we waited */
			observed = 1800000 - FOG_JOBS_SLACK_MS - 1;
			break;
		case 7: /* longer than the limit, and paid for it */
			t.usage.wall_ms = limits.wall_ms + FOG_JOBS_SLACK_MS + 1;
			t.amount = 200;
			observed = 2 * limits.wall_ms;
			break;
		case 8: /* a failed host asks for pay */
			t.outcome = FOG_OUTCOME_FAILED;
			break;
		case 9:
			t.outcome = FOG_OUTCOME_FAILED;
			t.amount = 0;
			good = true;
			break;
		case 10:
			t.output[1].size = 1001;
			break;
		default:
			t.exit_code = -1;
		}
		const char *wrong = fog_receipt_audit(&t, &o, sha, &limits, observed);
		CU_ASSERT_EQUAL(wrong == NULL, good);
	}
}

static void test_amount(void)
{
	struct fog_offer o = offer_make();

	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_EXITED, 0), 0);
	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_EXITED, 1), 2);
	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_EXITED, 3600000), 200);
	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_EXITED, 9600000), 200);
	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_FAILED, 3600000), 0);
	o.price_max = 7;
	CU_ASSERT_EQUAL(fog_receipt_amount(&o, &limits, FOG_OUTCOME_EXITED, 3600000), 7);
}

/* A signature of one kind of paper is none of another. */
static void test_labels(void)
{
	u8 seed[32] = {1}, pk[32], sk[64], signature[64], a[FOG_PAPER_SIZE_MAX],
	   b[FOG_PAPER_SIZE_MAX];

	fog_sign_keypair(pk, sk, seed);
	u32 a_len = fog_paper_message(FOG_OFFER_LABEL, "{}", a);
	u32 b_len = fog_paper_message(FOG_RECEIPT_LABEL, "{}", b);
	fog_sign(signature, a, a_len, sk);
	CU_ASSERT_EQUAL(fog_sign_verify(signature, a, a_len, pk), 0);
	CU_ASSERT_NOT_EQUAL(fog_sign_verify(signature, b, b_len, pk), 0);
}

FOG_TEST_MAIN("controlplane/jobs/papers", FOG_TEST(test_life_cycle), FOG_TEST(test_leavings),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_accelerators), FOG_TEST(test_largest),
	      FOG_TEST(test_audit), FOG_TEST(test_amount), FOG_TEST(test_labels))
