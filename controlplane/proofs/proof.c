/* SPDX-License-Identifier: BSD-3-Clause */
/* Making, judging and checking proofs. */
#include "controlplane/proofs/proof.h"

#include <errno.h>
#include <stdarg.h>

#include "crypto/check/bytes.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/merkle/merkle.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range.h"

_Static_assert(FOG_PROOF_SLA_SIZE == 32 * (9 + 2 * 5), "one range proof of 32 bits");

__attribute__((format(printf, 3, 4))) static int say(char why[FOG_PROOF_WHY], int rc,
						     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, FOG_PROOF_WHY, format, ap);
	va_end(ap);
	return rc;
}

/* ---- making --------------------------------------------------------------------------------- */

int fog_proof_sign(struct fog_proof *p, const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 text[FOG_PROOF_ENCODED_MAX];

	memcpy(p->issuer, sk + FOG_SIGN_SEED_SIZE, sizeof(p->issuer));
	int len = fog_proof_encode(p, text, sizeof(text));
	if (len < 0)
		return -EINVAL;
	fog_sign(p->signature, text, (size_t)len - sizeof(p->signature), sk);
	return 0;
}

u32 fog_proof_vote_text(const struct fog_proof_audit *a, bool right, u8 out[FOG_PROOF_TEXT_MAX])
{
	static const char label[] = "fog audit vote 1";
	struct fog_writer w = {.at = out, .left = FOG_PROOF_TEXT_MAX};

	fog_write(&w, label, sizeof(label));
	fog_write(&w, a->subject, sizeof(a->subject));
	fog_write(&w, a->roster, sizeof(a->roster));
	fog_write_u64(&w, a->round);
	fog_write_u8(&w, right);
	return (u32)w.done;
}

u32 fog_proof_measurement_text(const struct fog_proof_sla *s, u8 out[FOG_PROOF_TEXT_MAX])
{
	static const char label[] = "fog sla measurement 1";
	struct fog_writer w = {.at = out, .left = FOG_PROOF_TEXT_MAX};

	fog_write(&w, label, sizeof(label));
	fog_write(&w, s->service, sizeof(s->service));
	fog_write(&w, s->measurements, sizeof(s->measurements));
	fog_write_u64(&w, s->from_s);
	fog_write_u64(&w, s->to_s);
	fog_write_u64(&w, s->samples);
	fog_write_u64(&w, s->within);
	fog_write_u64(&w, s->permille);
	fog_write_u64(&w, s->limit_us);
	fog_write(&w, s->commitment, sizeof(s->commitment));
	return (u32)w.done;
}

/* limit * B - C: a commitment to what is left below the limit. */
static int sla_rest(const struct fog_proof_sla *s, u8 out[FOG_RISTRETTO_SIZE])
{
	struct fog_ristretto commitment, limit;
	struct fog_scalar scalar;

	if (fog_ristretto_decode(&commitment, s->commitment) != 0)
		return -EINVAL;
	fog_scalar_from_u64(&scalar, s->limit_us);
	fog_ristretto_mul_base(&limit, &scalar);
	fog_ristretto_sub(&limit, &limit, &commitment);
	fog_ristretto_encode(out, &limit);
	return 0;
}

static void sla_context(const struct fog_proof_sla *s, u8 out[FOG_SHA256_SIZE])
{
	u8 text[FOG_PROOF_TEXT_MAX];

	fog_hash_sha256(out, text, fog_proof_measurement_text(s, text));
}

struct sla_workshop {
	struct fog_range_gens gens;
	struct fog_range_prover prover;
};

int fog_proof_sla_prove(struct fog_proof_sla *s, u64 value_us, const u8 blinding[FOG_SCALAR_SIZE])
{
	u8 context[FOG_SHA256_SIZE], random[FOG_MERLIN_RANDOM_SIZE], made[1][FOG_RISTRETTO_SIZE];
	u64 rest = s->limit_us - value_us;
	struct fog_scalar minus;
	struct fog_range_witness w = {
		.value = &rest, .blinding = &minus, .count = 1, .bits = FOG_PROOF_SLA_BITS};
	struct fog_merlin t;
	size_t len;

	if (value_us > s->limit_us || rest >> FOG_PROOF_SLA_BITS != 0)
		return -ERANGE;
	if (fog_scalar_decode(&minus, blinding) != 0)
		return -EINVAL;
	struct sla_workshop *x = aligned_alloc(64, (sizeof(*x) + 63) & ~(size_t)63);
	if (x == NULL)
		return -ENOMEM;
	fog_scalar_neg(&minus, &minus);
	fog_range_gens_init(&x->gens);
	fog_random_bytes(random, sizeof(random));
	sla_context(s, context);
	fog_check_transcript(&t, FOG_CHECK_RANGE, context, sizeof(context));
	int rc = fog_range_prove(&x->prover, &x->gens, &t, &w, random, made, s->range,
				 sizeof(s->range), &len);
	fog_wipe(&minus, sizeof(minus));
	fog_wipe(&rest, sizeof(rest));
	free(x);
	return rc;
}

/* ---- judging -------------------------------------------------------------------------------- */

void fog_proof_roster_digest(const struct fog_roster_member *roster, u32 count,
			     u8 out[FOG_SHA256_SIZE])
{
	static const char label[] = "fog roster 1";
	struct fog_sha256 h;

	fog_sha256_init(&h);
	fog_sha256_update(&h, label, sizeof(label));
	for (u32 i = 0; i < count; i++) {
		u8 weight[4];

		fog_store_u32(weight, roster[i].weight);
		fog_sha256_update(&h, roster[i].key, sizeof(roster[i].key));
		fog_sha256_update(&h, weight, sizeof(weight));
	}
	fog_sha256_final(&h, out);
}

static bool is_zero(const u8 *p, size_t len)
{
	u8 any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

static int execution_judge(const struct fog_proof_execution *e,
			   const struct fog_proof_policy *policy, char why[FOG_PROOF_WHY])
{
	if (is_zero(e->job, sizeof(e->job)) || is_zero(e->code, sizeof(e->code)))
		return say(why, -EINVAL, "the job or the code is not named");
	if (e->ended_ms < e->started_ms)
		return say(why, -EINVAL, "it ended before it started");
	/* A second of slack for clocks that are read one after the other. */
	if (e->wall_us > (e->ended_ms - e->started_ms + 1000) * 1000)
		return say(why, -EINVAL, "it took longer than from its start to its end");
	if ((e->attestation_kind == 0) != is_zero(e->attestation, sizeof(e->attestation)))
		return say(why, -EINVAL, "attestation and its kind do not go together");
	if (policy->attestation != NULL &&
	    memcmp(policy->attestation, e->attestation, sizeof(e->attestation)) != 0)
		return say(why, -EACCES, "it did not run in the attested slot that is wanted");
	return 0;
}

static const struct fog_roster_member *roster_find(const struct fog_proof_policy *policy,
						   const u8 key[32])
{
	for (u32 i = 0; i < policy->roster_count; i++)
		if (memcmp(policy->roster[i].key, key, 32) == 0)
			return &policy->roster[i];
	return NULL;
}

static bool voted_before(const struct fog_proof_audit *a, u32 i)
{
	for (u32 k = 0; k < i; k++)
		if (memcmp(a->vote[k].auditor, a->vote[i].auditor, 32) == 0)
			return true;
	return false;
}

static int audit_judge(const struct fog_proof_audit *a, const struct fog_proof_policy *policy,
		       char why[FOG_PROOF_WHY])
{
	u64 total = 0, right = 0;
	u8 digest[FOG_SHA256_SIZE];

	if (policy->subject != NULL && memcmp(policy->subject, a->subject, 32) != 0)
		return say(why, -EACCES, "the audit is of something else");
	fog_proof_roster_digest(policy->roster, policy->roster_count, digest);
	if (memcmp(digest, a->roster, sizeof(digest)) != 0)
		return say(why, -EACCES, "the audit is by another roster than the known one");
	for (u32 i = 0; i < policy->roster_count; i++)
		total += policy->roster[i].weight;
	for (u32 i = 0; i < a->votes; i++) {
		const struct fog_roster_member *m = roster_find(policy, a->vote[i].auditor);

		if (m == NULL)
			return say(why, -EACCES, "vote %u is by nobody of the roster", i);
		if (voted_before(a, i))
			return say(why, -EINVAL, "vote %u is the second of its auditor", i);
		right += a->vote[i].right ? m->weight : 0;
	}
	if (total == 0 || right * 100 < total * FOG_PROOF_AUDIT_NUMBER)
		return say(why, -EACCES, "%llu of a weight of %llu agree, less than 0.67",
			   (unsigned long long)right, (unsigned long long)total);
	return 0;
}

static int sla_judge(const struct fog_proof_sla *s, char why[FOG_PROOF_WHY])
{
	if (s->to_s <= s->from_s)
		return say(why, -EINVAL, "the period is empty");
	if (s->samples == 0 || s->samples > UINT32_MAX || s->within > s->samples)
		return say(why, -EINVAL, "the counts of samples make no sense");
	if (s->permille < FOG_PROOF_SLA_PERMILLE || s->permille > 1000)
		return say(why, -EINVAL, "the percentile is not one from 950 to 1000 permille");
	if (s->within * 1000 < s->samples * s->permille)
		return say(why, -EACCES, "%llu of %llu samples are within the limit: too few",
			   (unsigned long long)s->within, (unsigned long long)s->samples);
	return 0;
}

static int batch_judge(const struct fog_proof_batch *b, char why[FOG_PROOF_WHY])
{
	if (b->old_size == 0)
		return b->path.count == 0 && is_zero(b->old_root, sizeof(b->old_root))
			       ? 0
			       : say(why, -EINVAL, "the first batch has nothing before it");
	if (fog_merkle_consistency_verify(b->old_root, b->old_size, b->root, b->size,
					  (const u8(*)[32])b->path.hash, b->path.count) != 0)
		return say(why, -EBADMSG, "the log is not the former one grown");
	return 0;
}

static int inclusion_judge(const struct fog_proof_inclusion *i, char why[FOG_PROOF_WHY])
{
	if (fog_merkle_inclusion_verify(i->root, i->size, i->index, i->leaf,
					(const u8(*)[32])i->path.hash, i->path.count) != 0)
		return say(why, -EBADMSG, "the entry is not in the log of this root");
	return 0;
}

int fog_proof_judge(const struct fog_proof *p, const struct fog_proof_policy *policy,
		    char why[FOG_PROOF_WHY])
{
	why[0] = '\0';
	if (fog_proof_kind_name(p->kind) == NULL)
		return say(why, -EINVAL, "a proof of unknown kind %u", p->kind);
	if (p->issued_s > policy->now_s + FOG_PROOF_AHEAD_MAX_S)
		return say(why, -ETIME, "it is from the future by more than 300 s");
	if (policy->now_s > p->issued_s + FOG_PROOF_AGE_MAX_S)
		return say(why, -ETIME, "it is older than 72 h");
	if (policy->issuer != NULL && memcmp(policy->issuer, p->issuer, 32) != 0)
		return say(why, -EACCES, "it is issued by somebody else");
	switch (p->kind) {
	case FOG_PROOF_EXECUTION:
		return execution_judge(&p->execution, policy, why);
	case FOG_PROOF_AUDIT:
		return audit_judge(&p->audit, policy, why);
	case FOG_PROOF_SLA:
		return sla_judge(&p->sla, why);
	case FOG_PROOF_BATCH:
		return batch_judge(&p->batch, why);
	default:
		return inclusion_judge(&p->inclusion, why);
	}
}

/* ---- checking ------------------------------------------------------------------------------- */

static int check_add(struct fog_proof_checks *c, u16 kind, int len)
{
	if (len < 0 || c->count == FOG_PROOF_CHECKS_MAX)
		return -EINVAL;
	c->request[c->count++] = (struct fog_verifier_request){
		.kind = kind,
		.class = FOG_VERIFY_RECEIPTS,
		.length = (u32)len,
		.payload = c->bytes + c->used,
	};
	c->used += (u32)len;
	return 0;
}

static int signature_add(struct fog_proof_checks *c, const u8 key[32], const u8 signature[64],
			 const void *text, size_t len)
{
	return check_add(c, FOG_CHECK_ED25519,
			 fog_check_put_ed25519(c->bytes + c->used, sizeof(c->bytes) - c->used, key,
					       signature, text, len));
}

static int votes_add(const struct fog_proof_audit *a, struct fog_proof_checks *c)
{
	u8 text[FOG_PROOF_TEXT_MAX];
	int rc = a->votes > FOG_PROOF_VOTES_MAX ? -EINVAL : 0;

	for (u32 i = 0; i < a->votes && rc == 0; i++) {
		const struct fog_proof_vote *v = &a->vote[i];
		u32 len = fog_proof_vote_text(a, v->right != 0, text);

		rc = signature_add(c, v->auditor, v->signature, text, len);
	}
	return rc;
}

static int sla_add(const struct fog_proof_sla *s, struct fog_proof_checks *c)
{
	u8 text[FOG_PROOF_TEXT_MAX], rest[1][FOG_RISTRETTO_SIZE], context[FOG_SHA256_SIZE];
	u32 len = fog_proof_measurement_text(s, text);
	int rc = signature_add(c, s->measurer, s->measured, text, len);

	if (rc == 0)
		rc = sla_rest(s, rest[0]);
	if (rc != 0)
		return rc;
	sla_context(s, context);
	return check_add(c, FOG_CHECK_RANGE,
			 fog_check_put_range(c->bytes + c->used, sizeof(c->bytes) - c->used,
					     FOG_PROOF_SLA_BITS, 1, context, sizeof(context),
					     (const u8(*)[32])rest, s->range, sizeof(s->range)));
}

int fog_proof_checks(const struct fog_proof *p, struct fog_proof_checks *out)
{
	u8 text[FOG_PROOF_ENCODED_MAX];
	int len = fog_proof_encode(p, text, sizeof(text));

	out->count = out->used = 0;
	if (len < 0)
		return -EINVAL;
	int rc = signature_add(out, p->issuer, p->signature, text,
			       (size_t)len - sizeof(p->signature));
	if (rc == 0 && p->kind == FOG_PROOF_AUDIT)
		rc = votes_add(&p->audit, out);
	if (rc == 0 && p->kind == FOG_PROOF_SLA)
		rc = sla_add(&p->sla, out);
	return rc;
}

int fog_proof_verify(struct fog_local_verifier *v, const struct fog_proof *p,
		     const struct fog_proof_policy *policy, char why[FOG_PROOF_WHY])
{
	struct fog_proof_checks *c = malloc(sizeof(*c));
	int rc = c == NULL ? say(why, -ENOMEM, "no memory") : fog_proof_judge(p, policy, why);

	if (rc == 0 && fog_proof_checks(p, c) != 0)
		rc = say(why, -EINVAL, "the commitment is not a group element");
	for (u32 i = 0; rc == 0 && i < c->count; i++) {
		const struct fog_verifier_request *r = &c->request[i];

		if (fog_local_verifier_check(v, r->kind, r->payload, r->length) != 0)
			rc = say(why, -EBADMSG,
				 i == 0                       ? "the issuer's signature is false"
				 : r->kind == FOG_CHECK_RANGE ? "the range proof is false"
				 : p->kind == FOG_PROOF_AUDIT
					 ? "an auditor's signature is false"
					 : "the measurer's signature is false");
	}
	free(c);
	return rc;
}
