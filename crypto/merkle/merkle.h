/* SPDX-License-Identifier: BSD-3-Clause */
/* Merkle trees as RFC 6962 section 2.1 (and RFC 9162) has them: SHA-256, leaf = H(0 | data), node =
 * H(1 | left | right), the left subtree the largest power of two below the size. */
#ifndef FOG_CRYPTO_MERKLE_H
#define FOG_CRYPTO_MERKLE_H

#include "crypto/types.h"

#define FOG_MERKLE_HASH_SIZE 32
#define FOG_MERKLE_PROOF_MAX 64 /* hashes of an inclusion proof in a tree of 2^63 leaves */
#define FOG_MERKLE_SIZE_MAX  (1ull << 63)

void fog_merkle_leaf(u8 out[FOG_MERKLE_HASH_SIZE], const void *data, size_t len);
void fog_merkle_node(u8 out[FOG_MERKLE_HASH_SIZE], const u8 left[FOG_MERKLE_HASH_SIZE],
		     const u8 right[FOG_MERKLE_HASH_SIZE]);

/* Root of `count` leaf hashes; of none: H(""). O(count) hashes, no allocation, no recursion. */
void fog_merkle_root(u8 out[FOG_MERKLE_HASH_SIZE], const u8 (*leaf)[FOG_MERKLE_HASH_SIZE],
		     u64 count);

/* Inclusion proof of leaf `index` among `count` leaf hashes, lowest sibling first. Returns 0,
 * -EINVAL (index >= count) or -ENOSPC. O(count) hashes. */
int fog_merkle_proof(const u8 (*leaf)[FOG_MERKLE_HASH_SIZE], u64 count, u64 index,
		     u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_cap, unsigned *proof_count);

/* Consistency proof (RFC 6962 section 2.1.2): that the first old_count leaf hashes are a tree that
 * grew to all `count`. Returns 0, -EINVAL (0 < old_count <= count does not hold) or -ENOSPC.
 * O(count) hashes. */
int fog_merkle_consistency(const u8 (*leaf)[FOG_MERKLE_HASH_SIZE], u64 old_count, u64 count,
			   u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_cap,
			   unsigned *proof_count);

/* Verifies that leaf_hash is leaf `index` of the tree of `size` leaves with this root. Returns 0,
 * -EINVAL (index >= size, size above FOG_MERKLE_SIZE_MAX, wrong count of hashes) or -EBADMSG. */
int fog_merkle_inclusion_verify(const u8 root[FOG_MERKLE_HASH_SIZE], u64 size, u64 index,
				const u8 leaf_hash[FOG_MERKLE_HASH_SIZE],
				const u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_count);

/* Verifies that the tree of old_size leaves is a prefix of that of new_size. Same errors;
 * the empty tree is a prefix of all and proves nothing: -EINVAL. */
int fog_merkle_consistency_verify(const u8 old_root[FOG_MERKLE_HASH_SIZE], u64 old_size,
				  const u8 new_root[FOG_MERKLE_HASH_SIZE], u64 new_size,
				  const u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_count);

#endif
