/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/reserve.h"
#include "tests/unit/controlplane/jobs/bed.h"

#include <errno.h>

#define HOUR 3600000ull

static int parse(const char *body, struct fog_reservation *out, char error[FOG_JSON_ERROR_SIZE])
{
	json_t *v = json_loads(body, 0, NULL);
	int rc = fog_reservation_parse(bed.jobs, v, bed.now, out, error);

	json_decref(v);
	return rc;
}

/* text: members, without start; begins after start_ms. */
static int reserve(const char *members, u64 start_ms, char id[FOG_RESERVE_ID_SIZE])
{
	char body[512], error[FOG_JSON_ERROR_SIZE] = "";
	struct fog_reservation r;

	snprintf(body, sizeof(body), "{\"start_ms\":%llu,%s}",
		 (unsigned long long)(bed.now + start_ms), members);
	int rc = parse(body, &r, error);
	if (rc == 0)
		rc = fog_jobs_reserve(bed.jobs, &r, bed.now, error);
	if (rc == -EINVAL)
		printf("\n%s\n", error);
	memcpy(id, r.id, FOG_RESERVE_ID_SIZE);
	return rc;
}

static int job(const char *id, const char *space, u32 cores, u32 wall_s)
{
	char body[256];

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"true\"],\"namespace\":\"%s\",\"limits\":{\"cpu_cores\":%u,"
		 "\"wall_seconds\":%u}}",
		 space, cores, wall_s);
	int rc = bed_submit(id, body);
	bed_tick(10);
	return rc;
}

/* Before, in and after a reservation of both hosts. */
static void test_life_cycle(void)
{
	char id[FOG_RESERVE_ID_SIZE];

	bed_start(3);
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"film\",\"hosts\":[\"h1\",\"h2\"],"
				"\"duration_seconds\":3600",
				HOUR, id),
			0);
	CU_ASSERT_EQUAL(job("short", "default", 4, 3000), 1);
	CU_ASSERT_EQUAL(bed_state("short"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(job("long", "default", 4, 3700), 1);
	CU_ASSERT_EQUAL(bed_state("long"), FOG_JOB_QUEUED);
	struct fog_job_why why = bed_why("long");
	CU_ASSERT_EQUAL(why.placement.rejected[FOG_PLACEMENT_KEPT], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "1 reserved for others in that time"));
	/* It likely starts when the reservation is over, to the second. */
	CU_ASSERT_EQUAL(why.start_ms / 1000, (BED_T0 + 2 * HOUR) / 1000);
	CU_ASSERT_EQUAL(job("ours", "film", 4, 7000), 1);
	CU_ASSERT_EQUAL(bed_state("ours"), FOG_JOB_RUNNING);
	bed_finish("short", 0);
	bed_finish("ours", 0);
	/* In it. */
	bed.now = BED_T0 + HOUR;
	CU_ASSERT_EQUAL(job("other", "default", 1, 1), 1);
	CU_ASSERT_EQUAL(bed_state("other"), FOG_JOB_QUEUED);
	CU_ASSERT_EQUAL(job("more", "film", 4, 3000), 1);
	CU_ASSERT_EQUAL(bed_state("more"), FOG_JOB_RUNNING);
	bed_finish("more", 0);
	/* Restarts forget nothing. */
	bed_restart();
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("other"), FOG_JOB_QUEUED);
	/* After it. */
	bed.now = BED_T0 + 2 * HOUR;
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("other"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(bed_state("long"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM reservation"), 0);
	bed_stop();
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"{}", "namespace: "},
		{"{\"namespace\":\"a b\",\"cpu_cores\":1,\"duration_seconds\":1}", "namespace: "},
		{"{\"namespace\":\"a\",\"duration_seconds\":1}", "hosts: give hosts, or"},
		{"{\"namespace\":\"a\",\"hosts\":[\"h9\"],\"duration_seconds\":1}",
		 "hosts: no host \"h9\" is known"},
		{"{\"namespace\":\"a\",\"hosts\":[\"h1\",\"h1\"],\"duration_seconds\":1}",
		 "hosts: h1 is named twice"},
		{"{\"namespace\":\"a\",\"hosts\":[7],\"duration_seconds\":1}", "hosts: no host"},
		{"{\"namespace\":\"a\",\"hosts\":[],\"duration_seconds\":1}", "hosts: "},
		{"{\"namespace\":\"a\",\"cpu_cores\":1}", "duration_seconds: "},
		{"{\"namespace\":\"a\",\"cpu_cores\":1,\"duration_seconds\":0}",
		 "duration_seconds: "},
		{"{\"namespace\":\"a\",\"cpu_cores\":-1,\"duration_seconds\":1}", "cpu_cores: "},
		{"{\"namespace\":\"a\",\"cpu_cores\":1,\"duration_seconds\":60,"
		 "\"every_seconds\":59}",
		 "every_seconds: is shorter"},
		{"{\"namespace\":\"a\",\"cpu_cores\":1,\"duration_seconds\":60,\"until_ms\":59}",
		 "until_ms: needs every_seconds"},
		{"{\"namespace\":\"a\",\"cpu_cores\":1,\"duration_seconds\":60,\"start_ms\":5}",
		 "start_ms: lies so far back"},
		{"{\"namespace\":\"a\",\"cpu_cores\":1,\"duration_seconds\":60,\"x\":5}", "x: "},
	};
	char id[FOG_RESERVE_ID_SIZE], error[FOG_JSON_ERROR_SIZE];
	struct fog_reservation r;

	bed_start(3);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(parse(cases[i].body, &r, error), -EINVAL);
		if (strncmp(error, cases[i].want, strlen(cases[i].want)) != 0) {
			printf("\ncase %u: %s\n", i, error);
			CU_FAIL("another error");
		}
	}
	CU_ASSERT_EQUAL(fog_jobs_unreserve(bed.jobs, "nobody", bed.now), -ENOENT);
	const char *daily = "\"namespace\":\"a\",\"hosts\":[\"h1\"],\"duration_seconds\":3600,"
			    "\"every_seconds\":86400";
	CU_ASSERT_EQUAL(reserve(daily, 0, id), 0);
	/* The same host at the same time of some later day. */
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"b\",\"hosts\":[\"h2\",\"h1\"],"
				"\"duration_seconds\":60",
				72 * HOUR + HOUR / 2, id),
			-EEXIST);
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"b\",\"hosts\":[\"h2\",\"h1\"],"
				"\"duration_seconds\":60",
				71 * HOUR, id),
			0);
	CU_ASSERT_EQUAL(fog_jobs_unreserve(bed.jobs, id, bed.now), 0);
	for (u32 i = 1; i < FOG_JOBS_RESERVATIONS_MAX; i++)
		CU_ASSERT_EQUAL(reserve("\"namespace\":\"b\",\"cpu_cores\":1,"
					"\"duration_seconds\":60",
					0, id),
				0);
	CU_ASSERT_EQUAL(
		reserve("\"namespace\":\"b\",\"cpu_cores\":1,\"duration_seconds\":60", 0, id),
		-ENOSPC);
	bed_stop();
}

/* An amount on a host is beside what others keep there; a host kept whole is not. */
static void test_amount_on_host(void)
{
	char id[FOG_RESERVE_ID_SIZE];

	bed_start(3);
	for (u32 i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(reserve(i == 0 ? "\"namespace\":\"a\",\"hosts\":[\"h1\"],"
						 "\"cpu_cores\":2,\"duration_seconds\":3600"
					       : "\"namespace\":\"b\",\"hosts\":[\"h1\"],"
						 "\"cpu_cores\":1,\"duration_seconds\":3600",
					0, id),
				0);
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"c\",\"hosts\":[\"h1\"],"
				"\"duration_seconds\":60",
				0, id),
			-EEXIST);
	bed.host[2].alive = false;
	CU_ASSERT_EQUAL(job("two", "default", 2, 60), 1);
	CU_ASSERT_EQUAL(bed_state("two"), FOG_JOB_QUEUED);
	CU_ASSERT_EQUAL(job("one", "default", 1, 60), 1);
	CU_ASSERT_EQUAL(bed_state("one"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(job("a", "a", 2, 60), 1);
	CU_ASSERT_EQUAL(bed_state("a"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(job("a2", "a", 1, 60), 1);
	CU_ASSERT_EQUAL(bed_state("a2"), FOG_JOB_QUEUED);
	bed_stop();
}

/* An amount is kept wherever it is free, and moves when a host dies. */
static void test_amounts(void)
{
	char id[FOG_RESERVE_ID_SIZE];

	bed_start(4);
	CU_ASSERT_EQUAL(job("before", "default", 4, 100000), 1); /* runs into it, runs on */
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"class\",\"cpu_cores\":6,"
				"\"duration_seconds\":3600,\"every_seconds\":86400",
				HOUR, id),
			0);
	CU_ASSERT_EQUAL(fog_jobs_reservations_look(bed.jobs, bed.now), 0);
	CU_ASSERT_EQUAL(fog_jobs_reservation(bed.jobs, 0)->kept.cpu_milli, 6000);
	CU_ASSERT_EQUAL(job("beside", "default", 2, 100000), 1);
	CU_ASSERT_EQUAL(bed_state("beside"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(job("toomuch", "default", 1, 100000), 1);
	CU_ASSERT_EQUAL(bed_state("toomuch"), FOG_JOB_QUEUED);
	CU_ASSERT_EQUAL(job("first", "class", 4, 7000), 1);
	CU_ASSERT_EQUAL(bed_state("first"), FOG_JOB_RUNNING);
	/* What its own jobs use is part of it. */
	CU_ASSERT_EQUAL(job("second", "class", 2, 7000), 1);
	CU_ASSERT_EQUAL(bed_state("second"), FOG_JOB_RUNNING);
	bed.host[bed_where("first")].alive = false;
	bed_finish("before", 0);
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("toomuch"), FOG_JOB_QUEUED); /* moved to where `before` was */
	CU_ASSERT_EQUAL(fog_jobs_reservations_look(bed.jobs, bed.now), 0);
	CU_ASSERT_EQUAL(fog_jobs_reservation(bed.jobs, 0)->kept.cpu_milli, 6000);
	CU_ASSERT_EQUAL(fog_jobs_unreserve(bed.jobs, id, bed.now), 0);
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("toomuch"), FOG_JOB_RUNNING);
	bed_stop();
}

/* The next time of one that comes again, and its end. */
static void test_times(void)
{
	struct fog_reservation r = {
		.start_ms = 1000, .duration_ms = 100, .every_ms = 500, .until_ms = 2100};
	static const struct {
		u64 now, begin;
	} cases[] = {{0, 1000},    {1000, 1000}, {1099, 1000}, {1100, 1500},
		     {1599, 1500}, {1600, 2000}, {2099, 2000}, {2100, 0}};
	u64 begin;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		bool more = fog_reservation_next(&r, cases[i].now, &begin);
		CU_ASSERT_EQUAL(more ? begin : 0, cases[i].begin);
	}
	r.every_ms = r.until_ms = 0;
	CU_ASSERT(fog_reservation_next(&r, 1099, &begin));
	CU_ASSERT_FALSE(fog_reservation_next(&r, 1100, &begin));
}

static struct fog_closed told[2];

static u32 told_closed(void *context, struct fog_closed *out, u32 cap)
{
	memcpy(out, told, sizeof(told));
	return 2;
}

/* Hosts that their operators have closed: others plan around it, whom it is open to does not. */
static void test_closed(void)
{
	bed_start(3);
	memset(told, 0, sizeof(told));
	memcpy(told[0].node, bed.host[1].id, 32);
	memcpy(told[1].node, bed.host[2].id, 32);
	memcpy(told[1].submitter, bed.host[0].id, 32); /* to us */
	for (u32 i = 0; i < 2; i++) {
		told[i].begin_ms = BED_T0 + HOUR;
		told[i].end_ms = BED_T0 + 2 * HOUR;
	}
	bed.ports.closed = told_closed;
	bed_restart();
	CU_ASSERT_EQUAL(job("long", "default", 4, 4000), 1);
	CU_ASSERT_EQUAL(bed_where("long"), 2);
	CU_ASSERT_EQUAL(job("more", "default", 4, 4000), 1);
	CU_ASSERT_EQUAL(bed_state("more"), FOG_JOB_QUEUED);
	CU_ASSERT_EQUAL(bed_why("more").placement.rejected[FOG_PLACEMENT_KEPT], 1);
	CU_ASSERT_EQUAL(job("short", "default", 4, 3000), 1);
	CU_ASSERT_EQUAL(bed_where("short"), 1);
	bed_finish("short", 0);
	bed.now = BED_T0 + 2 * HOUR;
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_where("more"), 1);
	bed_stop();
}

/* What this host tells of itself: the nearest times at which it is kept whole. */
static void test_telling(void)
{
	struct fog_closed out[FOG_CLOSED_MAX];
	char id[FOG_RESERVE_ID_SIZE];

	bed_start(3);
	for (u32 i = 6; i > 0; i--)
		CU_ASSERT_EQUAL(reserve(i == 2 ? "\"namespace\":\"film\",\"hosts\":[\"h0\"],"
						 "\"submitter\":\"h2\",\"duration_seconds\":60"
					       : "\"namespace\":\"film\",\"hosts\":[\"h0\"],"
						 "\"duration_seconds\":60",
					i * HOUR, id),
				0);
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"film\",\"hosts\":[\"h1\"],\"duration_seconds\":60",
				HOUR, id),
			0);
	CU_ASSERT_EQUAL(reserve("\"namespace\":\"film\",\"hosts\":[\"h1\"],\"submitter\":\"h2\","
				"\"duration_seconds\":60",
				9 * HOUR, id),
			-EINVAL);
	bed_restart();
	CU_ASSERT_EQUAL_FATAL(fog_jobs_closed(bed.jobs, out, bed.now), FOG_CLOSED_MAX);
	for (u32 i = 0; i < FOG_CLOSED_MAX; i++) {
		CU_ASSERT_EQUAL(out[i].begin_ms, BED_T0 + (i + 1) * HOUR);
		CU_ASSERT_EQUAL(out[i].end_ms, out[i].begin_ms + 60000);
		CU_ASSERT_EQUAL(memcmp(out[i].node, bed.host[0].id, 32), 0);
		CU_ASSERT_EQUAL(memcmp(out[i].submitter, bed.host[2].id, 32) == 0, i == 1);
	}
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/reserve", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_amount_on_host), FOG_TEST(test_amounts), FOG_TEST(test_times),
	      FOG_TEST(test_closed), FOG_TEST(test_telling))
