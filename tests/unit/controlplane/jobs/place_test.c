/* SPDX-License-Identifier: BSD-3-Clause */
/* What passes decide: order, quotas, accelerators, preemption, and what they say. */
#include "tests/unit/controlplane/jobs/bed.h"

#include <errno.h>

static int job(const char *id, const char *more, u32 cores)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"true\"],\"limits\":{\"cpu_cores\":%u,\"wall_seconds\":60}%s}", cores,
		 more);
	return bed_submit(id, body);
}

static void test_life_cycle(void)
{
	bed_start(2);
	CU_ASSERT_EQUAL(job("low", ",\"priority\":10", 4), 1);
	CU_ASSERT_EQUAL(job("high", ",\"priority\":90", 4), 1);
	CU_ASSERT_EQUAL(job("classy", ",\"class\":\"A\",\"priority\":0", 4), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_state("classy"), FOG_JOB_RUNNING); /* the class goes first */
	CU_ASSERT_EQUAL(bed_state("high"), FOG_JOB_QUEUED);
	struct fog_job_why why = bed_why("low");
	CU_ASSERT_EQUAL(why.ahead, 1);
	CU_ASSERT_EQUAL(why.placement.rejected[FOG_PLACEMENT_CPU], 1);
	CU_ASSERT_EQUAL(why.placement.rejected[FOG_PLACEMENT_LOCAL], 1);
	CU_ASSERT(why.possible);
	CU_ASSERT(bed_why("high").start_ms > bed.now);
	bed_finish("classy", 0);
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("high"), FOG_JOB_RUNNING);
	bed_finish("high", 0);
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("low"), FOG_JOB_RUNNING);
	bed_stop();
}

static void test_quota(void)
{
	struct fog_space_quota quota = {.jobs = 1, .weight = 1};

	bed_start(3);
	CU_ASSERT_EQUAL(fog_jobs_space_set(bed.jobs, "small", &quota, bed.now), 0);
	CU_ASSERT_EQUAL(job("one", ",\"namespace\":\"small\"", 1), 1);
	CU_ASSERT_EQUAL(job("two", ",\"namespace\":\"small\"", 1), 1);
	CU_ASSERT_EQUAL(job("other", "", 1), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_state("one"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(bed_state("other"), FOG_JOB_RUNNING);
	struct fog_job_why why = bed_why("two");
	CU_ASSERT(why.full);
	CU_ASSERT_STRING_EQUAL(why.text, "namespace small is at its quota of jobs");
	bed_restart(); /* the quota is stored */
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_state("two"), FOG_JOB_QUEUED);
	quota.jobs = 0;
	quota.cpu_milli = 1500;
	CU_ASSERT_EQUAL(fog_jobs_space_set(bed.jobs, "small", &quota, bed.now), 0);
	CU_ASSERT_STRING_EQUAL(bed_why("two").text, "namespace small is at its quota of CPU");
	bed_stop();
}

static void gpus(u32 host, u32 count, const char *type, u64 memory_mb)
{
	bed.host[host].gpu_milli = 1000ull * count;
	bed.host[host].gpu_memory_bytes = memory_mb << 20;
	snprintf(bed.host[host].gpu_type, sizeof(bed.host[host].gpu_type), "%s", type);
}

static int gpu_job(const char *id, const char *limits)
{
	char body[256];

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"true\"],\"limits\":{\"cpu_cores\":0.5,\"wall_seconds\":60,%s}}",
		 limits);
	return bed_submit(id, body);
}

/* By type, number and memory; refusals say which of them is missing. */
static void test_accelerators(void)
{
	bed_start(4);
	gpus(2, 2, "tesla-t4", 16384);
	gpus(3, 1, "tesla-v100", 32768);
	bed.host[2].price.accelerator_hour = 36000; /* ten mfog a second */
	CU_ASSERT_EQUAL(gpu_job("t4", "\"accelerators\":2,\"accelerator_type\":\"tesla-t4\""), 1);
	CU_ASSERT_EQUAL(gpu_job("large", "\"accelerators\":1,\"accelerator_memory_mb\":20000"), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_where("t4"), 2);
	CU_ASSERT_EQUAL(bed_where("large"), 3);
	CU_ASSERT_EQUAL(gpu_job("more", "\"accelerators\":1"), 1);
	CU_ASSERT_EQUAL(gpu_job("never", "\"accelerators\":1,\"accelerator_type\":\"h100\""), 1);
	CU_ASSERT_EQUAL(gpu_job("many", "\"accelerators\":3"), 1);
	CU_ASSERT_EQUAL(job("plain", "", 1), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_where("plain"), 1); /* keeps away from where there are some */
	struct fog_job_why why = bed_why("more");
	CU_ASSERT_EQUAL(why.placement.rejected[FOG_PLACEMENT_GPU], 2);
	CU_ASSERT_EQUAL(why.placement.rejected[FOG_PLACEMENT_KIND], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "2 without enough free accelerators"));
	CU_ASSERT(why.start_ms != 0);
	why = bed_why("never");
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "3 without such accelerators"));
	CU_ASSERT_FALSE(why.possible);
	CU_ASSERT_FALSE(bed_why("many").possible);
	bed_restart(); /* what runs still holds them */
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_state("more"), FOG_JOB_QUEUED);
	/* They are held for, and paid: two of them for a second, besides half a core. */
	CU_ASSERT_EQUAL(bed_number("SELECT quote FROM attempt WHERE job = 't4'"), 60 * 20 + 30);
	bed_finish("t4", 0);
	CU_ASSERT_EQUAL(bed_number("SELECT amount FROM settlement WHERE job = 't4'"), 21);
	CU_ASSERT_EQUAL(gpu_job("x", "\"accelerators\":65"), -EINVAL);
	CU_ASSERT_EQUAL(bed_submit("x", "{\"argv\":[\"m\"],\"engine\":\"wasm\",\"limits\":"
					"{\"accelerators\":1}}"),
			-EINVAL);
	CU_ASSERT_EQUAL(gpu_job("x", "\"accelerator_type\":\"t4\""), -EINVAL);
	CU_ASSERT_EQUAL(gpu_job("x", "\"accelerators\":1,\"accelerator_type\":\"T4\""), -EINVAL);
	bed_stop();
}

/* The fewest of lower priority that said they may be stopped, and only when that makes room. */
static void test_preemption(void)
{
	bed_start(2);
	CU_ASSERT_EQUAL(job("a", ",\"priority\":10,\"preemptible\":true", 2), 1);
	CU_ASSERT_EQUAL(job("b", ",\"priority\":20,\"preemptible\":true", 2), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(job("huge", ",\"priority\":90", 5), 1); /* fits nowhere */
	bed_tick(10);
	CU_ASSERT_FALSE(bed_running("a")->asked_to_stop);
	CU_ASSERT_EQUAL(job("urgent", ",\"priority\":90", 2), 1);
	bed_tick(10);
	CU_ASSERT(bed_running("a")->asked_to_stop);
	CU_ASSERT_FALSE(bed_running("b")->asked_to_stop);
	CU_ASSERT_PTR_NOT_NULL(strstr(bed_why("urgent").text, "without enough CPU"));
	bed_tick(1000);
	bed_end(bed_running("a"), FOG_OUTCOME_CANCELLED, -1, 1000);
	bed_tick(10000);
	CU_ASSERT_EQUAL(bed_state("urgent"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(bed_state("a"), FOG_JOB_QUEUED); /* runs again later */
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/place", FOG_TEST(test_life_cycle), FOG_TEST(test_quota),
	      FOG_TEST(test_accelerators), FOG_TEST(test_preemption))
