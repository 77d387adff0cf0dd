/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/trace.h"

#include "tests/unit/fog_test.h"

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct fog_rng rng;

static struct fog_job_origin origin(bool given, const char *state)
{
	struct fog_job_origin o = {.given = given, .state = state};

	CU_ASSERT_EQUAL(fog_trace_parse(PARENT, &o.trace), 0);
	return o;
}

static bool shared(const struct fog_job_trace *t)
{
	return memcmp(t->wire, t->span.trace_id, sizeof(t->wire)) == 0;
}

static void test_life_cycle(void)
{
	struct fog_job_origin o = origin(false, "a=1, b=2");
	struct fog_job_trace t, back;
	char text[FOG_JOB_TRACE_SIZE];
	struct fog_trace wire;

	fog_rng_init_u64(&rng, 1);
	fog_job_trace_begin(&t, &o, true, false, &rng);
	CU_ASSERT_EQUAL(memcmp(t.span.trace_id, o.trace.trace_id, 16), 0);
	CU_ASSERT_EQUAL(memcmp(t.parent, o.trace.span_id, 8), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(t.span.span_id, o.trace.span_id, 8), 0);
	CU_ASSERT_EQUAL(t.span.flags, FOG_TRACE_SAMPLED);
	CU_ASSERT_TRUE(shared(&t));
	fog_job_trace_text(&t, o.state, text);
	CU_ASSERT_STRING_EQUAL(fog_job_trace_read(text, &back), "a=1, b=2");
	CU_ASSERT_EQUAL(memcmp(&t, &back, sizeof(t)), 0);
	fog_job_trace_text(&t, NULL, text);
	CU_ASSERT_STRING_EQUAL(fog_job_trace_read(text, &back), "");
	CU_ASSERT_EQUAL(memcmp(&t, &back, sizeof(t)), 0);
	fog_job_trace_wire(&t, &wire);
	CU_ASSERT_EQUAL(memcmp(&wire, &t.span, sizeof(wire)), 0);
}

/* The caller's id, and one that several jobs share, leaves the host only when it may. */
static void test_private(void)
{
	static const struct {
		bool given, alone, callers, shared;
	} cases[] = {
		{false, true, false, true}, {false, false, false, false},
		{true, true, false, false}, {true, false, false, false},
		{false, true, true, true},  {false, false, true, true},
		{true, true, true, true},   {true, false, true, true},
	};
	struct fog_job_trace t, other;
	struct fog_trace wire;

	fog_rng_init_u64(&rng, 1);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_job_origin o = origin(cases[i].given, NULL);
		fog_job_trace_begin(&t, &o, cases[i].alone, cases[i].callers, &rng);
		fog_job_trace_begin(&other, &o, cases[i].alone, cases[i].callers, &rng);
		if (shared(&t) != cases[i].shared)
			printf("case %u\n", i);
		CU_ASSERT_EQUAL(shared(&t), cases[i].shared);
		CU_ASSERT_EQUAL(memcmp(t.wire, other.wire, 16) == 0, cases[i].shared);
		CU_ASSERT_NOT_EQUAL(memcmp(t.span.span_id, other.span.span_id, 8), 0);
		fog_job_trace_wire(&t, &wire);
		CU_ASSERT_EQUAL(memcmp(wire.trace_id, t.wire, 16), 0);
		CU_ASSERT_EQUAL(memcmp(wire.span_id, t.span.span_id, 8), 0);
	}
}

static void test_none(void)
{
	static const char *const bad[] = {
		"",
		"x",
		PARENT,
		PARENT " 0011223344556677",
		PARENT " 0011223344556677 00",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01 0011223344556677 "
		"00112233445566778899aabbccddeeff",
		PARENT " 00112233445566zz 00112233445566778899aabbccddeeff",
	};
	struct fog_job_trace t;
	char text[FOG_JOB_TRACE_SIZE];

	fog_rng_init_u64(&rng, 1);
	fog_job_trace_begin(&t, &(struct fog_job_origin){0}, true, true, &rng);
	CU_ASSERT_FALSE(fog_trace_is(&t.span));
	CU_ASSERT_STRING_EQUAL(fog_job_trace_text(&t, NULL, text), "");
	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_STRING_EQUAL(fog_job_trace_read(bad[i], &t), "");
		if (fog_trace_is(&t.span))
			CU_FAIL(bad[i]);
	}
}

FOG_TEST_MAIN("controlplane/jobs/trace", FOG_TEST(test_life_cycle), FOG_TEST(test_private),
	      FOG_TEST(test_none))
