/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/schedule.h"
#include "tests/unit/controlplane/jobs/bed.h"

#include <errno.h>

static struct fog_schedule_wish wish(enum fog_schedule_strategy strategy)
{
	return (struct fog_schedule_wish){.strategy = strategy,
					  .sla = FOG_SLA_B,
					  .request = {.cpu_milli = 1000,
						      .memory_bytes = 1ull << 30,
						      .wall_ms = 3600000,
						      .seed = 1}};
}

/* h1 near, h2 cheap, h3 trusted by nobody less than the others. */
static void hosts_differ(void)
{
	for (u32 i = 1; i < bed.host_count; i++)
		bed.host[i].latency_ms = i == 1 ? 1 : 80;
	bed.host[2].price.cpu_hour = 36;
}

static void test_life_cycle(void)
{
	struct fog_scheduler_stats stats;
	struct fog_schedule s;

	bed_start(4);
	hosts_differ();
	for (u32 i = FOG_SCHEDULE_NSGA_II; i < FOG_SCHEDULE_COUNT; i++) {
		struct fog_schedule_wish w = wish(i);
		CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), 0);
		CU_ASSERT_TRUE(s.placement.found);
		CU_ASSERT_EQUAL(s.workers, 3);
		CU_ASSERT_NOT_EQUAL(memcmp(s.node, bed.host[0].id, 32), 0);
		CU_ASSERT(s.balance > 0.5 && s.balance <= 1);
		CU_ASSERT_EQUAL(s.generations != 0, i == FOG_SCHEDULE_NSGA_II);
		if (i == FOG_SCHEDULE_LATENCY)
			CU_ASSERT_STRING_EQUAL(s.name, "h1");
		if (i == FOG_SCHEDULE_COST)
			CU_ASSERT_STRING_EQUAL(s.name, "h2");
	}
	fog_jobs_scheduler(bed.jobs, &stats);
	CU_ASSERT_EQUAL(stats.placements, FOG_SCHEDULE_COUNT - 1);
	CU_ASSERT_EQUAL(stats.refusals, 0);
	CU_ASSERT_NOT_EQUAL(stats.generations, 0);
	bed_stop();
}

static void test_bad_arguments(void)
{
	struct fog_schedule_wish w = wish(FOG_SCHEDULE_INVALID);
	struct fog_schedule s;

	bed_start(2);
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), -EINVAL);
	w = wish(FOG_SCHEDULE_COUNT);
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), -EINVAL);
	w = wish(FOG_SCHEDULE_COST);
	w.sla = FOG_SLA_INVALID;
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), -EINVAL);
	w = wish(FOG_SCHEDULE_COST);
	w.request.wall_ms = FOG_PLACEMENT_WALL_MS_MAX + 1;
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), -EINVAL);
	CU_ASSERT_EQUAL(fog_schedule_strategy_parse("astrology"), FOG_SCHEDULE_INVALID);
	CU_ASSERT_EQUAL(fog_schedule_strategy_parse("NSGA_II"), FOG_SCHEDULE_NSGA_II);
	CU_ASSERT_STRING_EQUAL(fog_schedule_strategy_name(FOG_SCHEDULE_TRUST), "trust");
	bed_stop();
}

/* Too large for any host, then no host at all: counted, with the reason. */
static void test_refused(void)
{
	struct fog_schedule_wish w = wish(FOG_SCHEDULE_NSGA_II);
	struct fog_scheduler_stats stats;
	struct fog_schedule s;

	bed_start(3);
	w.request.cpu_milli = 64000;
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), 0);
	CU_ASSERT_FALSE(s.placement.found);
	CU_ASSERT_EQUAL(s.workers, 2);
	CU_ASSERT_EQUAL(s.placement.rejected[FOG_PLACEMENT_CPU], 2);
	bed.host[1].alive = bed.host[2].alive = false;
	CU_ASSERT_EQUAL(fog_jobs_schedule(bed.jobs, &w, bed.now, &s), 0);
	CU_ASSERT_FALSE(s.placement.found);
	CU_ASSERT_EQUAL(s.workers, 0);
	fog_jobs_scheduler(bed.jobs, &stats);
	CU_ASSERT_EQUAL(stats.refusals, 2);
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/schedule", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_refused))
