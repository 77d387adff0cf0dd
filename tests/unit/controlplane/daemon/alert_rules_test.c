/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of rules, good and bad. */
#include <errno.h>
#include <unistd.h>

#include "controlplane/daemon/alerts.h"
#include "tests/unit/fog_test.h"

static struct fog_alarms alarms;
static char path[] = "/tmp/fog-rules-test-XXXXXX", why[FOG_HOST_WHY_SIZE];
static u32 built_in;

static int read_text(const char *text)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return fog_alert_rules_read(&alarms, path, why);
}

static const struct fog_rule *rule_find(const char *name)
{
	for (u32 i = 0; i < alarms.rule_count; i++)
		if (strcmp(alarms.rule[i].name, name) == 0)
			return &alarms.rule[i];
	return NULL;
}

static void test_life_cycle(void)
{
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL(fog_alert_rules_read(&alarms, "", why), 0);
	built_in = alarms.rule_count;
	CU_ASSERT(built_in >= 10);
	CU_ASSERT_PTR_NOT_NULL(rule_find("component_down"));
	CU_ASSERT_EQUAL(read_text("{}"), 0);
	CU_ASSERT_EQUAL(alarms.rule_count, built_in);
}

/* Added with every member, with none that need not be there, in the place of another, taken out. */
static void test_good(void)
{
	const struct fog_rule *r;

	CU_ASSERT_EQUAL(
		read_text("{\"rules\": [{\"name\": \"all\", \"metric\": \"m\", \"labels\":"
			  " \"a=\\\"b\\\"\", \"by\": \"c\", \"kind\": \"rate\", \"op\": \"<=\","
			  " \"threshold\": -2.5, \"for_seconds\": 1.5, \"severity\": \"info\","
			  " \"summary\": \"s\"}, {\"name\": \"few\", \"metric\": \"n\","
			  " \"threshold\": 1}, {\"name\": \"links_down\", \"metric\": \"mine\","
			  " \"threshold\": 7}], \"remove\": [\"loop_slow\"]}"),
		0);
	CU_ASSERT_EQUAL(alarms.rule_count, built_in + 1);
	r = rule_find("all");
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->kind, FOG_RULE_RATE);
	CU_ASSERT_STRING_EQUAL(fog_rule_op_name(r->op), "<=");
	CU_ASSERT_EQUAL(r->threshold, -2.5);
	CU_ASSERT_EQUAL(r->for_ms, 1500);
	CU_ASSERT_EQUAL(r->severity, FOG_SEVERITY_INFO);
	json_t *o = fog_alert_rule_json(r);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "labels")), "a=\"b\"");
	CU_ASSERT_EQUAL(json_real_value(json_object_get(o, "for_seconds")), 1.5);
	json_decref(o);
	r = rule_find("few");
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->kind, FOG_RULE_VALUE);
	CU_ASSERT_STRING_EQUAL(fog_rule_op_name(r->op), ">");
	CU_ASSERT_EQUAL(r->severity, FOG_SEVERITY_WARNING);
	CU_ASSERT_STRING_EQUAL(rule_find("links_down")->metric, "mine");
	CU_ASSERT_PTR_NULL(rule_find("loop_slow"));
}

#define RULE "{\"rules\": [{\"name\": \"x\", \"metric\": \"m\", \"threshold\": 1"

static const struct {
	const char *text, *says;
} bad[] = {
	{"", ":1"},
	{"[]", "no object"},
	{"{\"rules\": [1]}", "is no object"},
	{"{\"rules\": [{}]}", "name and metric"},
	{"{\"rules\": [{\"name\": \"x\", \"metric\": \"m\"}]}", "a number as threshold"},
	{"{\"rules\": [{\"name\": \"x\", \"metric\": \"m\", \"threshold\": \"1\"}]}", "threshold"},
	{RULE ", \"colour\": \"red\"}]}", "nobody knows"},
	{RULE ", \"kind\": \"guess\"}]}", "kind value, rate or anomaly"},
	{RULE ", \"op\": \"!=\"}]}", "wants op"},
	{RULE ", \"severity\": \"bad\"}]}", "severity"},
	{RULE ", \"for_seconds\": -1}]}", "for_seconds"},
	{RULE ", \"for_seconds\": 604801}]}", "for_seconds"},
	{RULE ", \"by\": 7}]}", "a text that is none"},
	{RULE ", \"name\": \"y\"}]}", "duplicate"},
	{"{\"remove\": [\"nobody\"]}", "no rule \"nobody\""},
	{"{\"remove\": [7]}", "no rule"},
};

static void test_bad(void)
{
	char name[256];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(read_text(bad[i].text), -EINVAL);
		if (strstr(why, bad[i].says) == NULL)
			printf("case %u says %s\n", i, why);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, bad[i].says));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, path));
	}
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	char text[512];
	snprintf(text, sizeof(text), "{\"rules\": [{\"name\": \"%s\"}]}", name);
	CU_ASSERT_EQUAL(read_text(text), -EINVAL);
	CU_ASSERT_EQUAL(fog_alert_rules_read(&alarms, "/nonexistent", why), -ENOENT);
	CU_ASSERT_EQUAL(fog_alert_rules_read(&alarms, "/", why), -EINVAL);
}

static void test_too_many(void)
{
	size_t size = 1 << 17, n;
	char *text = malloc(size);

	n = (size_t)snprintf(text, size, "{\"rules\": [");
	for (unsigned i = 0; i < FOG_ALARM_RULES_MAX; i++)
		n += (size_t)snprintf(text + n, size - n,
				      "%s{\"name\": \"r%u\", \"metric\": \"m\", \"threshold\": 1}",
				      i != 0 ? "," : "", i);
	snprintf(text + n, size - n, "]}");
	CU_ASSERT_NOT_EQUAL(read_text(text), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "one too many"));
	free(text);
	unlink(path);
}

FOG_TEST_MAIN("controlplane/daemon/alert_rules", FOG_TEST(test_life_cycle), FOG_TEST(test_good),
	      FOG_TEST(test_bad), FOG_TEST(test_too_many))
