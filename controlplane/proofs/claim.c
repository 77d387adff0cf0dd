/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/claim.h"

#include "controlplane/proofs/hex.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/zk/pedersen.h"

#include <errno.h>
#include <stdarg.h>

#define CONTEXT_SIZE FOG_SHA256_SIZE

__attribute__((format(printf, 3, 4))) static int say(char why[FOG_PREDICATE_WHY], int rc,
						     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, FOG_PREDICATE_WHY, format, ap);
	va_end(ap);
	return rc;
}

/* Number or text, as committed. */
static int value_scalar(const json_t *value, struct fog_scalar *out, enum fog_attribute_type *type)
{
	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*type = FOG_ATTRIBUTE_NUMBER;
		fog_attribute_number(out, (u64)json_integer_value(value));
		return 0;
	}
	if (json_is_boolean(value)) {
		*type = FOG_ATTRIBUTE_NUMBER;
		fog_attribute_number(out, json_is_true(value));
		return 0;
	}
	if (json_is_string(value) && json_string_length(value) < FOG_PREDICATE_STRING_MAX) {
		*type = FOG_ATTRIBUTE_TEXT;
		fog_attribute_text(out, json_string_value(value));
		return 0;
	}
	return -EINVAL;
}

static json_t *commit_one(const struct fog_scalar *value, json_t *plain)
{
	u8 wide[FOG_UNIFORM_SIZE], text[FOG_RISTRETTO_SIZE];
	struct fog_ristretto commitment;
	struct fog_scalar blinding;

	fog_random_bytes(wide, sizeof(wide));
	fog_scalar_reduce(&blinding, wide);
	fog_pedersen_commit(&commitment, value, &blinding);
	fog_ristretto_encode(text, &commitment);
	json_t *o = json_pack("{s:O, s:o, s:o}", "value", plain, "blinding",
			      fog_hex_json(blinding.byte, sizeof(blinding.byte)), "commitment",
			      fog_hex_json(text, sizeof(text)));
	fog_wipe(wide, sizeof(wide));
	fog_wipe(&blinding, sizeof(blinding));
	return o;
}

int fog_claim_commit(const json_t *values, json_t **secrets, char why[FOG_PREDICATE_WHY])
{
	json_t *attributes = json_object(), *value;
	const char *name;

	*secrets = NULL;
	why[0] = '\0';
	if (!json_is_object(values) || json_object_size(values) == 0 || attributes == NULL) {
		json_decref(attributes);
		return say(why, -EINVAL, "want an object of attributes and their values");
	}
	json_object_foreach((json_t *)values, name, value)
	{
		enum fog_attribute_type type;
		struct fog_scalar scalar;

		if (value_scalar(value, &scalar, &type) != 0) {
			json_decref(attributes);
			return say(why, -EINVAL,
				   "%s: want a number from 0 to 2^63 - 1, a truth value or a text "
				   "of at most 255 bytes",
				   name);
		}
		json_t *one = commit_one(&scalar, value);
		if (one == NULL || json_object_set_new(attributes, name, one) != 0) {
			json_decref(attributes);
			return say(why, -ENOMEM, "no memory");
		}
	}
	*secrets = json_pack("{s:o}", "attributes", attributes);
	return *secrets == NULL ? say(why, -ENOMEM, "no memory") : 0;
}

static void hash_field(struct fog_sha256 *h, const char *text)
{
	u8 len[8];

	fog_store_u64(len, strlen(text));
	fog_sha256_update(h, len, sizeof(len));
	fog_sha256_update(h, text, strlen(text));
}

/* What the proof is bound to beside the statement itself. */
static void context_hash(u8 out[CONTEXT_SIZE], const struct fog_claim_question *q,
			 const struct fog_predicate *p)
{
	struct fog_sha256 h;
	u8 expires[8];

	fog_sha256_init(&h);
	hash_field(&h, FOG_CLAIM_TYPE);
	hash_field(&h, q->domain);
	hash_field(&h, q->context);
	fog_store_u64(expires, q->expires_s);
	fog_sha256_update(&h, expires, sizeof(expires));
	hash_field(&h, q->predicate);
	for (unsigned i = 0; i < p->attributes; i++)
		hash_field(&h, p->attribute[i].name);
	fog_sha256_final(&h, out);
}

static int question_check(const struct fog_claim_question *q, struct fog_predicate *p,
			  char why[FOG_PREDICATE_WHY])
{
	if (q->predicate == NULL)
		return say(why, -EINVAL, "the predicate is missing");
	if (q->domain == NULL || q->domain[0] == '\0' || strlen(q->domain) >= FOG_CLAIM_NAME_MAX)
		return say(why, -EINVAL, "the domain is missing or longer than 255 bytes");
	if (q->context == NULL || strlen(q->context) >= FOG_CLAIM_NAME_MAX)
		return say(why, -EINVAL, "the context is missing or longer than 255 bytes");
	return fog_predicate_compile(p, q->predicate, why);
}

/* ---- proving ----------------------------------------------------------------------------------
 */

struct workshop {
	struct fog_range_gens gens;
	struct fog_statement_prover prover;
	struct fog_predicate predicate;
	struct fog_scalar value[FOG_STATEMENT_ATTRIBUTES_MAX];
	struct fog_scalar blinding[FOG_STATEMENT_ATTRIBUTES_MAX];
	u8 commitment[FOG_STATEMENT_ATTRIBUTES_MAX][FOG_RISTRETTO_SIZE];
	u8 proof[FOG_STATEMENT_PROOF_MAX];
	size_t proof_len;
};

static int secrets_read(struct workshop *w, const json_t *secrets, char why[FOG_PREDICATE_WHY])
{
	const json_t *attributes = json_object_get(secrets, "attributes");

	for (unsigned i = 0; i < w->predicate.attributes; i++) {
		const char *name = w->predicate.attribute[i].name;
		u8 want = w->predicate.attribute[i].type;
		const json_t *o = json_object_get(attributes, name);
		enum fog_attribute_type type;
		u8 bytes[FOG_SCALAR_SIZE];

		if (o == NULL)
			return say(why, -EINVAL, "the secrets lack %s", name);
		if (value_scalar(json_object_get(o, "value"), &w->value[i], &type) != 0)
			return say(why, -EINVAL, "the value of %s cannot be used", name);
		if (want != FOG_ATTRIBUTE_ANY && type != want)
			return say(why, -EINVAL, "%s is a %s, the predicate wants a %s", name,
				   type == FOG_ATTRIBUTE_TEXT ? "text" : "number",
				   want == FOG_ATTRIBUTE_TEXT ? "text" : "number");
		if (fog_hex_bytes(json_object_get(o, "blinding"), bytes, sizeof(bytes)) != 0 ||
		    fog_scalar_decode(&w->blinding[i], bytes) != 0)
			return say(why, -EINVAL, "the blinding of %s is no scalar", name);
		fog_wipe(bytes, sizeof(bytes));
	}
	return 0;
}

static json_t *claim_make(const struct workshop *w, const struct fog_claim_question *q)
{
	json_t *commitments = json_object();

	for (unsigned i = 0; i < w->predicate.attributes; i++)
		json_object_set_new(commitments, w->predicate.attribute[i].name,
				    fog_hex_json(w->commitment[i], FOG_RISTRETTO_SIZE));
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "type", FOG_CLAIM_TYPE, "predicate",
			 q->predicate, "domain", q->domain, "context", q->context, "expires",
			 (json_int_t)q->expires_s, "commitments", commitments, "proof",
			 fog_hex_json(w->proof, w->proof_len));
}

static int prove(struct workshop *w, const struct fog_claim_question *q, const json_t *secrets,
		 char why[FOG_PREDICATE_WHY])
{
	u8 random[FOG_MERLIN_RANDOM_SIZE], context[CONTEXT_SIZE];
	struct fog_merlin t;
	int rc = question_check(q, &w->predicate, why);

	if (rc == 0)
		rc = secrets_read(w, secrets, why);
	if (rc != 0)
		return rc;
	fog_range_gens_init(&w->gens);
	fog_random_bytes(random, sizeof(random));
	context_hash(context, q, &w->predicate);
	fog_check_transcript(&t, FOG_CHECK_STATEMENT, context, sizeof(context));
	rc = fog_statement_prove(&w->prover, &w->gens, &t, &w->predicate.statement, w->value,
				 w->blinding, random, w->commitment, w->proof, sizeof(w->proof),
				 &w->proof_len);
	if (rc == -EDOM)
		return say(why, rc, "the predicate is not true of these values");
	return rc != 0 ? say(why, -EINVAL, "the proof is too large") : 0;
}

int fog_claim_prove(const struct fog_claim_question *q, const json_t *secrets, json_t **claim,
		    char why[FOG_PREDICATE_WHY])
{
	struct workshop *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);

	*claim = NULL;
	why[0] = '\0';
	if (w == NULL)
		return say(why, -ENOMEM, "no memory");
	int rc = prove(w, q, secrets, why);
	if (rc == 0) {
		*claim = claim_make(w, q);
		if (*claim == NULL)
			rc = say(why, -ENOMEM, "no memory");
	}
	fog_wipe(w->value, sizeof(w->value));
	fog_wipe(w->blinding, sizeof(w->blinding));
	free(w);
	return rc;
}

/* ---- verifying --------------------------------------------------------------------------------
 */

static int differs(const char *what, const char *have, const char *want,
		   char why[FOG_PREDICATE_WHY])
{
	if (want == NULL || strcmp(have, want) == 0)
		return 0;
	return say(why, -EINVAL, "the %s is \"%.80s\", expected \"%.80s\"", what, have, want);
}

static int expected_check(const struct fog_claim_question *q, const struct fog_claim_expected *e,
			  char why[FOG_PREDICATE_WHY])
{
	int rc = differs("predicate", q->predicate, e->predicate, why);

	if (rc == 0)
		rc = differs("domain", q->domain, e->domain, why);
	if (rc == 0)
		rc = differs("context", q->context, e->context, why);
	if (rc != 0)
		return rc;
	if (q->expires_s <= e->now_s)
		return say(why, -ETIME, "the claim has expired");
	if (q->expires_s - e->now_s > FOG_CLAIM_LIFE_MAX_S)
		return say(why, -EINVAL, "the claim is good for longer than a week");
	return 0;
}

static int commitments_read(const json_t *claim, const struct fog_predicate *p,
			    const struct fog_claim_expected *e,
			    u8 out[FOG_STATEMENT_ATTRIBUTES_MAX][FOG_RISTRETTO_SIZE],
			    char why[FOG_PREDICATE_WHY])
{
	const json_t *given = json_object_get(claim, "commitments");

	if (json_object_size(given) != p->attributes)
		return say(why, -EINVAL,
			   "the commitments are not those of the predicate's attributes");
	for (unsigned i = 0; i < p->attributes; i++) {
		const char *name = p->attribute[i].name;
		const json_t *text = json_object_get(given, name);
		const json_t *want = json_object_get(e->commitments, name);

		if (fog_hex_bytes(text, out[i], FOG_RISTRETTO_SIZE) != 0)
			return say(why, -EINVAL, "the commitment to %s is not 32 bytes in hex",
				   name);
		if (want != NULL && !json_equal((json_t *)want, (json_t *)text))
			return say(why, -EINVAL, "the commitment to %s is another one", name);
	}
	return 0;
}

static int claim_open(const json_t *claim, const struct fog_claim_expected *e,
		      struct fog_claim_payload *out, struct fog_predicate *p, u8 *proof,
		      char why[FOG_PREDICATE_WHY])
{
	u8 commitment[FOG_STATEMENT_ATTRIBUTES_MAX][FOG_RISTRETTO_SIZE], context[CONTEXT_SIZE];
	const char *type = json_string_value(json_object_get(claim, "type"));
	const json_t *expires = json_object_get(claim, "expires");
	struct fog_claim_question q = {
		.predicate = json_string_value(json_object_get(claim, "predicate")),
		.domain = json_string_value(json_object_get(claim, "domain")),
		.context = json_string_value(json_object_get(claim, "context")),
	};

	if (type == NULL || strcmp(type, FOG_CLAIM_TYPE) != 0)
		return say(why, -EINVAL, "the type is not " FOG_CLAIM_TYPE);
	if (!json_is_integer(expires) || json_integer_value(expires) < 0)
		return say(why, -EINVAL, "expires is no Unix time");
	q.expires_s = (u64)json_integer_value(expires);
	int rc = question_check(&q, p, why);
	if (rc == 0)
		rc = expected_check(&q, e, why);
	if (rc == 0)
		rc = commitments_read(claim, p, e, commitment, why);
	if (rc != 0)
		return rc;
	int len = fog_hex_some(json_object_get(claim, "proof"), proof, FOG_STATEMENT_PROOF_MAX);
	if (len < 0)
		return say(why, -EINVAL, "the proof is not bytes in hex");
	size_t want = fog_statement_proof_len(&p->statement);
	if ((size_t)len != want)
		return say(why, -EINVAL, "the proof has %d bytes, this predicate takes %zu", len,
			   want);
	context_hash(context, &q, p);
	len = fog_check_put_statement(out->bytes, sizeof(out->bytes), &p->statement, context,
				      sizeof(context), (const u8(*)[32])commitment, proof, want);
	if (len < 0)
		return say(why, -EINVAL, "predicate and proof are larger than 32 KiB");
	out->length = (u32)len;
	return 0;
}

int fog_claim_open(const json_t *claim, const struct fog_claim_expected *expected,
		   struct fog_claim_payload *out, char why[FOG_PREDICATE_WHY])
{
	struct fog_predicate *p = malloc(sizeof(*p));
	u8 *proof = malloc(FOG_STATEMENT_PROOF_MAX);
	int rc;

	why[0] = '\0';
	rc = p == NULL || proof == NULL ? say(why, -ENOMEM, "no memory")
					: claim_open(claim, expected, out, p, proof, why);
	free(proof);
	free(p);
	return rc;
}

int fog_claim_verify(struct fog_local_verifier *v, const json_t *claim,
		     const struct fog_claim_expected *expected, char why[FOG_PREDICATE_WHY])
{
	struct fog_claim_payload *payload = malloc(sizeof(*payload));

	if (payload == NULL)
		return say(why, -ENOMEM, "no memory");
	int rc = fog_claim_open(claim, expected, payload, why);
	if (rc == 0 &&
	    fog_local_verifier_check(v, FOG_CHECK_STATEMENT, payload->bytes, payload->length) != 0)
		rc = say(why, -EBADMSG, "the proof is false");
	free(payload);
	return rc;
}
