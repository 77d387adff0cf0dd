/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/jobs/hand.h"

/* The stream ends, the attempt does not: another stream follows. */
static void test_protocol_errors(void)
{
	for (u32 i = 0; i < 10; i++) {
		u32 host;
		start();
		u32 stream = i == 0 ? offered(&host) : accepted(&host);
		switch (i) {
		case 0:
			say(stream, fog_job_hello(t.id[0]));
			break;
		case 1:
			say(stream, strdup("{\"op\":\"dance\"}"));
			break;
		case 2:
			say(stream, strdup("]"));
			break;
		case 3:
			fog_jobs_stream_data(t.jobs, stream, (const u8 *)"x", 1, t.now);
			break;
		case 4:
			log_say(stream, 5, "gap");
			break;
		case 5:
			say(stream, fog_job_log(0, 0, 5));
			say(stream, fog_job_settled());
			break;
		case 6:
			say(stream, fog_job_log(0, 0, 5));
			fog_jobs_stream_data(t.jobs, stream, (const u8 *)"four", 4, t.now);
			break;
		case 7:
			say(stream, fog_job_cancel(true));
			break;
		case 8:
			say(stream, fog_job_need("passwd", 0, 10));
			break;
		default:
			say(stream, fog_job_log(0, FOG_JOB_OUTPUT_MAX - 1, 65536));
			fog_jobs_stream_data(t.jobs, stream, (const u8 *)"x", 1, t.now);
		}
		collect();
		if (find(FOG_ACTION_CLOSE) == NULL)
			printf("\ncase %u goes on\n", i);
		CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_CLOSE));
		CU_ASSERT(number("SELECT state FROM attempt") <= FOG_ATTEMPT_ACCEPTED);
		clear();
		tick(20000);
		CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_OPEN));
		stop();
	}
}

/* A silent opener is put out; too many of them are not let in. */
static void test_half_open(void)
{
	u32 taken = 0;

	start();
	while (taken < FOG_JOBS_SESSIONS_MAX && fog_jobs_stream_accepted(t.jobs, t.now) != 0) {
		collect();
		clear();
		taken++;
	}
	CU_ASSERT_EQUAL(taken, FOG_JOBS_SESSIONS_HALF);
	tick(FOG_JOBS_SILENCE_MS);
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_CLOSE));
	clear();
	while (fog_jobs_action(t.jobs, t.now, &t.action[0]))
		fog_action_free(&t.action[0]);
	CU_ASSERT(fog_jobs_stream_accepted(t.jobs, t.now) != 0);
	collect();
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/session", FOG_TEST(test_protocol_errors), FOG_TEST(test_half_open))
