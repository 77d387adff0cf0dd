/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine, and a test that plays the other end of its streams by hand: what a simulation of
 * honest hosts does not say. */
#ifndef FOG_TEST_JOBS_HAND_H
#define FOG_TEST_JOBS_HAND_H

#include "controlplane/jobs/engine.h"
#include "tests/unit/store_where.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/jobs/limits.h"
#include "crypto/hash/hash.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define T0          1700000000000ull
#define ACTIONS_MAX 256
#define HOSTS       3 /* 0 is ours */

static struct {
	struct fog_store *store;
	struct fog_jobs *jobs;
	struct fog_jobs_config config;
	u64 now;
	u8 id[HOSTS][32], secret[HOSTS][64];
	bool known[HOSTS];
	u32 count;
	struct fog_action action[ACTIONS_MAX]; /* since the last clear */
	char offer[FOG_JOBS_VERIFY_TEXT_MAX + 1];
	/* The run of the worker's tests. */
	enum fog_run_state run;
	int prepare_rc;
	bool unfunded;
	bool hold; /* offers ask to keep a place only */
	/* What the run has left behind; `file` is all that can be read of any of it. */
	struct fog_executor_kept kept;
	const char *file;
} t;

/* ---- ports ---------------------------------------------------------------------------------- */

static u32 hosts_list(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	u32 count = 0;

	for (u32 i = 0; i < HOSTS; i++) {
		if (!t.known[i])
			continue;
		struct fog_placement_host *h = &out[count++];
		memset(h, 0, sizeof(*h));
		memcpy(h->id, t.id[i], 32);
		snprintf(h->name, sizeof(h->name), "h%u", i);
		h->roles = FOG_PLACEMENT_ROLE_WORKER;
		h->alive = h->attested = true;
		h->cpu_milli = 4000;
		h->memory_bytes = 1ull << 30;
		h->price.cpu_hour = 3600000;
	}
	return count;
}

static void text_sign(void *context, const void *text, size_t len, u8 signature[64])
{
	fog_sign(signature, text, len, t.secret[0]);
}

static int run_prepare(void *context, const char *run, const struct fog_job_spec *spec,
		       u64 accelerators, char *error)
{
	snprintf(error, FOG_JSON_ERROR_SIZE, "no room");
	return t.prepare_rc;
}

static int run_input(void *context, const char *run, const char *name, u64 offset, const void *data,
		     size_t len)
{
	return 0;
}

static int run_poll(void *context, const char *run, struct fog_run_status *out)
{
	memset(out, 0, sizeof(*out));
	out->state = t.run;
	out->outcome = FOG_OUTCOME_EXITED;
	out->usage.wall_ms = 1000;
	out->started_ms = out->ended_ms = t.now;
	out->kept = t.kept;
	fog_hash_sha256(out->output_sha256[0], "", 0);
	fog_hash_sha256(out->output_sha256[1], "", 0);
	return 0;
}

static int run_output(void *context, const char *run, u32 stream, u64 offset, void *buf, size_t cap,
		      size_t *len)
{
	*len = 0;
	return 0;
}

static int run_kept(void *context, const char *run, const char *name, u64 offset, void *buf,
		    size_t cap, size_t *len)
{
	if (t.file == NULL)
		return -ENOENT;
	*len = FOG_MIN(cap, strlen(t.file) - FOG_MIN(offset, strlen(t.file)));
	memcpy(buf, t.file + offset, *len);
	return 0;
}

static bool funded(void *context, const struct fog_offer *offer, const char *text, char error[128])
{
	snprintf(error, 128, "nothing held");
	return !t.unfunded;
}

/* ---- harness -------------------------------------------------------------------------------- */

__attribute__((unused)) static void clear(void)
{
	for (u32 i = 0; i < t.count; i++)
		fog_action_free(&t.action[i]);
	t.count = 0;
}

__attribute__((unused)) static void collect(void)
{
	while (t.count < ACTIONS_MAX && fog_jobs_action(t.jobs, t.now, &t.action[t.count]))
		t.count++;
}

__attribute__((unused)) static const struct fog_action *find(enum fog_action_kind kind)
{
	for (u32 i = 0; i < t.count; i++)
		if (t.action[i].kind == kind)
			return &t.action[i];
	return NULL;
}

/* The last sent message with that op, to json_decref(); NULL when there is none. */
__attribute__((unused)) static json_t *sent(const char *op)
{
	for (u32 i = t.count; i-- > 0;) {
		if (t.action[i].kind != FOG_ACTION_SEND_JSON)
			continue;
		json_t *v = json_loadb((char *)t.action[i].data, t.action[i].len, 0, NULL);
		if (strcmp(json_string_value(json_object_get(v, "op")), op) == 0)
			return v;
		json_decref(v);
	}
	return NULL;
}

__attribute__((unused)) static bool was_sent(const char *op)
{
	json_t *v = sent(op);

	json_decref(v);
	return v != NULL;
}

__attribute__((unused)) static void tick(u64 ms)
{
	t.now += ms;
	fog_jobs_tick(t.jobs, t.now);
	collect();
}

/* The far end says text (freed). */
__attribute__((unused)) static void say(u32 stream, char *text)
{
	fog_jobs_stream_json(t.jobs, stream, (u8 *)text, strlen(text), t.now);
	free(text);
	collect();
}

/* Answers all that is to be verified, truly. */
__attribute__((unused)) static void verify(void)
{
	for (u32 i = 0; i < t.count; i++) {
		struct fog_action *a = &t.action[i];
		if (a->kind != FOG_ACTION_VERIFY)
			continue;
		bool valid = fog_sign_verify(a->signature, a->data, a->len, a->node) == 0;
		a->kind = FOG_ACTION_NONE;
		fog_jobs_verified(t.jobs, a->tag, valid, t.now);
		collect();
	}
}

__attribute__((unused)) static void sign_as(u32 host, const char *label, const char *text,
					    u8 signature[64])
{
	u8 message[FOG_PAPER_SIZE_MAX];

	fog_sign(signature, message, fog_paper_message(label, text, message), t.secret[host]);
}

__attribute__((unused)) static void start(void)
{
	const struct fog_jobs_ports ports = {NULL,        hosts_list, text_sign,
					     run_prepare, run_input,  run_poll,
					     run_output,  run_kept,   .funded = funded};
	char why[FOG_STORE_WHY_SIZE];

	memset(&t, 0, sizeof(t));
	fog_log_set_level(FOG_LOG_ERROR);
	t.now = T0;
	t.run = FOG_RUN_RUNNING;
	for (u32 i = 0; i < HOSTS; i++) {
		u8 seed[32] = {(u8)(i + 1)};
		fog_sign_keypair(t.id[i], t.secret[i], seed);
		t.known[i] = true;
	}
	t.config = (struct fog_jobs_config){
		.attempts_max = 2,
		.queue_max = 3,
		.absent_ms = 60000,
		.user_grant = 100000,
		.worker = true,
		.cpu_milli = 2000,
		.memory_bytes = 256u << 20,
		.works_max = 2,
		.price.cpu_hour = 100,
		.price.memory_gb_hour = 10,
		.seed = 1,
	};
	memcpy(t.config.node_id, t.id[0], 32);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&t.store, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_jobs_new(&t.jobs, &t.config, &ports, t.store, t.now, why), 0);
}

__attribute__((unused)) static void stop(void)
{
	char why[FOG_STORE_WHY_SIZE];

	CU_ASSERT_EQUAL(fog_jobs_audit(t.store, why), 0);
	clear();
	fog_jobs_free(t.jobs);
	fog_store_close(t.store);
}

__attribute__((unused)) static int submit(const char *id, const char *body)
{
	char error[FOG_JSON_ERROR_SIZE], out[FOG_JOB_ID_SIZE];
	struct fog_job_request r;
	json_t *v = json_loads(body, 0, NULL);

	CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(v, &r, error), 0);
	snprintf(r.id, sizeof(r.id), "%s", id);
	int rc = fog_jobs_submit(t.jobs, "ann", &r, t.now, out, error);
	json_decref(v);
	fog_job_request_free(&r);
	collect();
	return rc;
}

__attribute__((unused)) static i64 number(const char *sql)
{
	struct fog_stmt *q = fog_stmt(t.store, sql);
	i64 v = -1;

	if (fog_stmt_step(q) == 1) {
		v = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return v;
}

__attribute__((unused)) static void reason_is(const char *want)
{
	struct fog_stmt *q = fog_stmt(t.store, "SELECT reason FROM job WHERE id = 'j'");

	CU_ASSERT_EQUAL_FATAL(fog_stmt_step(q), 1);
	if (strncmp(fog_column_text(q, 0), want, strlen(want)) != 0)
		printf("\nreason: %s\n", fog_column_text(q, 0));
	CU_ASSERT_EQUAL(strncmp(fog_column_text(q, 0), want, strlen(want)), 0);
	fog_stmt_reset(q);
}

/* ---- submitter ------------------------------------------------------------------------------ */

__attribute__((unused)) static const char simple[] =
	"{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10}}";

__attribute__((unused)) static u32 host_of(const struct fog_action *open)
{
	return memcmp(open->node, t.id[1], 32) == 0 ? 1 : 2;
}

/* Opens the stream of a job that waits for a host; returns it and the worker's index. */
__attribute__((unused)) static u32 placed(u32 *host)
{
	clear();
	tick(10);
	const struct fog_action *open = find(FOG_ACTION_OPEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	u32 stream = open->stream;
	*host = host_of(open);
	clear();
	fog_jobs_stream_opened(t.jobs, stream, "[]", t.now);
	collect();
	CU_ASSERT_TRUE(was_sent("hello"));
	json_t *v = sent("offer");
	snprintf(t.offer, sizeof(t.offer), "%s", json_string_value(json_object_get(v, "text")));
	CU_ASSERT_FALSE(json_is_true(json_object_get(v, "query")));
	json_decref(v);
	return stream;
}

__attribute__((unused)) static u32 offered(u32 *host)
{
	CU_ASSERT_EQUAL_FATAL(submit("j", simple), 1);
	return placed(host);
}

__attribute__((unused)) static void accept_say(u32 stream, u32 host)
{
	say(stream, fog_job_hello(t.id[host]));
	say(stream, fog_job_accept(FOG_WORK_RUNNING, 1));
	CU_ASSERT_TRUE(was_sent("follow"));
	clear();
}

__attribute__((unused)) static u32 accepted(u32 *host)
{
	u32 stream = offered(host);

	accept_say(stream, *host);
	return stream;
}

__attribute__((unused)) static struct fog_receipt receipt_make(u64 wall_ms)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_offer offer;
	struct fog_job_limits limits = {
		.cpu_milli = 1000, .memory_bytes = 64u << 20, .wall_ms = 10000};

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(t.offer, &offer, error), 0);
	struct fog_receipt r = {
		.key = offer.key,
		.outcome = FOG_OUTCOME_EXITED,
		.price = offer.price,
		.sequence = 1,
		.sandbox = "{}",
	};
	fog_hash_sha256(r.offer_sha256, t.offer, strlen(t.offer));
	memcpy(r.spec_sha256, offer.spec_sha256, 32);
	r.usage.wall_ms = wall_ms;
	r.amount = fog_receipt_amount(&offer, &limits, r.outcome, wall_ms);
	r.output[0].size = 3;
	fog_hash_sha256(r.output[0].sha256, "abc", 3);
	fog_hash_sha256(r.output[1].sha256, "", 0);
	return r;
}

__attribute__((unused)) static void result_say(u32 stream, const struct fog_receipt *r, u32 signer)
{
	u8 signature[64];
	char *text = fog_receipt_text(r);

	sign_as(signer, FOG_RECEIPT_LABEL, text, signature);
	say(stream, fog_job_result(text, signature, NULL));
	free(text);
	verify();
}

__attribute__((unused)) static void log_say(u32 stream, u64 offset, const char *data)
{
	say(stream, fog_job_log(0, offset, (u32)strlen(data)));
	fog_jobs_stream_data(t.jobs, stream, (const u8 *)data, strlen(data), t.now);
	collect();
}

/* ---- worker --------------------------------------------------------------------------------- */

__attribute__((unused)) static struct fog_offer offer_make(const char *spec)
{
	struct fog_offer o = {
		.price.cpu_hour = 100,
		.price.memory_gb_hour = 10,
		.price_max = 1000,
		.created_ms = t.now,
	};

	memcpy(o.key.submitter, t.id[1], 32);
	memcpy(o.key.worker, t.id[0], 32);
	snprintf(o.key.job, sizeof(o.key.job), "w");
	o.key.attempt = 1;
	fog_hash_sha256(o.spec_sha256, spec, strlen(spec));
	return o;
}

__attribute__((unused)) static char *spec_of(const char *body)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;

	json_t *v = json_loads(body, 0, NULL);
	CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(v, &r, error), 0);
	char *spec = strdup(r.spec_text);
	fog_job_request_free(&r);
	json_decref(v);
	return spec;
}

__attribute__((unused)) static char *spec_make(u32 cpu_milli, u32 memory_mb)
{
	char body[160];

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"x\"],\"limits\":{\"cpu_cores\":%g,\"memory_mb\":%u}}",
		 cpu_milli / 1000.0, memory_mb);
	return spec_of(body);
}

/* A new stream that makes this offer; returns it. */
__attribute__((unused)) static u32 offer_say(const struct fog_offer *o, const char *spec,
					     u32 signer, bool query)
{
	u8 signature[64];
	char *text = fog_offer_text(o);
	u32 stream = fog_jobs_stream_accepted(t.jobs, t.now);

	sign_as(signer, FOG_OFFER_LABEL, text, signature);
	say(stream, fog_job_hello(NULL));
	say(stream, fog_job_offer(text, signature, spec, query, t.hold, &(struct fog_trace){0}));
	free(text);
	verify();
	return stream;
}

__attribute__((unused)) static const char *declined_code(char out[32])
{
	json_t *v = sent("decline");
	const char *code = json_string_value(json_object_get(v, "code"));

	snprintf(out, 32, "%s", code != NULL ? code : "");
	json_decref(v);
	return out;
}

__attribute__((unused)) static void order_say(u32 stream, const struct fog_attempt_key *key,
					      const char *receipt, i64 amount, u32 signer)
{
	struct fog_settlement s = {.key = *key, .amount = amount, .created_ms = t.now};
	u8 signature[64];

	fog_hash_sha256(s.receipt_sha256, receipt, strlen(receipt));
	char *text = fog_settlement_text(&s);
	sign_as(signer, FOG_SETTLEMENT_LABEL, text, signature);
	say(stream, fog_job_settle(text, signature));
	free(text);
	verify();
}

#endif
