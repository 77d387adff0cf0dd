/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/jobs/hand.h"

/* Less than the receipt asks, by somebody else, for something else: not settled. Then right, twice:
 * credited once. */
static void test_settlements(void)
{
	char *spec, receipt[FOG_JOBS_VERIFY_TEXT_MAX + 1], error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt r;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = offer_say(&o, spec, 1, false);
	t.run = FOG_RUN_FINISHED;
	tick(1000);
	json_t *v = sent("result");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	snprintf(receipt, sizeof(receipt), "%s", json_string_value(json_object_get(v, "text")));
	json_decref(v);
	CU_ASSERT_EQUAL_FATAL(fog_receipt_parse(receipt, &r, error), 0);
	CU_ASSERT_EQUAL(r.amount, 2);
	for (u32 i = 0; i < 4; i++) {
		clear();
		struct fog_attempt_key key = o.key;
		key.attempt += i == 3;
		order_say(stream, &key, i == 2 ? "x" : receipt, r.amount - (i == 0),
			  i == 1 ? 2 : 1);
		CU_ASSERT_FALSE(was_sent("settled"));
		CU_ASSERT_TRUE(was_sent("error"));
		CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_FINISHED);
		stream = offer_say(&o, spec, 1, true);
		CU_ASSERT_TRUE(was_sent("result"));
	}
	for (u32 i = 0; i < 2; i++) {
		clear();
		order_say(stream, &o.key, receipt, r.amount, 1);
		CU_ASSERT_TRUE(was_sent("settled"));
	}
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name LIKE 'host:%'"), 2);
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_SETTLED);
	free(spec);
	stop();
}

static void test_abandoned(void)
{
	char *spec;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = offer_say(&o, spec, 1, false);
	clear();
	say(stream, fog_job_cancel(true));
	CU_ASSERT_TRUE(was_sent("closed"));
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_CANCEL));
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_REMOVE));
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_CLOSED);
	clear();
	offer_say(&o, spec, 1, false); /* an old copy of the offer does not run it again */
	CU_ASSERT_TRUE(was_sent("closed"));
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	tick(FOG_JOBS_KEEP_MS + 120000);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM work"), 0);
	free(spec);
	stop();
}

/* What the run left is told of once, and handed out; what is not there is said to be gone. */
static void test_leavings(void)
{
	char *spec = spec_of("{\"argv\":[\"x\"],\"checkpoint\":true,\"artifacts\":[\"a\"]}");
	const u64 none[2] = {0, 0};

	start();
	struct fog_offer o = offer_make(spec);
	u32 stream = offer_say(&o, spec, 1, false);
	tick(200);
	say(stream, fog_job_follow(none));
	clear();
	t.kept.number = 3;
	t.kept.checkpoint.size = 5;
	tick(200);
	json_t *v = sent("kept");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(v, "number")), 3);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(v, "size")), 5);
	json_decref(v);
	clear();
	tick(200);
	CU_ASSERT_FALSE(was_sent("kept"));
	t.file = "hello";
	say(stream, fog_job_need("checkpoint.3", 1, 3));
	CU_ASSERT_TRUE(was_sent("blob"));
	const struct fog_action *bytes = find(FOG_ACTION_SEND_DATA);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL(bytes->len, 3);
	CU_ASSERT_EQUAL(memcmp(bytes->data, "ell", 3), 0);
	clear();
	say(stream, fog_job_need("checkpoint.3", 5, 3)); /* beyond its end */
	v = sent("kept");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "gone")), "checkpoint.3");
	json_decref(v);
	t.file = NULL;
	clear();
	say(stream, fog_job_need("checkpoint.2", 0, 3));
	v = sent("kept");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "gone")), "checkpoint.2");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(v, "number")), 3);
	json_decref(v);
	clear();
	say(stream, fog_job_need("a-name-that-is-longer-than-any-file-has", 0, 3));
	CU_ASSERT_TRUE(was_sent("error"));
	free(spec);
	stop();
}

/* The receipt signs what there is. */
static void test_receipt(void)
{
	char *spec = spec_of("{\"argv\":[\"x\"],\"checkpoint\":true,\"artifacts\":[\"a\"]}");
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt r;

	start();
	struct fog_offer o = offer_make(spec);
	offer_say(&o, spec, 1, false);
	t.kept = (struct fog_executor_kept){.number = 2,
					    .checkpoint = {7, {1}},
					    .manifest = {9, {2}},
					    .artifacts = 1,
					    .artifact_bytes = 4};
	t.run = FOG_RUN_FINISHED;
	tick(1000);
	json_t *v = sent("result");
	CU_ASSERT_EQUAL_FATAL(
		fog_receipt_parse(json_string_value(json_object_get(v, "text")), &r, error), 0);
	json_decref(v);
	CU_ASSERT_EQUAL(r.checkpoint_number, 2);
	CU_ASSERT_EQUAL(r.checkpoint.size, 7);
	CU_ASSERT_EQUAL(r.checkpoint.sha256[0], 1);
	CU_ASSERT_EQUAL(r.manifest.size, 9);
	CU_ASSERT_EQUAL(r.manifest.sha256[0], 2);
	CU_ASSERT_EQUAL(r.artifacts, 1);
	CU_ASSERT_EQUAL(r.artifact_bytes, 4);
	free(spec);
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/serve", FOG_TEST(test_settlements), FOG_TEST(test_abandoned),
	      FOG_TEST(test_leavings), FOG_TEST(test_receipt))
