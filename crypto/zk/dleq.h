/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs that discrete logarithms are equal, b = k a and d[i] = k c[i] for all i, exactly as RFC
 * 9497 section 2.2 has them for ristretto255-SHA512: 64 bytes for any number of pairs. Sigma.h
 * proves the same in Fog's own format, where it can be joined with other equations. Any thread. */
#ifndef FOG_CRYPTO_ZK_DLEQ_H
#define FOG_CRYPTO_ZK_DLEQ_H

#include "crypto/curve/ristretto.h"

#define FOG_DLEQ_PROOF_SIZE  64
#define FOG_DLEQ_PAIRS_MAX   1024
#define FOG_DLEQ_CONTEXT_MAX 64

/* The RFC's contextString of mode 1 (VOPRF) and mode 2 (POPRF). */
#define FOG_DLEQ_CONTEXT_VOPRF "OPRFV1-\x01-ristretto255-SHA512"
#define FOG_DLEQ_CONTEXT_POPRF "OPRFV1-\x02-ristretto255-SHA512"

struct fog_dleq_statement {
	struct fog_ristretto a, b;     /* b = k a */
	const struct fog_ristretto *c; /* count */
	const struct fog_ristretto *d; /* count; d[i] = k c[i] */
	unsigned count;                /* 1..FOG_DLEQ_PAIRS_MAX */
	const char *context;           /* domain; at most FOG_DLEQ_CONTEXT_MAX bytes */
};

/* hash_to_field of RFC 9497 section 4.1: a scalar from msg, under `label` followed by the context.
 * msg_len at most 512 bytes; more is our bug. */
void fog_dleq_hash_to_scalar(struct fog_scalar *out, const void *msg, size_t msg_len,
			     const char *label, const char *context);

/* r: a fresh uniform scalar, used once, wiped by the caller; two proofs with one r tell k. Constant
 * time in k and r. 0 or -EINVAL (count, context). */
int fog_dleq_prove(u8 proof[FOG_DLEQ_PROOF_SIZE], const struct fog_dleq_statement *s,
		   const struct fog_scalar *k, const struct fog_scalar *r);

/* 0; -EINVAL as above; -EBADMSG when the proof is malformed or wrong. */
int fog_dleq_verify(const struct fog_dleq_statement *s, const u8 proof[FOG_DLEQ_PROOF_SIZE]);

#endif
