/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/attester.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/core/worker.h"
#include "controlplane/jobs/json.h"
#include "controlplane/tee/appraise.h"
#include "crypto/mem.h"

enum work_kind {
	WORK_OPEN = 1,
	WORK_PLATFORM,
	WORK_EVENT,
	WORK_IDENTITY,
	WORK_QUOTE,
};

struct work {
	struct fog_tee_attester *attester;
	enum work_kind kind;
	fog_tee_done_fn *done;
	void *ctx;
	struct fog_tee_event event;
	u32 component_count;
	struct fog_tee_component component[FOG_TEE_COMPONENTS_MAX];
	struct fog_tee_request request;
	enum fog_tee_kind opened;
	int rc;
	char *text;
	char why[FOG_TEE_WHY_SIZE];
};

struct fog_tee_attester {
	const struct fog_identity *id;
	struct fog_worker *worker;
	enum fog_tee_kind kind; /* the loop's */
	/* The thread's own. */
	struct fog_tee_provider provider;
	char provider_name[16], tpm[256], tsm_dir[256], certs[256];
	u32 pcr;
	struct fog_tee_log log;
	u32 component_count;
	struct fog_tee_component component[FOG_TEE_COMPONENTS_MAX];
};

/* ---- the thread ----------------------------------------------------------------------------- */

static int extend(struct fog_tee_attester *a, const struct fog_tee_event *e,
		  char why[FOG_TEE_WHY_SIZE])
{
	u8 digest[32];

	fog_tee_event_digest(e, digest);
	return a->provider.ops->extend != NULL ? a->provider.ops->extend(&a->provider, digest, why)
					       : 0;
}

static int reset(struct fog_tee_attester *a, char why[FOG_TEE_WHY_SIZE])
{
	a->log.count = 0;
	return a->provider.ops->reset != NULL ? a->provider.ops->reset(&a->provider, why) : 0;
}

static int record(struct fog_tee_attester *a, const struct fog_tee_event *e,
		  char why[FOG_TEE_WHY_SIZE])
{
	int rc = extend(a, e, why);

	return rc == 0 ? fog_tee_log_add(&a->log, (enum fog_tee_event_kind)e->kind, e->name,
					 e->digest)
		       : rc;
}

/* The platform and what runs, into a register that is zero again. */
static int begin_anew(struct fog_tee_attester *a, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_log old = a->log;
	const struct fog_tee_event *platform = fog_tee_log_platform(&old);
	int rc = reset(a, why);

	if (rc == 0 && platform != NULL)
		rc = record(a, platform, why);
	for (u32 i = 0; rc == 0 && i < old.count; i++)
		if (fog_tee_log_running(&old, old.event[i].name) == &old.event[i])
			rc = record(a, &old.event[i], why);
	if (rc == 0 && a->log.count == FOG_TEE_LOG_MAX) {
		snprintf(why, FOG_TEE_WHY_SIZE, "too many enclaves run");
		rc = -ENOSPC;
	}
	return rc;
}

static int event_add(struct fog_tee_attester *a, const struct fog_tee_event *e,
		     char why[FOG_TEE_WHY_SIZE])
{
	int rc = a->log.count == FOG_TEE_LOG_MAX ? begin_anew(a, why) : 0;

	return rc == 0 ? record(a, e, why) : rc;
}

static int platform_do(struct fog_tee_attester *a, struct work *w)
{
	struct fog_tee_event e = {.kind = FOG_TEE_EVENT_PLATFORM};

	fog_tee_platform(w->component, w->component_count, e.digest);
	int rc = event_add(a, &e, w->why);
	if (rc == 0) {
		a->component_count = w->component_count;
		memcpy(a->component, w->component, sizeof(a->component));
	}
	return rc;
}

static int open_do(struct fog_tee_attester *a, struct work *w)
{
	struct fog_tee_provider_config c = {.provider = a->provider_name,
					    .tpm = a->tpm,
					    .tsm_dir = a->tsm_dir,
					    .certs = a->certs,
					    .pcr = a->pcr};

	fog_tee_provider_close(&a->provider); /* of before */
	int rc = fog_tee_provider_open(&a->provider, &c, w->why);
	if (rc == 0)
		rc = begin_anew(a, w->why);
	if (rc != 0) {
		fog_tee_provider_close(&a->provider);
		return rc;
	}
	w->opened = a->provider.kind;
	w->text = strdup(a->provider.about);
	return w->text != NULL ? 0 : -ENOMEM;
}

static int identity_do(struct fog_tee_attester *a, struct work *w)
{
	json_t *o = NULL;
	int rc = 0;

	if (a->provider.ops->identity != NULL)
		rc = a->provider.ops->identity(&a->provider, &o, w->why);
	else
		o = json_object();
	if (rc == 0) {
		json_object_set_new(o, "kind", json_string(fog_tee_kind_name(a->provider.kind)));
		w->text = fog_json_text(o);
		rc = w->text != NULL ? 0 : -ENOMEM;
	}
	json_decref(o);
	return rc;
}

static u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}

static void statement_fill(const struct fog_tee_attester *a, const struct work *w, const u8 *nonce,
			   struct fog_tee_statement *s)
{
	*s = (struct fog_tee_statement){.kind = a->provider.kind,
					.made_ms = now_ms(),
					.component_count = a->component_count,
					.has_enclave = w->request.has_enclave,
					.enclave = w->request.enclave};
	memcpy(s->nonce, nonce, 32);
	memcpy(s->node, a->id->node_id, 32);
	memcpy(s->verifier, w->request.verifier, 32);
	memcpy(s->component, a->component, sizeof(s->component));
	s->log = a->log;
}

static int quote_do(struct fog_tee_attester *a, struct work *w)
{
	struct fog_tee_statement *s = malloc(sizeof(*s));
	u8 nonce[32], binding[32], signature[64];
	json_t *quote = NULL;
	char *text = NULL;
	int rc = s != NULL ? 0 : -ENOMEM;

	memcpy(nonce, w->request.nonce, 32);
	if (rc == 0 && w->request.sealed)
		rc = a->provider.ops->activate == NULL
			     ? -ENOTSUP
			     : a->provider.ops->activate(&a->provider, &w->request.credential,
							 nonce, w->why);
	if (rc == 0) {
		statement_fill(a, w, nonce, s);
		text = fog_tee_statement_text(s);
		rc = text != NULL ? 0 : -ENOMEM;
	}
	free(s);
	if (rc == 0)
		rc = fog_identity_sign(a->id, FOG_TEE_LABEL, text, strlen(text), signature);
	if (rc == 0) {
		fog_tee_binding(text, binding);
		rc = a->provider.ops->quote(&a->provider, binding, &quote, w->why);
	}
	if (rc == 0) {
		w->text = fog_tee_evidence_text(text, signature, quote);
		rc = w->text != NULL ? 0 : -ENOMEM;
	}
	free(text);
	return rc;
}

static int work_do(struct fog_tee_attester *a, struct work *w)
{
	if (w->kind != WORK_OPEN && a->provider.ops == NULL) {
		snprintf(w->why, sizeof(w->why), "this host has no attester");
		return -ENODEV;
	}
	switch (w->kind) {
	case WORK_OPEN:
		return open_do(a, w);
	case WORK_PLATFORM:
		return platform_do(a, w);
	case WORK_EVENT:
		return event_add(a, &w->event, w->why);
	case WORK_IDENTITY:
		return identity_do(a, w);
	case WORK_QUOTE:
		return quote_do(a, w);
	}
	FOG_UNREACHABLE();
}

static void work_run(void *job)
{
	struct work *w = job;

	w->rc = work_do(w->attester, w);
	if (w->rc != 0 && w->why[0] == '\0')
		snprintf(w->why, sizeof(w->why), "%s", strerror(-w->rc));
}

/* ---- the loop's side ------------------------------------------------------------------------ */

static void work_free(struct work *w)
{
	fog_wipe(&w->request, sizeof(w->request));
	free(w->text);
	free(w);
}

/* Who asked is gone when the attester stops. */
static void work_done(void *job, bool stopped)
{
	struct work *w = job;

	if (!stopped && w->kind == WORK_OPEN && w->rc == 0)
		w->attester->kind = w->opened;
	if (!stopped && w->done != NULL)
		w->done(w->ctx, w->rc, w->text, w->why);
	work_free(w);
}

/* Takes over w; NULL: there was no memory for it. */
static int push(struct fog_tee_attester *a, struct work *w, enum work_kind kind,
		fog_tee_done_fn *done, void *ctx)
{
	if (w == NULL)
		return -ENOMEM;
	w->attester = a;
	w->kind = kind;
	w->done = done;
	w->ctx = ctx;
	int rc = fog_worker_push(a->worker, work_run, work_done, w);
	if (rc != 0)
		work_free(w);
	return rc;
}

int fog_tee_attester_start(struct fog_tee_attester **out, struct ev_loop *loop,
			   const struct fog_tee_provider_config *config,
			   const struct fog_identity *id, fog_tee_done_fn *started, void *ctx)
{
	struct fog_tee_attester *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->id = id;
	a->pcr = config->pcr;
	snprintf(a->provider_name, sizeof(a->provider_name), "%s", config->provider);
	snprintf(a->tpm, sizeof(a->tpm), "%s", config->tpm);
	snprintf(a->tsm_dir, sizeof(a->tsm_dir), "%s", config->tsm_dir);
	snprintf(a->certs, sizeof(a->certs), "%s", config->certs);
	int rc = fog_worker_start(&a->worker, loop, FOG_TEE_QUEUE_MAX);
	if (rc == 0)
		rc = push(a, calloc(1, sizeof(struct work)), WORK_OPEN, started, ctx);
	if (rc == 0) {
		*out = a;
		return 0;
	}
	fog_worker_stop(a->worker);
	free(a);
	return rc;
}

int fog_tee_attester_reopen(struct fog_tee_attester *a, fog_tee_done_fn *done, void *ctx)
{
	return push(a, calloc(1, sizeof(struct work)), WORK_OPEN, done, ctx);
}

void fog_tee_attester_stop(struct fog_tee_attester *a)
{
	if (a == NULL)
		return;
	fog_worker_stop(a->worker);
	fog_tee_provider_close(&a->provider);
	free(a);
}

enum fog_tee_kind fog_tee_attester_kind(const struct fog_tee_attester *a)
{
	return a->kind;
}

int fog_tee_attester_platform(struct fog_tee_attester *a, const struct fog_tee_component *c,
			      u32 count, fog_tee_done_fn *done, void *ctx)
{
	struct work *w = calloc(1, sizeof(*w));

	FOG_ASSERT(count >= 1 && count <= FOG_TEE_COMPONENTS_MAX);
	if (w != NULL) {
		w->component_count = count;
		memcpy(w->component, c, count * sizeof(*c));
	}
	return push(a, w, WORK_PLATFORM, done, ctx);
}

int fog_tee_attester_record(struct fog_tee_attester *a, enum fog_tee_event_kind kind,
			    const char *name, const u8 digest[32], fog_tee_done_fn *done, void *ctx)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w != NULL) {
		w->event.kind = kind;
		snprintf(w->event.name, sizeof(w->event.name), "%s", name);
		memcpy(w->event.digest, digest, 32);
	}
	return push(a, w, WORK_EVENT, done, ctx);
}

int fog_tee_attester_identity(struct fog_tee_attester *a, fog_tee_done_fn *done, void *ctx)
{
	return push(a, calloc(1, sizeof(struct work)), WORK_IDENTITY, done, ctx);
}

int fog_tee_attester_quote(struct fog_tee_attester *a, const struct fog_tee_request *request,
			   fog_tee_done_fn *done, void *ctx)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->request = *request;
	return push(a, w, WORK_QUOTE, done, ctx);
}
