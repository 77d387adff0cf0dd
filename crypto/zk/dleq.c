/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/dleq.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define SHA512_BLOCK 128
#define MSG_MAX      512
#define LABEL_MAX    32
#define DST_MAX      (LABEL_MAX + FOG_DLEQ_CONTEXT_MAX)

_Static_assert(DST_MAX < 256, "its length is written as one byte");

/* Text under construction, in a buffer that is known to hold it. */
struct text {
	size_t len;
	u8 byte[SHA512_BLOCK + MSG_MAX + DST_MAX + 4];
};

static void put(struct text *t, const void *data, size_t len)
{
	FOG_ASSERT(len <= sizeof(t->byte) - t->len);
	memcpy(t->byte + t->len, data, len);
	t->len += len;
}

static void put_u16(struct text *t, unsigned value)
{
	u8 big_endian[2] = {value >> 8, value};

	put(t, big_endian, sizeof(big_endian));
}

static void put_counted(struct text *t, const void *data, size_t len)
{
	put_u16(t, len);
	put(t, data, len);
}

static void put_point(struct text *t, const struct fog_ristretto *p)
{
	u8 encoded[FOG_RISTRETTO_SIZE];

	fog_ristretto_encode(encoded, p);
	put_counted(t, encoded, sizeof(encoded));
}

/* expand_message_xmd, RFC 9380 section 5.3.1, for 64 bytes: one block of SHA-512. */
void fog_dleq_hash_to_scalar(struct fog_scalar *out, const void *msg, size_t msg_len,
			     const char *label, const char *context)
{
	struct text dst = {0}, t = {.len = SHA512_BLOCK};
	u8 block[FOG_SHA512_SIZE], dst_len;

	FOG_ASSERT(msg_len <= MSG_MAX);
	FOG_ASSERT(strlen(label) <= LABEL_MAX);
	FOG_ASSERT(strlen(context) <= FOG_DLEQ_CONTEXT_MAX);
	put(&dst, label, strlen(label));
	put(&dst, context, strlen(context));
	dst_len = dst.len;
	put(&dst, &dst_len, 1);

	put(&t, msg, msg_len);
	put_u16(&t, sizeof(block));
	put(&t, "\0", 1);
	put(&t, dst.byte, dst.len);
	fog_hash_sha512(block, t.byte, t.len);

	t.len = 0;
	put(&t, block, sizeof(block));
	put(&t, "\1", 1);
	put(&t, dst.byte, dst.len);
	fog_hash_sha512(block, t.byte, t.len);
	fog_scalar_reduce(out, block);
}

static int statement_check(const struct fog_dleq_statement *s)
{
	if (s->count == 0 || s->count > FOG_DLEQ_PAIRS_MAX)
		return -EINVAL;
	return strlen(s->context) > FOG_DLEQ_CONTEXT_MAX ? -EINVAL : 0;
}

/* ComputeComposites: all pairs become one, by weights that are hashes of them; z may be NULL. */
static void composites(const struct fog_dleq_statement *s, struct fog_ristretto *m,
		       struct fog_ristretto *z)
{
	struct text t = {0}, dst = {0};
	struct fog_ristretto term;
	struct fog_scalar weight;
	u8 seed[FOG_SHA512_SIZE];

	put(&dst, "Seed-", 5);
	put(&dst, s->context, strlen(s->context));
	put_point(&t, &s->b);
	put_counted(&t, dst.byte, dst.len);
	fog_hash_sha512(seed, t.byte, t.len);
	fog_ristretto_identity(m);
	if (z != NULL)
		fog_ristretto_identity(z);
	for (unsigned i = 0; i < s->count; i++) {
		t.len = 0;
		put_counted(&t, seed, sizeof(seed));
		put_u16(&t, i);
		put_point(&t, &s->c[i]);
		put_point(&t, &s->d[i]);
		put(&t, "Composite", 9);
		fog_dleq_hash_to_scalar(&weight, t.byte, t.len, "HashToScalar-", s->context);
		fog_ristretto_msm_vartime(&term, &weight, &s->c[i], 1);
		fog_ristretto_add(m, m, &term);
		if (z == NULL)
			continue;
		fog_ristretto_msm_vartime(&term, &weight, &s->d[i], 1);
		fog_ristretto_add(z, z, &term);
	}
}

static void challenge(const struct fog_dleq_statement *s, const struct fog_ristretto *m,
		      const struct fog_ristretto *z, const struct fog_ristretto *t2,
		      const struct fog_ristretto *t3, struct fog_scalar *out)
{
	struct text t = {0};

	put_point(&t, &s->b);
	put_point(&t, m);
	put_point(&t, z);
	put_point(&t, t2);
	put_point(&t, t3);
	put(&t, "Challenge", 9);
	fog_dleq_hash_to_scalar(out, t.byte, t.len, "HashToScalar-", s->context);
}

int fog_dleq_prove(u8 proof[FOG_DLEQ_PROOF_SIZE], const struct fog_dleq_statement *s,
		   const struct fog_scalar *k, const struct fog_scalar *r)
{
	struct fog_ristretto m, z, t2, t3;
	struct fog_scalar c, answer;

	int rc = statement_check(s);
	if (rc != 0)
		return rc;
	composites(s, &m, NULL);
	fog_ristretto_mul(&z, k, &m);
	fog_ristretto_mul(&t2, r, &s->a);
	fog_ristretto_mul(&t3, r, &m);
	challenge(s, &m, &z, &t2, &t3, &c);
	fog_scalar_mul(&answer, &c, k);
	fog_scalar_sub(&answer, r, &answer);
	memcpy(proof, c.byte, FOG_SCALAR_SIZE);
	memcpy(proof + FOG_SCALAR_SIZE, answer.byte, FOG_SCALAR_SIZE);
	return 0;
}

int fog_dleq_verify(const struct fog_dleq_statement *s, const u8 proof[FOG_DLEQ_PROOF_SIZE])
{
	struct fog_ristretto m, z, t2, t3;
	struct fog_scalar scalar[2], expect; /* answer, challenge */

	int rc = statement_check(s);
	if (rc != 0)
		return rc;
	if (fog_scalar_decode(&scalar[1], proof) != 0 ||
	    fog_scalar_decode(&scalar[0], proof + FOG_SCALAR_SIZE) != 0)
		return -EBADMSG;
	composites(s, &m, &z);
	const struct fog_ristretto first[2] = {s->a, s->b}, second[2] = {m, z};
	fog_ristretto_msm_vartime(&t2, scalar, first, 2);
	fog_ristretto_msm_vartime(&t3, scalar, second, 2);
	challenge(s, &m, &z, &t2, &t3, &expect);
	return fog_scalar_equal(&expect, &scalar[1]) ? 0 : -EBADMSG;
}
