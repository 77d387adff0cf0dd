/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/merkle/merkle.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define LEAVES 40

static u8 leaf[LEAVES][FOG_MERKLE_HASH_SIZE];

/* RFC 6962 as it is written, by recursion: the model. */
static void model_root(u8 out[32], unsigned from, unsigned count)
{
	u8 left[32], right[32];
	unsigned k = 1;

	if (count == 1) {
		memcpy(out, leaf[from], 32);
		return;
	}
	while (2 * k < count)
		k *= 2;
	model_root(left, from, k);
	model_root(right, from + k, count - k);
	fog_merkle_node(out, left, right);
}

static void leaves_init(void)
{
	for (unsigned i = 0; i < LEAVES; i++) {
		u8 data = i;
		fog_merkle_leaf(leaf[i], &data, 1);
	}
}

/* Every leaf of every tree of up to 40: its proof verifies, for itself and for nothing else. */
static void test_life_cycle(void)
{
	u8 root[32], expect[32], proof[FOG_MERKLE_PROOF_MAX][32];
	unsigned count;

	leaves_init();
	for (unsigned size = 1; size <= LEAVES; size++) {
		fog_merkle_root(root, leaf, size);
		model_root(expect, 0, size);
		CU_ASSERT(memcmp(root, expect, 32) == 0);
		for (unsigned i = 0; i < size; i++) {
			CU_ASSERT_EQUAL(fog_merkle_proof(leaf, size, i, proof, FOG_MERKLE_PROOF_MAX,
							 &count),
					0);
			CU_ASSERT_EQUAL(
				fog_merkle_inclusion_verify(root, size, i, leaf[i], proof, count),
				0);
			CU_ASSERT(fog_merkle_inclusion_verify(root, size, i, leaf[(i + 1) % LEAVES],
							      proof, count) < 0);
			for (unsigned j = 0; j < size; j++)
				CU_ASSERT((fog_merkle_inclusion_verify(root, size, j, leaf[i],
								       proof, count) == 0) ==
					  (i == j));
		}
	}
	/* RFC 9162's empty tree. */
	fog_merkle_root(root, NULL, 0);
	CU_ASSERT_EQUAL(
		fog_hex_decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			       expect, 32),
		0);
	CU_ASSERT(memcmp(root, expect, 32) == 0);
}

static void test_bad_arguments(void)
{
	u8 root[32], proof[FOG_MERKLE_PROOF_MAX][32] = {{0}};
	unsigned count = 7;

	leaves_init();
	fog_merkle_root(root, leaf, 5);
	CU_ASSERT_EQUAL(fog_merkle_proof(leaf, 5, 5, proof, 64, &count), -EINVAL);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(fog_merkle_proof(leaf, 0, 0, proof, 64, &count), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_proof(leaf, 5, 0, proof, 2, &count), -ENOSPC);
	CU_ASSERT_EQUAL(fog_merkle_proof(leaf, 5, 0, proof, 3, &count), 0);
	CU_ASSERT_EQUAL(fog_merkle_inclusion_verify(root, 5, 0, leaf[0], proof, 2), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_inclusion_verify(root, 5, 0, leaf[0], proof, 4), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_inclusion_verify(root, 5, 5, leaf[0], proof, 3), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_inclusion_verify(root, 0, 0, leaf[0], proof, 0), -EINVAL);
	CU_ASSERT_EQUAL(
		fog_merkle_inclusion_verify(root, FOG_MERKLE_SIZE_MAX + 1, 0, leaf[0], proof, 64),
		-EINVAL);
	CU_ASSERT_EQUAL(
		fog_merkle_inclusion_verify(root, FOG_MERKLE_SIZE_MAX, 0, leaf[0], proof, 63),
		-EBADMSG);
	proof[1][0] ^= 1;
	CU_ASSERT_EQUAL(fog_merkle_inclusion_verify(root, 5, 0, leaf[0], proof, 3), -EBADMSG);
	CU_ASSERT_EQUAL(fog_merkle_consistency_verify(root, 6, root, 5, proof, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency_verify(root, 5, root, 5, proof, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency_verify(root, 3, root, 5, proof, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency_verify(root, 0, root, 5, proof, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency_verify(root, 5, root, 5, proof, 0), 0);
}

/* Members that are not 32 bytes never reach a function that takes 32: refused before. */
static bool hash_member(json_t *object, const char *name, u8 out[32])
{
	u8 text[256];

	if (vectors_member(object, name, text, sizeof(text)) != 32)
		return false;
	memcpy(out, text, 32);
	return true;
}

static bool proof_member(json_t *object, u8 (*proof)[32], unsigned *count)
{
	json_t *list = json_object_get(object, "proof"), *item;
	u8 text[256];
	size_t i;

	*count = json_array_size(list);
	if (*count > FOG_MERKLE_PROOF_MAX)
		return false;
	json_array_foreach(list, i, item)
	{
		if (vectors_hex(item, text, sizeof(text)) != 32)
			return false;
		memcpy(proof[i], text, 32);
	}
	return true;
}

static u64 number(json_t *object, const char *name)
{
	return strtoull(json_string_value(json_object_get(object, name)), NULL, 10);
}

static void test_vectors(void)
{
	json_t *root = vectors_load("merkle/rfc6962_inclusion_consistency.json"), *v;
	u8 a[32], b[32], proof[FOG_MERKLE_PROOF_MAX][32];
	unsigned count, tried = 0, good = 0;
	const char *name;

	json_object_foreach(json_object_get(root, "inclusion"), name, v)
	{
		bool ok = hash_member(v, "root", a) && hash_member(v, "leafHash", b) &&
			  proof_member(v, proof, &count) &&
			  fog_merkle_inclusion_verify(a, number(v, "treeSize"),
						      number(v, "leafIdx"), b, proof, count) == 0;
		CU_ASSERT_EQUAL(ok, !json_is_true(json_object_get(v, "wantErr")));
		tried++;
		good += ok;
	}
	json_object_foreach(json_object_get(root, "consistency"), name, v)
	{
		bool ok = hash_member(v, "root1", a) && hash_member(v, "root2", b) &&
			  proof_member(v, proof, &count) &&
			  fog_merkle_consistency_verify(a, number(v, "size1"), b,
							number(v, "size2"), proof, count) == 0;
		/* Two equal "roots" of 12 bytes, good where roots are strings of any length. */
		if (strstr(name, "sizes-are-equal-one-and-proof-is-empty") != NULL)
			continue;
		CU_ASSERT_EQUAL(ok, !json_is_true(json_object_get(v, "wantErr")));
		tried++;
		good += ok;
	}
	CU_ASSERT_EQUAL(tried, 195);
	CU_ASSERT_EQUAL(good, 11);
	json_decref(root);
}

/* Every pair of sizes up to 40: what is made is accepted, for the right roots only. */
static void test_consistency_made(void)
{
	u8 hash[40][32], old_root[32], root[32], proof[64][32];
	unsigned count;

	for (unsigned i = 0; i < 40; i++)
		memset(hash[i], (int)i + 1, 32);
	for (u64 n = 1; n <= 40; n++)
		for (u64 old = 1; old <= n; old++) {
			CU_ASSERT_EQUAL(fog_merkle_consistency((const u8(*)[32])hash, old, n, proof,
							       64, &count),
					0);
			fog_merkle_root(old_root, (const u8(*)[32])hash, old);
			fog_merkle_root(root, (const u8(*)[32])hash, n);
			CU_ASSERT_EQUAL(fog_merkle_consistency_verify(old_root, old, root, n,
								      (const u8(*)[32])proof,
								      count),
					0);
			old_root[0] ^= 1;
			CU_ASSERT_NOT_EQUAL(fog_merkle_consistency_verify(old_root, old, root, n,
									  (const u8(*)[32])proof,
									  count),
					    0);
		}
	CU_ASSERT_EQUAL(fog_merkle_consistency((const u8(*)[32])hash, 0, 5, proof, 64, &count),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency((const u8(*)[32])hash, 6, 5, proof, 64, &count),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_merkle_consistency((const u8(*)[32])hash, 3, 7, proof, 1, &count),
			-ENOSPC);
}

FOG_TEST_MAIN("crypto/merkle/merkle", FOG_TEST(test_consistency_made), FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_vectors))
