/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/enclave.h"

#include <errno.h>
#include <sys/queue.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/enclave_run.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/jobs/json.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/tee/appraise.h"
#include "controlplane/tee/seal.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define ID_DIGITS 12
#define KEPT_NAME "enclaves" /* in the store: those that live */
#define KEPT_SIZE 65536      /* bytes of it; 64 enclaves take a third */
#define TRIES_MAX 8          /* members of the committee that are asked, until one answers */

/* How the verifier came to be chosen. */
enum chosen {
	CHOSEN_NAMED = 1,
	CHOSEN_COMMITTEE,
	CHOSEN_ANY, /* no member of the committee answered, or nobody has shown a lot */
};
static const char *const chosen_names[] = {NULL, "named", "committee", "any"};

enum state {
	STATE_INITIALIZING = 1,
	STATE_CREATED,
	STATE_MEASURED,
	STATE_ATTESTED,
	STATE_RUNNING,
	STATE_TERMINATED,
	STATE_ERROR,
};

static const char *const state_names[] = {NULL,       "initializing", "created",    "measured",
					  "attested", "running",      "terminated", "error"};

struct enclave {
	TAILQ_ENTRY(enclave) link;
	struct fog_host *h;
	struct fog_tee_launch launch;
	char name[64];
	char owner[FOG_JOB_USER_SIZE];
	char why[FOG_TEE_WHY_SIZE]; /* of an error; of the last refusal */
	enum state state;
	u64 created_ms, ended_ms, memory_mb, runs;
	u32 cpu, attest_s;
	u8 measurement[32];
	struct fog_hpke_keys *keys; /* locked; NULL once it has ended */
	struct fog_enclave_program program;
	struct fog_enclave_run *run; /* NULL: not running */
	json_t *result;              /* of the last run */
	bool asking;                 /* a verdict is on its way */
	bool recording;              /* the attester will come back */
	struct fog_exchange *x;      /* of who waits; NULL: nobody */
	struct ev_timer patience;
	enum chosen chosen; /* of the verifier asked last */
	u32 tried;          /* members of the committee */
	u64 committee_epoch;
	char *token; /* the result that it is attested by */
	struct fog_tee_ear ear;
};
TAILQ_HEAD(enclaves, enclave);

struct fog_enclaves {
	struct enclaves all;
	u32 kept; /* that have ended */
	u64 attestations, runs;
};

/* By what attests the host: as many as its guests had room for in the published limits; without
 * encrypted memory as for software. */
static void limits(const struct fog_host *h, struct fog_enclaves_load *out)
{
	switch (fog_tee_attester_kind(h->tee->attester)) {
	case FOG_TEE_SNP:
		out->active_max = 32;
		out->memory_mb_max = 16384;
		break;
	case FOG_TEE_TDX:
		out->active_max = 16;
		out->memory_mb_max = 32768;
		break;
	default:
		out->active_max = 64;
		out->memory_mb_max = 8192;
	}
	if (h->config.tee_enclave_memory_mb != 0)
		out->memory_mb_max = (u64)h->config.tee_enclave_memory_mb;
}

static bool has_ended(const struct enclave *e)
{
	return e->state >= STATE_TERMINATED;
}

static struct enclave *find(struct fog_host *h, const char *id)
{
	struct enclave *e;

	TAILQ_FOREACH(e, &h->tee->enclaves->all, link)
	if (strcmp(e->launch.id, id) == 0)
		return e;
	return NULL;
}

void fog_enclaves_load(const struct fog_host *h, struct fog_enclaves_load *out)
{
	const struct fog_enclaves *s = h->tee->enclaves;
	struct enclave *e;

	*out = (struct fog_enclaves_load){
		.attestations = s->attestations, .runs = s->runs, .store = h->tee->enclave_store};
	limits(h, out);
	TAILQ_FOREACH(e, &s->all, link)
	if (!has_ended(e)) {
		out->active++;
		out->memory_mb += e->memory_mb;
	}
}

bool fog_enclave_launch(struct fog_host *h, const char *id, struct fog_tee_launch *out)
{
	const struct enclave *e = find(h, id);

	if (e == NULL || e->state < STATE_MEASURED || has_ended(e))
		return false;
	*out = e->launch;
	return true;
}

/* ---- view ----------------------------------------------------------------------------------- */

static json_t *attestation_json(const struct enclave *e)
{
	if (e->token == NULL)
		return json_null();
	json_t *o = fog_tee_ear_json(&e->ear);
	json_object_set_new(o, "result", json_string(e->token));
	json_object_set_new(o, "chosen",
			    json_pack("{s:s, s:i, s:I}", "by", chosen_names[e->chosen], "place",
				      (int)e->tried, "epoch", (json_int_t)e->committee_epoch));
	return o;
}

static json_t *secrets_json(const struct enclave *e)
{
	json_t *list = json_array();

	for (u32 i = 0; i < e->program.secret_count; i++)
		json_array_append_new(list, json_string(e->program.secret[i].name));
	return list;
}

static json_t *view(const struct enclave *e)
{
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:I, s:o, s:o, s:o, s:o}", "enclave_id",
		e->launch.id, "name", e->name, "state", state_names[e->state], "reason", e->why,
		"created_ms", (json_int_t)e->created_ms, "memory_mb", (json_int_t)e->memory_mb,
		"cpu_cores", (int)e->cpu, "runs", (json_int_t)e->runs, "measurement",
		fog_json_hex_new(e->measurement, 32), "key", fog_json_hex_new(e->launch.key, 32),
		"attestation", attestation_json(e), "secrets", secrets_json(e));

	json_t *more =
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:O?}", "engine", e->launch.engine, "provider",
			  fog_tee_kind_name(fog_tee_attester_kind(e->h->tee->attester)),
			  "code_sha256", fog_json_hex_new(e->launch.code, 32), "config_sha256",
			  fog_json_hex_new(e->launch.config, 32), "engine_sha256",
			  fog_json_hex_new(e->launch.engine_sha256, 32), "result", e->result);
	json_object_update_missing(o, more);
	json_decref(more);
	return o;
}

/* One that is the caller's. */
static struct enclave *find_own(struct fog_exchange *x, const char *id)
{
	struct enclave *e = find(fog_exchange_ctx(x), id);

	return e != NULL && fog_exchange_owns(x, e->owner) ? e : NULL;
}

json_t *fog_enclave_json(struct fog_exchange *x, const char *id)
{
	const struct enclave *e = find_own(x, id);

	return e != NULL ? view(e) : NULL;
}

json_t *fog_enclaves_json(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *list = json_array();
	struct enclave *e;

	TAILQ_FOREACH(e, &h->tee->enclaves->all, link)
	if (fog_exchange_owns(x, e->owner))
		json_array_append_new(list, view(e));
	return list;
}

/* ---- who waits ------------------------------------------------------------------------------ */

static void answer(struct enclave *e, const char *message)
{
	struct fog_exchange *x = e->x;

	ev_timer_stop(e->h->loop, &e->patience);
	e->x = NULL;
	if (x != NULL)
		fog_envelope(x, view(e), message);
}

static void answer_problem(struct enclave *e, unsigned status, const char *why)
{
	struct fog_exchange *x = e->x;

	ev_timer_stop(e->h->loop, &e->patience);
	e->x = NULL;
	if (x != NULL)
		fog_exchange_problem(x, status, "%s: %s", e->launch.id, why);
}

static void on_patience(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct enclave *e = w->data;

	if (e->state == STATE_RUNNING)
		answer(e, "TEE execute operation goes on");
	else
		answer_problem(e, 504, "no verdict in attestation_timeout; it may still come");
}

static void wait_begin(struct enclave *e, struct fog_exchange *x, double seconds)
{
	e->x = x;
	ev_timer_set(&e->patience, seconds, 0.0);
	ev_timer_start(e->h->loop, &e->patience);
}

/* ---- what outlives a restart ------------------------------------------------------------------
 */

/* Nothing of an enclave does but that it was there: its owner shall learn what became of it. */
static void keep(struct fog_host *h)
{
	json_t *list = json_array();
	struct enclave *e;

	TAILQ_FOREACH(e, &h->tee->enclaves->all, link)
	if (!has_ended(e))
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I}", "enclave_id",
					e->launch.id, "owner", e->owner, "name", e->name, "engine",
					e->launch.engine, "measurement",
					fog_json_hex_new(e->measurement, 32), "created_ms",
					(json_int_t)e->created_ms, "memory_mb",
					(json_int_t)e->memory_mb, "runs", (json_int_t)e->runs));
	char *text = json_dumps(list, JSON_COMPACT);
	if (text == NULL || fog_store_set(h->store, KEPT_NAME, text, strlen(text)) != 0)
		fog_log(FOG_LOG_WARNING, "tee", "the list of enclaves is not stored");
	free(text);
	json_decref(list);
}

static void recall_one(struct fog_host *h, const json_t *o)
{
	struct enclave *e = calloc(1, sizeof(*e));
	struct fog_json_reader r;

	if (e == NULL)
		return;
	fog_json_begin(&r, o, "");
	fog_json_copy(&r, "enclave_id", e->launch.id, sizeof(e->launch.id));
	fog_json_copy(&r, "owner", e->owner, sizeof(e->owner));
	fog_json_copy(&r, "name", e->name, sizeof(e->name));
	fog_json_copy(&r, "engine", e->launch.engine, sizeof(e->launch.engine));
	fog_json_hex(&r, "measurement", e->measurement, 32);
	e->created_ms = fog_json_u64(&r, "created_ms", 0, 1ull << 52);
	e->memory_mb = fog_json_u64(&r, "memory_mb", 0, FOG_ENCLAVE_MEMORY_MAX);
	e->runs = fog_json_u64(&r, "runs", 0, 1ull << 52);
	e->h = h;
	e->state = STATE_TERMINATED;
	e->ended_ms = fog_loop_now_ms(h->loop);
	snprintf(e->why, sizeof(e->why), "the control plane ended while it lived");
	ev_init(&e->patience, NULL);
	if (!fog_json_ok(&r)) {
		free(e);
		return;
	}
	TAILQ_INSERT_TAIL(&h->tee->enclaves->all, e, link);
	h->tee->enclaves->kept++;
}

static void recall(struct fog_host *h)
{
	char *text = malloc(KEPT_SIZE);
	size_t len = 0, i;
	json_t *o;

	json_t *list =
		text != NULL && fog_store_get(h->store, KEPT_NAME, text, KEPT_SIZE, &len) == 0
			? json_loadb(text, len, 0, NULL)
			: NULL;
	json_array_foreach(list, i, o) recall_one(h, o);
	json_decref(list);
	free(text);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void release(struct fog_enclaves *s, struct enclave *e)
{
	TAILQ_REMOVE(&s->all, e, link);
	json_decref(e->result);
	free(e->token);
	free(e);
}

/* Those that nobody will come back to; the oldest ended goes first. */
static void forget(struct fog_enclaves *s)
{
	struct enclave *e, *next;

	for (e = TAILQ_FIRST(&s->all); e != NULL && s->kept > FOG_ENCLAVES_KEPT; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!has_ended(e) || e->asking || e->recording)
			continue;
		release(s, e);
		s->kept--;
	}
}

static void wipe(struct enclave *e)
{
	fog_enclave_run_end(e->run);
	e->run = NULL;
	fog_enclave_program_wipe(&e->program);
	fog_secret_free(e->keys);
	e->keys = NULL;
}

static void end(struct enclave *e, enum state state, const char *why)
{
	struct fog_host *h = e->h;

	if (has_ended(e))
		return;
	bool launched = e->state >= STATE_MEASURED;
	e->state = state;
	e->ended_ms = fog_loop_now_ms(h->loop);
	snprintf(e->why, sizeof(e->why), "%s", why);
	wipe(e);
	if (launched)
		(void)fog_tee_attester_record(h->tee->attester, FOG_TEE_EVENT_END, e->launch.id,
					      e->measurement, NULL, NULL);
	h->tee->enclaves->kept++;
	keep(h);
	const struct fog_trace *before = fog_trace_current();
	if (e->x != NULL)
		fog_trace_enter(fog_exchange_trace(e->x));
	fog_log(FOG_LOG_NOTICE, "tee", "enclave=%s state=%s reason=\"%s\"", e->launch.id,
		state_names[state], why);
	fog_trace_enter(before);
	if (state == STATE_ERROR)
		answer_problem(e, 409, why);
}

/* What an attestation says of it does not hold any more. */
static void lapse(struct enclave *e, const char *why)
{
	free(e->token);
	e->token = NULL;
	snprintf(e->why, sizeof(e->why), "%s", why);
	if (e->state == STATE_ATTESTED)
		e->state = STATE_MEASURED;
}

static bool is_attested(struct enclave *e)
{
	if (e->token != NULL && fog_loop_now_ms(e->h->loop) / 1000 >= e->ear.expires_s)
		lapse(e, "the attestation has expired");
	return e->token != NULL;
}

void fog_enclaves_tick(struct fog_host *h)
{
	struct enclave *e;

	TAILQ_FOREACH(e, &h->tee->enclaves->all, link)
	{
		if (has_ended(e))
			continue;
		(void)is_attested(e);
		if (e->state >= STATE_MEASURED &&
		    memcmp(e->launch.engine_sha256, h->tee->platform, 32) != 0)
			end(e, STATE_ERROR, "the programs of this host have changed");
	}
	forget(h->tee->enclaves);
}

/* ---- create --------------------------------------------------------------------------------- */

static void on_measured(void *ctx, int rc, const char *text, const char *why)
{
	struct enclave *e = ctx;

	e->recording = false;
	if (has_ended(e))
		return;
	if (rc != 0) {
		end(e, STATE_ERROR, why);
		return;
	}
	e->state = STATE_MEASURED;
	answer(e, "TEE create operation completed");
}

static void id_make(char id[FOG_TEE_ID_SIZE])
{
	char digits[ID_DIGITS + 1];
	u8 random[ID_DIGITS / 2];

	fog_random_bytes(random, sizeof(random));
	fog_hex_encode(random, sizeof(random), digits, sizeof(digits));
	snprintf(id, FOG_TEE_ID_SIZE, "enclave_%s", digits);
}

static int keys_make(struct enclave *e)
{
	u8 ikm[32];

	e->keys = fog_secret_alloc(sizeof(*e->keys));
	if (e->keys == NULL)
		return -ENOMEM;
	fog_random_bytes(ikm, sizeof(ikm));
	fog_hpke_derive(e->keys, ikm, sizeof(ikm));
	fog_wipe(ikm, sizeof(ikm));
	memcpy(e->launch.key, e->keys->pk, 32);
	return 0;
}

/* Everything but the register. */
static int fill(struct enclave *e, const json_t *body, char why[FOG_TEE_WHY_SIZE])
{
	const json_t *config = json_object_get(body, "config");
	const char *name = json_string_value(json_object_get(config, "name"));
	int rc = fog_enclave_program_read(&e->program, body, &e->h->config.worker_engines, why);

	if (rc != 0)
		return rc;
	id_make(e->launch.id);
	snprintf(e->name, sizeof(e->name), "%s", name != NULL ? name : "");
	snprintf(e->launch.engine, sizeof(e->launch.engine), "%s", e->program.engine);
	e->memory_mb = e->program.memory_mb;
	e->cpu = e->program.cpu;
	const json_t *patience = json_object_get(config, "attestation_timeout");
	e->attest_s = patience != NULL ? (u32)json_integer_value(patience) : FOG_ENCLAVE_ATTEST_S;
	memcpy(e->launch.code, e->program.code_sha256, 32);
	memcpy(e->launch.config, e->program.config_sha256, 32);
	memcpy(e->launch.engine_sha256, e->h->tee->platform, 32);
	fog_tee_launch_digest(&e->launch, e->measurement);
	return keys_make(e);
}

static bool room_check(struct fog_host *h, u64 memory_mb, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_enclaves_load load;

	fog_enclaves_load(h, &load);
	if (load.active < load.active_max && load.memory_mb + memory_mb <= load.memory_mb_max)
		return true;
	snprintf(why, FOG_TEE_WHY_SIZE, "%u of %u enclaves and %llu of %llu MiB are taken",
		 load.active, load.active_max, (unsigned long long)load.memory_mb,
		 (unsigned long long)load.memory_mb_max);
	return false;
}

int fog_enclave_create(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct enclave *e = calloc(1, sizeof(*e));
	char why[FOG_TEE_WHY_SIZE] = "no memory";

	if (!h->tee->ready || e == NULL) {
		free(e);
		return fog_exchange_problem(x, 503, "%s", h->tee->ready ? why : h->tee->about);
	}
	e->h = h;
	snprintf(e->owner, sizeof(e->owner), "%s", fog_exchange_subject(x));
	e->state = STATE_INITIALIZING;
	e->created_ms = fog_loop_now_ms(h->loop);
	ev_init(&e->patience, on_patience);
	e->patience.data = e;
	int rc = fill(e, fog_exchange_body(x), why);
	if (rc == 0 && !room_check(h, e->memory_mb, why))
		rc = -ENOSPC;
	if (rc == 0) {
		e->state = STATE_CREATED;
		rc = fog_tee_attester_record(h->tee->attester, FOG_TEE_EVENT_LAUNCH, e->launch.id,
					     e->measurement, on_measured, e);
		if (rc != 0)
			snprintf(why, sizeof(why), "cannot measure it now");
	}
	if (rc != 0) {
		wipe(e);
		free(e);
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", why);
	}
	e->recording = true;
	e->x = x;
	TAILQ_INSERT_TAIL(&h->tee->enclaves->all, e, link);
	keep(h);
	return 0;
}

/* ---- one that is there ---------------------------------------------------------------------- */

/* NULL: answered. */
static struct enclave *named(struct fog_exchange *x)
{
	const json_t *body = fog_exchange_body(x);
	const char *id = json_string_value(json_object_get(body, "enclave_id"));
	struct enclave *e = id != NULL ? find_own(x, id) : NULL;

	if (id == NULL)
		fog_exchange_problem(x, 422, "enclave_id: which one?");
	else if (e == NULL)
		fog_exchange_problem(x, 404, "there is no enclave \"%s\"", id);
	else if (has_ended(e))
		fog_exchange_problem(x, 409, "%s is %s: %s", id, state_names[e->state], e->why);
	else
		return e;
	return NULL;
}

/* ---- attest --------------------------------------------------------------------------------- */

static int ask_next(struct enclave *e);

static void on_verdict(void *ctx, const struct fog_tee_ear *ear, const char *token, const char *why)
{
	struct enclave *e = ctx;

	e->asking = false;
	if (has_ended(e))
		return;
	/* Only who does not answer is passed over: a verdict is a verdict. */
	if (ear == NULL && e->chosen == CHOSEN_COMMITTEE && ask_next(e) == 0)
		return;
	char *copy = ear != NULL && ear->fault == FOG_TEE_VALID ? strdup(token) : NULL;
	if (copy == NULL) {
		lapse(e, why);
		answer_problem(e, ear != NULL ? 409 : 502, why);
		return;
	}
	free(e->token);
	e->token = copy;
	e->ear = *ear;
	e->why[0] = '\0';
	if (e->state == STATE_MEASURED)
		e->state = STATE_ATTESTED;
	e->h->tee->enclaves->attestations++;
	answer(e, "TEE attest operation completed");
}

static int ask(struct enclave *e, const struct fog_descriptor *d, enum chosen chosen)
{
	int rc = fog_tee_be_asked(e->h, d, e->launch.id, on_verdict, e);

	if (rc == 0) {
		e->asking = true;
		e->chosen = chosen;
	}
	return rc;
}

static bool committee_ask(struct enclave *e, const struct fog_committee *c)
{
	while (e->tried < c->count && e->tried < TRIES_MAX) {
		const u8 *id = c->member[e->tried++].node_id;
		const struct fog_signed_descriptor *s = fog_directory_find(e->h->directory, id);
		if (s == NULL || memcmp(id, e->h->id.node_id, 32) == 0)
			continue;
		e->committee_epoch = c->epoch;
		if (ask(e, &s->d, CHOSEN_COMMITTEE) == 0)
			return true;
	}
	return false;
}

/* The next of the committee, in the order that our lot says; after them, once, anybody. */
static int ask_next(struct enclave *e)
{
	struct fog_host *h = e->h;
	struct fog_committee *c = fog_host_committee(h);
	u32 count = fog_directory_count(h->directory);
	u32 at = (u32)fog_rng_below(&h->rng, FOG_MAX(count, 1u));
	bool asked = c != NULL && committee_ask(e, c);

	free(c);
	if (asked)
		return 0;
	e->committee_epoch = 0;
	for (u32 i = 0; i < count; i++) {
		const struct fog_descriptor *d =
			&fog_directory_at(h->directory, (at + i) % count)->d;
		if (memcmp(d->node_id, h->id.node_id, 32) == 0)
			continue;
		fog_log(FOG_LOG_WARNING, "tee",
			"no member of the committee answers: any host verifies enclave=%s",
			e->launch.id);
		return ask(e, d, CHOSEN_ANY);
	}
	return -ENOENT;
}

int fog_enclave_attest(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct enclave *e = named(x);
	const json_t *inputs = json_object_get(fog_exchange_body(x), "inputs");
	const char *text = json_string_value(json_object_get(inputs, "verifier"));
	const struct fog_signed_descriptor *s = NULL;

	if (e == NULL)
		return 0;
	if (text != NULL && fog_directory_lookup(h->directory, text, &s) != 0)
		return fog_exchange_problem(x, 404, "verifier: no host \"%s\" is known", text);
	if (s != NULL && memcmp(s->d.node_id, h->id.node_id, 32) == 0)
		return fog_exchange_problem(x, 409, "verifier: another host must verify it");
	if (e->state < STATE_MEASURED || e->asking || e->x != NULL)
		return fog_exchange_problem(x, 409, "%s is busy", e->launch.id);
	e->tried = 0;
	e->committee_epoch = 0;
	int rc = s != NULL ? ask(e, &s->d, CHOSEN_NAMED) : ask_next(e);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 503,
					    "another host must verify it, and none is known");
	if (rc != 0)
		return fog_exchange_problem(x, 503, "cannot ask the verifier: %s", strerror(-rc));
	wait_begin(e, x, e->attest_s);
	return 0;
}

/* ---- deploy --------------------------------------------------------------------------------- */

static int secret_open(struct enclave *e, const char *name, const json_t *sealed,
		       char why[FOG_TEE_WHY_SIZE])
{
	size_t cap = FOG_TEE_SECRET_MAX + FOG_HPKE_OVERHEAD;
	u8 *bytes = malloc(cap), *secret = NULL;
	long len = bytes != NULL ? fog_tee_hex_bytes(sealed, bytes, cap) : -ENOMEM;
	int rc = -EINVAL;

	snprintf(why, FOG_TEE_WHY_SIZE, "the seal is not for this enclave, key or name");
	if (len > FOG_HPKE_OVERHEAD) {
		size_t size = (size_t)len - FOG_HPKE_OVERHEAD;
		secret = fog_secret_alloc(size);
		rc = secret == NULL ? -ENOMEM
				    : fog_tee_unseal(secret, bytes, (size_t)len, e->keys,
						     e->launch.id, name);
		if (rc == 0)
			rc = fog_enclave_secret_add(&e->program, name, secret, size, why);
	}
	if (rc != 0)
		fog_secret_free(secret);
	free(bytes);
	return rc;
}

int fog_enclave_deploy(struct fog_exchange *x)
{
	struct enclave *e = named(x);
	const json_t *inputs = json_object_get(fog_exchange_body(x), "inputs");
	const char *name = json_string_value(json_object_get(inputs, "name"));
	char why[FOG_TEE_WHY_SIZE];

	if (e == NULL)
		return 0;
	if (name == NULL || !fog_enclave_name_valid(name))
		return fog_exchange_problem(x, 422, "inputs.name: a file name, at most 63 bytes");
	if (!is_attested(e))
		return fog_exchange_problem(
			x, 409, "%s is %s: only an attested enclave takes secrets%s%s",
			e->launch.id, state_names[e->state], e->why[0] != '\0' ? "; " : "", e->why);
	int rc = secret_open(e, name, json_object_get(inputs, "sealed"), why);
	if (rc != 0)
		return fog_exchange_problem(x, rc == -ENOSPC ? 507 : 422, "%s", why);
	return fog_envelope(x, view(e), "TEE deploy operation completed");
}

/* ---- execute -------------------------------------------------------------------------------- */

static void on_ran(void *ctx, json_t *result, const char *why)
{
	struct enclave *e = ctx;

	e->run = NULL;
	e->state = e->token != NULL ? STATE_ATTESTED : STATE_MEASURED;
	json_decref(e->result);
	e->result = result;
	if (result != NULL)
		answer(e, "TEE execute operation completed");
	else
		answer_problem(e, 502, why);
}

int fog_enclave_execute(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct enclave *e = named(x);
	char why[FOG_TEE_WHY_SIZE];

	if (e == NULL)
		return 0;
	if (!is_attested(e))
		return fog_exchange_problem(
			x, 409, "%s is %s: only an attested enclave executes%s%s", e->launch.id,
			state_names[e->state], e->why[0] != '\0' ? "; " : "", e->why);
	if (e->state == STATE_RUNNING || e->asking || e->x != NULL)
		return fog_exchange_problem(x, 409, "%s is busy", e->launch.id);
	struct fog_enclave_order order = {.id = e->launch.id,
					  .number = e->runs + 1,
					  .inputs = json_object_get(fog_exchange_body(x), "inputs"),
					  .done = on_ran,
					  .ctx = e,
					  .kind = e->ear.kind};
	memcpy(order.measurement, e->measurement, 32);
	memcpy(order.evidence, e->ear.evidence, 32);
	int rc = fog_enclave_run_start(&e->run, h, &e->program, &order, why);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", why);
	e->runs++;
	h->tee->enclaves->runs++;
	e->state = STATE_RUNNING;
	wait_begin(e, x, FOG_ENCLAVE_ANSWER_S);
	return 0;
}

int fog_enclave_terminate(struct fog_exchange *x)
{
	struct enclave *e = named(x);

	if (e == NULL)
		return 0;
	answer_problem(e, 409, "it was terminated");
	end(e, STATE_TERMINATED, "terminated");
	int rc = fog_envelope(x, view(e), "TEE terminate operation completed");
	forget(e->h->tee->enclaves);
	return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

int fog_enclaves_start(struct fog_host *h)
{
	struct fog_enclaves *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	TAILQ_INIT(&s->all);
	h->tee->enclaves = s;
	fog_enclave_store_clean(h);
	recall(h);
	keep(h);
	return 0;
}

/* The attester and the talks are gone: nobody comes back. */
void fog_enclaves_stop(struct fog_host *h)
{
	struct fog_enclaves *s = h->tee->enclaves;
	struct enclave *e;

	if (s == NULL)
		return;
	while ((e = TAILQ_FIRST(&s->all)) != NULL) {
		answer_problem(e, 503, "the control plane stops");
		wipe(e);
		release(s, e);
	}
	fog_enclave_store_clean(h);
	free(s);
	h->tee->enclaves = NULL;
}
