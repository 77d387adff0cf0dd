/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine, and a test that plays the other end of its streams by hand: what a simulation of
 * honest hosts does not say. */
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
		h->price_cpu_hour = 3600000;
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

static bool funded(void *context, const struct fog_offer *offer, const char *text, char error[128])
{
	snprintf(error, 128, "nothing held");
	return !t.unfunded;
}

/* ---- harness -------------------------------------------------------------------------------- */

static void clear(void)
{
	for (u32 i = 0; i < t.count; i++)
		fog_action_free(&t.action[i]);
	t.count = 0;
}

static void collect(void)
{
	while (t.count < ACTIONS_MAX && fog_jobs_action(t.jobs, t.now, &t.action[t.count]))
		t.count++;
}

static const struct fog_action *find(enum fog_action_kind kind)
{
	for (u32 i = 0; i < t.count; i++)
		if (t.action[i].kind == kind)
			return &t.action[i];
	return NULL;
}

/* The last sent message with that op, to json_decref(); NULL when there is none. */
static json_t *sent(const char *op)
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

static bool was_sent(const char *op)
{
	json_t *v = sent(op);

	json_decref(v);
	return v != NULL;
}

static void tick(u64 ms)
{
	t.now += ms;
	fog_jobs_tick(t.jobs, t.now);
	collect();
}

/* The far end says text (freed). */
static void say(u32 stream, char *text)
{
	fog_jobs_stream_json(t.jobs, stream, (u8 *)text, strlen(text), t.now);
	free(text);
	collect();
}

/* Answers all that is to be verified, truly. */
static void verify(void)
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

static void sign_as(u32 host, const char *label, const char *text, u8 signature[64])
{
	u8 message[FOG_PAPER_SIZE_MAX];

	fog_sign(signature, message, fog_paper_message(label, text, message), t.secret[host]);
}

static void start(void)
{
	const struct fog_jobs_ports ports = {NULL,      hosts_list, text_sign,  run_prepare,
					     run_input, run_poll,   run_output, .funded = funded};
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
		.user_grant = 100000,
		.worker = true,
		.cpu_milli = 2000,
		.memory_bytes = 256u << 20,
		.works_max = 2,
		.price_cpu_hour = 100,
		.price_memory_gb_hour = 10,
		.seed = 1,
	};
	memcpy(t.config.node_id, t.id[0], 32);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&t.store, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_jobs_new(&t.jobs, &t.config, &ports, t.store, t.now, why), 0);
}

static void stop(void)
{
	char why[FOG_STORE_WHY_SIZE];

	CU_ASSERT_EQUAL(fog_jobs_audit(t.store, why), 0);
	clear();
	fog_jobs_free(t.jobs);
	fog_store_close(t.store);
}

static int submit(const char *id, const char *body)
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

static i64 number(const char *sql)
{
	struct fog_stmt *q = fog_stmt(t.store, sql);
	i64 v = -1;

	if (fog_stmt_step(q) == 1) {
		v = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return v;
}

static void reason_is(const char *want)
{
	struct fog_stmt *q = fog_stmt(t.store, "SELECT reason FROM job WHERE id = 'j'");

	CU_ASSERT_EQUAL_FATAL(fog_stmt_step(q), 1);
	if (strncmp(fog_column_text(q, 0), want, strlen(want)) != 0)
		printf("\nreason: %s\n", fog_column_text(q, 0));
	CU_ASSERT_EQUAL(strncmp(fog_column_text(q, 0), want, strlen(want)), 0);
	fog_stmt_reset(q);
}

/* ---- submitter ------------------------------------------------------------------------------ */

static const char simple[] = "{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":10}}";

static u32 host_of(const struct fog_action *open)
{
	return memcmp(open->node, t.id[1], 32) == 0 ? 1 : 2;
}

/* Submits, opens the stream; returns it and the worker's index. */
static u32 offered(u32 *host)
{
	CU_ASSERT_EQUAL_FATAL(submit("j", simple), 1);
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

static u32 accepted(u32 *host)
{
	u32 stream = offered(host);

	say(stream, fog_job_hello(t.id[*host]));
	say(stream, fog_job_accept(FOG_WORK_RUNNING, 1));
	CU_ASSERT_TRUE(was_sent("follow"));
	clear();
	return stream;
}

static struct fog_receipt receipt_make(u64 wall_ms)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_offer offer;
	struct fog_job_limits limits = {
		.cpu_milli = 1000, .memory_bytes = 64u << 20, .wall_ms = 10000};

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(t.offer, &offer, error), 0);
	struct fog_receipt r = {
		.key = offer.key,
		.outcome = FOG_OUTCOME_EXITED,
		.price_cpu_hour = offer.price_cpu_hour,
		.price_memory_gb_hour = offer.price_memory_gb_hour,
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

static void result_say(u32 stream, const struct fog_receipt *r, u32 signer)
{
	u8 signature[64];
	char *text = fog_receipt_text(r);

	sign_as(signer, FOG_RECEIPT_LABEL, text, signature);
	say(stream, fog_job_result(text, signature, NULL));
	free(text);
	verify();
}

static void log_say(u32 stream, u64 offset, const char *data)
{
	say(stream, fog_job_log(0, offset, (u32)strlen(data)));
	fog_jobs_stream_data(t.jobs, stream, (const u8 *)data, strlen(data), t.now);
	collect();
}

static void test_life_cycle(void)
{
	u32 host;

	start();
	u32 stream = accepted(&host);
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_RUNNING);
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'escrow:j'"),
			10000);
	tick(1000);
	struct fog_receipt r = receipt_make(1000);
	result_say(stream, &r, host);
	CU_ASSERT_EQUAL(number("SELECT state FROM attempt"), FOG_ATTEMPT_RECEIVED);
	CU_ASSERT_FALSE(was_sent("settle"));
	log_say(stream, 0, "ab");
	log_say(stream, 0, "abc"); /* what is held already is skipped */
	CU_ASSERT_TRUE(was_sent("settle"));
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_SUCCEEDED);
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'user:ann'"),
			99000);
	CU_ASSERT_EQUAL(number("SELECT notify FROM attempt"), 1);
	say(stream, fog_job_settled());
	CU_ASSERT_EQUAL(number("SELECT notify FROM attempt"), 0);
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_CLOSE));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind = 'task_success'"), 1);
	stop();
}

static void test_bad_arguments(void)
{
	start();
	memset(t.known, 0, sizeof(t.known));
	CU_ASSERT_EQUAL(submit("j", simple), 1);
	CU_ASSERT_EQUAL(submit("j", simple), 0);
	CU_ASSERT_EQUAL(submit("j", "{\"argv\":[\"false\"]}"), -EEXIST);
	CU_ASSERT_EQUAL(submit("k", simple), 1);
	CU_ASSERT_EQUAL(submit("l", simple), 1);
	CU_ASSERT_EQUAL(submit("m", simple), -ENOSPC);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "m", t.now), -ENOENT);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	CU_ASSERT_EQUAL(submit("m", simple), 1);
	/* Streams and tags nobody knows. */
	fog_jobs_stream_opened(t.jobs, 77, NULL, t.now);
	fog_jobs_stream_failed(t.jobs, 77, "x", t.now);
	fog_jobs_stream_closed(t.jobs, 77, t.now);
	fog_jobs_stream_json(t.jobs, 77, (const u8 *)"{}", 2, t.now);
	fog_jobs_stream_data(t.jobs, 77, (const u8 *)"x", 1, t.now);
	fog_jobs_verified(t.jobs, 77, true, t.now);
	stop();
}

/* A receipt that is wrong in one way: no pay, no settlement, fraud on record, another host. */
static void test_receipts_refused(void)
{
	for (u32 i = 0; i < 6; i++) {
		u32 host, signer;
		start();
		u32 stream = accepted(&host);
		tick(1000);
		struct fog_receipt r = receipt_make(i == 0 ? 9000 : 1000);
		signer = i == 1 ? 3 - host : host;
		if (i == 2)
			r.amount++;
		if (i == 3)
			r.key.attempt++;
		if (i == 4)
			r.offer_sha256[0] ^= 1;
		if (i == 5)
			r.output[0].sha256[0] ^= 1;
		result_say(stream, &r, signer);
		log_say(stream, 0, "abc");
		CU_ASSERT_FALSE(was_sent("settle"));
		CU_ASSERT_EQUAL(number("SELECT state FROM attempt"), FOG_ATTEMPT_LOST);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind ="
				       " 'fraud_detected'"),
				1);
		CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name ="
				       " 'user:ann'"),
				100000);
		json_t *cancel = sent("cancel");
		CU_ASSERT_TRUE(json_is_true(json_object_get(cancel, "abandon")));
		json_decref(cancel);
		clear();
		tick(10);
		CU_ASSERT_PTR_NOT_NULL_FATAL(find(FOG_ACTION_OPEN));
		CU_ASSERT_EQUAL(host_of(find(FOG_ACTION_OPEN)), 3 - host);
		stop();
	}
}

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

/* What waits here wants a place here; what is class S wants an attested one wherever it runs. */
static void test_demand(void)
{
	struct fog_jobs_demand d;

	start();
	CU_ASSERT_EQUAL(submit("k", "{\"argv\":[\"x\"],\"class\":\"S\",\"limits\":{\"wall_"
				    "seconds\":1,\"cpu_cores\":1.5,"
				    "\"disk_mb\":100}}"),
			1);
	CU_ASSERT_EQUAL(
		submit("l", "{\"argv\":[\"x\"],\"limits\":{\"wall_seconds\":1,\"cpu_cores\":1}}"),
		1);
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 1500);
	CU_ASSERT_EQUAL(d.disk_bytes, 100ull << 20);
	CU_ASSERT_EQUAL(d.cpu_milli, 2500);
	tick(10); /* both are placed */
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 1500);
	CU_ASSERT_EQUAL(d.disk_bytes, 0);
	CU_ASSERT_EQUAL(d.cpu_milli, 0);
	CU_ASSERT_EQUAL(fog_jobs_cancel(t.jobs, "k", t.now), 0);
	fog_jobs_demand(t.jobs, &d);
	CU_ASSERT_EQUAL(d.attested_milli, 0);
	stop();
}

static void test_declined(void)
{
	u32 host, next;

	start();
	u32 stream = offered(&host);
	say(stream, fog_job_hello(t.id[host]));
	clear();
	say(stream, fog_job_decline(FOG_DECLINE_CAPACITY, "full"));
	reason_is("declined (capacity): full");
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'escrow:j'"), 0);
	CU_ASSERT_EQUAL(number("SELECT lost_count FROM job"), 0);
	tick(10);
	const struct fog_action *open = find(FOG_ACTION_OPEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	next = host_of(open);
	CU_ASSERT_EQUAL(next, 3 - host);
	stream = open->stream;
	clear();
	fog_jobs_stream_opened(t.jobs, stream, NULL, t.now);
	say(stream, fog_job_hello(t.id[next]));
	say(stream, fog_job_decline(FOG_DECLINE_PRICE, "dear"));
	clear();
	tick(10); /* nobody left for now, and it says so */
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_OPEN));
	reason_is("of 3 hosts: 1 this host");
	tick(3000); /* the full one is asked again */
	open = find(FOG_ACTION_OPEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	CU_ASSERT_EQUAL(host_of(open), host);
	stop();
}

/* Nobody answers: two attempts, then it has failed; nothing is kept back. */
static void test_unreachable(void)
{
	start();
	CU_ASSERT_EQUAL(submit("j", simple), 1);
	for (u32 ms = 0; ms < 3 * FOG_JOBS_OFFER_MS; ms += 500) {
		tick(500);
		for (u32 i = 0; i < t.count; i++)
			if (t.action[i].kind == FOG_ACTION_OPEN)
				fog_jobs_stream_failed(t.jobs, t.action[i].stream, "no route",
						       t.now);
		clear();
	}
	CU_ASSERT_EQUAL(number("SELECT state FROM job"), FOG_JOB_FAILED);
	reason_is("2 attempts were lost, the last: could not be reached: no route");
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name = 'user:ann'"),
			100000);
	CU_ASSERT_EQUAL(number("SELECT count(DISTINCT worker) FROM attempt"), 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE kind = 'unavailability'"), 2);
	stop();
}

static void test_no_money(void)
{
	start();
	CU_ASSERT_EQUAL(submit("j", "{\"argv\":[\"true\"],\"limits\":{\"wall_seconds\":200}}"), 1);
	tick(10);
	reason_is("account user:ann cannot hold 200000 mfog");
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_OPEN));
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM attempt"), 0);
	CU_ASSERT_EQUAL(submit("k", "{\"argv\":[\"true\"],\"price_cap\":5}"), 1);
	tick(10);
	CU_ASSERT_EQUAL(number("SELECT reason LIKE '%2 above the price cap of 5 mfog' FROM job "
			       "WHERE id = 'k'"),
			1);
	stop();
}

/* ---- worker --------------------------------------------------------------------------------- */

static struct fog_offer offer_make(const char *spec)
{
	struct fog_offer o = {
		.price_cpu_hour = 100,
		.price_memory_gb_hour = 10,
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

static char *spec_make(u32 cpu_milli, u32 memory_mb)
{
	char error[FOG_JSON_ERROR_SIZE], body[160];
	struct fog_job_request r;

	snprintf(body, sizeof(body),
		 "{\"argv\":[\"x\"],\"limits\":{\"cpu_cores\":%g,\"memory_mb\":%u}}",
		 cpu_milli / 1000.0, memory_mb);
	json_t *v = json_loads(body, 0, NULL);
	CU_ASSERT_EQUAL_FATAL(fog_job_request_parse(v, &r, error), 0);
	char *spec = strdup(r.spec_text);
	fog_job_request_free(&r);
	json_decref(v);
	return spec;
}

/* A new stream that makes this offer; returns it. */
static u32 offer_say(const struct fog_offer *o, const char *spec, u32 signer, bool query)
{
	u8 signature[64];
	char *text = fog_offer_text(o);
	u32 stream = fog_jobs_stream_accepted(t.jobs, t.now);

	sign_as(signer, FOG_OFFER_LABEL, text, signature);
	say(stream, fog_job_hello(NULL));
	say(stream, fog_job_offer(text, signature, spec, query, false, &(struct fog_trace){0}));
	free(text);
	verify();
	return stream;
}

static const char *declined_code(char out[32])
{
	json_t *v = sent("decline");
	const char *code = json_string_value(json_object_get(v, "code"));

	snprintf(out, 32, "%s", code != NULL ? code : "");
	json_decref(v);
	return out;
}

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
			o.price_cpu_hour = 99;
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

static void order_say(u32 stream, const struct fog_attempt_key *key, const char *receipt,
		      i64 amount, u32 signer)
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

/* Less than the receipt asks, by somebody else, for something else: not settled. Then right, twice:
 * credited once. */
static void test_settlements(void)
{
	char *spec, receipt[FOG_JOBS_VERIFY_TEXT_MAX + 1], error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt r;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = offer_say(&o, spec, 1, false);
	t.run = FOG_RUN_FINISHED;
	tick(1000);
	json_t *v = sent("result");
	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	snprintf(receipt, sizeof(receipt), "%s", json_string_value(json_object_get(v, "text")));
	json_decref(v);
	CU_ASSERT_EQUAL_FATAL(fog_receipt_parse(receipt, &r, error), 0);
	CU_ASSERT_EQUAL(r.amount, 2);
	for (u32 i = 0; i < 4; i++) {
		clear();
		struct fog_attempt_key key = o.key;
		key.attempt += i == 3;
		order_say(stream, &key, i == 2 ? "x" : receipt, r.amount - (i == 0),
			  i == 1 ? 2 : 1);
		CU_ASSERT_FALSE(was_sent("settled"));
		CU_ASSERT_TRUE(was_sent("error"));
		CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_FINISHED);
		stream = offer_say(&o, spec, 1, true);
		CU_ASSERT_TRUE(was_sent("result"));
	}
	for (u32 i = 0; i < 2; i++) {
		clear();
		order_say(stream, &o.key, receipt, r.amount, 1);
		CU_ASSERT_TRUE(was_sent("settled"));
	}
	CU_ASSERT_EQUAL(number("SELECT balance FROM ledger_account WHERE name LIKE 'host:%'"), 2);
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_SETTLED);
	free(spec);
	stop();
}

static void test_abandoned(void)
{
	char *spec;

	start();
	spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	u32 stream = offer_say(&o, spec, 1, false);
	clear();
	say(stream, fog_job_cancel(true));
	CU_ASSERT_TRUE(was_sent("closed"));
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_CANCEL));
	CU_ASSERT_PTR_NOT_NULL(find(FOG_ACTION_RUN_REMOVE));
	CU_ASSERT_EQUAL(number("SELECT state FROM work"), FOG_WORK_CLOSED);
	clear();
	offer_say(&o, spec, 1, false); /* an old copy of the offer does not run it again */
	CU_ASSERT_TRUE(was_sent("closed"));
	CU_ASSERT_PTR_NULL(find(FOG_ACTION_RUN_START));
	tick(FOG_JOBS_KEEP_MS + 120000);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM work"), 0);
	free(spec);
	stop();
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

/* ---- any bytes ------------------------------------------------------------------------------ */

static char *random_message(struct fog_rng *rng, const struct fog_offer *o, const char *spec)
{
	u8 signature[64];
	u64 size[2] = {fog_rng_below(rng, 100), fog_rng_below(rng, 9000000)};
	char *text = NULL, *m = NULL;

	fog_rng_bytes(rng, signature, sizeof(signature));
	switch (fog_rng_below(rng, 14)) {
	case 0:
		return fog_job_hello(t.id[fog_rng_below(rng, HOSTS)]);
	case 1:
		text = fog_offer_text(o);
		sign_as(1, FOG_OFFER_LABEL, text, signature);
		m = fog_job_offer(text, signature, spec, fog_rng_below(rng, 2),
				  fog_rng_below(rng, 2), &(struct fog_trace){0});
		break;
	case 2:
		return fog_job_accept(1 + fog_rng_below(rng, 6), 1 + (u32)fog_rng_below(rng, 2));
	case 3:
		return fog_job_decline(1 + fog_rng_below(rng, 6), "r");
	case 4:
		return fog_job_need("stdin", fog_rng_below(rng, 100), 5);
	case 5:
		return fog_job_blob("stdin", fog_rng_below(rng, 100), 5);
	case 6:
		return fog_job_status(1 + fog_rng_below(rng, 6), 1 + (u32)fog_rng_below(rng, 2),
				      size);
	case 7:
		return fog_job_follow(size);
	case 8:
		return fog_job_log((u32)fog_rng_below(rng, 2), fog_rng_below(rng, 10), 5);
	case 9:
		return fog_job_result("{}", signature, NULL);
	case 10:
		return fog_job_settle("{}", signature);
	case 11:
		return fog_job_settled();
	case 12:
		return fog_job_cancel(fog_rng_below(rng, 2));
	default:
		return fog_job_closed("r");
	}
	free(text);
	return m;
}

static void random_event(struct fog_rng *rng, u32 *stream, const struct fog_offer *o,
			 const char *spec)
{
	switch (fog_rng_below(rng, 10)) {
	case 0:
		*stream = fog_jobs_stream_accepted(t.jobs, t.now);
		if (fog_rng_below(rng, 2)) /* else nothing it says is heard */
			say(*stream, fog_job_hello(NULL));
		break;
	case 1:
		fog_jobs_stream_data(t.jobs, *stream, (const u8 *)"hello", 5, t.now);
		break;
	case 2:
		fog_jobs_tick(t.jobs, t.now += fog_rng_below(rng, 3000));
		break;
	case 3:
		t.run = 1 + fog_rng_below(rng, 4);
		break;
	default:
		say(*stream, random_message(rng, o, spec));
	}
	collect();
	if (fog_rng_below(rng, 2))
		verify();
	for (u32 i = 0; i < t.count; i++)
		if (t.action[i].kind == FOG_ACTION_OPEN && fog_rng_below(rng, 2)) {
			*stream = t.action[i].stream;
			fog_jobs_stream_opened(t.jobs, *stream, NULL, t.now);
		}
	clear();
}

/* Well-formed messages in any order, to both roles: never a crash, never a broken book. */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 7;
	struct fog_rng rng;
	char why[FOG_STORE_WHY_SIZE];
	u32 stream = 0;

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	start();
	char *spec = spec_make(1000, 64);
	struct fog_offer o = offer_make(spec);
	for (u32 i = 0; i < 30000; i++) {
		if (i % 500 == 0) {
			char id[16];
			snprintf(id, sizeof(id), "r%u", i);
			submit(id, simple);
			o.key.attempt++;
			o.created_ms = t.now;
		}
		random_event(&rng, &stream, &o, spec);
		if (i % 5000 == 0)
			CU_ASSERT_EQUAL(fog_jobs_audit(t.store, why), 0);
	}
	CU_ASSERT(number("SELECT count(*) FROM attempt") > 20);
	CU_ASSERT(number("SELECT count(*) FROM work") > 5);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM job WHERE state = 5"),
			0); /* none was signed for */
	free(spec);
	stop();
}

/* What mix monitoring and attestations tell: once, of the right kind, never of ourselves. */
static void test_evidence(void)
{
	static const struct {
		enum fog_evidence_source source;
		enum fog_evidence_kind kind;
		const char *reference;
		u32 node;
		int rc;
		i64 rows;
	} cases[] = {
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 1, 0, 1},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 1, 0, 1}, /* told twice */
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "8", 1, 0, 2},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_TASK_SUCCESS, "9", 1, -EINVAL, 2},
		{FOG_SOURCE_ATTESTATION, FOG_EVIDENCE_PEER_ENDORSEMENT, "9", 1, -EINVAL, 2},
		{FOG_SOURCE_ATTESTATION, FOG_EVIDENCE_FRAUD_DETECTED, "9", 1, 0, 3},
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "7", 0, -EINVAL, 3}, /* ourselves */
		{FOG_SOURCE_MIX, FOG_EVIDENCE_AVAILABILITY, "", 1, -EINVAL, 3},
		{FOG_SOURCE_COUNT, FOG_EVIDENCE_AVAILABILITY, "7", 1, -EINVAL, 3},
	};

	start();
	double before = 0;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		before = i == 3 ? fog_jobs_weight(t.jobs, t.id[1], t.now) : before;
		CU_ASSERT_EQUAL(fog_jobs_evidence(t.jobs, t.id[cases[i].node], cases[i].source,
						  cases[i].kind, 0.5, cases[i].reference, "",
						  t.now),
				cases[i].rc);
		CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence"), cases[i].rows);
	}
	CU_ASSERT(fog_jobs_weight(t.jobs, t.id[1], t.now) < before);
	stop();
}

FOG_TEST_MAIN("controlplane/jobs/engine", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_receipts_refused), FOG_TEST(test_protocol_errors),
	      FOG_TEST(test_demand), FOG_TEST(test_declined), FOG_TEST(test_unreachable),
	      FOG_TEST(test_no_money), FOG_TEST(test_offers), FOG_TEST(test_funded),
	      FOG_TEST(test_capacity), FOG_TEST(test_settlements), FOG_TEST(test_abandoned),
	      FOG_TEST(test_half_open), FOG_TEST(test_random), FOG_TEST(test_evidence))
