/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/health.h"
#include "tests/unit/fog_test.h"

#define START 1000000u

static const struct fog_health_config config = {
	.check_ms = 30000, .recovery_ms = 120000, .max_errors = 3, .recovery = true};
static struct fog_health h;
static u64 now;

static bool look(u32 i, enum fog_health_level level, const char *why)
{
	struct fog_health_reading r = {.level = level};

	snprintf(r.why, sizeof(r.why), "%s", why);
	return fog_health_observe(&h, i, &r, now);
}

static enum fog_health_level overall(void)
{
	struct fog_health_summary s;

	fog_health_summary(&h, now, &s);
	return s.level;
}

static void start(void)
{
	now = START;
	fog_health_init(&h, &config, now);
	CU_ASSERT_EQUAL(fog_health_add(&h, "store", true, false, 0), 0);
	CU_ASSERT_EQUAL(fog_health_add(&h, "market", false, true, 0), 1);
	CU_ASSERT_EQUAL(fog_health_add(&h, "edge", false, true, 60000), 2);
}

static void all_well(void)
{
	for (u32 i = 0; i < h.count; i++)
		look(i, FOG_HEALTH_HEALTHY, "");
}

static void test_life_cycle(void)
{
	struct fog_health_summary s;

	start();
	CU_ASSERT_EQUAL(fog_health_find(&h, "market"), 1);
	CU_ASSERT_EQUAL(fog_health_find(&h, "nobody"), -1);
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_OFFLINE);
	CU_ASSERT_EQUAL(h.component[0].status, FOG_HEALTH_STARTING);
	all_well();
	fog_health_summary(&h, now, &s);
	CU_ASSERT_EQUAL(s.level, FOG_HEALTH_HEALTHY);
	CU_ASSERT_EQUAL(s.total, 3);
	CU_ASSERT_EQUAL(s.healthy, 3);
	CU_ASSERT_EQUAL(h.component[1].since_ms, START);
	now += 30000;
	CU_ASSERT_FALSE(look(1, FOG_HEALTH_HEALTHY, ""));
	CU_ASSERT_TRUE(look(1, FOG_HEALTH_DEGRADED, "slow"));
	CU_ASSERT_STRING_EQUAL(h.component[1].why, "slow");
	CU_ASSERT_EQUAL(h.component[1].changed_ms, now);
	CU_ASSERT_EQUAL(h.component[1].since_ms, START);
	CU_ASSERT_EQUAL(h.component[1].error_count, 0);
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_DEGRADED);
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1);
}

static void test_levels_of_the_host(void)
{
	start();
	all_well();
	look(1, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_DEGRADED);
	look(1, FOG_HEALTH_CRITICAL, "useless");
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_CRITICAL);
	look(1, FOG_HEALTH_HEALTHY, "");
	look(0, FOG_HEALTH_OFFLINE, "vital");
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_CRITICAL);
	look(0, FOG_HEALTH_HEALTHY, "");
	/* One of three is 33 %: too few, though neither is vital. */
	look(1, FOG_HEALTH_OFFLINE, "gone");
	look(2, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_CRITICAL);
	/* What the configuration does not want counts for nothing. */
	look(1, 0, "");
	look(2, 0, "");
	CU_ASSERT_EQUAL(overall(), FOG_HEALTH_HEALTHY);
	CU_ASSERT_EQUAL(h.component[1].status, FOG_HEALTH_STOPPED);
	CU_ASSERT_EQUAL(fog_health_due(&h, now + 1000000), -1);
}

static void test_offline_is_restarted_with_backoff(void)
{
	u64 gap = FOG_HEALTH_BACKOFF_MS;

	start();
	all_well();
	look(1, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1); /* everything is starting */
	now += FOG_HEALTH_BACKOFF_MS;
	for (int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(fog_health_due(&h, now), 1);
		CU_ASSERT_EQUAL(h.component[1].status, FOG_HEALTH_STARTING);
		fog_health_restarted(&h, 1, i % 2 == 0 ? 0 : -12, now);
		look(1, FOG_HEALTH_OFFLINE, "still gone");
		CU_ASSERT_EQUAL(fog_health_due(&h, now + gap - 1), -1);
		now += gap;
		gap = FOG_MIN(2 * gap, (u64)config.recovery_ms);
	}
	CU_ASSERT_EQUAL(h.component[1].restarts, 4);
	CU_ASSERT_EQUAL(h.component[1].restart_failures, 4);
	/* The store is not restartable. */
	look(1, FOG_HEALTH_HEALTHY, "");
	look(0, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(fog_health_due(&h, now + 10000000), -1);
}

static void test_recovery(void)
{
	start();
	all_well();
	now += FOG_HEALTH_BACKOFF_MS;
	look(1, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), 1);
	fog_health_restarted(&h, 1, 0, now);
	now += 700;
	CU_ASSERT_TRUE(look(1, FOG_HEALTH_HEALTHY, ""));
	CU_ASSERT_EQUAL(h.component[1].recovery_ms, 700);
	CU_ASSERT_EQUAL(h.component[1].since_ms, now);
	/* Soon again: later. Long after: at once. */
	look(1, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1);
	look(1, FOG_HEALTH_HEALTHY, "");
	now += config.recovery_ms;
	look(1, FOG_HEALTH_HEALTHY, "");
	CU_ASSERT_EQUAL(h.component[1].tries, 0);
	look(1, FOG_HEALTH_OFFLINE, "gone");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), 1);
}

static void test_nothing_is_said_while_it_starts(void)
{
	start();
	look(1, FOG_HEALTH_OFFLINE, "not attached");
	CU_ASSERT_EQUAL(h.component[1].status, FOG_HEALTH_STARTING);
	CU_ASSERT_FALSE(h.component[1].settled);
	CU_ASSERT_EQUAL(h.component[1].error_count, 0);
	look(2, FOG_HEALTH_HEALTHY, "");
	look(2, FOG_HEALTH_OFFLINE, "gone"); /* it ran */
	CU_ASSERT_EQUAL(h.component[2].status, FOG_HEALTH_ERROR);
	CU_ASSERT_EQUAL(h.component[2].error_count, 1);
	now += FOG_HEALTH_BACKOFF_MS;
	look(1, FOG_HEALTH_OFFLINE, "not attached");
	CU_ASSERT_EQUAL(h.component[1].status, FOG_HEALTH_ERROR);
	CU_ASSERT_EQUAL(h.component[1].error_count, 1);
}

static void test_critical_counts_its_errors(void)
{
	start();
	all_well();
	now += FOG_HEALTH_BACKOFF_MS;
	look(1, FOG_HEALTH_CRITICAL, "useless");
	look(1, FOG_HEALTH_CRITICAL, "useless");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1);
	look(1, FOG_HEALTH_HEALTHY, "");
	look(1, FOG_HEALTH_CRITICAL, "useless");
	look(1, FOG_HEALTH_CRITICAL, "useless");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1);
	look(1, FOG_HEALTH_CRITICAL, "useless");
	CU_ASSERT_EQUAL(h.component[1].error_count, 5);
	h.config.recovery = false;
	CU_ASSERT_EQUAL(fog_health_due(&h, now), -1);
	h.config.recovery = true;
	CU_ASSERT_EQUAL(fog_health_due(&h, now), 1);
}

static void test_silence(void)
{
	struct fog_health_reading r = {.level = FOG_HEALTH_HEALTHY, .heartbeat_ms = START};

	start();
	now += 60000;
	fog_health_observe(&h, 2, &r, now);
	CU_ASSERT_EQUAL(h.component[2].level, FOG_HEALTH_HEALTHY);
	now += 1;
	fog_health_observe(&h, 2, &r, now);
	CU_ASSERT_EQUAL(h.component[2].level, FOG_HEALTH_OFFLINE);
	CU_ASSERT_STRING_EQUAL(h.component[2].why, "no sign of life");
	CU_ASSERT_EQUAL(fog_health_due(&h, now), 2);
	/* Without a limit of its own it is only not fresh. */
	fog_health_observe(&h, 1, &r, START + FOG_HEALTH_FRESH_MS + 1);
	CU_ASSERT_EQUAL(h.component[1].level, FOG_HEALTH_HEALTHY);
	CU_ASSERT_FALSE(fog_component_is_healthy(&h.component[1], START + FOG_HEALTH_FRESH_MS + 1));
	CU_ASSERT_TRUE(fog_component_is_healthy(&h.component[1], START + FOG_HEALTH_FRESH_MS));
}

FOG_TEST_MAIN("controlplane/health/health", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_levels_of_the_host), FOG_TEST(test_offline_is_restarted_with_backoff),
	      FOG_TEST(test_recovery), FOG_TEST(test_nothing_is_said_while_it_starts),
	      FOG_TEST(test_critical_counts_its_errors), FOG_TEST(test_silence))
