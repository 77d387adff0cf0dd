/* SPDX-License-Identifier: BSD-3-Clause */
/* The tree against a naive one: a sorted array whose root is computed from scratch. */
#include "controlplane/ledger/tree.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define ENTRIES_MAX 600

struct entry {
	u8 key[32];
	u8 value[64];
	u32 len;
};

static struct entry naive[ENTRIES_MAX];
static u32 naive_count;
static u64 seed;

static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Root of naive[from, to), all of which agree in the first `depth` bits. */
static void naive_root(u32 from, u32 to, u32 depth, u8 out[32])
{
	u8 text[65];

	if (to - from == 1) {
		text[0] = 0;
		memcpy(text + 1, naive[from].key, 32);
		fog_hash_blake2b(text + 33, 32, NULL, 0, naive[from].value, naive[from].len);
		fog_hash_blake2b(out, 32, NULL, 0, text, 65);
		return;
	}
	memset(out, 0, 32);
	if (to == from)
		return;
	u32 middle = from;
	while (middle < to && ((naive[middle].key[depth / 8] >> (7 - depth % 8)) & 1) == 0)
		middle++;
	text[0] = 1;
	naive_root(from, middle, depth + 1, text + 1);
	naive_root(middle, to, depth + 1, text + 33);
	fog_hash_blake2b(out, 32, NULL, 0, text, 65);
}

/* Few distinct bytes at the front, so that keys share long prefixes. */
static void random_key(u8 key[32])
{
	memset(key, 0, 32);
	key[0] = (u8)(next_random() % 3);
	key[4] = (u8)next_random();
	key[31] = (u8)(next_random() % 2);
}

static struct entry *naive_find(const u8 *key)
{
	for (u32 i = 0; i < naive_count; i++)
		if (memcmp(naive[i].key, key, 32) == 0)
			return &naive[i];
	return NULL;
}

static void put(struct fog_tree *t, const u8 *key)
{
	struct entry *e = naive_find(key);

	if (e == NULL) {
		e = &naive[naive_count++];
		memcpy(e->key, key, 32);
	}
	e->len = (u32)(next_random() % 64);
	for (u32 i = 0; i < e->len; i++)
		e->value[i] = (u8)next_random();
	CU_ASSERT_EQUAL(fog_tree_put(t, key, e->value, e->len), 0);
}

static void drop(struct fog_tree *t, const u8 *key)
{
	struct entry *e = naive_find(key);

	CU_ASSERT_EQUAL(fog_tree_delete(t, key), e != NULL ? 0 : -ENOENT);
	if (e != NULL)
		*e = naive[--naive_count];
}

static void check_walk(struct fog_tree *t)
{
	u8 key[32];
	const void *value;
	u32 len, i = 0;

	qsort(naive, naive_count, sizeof(naive[0]), by_key);
	for (; fog_tree_next(t, i == 0 ? NULL : key, key, &value, &len); i++) {
		CU_ASSERT_FATAL(i < naive_count);
		CU_ASSERT(memcmp(key, naive[i].key, 32) == 0 && len == naive[i].len);
		CU_ASSERT(memcmp(value, naive[i].value, len) == 0);
	}
	CU_ASSERT_EQUAL(i, naive_count);
	CU_ASSERT_EQUAL(fog_tree_count(t), naive_count);
}

static void check_proof(struct fog_tree *t, const u8 root[32], const u8 *key)
{
	struct fog_tree_proof proof, read;
	static u8 bytes[FOG_TREE_PROOF_SIZE_MAX];
	struct entry *e = naive_find(key);

	fog_tree_prove(t, key, &proof);
	u32 len = fog_tree_proof_write(&proof, bytes);
	CU_ASSERT_EQUAL_FATAL(fog_tree_proof_read(&read, bytes, len), 0);
	CU_ASSERT_EQUAL(fog_tree_proof_read(&proof, bytes, len - 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_tree_verify(root, key, e != NULL ? e->value : NULL,
					e != NULL ? e->len : 0, &read),
			0);
	/* The opposite, another value, another root: no. */
	CU_ASSERT_EQUAL(fog_tree_verify(root, key, e != NULL ? NULL : "x", 1, &read), -EINVAL);
	if (e != NULL)
		CU_ASSERT_EQUAL(fog_tree_verify(root, key, "another", 7, &read), -EBADMSG);
	u8 other[32];
	memcpy(other, root, 32);
	other[7] ^= 1;
	CU_ASSERT_NOT_EQUAL(fog_tree_verify(other, key, e != NULL ? e->value : NULL,
					    e != NULL ? e->len : 0, &read),
			    0);
}

static void test_life_cycle(void)
{
	struct fog_tree *t = fog_tree_new();
	u8 key[32] = {1}, root[32], zero[32] = {0};
	u32 len;

	fog_tree_root(t, root);
	CU_ASSERT(memcmp(root, zero, 32) == 0);
	CU_ASSERT_EQUAL(fog_tree_put(t, key, "a", 1), 0);
	CU_ASSERT_PTR_NOT_NULL(fog_tree_get(t, key, &len));
	CU_ASSERT_EQUAL(fog_tree_delete(t, key), 0);
	CU_ASSERT_EQUAL(fog_tree_delete(t, key), -ENOENT);
	fog_tree_root(t, root);
	CU_ASSERT(memcmp(root, zero, 32) == 0);
	fog_tree_free(t);
	fog_tree_free(NULL);
}

static void test_random(void)
{
	const char *given = getenv("FOG_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) : 20261128;
	printf("FOG_SEED=%llu\n", (unsigned long long)seed);
	struct fog_tree *t = fog_tree_new();
	naive_count = 0;
	for (u32 round = 0; round < 3000; round++) {
		u8 key[32], root[32], expected[32];
		random_key(key);
		if (next_random() % 3 != 0 && naive_count < ENTRIES_MAX)
			put(t, key);
		else
			drop(t, key);
		if (round % 50 != 0)
			continue;
		check_walk(t);
		naive_root(0, naive_count, 0, expected);
		fog_tree_root(t, root);
		CU_ASSERT(memcmp(root, expected, 32) == 0);
		check_proof(t, root, key);
		random_key(key);
		check_proof(t, root, key);
	}
	fog_tree_free(t);
}

/* A proof that another key's leaf lies on the way must be about this way. */
static void test_forged_absence(void)
{
	struct fog_tree *t = fog_tree_new();
	struct fog_tree_proof proof;
	u8 a[32] = {0x00}, b[32] = {0x80}, root[32];

	fog_tree_put(t, a, "a", 1);
	fog_tree_put(t, b, "b", 1);
	fog_tree_root(t, root);
	fog_tree_prove(t, b, &proof);
	proof.end = FOG_TREE_END_OTHER; /* "b lies where a would" */
	CU_ASSERT_EQUAL(fog_tree_verify(root, a, NULL, 0, &proof), -EINVAL);
	proof.depth = FOG_TREE_DEPTH_MAX + 1;
	CU_ASSERT_EQUAL(fog_tree_verify(root, a, NULL, 0, &proof), -EINVAL);
	fog_tree_free(t);
}

static void test_garbage_proofs(void)
{
	struct fog_tree_proof proof;
	u8 bytes[400];

	seed = 7;
	for (u32 i = 0; i < 20000; i++) {
		size_t len = next_random() % sizeof(bytes);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (u8)next_random();
		if (len > 2) {
			bytes[0] = (u8)(next_random() % 5);
			fog_store_u16(bytes + 1, (u16)(next_random() % 16));
		}
		if (fog_tree_proof_read(&proof, bytes, len) == 0)
			CU_ASSERT(proof.depth <= FOG_TREE_DEPTH_MAX);
	}
}

FOG_TEST_MAIN("controlplane/ledger/tree", FOG_TEST(test_life_cycle), FOG_TEST(test_random),
	      FOG_TEST(test_forged_absence), FOG_TEST(test_garbage_proofs))
