/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints and artifacts as the submitter takes them, from workers played by hand. */
#include "controlplane/jobs/dag.h"
#include "controlplane/jobs/state.h"
#include "crypto/mem.h"
#include "tests/unit/controlplane/jobs/hand.h"

#define EMPTY_LIST "{\"files\":[],\"left_out\":[]}"

static const char lasting[] =
	"{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10},\"checkpoint\":{\"size_mb\":1}}";
static const char patient[] = "{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10},"
			      "\"checkpoint\":{\"size_mb\":1},\"retries\":12}";
static const char resuming[] = "{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10},"
			       "\"checkpoint\":true,\"on_timeout\":\"resume\"}";
static const char leaving[] =
	"{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10},\"artifacts\":[\"out\"]}";

/* Submits; its first attempt runs. */
static u32 begin(const char *body, u32 *host)
{
	start();
	CU_ASSERT_EQUAL_FATAL(submit("j", body), 1);
	u32 stream = placed(host);
	accept_say(stream, *host);
	return stream;
}

static struct fog_executor_kept kept_of(u32 number, const char *data, size_t len)
{
	struct fog_executor_kept k = {.number = number, .checkpoint.size = len};

	fog_hash_sha256(k.checkpoint.sha256, data, len);
	return k;
}

static void kept_say(u32 stream, u32 number, const char *data)
{
	struct fog_executor_kept k = kept_of(number, data, strlen(data));

	say(stream, fog_job_kept(&k, ""));
}

static void blob_say(u32 stream, const char *name, u64 offset, const char *data, size_t len)
{
	say(stream, fog_job_blob(name, offset, (u32)len));
	fog_jobs_stream_data(t.jobs, stream, (const u8 *)data, len, t.now);
	collect();
}

/* What was asked for last; "" when nothing was. */
static const char *asked(char out[64], u64 *offset, u64 *length)
{
	json_t *v = sent("need");
	const char *name = json_string_value(json_object_get(v, "name"));

	snprintf(out, 64, "%s", name != NULL ? name : "");
	if (offset != NULL) {
		*offset = (u64)json_integer_value(json_object_get(v, "offset"));
		*length = (u64)json_integer_value(json_object_get(v, "length"));
	}
	json_decref(v);
	return out;
}

/* A checkpoint on its whole way home. */
static void checkpoint(u32 stream, u32 number, const char *data)
{
	char name[64], want[64];

	clear();
	kept_say(stream, number, data);
	snprintf(want, sizeof(want), "checkpoint.%u", number);
	CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), want);
	blob_say(stream, want, 0, data, strlen(data));
}

static bool event(const char *like)
{
	struct fog_stmt *q =
		fog_stmt(t.store, "SELECT count(*) FROM job_event WHERE reason LIKE ?");
	bool found = false;

	fog_bind_text(q, like);
	if (fog_stmt_step(q) == 1) {
		found = fog_column_int(q, 0) > 0;
		fog_stmt_reset(q);
	}
	return found;
}

/* The host goes away and does not come back. */
static void vanish(u32 stream)
{
	fog_jobs_stream_closed(t.jobs, stream, t.now);
	collect();
	for (u32 i = 0; i < 130; i++) {
		clear();
		tick(500);
		const struct fog_action *open = find(FOG_ACTION_OPEN);
		if (number("SELECT state FROM attempt WHERE number = 1") == FOG_ATTEMPT_LOST)
			return;
		if (open != NULL)
			fog_jobs_stream_failed(t.jobs, open->stream, "nobody there", t.now);
	}
}

/* The attempt that follows begins with this, "" = nothing; returns its stream. */
static u32 goes_on_with(const char *data, u32 restart, u32 *host)
{
	char hex[65] = "", text[96];
	u8 sha256[32];
	u32 stream = placed(host);
	json_t *offer = sent("offer");
	const char *spec = json_string_value(json_object_get(offer, "spec"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(spec);
	fog_hash_sha256(sha256, data, strlen(data));
	(void)fog_hex_encode(sha256, sizeof(sha256), hex, sizeof(hex));
	CU_ASSERT_EQUAL(strstr(spec, hex) != NULL, data[0] != '\0');
	CU_ASSERT_EQUAL(strstr(spec, "checkpoint.tar") != NULL, data[0] != '\0');
	snprintf(text, sizeof(text), "\"restart\":%u", restart);
	CU_ASSERT_PTR_NOT_NULL(strstr(spec, text));
	json_decref(offer);
	accept_say(stream, *host);
	if (data[0] == '\0')
		return stream;
	say(stream, fog_job_need("checkpoint.tar", 0, (u32)strlen(data)));
	CU_ASSERT_TRUE(was_sent("blob"));
	const struct fog_action *bytes = find(FOG_ACTION_SEND_DATA);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL(memcmp(bytes->data, data, strlen(data)), 0);
	clear();
	return stream;
}

static void end_say(u32 stream, u32 host, struct fog_receipt *r)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_limits limits = {
		.cpu_milli = 1000, .memory_bytes = 64u << 20, .wall_ms = 10000};
	struct fog_offer offer;

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(t.offer, &offer, error), 0);
	r->amount = fog_receipt_amount(&offer, &limits, r->outcome, r->usage.wall_ms);
	fog_hash_sha256(r->output[0].sha256, "", 0);
	r->output[0].size = 0;
	result_say(stream, r, host);
}

static void test_life_cycle(void)
{
	u32 host, second;
	u32 stream = begin(lasting, &host);

	checkpoint(stream, 1, "first");
	checkpoint(stream, 2, "second");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE done = 1"), 2);
	vanish(stream);
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_QUEUED);
	stream = goes_on_with("second", 1, &second);
	CU_ASSERT_NOT_EQUAL(host, second);
	/* Still the same job to whoever repeats himself; another program is another job. */
	CU_ASSERT_EQUAL(submit("j", lasting), 0);
	CU_ASSERT_EQUAL(submit("j", resuming), -EEXIST);
	CU_ASSERT_EQUAL(submit("j", "{\"argv\":[\"false\"],\"limits\":{\"wall_seconds\":10},"
				    "\"checkpoint\":{\"size_mb\":1}}"),
			-EEXIST);
	CU_ASSERT_TRUE(event("goes on from checkpoint 2 of attempt 1, 6 bytes"));
	tick(1000);
	struct fog_receipt r = receipt_make(1000);
	end_say(stream, second, &r);
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 0);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file_part"), 0);
	stop();
}

/* Told where nothing was asked for, too large, or without a checkpoint at all. */
static void test_bad_arguments(void)
{
	static const char *const bodies[] = {simple, lasting, lasting, lasting};
	char name[64];
	u32 host;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bodies); i++) {
		u32 stream = begin(bodies[i], &host);
		struct fog_executor_kept k = kept_of(i == 3 ? 0 : 1, "x", 1);
		if (i == 1)
			k.checkpoint.size = (1u << 20) + 1;
		if (i == 2)
			k.checkpoint.size = 0;
		say(stream, fog_job_kept(&k, ""));
		CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "");
		blob_say(stream, "checkpoint.1", 0, "x", 1);
		blob_say(stream, "artifact.0", 0, "x", 1);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file_part"), 0);
		CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_RUNNING);
		stop();
	}
}

/* Parts arrive in order; a stream that broke goes on where it was, also after a restart. */
static void test_parts(void)
{
	static char large[400000];
	char name[64];
	u64 offset, length;
	u32 host;

	memset(large, 'x', sizeof(large) - 1);
	u32 stream = begin(lasting, &host);
	kept_say(stream, 1, large);
	asked(name, &offset, &length);
	CU_ASSERT_EQUAL(offset, 0);
	CU_ASSERT_EQUAL(length, FOG_JOBS_BRING_MAX);
	blob_say(stream, "checkpoint.1", 0, large, 65536);
	blob_say(stream, "checkpoint.1", 0, large, 65536);      /* again: ignored */
	blob_say(stream, "checkpoint.1", 131072, large, 65536); /* a gap: ignored */
	CU_ASSERT_EQUAL(number("SELECT sum(length(data)) FROM job_file_part"), 65536);
	kept_say(stream, 2, "newer"); /* while one is on its way it is not dropped for it */
	kept_say(stream, 3, "newest");
	fog_jobs_stream_closed(t.jobs, stream, t.now);
	collect();
	clear();
	tick(1000);
	stream = find(FOG_ACTION_OPEN)->stream;
	fog_jobs_stream_opened(t.jobs, stream, "[]", t.now);
	collect();
	accept_say(stream, host);
	kept_say(stream, 3, "newest");
	for (u64 at = 65536; at < sizeof(large) - 1; at += 65536)
		blob_say(stream, "checkpoint.1", at, large + at,
			 FOG_MIN(sizeof(large) - 1 - at, 65536u));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE done = 1"), 1);
	CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "checkpoint.3");
	blob_say(stream, "checkpoint.3", 0, "newest", 6);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE done = 1"), 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 2);
	/* Only so many are kept. */
	checkpoint(stream, 4, "fourth");
	checkpoint(stream, 5, "fifth");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), FOG_JOBS_CHECKPOINTS_MAX);
	CU_ASSERT_EQUAL(number("SELECT min(number) FROM job_file"), 4);
	stop();
}

/* Not what its hash says: dropped, and the job's history says so. Gone: the next one. */
static void test_dropped(void)
{
	struct fog_executor_kept k = kept_of(3, "three", 5);
	char name[64];
	u32 host;

	u32 stream = begin(lasting, &host);
	kept_say(stream, 1, "first");
	blob_say(stream, "checkpoint.1", 0, "FIRST", 5);
	CU_ASSERT_TRUE(event("checkpoint 1 is not what its hash says: dropped"));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 0);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file_part"), 0);
	kept_say(stream, 2, "second");
	CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "checkpoint.2");
	say(stream, fog_job_kept(&k, "checkpoint.2"));
	CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "checkpoint.3");
	clear();
	say(stream, fog_job_kept(&k, "checkpoint.3")); /* and that one, too: no quarrel about it */
	CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 0);
	/* A worker that talks without end fills no history. */
	for (u32 i = 0; i < 2 * FOG_JOBS_TOLD_MAX; i++) {
		snprintf(k.note, sizeof(k.note), "complaint %u", i);
		say(stream, fog_job_kept(&k, ""));
	}
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_event WHERE reason LIKE '%complaint%'"),
			FOG_JOBS_TOLD_MAX - 1);
	stop();
	stream = begin(lasting, &host);
	snprintf(k.note, sizeof(k.note), "larger than 5 bytes");
	say(stream, fog_job_kept(&k, ""));
	CU_ASSERT_TRUE(event("a checkpoint was not taken: larger than 5 bytes"));
	stop();
}

/* The way back, from one that is damaged here to the one before. */
static void test_fallback(void)
{
	u32 host;
	u32 stream = begin(lasting, &host);

	checkpoint(stream, 1, "first");
	checkpoint(stream, 2, "second");
	checkpoint(stream, 3, "third");
	struct fog_stmt *q = fog_stmt(t.store, "UPDATE job_file_part SET data = ?"
					       " WHERE name = 'checkpoint.3'");
	fog_bind_blob(q, "THIRD", 5);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	vanish(stream);
	goes_on_with("second", 1, &host);
	CU_ASSERT_TRUE(event("checkpoint 3 of attempt 1 is damaged: dropped"));
	stop();
}

static void refuse(u32 stream, u32 host, const char *error)
{
	i64 evidence = number("SELECT count(*) FROM evidence");
	struct fog_receipt r = receipt_make(0);

	r.outcome = FOG_OUTCOME_FAILED;
	r.exit_code = -1;
	snprintf(r.error, sizeof(r.error), "%s", error);
	end_say(stream, host, &r);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence"), evidence + 1);
}

/* One host cannot say that a checkpoint is bad, a second can, and a full disk is none of its. */
static void test_refused(void)
{
	static const char *const errors[] = {"spool: the checkpoint cannot be restored",
					     "checkpoint: it cannot be restored"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(errors); i++) {
		struct fog_executor_kept k = kept_of(1, "first", 5);
		u32 host, first;
		u32 stream = begin(patient, &host);
		tick(2000);
		struct fog_receipt r = receipt_make(1000);
		r.exit_code = 85;
		r.checkpoint_number = 1;
		r.checkpoint.size = k.checkpoint.size;
		memcpy(r.checkpoint.sha256, k.checkpoint.sha256, 32);
		end_say(stream, host, &r);
		blob_say(stream, "checkpoint.1", 0, "first", 5);
		stream = goes_on_with("first", 1, &first);
		refuse(stream, first, errors[i]);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 1);
		stream = goes_on_with("first", 2, &host);
		CU_ASSERT_NOT_EQUAL(host, first);
		refuse(stream, host, errors[i]);
		CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_QUEUED);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), i == 0 ? 1 : 0);
		CU_ASSERT_EQUAL(
			event("two hosts could not restore checkpoint 1 of attempt 1: dropped"),
			i == 1);
		stop();
	}
}

/* It exits to go on; it comes to its time limit; or its user does not want it any more. */
static void test_goes_on(void)
{
	static const struct {
		const char *body;
		enum fog_outcome outcome;
		i32 exit_code;
		u32 number;
		bool cancel;
		enum fog_job_state state;
		const char *reason;
	} cases[] = {
		{lasting, FOG_OUTCOME_EXITED, 85, 1, false, FOG_JOB_QUEUED, "it exited to go on"},
		{lasting, FOG_OUTCOME_EXITED, 85, 0, false, FOG_JOB_FAILED, "exit code 85"},
		{simple, FOG_OUTCOME_EXITED, 85, 0, false, FOG_JOB_FAILED, "exit code 85"},
		{lasting, FOG_OUTCOME_EXITED, 85, 1, true, FOG_JOB_CANCELLED, "cancelled"},
		{lasting, FOG_OUTCOME_TIMEOUT, -1, 1, false, FOG_JOB_FAILED, "time limit"},
		{resuming, FOG_OUTCOME_TIMEOUT, -1, 1, false, FOG_JOB_QUEUED, "its time was over"},
		{resuming, FOG_OUTCOME_TIMEOUT, -1, 0, false, FOG_JOB_FAILED, "time limit"},
		{lasting, FOG_OUTCOME_EXITED, 0, 1, false, FOG_JOB_SUCCEEDED, "done"},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_executor_kept k = kept_of(1, "state", 5);
		char name[64];
		u32 host;
		u32 stream = begin(cases[i].body, &host);
		tick(2000);
		if (cases[i].cancel)
			fog_jobs_cancel(t.jobs, "j", t.now);
		clear();
		struct fog_receipt r = receipt_make(1000);
		r.outcome = cases[i].outcome;
		r.exit_code = cases[i].exit_code;
		r.checkpoint_number = cases[i].number;
		r.checkpoint.size = k.checkpoint.size;
		memcpy(r.checkpoint.sha256, k.checkpoint.sha256, 32);
		end_say(stream, host, &r);
		bool wants = cases[i].state == FOG_JOB_QUEUED;
		CU_ASSERT_EQUAL(was_sent("settle"), !wants);
		CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), wants ? "checkpoint.1" : "");
		if (wants)
			blob_say(stream, "checkpoint.1", 0, "state", 5);
		CU_ASSERT_TRUE(was_sent("settle"));
		CU_ASSERT_EQUAL(number("SELECT state FROM job"), cases[i].state);
		reason_is(cases[i].reason);
		/* Paid for what it used, whatever becomes of the job. */
		CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name ="
				       " 'user:ann'"),
				99000);
		if (wants)
			goes_on_with("state", 1, &host);
		stop();
	}
}

/* What the receipt signs is not what comes: no pay, fraud on record. */
static void test_tampered(void)
{
	static const struct {
		const char *list, *file;
		bool honest;
	} cases[] = {
		{"{\"files\":[{\"executable\":false,\"name\":\"out/"
		 "a\",\"sha256\":\"%s\",\"size\":4}]}",
		 "good", true},
		{"{\"files\":[{\"executable\":false,\"name\":\"out/"
		 "a\",\"sha256\":\"%s\",\"size\":4}]}",
		 "evil", false},
		{"{\"files\":[{\"executable\":false,\"name\":\"../"
		 "a\",\"sha256\":\"%s\",\"size\":4}]}",
		 "good", false},
		{"{\"files\":[{\"executable\":false,\"name\":\"a\",\"sha256\":\"%s\",\"size\":"
		 "99999999}]}",
		 "good", false},
		{"{\"files\":\"%s\"}", "good", false},
		/* An empty file is not fetched, so its hash has to be that of nothing. */
		{"{\"files\":[{\"executable\":false,\"name\":\"a\",\"sha256\":\"%s\",\"size\":0}]}",
		 NULL, false},
		{EMPTY_LIST "%.0s", NULL, true},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		char list[512], hex[65], name[64];
		u8 sha256[32];
		u32 host;
		u32 stream = begin(leaving, &host);
		fog_hash_sha256(sha256, "good", 4);
		(void)fog_hex_encode(sha256, 32, hex, sizeof(hex));
		snprintf(list, sizeof(list), cases[i].list, hex);
		tick(2000);
		struct fog_receipt r = receipt_make(1000);
		r.artifacts = 1;
		r.artifact_bytes = 4;
		r.manifest.size = strlen(list);
		fog_hash_sha256(r.manifest.sha256, list, strlen(list));
		clear();
		end_say(stream, host, &r);
		CU_ASSERT_FALSE(was_sent("settle"));
		CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL), "manifest");
		blob_say(stream, "manifest", 0, list, strlen(list));
		if (strcmp(asked(name, NULL, NULL), "artifact.0") == 0)
			blob_say(stream, "artifact.0", 0, cases[i].file, 4);
		CU_ASSERT_EQUAL(was_sent("settle"), cases[i].honest);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind ="
				       " 'fraud_detected'"),
				!cases[i].honest);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE kind = 3 AND done = 1"),
				cases[i].honest && cases[i].file != NULL);
		if (!cases[i].honest)
			CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file_part"), 0);
		stop();
	}
}

/* An output or artifact that is here becomes an input by its hash, for its own user. */
static void test_by_hash(void)
{
	char body[256], hex[65], error[FOG_JSON_ERROR_SIZE], id[FOG_JOB_ID_SIZE] = "k";
	struct fog_job_request request;
	u8 sha256[32];
	u32 host;
	u32 stream = begin(simple, &host);

	tick(1000);
	struct fog_receipt r = receipt_make(1000);
	result_say(stream, &r, host);
	log_say(stream, 0, "abc");
	fog_hash_sha256(sha256, "abc", 3);
	(void)fog_hex_encode(sha256, 32, hex, sizeof(hex));
	snprintf(body, sizeof(body),
		 "{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\",\"sha256\":\"%s\"}]}", hex);
	json_t *v = json_loads(body, 0, NULL);
	CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(v, &request, error), 0);
	json_decref(v);
	CU_ASSERT_EQUAL(fog_jobs_submit(t.jobs, "bob", &request, t.now, id, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "inputs: a: no output or artifact of yours has that hash");
	CU_ASSERT_EQUAL(fog_jobs_submit(t.jobs, "ann", &request, t.now, id, error), 1);
	CU_ASSERT_EQUAL(number("SELECT length(data) FROM job_input WHERE name = 'a'"), 3);
	fog_job_request_free(&request);
	collect();
	stop();
}

static bool sound(void)
{
	return !fog_jobs_totals(t.jobs)->broken;
}

/* A text that has no room for the checkpoint ends that job, and no other. */
static void test_no_room_in_spec(void)
{
	static char word[FOG_JOB_SPEC_MAX];
	u32 host;
	u32 stream = begin(lasting, &host);
	char *spec = spec_of(lasting), *at = strstr(spec, "\"true\"");
	char *text = malloc(FOG_JOB_SPEC_MAX + 1);

	memset(word, 'x', sizeof(word) - 1);
	snprintf(text, FOG_JOB_SPEC_MAX + 1, "%.*s\"%.*s%s", (int)(at - spec), spec,
		 (int)(FOG_JOB_SPEC_MAX - strlen(spec)), word, at + 1);
	CU_ASSERT_EQUAL_FATAL(strlen(text), FOG_JOB_SPEC_MAX);
	struct fog_stmt *q = fog_stmt(t.store, "UPDATE job SET spec = ? WHERE id = 'j'");
	fog_bind_text(q, text);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	free(text);
	free(spec);
	checkpoint(stream, 1, "first");
	vanish(stream);
	for (u32 i = 0; i < 20; i++)
		tick(500);
	CU_ASSERT_TRUE(sound());
	CU_ASSERT_EQUAL(number("SELECT state FROM job WHERE id = 'j'"), FOG_JOB_FAILED);
	reason_is("it cannot be offered again: spec: larger than 65536 bytes");
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 0);
	CU_ASSERT_EQUAL(submit("other", simple), 1);
	stop();
}

/* What a job printed is said to be so large; its hash is that of "abc". */
static void printed(u64 size)
{
	u32 host;
	u32 stream = begin(simple, &host);

	tick(1000);
	struct fog_receipt r = receipt_make(1000);
	result_say(stream, &r, host);
	log_say(stream, 0, "abc");
	CU_ASSERT_EQUAL(number("SELECT state FROM job WHERE id = 'j'"), FOG_JOB_SUCCEEDED);
	struct fog_stmt *q = fog_stmt(t.store, "UPDATE artifact SET size = ?");
	fog_bind_u64(q, size);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
}

/* A body with so many inputs that are what was printed. */
static json_t *wanting(u32 count)
{
	json_t *inputs = json_array();
	u8 sha256[32];

	fog_hash_sha256(sha256, "abc", 3);
	for (u32 i = 0; i < count; i++)
		json_array_append_new(inputs, json_pack("{s:o,s:o}", "name", json_sprintf("n%u", i),
							"sha256", fog_json_hex_new(sha256, 32)));
	return json_pack("{s:[s],s:o}", "argv", "x", "inputs", inputs);
}

/* Each is small enough, all together are not: an error of whoever asks. */
static void test_hashes_sum(void)
{
	printed(FOG_JOB_INPUT_MAX);
	for (u32 array = 0; array < 2; array++) {
		char error[FOG_JSON_ERROR_SIZE], id[FOG_JOB_ID_SIZE];
		json_t *body = wanting(FOG_JOB_INPUTS_SUM_MAX / FOG_JOB_INPUT_MAX + 1);
		struct fog_job_request one;
		struct fog_job_batch batch;
		int rc;
		if (array == 0) {
			CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(body, &one, error), 0);
			rc = fog_jobs_submit(t.jobs, "ann", &one, t.now, id, error);
			fog_job_request_free(&one);
		} else {
			json_object_set_new(body, "array", json_integer(2));
			CU_ASSERT_EQUAL_FATAL(fog_job_batch_parse(body, "b", &batch, error), 0);
			rc = fog_jobs_submit_batch(t.jobs, "ann", &batch, t.now, error);
			fog_job_batch_free(&batch);
		}
		CU_ASSERT_EQUAL(rc, -EINVAL);
		CU_ASSERT_STRING_EQUAL(error, "inputs: more than 67108864 bytes in sum");
		json_decref(body);
	}
	CU_ASSERT_TRUE(sound());
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job"), 1);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM batch"), 0);
	stop();
}

/* What is stored is not what its hash says any more, or is cut: that job fails, and no more. */
static void test_hashes_damaged(void)
{
	for (u32 cut = 0; cut < 2; cut++) {
		char error[FOG_JSON_ERROR_SIZE], id[FOG_JOB_ID_SIZE];
		json_t *body = wanting(1);
		struct fog_job_request r;
		printed(cut == 0 ? 3 : 4);
		if (cut == 0) {
			struct fog_stmt *q = fog_stmt(t.store, "UPDATE job_log SET data = ?");
			fog_bind_blob(q, "abd", 3);
			CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
		}
		CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(body, &r, error), 0);
		snprintf(r.id, sizeof(r.id), "k");
		CU_ASSERT_EQUAL(fog_jobs_submit(t.jobs, "ann", &r, t.now, id, error), 1);
		fog_job_request_free(&r);
		json_decref(body);
		CU_ASSERT_TRUE(sound());
		CU_ASSERT_EQUAL(number("SELECT state FROM job WHERE id = 'k'"), FOG_JOB_FAILED);
		CU_ASSERT_TRUE(event("input n0 cannot be had"));
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_input"), 0);
		collect();
		stop();
	}
}

static void file_put(const char *job, enum fog_bring_kind kind, u64 size)
{
	struct fog_stmt *q =
		fog_stmt(t.store, "INSERT INTO job_file(job, attempt, name, kind, number, path,"
				  " executable, sha256, size, done, created_ms)"
				  " VALUES(?, 1, 'f', ?, 0, '', 0, ?, ?, 1, 1)");

	fog_bind_text(q, job);
	fog_bind_int(q, kind);
	fog_bind_blob(q, (u8[32]){0}, 32);
	fog_bind_u64(q, size);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
}

/* One sweep forgets as many as need be, the first to end first; lists count like artifacts. */
static void test_sweep(void)
{
	start();
	for (u32 i = 0; i < 6; i++) {
		char id[8];
		snprintf(id, sizeof(id), "e%u", i);
		CU_ASSERT_EQUAL_FATAL(submit(id, simple), 1);
		CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, id, t.now), 0);
		file_put(id, i % 2 == 0 ? FOG_BRING_ARTIFACT : FOG_BRING_MANIFEST, 6ull << 30);
		t.now += 10;
	}
	tick(61000);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE job IN ('e4', 'e5')"), 2);
	stop();
	/* More than one sweep does: the next is soon. */
	start();
	CU_ASSERT_EQUAL_FATAL(submit("e", simple), 1);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "e", t.now), 0);
	for (u32 i = 0; i < FOG_JOBS_SWEEP_MAX + 10; i++) {
		char id[8];
		snprintf(id, sizeof(id), "e%u", i);
		CU_ASSERT_EQUAL_FATAL(submit(id, simple), 1);
		CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, id, t.now), 0);
		file_put(id, FOG_BRING_ARTIFACT, FOG_JOBS_FILES_MAX);
	}
	tick(61000);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 10);
	tick(FOG_JOBS_SWEEP_SOON_MS);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file"), 1);
	stop();
}

/* Older files make room for a receipt's; when nothing can go, it is settled without its files. */
static void test_no_room_for_artifacts(void)
{
	for (u32 live = 0; live < 2; live++) {
		static const char list[] = "{\"files\":[{\"executable\":false,\"name\":\"a\","
					   "\"sha256\":\"%s\",\"size\":4}]}";
		char text[256], hex[65], name[64];
		u8 sha256[32];
		u32 host;
		u32 stream = begin(leaving, &host);
		CU_ASSERT_EQUAL_FATAL(submit("k", simple), 1);
		if (live == 0)
			CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
		fog_hash_sha256(sha256, "good", 4);
		(void)fog_hex_encode(sha256, 32, hex, sizeof(hex));
		snprintf(text, sizeof(text), list, hex);
		/* Room for the list, and for no more. */
		file_put("k", FOG_BRING_ARTIFACT, FOG_JOBS_FILES_MAX - strlen(text));
		tick(2000);
		struct fog_receipt r = receipt_make(1000);
		r.artifacts = 1;
		r.artifact_bytes = 4;
		r.manifest.size = strlen(text);
		fog_hash_sha256(r.manifest.sha256, text, strlen(text));
		clear();
		end_say(stream, host, &r);
		blob_say(stream, "manifest", 0, text, strlen(text));
		CU_ASSERT_EQUAL(was_sent("settle"), live == 1);
		CU_ASSERT_STRING_EQUAL(asked(name, NULL, NULL),
				       live == 1 ? "manifest" : "artifact.0");
		if (live == 0)
			blob_say(stream, "artifact.0", 0, "good", 4);
		CU_ASSERT_TRUE(was_sent("settle"));
		CU_ASSERT_EQUAL(event("its artifacts are not fetched: there is no room for them"),
				live == 1);
		CU_ASSERT_EQUAL(number("SELECT state FROM job WHERE id = 'j'"), FOG_JOB_SUCCEEDED);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM job_file WHERE job = 'k'"), live);
		stop();
	}
}

FOG_TEST_MAIN("controlplane/jobs/bring", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_parts), FOG_TEST(test_dropped), FOG_TEST(test_fallback),
	      FOG_TEST(test_refused), FOG_TEST(test_goes_on), FOG_TEST(test_tampered),
	      FOG_TEST(test_by_hash), FOG_TEST(test_no_room_in_spec), FOG_TEST(test_hashes_sum),
	      FOG_TEST(test_hashes_damaged), FOG_TEST(test_sweep),
	      FOG_TEST(test_no_room_for_artifacts))
