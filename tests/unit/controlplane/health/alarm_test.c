/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/alarm.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static struct fog_alarms a;
static u64 now;
static u32 changes;
static struct fog_alarm *last;

static void on_change(void *ctx, struct fog_alarm *alarm)
{
	changes++;
	last = alarm;
}

static void end(void)
{
	fog_alarms_end(&a, now, on_change, NULL);
}

static void round_of(const char *name, const char *labels, double value)
{
	fog_alarms_begin(&a, NULL);
	fog_alarms_sample(&a, name, labels, value);
	end();
}

static const struct fog_rule low = {
	"low",     "x", "", "k", FOG_RULE_VALUE, FOG_RULE_BELOW, 5, 2000, FOG_SEVERITY_WARNING,
	"x is low"};

/* Without the built-in ones. */
static void start(void)
{
	fog_alarms_init(&a);
	while (a.rule_count != 0)
		CU_ASSERT_EQUAL(fog_alarms_remove(&a, a.rule[0].name), 0);
	now = 1000000;
	changes = 0;
}

static void test_life_cycle(void)
{
	start();
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &low), 0);
	round_of("x", "k=\"one\"", 7);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(a.alarm[0].state, FOG_ALARM_OK);
	round_of("x", "k=\"one\"", 3);
	CU_ASSERT_EQUAL(a.alarm[0].state, FOG_ALARM_PENDING);
	now += 1999;
	round_of("x", "k=\"one\"", 3);
	CU_ASSERT_EQUAL(changes, 0);
	now += 1;
	round_of("x", "k=\"one\"", 2);
	CU_ASSERT_EQUAL(changes, 1);
	CU_ASSERT_EQUAL(last->state, FOG_ALARM_FIRING);
	CU_ASSERT_STRING_EQUAL(last->key, "one");
	CU_ASSERT_EQUAL(last->value, 2);
	round_of("x", "k=\"one\"", 2);
	CU_ASSERT_EQUAL(changes, 1);
	round_of("y", "", 0); /* x is not there any more */
	CU_ASSERT_EQUAL(changes, 2);
	CU_ASSERT_EQUAL(last->state, FOG_ALARM_OK);
}

static void test_bad_arguments(void)
{
	struct fog_rule r = low;

	start();
	r.name[0] = '\0';
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -EINVAL);
	r = low;
	r.metric[0] = '\0';
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -EINVAL);
	r = low;
	r.kind = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -EINVAL);
	r = low;
	r.op = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -EINVAL);
	r = low;
	r.threshold = 0.0 / 0.0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -EINVAL);
	CU_ASSERT_EQUAL(fog_alarms_remove(&a, "nobody"), -ENOENT);
	for (u32 i = 0; i < FOG_ALARM_RULES_MAX; i++) {
		r = low;
		snprintf(r.name, sizeof(r.name), "r%u", i);
		CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	}
	snprintf(r.name, sizeof(r.name), "one more");
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), -ENOSPC);
	CU_ASSERT_EQUAL(fog_rule_op_parse("=<"), 0);
	CU_ASSERT_EQUAL(fog_rule_kind_parse(NULL), 0);
	CU_ASSERT_EQUAL(fog_severity_parse("critical"), FOG_SEVERITY_CRITICAL);
}

static void test_labels(void)
{
	struct fog_rule r = low;

	start();
	r.for_ms = 0;
	snprintf(r.labels, sizeof(r.labels), "state=\"up\"");
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	fog_alarms_begin(&a, NULL);
	fog_alarms_sample(&a, "x", "state=\"up\",k=\"a\"", 3);
	fog_alarms_sample(&a, "x", "state=\"up\",k=\"b\"", 2);
	fog_alarms_sample(&a, "x", "state=\"up\",k=\"b\"", 3); /* summed: 5 */
	fog_alarms_sample(&a, "x", "state=\"down\",k=\"c\"", 0);
	fog_alarms_sample(&a, "x", "state=\"up\",notk=\"d\",k=\"e\"", 9);
	end();
	CU_ASSERT_EQUAL(a.count, 3);
	CU_ASSERT_EQUAL(changes, 1);
	CU_ASSERT_STRING_EQUAL(last->key, "a");
	CU_ASSERT_STRING_EQUAL(a.alarm[2].key, "e");
}

static void test_rounds_of_one_figure(void)
{
	struct fog_rule r = low;

	start();
	r.for_ms = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	snprintf(r.name, sizeof(r.name), "other");
	snprintf(r.metric, sizeof(r.metric), "y");
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	round_of("y", "", 0);
	CU_ASSERT_EQUAL(changes, 1);
	fog_alarms_begin(&a, "x");
	fog_alarms_sample(&a, "x", "", 0);
	end();
	CU_ASSERT_EQUAL(changes, 2); /* y fires on, though it was not told of */
	CU_ASSERT_EQUAL(a.alarm[0].state, FOG_ALARM_FIRING);
}

static void test_rate(void)
{
	struct fog_rule r = low;

	start();
	r.kind = FOG_RULE_RATE;
	r.op = FOG_RULE_ABOVE;
	r.threshold = 2;
	r.for_ms = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	round_of("x", "", 1000);
	now += 10000;
	round_of("x", "", 1020);
	CU_ASSERT_EQUAL(changes, 0);
	CU_ASSERT_DOUBLE_EQUAL(a.alarm[0].value, 2, 1e-9);
	now += 10000;
	round_of("x", "", 1041);
	CU_ASSERT_EQUAL(changes, 1);
	round_of("x", "", 1041); /* no time has passed: as before */
	CU_ASSERT_EQUAL(changes, 1);
	now += 10000;
	round_of("x", "", 10); /* the counter began anew: 1 a second */
	CU_ASSERT_EQUAL(changes, 2);
	CU_ASSERT_DOUBLE_EQUAL(a.alarm[0].value, 1, 1e-9);
}

static void test_anomaly(void)
{
	struct fog_rule r = low;
	double total = 0;

	start();
	r.kind = FOG_RULE_ANOMALY;
	r.op = 0;
	r.threshold = 6;
	r.for_ms = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	for (int i = 0; i < 60; i++) {
		total += 60 * (10 + i % 3); /* 10 to 12 a second */
		now += 60000;
		round_of("x", "", total);
	}
	CU_ASSERT_EQUAL(changes, 0);
	total += 60 * 30;
	now += 60000;
	round_of("x", "", total);
	CU_ASSERT_EQUAL(changes, 1);
	CU_ASSERT(last->value > 6);
	total += 60 * 11;
	now += 60000;
	round_of("x", "", total);
	CU_ASSERT_EQUAL(changes, 2);
	/* It learns what lasts, but not at once. */
	int firing = 0;
	for (int i = 0; i < 100; i++) {
		total += 60 * 30;
		now += 60000;
		round_of("x", "", total);
		firing += a.alarm[0].state == FOG_ALARM_FIRING;
	}
	CU_ASSERT(firing > 1 && firing < 50);
	CU_ASSERT_EQUAL(a.alarm[0].state, FOG_ALARM_OK);
}

/* Silence and single events of a figure that is nearly always still are no anomaly of weight. */
static void test_still_figures(void)
{
	struct fog_rule r = low;
	double total = 0;

	start();
	r.kind = FOG_RULE_ANOMALY;
	r.op = 0;
	r.threshold = 6;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	for (int i = 0; i < 40; i++) {
		total += i % 20 == 19 ? 15 : 0; /* a quarter a second for a minute */
		now += 60000;
		round_of("x", "", total);
	}
	CU_ASSERT_EQUAL(changes, 0);
}

static void test_restore_and_replace(void)
{
	struct fog_rule r = low;

	start();
	r.for_ms = 0;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	CU_ASSERT_PTR_NULL(fog_alarms_restore(&a, "nobody", "one", 1, 1));
	struct fog_alarm *alarm = fog_alarms_restore(&a, "low", "one", 77, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(alarm);
	CU_ASSERT_EQUAL(alarm->state, FOG_ALARM_FIRING);
	round_of("x", "k=\"one\"", 3);
	CU_ASSERT_EQUAL(changes, 0); /* it was told before */
	CU_ASSERT_EQUAL(a.alarm[0].since_ms, 77);
	r.threshold = 1;
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &r), 0);
	CU_ASSERT_EQUAL(a.rule_count, 1);
	CU_ASSERT_EQUAL(a.count, 0);
}

static void test_too_many(void)
{
	char labels[64];

	start();
	CU_ASSERT_EQUAL(fog_alarms_rule(&a, &low), 0);
	fog_alarms_begin(&a, NULL);
	for (u32 i = 0; i < FOG_ALARMS_MAX + 3; i++) {
		snprintf(labels, sizeof(labels), "k=\"%u\"", i);
		fog_alarms_sample(&a, "x", labels, 9);
	}
	end();
	CU_ASSERT_EQUAL(a.count, FOG_ALARMS_MAX);
	CU_ASSERT_EQUAL(a.unwatched, 3);
}

static void test_built_in(void)
{
	fog_alarms_init(&a);
	now = 1000000;
	changes = 0;
	CU_ASSERT(a.rule_count >= 10);
	round_of("fog_component_health", "component=\"edge\"", 4);
	CU_ASSERT_EQUAL(changes, 1);
	CU_ASSERT_STRING_EQUAL(a.rule[last->rule].name, "component_down");
	CU_ASSERT_STRING_EQUAL(last->key, "edge");
}

FOG_TEST_MAIN("controlplane/health/alarm", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_labels), FOG_TEST(test_rounds_of_one_figure), FOG_TEST(test_rate),
	      FOG_TEST(test_anomaly), FOG_TEST(test_still_figures),
	      FOG_TEST(test_restore_and_replace), FOG_TEST(test_too_many), FOG_TEST(test_built_in))
