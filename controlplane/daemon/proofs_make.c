/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs that are asked for are made on a thread of their own: a predicate of 32 conditions takes a
 * tenth of a second, in which the loop would do nothing else. */
#include <errno.h>

#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/proofs_api.h"
#include "controlplane/jobs/papers.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/jobs/view.h"
#include "controlplane/proofs/archive.h"
#include "controlplane/proofs/conditions.h"
#include "controlplane/proofs/issue.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define EXPIRES_DEFAULT 3600

/* One on its way. The body of its exchange is the thread's while it is there. */
struct making {
	struct fog_exchange *x;
	struct fog_host *host;
	const json_t *body;
	u64 start_ns, now_s;
	int rc;
	char why[FOG_MAX(FOG_PROOF_WHY, FOG_PREDICATE_WHY)];
	/* of a proof */
	u32 kind;
	struct fog_proof proof;
	/* of a claim; the private inputs are in secrets and in the body, which end with the answer
	 */
	char predicate[FOG_PREDICATE_TEXT_MAX], nonce[33];
	json_t *secrets, *claim;
};

static struct making *making_new(struct fog_exchange *x)
{
	struct making *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->x = x;
	m->host = fog_exchange_ctx(x);
	m->body = fog_exchange_body(x);
	m->start_ns = fog_monotonic_ns();
	m->now_s = fog_loop_now_ms(m->host->loop) / 1000;
	return m;
}

static void making_free(struct making *m)
{
	json_decref(m->secrets);
	json_decref(m->claim);
	fog_wipe(m, sizeof(*m));
	free(m);
}

static int making_push(struct making *m, fog_worker_run_fn *run, fog_worker_done_fn *done)
{
	struct fog_exchange *x = m->x;
	int rc = fog_worker_push(m->host->proofs->worker, run, done, m);

	if (rc == 0)
		return 0;
	making_free(m);
	return rc == -EAGAIN ? fog_exchange_problem(x, 503, "%d proofs are being made",
						    FOG_HOST_MAKING_MAX)
			     : fog_exchange_problem(x, 500, "no memory");
}

static double took_ms(const struct making *m)
{
	return (double)(fog_monotonic_ns() - m->start_ns) / 1e6;
}

/* ---- proofs about work ---------------------------------------------------------------------- */

/* The proof that was made with the last receipt that this host signed for the job (receipts.h). */
static bool execution_find(struct fog_host *h, const char *job, struct fog_proof *out)
{
	json_t *view = fog_view_receipts(fog_jobs_runtime_engine(h->jobs), job), *e;
	char error[FOG_JSON_ERROR_SIZE];
	bool found = false;
	u8 digest[32];
	size_t i;

	json_array_foreach(json_object_get(view, "receipts"), i, e)
	{
		const char *text = json_string_value(json_object_get(e, "text"));
		struct fog_receipt r;
		if (text == NULL || fog_receipt_parse(text, &r, error) != 0 ||
		    memcmp(r.key.worker, h->id.node_id, 32) != 0)
			continue;
		fog_hash_sha256(digest, text, strlen(text));
		found = fog_proof_archive_get(h->store, digest, out) == 0;
	}
	json_decref(view);
	return found;
}

/* 0, or what the problem is: a status, with m->why. */
static unsigned execution_issue(struct making *m)
{
	struct fog_host *h = m->host;
	const char *owner = fog_exchange_owner(m->x);
	const char *job =
		json_string_value(json_object_get(json_object_get(m->body, "statement"), "job"));

	if (job == NULL) {
		snprintf(m->why, sizeof(m->why), "statement.job wants the id of a job");
		return 400;
	}
	if ((owner == NULL || fog_jobs_has(fog_jobs_runtime_engine(h->jobs), owner, job)) &&
	    execution_find(h, job, &m->proof))
		return 0;
	snprintf(m->why, sizeof(m->why), "this host has ended no job \"%.64s\"", job);
	return 404;
}

static int proof_answer(struct making *m)
{
	struct fog_host *h = m->host;
	const char *type = json_string_value(json_object_get(m->body, "proof_type"));

	h->proofs->generated++;
	int rc = fog_proof_archive_put(h->store, &m->proof, m->now_s);
	if (rc != 0 && rc != -EALREADY)
		return fog_exchange_problem(m->x, 507, "the archive of proofs takes no more");
	json_t *proof = fog_proof_json(&m->proof);
	return fog_envelope(m->x,
			    proof == NULL ? NULL
					  : json_pack("{s:o, s:s, s:s, s:f}", "proof", proof,
						      "proof_type", type, "kind",
						      fog_proof_kind_name(m->kind),
						      "generation_time_ms", took_ms(m)),
			    "Proof generated");
}

static void proof_run(void *job)
{
	struct making *m = job;

	m->rc = fog_issue_proof(m->kind, json_object_get(m->body, "statement"),
				json_object_get(m->body, "witness"),
				json_object_get(m->body, "public_inputs"), m->host->id.sign_sk,
				m->now_s, &m->proof, m->why);
}

static void proof_done(void *job, bool stopped)
{
	struct making *m = job;

	if (stopped)
		fog_exchange_problem(m->x, 503, "proofs are not made any more");
	else if (m->rc != 0)
		fog_exchange_problem(m->x, m->rc == -ERANGE ? 409 : fog_status_of_errno(m->rc),
				     "%s", m->why);
	else
		proof_answer(m);
	making_free(m);
}

static int generate_post(struct fog_exchange *x)
{
	struct making *m = making_new(x);

	if (m == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	m->kind = fog_issue_kind(json_string_value(json_object_get(m->body, "proof_type")));
	if (m->kind != FOG_PROOF_EXECUTION)
		return making_push(m, proof_run, proof_done);
	unsigned status = execution_issue(m);
	if (status != 0)
		fog_exchange_problem(x, status, "%s", m->why);
	else
		proof_answer(m);
	making_free(m);
	return 0;
}

/* ---- predicates about attributes ------------------------------------------------------------ */

static const char *text_or(const json_t *o, const char *name, const char *def)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : def;
}

static void claim_run(void *job)
{
	struct making *m = job;
	const json_t *expires = json_object_get(m->body, "expires_seconds");
	const json_int_t life = expires != NULL ? json_integer_value(expires) : EXPIRES_DEFAULT;
	const struct fog_claim_question q = {.predicate = m->predicate,
					     .domain = text_or(m->body, "domain", "fog"),
					     .context = text_or(m->body, "context", m->nonce),
					     .expires_s = m->now_s + (u64)life};

	m->rc = fog_claim_commit(json_object_get(m->body, "private_inputs"), &m->secrets, m->why);
	if (m->rc == 0)
		m->rc = fog_claim_prove(&q, m->secrets, &m->claim, m->why);
}

static int claim_answer(struct making *m)
{
	struct fog_host *h = m->host;
	const char *type = json_string_value(json_object_get(m->body, "predicate_type"));

	if (m->rc == -EDOM)
		return fog_envelope(m->x,
				    json_pack("{s:b, s:b, s:s, s:s, s:n, s:s}", "satisfied", 0,
					      "valid", 0, "predicate_type", type, "predicate",
					      m->predicate, "proof", "reason",
					      "the predicate is not true of the private inputs"),
				    "Predicate evaluated");
	if (m->rc != 0)
		return fog_exchange_problem(m->x, fog_status_of_errno(m->rc), "%s", m->why);
	h->proofs->generated++;
	const struct fog_claim_expected e = {.predicate = m->predicate,
					     .now_s = fog_loop_now_ms(h->loop) / 1000};
	json_t *data = json_pack("{s:b, s:s, s:s, s:O, s:O, s:f}", "satisfied", 1, "predicate_type",
				 type, "predicate", m->predicate, "proof", m->claim, "commitments",
				 json_object_get(m->claim, "commitments"), "generation_time_ms",
				 took_ms(m));
	if (data != NULL && json_is_true(json_object_get(m->body, "return_secrets")))
		json_object_set(data, "secrets", m->secrets);
	return fog_host_claim_check(m->x, m->claim, &e, data, "Predicate evaluated");
}

static void claim_done(void *job, bool stopped)
{
	struct making *m = job;

	if (stopped)
		fog_exchange_problem(m->x, 503, "proofs are not made any more");
	else
		claim_answer(m);
	making_free(m);
}

static int predicate_post(struct fog_exchange *x)
{
	struct making *m = making_new(x);
	u8 random[16];

	if (m == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	if (fog_conditions_predicate(json_string_value(json_object_get(m->body, "predicate_type")),
				     json_object_get(m->body, "conditions"), m->predicate,
				     m->why) != 0) {
		fog_exchange_problem(x, 400, "%s", m->why);
		making_free(m);
		return 0;
	}
	fog_random_bytes(random, sizeof(random));
	fog_hex_encode(random, sizeof(random), m->nonce, sizeof(m->nonce));
	return making_push(m, claim_run, claim_done);
}

static const struct fog_route routes[] = {
	{"POST", "/v1/fog/proofs/generate", generate_post,
	 FOG_DESCRIBE("Make a proof about work",
		      .text = "What statement, witness and public_inputs hold depends on the type.",
		      .request =
			      "{proof_type: poe|poa|posla|merkle_batch|merkle_tree|execution|audit|"
			      "sla|batch|inclusion, statement: object, witness?: any (stays here),"
			      " public_inputs?: object|null, ...}",
		      .answer = "{proof: object, proof_type: string, kind: string,"
				" generation_time_ms: number}")},
	{"POST", "/v1/fog/zk/predicate", predicate_post,
	 FOG_DESCRIBE(
		 "Prove a predicate about private inputs",
		 .text = "Inputs and blindings are kept nowhere.",
		 .request = "{predicate_type: network_policy|mime_type|model_hash|compliance_check|"
			    "range_proof|set_membership|predicate, conditions: [object] ..32,"
			    " private_inputs: object, domain?: string 1..255 = fog,"
			    " context?: string ..255 (a random one otherwise),"
			    " expires_seconds?: integer 1..604800 = 3600,"
			    " return_secrets?: boolean, ...}",
		 .answer = "{satisfied: boolean, valid: boolean, predicate_type: string,"
			   " predicate: string, proof: object|null, commitments?: {*: hex64},"
			   " reason: string, secrets?: object, generation_time_ms?: number,"
			   " verification_time?: number, verification_time_ms?: number}")},
};

int fog_host_making_start(struct fog_host *h)
{
	int rc = fog_worker_start(&h->proofs->worker, h->loop, FOG_HOST_MAKING_MAX);

	if (rc == 0)
		fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return rc;
}

void fog_host_making_stop(struct fog_host *h)
{
	if (h->proofs == NULL)
		return;
	fog_worker_stop(h->proofs->worker);
	h->proofs->worker = NULL;
}
