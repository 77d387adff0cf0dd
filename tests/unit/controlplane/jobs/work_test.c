/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/jobs/hand.h"

static void test_offers(void)
{
	static const struct {
		const char *name, *code; /* "" = accepted, "error" = refused outright */
	} cases[] = {
		{"good", ""},           {"not a worker", "role"}, {"old", "offer"},
		{"future", "offer"},    {"cheap", "price"},       {"no cover", "price"},
		{"too large", "spec"},  {"other spec", "offer"},  {"other worker", "offer"},
		{"bad spec", "spec"},   {"executor", "spec"},     {"disk full", "capacity"},
		{"unknown", "unknown"}, {"forged", "error"},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		char code[32], *spec;
		start();
		spec = i == 6 ? spec_make(2001, 64) : i == 9 ? strdup("{}") : spec_make(1000, 64);
		struct fog_offer o = offer_make(spec);
		t.config.worker = i != 1;
		fog_jobs_reconfigure(t.jobs, &t.config);
		if (i == 2)
			o.created_ms -= FOG_JOBS_OFFER_LIFE_MS + FOG_JOBS_CLOCK_SKEW_MS + 1;
		if (i == 3)
			o.created_ms += FOG_JOBS_CLOCK_SKEW_MS + 1;
		if (i == 4)
			o.price.cpu_hour = 99;
		if (i == 5)
			o.price_max = 1;
		if (i == 7)
			o.spec_sha256[0] ^= 1;
		if (i == 8)
			memcpy(o.key.worker, t.id[2], 32);
		t.prepare_rc = i == 10 ? -EINVAL : i == 11 ? -ENOSPC : 0;
		offer_say(&o, spec, i == 13 ? 2 : 1, i == 12);
		if (strcmp(cases[i].code, "error") == 0)
			CU_ASSERT_TRUE(was_sent("error"))
		else
			CU_ASSERT_STRING_EQUAL(declined_code(code), cases[i].code);
		CU_ASSERT_EQUAL(was_sent("accept"), i == 0);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM work"), i == 0);
		CU_ASSERT_EQUAL(find(FOG_ACTION_RUN_START) != NULL, i == 0);
		free(spec);
		stop();
	}
}

/* A worker waits for the money, but not for long. */
static void test_funded(void)
{
	char code[32], *spec;

	for (u32 i = 0; i < 2; i++) {
		start();
		spec = spec_make(1000, 64);
		struct fog_offer o = offer_make(spec);
		t.unfunded = true;
		offer_say(&o, spec, 1, false);
		tick(FOG_JOBS_FUNDED_MS / 2);
		CU_ASSERT_FALSE(was_sent("accept") || was_sent("decline"));
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM work"), 0);
		t.unfunded = i != 0;
		tick(FOG_JOBS_FUNDED_MS);
		CU_ASSERT_EQUAL(was_sent("accept"), i == 0);
		CU_ASSERT_STRING_EQUAL(declined_code(code), i == 0 ? "" : "price");
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM work"), i == 0);
		free(spec);
		stop();
	}
}

static void test_capacity(void)
{
	char code[32], *spec;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	for (u32 i = 0; i < 3; i++) {
		clear();
		snprintf(o.key.job, sizeof(o.key.job), "w%u", i);
		offer_say(&o, spec, 1, false);
		CU_ASSERT_EQUAL(was_sent("accept"), i < 2);
	}
	CU_ASSERT_STRING_EQUAL(declined_code(code), "capacity");
	/* The same offer again is the same attempt; another one under its number is refused. */
	clear();
	snprintf(o.key.job, sizeof(o.key.job), "w0");
	offer_say(&o, spec, 1, false);
	CU_ASSERT_TRUE(was_sent("accept"));
	o.price_max++;
	offer_say(&o, spec, 1, false);
	CU_ASSERT_STRING_EQUAL(declined_code(code), "offer");
	free(spec);
	stop();
}

/* An offer that only keeps a place; returns its stream. */
static u32 held(const struct fog_offer *o, const char *spec)
{
	t.hold = true;
	t.run = FOG_RUN_PENDING;
	u32 stream = offer_say(o, spec, 1, false);
	CU_ASSERT_TRUE(was_sent("accept"));
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	clear();
	return stream;
}

static const char *closed_reason(char out[FOG_JOB_REASON_SIZE])
{
	json_t *v = sent("closed");
	const char *reason = json_string_value(json_object_get(v, "reason"));

	snprintf(out, FOG_JOB_REASON_SIZE, "%s", reason != NULL ? reason : "");
	json_decref(v);
	return out;
}

/* A member of a gang has its place until it is told to go; said twice it begins once. */
static void test_hold(void)
{
	char *spec;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = held(&o, spec);
	tick(FOG_WORK_HOLD_MS / 2);
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_FETCHING);
	struct fog_jobs_load load;
	fog_jobs_load(t.jobs, &load);
	CU_ASSERT_EQUAL(load.cpu_milli, 1000);
	say(stream, fog_job_go());
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_START));
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_STARTING);
	CU_ASSERT_EQUAL(number("SELECT held FROM work"), 0);
	clear();
	say(stream, fog_job_go());
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	t.run = FOG_RUN_RUNNING;
	tick(FOG_WORK_HOLD_MS); /* what has begun is not let go any more */
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_RUNNING);
	free(spec);
	stop();
}

/* Not told to go in time: the place is free again, and a late word starts nothing. */
static void test_hold_ends(void)
{
	char *spec, reason[FOG_JOB_REASON_SIZE];
	struct fog_jobs_load load;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = held(&o, spec);
	tick(FOG_WORK_HOLD_MS - 1);
	CU_ASSERT_FALSE(was_sent("closed"));
	tick(1);
	CU_ASSERT_STRING_EQUAL(closed_reason(reason), "its gang did not come together in time");
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_CLOSED);
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_REMOVE));
	fog_jobs_load(t.jobs, &load);
	CU_ASSERT_EQUAL(load.cpu_milli, 0);
	clear();
	say(stream, fog_job_go());
	offer_say(&o, spec, 1, false); /* nor does the offer again */
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	CU_ASSERT_TRUE(was_sent("closed"));
	free(spec);
	stop();
}

/* After a restart the place is still kept, for as long again; a cancel frees it at once. */
static void test_hold_restart(void)
{
	char *spec, why[FOG_STORE_WHY_SIZE];
	const struct fog_jobs_ports ports = {NULL,      hosts_list, text_sign,  run_prepare,
					     run_input, run_poll,   run_output, run_kept};

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	held(&o, spec);
	tick(FOG_WORK_HOLD_MS - 1000);
	clear();
	fog_jobs_free(t.jobs);
	CU_ASSERT_EQUAL_FATAL(fog_jobs_new(&t.jobs, &t.config, &ports, t.store, t.now, why), 0);
	tick(2000);
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_FETCHING);
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	u32 stream = offer_say(&o, spec, 1, true);
	CU_ASSERT_TRUE(was_sent("accept"));
	clear();
	say(stream, fog_job_cancel(false));
	CU_ASSERT_TRUE(was_sent("result"));
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_FINISHED);
	CU_ASSERT_EQUAL(number("SELECT amount FROM receipt"), 0);
	free(spec);
	stop();
}

/* A job with a checkpoint is not begun again here: the submitter may know of a later one. */
static void test_vanished(void)
{
	for (u32 i = 0; i < 2; i++) {
		char *spec = i == 0 ? spec_make(1000, 64)
				    : spec_of("{\"argv\":[\"x\"],\"checkpoint\":true}");
		start();
		struct fog_offer o = offer_make(spec);
		offer_say(&o, spec, 1, false);
		tick(200);
		clear();
		t.run = FOG_RUN_VANISHED;
		tick(200);
		CU_ASSERT_EQUAL(find(FOG_ACTION_RUN_START) != NULL, i == 0);
		CU_ASSERT_EQUAL(was_sent("result"), i == 1);
		free(spec);
		stop();
	}
}

FOG_TEST_MAIN("controlplane/jobs/work", FOG_TEST(test_offers), FOG_TEST(test_funded),
	      FOG_TEST(test_capacity), FOG_TEST(test_hold), FOG_TEST(test_hold_ends),
	      FOG_TEST(test_hold_restart), FOG_TEST(test_vanished))
