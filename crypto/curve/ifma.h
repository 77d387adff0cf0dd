/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: the members of the ifma path, see curve.h. */
#ifndef FOG_CRYPTO_IFMA_H
#define FOG_CRYPTO_IFMA_H

#include "crypto/curve/curve.h"

void fog_ifma_x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			  unsigned count);
void fog_ifma_digest_many(u8 (*out)[64], const u8 *const *in, const size_t *len, unsigned count);
void fog_ifma_tag_many(u8 (*out)[32], const u8 *const *in, unsigned count);
void fog_ifma_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
			  unsigned count);
void fog_ifma_challenge_many(struct fog_sc *k, const struct fog_sign_item *const *item,
			     unsigned count);
void fog_ifma_check_many(bool *good, const struct fog_ge_niels *point, const struct fog_sc *s,
			 const struct fog_sc *k, unsigned count);
void fog_ifma_pair(struct fog_ge_ext sum[2], const struct fog_ge_ext p[2], const struct fog_sc *s,
		   const struct fog_ge_ext q[2], const struct fog_sc *c);
void fog_ifma_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		  const struct fog_sc *scalar, unsigned count, void *scratch);
size_t fog_ifma_msm_scratch_size(unsigned count);

#endif
