/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/jobs/hand.h"

static void test_life_cycle(void)
{
	u32 host;

	start();
	u32 stream = accepted(&host);
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'escrow:j'"),
			10000);
	tick(1000);
	struct fog_receipt r = receipt_make(1000);
	result_say(stream, &r, host);
	CU_ASSERT_EQUAL(number("SELECT state FROM attempt"), FOG_ATTEMPT_RECEIVED);
	CU_ASSERT_FALSE(was_sent("settle"));
	log_say(stream, 0, "ab");
	log_say(stream, 0, "abc"); /* what is held already is skipped */
	CU_ASSERT_TRUE(was_sent("settle"));
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'user:ann'"),
			99000);
	CU_ASSERT_EQUAL(number("SELECT notify FROM attempt"), 1);
	say(stream, fog_job_settled());
	CU_ASSERT_EQUAL(number("SELECT notify FROM attempt"), 0);
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_CLOSE));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind = 'task_success'"), 1);
	stop();
}

static void test_bad_arguments(void)
{
	start();
	memset(t.known, 0, sizeof(t.known));
	CU_ASSERT_EQUAL(submit("j", simple), 1);
	CU_ASSERT_EQUAL(submit("j", simple), 0);
	CU_ASSERT_EQUAL(submit("j", "{\"argv\":[\"false\"]}"), -EEXIST);
	CU_ASSERT_EQUAL(submit("k", simple), 1);
	CU_ASSERT_EQUAL(submit("l", simple), 1);
	CU_ASSERT_EQUAL(submit("m", simple), -ENOSPC);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "m", t.now), -ENOENT);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	CU_ASSERT_EQUAL(submit("m", simple), 1);
	/* Streams and tags nobody knows. */
	fog_jobs_stream_opened(t.jobs, 77, NULL, t.now);
	fog_jobs_stream_failed(t.jobs, 77, "x", t.now);
	fog_jobs_stream_closed(t.jobs, 77, t.now);
	fog_jobs_stream_json(t.jobs, 77, (const u8 *)"{}", 2, t.now);
	fog_jobs_stream_data(t.jobs, 77, (const u8 *)"x", 1, t.now);
	fog_jobs_verified(t.jobs, 77, true, t.now);
	stop();
}

/* What waits here wants a place here; what is class S wants an attested one wherever it runs. */
static void test_demand(void)
{
	struct fog_jobs_demand d;

	start();
	CU_ASSERT_EQUAL(submit("k", "{\"argv\":[\"x\"],\"class\":\"S\",\"limits\":{\"wall_"
				    "seconds\":1,\"cpu_cores\":1.5,"
				    "\"disk_mb\":100}}"),
			1);
	CU_ASSERT_EQUAL(
		submit("l", "{\"argv\":[\"x\"],\"limits\":{\"wall_seconds\":1,\"cpu_cores\":1}}"),
		1);
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 1500);
	CU_ASSERT_EQUAL(d.disk_bytes, 100ull << 20);
	CU_ASSERT_EQUAL(d.cpu_milli, 2500);
	tick(10); /* both are placed */
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 1500);
	CU_ASSERT_EQUAL(d.disk_bytes, 0);
	CU_ASSERT_EQUAL(d.cpu_milli, 0);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 0);
	stop();
}

static char *random_message(struct fog_rng *rng, const struct fog_offer *o, const char *spec)
{
	u8 signature[64];
	u64 size[2] = {fog_rng_below(rng, 100), fog_rng_below(rng, 9000000)};
	char *text = NULL, *m = NULL;

	fog_rng_bytes(rng, signature, sizeof(signature));
	switch (fog_rng_below(rng, 14)) {
	case 0:
		return fog_job_hello(t.id[fog_rng_below(rng, HOSTS)]);
	case 1:
		text = fog_offer_text(o);
		sign_as(1, FOG_OFFER_LABEL, text, signature);
		m = fog_job_offer(text, signature, spec, fog_rng_below(rng, 2),
				  fog_rng_below(rng, 2), &(struct fog_trace){0});
		break;
	case 2:
		return fog_job_accept(1 + fog_rng_below(rng, 6), 1 + (u32)fog_rng_below(rng, 2));
	case 3:
		return fog_job_decline(1 + fog_rng_below(rng, 6), "r");
	case 4:
		return fog_job_need("stdin", fog_rng_below(rng, 100), 5);
	case 5:
		return fog_job_blob("stdin", fog_rng_below(rng, 100), 5);
	case 6:
		return fog_job_status(1 + fog_rng_below(rng, 6), 1 + (u32)fog_rng_below(rng, 2),
				      size);
	case 7:
		return fog_job_follow(size);
	case 8:
		return fog_job_log((u32)fog_rng_below(rng, 2), fog_rng_below(rng, 10), 5);
	case 9:
		return fog_job_result("{}", signature, NULL);
	case 10:
		return fog_job_settle("{}", signature);
	case 11:
		return fog_job_settled();
	case 12:
		return fog_job_cancel(fog_rng_below(rng, 2));
	default:
		return fog_job_closed("r");
	}
	free(text);
	return m;
}

static void random_event(struct fog_rng *rng, u32 *stream, const struct fog_offer *o,
			 const char *spec)
{
	switch (fog_rng_below(rng, 10)) {
	case 0:
		*stream = fog_jobs_stream_accepted(t.jobs, t.now);
		if (fog_rng_below(rng, 2)) /* else nothing it says is heard */
			say(*stream, fog_job_hello(NULL));
		break;
	case 1:
		fog_jobs_stream_data(t.jobs, *stream, (const u8 *)"hello", 5, t.now);
		break;
	case 2:
		fog_jobs_tick(t.jobs, t.now += fog_rng_below(rng, 3000));
		break;
	case 3:
		t.run = 1 + fog_rng_below(rng, 4);
		break;
	default:
		say(*stream, random_message(rng, o, spec));
	}
	collect();
	if (fog_rng_below(rng, 2))
		verify();
	for (u32 i = 0; i < t.count; i++)
		if (t.action[i].kind == FOG_ACTION_OPEN && fog_rng_below(rng, 2)) {
			*stream = t.action[i].stream;
			fog_jobs_stream_opened(t.jobs, *stream, NULL, t.now);
		}
	clear();
}

/* Well-formed messages in any order, to both roles: never a crash, never a broken book. */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 7;
	struct fog_rng rng;
	char why[FOG_STORE_WHY_SIZE];
	u32 stream = 0;

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	start();
	char *spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	for (u32 i = 0; i < 30000; i++) {
		if (i % 500 == 0) {
			char id[16];
			snprintf(id, sizeof(id), "r%u", i);
			submit(id, simple);
			o.key.attempt++;
			o.created_ms = t.now;
		}
		random_event(&rng, &stream, &o, spec);
		if (i % 5000 == 0)
			CU_ASSERT_EQUAL(fog_jobs_audit(t.store, why), 0);
	}
	CU_ASSERT(number("SELECT count(*) FROM attempt") > 20);
	CU_ASSERT(number("SELECT count(*) FROM work") > 5);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job WHERE state = 5"),
			0); /* none was signed for */
	free(spec);
	stop();
}

/* What mix monitoring and attestations tell: once, of the right kind, never of ourselves. */
static void test_evidence(void)
{
	static const struct {
		enum fog_evidence_source source;
		enum fog_evidence_kind kind;
		const char *reference;
		u32 node;
		int rc;
		i64 rows;
	} cases[] = {
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 1, 0, 1},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 1, 0, 1}, /* told twice */
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "8", 1, 0, 2},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_TASK_SUCCESS, "9", 1, -EINVAL, 2},
		{FOG_SOURCE_ATTESTATION, FOG_EVIDENCE_PEER_ENDORSEMENT, "9", 1, -EINVAL, 2},
		{FOG_SOURCE_ATTESTATION, FOG_EVIDENCE_FRAUD_DETECTED, "9", 1, 0, 3},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 0, -EINVAL, 3}, /* ourselves */
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "", 1, -EINVAL, 3},
		{FOG_SOURCE_COUNT, FOG_EVIDENCE_AVAILABILITY, "7", 1, -EINVAL, 3},
	};

	start();
	double before = 0;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		before = i == 3 ? fog_jobs_weight(t.jobs, t.id[1], t.now) : before;
		CU_ASSERT_EQUAL(fog_jobs_evidence(t.jobs, t.id[cases[i].node], cases[i].source,
						  cases[i].kind, 0.5, cases[i].reference, "",
						  t.now),
				cases[i].rc);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence"), cases[i].rows);
	}
	CU_ASSERT(fog_jobs_weight(t.jobs, t.id[1], t.now) < before);
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/engine", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_demand), FOG_TEST(test_random), FOG_TEST(test_evidence))
