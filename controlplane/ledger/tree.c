/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/tree.h"

#include <errno.h>

#include "crypto/hash/hash.h"

struct node {
	u8 hash[FOG_TREE_HASH_SIZE];
	bool leaf, dirty;
};

struct inner {
	struct node n;
	struct node *child[2];
};

struct leaf {
	struct node n;
	u8 key[FOG_TREE_KEY_SIZE];
	u32 len;
	u8 value[];
};

struct fog_tree {
	struct node *root;
	u64 count;
};

static u32 key_bit(const u8 *key, u32 depth)
{
	return (key[depth / 8] >> (7 - depth % 8)) & 1;
}

static void value_hash(const void *value, u32 len, u8 out[FOG_TREE_HASH_SIZE])
{
	fog_hash_blake2b(out, FOG_TREE_HASH_SIZE, NULL, 0, value, len);
}

static void leaf_hash(const u8 *key, const u8 *hash_of_value, u8 out[FOG_TREE_HASH_SIZE])
{
	u8 text[1 + FOG_TREE_KEY_SIZE + FOG_TREE_HASH_SIZE] = {0};

	memcpy(text + 1, key, FOG_TREE_KEY_SIZE);
	memcpy(text + 1 + FOG_TREE_KEY_SIZE, hash_of_value, FOG_TREE_HASH_SIZE);
	fog_hash_blake2b(out, FOG_TREE_HASH_SIZE, NULL, 0, text, sizeof(text));
}

static void inner_hash(const u8 *left, const u8 *right, u8 out[FOG_TREE_HASH_SIZE])
{
	u8 text[1 + 2 * FOG_TREE_HASH_SIZE] = {1};

	memcpy(text + 1, left, FOG_TREE_HASH_SIZE);
	memcpy(text + 1 + FOG_TREE_HASH_SIZE, right, FOG_TREE_HASH_SIZE);
	fog_hash_blake2b(out, FOG_TREE_HASH_SIZE, NULL, 0, text, sizeof(text));
}

static const u8 empty_hash[FOG_TREE_HASH_SIZE];

static const u8 *node_hash(const struct node *n)
{
	return n != NULL ? n->hash : empty_hash;
}

struct fog_tree *fog_tree_new(void)
{
	return calloc(1, sizeof(struct fog_tree));
}

/* Post-order with a stack of the path; a freed child leaves NULL behind. */
static void nodes_free(struct node *root)
{
	struct inner *path[FOG_TREE_DEPTH_MAX + 1];
	struct node *at = root;
	u32 depth = 0;

	while (at != NULL) {
		struct inner *in = (struct inner *)at;
		struct node **next = at->leaf               ? NULL
				     : in->child[0] != NULL ? &in->child[0]
				     : in->child[1] != NULL ? &in->child[1]
							    : NULL;
		if (next != NULL) {
			path[depth++] = in;
			at = *next;
			*next = NULL;
			continue;
		}
		free(at);
		at = depth != 0 ? &path[--depth]->n : NULL;
	}
}

void fog_tree_free(struct fog_tree *t)
{
	if (t == NULL)
		return;
	nodes_free(t->root);
	free(t);
}

u64 fog_tree_count(const struct fog_tree *t)
{
	return t->count;
}

const void *fog_tree_get(const struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE], u32 *len)
{
	const struct node *at = t->root;

	for (u32 depth = 0; at != NULL && !at->leaf; depth++)
		at = ((const struct inner *)at)->child[key_bit(key, depth)];
	const struct leaf *leaf = (const struct leaf *)at;
	if (leaf == NULL || memcmp(leaf->key, key, FOG_TREE_KEY_SIZE) != 0)
		return NULL;
	*len = leaf->len;
	return leaf->value;
}

static struct leaf *leaf_new(const u8 *key, const void *value, u32 len)
{
	struct leaf *leaf = malloc(sizeof(*leaf) + len);

	if (leaf == NULL)
		return NULL;
	leaf->n.leaf = leaf->n.dirty = true;
	memcpy(leaf->key, key, FOG_TREE_KEY_SIZE);
	leaf->len = len;
	memcpy(leaf->value, value, len);
	return leaf;
}

/* A chain of inner nodes from depth down to where the two leaves part. NULL without memory. */
static struct node *fork_new(struct leaf *old, struct leaf *fresh, u32 depth)
{
	struct node *top = NULL, **at = &top;

	for (;; depth++) {
		struct inner *in = calloc(1, sizeof(*in));
		if (in == NULL) {
			nodes_free(top);
			return NULL;
		}
		in->n.dirty = true;
		*at = &in->n;
		u32 a = key_bit(old->key, depth), b = key_bit(fresh->key, depth);
		if (a != b) {
			in->child[a] = &old->n;
			in->child[b] = &fresh->n;
			return top;
		}
		at = &in->child[a];
	}
}

/* Where the key's leaf hangs or would hang. */
static struct node **place_find(struct fog_tree *t, const u8 *key, u32 *depth)
{
	struct node **at = &t->root;

	for (*depth = 0; *at != NULL && !(*at)->leaf; (*depth)++)
		at = &((struct inner *)*at)->child[key_bit(key, *depth)];
	return at;
}

static void path_mark(struct fog_tree *t, const u8 *key)
{
	struct node *at = t->root;

	for (u32 depth = 0; at != NULL && !at->leaf; depth++) {
		at->dirty = true;
		at = ((struct inner *)at)->child[key_bit(key, depth)];
	}
}

int fog_tree_put(struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE], const void *value, u32 len)
{
	u32 depth;

	FOG_ASSERT(len <= FOG_TREE_VALUE_MAX);
	struct node **at = place_find(t, key, &depth);
	struct leaf *old = (struct leaf *)*at;
	bool same = old != NULL && memcmp(old->key, key, FOG_TREE_KEY_SIZE) == 0;
	if (same && old->len == len) {
		memcpy(old->value, value, len);
		old->n.dirty = true;
		path_mark(t, key);
		return 0;
	}
	struct leaf *fresh = leaf_new(key, value, len);
	if (fresh == NULL)
		return -ENOMEM;
	if (same) {
		free(old);
		*at = &fresh->n;
	} else if (old == NULL) {
		*at = &fresh->n;
		t->count++;
	} else {
		struct node *fork = fork_new(old, fresh, depth);
		if (fork == NULL) {
			free(fresh);
			return -ENOMEM;
		}
		*at = fork;
		t->count++;
	}
	path_mark(t, key);
	return 0;
}

/* The parent at the end of path[] has lost a child: a lone leaf moves up, an inner node without
 * children goes. */
static void path_shrink(struct fog_tree *t, struct inner **path, u32 depth)
{
	while (depth != 0) {
		struct inner *in = path[depth - 1];
		struct node *left = in->child[0], *right = in->child[1];
		struct node *only = left == NULL ? right : left;
		if ((left != NULL && right != NULL) || (only != NULL && !only->leaf))
			return;
		struct node **up = depth == 1 ? &t->root
				   : path[depth - 2]->child[0] == &in->n
					   ? &path[depth - 2]->child[0]
					   : &path[depth - 2]->child[1];
		*up = only;
		free(in);
		depth--;
	}
}

int fog_tree_delete(struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE])
{
	struct inner *path[FOG_TREE_DEPTH_MAX];
	struct node **at = &t->root;
	u32 depth = 0, len;

	if (fog_tree_get(t, key, &len) == NULL)
		return -ENOENT;
	path_mark(t, key);
	while (!(*at)->leaf) {
		path[depth] = (struct inner *)*at;
		at = &path[depth]->child[key_bit(key, depth)];
		depth++;
	}
	free(*at);
	*at = NULL;
	t->count--;
	path_shrink(t, path, depth);
	return 0;
}

static void node_rehash(struct node *n)
{
	if (n->leaf) {
		struct leaf *leaf = (struct leaf *)n;
		u8 hash[FOG_TREE_HASH_SIZE];
		value_hash(leaf->value, leaf->len, hash);
		leaf_hash(leaf->key, hash, n->hash);
	} else {
		struct inner *in = (struct inner *)n;
		inner_hash(node_hash(in->child[0]), node_hash(in->child[1]), n->hash);
	}
	n->dirty = false;
}

/* Post-order over marked nodes: children first. */
void fog_tree_root(struct fog_tree *t, u8 root[FOG_TREE_HASH_SIZE])
{
	struct node *stack[2 * FOG_TREE_DEPTH_MAX + 2];
	u32 count = 0;

	if (t->root != NULL && t->root->dirty)
		stack[count++] = t->root;
	while (count != 0) {
		struct node *n = stack[count - 1];
		u32 before = count;
		for (u32 i = 0; !n->leaf && i < 2; i++) {
			struct node *child = ((struct inner *)n)->child[i];
			if (child != NULL && child->dirty)
				stack[count++] = child;
		}
		if (count != before)
			continue;
		node_rehash(n);
		count--;
	}
	memcpy(root, node_hash(t->root), FOG_TREE_HASH_SIZE);
}

static const struct leaf *leftmost(const struct node *n)
{
	while (n != NULL && !n->leaf) {
		const struct inner *in = (const struct inner *)n;
		n = in->child[0] != NULL ? in->child[0] : in->child[1];
	}
	return (const struct leaf *)n;
}

bool fog_tree_next(const struct fog_tree *t, const u8 *after, u8 key[FOG_TREE_KEY_SIZE],
		   const void **value, u32 *len)
{
	const struct node *at = t->root, *right = NULL; /* of the deepest left turn */
	const struct leaf *found;

	for (u32 depth = 0; after != NULL && at != NULL && !at->leaf; depth++) {
		const struct inner *in = (const struct inner *)at;
		u32 bit = key_bit(after, depth);
		if (bit == 0 && in->child[1] != NULL)
			right = in->child[1];
		at = in->child[bit];
	}
	found = leftmost(at);
	if (after != NULL && (found == NULL || memcmp(found->key, after, FOG_TREE_KEY_SIZE) <= 0))
		found = leftmost(right);
	if (found == NULL)
		return false;
	memcpy(key, found->key, FOG_TREE_KEY_SIZE);
	*value = found->value;
	*len = found->len;
	return true;
}

void fog_tree_prove(const struct fog_tree *t, const u8 key[FOG_TREE_KEY_SIZE],
		    struct fog_tree_proof *out)
{
	const struct node *at = t->root;

	FOG_ASSERT(at == NULL || !at->dirty);
	memset(out, 0, sizeof(*out));
	for (; at != NULL && !at->leaf; out->depth++) {
		const struct inner *in = (const struct inner *)at;
		u32 bit = key_bit(key, out->depth);
		memcpy(out->sibling[out->depth], node_hash(in->child[!bit]), FOG_TREE_HASH_SIZE);
		at = in->child[bit];
	}
	const struct leaf *leaf = (const struct leaf *)at;
	if (leaf == NULL) {
		out->end = FOG_TREE_END_EMPTY;
		return;
	}
	value_hash(leaf->value, leaf->len, out->value_hash);
	memcpy(out->other_key, leaf->key, FOG_TREE_KEY_SIZE);
	bool found = memcmp(leaf->key, key, FOG_TREE_KEY_SIZE) == 0;
	out->end = found ? FOG_TREE_END_FOUND : FOG_TREE_END_OTHER;
}

/* The leaf of another key shows absence only if it lies on the way of this one. */
static bool same_way(const u8 *a, const u8 *b, u32 depth)
{
	for (u32 i = 0; i < depth; i++)
		if (key_bit(a, i) != key_bit(b, i))
			return false;
	return true;
}

int fog_tree_verify(const u8 root[FOG_TREE_HASH_SIZE], const u8 key[FOG_TREE_KEY_SIZE],
		    const void *value, u32 len, const struct fog_tree_proof *proof)
{
	u8 hash[FOG_TREE_HASH_SIZE] = {0};

	if (proof->depth > FOG_TREE_DEPTH_MAX ||
	    (value != NULL) != (proof->end == FOG_TREE_END_FOUND))
		return -EINVAL;
	if (proof->end == FOG_TREE_END_FOUND) {
		value_hash(value, len, hash);
		leaf_hash(key, hash, hash);
	} else if (proof->end == FOG_TREE_END_OTHER) {
		if (memcmp(proof->other_key, key, FOG_TREE_KEY_SIZE) == 0 ||
		    !same_way(proof->other_key, key, proof->depth))
			return -EINVAL;
		leaf_hash(proof->other_key, proof->value_hash, hash);
	} else if (proof->end != FOG_TREE_END_EMPTY) {
		return -EINVAL;
	}
	for (u32 depth = proof->depth; depth-- != 0;) {
		const u8 *other = proof->sibling[depth];
		if (key_bit(key, depth) == 0)
			inner_hash(hash, other, hash);
		else
			inner_hash(other, hash, hash);
	}
	return memcmp(hash, root, FOG_TREE_HASH_SIZE) == 0 ? 0 : -EBADMSG;
}

u32 fog_tree_proof_write(const struct fog_tree_proof *proof, u8 out[FOG_TREE_PROOF_SIZE_MAX])
{
	u32 at = 3, map_len = (proof->depth + 7) / 8;

	out[0] = (u8)proof->end;
	fog_store_u16(out + 1, (u16)proof->depth);
	if (proof->end == FOG_TREE_END_OTHER) {
		memcpy(out + at, proof->other_key, FOG_TREE_KEY_SIZE);
		memcpy(out + at + 32, proof->value_hash, FOG_TREE_HASH_SIZE);
		at += 64;
	}
	u8 *map = out + at;
	memset(map, 0, map_len);
	at += map_len;
	for (u32 i = 0; i < proof->depth; i++) {
		if (memcmp(proof->sibling[i], empty_hash, FOG_TREE_HASH_SIZE) == 0)
			continue;
		map[i / 8] |= (u8)(1u << (i % 8));
		memcpy(out + at, proof->sibling[i], FOG_TREE_HASH_SIZE);
		at += FOG_TREE_HASH_SIZE;
	}
	return at;
}

int fog_tree_proof_read(struct fog_tree_proof *out, const u8 *data, size_t len)
{
	size_t at = 3;

	memset(out, 0, sizeof(*out));
	if (len < 3)
		return -EINVAL;
	out->end = data[0];
	out->depth = fog_load_u16(data + 1);
	if (out->end < FOG_TREE_END_EMPTY || out->end > FOG_TREE_END_FOUND ||
	    out->depth > FOG_TREE_DEPTH_MAX)
		return -EINVAL;
	if (out->end == FOG_TREE_END_OTHER) {
		if (len < at + 64)
			return -EINVAL;
		memcpy(out->other_key, data + at, FOG_TREE_KEY_SIZE);
		memcpy(out->value_hash, data + at + 32, FOG_TREE_HASH_SIZE);
		at += 64;
	}
	const u8 *map = data + at;
	at += (out->depth + 7) / 8;
	if (len < at)
		return -EINVAL;
	for (u32 i = 0; i < out->depth; i++) {
		if (((map[i / 8] >> (i % 8)) & 1) == 0)
			continue;
		if (len < at + FOG_TREE_HASH_SIZE)
			return -EINVAL;
		memcpy(out->sibling[i], data + at, FOG_TREE_HASH_SIZE);
		at += FOG_TREE_HASH_SIZE;
	}
	return at == len ? 0 : -EINVAL;
}
