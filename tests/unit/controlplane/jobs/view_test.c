/* SPDX-License-Identifier: BSD-3-Clause */
/* What is shown to whom. */
#include "controlplane/jobs/view.h"
#include "tests/unit/controlplane/jobs/bed.h"

#define BODY "{\"argv\":[\"true\"],\"tier\":\"bronze\",\"limits\":{\"wall_seconds\":100}%s}"

static const char *const users[] = {NULL, "ann", "bob"};

static int submit(const char *user, const char *id, const char *more)
{
	char error[FOG_JSON_ERROR_SIZE], out[FOG_JOB_ID_SIZE], body[512];
	struct fog_job_request r;

	snprintf(body, sizeof(body), BODY, more);
	json_t *v = json_loads(body, 0, NULL);
	CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(v, &r, error), 0);
	snprintf(r.id, sizeof(r.id), "%s", id);
	int rc = fog_jobs_submit(bed.jobs, user, &r, bed.now, out, error);
	fog_job_request_free(&r);
	json_decref(v);
	bed_pump();
	return rc;
}

/* The number of rows of a list; takes over the value. */
static size_t rows(json_t *value, const char *name)
{
	size_t count = json_array_size(json_object_get(value, name));

	json_decref(value);
	return count;
}

static bool shown(const char *user, const char *id)
{
	bool found;

	json_decref(fog_view_job(bed.jobs, user, id, &found));
	CU_ASSERT_EQUAL(found, fog_jobs_has(bed.jobs, user, id));
	return found;
}

static void test_life_cycle(void)
{
	static const u32 jobs[] = {3, 1, 2};

	bed_start(2);
	CU_ASSERT_EQUAL(submit("ann", "a", ""), 1);
	CU_ASSERT_EQUAL(submit("bob", "b", ""), 1);
	CU_ASSERT_EQUAL(submit("bob", "c", ""), 1);
	for (u32 i = 0; i < 3; i++) {
		const char *user = users[i];
		CU_ASSERT_EQUAL(rows(fog_view_jobs(bed.jobs, user, 0, 0, 10), "jobs"), jobs[i]);
		CU_ASSERT_EQUAL(shown(user, "a"), i != 2);
		CU_ASSERT_EQUAL(shown(user, "b"), i != 1);
		CU_ASSERT_FALSE(shown(user, "none"));
		size_t accounts = rows(fog_view_accounts(bed.jobs, user, "", 10), "accounts");
		CU_ASSERT(user != NULL ? accounts == 1 : accounts > 2);
	}
	/* A page is full of what may be seen. */
	CU_ASSERT_EQUAL(rows(fog_view_jobs(bed.jobs, "ann", 0, 0, 1), "jobs"), 1);
	bed_stop();
}

/* The same words of another user are another job. */
static void test_same_id(void)
{
	bed_start(2);
	CU_ASSERT_EQUAL(submit("ann", "a", ""), 1);
	CU_ASSERT_EQUAL(submit("ann", "a", ""), 0);
	CU_ASSERT_EQUAL(submit("bob", "a", ""), -EEXIST);
	CU_ASSERT_FALSE(fog_jobs_has(bed.jobs, "bob", "a"));
	bed_stop();
}

static void test_batches(void)
{
	bool found;

	bed_start(2);
	CU_ASSERT_EQUAL(
		bed_submit_batch("one",
				 "{\"stages\":[{\"name\":\"s\",\"job\":{\"argv\":[\"x\"]}}]}"),
		1);
	for (u32 i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(rows(fog_view_batches(bed.jobs, users[i], 0, 10), "batches"),
				i != 2 ? 1 : 0);
		json_decref(fog_view_batch(bed.jobs, users[i], "one", &found));
		CU_ASSERT_EQUAL(found, i != 2);
		CU_ASSERT_EQUAL(fog_jobs_has_batch(bed.jobs, users[i], "one"), i != 2);
	}
	bed_stop();
}

static json_t *evidence(const char *user)
{
	return fog_view_evidence(bed.jobs, user, bed.host[1].id, 10);
}

static const char *evidence_job(const json_t *view)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(view, "evidence"), 0), "job"));
}

/* Breaches, outputs, events and evidence of a job. */
static void test_traces(void)
{
	u8 output[32] = {7};
	struct fog_view_file file;
	u64 last;

	bed_start(2);
	CU_ASSERT_EQUAL(submit("ann", "late", ",\"deadline_seconds\":5"), 1);
	bed_tick(10);
	bed_tick(6000);
	bed_finish("late", 0);
	struct fog_stmt *q =
		fog_stmt(bed.store, "INSERT INTO artifact(sha256, job, attempt, stream,"
				    " size) VALUES(?, 'late', 1, 0, 1)");
	fog_bind_blob(q, output, sizeof(output));
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	for (u32 i = 0; i < 3; i++) {
		const char *user = users[i];
		bool sees = i != 2;
		CU_ASSERT_EQUAL(rows(fog_view_sla(bed.jobs, user, bed.now, 0, 10), "breaches"),
				sees ? 1 : 0);
		CU_ASSERT_EQUAL(fog_view_file_hashed(bed.jobs, user, output, &file), sees);
		json_t *view = evidence(user);
		CU_ASSERT_STRING_EQUAL(evidence_job(view), sees ? "late" : "");
		json_decref(view);
	}
	json_t *events = fog_view_events(bed.jobs, 0, 10, &last);
	CU_ASSERT(json_array_size(events) > 1);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_array_get(events, 0), "user")), "ann");
	json_decref(events);
	bed_stop();
}

FOG_TEST_MAIN("controlplane/jobs/view", FOG_TEST(test_life_cycle), FOG_TEST(test_same_id),
	      FOG_TEST(test_batches), FOG_TEST(test_traces))
