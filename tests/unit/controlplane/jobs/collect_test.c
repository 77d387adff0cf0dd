/* SPDX-License-Identifier: BSD-3-Clause */
/* Class S: only where the host is attested, from the placement to the receipt. */
#include "tests/unit/controlplane/jobs/bed.h"

#define JOB_S "{\"argv\":[\"x\"],\"class\":\"S\"}"

static struct {
	bool changed; /* the worker runs other programs than were attested */
	u32 asked, strict;
} t;

static bool proven(void *context, const struct fog_receipt *receipt, const char *text,
		   const struct fog_job_spec *spec, const char *proof, bool attested,
		   char error[FOG_JSON_ERROR_SIZE])
{
	t.asked++;
	t.strict += attested;
	snprintf(error, FOG_JSON_ERROR_SIZE, "not attested any more");
	return !attested || !t.changed;
}

static void start(u32 hosts)
{
	memset(&t, 0, sizeof(t));
	bed_start(hosts);
	bed.ports.proven = proven;
	fog_jobs_free(bed.jobs);
	bed_open();
}

static void test_life_cycle(void)
{
	start(3);
	CU_ASSERT_EQUAL(bed_submit("s", JOB_S), 1);
	CU_ASSERT_EQUAL(bed_submit("a", "{\"argv\":[\"x\"],\"class\":\"A\"}"), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_where("s"), 3); /* nowhere */
	CU_ASSERT_NOT_EQUAL(bed_where("a"), 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(bed_why("s").text, "not attested"));
	bed.host[2].attested = true;
	bed_tick(5000);
	CU_ASSERT_EQUAL(bed_where("s"), 2);
	bed_finish("s", 0);
	bed_finish("a", 0);
	CU_ASSERT_EQUAL(bed_state("s"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(bed_state("a"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(t.asked, 2);
	CU_ASSERT_EQUAL(t.strict, 1);
	bed_stop();
}

/* It changed while the job ran: the result does not count, the job runs elsewhere. */
static void test_changed(void)
{
	start(3);
	bed.host[1].attested = true;
	CU_ASSERT_EQUAL(bed_submit("s", JOB_S), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(bed_where("s"), 1);
	bed.host[1].attested = false;
	bed.host[2].attested = true;
	t.changed = true;
	bed_finish("s", 0);
	CU_ASSERT_NOT_EQUAL(bed_state("s"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(bed_number("SELECT count(*) FROM settlement"), 0);
	t.changed = false;
	for (u32 i = 0; i < 20 && bed_where("s") != 2; i++)
		bed_tick(1000);
	CU_ASSERT_EQUAL(bed_where("s"), 2);
	bed_finish("s", 0);
	CU_ASSERT_EQUAL(bed_state("s"), FOG_JOB_SUCCEEDED);
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/collect", FOG_TEST(test_life_cycle), FOG_TEST(test_changed))
