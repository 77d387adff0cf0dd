/* SPDX-License-Identifier: BSD-3-Clause */
/* The authenticated map under the shared ledger: a binary Merkle trie over 256-bit keys.
 *
 *	          root = H(1 | left | right)            bit 0 of the key (the highest of byte 0)
 *	         /                         \
 *	    H(1 | .. | ..)            H(0 | key | H(value))      a subtree of one entry is its leaf
 *	     /          \
 *	  leaf          empty = 32 zero bytes
 *
 * H is BLAKE2b-256. The shape depends on the keys alone, not on the order they came in, so two
 * replicas with the same entries have the same root whatever their histories, and a snapshot is
 *just the list of entries. A proof is the siblings on the way down; the same proof shows that a key
 *is absent: the way ends at an empty subtree or at a leaf of another key. Keys are hashes, so the
 *depth is about log2 of the count; whoever grinds keys that agree in n bits pays 2^n hashes for n
 *levels.
 *
 * Writes mark their path; fog_tree_root() hashes each marked node once, so a block that touches k
 *of n entries costs about k log2(n / k) hashes of one BLAKE2b block. No recursion. One thread. */
#ifndef FOG_LEDGER_TREE_H
#define FOG_LEDGER_TREE_H

#include "crypto/types.h"

#define FOG_TREE_KEY_SIZE  32
#define FOG_TREE_HASH_SIZE 32
#define FOG_TREE_DEPTH_MAX 256
#define FOG_TREE_VALUE_MAX 65536 /* bytes of one value; more is our bug */

struct fog_tree;

/* NULL without memory. */
struct fog_tree *fog_tree_new(void);
void fog_tree_free(struct fog_tree *t); /* NULL is fine */

u64 fog_tree_count(const struct fog_tree *t);

/* The value, valid until the tree is next changed, or NULL. */
const void *fog_tree_get(const struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE], u32 *len);
/* Sets or replaces; copies. 0 or -ENOMEM (nothing changed). */
int fog_tree_put(struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE], const void *value, u32 len);
/* 0 or -ENOENT. */
int fog_tree_delete(struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE]);

/* Root over everything; of the empty tree: zeros. Brings marked hashes up to date. */
void fog_tree_root(struct fog_tree *t, u8 root[FOG_TREE_HASH_SIZE]);

/* The entry with the smallest key above `after` (NULL: the first). False at the end. The value is
 * valid until the tree is next changed. O(depth). */
bool fog_tree_next(const struct fog_tree *t, const u8 *after, u8 key[FOG_TREE_KEY_SIZE],
		   const void **value, u32 *len);

enum fog_tree_end {
	FOG_TREE_END_EMPTY = 1, /* absent: nothing lies that way */
	FOG_TREE_END_OTHER,     /* absent: another key's leaf lies there */
	FOG_TREE_END_FOUND,
};

/* Shows the entry of a key, or that there is none, against a root. */
struct fog_tree_proof {
	enum fog_tree_end end;
	u32 depth;                       /* of the end; siblings from the root down */
	u8 other_key[FOG_TREE_KEY_SIZE]; /* OTHER */
	u8 value_hash[FOG_TREE_HASH_SIZE];
	u8 sibling[FOG_TREE_DEPTH_MAX][FOG_TREE_HASH_SIZE];
};

/* The hashes must be up to date (fog_tree_root() since the last change: asserted). */
void fog_tree_prove(const struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE],
		    struct fog_tree_proof *out);

/* Checks a proof that came from anywhere. value NULL: that the key is absent. 0, -EINVAL
 * (malformed, or it shows the opposite) or -EBADMSG (does not lead to the root). Needs no tree. */
int fog_tree_verify(const u8 root[FOG_TREE_HASH_SIZE], const u8 key[FOG_TREE_KEY_SIZE],
		    const void *value, u32 len, const struct fog_tree_proof *proof);

/* Bytes: u8 end | u16 depth | [other key 32 | value hash 32 when OTHER] | depth siblings, of which
 * those that are empty are left out: a bitmap of ceil(depth / 8) bytes before them says which are
 * there. Returns the length. */
#define FOG_TREE_PROOF_SIZE_MAX (3 + 64 + 32 + FOG_TREE_DEPTH_MAX * FOG_TREE_HASH_SIZE)
u32 fog_tree_proof_write(const struct fog_tree_proof *proof, u8 out[FOG_TREE_PROOF_SIZE_MAX]);
/* 0 or -EINVAL; the whole of len must be used. */
int fog_tree_proof_read(struct fog_tree_proof *out, const u8 *data, size_t len);

#endif
