/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/verdicts.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static struct fog_health_reading reading(void)
{
	return (struct fog_health_reading){.level = FOG_HEALTH_HEALTHY};
}

static void expect(unsigned number, const struct fog_health_reading *r, enum fog_health_level level,
		   const char *why)
{
	if (r->level != level || strcmp(r->why, why) != 0)
		printf("case %u: level %d, %s\n", number, (int)r->level, r->why);
	CU_ASSERT_EQUAL(r->level, level);
	CU_ASSERT_STRING_EQUAL(r->why, why);
}

static const struct {
	u64 silent_ms;
	bool synced;
	u64 attached_ms;
	enum fog_health_level level;
	const char *why;
} workers[] = {
	{0, true, 0, FOG_HEALTH_HEALTHY, ""},
	{5000, true, 60000, FOG_HEALTH_HEALTHY, ""},
	{5001, true, 60000, FOG_HEALTH_OFFLINE, "a worker has shown no life for 5001 ms"},
	{5001, false, 60000, FOG_HEALTH_OFFLINE, "a worker has shown no life for 5001 ms"},
	{0, false, 5000, FOG_HEALTH_HEALTHY, ""},
	{0, false, 5001, FOG_HEALTH_DEGRADED, "has not taken up all commands yet"},
};

static void test_workers(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(workers); i++) {
		struct fog_health_reading r = reading();
		fog_verdict_workers(&r, workers[i].silent_ms, workers[i].synced,
				    workers[i].attached_ms);
		expect(i, &r, workers[i].level, workers[i].why);
	}
}

static const struct {
	bool connected;
	u32 silent;
	enum fog_health_level level;
	const char *why;
} edges[] = {
	{true, 0, FOG_HEALTH_HEALTHY, ""},
	{true, 1, FOG_HEALTH_DEGRADED, "was late to answer"},
	{true, 2, FOG_HEALTH_OFFLINE, "does not answer"},
	{false, 0, FOG_HEALTH_OFFLINE, "not connected"},
	{false, 9, FOG_HEALTH_OFFLINE, "not connected"},
};

static void test_edge(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(edges); i++) {
		struct fog_health_reading r = reading();
		fog_verdict_edge(&r, edges[i].connected, edges[i].silent);
		expect(i, &r, edges[i].level, edges[i].why);
	}
}

static const struct {
	int rc;
	u64 took_ms;
	enum fog_health_level level;
	const char *why;
} stores[] = {
	{0, 0, FOG_HEALTH_HEALTHY, ""},
	{0, 1000, FOG_HEALTH_HEALTHY, ""},
	{0, 1001, FOG_HEALTH_DEGRADED, "a write took 1001 ms"},
	{-ENOSPC, 0, FOG_HEALTH_CRITICAL, "cannot write: No space left on device"},
	{-EIO, 5000, FOG_HEALTH_CRITICAL, "cannot write: Input/output error"},
};

static void test_store(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(stores); i++) {
		struct fog_health_reading r = reading();
		fog_verdict_store(&r, stores[i].rc, stores[i].took_ms);
		expect(i, &r, stores[i].level, stores[i].why);
	}
}

static const struct {
	struct fog_verdict_circuits c;
	enum fog_health_level level;
	const char *why;
} circuits[] = {
	{{0, 0, 0, 0, true, true}, FOG_HEALTH_HEALTHY, ""},
	{{0, 0, 3, 1, true, true}, FOG_HEALTH_HEALTHY, ""},
	{{0, 0, 3, 0, true, true}, FOG_HEALTH_DEGRADED, "none of 3 links is up"},
	{{0, 4, 3, 3, true, true}, FOG_HEALTH_HEALTHY, ""}, /* too few to say */
	{{0, 5, 3, 3, true, true}, FOG_HEALTH_CRITICAL, "5 of 5 circuits failed"},
	{{51, 49, 3, 3, true, true}, FOG_HEALTH_HEALTHY, ""},
	{{50, 50, 3, 3, true, true}, FOG_HEALTH_DEGRADED, "50 of 100 circuits failed"},
	{{6, 94, 3, 3, true, true}, FOG_HEALTH_DEGRADED, "94 of 100 circuits failed"},
	{{5, 95, 3, 3, true, true}, FOG_HEALTH_CRITICAL, "95 of 100 circuits failed"},
	{{0, 9, 3, 3, false, true}, FOG_HEALTH_DEGRADED, "no circuits without the data plane"},
	{{0, 9, 3, 3, true, false}, FOG_HEALTH_DEGRADED, "no circuits without fog-edge"},
};

static void test_circuits(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(circuits); i++) {
		struct fog_health_reading r = reading();
		fog_verdict_circuits(&r, &circuits[i].c);
		expect(i, &r, circuits[i].level, circuits[i].why);
	}
}

static const struct {
	bool asked;
	int result;
	bool has_dataplane;
	enum fog_health_level level;
	const char *why;
} verifiers[] = {
	{false, 0, true, FOG_HEALTH_HEALTHY, ""},
	{true, 0, true, FOG_HEALTH_HEALTHY, ""},
	{true, -EBADMSG, true, FOG_HEALTH_CRITICAL, "a good signature was refused"},
	{true, -EBADMSG, false, FOG_HEALTH_CRITICAL, "a good signature was refused"},
	{true, -ETIMEDOUT, true, FOG_HEALTH_DEGRADED, "no verdict: Connection timed out"},
	{true, 0, false, FOG_HEALTH_DEGRADED, "no data plane: signatures are checked here"},
};

static void test_verifier(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(verifiers); i++) {
		struct fog_health_reading r = reading();
		fog_verdict_verifier(&r, verifiers[i].asked, verifiers[i].result,
				     verifiers[i].has_dataplane);
		expect(i, &r, verifiers[i].level, verifiers[i].why);
	}
}

static void test_reports(void)
{
	struct fog_health_reading r = reading();

	CU_ASSERT_FALSE(fog_verdict_reports(&r, 0, 1000000, 1000));
	CU_ASSERT_FALSE(fog_verdict_reports(&r, 1000000, 1003999, 1000));
	expect(0, &r, FOG_HEALTH_HEALTHY, "");
	CU_ASSERT(fog_verdict_reports(&r, 1000000, 1004000, 1000));
	expect(1, &r, FOG_HEALTH_OFFLINE, "not brought up to date for 4 s");
	/* Longer than there is room for. */
	fog_verdict_say(&r, FOG_HEALTH_DEGRADED, "%0500d", 0);
	CU_ASSERT_EQUAL(strlen(r.why), sizeof(r.why) - 1);
}

FOG_TEST_MAIN("controlplane/daemon/verdicts", FOG_TEST(test_workers), FOG_TEST(test_edge),
	      FOG_TEST(test_store), FOG_TEST(test_circuits), FOG_TEST(test_verifier),
	      FOG_TEST(test_reports))
