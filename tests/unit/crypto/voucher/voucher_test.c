/* SPDX-License-Identifier: BSD-3-Clause */
/* The published vectors of NUT-00, -01, -02 and -12 (tests/vectors/cashu), and what must fail. */
#include "crypto/voucher/voucher.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <jansson.h>

#include "crypto/mem.h"

static json_t *vectors(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/cashu/%s.json", FOG_VECTORS_DIR, name);
	json_t *root = json_load_file(path, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	return root;
}

static void bytes(const json_t *o, const char *key, u8 *out, size_t len)
{
	const char *text = json_string_value(json_object_get(o, key));

	CU_ASSERT_FATAL(text != NULL && fog_hex_decode(text, out, len) == 0);
}

static void test_nut00(void)
{
	json_t *root = vectors("nut00"), *row;
	size_t i;
	u8 x[32], r[32], point[33], expected[33];

	json_array_foreach(json_object_get(root, "hash_to_curve"), i, row)
	{
		bytes(row, "message", x, 32);
		bytes(row, "point", expected, 33);
		CU_ASSERT(fog_voucher_hash_to_curve(x, 32, point) == 0 &&
			  memcmp(point, expected, 33) == 0);
	}
	CU_ASSERT_EQUAL(i, 3);
	json_array_foreach(json_object_get(root, "blind"), i, row)
	{
		bytes(row, "x", x, 32);
		bytes(row, "r", r, 32);
		bytes(row, "B_", expected, 33);
		CU_ASSERT(fog_voucher_blind(x, 32, r, point) == 0 &&
			  memcmp(point, expected, 33) == 0);
	}
	CU_ASSERT_EQUAL(i, 2);
	json_array_foreach(json_object_get(root, "sign"), i, row)
	{
		u8 blinded[33];
		bytes(row, "k", r, 32);
		bytes(row, "B_", blinded, 33);
		bytes(row, "C_", expected, 33);
		CU_ASSERT(fog_voucher_sign(r, blinded, point) == 0 &&
			  memcmp(point, expected, 33) == 0);
	}
	CU_ASSERT_EQUAL(i, 2);
	json_decref(root);
}

/* 0, or -EINVAL for a key that is not 33 bytes of a point. */
static int keyset_read(const json_t *keys, struct fog_voucher_keyset *out)
{
	const char *amount;
	json_t *pk;

	memset(out, 0, sizeof(*out));
	json_object_foreach((json_t *)keys, amount, pk)
	{
		u64 value = strtoull(amount, NULL, 10);
		u8 point[33];
		u32 at = out->count;
		if (out->count == FOG_VOUCHER_KEYS_MAX || strlen(json_string_value(pk)) != 66 ||
		    fog_hex_decode(json_string_value(pk), point, 33) != 0 ||
		    !fog_voucher_point_valid(point))
			return -EINVAL;
		for (; at != 0 && out->amount[at - 1] > value; at--) {
			out->amount[at] = out->amount[at - 1];
			memcpy(out->pk[at], out->pk[at - 1], 33);
		}
		out->amount[at] = value;
		memcpy(out->pk[at], point, 33);
		out->count++;
	}
	return 0;
}

static void test_nut01(void)
{
	json_t *root = vectors("nut01"), *row;
	struct fog_voucher_keyset k;
	size_t i;

	json_array_foreach(json_object_get(root, "wrong"), i, row)
		CU_ASSERT_EQUAL(keyset_read(row, &k), -EINVAL);
	CU_ASSERT_EQUAL(i, 2);
	json_array_foreach(json_object_get(root, "right"), i, row)
		CU_ASSERT_EQUAL(keyset_read(row, &k), 0);
	CU_ASSERT_EQUAL(i, 2);
	CU_ASSERT_EQUAL(k.amount[63], 1ull << 63);
	json_decref(root);
}

static void test_nut02(void)
{
	json_t *root = vectors("nut02"), *row;
	struct fog_voucher_keyset k;
	char id[FOG_VOUCHER_ID_SIZE];
	size_t i;

	json_array_foreach(json_object_get(root, "keysets"), i, row)
	{
		const char *expected = json_string_value(json_object_get(row, "id"));
		const char *unit = json_string_value(json_object_get(row, "unit"));
		CU_ASSERT_EQUAL(keyset_read(json_object_get(row, "keys"), &k), 0);
		snprintf(k.unit, sizeof(k.unit), "%s", unit != NULL ? unit : "");
		k.input_fee_ppk = (u64)json_integer_value(json_object_get(row, "input_fee_ppk"));
		k.final_expiry = (u64)json_integer_value(json_object_get(row, "final_expiry"));
		fog_voucher_keyset_id(&k, strlen(expected) == 16 ? 1 : 2, id);
		CU_ASSERT_STRING_EQUAL(id, expected);
	}
	CU_ASSERT_EQUAL(i, 5);
	json_decref(root);
}

static void test_nut12(void)
{
	json_t *root = vectors("nut12"), *row = json_object_get(root, "hash");
	u8 point[4][33], k[32], e[32], expected[32];
	struct fog_voucher_dleq proof, made;

	bytes(row, "R1", point[0], 33);
	bytes(row, "R2", point[1], 33);
	bytes(row, "K", point[2], 33);
	bytes(row, "C_", point[3], 33);
	bytes(row, "e", expected, 32);
	fog_voucher_hash_points((const u8(*)[33])point, 4, e);
	CU_ASSERT(memcmp(e, expected, 32) == 0);
	row = json_object_get(root, "nonce");
	bytes(row, "a", k, 32);
	bytes(row, "A", point[0], 33);
	bytes(row, "B_", point[1], 33);
	bytes(row, "C_", point[2], 33);
	bytes(row, "e", proof.e, 32);
	bytes(row, "s", proof.s, 32);
	CU_ASSERT_EQUAL(fog_voucher_dleq_make(k, point[1], point[2], &made), 0);
	CU_ASSERT(memcmp(&made, &proof, sizeof(made)) == 0);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(point[0], point[1], point[2], &made), 0);
	row = json_object_get(root, "signature");
	bytes(row, "A", point[0], 33);
	bytes(row, "B_", point[1], 33);
	bytes(row, "C_", point[2], 33);
	bytes(row, "e", proof.e, 32);
	bytes(row, "s", proof.s, 32);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(point[0], point[1], point[2], &proof), 0);
	proof.s[31] ^= 1;
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(point[0], point[1], point[2], &proof), -EBADMSG);
	row = json_object_get(root, "proof");
	const char *secret = json_string_value(json_object_get(row, "secret"));
	bytes(row, "A", point[0], 33);
	bytes(row, "C", point[1], 33);
	bytes(row, "e", proof.e, 32);
	bytes(row, "s", proof.s, 32);
	bytes(row, "r", k, 32);
	CU_ASSERT_EQUAL(
		fog_voucher_dleq_check_proof(point[0], secret, strlen(secret), point[1], k, &proof),
		0);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check_proof(point[0], secret, 63, point[1], k, &proof),
			-EBADMSG);
	json_decref(root);
}

static void test_life_cycle(void)
{
	u8 k[32] = {7}, r[32] = {9}, pk[33], blinded[33], signature[33], c[33];
	struct fog_voucher_dleq proof;

	CU_ASSERT_EQUAL(fog_voucher_public(k, pk), 0);
	CU_ASSERT_EQUAL(fog_voucher_blind("secret", 6, r, blinded), 0);
	CU_ASSERT_EQUAL(fog_voucher_sign(k, blinded, signature), 0);
	CU_ASSERT_EQUAL(fog_voucher_dleq_make(k, blinded, signature, &proof), 0);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(pk, blinded, signature, &proof), 0);
	CU_ASSERT_EQUAL(fog_voucher_unblind(signature, r, pk, c), 0);
	CU_ASSERT_EQUAL(fog_voucher_verify(k, "secret", 6, c), 0);
	CU_ASSERT_EQUAL(fog_voucher_verify(k, "Secret", 6, c), -EBADMSG);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check_proof(pk, "secret", 6, c, r, &proof), 0);
	u8 other[32] = {8}, other_pk[33];
	CU_ASSERT_EQUAL(fog_voucher_public(other, other_pk), 0);
	CU_ASSERT_EQUAL(fog_voucher_verify(other, "secret", 6, c), -EBADMSG);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(other_pk, blinded, signature, &proof), -EBADMSG);
}

static void test_bad_arguments(void)
{
	u8 zero[33] = {0}, k[32] = {1}, out[33], big[32];
	struct fog_voucher_dleq proof = {{0}, {0}};

	memset(big, 0xff, sizeof(big));
	CU_ASSERT_EQUAL(fog_voucher_public(zero, out), -EINVAL);
	CU_ASSERT_EQUAL(fog_voucher_public(big, out), -EINVAL);
	CU_ASSERT_EQUAL(fog_voucher_sign(k, zero, out), -EINVAL);
	CU_ASSERT_EQUAL(fog_voucher_blind("x", 1, zero, out), -EINVAL);
	CU_ASSERT_EQUAL(fog_voucher_unblind(zero, k, zero, out), -EINVAL);
	CU_ASSERT_EQUAL(fog_voucher_dleq_check(zero, zero, zero, &proof), -EINVAL);
	CU_ASSERT(!fog_voucher_point_valid(zero));
}

FOG_TEST_MAIN("crypto/voucher/voucher", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_nut00), FOG_TEST(test_nut01), FOG_TEST(test_nut02),
	      FOG_TEST(test_nut12))
