/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/alert_book.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

#define T0 1800000000000ull

static struct fog_store *store;
static char why[FOG_STORE_WHY_SIZE];
static const struct fog_rule rule = {.name = "component_down",
				     .metric = "fog_component_health",
				     .by = "component",
				     .kind = FOG_RULE_VALUE,
				     .op = FOG_RULE_AT_LEAST,
				     .severity = FOG_SEVERITY_CRITICAL,
				     .threshold = 3,
				     .summary = "it does not work"};

static void start(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&store, NULL, why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_alert_book_open(store, why), 0);
}

static void stop(void)
{
	fog_store_close(store);
}

static struct fog_alarm alarm_of(const char *key)
{
	struct fog_alarm a = {.state = FOG_ALARM_FIRING, .value = 4, .since_ms = T0 - 5000};

	snprintf(a.key, sizeof(a.key), "%s", key);
	return a;
}

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void test_life_cycle(void)
{
	struct fog_alarm a = alarm_of("edge");

	start();
	CU_ASSERT_PTR_NULL(fog_alert_book_alert(store, 1, T0));
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	CU_ASSERT_EQUAL(a.id, 1);
	json_t *o = fog_alert_book_alert(store, 1, T0);
	CU_ASSERT_STRING_EQUAL(text(o, "rule"), "component_down");
	CU_ASSERT_STRING_EQUAL(text(o, "by"), "component");
	CU_ASSERT_STRING_EQUAL(text(o, "key"), "edge");
	CU_ASSERT_STRING_EQUAL(text(o, "state"), "firing");
	CU_ASSERT_STRING_EQUAL(text(o, "severity"), "critical");
	CU_ASSERT_EQUAL(number(o, "started_ms"), T0 - 5000);
	CU_ASSERT_EQUAL(number(o, "fired_ms"), T0);
	CU_ASSERT(json_is_null(json_object_get(o, "resolved_ms")));
	CU_ASSERT(json_is_false(json_object_get(o, "silenced")));
	json_decref(o);
	CU_ASSERT_EQUAL(fog_alert_book_acknowledge(store, 1, "ann", T0 + 1), 0);
	CU_ASSERT_EQUAL(fog_alert_book_acknowledge(store, 2, "ann", T0 + 1), -ENOENT);
	a.state = FOG_ALARM_OK;
	a.value = 1;
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0 + 9), 0);
	o = fog_alert_book_alert(store, 1, T0 + 9);
	CU_ASSERT_STRING_EQUAL(text(o, "state"), "resolved");
	CU_ASSERT_STRING_EQUAL(text(o, "acknowledged_by"), "ann");
	CU_ASSERT_EQUAL(number(o, "resolved_ms"), T0 + 9);
	json_decref(o);
	stop();
}

/* Newest first, in pages; those that are over only where asked for. */
static void test_pages(void)
{
	start();
	for (int i = 0; i < 7; i++) {
		struct fog_alarm a = alarm_of("x");
		CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
		a.state = FOG_ALARM_OK;
		if (i % 2 == 0)
			CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	}
	u64 after = 0, expected = 7;
	do {
		json_t *page = fog_alert_book_alerts(store, false, after, 3, T0), *row;
		size_t i;
		json_array_foreach(json_object_get(page, "alerts"), i, row)
			CU_ASSERT_EQUAL(number(row, "id"), (json_int_t)expected--);
		after = (u64)number(page, "next");
		json_decref(page);
	} while (after != 0);
	CU_ASSERT_EQUAL(expected, 0);
	json_t *firing = fog_alert_book_alerts(store, true, 0, 100, T0);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(firing, "alerts")), 3);
	CU_ASSERT(json_is_null(json_object_get(firing, "next")));
	json_decref(firing);
	stop();
}

/* Only the newest that are over stay. */
static void test_forgets(void)
{
	start();
	CU_ASSERT_EQUAL(fog_store_begin(store), 0);
	struct fog_alarm first = alarm_of("first");
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &first, T0), 0); /* fires on */
	for (int i = 0; i < FOG_ALERTS_KEPT + 10; i++) {
		struct fog_alarm a = alarm_of("x");
		CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
		a.state = FOG_ALARM_OK;
		CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	}
	CU_ASSERT_EQUAL(fog_store_end(store, 0), 0);
	CU_ASSERT_PTR_NULL(fog_alert_book_alert(store, 2, T0));
	json_t *o = fog_alert_book_alert(store, 1, T0);
	CU_ASSERT_PTR_NOT_NULL(o);
	json_decref(o);
	stop();
}

static const struct {
	const char *rule, *key;
	bool silences; /* component_down of edge */
} silences[] = {
	{"component_down", "edge", true},
	{"component_down", "", true},
	{"", "edge", true},
	{"", "", true},
	{"component_down", "store", false},
	{"links_down", "edge", false},
	{"links_down", "", false},
	{"", "store", false},
};

static void test_silences(void)
{
	start();
	struct fog_alarm a = alarm_of("edge");
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(silences); i++) {
		CU_ASSERT_EQUAL(fog_alert_book_silence(store, silences[i].rule, silences[i].key, 60,
						       "maintenance", T0),
				0);
		json_t *list = fog_alert_book_silences(store, T0);
		CU_ASSERT_EQUAL(json_array_size(list), 1);
		u64 id = (u64)number(json_array_get(list, 0), "id");
		CU_ASSERT_EQUAL(number(json_array_get(list, 0), "until_ms"), T0 + 60000);
		json_decref(list);
		json_t *o = fog_alert_book_alert(store, a.id, T0 + 59999);
		CU_ASSERT_EQUAL(json_is_true(json_object_get(o, "silenced")), silences[i].silences);
		json_decref(o);
		o = fog_alert_book_alert(store, a.id, T0 + 60000);
		CU_ASSERT(json_is_false(json_object_get(o, "silenced")));
		json_decref(o);
		CU_ASSERT_EQUAL(fog_alert_book_silence_end(store, id), 0);
		CU_ASSERT_EQUAL(fog_alert_book_silence_end(store, id), -ENOENT);
	}
	for (int i = 0; i < FOG_SILENCES_MAX; i++)
		CU_ASSERT_EQUAL(fog_alert_book_silence(store, "x", "", 60, "", T0), 0);
	CU_ASSERT_EQUAL(fog_alert_book_silence(store, "x", "", 60, "", T0), -ENOSPC);
	/* Those that are over make room. */
	CU_ASSERT_EQUAL(fog_alert_book_silence(store, "x", "", 60, "", T0 + 60001), 0);
	stop();
}

/* A new process: what a rule still watches fires on under its number, the rest is over. */
static void test_load(void)
{
	static struct fog_alarms alarms;
	struct fog_rule other = rule;
	u32 firing;

	start();
	snprintf(other.name, sizeof(other.name), "gone");
	struct fog_alarm a = alarm_of("edge"), b = alarm_of("edge");
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &other, &b, T0), 0);
	fog_alarms_init(&alarms);
	CU_ASSERT_EQUAL(fog_alert_book_load(store, &alarms, T0 + 5, &firing), 0);
	CU_ASSERT_EQUAL(firing, 1);
	CU_ASSERT_EQUAL(alarms.count, 1);
	CU_ASSERT_EQUAL(alarms.alarm[0].id, a.id);
	CU_ASSERT_EQUAL(alarms.alarm[0].state, FOG_ALARM_FIRING);
	json_t *o = fog_alert_book_alert(store, b.id, T0 + 5);
	CU_ASSERT_EQUAL(number(o, "resolved_ms"), T0 + 5);
	json_decref(o);
	stop();
}

static void test_notice(void)
{
	start();
	struct fog_alarm a = alarm_of("edge");
	CU_ASSERT_EQUAL(fog_alert_book_write(store, &rule, &a, T0), 0);
	json_t *alert = fog_alert_book_alert(store, a.id, T0);
	json_t *o = fog_alert_notice("ash", &rule, alert);
	json_t *labels = json_object_get(o, "commonLabels");
	json_t *one = json_array_get(json_object_get(o, "alerts"), 0);
	CU_ASSERT_STRING_EQUAL(text(o, "version"), "4");
	CU_ASSERT_STRING_EQUAL(text(o, "status"), "firing");
	CU_ASSERT_STRING_EQUAL(text(o, "groupKey"), "{}/component_down/edge");
	CU_ASSERT_STRING_EQUAL(text(labels, "alertname"), "component_down");
	CU_ASSERT_STRING_EQUAL(text(labels, "component"), "edge");
	CU_ASSERT_STRING_EQUAL(text(labels, "host"), "ash");
	CU_ASSERT_STRING_EQUAL(text(one, "startsAt"), "2027-01-15T07:59:55Z");
	CU_ASSERT_STRING_EQUAL(text(one, "endsAt"), "0001-01-01T00:00:00Z");
	json_decref(o);
	json_decref(alert);
	stop();
}

FOG_TEST_MAIN("controlplane/daemon/alert_book", FOG_TEST(test_life_cycle), FOG_TEST(test_pages),
	      FOG_TEST(test_forgets), FOG_TEST(test_silences), FOG_TEST(test_load),
	      FOG_TEST(test_notice))
