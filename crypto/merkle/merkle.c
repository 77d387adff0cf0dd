/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/merkle/merkle.h"

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#include <errno.h>

#define HASH_SIZE FOG_MERKLE_HASH_SIZE

void fog_merkle_leaf(u8 out[FOG_MERKLE_HASH_SIZE], const void *data, size_t len)
{
	static const u8 prefix = 0;
	struct fog_sha256 s;

	fog_sha256_init(&s);
	fog_sha256_update(&s, &prefix, 1);
	fog_sha256_update(&s, data, len);
	fog_sha256_final(&s, out);
}

void fog_merkle_node(u8 out[FOG_MERKLE_HASH_SIZE], const u8 left[FOG_MERKLE_HASH_SIZE],
		     const u8 right[FOG_MERKLE_HASH_SIZE])
{
	static const u8 prefix = 1;
	struct fog_sha256 s;

	fog_sha256_init(&s);
	fog_sha256_update(&s, &prefix, 1);
	fog_sha256_update(&s, left, HASH_SIZE);
	fog_sha256_update(&s, right, HASH_SIZE);
	fog_sha256_final(&s, out);
}

/* A binary counter of finished subtrees: merging as many as `i` has trailing ones keeps one subtree
 * per set bit of the leaf count. */
void fog_merkle_root(u8 out[FOG_MERKLE_HASH_SIZE], const u8 (*leaf)[FOG_MERKLE_HASH_SIZE],
		     u64 count)
{
	u8 stack[FOG_MERKLE_PROOF_MAX][HASH_SIZE];
	unsigned depth = 0;

	FOG_ASSERT(count <= FOG_MERKLE_SIZE_MAX);
	if (count == 0) {
		fog_hash_sha256(out, NULL, 0);
		return;
	}
	for (u64 i = 0; i < count; i++) {
		memcpy(stack[depth++], leaf[i], HASH_SIZE);
		for (u64 ones = i; ones & 1; ones >>= 1, depth--)
			fog_merkle_node(stack[depth - 2], stack[depth - 2], stack[depth - 1]);
	}
	for (; depth > 1; depth--)
		fog_merkle_node(stack[depth - 2], stack[depth - 2], stack[depth - 1]);
	memcpy(out, stack[0], HASH_SIZE);
}

static void turn_round(u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++) {
		u8 swap[HASH_SIZE];
		memcpy(swap, proof[i], HASH_SIZE);
		memcpy(proof[i], proof[n - 1 - i], HASH_SIZE);
		memcpy(proof[n - 1 - i], swap, HASH_SIZE);
	}
}

/* Descends to the leaf; the sibling met last is the lowest, so the list is turned round after. */
int fog_merkle_proof(const u8 (*leaf)[FOG_MERKLE_HASH_SIZE], u64 count, u64 index,
		     u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_cap, unsigned *proof_count)
{
	unsigned n = 0;

	*proof_count = 0;
	if (index >= count || count > FOG_MERKLE_SIZE_MAX)
		return -EINVAL;
	while (count > 1) {
		u64 left = 1ull << (63 - __builtin_clzll(count - 1));
		if (n == proof_cap)
			return -ENOSPC;
		if (index < left) {
			fog_merkle_root(proof[n++], leaf + left, count - left);
			count = left;
		} else {
			fog_merkle_root(proof[n++], leaf, left);
			leaf += left;
			index -= left;
			count -= left;
		}
	}
	turn_round(proof, n);
	*proof_count = n;
	return 0;
}

/* SUBPROOF of RFC 6962: what recursion would append last is met first. */
int fog_merkle_consistency(const u8 (*leaf)[FOG_MERKLE_HASH_SIZE], u64 old_count, u64 count,
			   u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_cap,
			   unsigned *proof_count)
{
	bool whole = true; /* the old tree is all of what is left: the verifier has its root */
	unsigned n = 0;

	*proof_count = 0;
	if (old_count == 0 || old_count > count || count > FOG_MERKLE_SIZE_MAX)
		return -EINVAL;
	while (old_count != count || !whole) {
		if (n == proof_cap)
			return -ENOSPC;
		if (old_count == count) {
			fog_merkle_root(proof[n++], leaf, count);
			break;
		}
		u64 left = 1ull << (63 - __builtin_clzll(count - 1));
		if (old_count <= left) {
			fog_merkle_root(proof[n++], leaf + left, count - left);
			count = left;
		} else {
			fog_merkle_root(proof[n++], leaf, left);
			leaf += left;
			old_count -= left;
			count -= left;
			whole = false;
		}
	}
	turn_round(proof, n);
	*proof_count = n;
	return 0;
}

/* RFC 9162 section 2.1.3.2. */
int fog_merkle_inclusion_verify(const u8 root[FOG_MERKLE_HASH_SIZE], u64 size, u64 index,
				const u8 leaf_hash[FOG_MERKLE_HASH_SIZE],
				const u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_count)
{
	u8 hash[HASH_SIZE];
	u64 node = index, last = size - 1;

	if (index >= size || size > FOG_MERKLE_SIZE_MAX)
		return -EINVAL;
	memcpy(hash, leaf_hash, HASH_SIZE);
	for (unsigned i = 0; i < proof_count; i++) {
		if (last == 0)
			return -EINVAL;
		if (node & 1 || node == last) {
			fog_merkle_node(hash, proof[i], hash);
			/* No sibling on the right: these levels have no hash in the proof. */
			while (!(node & 1) && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			fog_merkle_node(hash, hash, proof[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	if (last != 0)
		return -EINVAL;
	return fog_equal(hash, root, HASH_SIZE) ? 0 : -EBADMSG;
}

/* RFC 9162 section 2.1.4.2. */
int fog_merkle_consistency_verify(const u8 old_root[FOG_MERKLE_HASH_SIZE], u64 old_size,
				  const u8 new_root[FOG_MERKLE_HASH_SIZE], u64 new_size,
				  const u8 (*proof)[FOG_MERKLE_HASH_SIZE], unsigned proof_count)
{
	u8 old_hash[HASH_SIZE], new_hash[HASH_SIZE];
	u64 node = old_size - 1, last = new_size - 1;
	unsigned i = 0;

	if (old_size == 0 || old_size > new_size || new_size > FOG_MERKLE_SIZE_MAX)
		return -EINVAL;
	if (old_size == new_size) {
		if (proof_count != 0)
			return -EINVAL;
		return fog_equal(old_root, new_root, HASH_SIZE) ? 0 : -EBADMSG;
	}
	for (; node & 1; node >>= 1)
		last >>= 1;
	/* A power of two is a whole subtree of the new tree: its hash is the old root itself. */
	if (node == 0) {
		memcpy(old_hash, old_root, HASH_SIZE);
	} else {
		if (proof_count == 0)
			return -EINVAL;
		memcpy(old_hash, proof[i++], HASH_SIZE);
	}
	memcpy(new_hash, old_hash, HASH_SIZE);
	for (; i < proof_count; i++) {
		if (last == 0)
			return -EINVAL;
		if (node & 1 || node == last) {
			fog_merkle_node(old_hash, proof[i], old_hash);
			fog_merkle_node(new_hash, proof[i], new_hash);
			while (!(node & 1) && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			fog_merkle_node(new_hash, new_hash, proof[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	if (last != 0)
		return -EINVAL;
	return fog_equal(old_hash, old_root, HASH_SIZE) && fog_equal(new_hash, new_root, HASH_SIZE)
		       ? 0
		       : -EBADMSG;
}
