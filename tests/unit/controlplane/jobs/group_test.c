/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs submitted together: gangs in two phases, stages, replicas. */
#include "tests/unit/controlplane/jobs/bed.h"

#include <errno.h>

static const char gang[] = "{\"stages\":[{\"name\":\"g\",\"gang\":3,\"job\":{\"argv\":[\"x\"],"
			   "\"limits\":{\"cpu_cores\":3,\"wall_seconds\":60}}}]}";

static u32 count(bool (*is)(const struct bed_stream *))
{
	u32 n = 0;

	for (u32 i = 0; i < bed.stream_count; i++)
		n += is(&bed.stream[i]);
	return n;
}

static bool is_held(const struct bed_stream *s)
{
	return s->held && !s->closed && !s->asked_to_stop;
}

static bool is_told(const struct bed_stream *s)
{
	return s->went;
}

static u32 in_state(enum fog_job_state state)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM job WHERE state = %d", state);
	return (u32)bed_number(sql);
}

/* What was asked to stop does: nothing was used. */
static void let_go(void)
{
	for (u32 i = 0; i < bed.stream_count; i++) {
		struct bed_stream *s = &bed.stream[i];
		if (s->asked_to_stop && !s->closed)
			bed_end(s, FOG_OUTCOME_CANCELLED, -1, 0);
	}
}

/* All say yes, all are told to begin. */
static void test_life_cycle(void)
{
	bed_start(4);
	CU_ASSERT_EQUAL(bed_submit_batch("b", gang), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(count(is_told), 3);
	CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 3);
	CU_ASSERT_EQUAL(bed_number("SELECT sum(go) FROM attempt"), 3);
	for (u32 i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof(id), "b.g.%u", i);
		bed_finish(id, 0);
	}
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_number("SELECT state FROM batch"), FOG_JOB_SUCCEEDED);
	bed_stop();
}

/* One says no: nobody begins, all places are let go of, and all try again. */
static void test_declined(void)
{
	bed_start(4);
	bed.declines[2] = true;
	CU_ASSERT_EQUAL(bed_submit_batch("b", gang), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(count(is_told), 0);
	CU_ASSERT_EQUAL(count(is_held), 0);
	let_go();
	CU_ASSERT_EQUAL(in_state(FOG_JOB_QUEUED), 3);
	CU_ASSERT_EQUAL(bed_number("SELECT balance FROM ledger_account WHERE name = 'user:ann'"),
			1000000);
	bed.declines[2] = false;
	for (u32 i = 0; i < 10; i++)
		bed_tick(1000);
	CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 3);
	bed_stop();
}

/* A host dies after it said yes and before the last does: nobody begins, the rest is let go of. */
static void test_killed_between(void)
{
	u32 dead = 0;

	bed_start(5);
	bed.silent[4] = true;
	bed.host[3].alive = false; /* so that the silent one is needed */
	CU_ASSERT_EQUAL(bed_submit_batch("b", gang), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(count(is_held), 2);
	CU_ASSERT_EQUAL(count(is_told), 0);
	/* It dies; then the last says yes. */
	for (u32 i = 0; i < bed.stream_count; i++)
		if (is_held(&bed.stream[i]))
			dead = bed.stream[i].host;
	bed.host[dead].alive = false;
	bed.host[3].alive = true;
	bed.silent[4] = false;
	for (u32 i = 0; i < bed.stream_count; i++) {
		struct bed_stream *s = &bed.stream[i];
		if (s->host != dead && s->host != 4)
			continue;
		s->closed = true;
		fog_jobs_stream_closed(bed.jobs, s->id, bed.now);
		bed_pump();
	}
	for (u32 i = 0; i < 20 && count(is_told) == 0; i++) {
		CU_ASSERT(in_state(FOG_JOB_RUNNING) == 0);
		bed_tick(1000);
		let_go();
	}
	/* With the host that came instead. */
	CU_ASSERT_EQUAL(count(is_told), 3);
	CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 3);
	for (u32 i = 0; i < bed.stream_count; i++)
		CU_ASSERT(!bed.stream[i].went || bed.stream[i].host != dead);
	bed_stop();
}

/* One never answers: in the end all are let go of. A restart in between changes nothing. */
static void test_gather_timeout(void)
{
	bed_start(4);
	bed.silent[3] = true;
	CU_ASSERT_EQUAL(bed_submit_batch("b", gang), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(count(is_held), 2);
	bed_restart();
	bed_tick(10);
	bed_tick(1000);
	CU_ASSERT_EQUAL(count(is_held), 2);
	for (u32 i = 0; i < 16; i++)
		bed_tick(5000);
	CU_ASSERT_EQUAL(count(is_told), 0);
	CU_ASSERT_EQUAL(count(is_held), 0);
	bed_stop();
}

static const char stages[] = "{\"stages\":[{\"name\":\"a\",\"job\":{\"argv\":[\"x\"]}},"
			     "{\"name\":\"b\",\"after\":[\"a\"],\"job\":{\"argv\":[\"x\"]}}]}";

static void test_stages(void)
{
	for (u32 fails = 0; fails < 2; fails++) {
		bed_start(3);
		CU_ASSERT_EQUAL(bed_submit_batch("d", stages), 1);
		bed_tick(10);
		CU_ASSERT_EQUAL(bed_state("d.b.0"), FOG_JOB_QUEUED);
		CU_ASSERT(bed_why("d.b.0").held);
		bed_finish("d.a.0", (i32)fails);
		bed_tick(10);
		bed_tick(1000);
		CU_ASSERT_EQUAL(bed_state("d.b.0"), fails ? FOG_JOB_CANCELLED : FOG_JOB_RUNNING);
		bed_stop();
	}
}

/* Class S: the majority of three decides, who is alone is remembered; without one it is broken. */
static void test_replicas(void)
{
	static const char body[] = "{\"stages\":[{\"name\":\"r\",\"job\":{\"argv\":[\"x\"],"
				   "\"class\":\"S\",\"tier\":\"gold\"}}]}";

	for (u32 turn = 0; turn < 2; turn++) {
		bed_start(5);
		for (u32 i = 0; i < 5; i++)
			bed.host[i].attested = true;
		CU_ASSERT_EQUAL(bed_submit_batch("s", body), 1);
		bed_tick(10);
		CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 3);
		bed_finish("s.r.0", 0);
		bed_finish("s.r.1", turn == 0 ? 0 : 1);
		bed_finish("s.r.2", 2);
		bed_tick(10);
		CU_ASSERT_EQUAL(bed_number("SELECT state FROM batch"),
				turn == 0 ? FOG_JOB_SUCCEEDED : FOG_JOB_FAILED);
		CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM evidence WHERE kind ="
					   " 'quality_low'"),
				turn == 0);
		CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM sla_breach WHERE kind ="
					   " 'disagreed'"),
				turn);
		bed_stop();
	}
}

/* Whoever left other files than the others is alone, though he printed the same. */
static void test_replicas_files(void)
{
	static const char body[] = "{\"stages\":[{\"name\":\"r\",\"job\":{\"argv\":[\"x\"],"
				   "\"artifacts\":[\"x\"],\"class\":\"S\",\"tier\":\"gold\"}}]}";

	bed_start(5);
	for (u32 i = 0; i < 5; i++)
		bed.host[i].attested = true;
	CU_ASSERT_EQUAL(bed_submit_batch("s", body), 1);
	bed_tick(10);
	bed.list = "{\"files\":[]}";
	bed_finish("s.r.0", 0);
	bed_finish("s.r.1", 0);
	bed.list = "{\"files\":[ ]}";
	bed_finish("s.r.2", 0);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_number("SELECT state FROM batch"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM evidence WHERE kind = 'quality_low'"), 1);
	bed_stop();
}

/* One replica is done before another has a place, also over a restart: they do not share a host. */
static void test_replicas_apart(void)
{
	static const char body[] = "{\"stages\":[{\"name\":\"r\",\"job\":{\"argv\":[\"x\"],"
				   "\"class\":\"S\",\"tier\":\"gold\"}}]}";
	u32 where[3];

	bed_start(4);
	for (u32 i = 0; i < 4; i++)
		bed.host[i].attested = i < 3;
	bed.host[1].alive = bed.host[2].alive = false;
	bed.config.worker = false; /* 0 does not work itself */
	bed.host[0].roles = 0;
	bed.host[3].attested = true;
	CU_ASSERT_EQUAL(bed_submit_batch("s", body), 1);
	for (u32 k = 0; k < 3; k++) {
		bed.host[3 - k].alive = true;
		for (u32 i = 0; i < 20 && in_state(FOG_JOB_RUNNING) == 0; i++)
			bed_tick(1000);
		CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 1);
		CU_ASSERT_EQUAL(in_state(FOG_JOB_QUEUED), 2 - k);
		for (u32 i = 0; i < 3; i++) {
			char id[16];
			snprintf(id, sizeof(id), "s.r.%u", i);
			if (bed_state(id) != FOG_JOB_RUNNING)
				continue;
			where[k] = bed_where(id);
			bed_finish(id, 0);
		}
		if (k == 0)
			bed_restart();
		bed_tick(10000);
		if (k < 2) /* the host is free, and is not taken */
			CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 0);
	}
	CU_ASSERT(where[0] != where[1] && where[1] != where[2] && where[0] != where[2]);
	CU_ASSERT_EQUAL(bed_number("SELECT state FROM batch"), FOG_JOB_SUCCEEDED);
	bed_stop();
}

/* The rule holds among those that one pass places, too. */
static void test_apart_at_once(void)
{
	static const char body[] = "{\"stages\":[{\"name\":\"a\",\"array\":3,\"job\":{\"argv\":"
				   "[\"x\"],\"constraints\":{\"apart\":\"host\"}}}]}";

	bed_start(3);
	CU_ASSERT_EQUAL(bed_submit_batch("a", body), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(in_state(FOG_JOB_RUNNING), 2);
	CU_ASSERT_EQUAL(bed_number("SELECT count(DISTINCT worker) FROM attempt"), 2);
	bed_stop();
}

/* A wrong input of one member is an error of whoever asks: nothing of the batch is taken. */
static void test_unknown_hash(void)
{
	static const char body[] = "{\"array\":2,\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\","
				   "\"sha256\":\"0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef\"}]}";
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_batch batch;
	json_t *v = json_loads(body, 0, NULL);

	bed_start(3);
	CU_ASSERT_EQUAL_FATAL(fog_job_batch_parse(v, "u", &batch, error), 0);
	CU_ASSERT_EQUAL(fog_jobs_submit_batch(bed.jobs, "ann", &batch, bed.now, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "inputs: a: no output or artifact of yours has that hash");
	fog_job_batch_free(&batch);
	json_decref(v);
	CU_ASSERT_FALSE(fog_jobs_totals(bed.jobs)->broken);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM job"), 0);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM batch"), 0);
	CU_ASSERT_EQUAL(bed_submit_batch("d", stages), 1);
	bed_stop();
}

/* The id of a job is no right to what it printed: it may be another user's. */
static void test_input_of_another(void)
{
	static const char body[] = "{\"stages\":[{\"name\":\"s\",\"job\":{\"argv\":[\"x\"]}},{"
				   "\"name\":\"t\",\"after\":"
				   "[\"s\"],\"job\":{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"n\","
				   "\"from\":\"s.5\"}]}}]}";

	for (u32 ours = 0; ours < 2; ours++) {
		bed_start(3);
		CU_ASSERT_EQUAL(bed_submit("b.s.5", "{\"argv\":[\"x\"]}"), 1);
		bed_tick(10);
		bed_finish("b.s.5", 0);
		if (ours == 0)
			CU_ASSERT_EQUAL(
				fog_stmt_run(fog_stmt(bed.store, "UPDATE job SET user = 'bob'")),
				0);
		CU_ASSERT_EQUAL(bed_submit_batch("b", body), 1);
		bed_tick(10);
		bed_finish("b.s.0", 0);
		bed_tick(10);
		bed_tick(1000);
		CU_ASSERT_EQUAL(bed_state("b.t.0"), ours ? FOG_JOB_RUNNING : FOG_JOB_CANCELLED);
		CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM job_input"), ours);
		bed_stop();
	}
}

/* A batch's id is taken once, whatever its stages are. */
static void test_batch_of_another(void)
{
	bed_start(4);
	CU_ASSERT_EQUAL(bed_submit_batch("d", stages), 1);
	CU_ASSERT_EQUAL(bed_submit_batch("d", stages), 0);
	CU_ASSERT_EQUAL(bed_submit_batch("d", gang), -EEXIST);
	CU_ASSERT_EQUAL(fog_stmt_run(fog_stmt(bed.store, "UPDATE batch SET user = 'bob'")), 0);
	CU_ASSERT_EQUAL(bed_submit_batch("d", gang), -EEXIST);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM job"), 2);
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/group", FOG_TEST(test_life_cycle), FOG_TEST(test_declined),
	      FOG_TEST(test_killed_between), FOG_TEST(test_gather_timeout), FOG_TEST(test_stages),
	      FOG_TEST(test_replicas), FOG_TEST(test_replicas_files), FOG_TEST(test_replicas_apart),
	      FOG_TEST(test_apart_at_once), FOG_TEST(test_unknown_hash),
	      FOG_TEST(test_input_of_another), FOG_TEST(test_batch_of_another))
