/* SPDX-License-Identifier: BSD-3-Clause */
/* Promises: what breaks one, what is paid back, and what is told of 30 days. */
#include "controlplane/jobs/view.h"
#include "tests/unit/controlplane/jobs/bed.h"

#define DAY 86400000ull

static int job(const char *id, const char *tier, u32 cores, const char *more)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"true\"],\"tier\":\"%s\",\"limits\":{\"cpu_cores\":%u,"
		 "\"wall_seconds\":100}%s}",
		 tier, cores, more);
	return bed_submit(id, body);
}

static i64 breaches(const char *kind)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM sla_breach WHERE kind = '%s'", kind);
	return bed_number(sql);
}

static i64 balance(void)
{
	return bed_number("SELECT balance FROM ledger_account WHERE name = 'user:ann'");
}

/* A kept promise costs its premium; one that is broken is paid back once. */
static void test_life_cycle(void)
{
	bed_start(2);
	CU_ASSERT_EQUAL(job("kept", "silver", 4, ""), 1);
	bed_tick(10);
	bed_finish("kept", 0);
	/* One second of four cores at 1 mfog each, times 2.5. */
	CU_ASSERT_EQUAL(balance(), 1000000 - 10);
	CU_ASSERT_EQUAL(job("long", "none", 4, ""), 1);
	bed_tick(1000);
	CU_ASSERT_EQUAL(job("late", "gold", 4, ""), 1);
	i64 before = balance();
	for (u32 i = 0; i < 14; i++)
		bed_tick(5000);
	CU_ASSERT_EQUAL(breaches("start"), 1);
	CU_ASSERT_EQUAL(balance(), before + 400); /* all of the price at its limits */
	for (u32 i = 0; i < 5; i++)
		bed_tick(5000);
	CU_ASSERT_EQUAL(breaches("start"), 1);
	bed_restart();
	bed_tick(10000);
	CU_ASSERT_EQUAL(breaches("start"), 1);
	bed_stop();
}

static void test_deadline(void)
{
	bed_start(2);
	CU_ASSERT_EQUAL(job("slow", "bronze", 1, ",\"deadline_seconds\":5"), 1);
	bed_tick(10);
	bed_tick(6000);
	bed_finish("slow", 0);
	CU_ASSERT_EQUAL(breaches("deadline"), 1);
	CU_ASSERT_EQUAL(job("best", "none", 1, ",\"deadline_seconds\":5"), 1);
	bed_tick(10);
	bed_tick(6000);
	bed_finish("best", 0);
	CU_ASSERT_EQUAL(breaches("deadline"), 1); /* nothing was promised */
	bed_stop();
}

/* Shares of a sliding month, by class, tier and namespace. */
static void test_levels(void)
{
	struct fog_view_level level[4];

	bed_start(2);
	for (u32 i = 0; i < 4; i++) {
		char id[8];
		snprintf(id, sizeof(id), "j%u", i);
		CU_ASSERT_EQUAL(job(id, "bronze", 1,
				    i == 0   ? ",\"namespace\":\"other\""
				    : i == 1 ? ",\"deadline_seconds\":5"
					     : ""),
				1);
		bed_tick(10);
		bed_tick(6000);
		bed_finish(id, 0);
	}
	CU_ASSERT_EQUAL(job("gone", "bronze", 1, ""), 1);
	bed_tick(10);
	CU_ASSERT_EQUAL(fog_jobs_cancel(bed.jobs, "gone", bed.now), 0);
	CU_ASSERT_EQUAL_FATAL(fog_view_levels(bed.jobs, bed.now, level, 4), 2);
	CU_ASSERT_STRING_EQUAL(level[0].space, "default");
	CU_ASSERT_EQUAL(level[0].tier, FOG_TIER_BRONZE);
	CU_ASSERT_EQUAL(level[0].jobs, 3);
	CU_ASSERT_EQUAL(level[0].kept, 2);
	CU_ASSERT_STRING_EQUAL(level[1].space, "other");
	CU_ASSERT_EQUAL(level[1].kept, 1);
	json_t *view = fog_view_sla(bed.jobs, NULL, bed.now, 0, 1);
	const json_t *row = json_array_get(json_object_get(view, "levels"), 0);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(row, "percent")), 66.66);
	CU_ASSERT_FALSE(json_is_true(json_object_get(row, "met")));
	json_decref(view);
	CU_ASSERT_EQUAL(fog_view_levels(bed.jobs, bed.now + 29 * DAY, level, 4), 2);
	CU_ASSERT_EQUAL(fog_view_levels(bed.jobs, bed.now + 31 * DAY, level, 4), 0);
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/sla", FOG_TEST(test_life_cycle), FOG_TEST(test_deadline),
	      FOG_TEST(test_levels))
