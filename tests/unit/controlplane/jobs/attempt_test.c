/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/jobs/hand.h"

/* A receipt that is wrong in one way: no pay, no settlement, fraud on record, another host. */
static void test_receipts_refused(void)
{
	for (u32 i = 0; i < 6; i++) {
		u32 host, signer;
		start();
		u32 stream = accepted(&host);
		tick(1000);
		struct fog_receipt r = receipt_make(i == 0 ? 9000 : 1000);
		signer = i == 1 ? 3 - host : host;
		if (i == 2)
			r.amount++;
		if (i == 3)
			r.key.attempt++;
		if (i == 4)
			r.offer_sha256[0] ^= 1;
		if (i == 5)
			r.output[0].sha256[0] ^= 1;
		result_say(stream, &r, signer);
		log_say(stream, 0, "abc");
		CU_ASSERT_FALSE(was_sent("settle"));
		CU_ASSERT_EQUAL(number("SELECT state FROM attempt"), FOG_ATTEMPT_LOST);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind ="
				       " 'fraud_detected'"),
				1);
		CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name ="
				       " 'user:ann'"),
				100000);
		json_t *cancel = sent("cancel");
		CU_ASSERT_TRUE(json_is_true(json_object_get(cancel, "abandon")));
		json_decref(cancel);
		clear();
		tick(10);
		CU_ASSERT_PTR_NOT_NULL_FATAL(find(FOG_ACTION_OPEN));
		CU_ASSERT_EQUAL(host_of(find(FOG_ACTION_OPEN)), 3 - host);
		stop();
	}
}

static void test_declined(void)
{
	u32 host, next;

	start();
	u32 stream = offered(&host);
	say(stream, fog_job_hello(t.id[host]));
	clear();
	say(stream, fog_job_decline(FOG_DECLINE_CAPACITY, "full"));
	reason_is("declined (capacity): full");
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'escrow:j'"), 0);
	CU_ASSERT_EQUAL(number("SELECT lost_count FROM job"), 0);
	tick(10);
	const struct fog_action *open = find(FOG_ACTION_OPEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	next = host_of(open);
	CU_ASSERT_EQUAL(next, 3 - host);
	stream = open->stream;
	clear();
	fog_jobs_stream_opened(t.jobs, stream, NULL, t.now);
	say(stream, fog_job_hello(t.id[next]));
	say(stream, fog_job_decline(FOG_DECLINE_PRICE, "dear"));
	clear();
	tick(10); /* nobody left for now, and it says so */
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_OPEN));
	reason_is("of 3 hosts: 1 this host");
	tick(3000); /* the full one is asked again */
	open = find(FOG_ACTION_OPEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	CU_ASSERT_EQUAL(host_of(open), host);
	stop();
}

/* Nobody answers: two attempts, then it has failed; nothing is kept back. */
static void test_unreachable(void)
{
	start();
	CU_ASSERT_EQUAL(submit("j", simple), 1);
	for (u32 ms = 0; ms < 3 * FOG_JOBS_OFFER_MS; ms += 500) {
		tick(500);
		for (u32 i = 0; i < t.count; i++)
			if (t.action[i].kind == FOG_ACTION_OPEN)
				fog_jobs_stream_failed(t.jobs, t.action[i].stream, "no route",
						       t.now);
		clear();
	}
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_FAILED);
	reason_is("2 attempts were lost, the last: could not be reached: no route");
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'user:ann'"),
			100000);
	CU_ASSERT_EQUAL(number("SELECT count(DISTINCT worker) FROM attempt"), 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind = 'unavailability'"), 2);
	stop();
}

static void test_no_money(void)
{
	start();
	CU_ASSERT_EQUAL(submit("j", "{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":200}}"), 1);
	tick(10);
	reason_is("account user:ann cannot hold 200000 mfog");
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_OPEN));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM attempt"), 0);
	CU_ASSERT_EQUAL(submit("k", "{\"argv\":[\"true\"],\"price_cap\":5}"), 1);
	tick(10);
	CU_ASSERT_EQUAL(number("SELECT reason LIKE '%2 above the price cap of 5 mfog' FROM job "
			       "WHERE id = 'k'"),
			1);
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/attempt", FOG_TEST(test_receipts_refused), FOG_TEST(test_declined),
	      FOG_TEST(test_unreachable), FOG_TEST(test_no_money))
