/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/trace.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static void test_life_cycle(void)
{
	char text[FOG_TRACEPARENT_SIZE], hex[FOG_TRACE_ID_SIZE];
	struct fog_trace t = {0}, u = {0};

	CU_ASSERT_FALSE(fog_trace_is(&t));
	CU_ASSERT_EQUAL(fog_trace_parse("00-" TRACE "-" SPAN "-01", &t), 0);
	CU_ASSERT(fog_trace_is(&t) && t.flags == FOG_TRACE_SAMPLED);
	CU_ASSERT_STRING_EQUAL(fog_trace_format(&t, text), "00-" TRACE "-" SPAN "-01");
	CU_ASSERT_STRING_EQUAL(fog_trace_id_hex(&t, hex), TRACE);
	fog_trace_begin(&t);
	fog_trace_begin(&u);
	CU_ASSERT(fog_trace_is(&t) && memcmp(t.trace_id, u.trace_id, 16) != 0);
	CU_ASSERT_EQUAL(fog_trace_parse(fog_trace_format(&t, text), &u), 0);
	CU_ASSERT_EQUAL(memcmp(&t, &u, sizeof(t)), 0);
	fog_span_id_make(u.span_id);
	CU_ASSERT_NOT_EQUAL(memcmp(t.span_id, u.span_id, 8), 0);
}

/* https://www.w3.org/TR/trace-context-1/#traceparent-header-field-values */
static void test_bad_parents(void)
{
	static const char *const bad[] = {
		"",
		"00",
		"00-" TRACE "-" SPAN,
		"00-" TRACE "-" SPAN "-",
		"00-" TRACE "-" SPAN "-1",
		"00-" TRACE "-" SPAN "-01-",
		"00-" TRACE "-" SPAN "-01-what",
		"00-" TRACE "-" SPAN "-011",
		"00-" TRACE "-" SPAN "-0G",
		" 00-" TRACE "-" SPAN "-01",
		"00-" TRACE "-" SPAN "-01 ",
		"ff-" TRACE "-" SPAN "-01",
		"FF-" TRACE "-" SPAN "-01",
		"0-" TRACE "-" SPAN "-01",
		"01-" TRACE "-" SPAN "-01what",
		"00-00000000000000000000000000000000-" SPAN "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "-01",
		"00-" TRACE "0-" SPAN "-01",
		"00-" TRACE "-00F067AA0BA902B7-01",
		"00_" TRACE "-" SPAN "-01",
	};
	static const struct {
		const char *text;
		u8 flags;
	} good[] = {
		{"00-" TRACE "-" SPAN "-00", 0},
		{"00-" TRACE "-" SPAN "-ff", 1},
		{"00-" TRACE "-" SPAN "-02", 0},
		{"01-" TRACE "-" SPAN "-01", 1},
		{"cc-" TRACE "-" SPAN "-01-what the future will be like", 1},
	};
	struct fog_trace t;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		t = (struct fog_trace){.flags = 7};
		if (fog_trace_parse(bad[i], &t) != -EINVAL || t.flags != 7)
			CU_FAIL(bad[i]);
	}
	for (u32 i = 0; i < FOG_ARRAY_COUNT(good); i++)
		if (fog_trace_parse(good[i].text, &t) != 0 || t.flags != good[i].flags)
			CU_FAIL(good[i].text);
}

static void members(char *out, size_t size, u32 count)
{
	size_t used = 0;

	for (u32 i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, size - used, "%sk%u=v", i != 0 ? "," : "", i);
}

static void test_states(void)
{
	static const char *const good[] = {
		"congo=t61rcWkgMzE",
		"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
		"rojo=00f067aa0ba902b7 ,\t congo=t61rcWkgMzE",
		"a=1,,b=2,",
		"a_-*/0=1",
		"fw529a3039@dt=FfD7aSkjy",
		"0tenant@sys=1",
		"a= inner space",
		"a=!\"#$%&'()*+-./:;<>?@[]^_`{|}~",
	};
	static const char *const bad[] = {
		"",         ",",
		"a",        "a=",
		"=1",       "A=1",
		"0a=1",     "a=1,a=2",
		"a =1",     "a=1=2",
		"t@=1",     "@s=1",
		"t@0s=1",   "t@S=1",
		"a=\x01",   "a=\xc3\xa9",
		"a= ",      "-a=1",
		"a=1 b=2,", "t@s@u=1",
		"_t@s=1",   "t@thisistoolong15=1",
	};
	char text[FOG_TRACESTATE_MAX + 64];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(good); i++)
		if (!fog_tracestate_good(good[i]))
			CU_FAIL(good[i]);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		if (fog_tracestate_good(bad[i]))
			CU_FAIL(bad[i]);
	members(text, sizeof(text), 32);
	CU_ASSERT_TRUE(fog_tracestate_good(text));
	members(text, sizeof(text), 33);
	CU_ASSERT_FALSE(fog_tracestate_good(text));
	memset(text, 'a', sizeof(text));
	text[256] = '=';
	text[258] = '\0';
	CU_ASSERT_TRUE(fog_tracestate_good(text)); /* a key of 256 */
	text[256] = 'a';
	text[257] = '=';
	text[258] = '1';
	text[259] = '\0';
	CU_ASSERT_FALSE(fog_tracestate_good(text));
	memset(text, 'a', sizeof(text));
	text[1] = '=';
	text[258] = '\0';
	CU_ASSERT_TRUE(fog_tracestate_good(text)); /* a value of 256 */
	text[258] = 'a';
	text[259] = '\0';
	CU_ASSERT_FALSE(fog_tracestate_good(text));
}

static void test_sampling(void)
{
	struct fog_trace t;
	u32 sampled = 0;

	fog_trace_ratio_set(0);
	for (u32 i = 0; i < 1000; i++) {
		fog_trace_begin(&t);
		CU_ASSERT_EQUAL(t.flags, 0);
	}
	fog_trace_ratio_set(1);
	for (u32 i = 0; i < 1000; i++) {
		fog_trace_begin(&t);
		CU_ASSERT_EQUAL(t.flags, FOG_TRACE_SAMPLED);
	}
	fog_trace_ratio_set(0.25);
	for (u32 i = 0; i < 10000; i++) {
		fog_trace_begin(&t);
		sampled += t.flags;
	}
	CU_ASSERT(sampled > 2000 && sampled < 3000); /* ten standard deviations */
	fog_trace_ratio_set(0);
}

static u32 ended;

static void sink(void *ctx, const struct fog_span *span)
{
	CU_ASSERT_PTR_EQUAL(ctx, &ended);
	CU_ASSERT_STRING_EQUAL(span->name, "x");
	ended++;
}

static void test_spans(void)
{
	struct fog_trace t;
	struct fog_span span = {.trace = &t, .name = "x"};

	fog_trace_ratio_set(1);
	fog_trace_begin(&t);
	fog_trace_ratio_set(0);
	fog_span_end(&span);
	CU_ASSERT_EQUAL(ended, 0);
	fog_span_sink_set(sink, &ended);
	fog_span_end(&span);
	CU_ASSERT_EQUAL(ended, 1);
	t.flags = 0;
	fog_span_end(&span);
	t = (struct fog_trace){.flags = FOG_TRACE_SAMPLED};
	CU_ASSERT_FALSE(fog_span_wanted(&t));
	fog_span_end(&span);
	CU_ASSERT_EQUAL(ended, 1);
	fog_span_sink_set(NULL, NULL);
	/* What is entered, and left again. */
	CU_ASSERT_PTR_NULL(fog_trace_current());
	CU_ASSERT_PTR_NULL(fog_trace_enter(&t)); /* none: as if it were NULL */
	CU_ASSERT_PTR_NULL(fog_trace_current());
	fog_trace_begin(&t);
	CU_ASSERT_PTR_NULL(fog_trace_enter(&t));
	CU_ASSERT_PTR_EQUAL(fog_trace_enter(NULL), &t);
	CU_ASSERT_PTR_NULL(fog_trace_current());
}

static void test_random(void)
{
	static const char letters[] = "0f-=,@a *\t";
	const char *seed_text = getenv("FOG_SEED");
	unsigned seed = seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 10) : 1;
	char text[80], again[FOG_TRACEPARENT_SIZE];
	struct fog_trace t;
	u32 taken = 0;

	printf("seed %u ", seed);
	for (u32 round = 0; round < 100000; round++) {
		snprintf(text, sizeof(text), "00-" TRACE "-" SPAN "-01");
		for (u32 k = 0; k < 1 + round % 3; k++)
			text[(u32)rand_r(&seed) % 56] =
				letters[(u32)rand_r(&seed) % (sizeof(letters) - 1)];
		text[56] = '\0';
		if (fog_trace_parse(text, &t) == 0) {
			taken++;
			CU_ASSERT_EQUAL(strlen(fog_trace_format(&t, again)), 55);
		}
		(void)fog_tracestate_good(text);
	}
	CU_ASSERT(taken != 0);
}

FOG_TEST_MAIN("controlplane/core/trace", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_parents),
	      FOG_TEST(test_states), FOG_TEST(test_sampling), FOG_TEST(test_spans),
	      FOG_TEST(test_random))
