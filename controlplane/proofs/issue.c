/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/issue.h"

#include <errno.h>
#include <stdarg.h>
#include <strings.h>

#include "controlplane/proofs/hex.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/merkle/merkle.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "crypto/zk/pedersen.h"

#define TIME_MAX_S (1ll << 40)

__attribute__((format(printf, 3, 4))) static int say(char why[FOG_PROOF_WHY], int rc,
						     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, FOG_PROOF_WHY, format, ap);
	va_end(ap);
	return rc;
}

u32 fog_issue_kind(const char *name)
{
	static const struct {
		const char *name;
		u32 kind;
	} names[] = {
		{"poe", FOG_PROOF_EXECUTION},
		{"poa", FOG_PROOF_AUDIT},
		{"posla", FOG_PROOF_SLA},
		{"merkle_batch", FOG_PROOF_BATCH},
		{"merkle_tree", FOG_PROOF_INCLUSION},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++)
		if (strcasecmp(name, names[i].name) == 0 ||
		    strcasecmp(name, fog_proof_kind_name(names[i].kind)) == 0)
			return names[i].kind;
	return 0;
}

/* A whole number of the statement; def < 0: it must be there. */
static int number_read(const json_t *o, const char *name, i64 min, i64 max, i64 def, u64 *out,
		       char why[FOG_PROOF_WHY])
{
	const json_t *v = json_object_get(o, name);
	i64 n = v != NULL ? json_integer_value(v) : def;

	if ((v != NULL && !json_is_integer(v)) || n < min || n > max)
		return say(why, -EINVAL, "%s wants a whole number from %lld to %lld", name,
			   (long long)min, (long long)max);
	*out = (u64)n;
	return 0;
}

/* ---- audits --------------------------------------------------------------------------------- */

int fog_issue_roster(const json_t *roster, struct fog_roster_member out[FOG_PROOF_VOTES_MAX],
		     u32 *count, char why[FOG_PROOF_WHY])
{
	const char *key;
	json_t *weight;

	*count = 0;
	if (!json_is_object(roster) || json_object_size(roster) > FOG_PROOF_VOTES_MAX)
		return say(why, -EINVAL, "roster wants {key: weight} of at most %d auditors",
			   FOG_PROOF_VOTES_MAX);
	json_object_foreach((json_t *)roster, key, weight)
	{
		struct fog_roster_member *m = &out[(*count)++];
		json_int_t n = json_integer_value(weight);

		if (strlen(key) != 64 || fog_hex_decode(key, m->key, 32) != 0 || n < 1 ||
		    n > UINT32_MAX)
			return say(why, -EINVAL, "roster: \"%.64s\" is no key with a weight", key);
		m->weight = (u32)n;
	}
	return 0;
}

static int votes_read(struct fog_proof_audit *a, const json_t *votes, char why[FOG_PROOF_WHY])
{
	json_t *e;
	size_t i;

	if (votes != NULL &&
	    (!json_is_array(votes) || json_array_size(votes) >= FOG_PROOF_VOTES_MAX))
		return say(why, -EINVAL, "votes wants a list of fewer than %d",
			   FOG_PROOF_VOTES_MAX);
	json_array_foreach((json_t *)votes, i, e)
	{
		struct fog_proof_vote *v = &a->vote[a->votes++];

		if (fog_hex_bytes(json_object_get(e, "auditor"), v->auditor, 32) != 0 ||
		    fog_hex_bytes(json_object_get(e, "signature"), v->signature, 64) != 0 ||
		    !json_is_boolean(json_object_get(e, "right")))
			return say(why, -EINVAL,
				   "vote %zu wants auditor and signature in hex, and right", i);
		v->right = json_is_true(json_object_get(e, "right"));
	}
	return 0;
}

static int audit_fill(struct fog_proof_audit *a, const json_t *statement, const json_t *witness,
		      const json_t *inputs, const u8 sk[64], char why[FOG_PROOF_WHY])
{
	const json_t *verdict = json_object_get(statement, "verdict");
	struct fog_roster_member roster[FOG_PROOF_VOTES_MAX];
	u8 text[FOG_PROOF_TEXT_MAX];
	u32 count;

	if (fog_hex_bytes(json_object_get(statement, "subject"), a->subject, 32) != 0)
		return say(why, -EINVAL, "subject wants the SHA-256 of what was audited, in hex");
	int rc = number_read(statement, "round", 0, INT64_MAX, 0, &a->round, why);
	if (rc == 0)
		rc = fog_issue_roster(json_object_get(inputs, "roster"), roster, &count, why);
	if (rc == 0)
		rc = votes_read(a, json_object_get(witness, "votes"), why);
	if (rc != 0)
		return rc;
	fog_proof_roster_digest(roster, count, a->roster);
	if (json_is_boolean(verdict)) {
		struct fog_proof_vote *v = &a->vote[a->votes++];

		memcpy(v->auditor, sk + FOG_SIGN_SEED_SIZE, 32);
		v->right = json_is_true(verdict);
		fog_sign(v->signature, text, fog_proof_vote_text(a, v->right, text), sk);
	}
	struct fog_proof p = {.kind = FOG_PROOF_AUDIT, .audit = *a};
	const struct fog_proof_policy policy = {.roster = roster, .roster_count = count};
	/* Times are not looked at: both are zero. Votes are checked by whoever takes the proof. */
	return fog_proof_judge(&p, &policy, why) != 0 ? -EINVAL : 0;
}

/* ---- service levels ------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Leaves are the samples in order of measurement, 8 bytes each. */
static int samples_root(const u64 *sample, size_t count, u8 root[32])
{
	u8(*leaf)[32] = malloc(count * sizeof(*leaf));
	u8 bytes[8];

	if (leaf == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		fog_store_u64(bytes, sample[i]);
		fog_merkle_leaf(leaf[i], bytes, sizeof(bytes));
	}
	fog_merkle_root(root, (const u8(*)[32])leaf, count);
	free(leaf);
	return 0;
}

static int sla_commit(struct fog_proof_sla *s, u64 value_us, const u8 sk[64],
		      char why[FOG_PROOF_WHY])
{
	struct fog_ristretto commitment;
	struct fog_scalar value, blinding;
	u8 wide[64], text[FOG_PROOF_TEXT_MAX];

	fog_random_bytes(wide, sizeof(wide));
	fog_scalar_reduce(&blinding, wide);
	fog_wipe(wide, sizeof(wide));
	fog_scalar_from_u64(&value, value_us);
	fog_pedersen_commit(&commitment, &value, &blinding);
	fog_ristretto_encode(s->commitment, &commitment);
	memcpy(s->measurer, sk + FOG_SIGN_SEED_SIZE, 32);
	fog_sign(s->measured, text, fog_proof_measurement_text(s, text), sk);
	int rc = fog_proof_sla_prove(s, value_us, blinding.byte);
	fog_wipe(&value, sizeof(value));
	fog_wipe(&blinding, sizeof(blinding));
	if (rc == -ERANGE)
		return say(why, rc, "the percentile is above limit_us, or 2^32 us below");
	return rc != 0 ? say(why, rc, "the range cannot be proved: %s", strerror(-rc)) : 0;
}

static int sla_measure(struct fog_proof_sla *s, u64 *sample, const json_t *list, const u8 sk[64],
		       char why[FOG_PROOF_WHY])
{
	json_t *e;
	size_t i;

	s->samples = json_array_size(list);
	json_array_foreach((json_t *)list, i, e)
	{
		if (!json_is_integer(e) || json_integer_value(e) < 0)
			return say(why, -EINVAL, "samples_us: number %zu is no time in us", i);
		sample[i] = (u64)json_integer_value(e);
		s->within += sample[i] <= s->limit_us;
	}
	int rc = samples_root(sample, s->samples, s->measurements);
	if (rc != 0)
		return rc;
	qsort(sample, s->samples, sizeof(*sample), compare);
	/* The smallest sample that so many permille do not exceed. */
	u64 rank = (s->samples * s->permille + 999) / 1000;
	return sla_commit(s, sample[rank - 1], sk, why);
}

static int sla_fill(struct fog_proof_sla *s, const json_t *statement, const json_t *witness,
		    const u8 sk[64], char why[FOG_PROOF_WHY])
{
	const char *service = json_string_value(json_object_get(statement, "service"));
	const json_t *list = json_object_get(witness, "samples_us");
	size_t count = json_array_size(list);
	u64 permille;

	if (service == NULL)
		return say(why, -EINVAL, "service wants a text");
	if (count == 0 || count > FOG_ISSUE_SAMPLES_MAX)
		return say(why, -EINVAL, "the witness wants 1 to %d samples_us",
			   FOG_ISSUE_SAMPLES_MAX);
	fog_hash_sha256(s->service, service, strlen(service));
	int rc = number_read(statement, "permille", FOG_PROOF_SLA_PERMILLE, 1000,
			     FOG_PROOF_SLA_PERMILLE, &permille, why);
	if (rc == 0)
		rc = number_read(statement, "limit_us", 1, INT64_MAX, -1, &s->limit_us, why);
	if (rc == 0)
		rc = number_read(statement, "from", 0, TIME_MAX_S, -1, &s->from_s, why);
	if (rc == 0)
		rc = number_read(statement, "to", (i64)s->from_s + 1, TIME_MAX_S, -1, &s->to_s,
				 why);
	if (rc != 0)
		return rc;
	s->permille = (u32)permille;
	u64 *sample = calloc(count, sizeof(*sample));
	if (sample == NULL)
		return -ENOMEM;
	rc = sla_measure(s, sample, list, sk, why);
	fog_wipe(sample, count * sizeof(*sample));
	free(sample);
	return rc;
}

/* ---- logs ----------------------------------------------------------------------------------- */

static int leaf_make(u8 out[32], const json_t *entry)
{
	if (json_is_string(entry)) {
		fog_merkle_leaf(out, json_string_value(entry), json_string_length(entry));
		return 0;
	}
	char *text = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	if (text == NULL)
		return -ENOMEM;
	fog_merkle_leaf(out, text, strlen(text));
	free(text);
	return 0;
}

static int batch_fill(struct fog_proof_batch *b, const json_t *statement, const u8 (*leaf)[32],
		      char why[FOG_PROOF_WHY])
{
	unsigned count = 0;
	int rc = number_read(statement, "old_size", 0, (i64)b->size, 0, &b->old_size, why);

	if (rc != 0)
		return rc;
	fog_merkle_root(b->root, leaf, b->size);
	if (b->old_size == 0)
		return 0;
	fog_merkle_root(b->old_root, leaf, b->old_size);
	rc = fog_merkle_consistency(leaf, b->old_size, b->size, b->path.hash, FOG_PROOF_PATH_MAX,
				    &count);
	b->path.count = count;
	return rc;
}

static int inclusion_fill(struct fog_proof_inclusion *p, const json_t *statement,
			  const u8 (*leaf)[32], char why[FOG_PROOF_WHY])
{
	unsigned count = 0;
	int rc = number_read(statement, "index", 0, (i64)p->size - 1, -1, &p->index, why);

	if (rc != 0)
		return rc;
	fog_merkle_root(p->root, leaf, p->size);
	memcpy(p->leaf, leaf[p->index], 32);
	rc = fog_merkle_proof(leaf, p->size, p->index, p->path.hash, FOG_PROOF_PATH_MAX, &count);
	p->path.count = count;
	return rc;
}

static int log_fill(struct fog_proof *p, const json_t *statement, char why[FOG_PROOF_WHY])
{
	const json_t *entries = json_object_get(statement, "entries");
	size_t count = json_array_size(entries);
	int rc = 0;

	if (count == 0 || count > FOG_ISSUE_ENTRIES_MAX)
		return say(why, -EINVAL, "entries wants a list of 1 to %d", FOG_ISSUE_ENTRIES_MAX);
	u8(*leaf)[32] = malloc(count * sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = leaf_make(leaf[i], json_array_get(entries, i));
	if (rc == 0 && p->kind == FOG_PROOF_BATCH) {
		p->batch.size = count;
		rc = batch_fill(&p->batch, statement, (const u8(*)[32])leaf, why);
	} else if (rc == 0) {
		p->inclusion.size = count;
		rc = inclusion_fill(&p->inclusion, statement, (const u8(*)[32])leaf, why);
	}
	free(leaf);
	return rc;
}

int fog_issue_proof(u32 kind, const json_t *statement, const json_t *witness, const json_t *inputs,
		    const u8 sk[64], u64 now_s, struct fog_proof *out, char why[FOG_PROOF_WHY])
{
	int rc;

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	out->kind = kind;
	out->issued_s = now_s;
	fog_random_bytes(out->id, sizeof(out->id));
	switch (kind) {
	case FOG_PROOF_AUDIT:
		rc = audit_fill(&out->audit, statement, witness, inputs, sk, why);
		break;
	case FOG_PROOF_SLA:
		rc = sla_fill(&out->sla, statement, witness, sk, why);
		break;
	case FOG_PROOF_BATCH:
	case FOG_PROOF_INCLUSION:
		rc = log_fill(out, statement, why);
		break;
	default:
		rc = say(why, -EINVAL, "a proof of this kind is made of something else");
	}
	if (rc == 0)
		rc = fog_proof_sign(out, sk);
	if (rc != 0 && why[0] == '\0')
		say(why, rc, "%s", strerror(-rc));
	return rc;
}
