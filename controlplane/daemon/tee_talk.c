/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation between two control planes, as a talk (directory/peering.h). V verifies, A is
 *attested; either may call.
 *
 *	[A -> V  {"talk":"tee","op":"appraise","enclave":ID}]		A calls: ask me about this
 *one V -> A   {"talk":"tee","op":"identify","enclave":ID or ""} A -> V
 *{"op":"identity","kind":"tpm","ak":hex,"ek_cert":hex}	the last two of a TPM V -> A
 *{"op":"challenge","nonce":hex} or {"op":"challenge","blob":hex,"seed":hex} A -> V
 *{"op":"evidence","evidence":text} V -> A   {"op":"result","result":token} any
 *{"op":"refused","reason":text}
 *
 * The nonce of a TPM that its maker certifies goes out sealed: who knows it has proven its key. */
#include <errno.h>
#include <stdarg.h>

#include "controlplane/daemon/enclave.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/jobs/json.h"
#include "controlplane/tee/appraise.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define MESSAGES_MAX 3 /* that one side receives in a talk that goes well */

struct fog_tee_talk {
	LIST_ENTRY(fog_tee_talk) link;
	struct fog_host *h;
	struct fog_talk *t; /* NULL: it has ended */
	bool verifier;      /* we are */
	bool asked;         /* V: the nonce is out */
	bool waiting;       /* A: for our attester, which calls back with this talk */
	u32 messages;       /* that came */
	u8 node[32];        /* of the other host */
	char enclave[FOG_TEE_ID_SIZE];
	struct fog_tee_question question;
	u8 evidence[32]; /* A: what we gave */
	fog_tee_verdict_fn *done;
	void *ctx;
};

static void done(struct fog_tee_talk *k, const struct fog_tee_ear *ear, const char *token,
		 const char *why)
{
	fog_tee_verdict_fn *fn = k->done;

	k->done = NULL;
	if (fn != NULL)
		fn(k->ctx, ear, token, why);
}

/* The attester may still come back to it. */
static void finish(struct fog_tee_talk *k)
{
	if (k->t != NULL)
		fog_talk_close(k->t);
	k->t = NULL;
	if (k->waiting)
		return;
	LIST_REMOVE(k, link);
	fog_wipe(k, sizeof(*k));
	free(k);
}

__attribute__((format(printf, 2, 3))) static void refuse(struct fog_tee_talk *k, const char *fmt,
							 ...)
{
	char why[FOG_TEE_WHY_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (k->t != NULL)
		(void)fog_talk_send(k->t, json_pack("{s:s, s:s}", "op", "refused", "reason", why));
	done(k, NULL, NULL, why);
	finish(k);
}

static void say(struct fog_tee_talk *k, json_t *m)
{
	int rc = fog_talk_send(k->t, m);

	if (rc != 0)
		refuse(k, "cannot answer: %s", strerror(-rc));
}

/* Whose control key it is. */
static bool node_of(struct fog_host *h, const u8 control_pk[32], u8 node[32])
{
	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (memcmp(d->control_pk, control_pk, 32) == 0) {
			memcpy(node, d->node_id, 32);
			return true;
		}
	}
	return false;
}

/* ---- the verifier --------------------------------------------------------------------------- */

/* Sealed where it can be: the AK and certificate are the other side's word, the seal is not. */
static bool challenge_seal(struct fog_tee_talk *k, const json_t *m, struct fog_tee_credential *out)
{
	const struct fog_host_tee *t = k->h->tee;
	bool required = (t->policy.collateral & 1u << FOG_TEE_TPM) != 0;
	u8 ak[FOG_TEE_AK_MAX], cert[FOG_TEE_EK_CERT_MAX], spki[256], name[FOG_TEE_NAME_SIZE];
	long ak_len = fog_tee_hex_bytes(json_object_get(m, "ak"), ak, sizeof(ak));
	long len = fog_tee_hex_bytes(json_object_get(m, "ek_cert"), cert, sizeof(cert));

	if (ak_len <= 0 || len <= 0 ||
	    fog_tee_ak_parse(ak, (size_t)ak_len, spki, sizeof(spki), name) < 0)
		return false;
	fog_hash_sha256(k->question.ak_sha256, ak, (size_t)ak_len);
	k->question.ek_fault = fog_tee_credential_make(
		out, t->makers, cert, (size_t)len, name, k->question.nonce, k->question.asked_s,
		k->question.ek_sha256, t->collateral, required, k->question.ek_why);
	return k->question.ek_fault == FOG_TEE_VALID;
}

static void on_identity(struct fog_tee_talk *k, const json_t *m)
{
	struct fog_tee_question *q = &k->question;
	struct fog_tee_credential c;

	*q = (struct fog_tee_question){.asked_s = fog_loop_now_ms(k->h->loop) / 1000,
				       .enclave = k->enclave};
	fog_random_bytes(q->nonce, sizeof(q->nonce));
	memcpy(q->node, k->node, 32);
	memcpy(q->verifier, k->h->id.node_id, 32);
	memcpy(q->platform, k->h->tee->platform, 32);
	k->asked = true;
	q->endorsed = challenge_seal(k, m, &c);
	say(k, q->endorsed ? json_pack("{s:s, s:o, s:o}", "op", "challenge", "blob",
				       fog_tee_hex_json(c.blob, sizeof(c.blob)), "seed",
				       fog_tee_hex_json(c.seed, sizeof(c.seed)))
			   : json_pack("{s:s, s:o}", "op", "challenge", "nonce",
				       fog_json_hex_new(q->nonce, 32)));
}

static void on_evidence(struct fog_tee_talk *k, const json_t *m)
{
	const char *text = json_string_value(json_object_get(m, "evidence"));
	const struct fog_host_tee *t = k->h->tee;
	struct fog_tee_appraisal *a = malloc(sizeof(*a));
	struct fog_tee_ear ear;

	if (a == NULL || text == NULL) {
		free(a);
		refuse(k, "the evidence is missing");
		return;
	}
	k->question.now_s = fog_loop_now_ms(k->h->loop) / 1000;
	k->question.collateral_why = t->collateral == NULL ? t->collateral_why : "";
	(void)fog_tee_appraise(text, &k->question, &t->policy, t->collateral, a);
	fog_tee_ear_of(&ear, a, &k->question, &t->policy);
	free(a);
	char *token = fog_tee_ear_sign(&ear, k->h->id.sign_sk);
	if (token == NULL) {
		refuse(k, "no memory");
		return;
	}
	/* The other side learns the verdict, whatever it is; nothing is left to say after it. */
	(void)fog_talk_send(k->t, json_pack("{s:s, s:s}", "op", "result", "result", token));
	done(k, &ear, token, ear.why);
	free(token);
	finish(k);
}

/* ---- the attester --------------------------------------------------------------------------- */

/* False: the talk ended while we waited. */
static bool back(struct fog_tee_talk *k)
{
	k->waiting = false;
	if (k->t != NULL)
		return true;
	finish(k);
	return false;
}

static void on_own_identity(void *ctx, int rc, const char *text, const char *why)
{
	struct fog_tee_talk *k = ctx;

	if (!back(k))
		return;
	json_t *m = rc == 0 ? json_loads(text, 0, NULL) : NULL;
	if (m == NULL) {
		refuse(k, "%.200s", why);
		return;
	}
	json_object_set_new(m, "op", json_string("identity"));
	say(k, m);
}

static void on_own_evidence(void *ctx, int rc, const char *text, const char *why)
{
	struct fog_tee_talk *k = ctx;

	if (!back(k))
		return;
	if (rc != 0) {
		refuse(k, "%.200s", why);
		return;
	}
	fog_hash_sha256(k->evidence, text, strlen(text));
	say(k, json_pack("{s:s, s:s}", "op", "evidence", "evidence", text));
}

static void wait_for(struct fog_tee_talk *k, int rc)
{
	k->waiting = rc == 0;
	if (rc != 0)
		refuse(k, "cannot attest now: %s", strerror(-rc));
}

static void on_identify(struct fog_tee_talk *k, const json_t *m)
{
	const char *enclave = json_string_value(json_object_get(m, "enclave"));

	if (enclave == NULL || strlen(enclave) >= sizeof(k->enclave) || !k->h->tee->ready) {
		refuse(k, "%s", k->h->tee->ready ? "which enclave?" : "nothing attests this host");
		return;
	}
	snprintf(k->enclave, sizeof(k->enclave), "%s", enclave);
	wait_for(k, fog_tee_attester_identity(k->h->tee->attester, on_own_identity, k));
}

static void on_challenge(struct fog_tee_talk *k, const json_t *m)
{
	struct fog_tee_request r = {.has_enclave = k->enclave[0] != '\0'};
	struct fog_tee_credential *c = &r.credential;

	r.sealed = json_object_get(m, "blob") != NULL;
	bool good = r.sealed ? fog_tee_hex_bytes(json_object_get(m, "blob"), c->blob,
						 sizeof(c->blob)) == sizeof(c->blob) &&
				       fog_tee_hex_bytes(json_object_get(m, "seed"), c->seed,
							 sizeof(c->seed)) == sizeof(c->seed)
			     : fog_tee_hex_bytes(json_object_get(m, "nonce"), r.nonce, 32) == 32;
	if (!good) {
		refuse(k, "no nonce of 32 bytes");
		return;
	}
	memcpy(r.verifier, k->node, 32);
	if (r.has_enclave && !fog_enclave_launch(k->h, k->enclave, &r.enclave)) {
		refuse(k, "there is no enclave %s", k->enclave);
		return;
	}
	wait_for(k, fog_tee_attester_quote(k->h->tee->attester, &r, on_own_evidence, k));
}

/* The verdict about us, by whom we talked to. */
static void on_result(struct fog_tee_talk *k, const json_t *m)
{
	const char *token = json_string_value(json_object_get(m, "result"));
	char why[FOG_TEE_WHY_SIZE] = "no result";
	struct fog_tee_ear ear;
	int rc = token == NULL
			 ? -EINVAL
			 : fog_tee_ear_verify(&ear, token, fog_loop_now_ms(k->h->loop) / 1000, why);

	if (rc != 0 || memcmp(ear.verifier, k->node, 32) != 0 ||
	    memcmp(ear.node, k->h->id.node_id, 32) != 0 ||
	    memcmp(ear.evidence, k->evidence, 32) != 0) {
		done(k, NULL, NULL, rc != 0 ? why : "the result is about something else");
	} else {
		if (ear.fault == FOG_TEE_VALID && !ear.has_enclave)
			fog_host_tee_given(k->h, k->node, ear.evidence, ear.kind);
		done(k, &ear, token, ear.why);
	}
	finish(k);
}

/* ---- the talk ------------------------------------------------------------------------------- */

static void on_message(void *ctx, struct fog_talk *t, const json_t *m)
{
	static const struct {
		const char *op;
		bool verifier; /* who may receive it */
		void (*fn)(struct fog_tee_talk *k, const json_t *m);
	} ops[] = {
		{"identity", true, on_identity},  {"evidence", true, on_evidence},
		{"identify", false, on_identify}, {"challenge", false, on_challenge},
		{"result", false, on_result},
	};
	const char *op = json_string_value(json_object_get(m, "op"));
	const char *reason = json_string_value(json_object_get(m, "reason"));
	struct fog_tee_talk *k = ctx;

	if (op != NULL && strcmp(op, "refused") == 0) {
		done(k, NULL, NULL, reason != NULL ? reason : "refused");
		finish(k);
		return;
	}
	k->messages++;
	for (u32 i = 0;
	     op != NULL && !k->waiting && k->messages <= MESSAGES_MAX && i < FOG_ARRAY_COUNT(ops);
	     i++)
		/* One question a talk, and evidence only of that. */
		if (ops[i].verifier == k->verifier && strcmp(ops[i].op, op) == 0 &&
		    (!k->verifier || k->asked == (ops[i].fn == on_evidence))) {
			ops[i].fn(k, m);
			return;
		}
	refuse(k, "a message that does not belong here");
}

static void on_end(void *ctx, const char *why)
{
	struct fog_tee_talk *k = ctx;

	k->t = NULL;
	done(k, NULL, NULL, why);
	finish(k);
}

static const struct fog_talk_events events = {on_message, on_end};

static struct fog_tee_talk *talk_new(struct fog_host *h, bool verifier, const char *enclave,
				     fog_tee_verdict_fn *fn, void *ctx)
{
	struct fog_tee_talk *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->h = h;
	k->verifier = verifier;
	k->done = fn;
	k->ctx = ctx;
	snprintf(k->enclave, sizeof(k->enclave), "%s", enclave);
	LIST_INSERT_HEAD(&h->tee->talks, k, link);
	return k;
}

static json_t *first_json(const char *op, const char *enclave)
{
	return json_pack("{s:s, s:s, s:s}", "talk", "tee", "op", op, "enclave", enclave);
}

static int call(struct fog_host *h, const struct fog_descriptor *d, bool verifier,
		const char *enclave, fog_tee_verdict_fn *fn, void *ctx)
{
	struct fog_tee_talk *k = talk_new(h, verifier, enclave, fn, ctx);

	if (k == NULL)
		return -ENOMEM;
	memcpy(k->node, d->node_id, 32);
	int rc = fog_peering_talk(h->peering, &d->control, d->control_pk,
				  first_json(verifier ? "identify" : "appraise", enclave), &events,
				  k, &k->t);
	if (rc != 0) {
		k->done = NULL;
		finish(k);
	}
	return rc;
}

int fog_tee_ask(struct fog_host *h, const struct fog_descriptor *d, const char *enclave,
		fog_tee_verdict_fn *fn, void *ctx)
{
	return call(h, d, true, enclave, fn, ctx);
}

int fog_tee_be_asked(struct fog_host *h, const struct fog_descriptor *d, const char *enclave,
		     fog_tee_verdict_fn *fn, void *ctx)
{
	return call(h, d, false, enclave, fn, ctx);
}

/* Somebody calls: to ask us, or to be asked. */
static bool begin(void *server, struct fog_talk *t, const json_t *first,
		  const struct fog_talk_events **out, void **ctx)
{
	const char *what = json_string_value(json_object_get(first, "talk"));
	const char *op = json_string_value(json_object_get(first, "op"));
	const char *enclave = json_string_value(json_object_get(first, "enclave"));
	struct fog_host *h = server;
	u8 node[32];

	if (h->tee == NULL || what == NULL || strcmp(what, "tee") != 0 || op == NULL ||
	    enclave == NULL || strlen(enclave) >= FOG_TEE_ID_SIZE ||
	    !node_of(h, fog_talk_peer(t), node))
		return false;
	bool verifier = strcmp(op, "appraise") == 0;
	if (!verifier && strcmp(op, "identify") != 0)
		return false;
	struct fog_tee_talk *k = talk_new(h, verifier, enclave, NULL, NULL);
	if (k == NULL)
		return false;
	memcpy(k->node, node, 32);
	k->t = t;
	*out = &events;
	*ctx = k;
	if (verifier)
		say(k, first_json("identify", enclave));
	else
		on_identify(k, first);
	return true;
}

void fog_tee_talks_serve(struct fog_host *h)
{
	fog_peering_serve(h->peering, &(const struct fog_talk_server){begin, h});
}

void fog_tee_talks_stop(struct fog_host *h)
{
	struct fog_tee_talk *k, *next;

	fog_peering_serve(h->peering, &(const struct fog_talk_server){0});
	for (k = LIST_FIRST(&h->tee->talks); k != NULL; k = next) {
		next = LIST_NEXT(k, link);
		k->done = NULL;
		k->waiting = false;
		finish(k);
	}
}
