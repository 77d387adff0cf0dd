/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/batch.h"
#include "controlplane/scheduler/nsga2_variation.h"
#include "tests/unit/fog_test.h"

#define HOSTS 8
#define JOBS  64
#define GIB   (1ull << 30)

static struct fog_placement_host host[HOSTS];
static struct fog_placement_request request[JOBS];
static struct fog_batch_job job[JOBS];
static struct fog_batch_free scratch[HOSTS];
static u32 order[JOBS];

static void hosts_make(u32 count, u64 cpu)
{
	for (u32 i = 0; i < count; i++) {
		host[i] = (struct fog_placement_host){.roles = FOG_PLACEMENT_ROLE_WORKER,
						      .alive = true,
						      .cpu_milli = cpu,
						      .memory_bytes = 64 * GIB,
						      .reputation_lower = 0.5};
		host[i].id[0] = (u8)(i + 1);
	}
}

static void job_make(u32 i, u64 cpu, u64 wall_ms, u32 members)
{
	request[i] = (struct fog_placement_request){.cpu_milli = cpu, .wall_ms = wall_ms};
	job[i] = (struct fog_batch_job){
		.request = &request[i], .members = members, .priority = 50, .sequence = i};
}

/* One job runs, one does not fit, a short one fills the gap and a long one may not. */
static void test_backfill(void)
{
	struct fog_batch_run run = {.host = 0, .left_ms = 10000, .cpu_milli = 3000};
	struct fog_batch_policy easy = {.order = FOG_BATCH_FIFO, .reservations = 1};

	hosts_make(1, 4000);
	host[0].cpu_milli_committed = 3000;
	job_make(0, 4000, 60000, 1);
	job_make(1, 1000, 60000, 1); /* would hold up the first */
	job_make(2, 1000, 9000, 1);  /* ends before */
	fog_batch_sort(&easy, job, order, 3);
	CU_ASSERT_EQUAL(fog_batch_pass(&easy, job, order, 3, host, 1, &run, 1, scratch), 1);
	CU_ASSERT_FALSE(job[0].placed);
	CU_ASSERT_EQUAL(job[0].start_ms, 10000);
	CU_ASSERT_EQUAL(job[0].placement.rejected[FOG_PLACEMENT_CPU], 1);
	CU_ASSERT_FALSE(job[1].placed);
	CU_ASSERT_EQUAL(job[1].placement.rejected[FOG_PLACEMENT_RESERVED], 1);
	CU_ASSERT(job[2].placed);
	CU_ASSERT_EQUAL(host[0].cpu_milli_committed, 4000);

	/* With room beside the reserved job the long one may go, too; strictly in turn nobody. */
	hosts_make(1, 5000);
	host[0].cpu_milli_committed = 3000;
	CU_ASSERT_EQUAL(fog_batch_pass(&easy, job, order, 3, host, 1, &run, 1, scratch), 2);
	CU_ASSERT(job[1].placed);
	easy.blocking = true;
	hosts_make(1, 5000);
	host[0].cpu_milli_committed = 3000;
	CU_ASSERT_EQUAL(fog_batch_pass(&easy, job, order, 1, host, 1, &run, 1, scratch), 0);
}

static void test_order(void)
{
	job_make(0, 1000, 3600000, 1);
	job_make(1, 1000, 60000, 1);
	job_make(2, 1000, 60000, 1);
	job_make(3, 1000, 60000, 1);
	job_make(4, 1000, 3600000, 1);
	job[2].use = 0.9;             /* has had his share */
	job[3].priority = 51;         /* goes first whatever else */
	job[4].deadline_ms = 4000000; /* an hour's work, an hour left */
	fog_batch_sort(&fog_batch_policy_default, job, order, 5);
	static const u32 want[] = {3, 4, 1, 2, 0};
	CU_ASSERT_EQUAL(memcmp(order, want, sizeof(want)), 0);
	/* Whoever waits long enough goes first. */
	job[0].wait_ms = 10ull * 24 * 3600000;
	job[4].deadline_ms = 0;
	fog_batch_sort(&fog_batch_policy_default, job, order, 5);
	CU_ASSERT_EQUAL(order[1], 0);
}

/* A gang starts whole or not at all, and gets its reservation whole. */
static void test_gang(void)
{
	struct fog_batch_run run[2] = {{.host = 1, .left_ms = 5000, .cpu_milli = 2000},
				       {.host = 2, .left_ms = 7000, .cpu_milli = 2000}};

	hosts_make(3, 2000);
	host[1].cpu_milli_committed = host[2].cpu_milli_committed = 2000;
	job_make(0, 1000, 60000, 4);
	CU_ASSERT_FALSE(fog_batch_place(&job[0], host, 3, NULL));
	CU_ASSERT_EQUAL(host[0].cpu_milli_committed, 0);
	CU_ASSERT_EQUAL(host[0].jobs_committed, 0);
	fog_batch_reserve(&job[0], host, 3, run, 2, true, scratch);
	CU_ASSERT_EQUAL(job[0].start_ms, 5000);
	CU_ASSERT_EQUAL(host[0].reserved_ms, 5000);
	CU_ASSERT_EQUAL(host[0].cpu_milli_spare, 0);
	CU_ASSERT_EQUAL(host[1].reserved_ms, 5000);
	CU_ASSERT_EQUAL(host[2].reserved_ms, 0);
	hosts_make(3, 2000);
	CU_ASSERT(fog_batch_place(&job[0], host, 3, NULL));
	CU_ASSERT_EQUAL(host[0].cpu_milli_committed + host[1].cpu_milli_committed +
				host[2].cpu_milli_committed,
			4000);
	job_make(1, 1000, 60000, 7);
	hosts_make(3, 2000);
	fog_batch_reserve(&job[1], host, 3, run, 0, true, scratch);
	CU_ASSERT_EQUAL(job[1].start_ms, FOG_BATCH_NEVER);
}

static void test_rules(void)
{
	struct fog_placement p;

	hosts_make(4, 2000);
	job_make(0, 1000, 60000, 1);
	host[0].cordoned = true;
	host[1].mark = FOG_PLACEMENT_MARK_APART;
	host[2].mark = FOG_PLACEMENT_MARK_AWAY;
	for (u32 i = 1; i < 4; i++)
		host[i].gpu_milli = 1000;
	host[3].gpu_milli_committed = 1000;
	request[0].gpu_milli = 500;
	CU_ASSERT_EQUAL(fog_placement_choose(&request[0], host, 4, NULL, &p), 0);
	CU_ASSERT_FALSE(p.found);
	CU_ASSERT_EQUAL(p.rejected[FOG_PLACEMENT_CORDONED], 1);
	CU_ASSERT_EQUAL(p.rejected[FOG_PLACEMENT_APART], 1);
	CU_ASSERT_EQUAL(p.rejected[FOG_PLACEMENT_AWAY], 1);
	CU_ASSERT_EQUAL(p.rejected[FOG_PLACEMENT_GPU], 1);
	host[3].gpu_milli_committed = 0;
	CU_ASSERT_EQUAL(fog_placement_choose(&request[0], host, 4, NULL, &p), 0);
	CU_ASSERT(p.found && p.index == 3);
	/* Packing takes the fullest, and no accelerator from who needs it. */
	hosts_make(4, 2000);
	host[2].cpu_milli_committed = 1000;
	host[3].cpu_milli_committed = 1000;
	host[3].gpu_milli = 1000;
	request[0].gpu_milli = 0;
	CU_ASSERT_EQUAL(fog_placement_choose(&request[0], host, 4, &fog_placement_weights_pack, &p),
			0);
	CU_ASSERT_EQUAL(p.index, 2);
}

/* Around what people have reserved: before it when it ends in time, beside it, or after it. */
static void test_kept(void)
{
	struct fog_amount all = {.cpu_milli = 4000, .memory_bytes = 64 * GIB};
	struct fog_amount half = {.cpu_milli = 2000};
	struct fog_keep keep[2] = {0};

	hosts_make(2, 4000);
	host[0].keep = &keep[0];
	host[1].keep = &keep[1];
	fog_keep_add(&keep[0], 1, 10000, 20000, &all);
	fog_keep_add(&keep[1], 1, 10000, 30000, &half);
	job_make(0, 4000, 10000, 1); /* fits before */
	job_make(1, 3000, 10001, 1); /* only after: the first host is free earlier */
	job_make(2, 3000, 10001, 1); /* of the namespace */
	job_make(3, 2000, 60000, 1); /* beside it */
	CU_ASSERT(fog_batch_place(&job[0], host, 2, &fog_placement_weights_pack));
	CU_ASSERT_EQUAL(job[0].host[0], 0);
	CU_ASSERT_FALSE(fog_batch_place(&job[1], host, 2, NULL));
	CU_ASSERT_EQUAL(job[1].placement.rejected[FOG_PLACEMENT_KEPT], 1);
	struct fog_batch_run run = {.host = 0, .left_ms = 10000, .cpu_milli = 4000};
	fog_batch_reserve(&job[1], host, 2, &run, 1, false, scratch);
	CU_ASSERT_EQUAL(job[1].start_ms, 20000);
	request[2].owner = 1;
	CU_ASSERT(fog_batch_place(&job[2], host, 2, NULL));
	CU_ASSERT_EQUAL(job[2].host[0], 1);
	fog_placement_uncommit(&host[1], &request[2]);
	CU_ASSERT(fog_batch_place(&job[3], host, 2, NULL));
	/* A gang that does not fit whole leaves nothing behind. */
	fog_placement_uncommit(&host[1], &request[3]);
	job_make(4, 1000, 60000, 3);
	CU_ASSERT_FALSE(fog_batch_place(&job[4], host, 2, NULL));
	CU_ASSERT_EQUAL(keep[1].period[0].all.cpu_milli, 0);
	CU_ASSERT(fog_batch_place(&job[3], host, 2, NULL));
}

/* Random queues: no host beyond its capacity, gangs whole, and every reserved start can be kept. */
static void test_random(void)
{
	struct fog_batch_run run[JOBS];
	struct fog_random r;

	for (u32 turn = 0; turn < 300; turn++) {
		u32 runs = 0, count = 1 + turn % JOBS;
		fog_random_seed(&r, 1 + turn);
		hosts_make(HOSTS, 8000);
		for (u32 i = 0; i < HOSTS; i++) {
			u64 used = 1000 * fog_random_below(&r, 9);
			if (used == 0)
				continue;
			host[i].cpu_milli_committed = used;
			run[runs++] = (struct fog_batch_run){
				.host = i, .left_ms = 1000 * (i + 1), .cpu_milli = used};
		}
		for (u32 i = 0; i < count; i++) {
			job_make(i, 1000 * (1 + fog_random_below(&r, 8)),
				 1000 + fog_random_below(&r, 20000),
				 fog_random_below(&r, 4) == 0 ? 1 + fog_random_below(&r, 6) : 1);
			job[i].wait_ms = fog_random_below(&r, 100000);
		}
		fog_batch_sort(&fog_batch_policy_default, job, order, count);
		u32 placed = fog_batch_pass(&fog_batch_policy_default, job, order, count, host,
					    HOSTS, run, runs, scratch);
		u64 used[HOSTS] = {0};
		u32 whole = 0;
		for (u32 i = 0; i < runs; i++)
			used[run[i].host] += run[i].cpu_milli;
		for (u32 i = 0; i < count; i++) {
			whole += job[i].placed;
			for (u32 m = 0; job[i].placed && m < job[i].members; m++)
				used[job[i].host[m]] += request[i].cpu_milli;
		}
		CU_ASSERT_EQUAL(whole, placed);
		for (u32 i = 0; i < HOSTS; i++) {
			CU_ASSERT_EQUAL(used[i], host[i].cpu_milli_committed);
			CU_ASSERT(used[i] <= host[i].cpu_milli);
		}
	}
}

FOG_TEST_MAIN("controlplane/scheduler/batch", FOG_TEST(test_backfill), FOG_TEST(test_order),
	      FOG_TEST(test_gang), FOG_TEST(test_rules), FOG_TEST(test_kept), FOG_TEST(test_random))
