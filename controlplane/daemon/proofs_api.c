/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/proofs_api.h"

#include <errno.h>

#include "controlplane/daemon/envelope.h"
#include "controlplane/proofs/archive.h"
#include "controlplane/proofs/claim.h"
#include "controlplane/proofs/hex.h"
#include "controlplane/proofs/issue.h"
#include "crypto/mem.h"

#define PRUNE_S      3600.0
#define CHECKING_MAX 64 /* requests waiting for the data plane; more: 503 */

static u64 now_s(const struct fog_host *h)
{
	return fog_loop_now_ms(h->loop) / 1000;
}

static const char *text_or(const json_t *o, const char *name, const char *def)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : def;
}

/* ---- checks by the data plane --------------------------------------------------------------- */

/* What is to be told, once its checks are done. */
struct checking {
	struct fog_exchange *x;
	struct fog_host *host;
	json_t *data;           /* of the answer */
	struct fog_proof *take; /* to be remembered when it is good; or NULL */
	const char *message;
	u64 start_ns;
	u32 left;
	int result; /* the first that is not 0 */
};

static void checking_free(struct checking *c)
{
	json_decref(c->data);
	free(c->take);
	free(c);
}

static void verdict_tell(struct checking *c, const char *reason)
{
	struct fog_host_proofs *p = c->host->proofs;
	u64 took_us = (fog_monotonic_ns() - c->start_ns) / 1000;
	bool valid = reason[0] == '\0';

	p->verify_us_mean =
		p->verify_us_mean == 0 ? took_us : (7 * p->verify_us_mean + took_us) / 8;
	p->verified += valid;
	p->refused += !valid;
	json_object_set_new(c->data, "valid", json_boolean(valid));
	json_object_set_new(c->data, "reason", json_string(reason));
	json_object_set_new(c->data, "verification_time", json_real((double)took_us / 1e6));
	json_object_set_new(c->data, "verification_time_ms", json_real((double)took_us / 1e3));
	fog_envelope(c->x, json_incref(c->data), c->message);
	checking_free(c);
}

static void checking_end(struct checking *c)
{
	if (--c->left != 0)
		return;
	c->host->proofs->checking--;
	if (c->result == -ECANCELED) {
		checking_free(c); /* stopping: the gateway has answered */
	} else if (c->result == -EBADMSG || c->result == -EINVAL) {
		verdict_tell(c, c->result == -EBADMSG
					? "a signature or a proof in it is false"
					: "a signature or a proof in it is malformed");
	} else if (c->result != 0) {
		fog_exchange_problem(c->x, 503, "the data plane did not check it in time");
		checking_free(c);
	} else if (c->take != NULL &&
		   fog_proof_archive_put(c->host->store, c->take, now_s(c->host)) == -EALREADY) {
		verdict_tell(c, "it was taken before");
	} else {
		verdict_tell(c, "");
	}
}

static void on_verdict(void *arg, int result)
{
	struct checking *c = arg;

	if (c->result == 0)
		c->result = result;
	checking_end(c);
}

/* NULL: answered. Takes over data and take. */
static struct checking *checking_new(struct fog_exchange *x, json_t *data, struct fog_proof *take,
				     const char *message)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct checking *c = NULL;

	if (fog_dpclient_state(h->dp) != FOG_DPCLIENT_UP)
		fog_exchange_problem(x, 503, "no data plane is attached to check it");
	else if (h->proofs->checking == CHECKING_MAX)
		fog_exchange_problem(x, 503, "%d proofs are being checked", CHECKING_MAX);
	else if (data == NULL || (c = calloc(1, sizeof(*c))) == NULL)
		fog_exchange_problem(x, 500, "no memory");
	if (c == NULL) {
		json_decref(data);
		free(take);
		return NULL;
	}
	h->proofs->checking++;
	*c = (struct checking){.x = x,
			       .host = h,
			       .data = data,
			       .take = take,
			       .message = message,
			       .start_ns = fog_monotonic_ns(),
			       .left = 1};
	return c;
}

static void checking_add(struct checking *c, const struct fog_verifier_request *r)
{
	c->left++;
	int rc = fog_dpclient_check(c->host->dp, r, on_verdict, c, fog_monotonic_ns());
	if (rc != 0)
		on_verdict(c, rc);
	/* Off it goes before the loop sleeps. */
	ev_feed_event(c->host->loop, &c->host->dp_timer, EV_TIMER);
}

/* ---- verify --------------------------------------------------------------------------------- */

/* A proof that is none: an answer, not an error. */
static int refuse(struct fog_exchange *x, const char *kind, const char *why)
{
	struct fog_host *h = fog_exchange_ctx(x);

	h->proofs->refused++;
	return fog_envelope(x,
			    json_pack("{s:b, s:s, s:s, s:f, s:f}", "valid", 0, "kind", kind,
				      "reason", why, "verification_time", 0.0,
				      "verification_time_ms", 0.0),
			    "Proof checked");
}

int fog_host_claim_check(struct fog_exchange *x, const json_t *claim,
			 const struct fog_claim_expected *expected, json_t *data,
			 const char *message)
{
	struct fog_claim_payload *payload = malloc(sizeof(*payload));
	char why[FOG_PREDICATE_WHY] = "no memory";
	int rc = payload != NULL ? fog_claim_open(claim, expected, payload, why) : -ENOMEM;

	if (rc != 0) {
		free(payload);
		json_decref(data);
		return rc == -ENOMEM ? fog_exchange_problem(x, 500, "no memory")
				     : refuse(x, "claim", why);
	}
	struct checking *c = checking_new(x, data, NULL, message);
	if (c != NULL) {
		checking_add(c, &(struct fog_verifier_request){.kind = FOG_CHECK_STATEMENT,
							       .class = FOG_VERIFY_RECEIPTS,
							       .payload = payload->bytes,
							       .length = payload->length});
		checking_end(c);
	}
	free(payload);
	return 0;
}

static int proof_check(struct fog_exchange *x, struct fog_proof *p, bool take)
{
	struct fog_proof_checks *checks = malloc(sizeof(*checks));
	struct fog_proof *copy = take ? malloc(sizeof(*copy)) : NULL;

	if (checks == NULL || (take && copy == NULL) || fog_proof_checks(p, checks) != 0) {
		free(checks);
		free(copy);
		return refuse(x, fog_proof_kind_name(p->kind), "it cannot be checked");
	}
	if (copy != NULL)
		*copy = *p;
	struct checking *c =
		checking_new(x,
			     json_pack("{s:s, s:i}", "kind", fog_proof_kind_name(p->kind), "checks",
				       (int)checks->count),
			     copy, "Proof checked");
	for (u32 i = 0; c != NULL && i < checks->count; i++)
		checking_add(c, &checks->request[i]);
	if (c != NULL)
		checking_end(c);
	free(checks);
	return 0;
}

static bool key_read(struct fog_exchange *x, const char *name, u8 out[32], const u8 **set)
{
	const json_t *v = json_object_get(fog_exchange_body(x), name);

	if (v == NULL || json_is_null(v))
		return true;
	*set = out;
	if (fog_hex_bytes(v, out, 32) == 0)
		return true;
	fog_exchange_problem(x, 400, "%s wants 64 hex digits", name);
	return false;
}

static int verify_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x), *given = json_object_get(body, "proof");
	const json_t *roster_json = json_object_get(body, "roster");
	struct fog_roster_member roster[FOG_PROOF_VOTES_MAX];
	struct fog_proof_policy policy = {.now_s = now_s(h), .roster = roster};
	u8 issuer[32], subject[32], attestation[32];
	char why[FOG_PROOF_WHY] = "";
	struct fog_proof p;

	const json_t *proof = given != NULL ? given : body;
	const char *type = text_or(proof, "type", "");
	if (strcmp(type, FOG_CLAIM_TYPE) == 0) {
		const struct fog_claim_expected e = {
			.predicate = given == NULL ? NULL : text_or(body, "predicate", NULL),
			.domain = given == NULL ? NULL : text_or(body, "domain", NULL),
			.context = given == NULL ? NULL : text_or(body, "context", NULL),
			.commitments = given == NULL ? NULL : json_object_get(body, "commitments"),
			.now_s = now_s(h)};
		return fog_host_claim_check(x, proof, &e,
					    json_pack("{s:s, s:i}", "kind", "claim", "checks", 1),
					    "Claim checked");
	}
	if (type[0] == '\0')
		return fog_exchange_problem(x, 400, "proof wants an object with a type");
	if (given != NULL && (!key_read(x, "issuer", issuer, &policy.issuer) ||
			      !key_read(x, "subject", subject, &policy.subject) ||
			      !key_read(x, "attestation", attestation, &policy.attestation)))
		return 0;
	if (given != NULL && roster_json != NULL &&
	    fog_issue_roster(roster_json, roster, &policy.roster_count, why) != 0)
		return fog_exchange_problem(x, 400, "%s", why);
	if (fog_proof_from_json(&p, proof, why) != 0 || fog_proof_judge(&p, &policy, why) != 0)
		return refuse(x, type, why);
	return proof_check(x, &p, json_is_true(json_object_get(body, "take")));
}

/* ---- archive -------------------------------------------------------------------------------- */

static int proof_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u8 id[FOG_PROOF_ID_SIZE];
	struct fog_proof p;

	if (fog_hex_decode(fog_exchange_param(x, "id"), id, sizeof(id)) != 0)
		return fog_exchange_problem(x, 400, "the id of a proof is 32 hex digits");
	int rc = fog_proof_archive_get(h->store, id, &p);
	if (rc != 0)
		return fog_exchange_problem(x, rc == -ENOENT ? 404 : 500,
					    rc == -ENOENT ? "no proof with this id is kept here"
							  : "the archive cannot be read");
	return fog_exchange_json(x, 200, fog_proof_json(&p));
}

static const struct fog_route routes[] = {
	{"POST", "/v1/fog/proofs/verify", verify_post,
	 FOG_DESCRIBE(
		 "Check a proof or a claim",
		 .text = "The body is one, or {proof, ..} with what the asker insists on.",
		 .request =
			 "{proof?: object, issuer?: hex64|null, subject?: hex64|null,"
			 " attestation?: hex64|null, roster?: {*: integer 1..}, predicate?: string,"
			 " domain?: string, context?: string, commitments?: {*: hex64},"
			 " take?: boolean (remember it and refuse it the next time), ...}",
		 .answer = "{valid: boolean, reason: string, kind: string, checks?: integer,"
			   " verification_time: number (seconds), verification_time_ms: number}")},
	{"GET", "/v1/proofs/{id}", proof_get,
	 FOG_DESCRIBE("A proof that was made or taken here", .path = "id: hex32",
		      .answer = "object")},
};

static void on_prune(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;

	(void)fog_proof_archive_prune(h->store, now_s(h)); /* tried again in an hour */
}

int fog_host_proofs_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	_Static_assert(FOG_STORE_WHY_SIZE <= FOG_HOST_WHY_SIZE, "one buffer for both");
	int rc = fog_proof_archive_open(h->store, why);

	if (rc != 0)
		return rc;
	h->proofs = calloc(1, sizeof(*h->proofs));
	if (h->proofs == NULL)
		return -ENOMEM;
	rc = fog_host_making_start(h);
	if (rc != 0)
		return rc;
	ev_timer_init(&h->proofs->prune_timer, on_prune, PRUNE_S, PRUNE_S);
	h->proofs->prune_timer.data = h;
	ev_timer_start(h->loop, &h->proofs->prune_timer);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return 0;
}

void fog_host_proofs_stop(struct fog_host *h)
{
	if (h->proofs == NULL)
		return;
	ev_timer_stop(h->loop, &h->proofs->prune_timer);
	free(h->proofs);
	h->proofs = NULL;
}
