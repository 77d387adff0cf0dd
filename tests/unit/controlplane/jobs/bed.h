/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine as submitter, among workers that this file plays: they accept what they are offered
 * unless told otherwise, and finish when the test says so. */
#ifndef FOG_TEST_BED_H
#define FOG_TEST_BED_H

#include "controlplane/jobs/engine.h"
#include "controlplane/jobs/limits.h"
#include "crypto/hash/hash.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#include "controlplane/core/log.h"

#define BED_T0          1700000000000ull
#define BED_HOSTS_MAX   8 /* 0 is ours */
#define BED_STREAMS_MAX 256

struct bed_stream {
	u32 id, host;
	bool closed, offered, asked_to_stop, held, went;
	char job[FOG_JOB_ID_SIZE];
	char offer[FOG_JOBS_VERIFY_TEXT_MAX + 1];
	struct fog_job_limits limits;
};

static struct {
	struct fog_store *store;
	struct fog_jobs *jobs;
	struct fog_jobs_config config;
	struct fog_jobs_ports ports;
	u64 now;
	u32 host_count;
	struct fog_placement_host host[BED_HOSTS_MAX];
	u8 secret[BED_HOSTS_MAX][64];
	bool declines[BED_HOSTS_MAX], silent[BED_HOSTS_MAX];
	u32 stream_count;
	struct bed_stream stream[BED_STREAMS_MAX];
	const char
		*list; /* of the artifacts a job leaves, as its host says; NULL: it leaves none */
} bed;

static u32 bed_hosts(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	memcpy(out, bed.host, bed.host_count * sizeof(*out));
	return bed.host_count;
}

static void bed_sign(void *context, const void *text, size_t len, u8 signature[64])
{
	fog_sign(signature, text, len, bed.secret[0]);
}

static void bed_open(void)
{
	char why[FOG_STORE_WHY_SIZE] = "";

	CU_ASSERT_EQUAL_FATAL(
		fog_jobs_new(&bed.jobs, &bed.config, &bed.ports, bed.store, bed.now, why), 0);
}

/* Hosts of 4 cores and 4 GiB at one mfog a core and second; their names are h0, h1, .. */
static void bed_start(u32 hosts)
{
	char why[FOG_STORE_WHY_SIZE];

	memset(&bed, 0, sizeof(bed));
	fog_log_set_level(FOG_LOG_ERROR);
	bed.now = BED_T0;
	bed.host_count = hosts;
	for (u32 i = 0; i < hosts; i++) {
		struct fog_placement_host *h = &bed.host[i];
		u8 seed[32] = {(u8)(i + 1)};
		fog_sign_keypair(h->id, bed.secret[i], seed);
		snprintf(h->name, sizeof(h->name), "h%u", i);
		h->roles = FOG_PLACEMENT_ROLE_WORKER;
		h->alive = true;
		h->cpu_milli = 4000;
		h->memory_bytes = 4ull << 30;
		h->price.cpu_hour = 3600;
	}
	bed.config = (struct fog_jobs_config){.attempts_max = 3,
					      .queue_max = 1000,
					      .user_grant = 1000000,
					      .price.cpu_hour = 3600,
					      .seed = 1};
	memcpy(bed.config.node_id, bed.host[0].id, 32);
	bed.ports = (struct fog_jobs_ports){.hosts = bed_hosts, .sign = bed_sign};
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&bed.store, store_where(true, NULL), why), 0);
	bed_open();
}

/* As after a crash. */
static inline void bed_restart(void)
{
	fog_jobs_free(bed.jobs);
	for (u32 i = 0; i < bed.stream_count; i++)
		bed.stream[i].closed = true;
	bed_open();
}

static void bed_stop(void)
{
	char why[FOG_STORE_WHY_SIZE];

	CU_ASSERT_EQUAL(fog_jobs_audit(bed.store, why), 0);
	fog_jobs_free(bed.jobs);
	fog_store_close(bed.store);
}

static void bed_say(u32 stream, char *text)
{
	fog_jobs_stream_json(bed.jobs, stream, (u8 *)text, strlen(text), bed.now);
	free(text);
}

static struct bed_stream *bed_stream(u32 id)
{
	for (u32 i = bed.stream_count; i-- > 0;)
		if (bed.stream[i].id == id && !bed.stream[i].closed)
			return &bed.stream[i];
	return NULL;
}

static void bed_offered(struct bed_stream *s, const struct fog_job_message *m)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;
	struct fog_offer offer;

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(m->text, &offer, error), 0);
	CU_ASSERT_EQUAL_FATAL(fog_job_spec_parse(m->spec, strlen(m->spec), &spec, error), 0);
	snprintf(s->offer, sizeof(s->offer), "%s", m->text);
	snprintf(s->job, sizeof(s->job), "%s", offer.key.job);
	s->limits = spec->limits;
	s->offered = true;
	fog_job_spec_free(spec);
	if (bed.silent[s->host])
		return;
	s->held = m->hold && !bed.declines[s->host];
	bed_say(s->id, fog_job_hello(bed.host[s->host].id));
	bed_say(s->id, bed.declines[s->host]
			       ? fog_job_decline(FOG_DECLINE_CAPACITY, "full")
			       : fog_job_accept(m->hold ? FOG_WORK_FETCHING : FOG_WORK_RUNNING, 1));
}

static void bed_heard(const struct fog_action *a)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_message m;
	struct bed_stream *s = bed_stream(a->stream);

	if (s == NULL || fog_job_message_parse(a->data, a->len, &m, error) != 0)
		return;
	if (m.op == FOG_JOB_OP_OFFER)
		bed_offered(s, &m);
	else if (m.op == FOG_JOB_OP_SETTLE)
		bed_say(s->id, fog_job_settled());
	else if (m.op == FOG_JOB_OP_GO && !s->went) {
		s->went = true;
		bed_say(s->id, fog_job_status(FOG_WORK_RUNNING, 1, (u64[2]){0, 0}));
	} else if (m.op == FOG_JOB_OP_CANCEL)
		s->asked_to_stop = true;
	fog_job_message_free(&m);
}

static void bed_opened(const struct fog_action *a)
{
	struct bed_stream *s = &bed.stream[bed.stream_count++ % BED_STREAMS_MAX];

	*s = (struct bed_stream){.id = a->stream};
	while (s->host < bed.host_count && memcmp(bed.host[s->host].id, a->node, 32) != 0)
		s->host++;
	if (bed.host[s->host].alive)
		fog_jobs_stream_opened(bed.jobs, a->stream, "[]", bed.now);
	else
		fog_jobs_stream_failed(bed.jobs, a->stream, "unreachable", bed.now);
}

/* Carries out all that is to be done. */
static void bed_pump(void)
{
	struct fog_action a;

	while (fog_jobs_action(bed.jobs, bed.now, &a)) {
		if (a.kind == FOG_ACTION_OPEN)
			bed_opened(&a);
		else if (a.kind == FOG_ACTION_SEND_JSON)
			bed_heard(&a);
		else if (a.kind == FOG_ACTION_CLOSE && bed_stream(a.stream) != NULL)
			bed_stream(a.stream)->closed = true;
		else if (a.kind == FOG_ACTION_VERIFY)
			fog_jobs_verified(bed.jobs, a.tag,
					  fog_sign_verify(a.signature, a.data, a.len, a.node) == 0,
					  bed.now);
		fog_action_free(&a);
	}
}

static void bed_tick(u64 ms)
{
	bed.now += ms;
	fog_jobs_tick(bed.jobs, bed.now);
	bed_pump();
}

static inline int bed_submit(const char *id, const char *body)
{
	char error[FOG_JSON_ERROR_SIZE], out[FOG_JOB_ID_SIZE];
	struct fog_job_request r;
	json_t *v = json_loads(body, 0, NULL);

	int rc = fog_job_request_parse(v, &r, error);
	if (rc == 0) {
		snprintf(r.id, sizeof(r.id), "%s", id);
		rc = fog_jobs_submit(bed.jobs, "ann", &r, bed.now, out, error);
		fog_job_request_free(&r);
	}
	json_decref(v);
	bed_pump();
	return rc;
}

static inline int bed_submit_batch(const char *id, const char *body)
{
	char error[FOG_JSON_ERROR_SIZE] = "";
	struct fog_job_batch batch;
	json_t *v = json_loads(body, 0, NULL);

	int rc = fog_job_batch_parse(v, id, &batch, error);
	if (rc == 0) {
		rc = fog_jobs_submit_batch(bed.jobs, "ann", &batch, bed.now, error);
		fog_job_batch_free(&batch);
	}
	if (rc < 0)
		printf("\n%s: %s\n", id, error);
	json_decref(v);
	bed_pump();
	return rc;
}

static inline struct bed_stream *bed_running(const char *job)
{
	for (u32 i = bed.stream_count; i-- > 0;)
		if (!bed.stream[i].closed && bed.stream[i].offered &&
		    strcmp(bed.stream[i].job, job) == 0)
			return &bed.stream[i];
	return NULL;
}

/* The worker's receipt for what it was offered there: after wall_ms, without any output. */
static inline void bed_end(struct bed_stream *s, enum fog_outcome outcome, i32 exit_code,
			   u64 wall_ms)
{
	char error[FOG_JSON_ERROR_SIZE];
	u8 message[FOG_PAPER_SIZE_MAX], signature[64];
	struct fog_offer offer;

	CU_ASSERT_EQUAL_FATAL(fog_offer_parse(s->offer, &offer, error), 0);
	struct fog_receipt r = {
		.key = offer.key,
		.outcome = outcome,
		.exit_code = exit_code,
		.price = offer.price,
		.accelerators = (u32)s->limits.accelerators,
		.sequence = 1,
		.sandbox = "{}",
		.usage.wall_ms = wall_ms,
		.amount = fog_receipt_amount(&offer, &s->limits, outcome, wall_ms),
	};
	if (r.accelerators != 0)
		memcpy(r.accelerator_type, bed.host[s->host].gpu_type, sizeof(r.accelerator_type));
	fog_hash_sha256(r.offer_sha256, s->offer, strlen(s->offer));
	memcpy(r.spec_sha256, offer.spec_sha256, 32);
	for (u32 i = 0; i < 2; i++)
		fog_hash_sha256(r.output[i].sha256, "", 0);
	if (bed.list != NULL) {
		r.manifest.size = strlen(bed.list);
		fog_hash_sha256(r.manifest.sha256, bed.list, strlen(bed.list));
	}
	char *text = fog_receipt_text(&r);
	fog_sign(signature, message, fog_paper_message(FOG_RECEIPT_LABEL, text, message),
		 bed.secret[s->host]);
	bed_say(s->id, fog_job_result(text, signature, NULL));
	free(text);
	bed_pump();
	if (bed.list == NULL)
		return;
	bed_say(s->id, fog_job_blob("manifest", 0, (u32)strlen(bed.list)));
	fog_jobs_stream_data(bed.jobs, s->id, (const u8 *)bed.list, strlen(bed.list), bed.now);
	bed_pump();
}

/* Time passes, and the job ends with this status where it runs. */
static inline void bed_finish(const char *job, i32 exit_code)
{
	struct bed_stream *s = bed_running(job);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	bed_tick(1000);
	bed_end(s, FOG_OUTCOME_EXITED, exit_code, 1000);
}

static inline i64 bed_number(const char *sql)
{
	struct fog_stmt *q = fog_stmt(bed.store, sql);
	i64 v = -1;

	if (fog_stmt_step(q) == 1) {
		v = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return v;
}

static inline enum fog_job_state bed_state(const char *job)
{
	struct fog_stmt *q = fog_stmt(bed.store, "SELECT state FROM job WHERE id = ?");
	enum fog_job_state state = FOG_JOB_INVALID;

	fog_bind_text(q, job);
	if (fog_stmt_step(q) == 1) {
		state = (enum fog_job_state)fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return state;
}

/* Index of the host the job was last placed on; host_count: none. */
static inline u32 bed_where(const char *job)
{
	struct fog_stmt *q = fog_stmt(
		bed.store, "SELECT worker FROM attempt WHERE job = ? ORDER BY number DESC LIMIT 1");
	u32 host = bed.host_count;
	u8 node[32];

	fog_bind_text(q, job);
	if (fog_stmt_step(q) == 1) {
		if (fog_column_copy(q, 0, node, sizeof(node)) == 0)
			for (host = 0; host < bed.host_count; host++)
				if (memcmp(bed.host[host].id, node, 32) == 0)
					break;
		fog_stmt_reset(q);
	}
	return host;
}

static inline struct fog_job_why bed_why(const char *job)
{
	struct fog_job_why why;

	CU_ASSERT_EQUAL(fog_jobs_why(bed.jobs, job, bed.now, &why), 0);
	return why;
}

#endif
