/* SPDX-License-Identifier: BSD-3-Clause */
/* Run under valgrind: keys and data are declared undefined, and memcheck then complains of any
 * branch or address that depends on them. Valgrind knows no AVX-512, so the vaes path is not seen;
 * its code has no branch on data to begin with. X25519 and Ed25519 one by one are libsodium's own
 * concern. */
#include "crypto/cell/cell.h"
#include "crypto/cell/cipher.h"
#include "crypto/curve/edwards.h"
#include "crypto/curve/x25519.h"
#include "crypto/hash/blake2s.h"
#include "crypto/hash/blake2x.h"
#include "crypto/hash/hmac_many.h"
#include "crypto/hash/keccak.h"
#include "crypto/sphinx/aez.h"
#include "crypto/sphinx/internal.h"
#include "crypto/zk/member.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range.h"
#include "crypto/zk/sigma.h"
#include "crypto/zk/statement.h"
#include "tests/unit/crypto/vectors.h"

#include <valgrind/memcheck.h>

#define secret(p, len) VALGRIND_MAKE_MEM_UNDEFINED(p, len)
#define public(p, len) VALGRIND_MAKE_MEM_DEFINED(p, len)

static u8 seed[FOG_CELL_SEED_SIZE], data[FOG_ONION_BODY_SIZE], out[FOG_ONION_BODY_SIZE];

static void secrets_init(void)
{
	memset(seed, 3, sizeof(seed));
	memset(data, 4, sizeof(data));
	secret(seed, sizeof(seed));
	secret(data, sizeof(data));
}

/* The means must work: a table indexed by a secret and a branch on one are both seen. */
static void test_control(void)
{
	static volatile u8 table[256];
	unsigned before = VALGRIND_COUNT_ERRORS;

	secrets_init();
	out[0] = table[seed[0]];
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before + 1);
	if (seed[1] == 3)
		table[1] = 1;
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before + 2);
}

static void cell_body(void)
{
	unsigned before = VALGRIND_COUNT_ERRORS;
	struct fog_cell_key key;
	struct fog_cell_job job = {&key, data, out, 7, FOG_CELL_FORWARD, 3};
	bool recognized;

	secrets_init();
	fog_cell_key_init(&key, seed);
	fog_cell_key_ratchet(&key, &key);
	fog_cell_encrypt_many(&job, 1);
	fog_cell_decrypt_many(&job, 1);
	recognized = fog_cell_recognized(out);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
	public(&recognized, sizeof(recognized));
	CU_ASSERT_FALSE(recognized);
	/* The secret did reach the output: what was looked at was not optimized away. */
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(out, sizeof(out)), 0);
	fog_cell_key_wipe(&key);
	CU_ASSERT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(&key, sizeof(key)), 0);
}

static void test_cell(void)
{
	each_path(cell_body);
}

static void stream_body(void)
{
	unsigned before = VALGRIND_COUNT_ERRORS;

	secrets_init();
	fog_aes256_ctr(seed, data, out, sizeof(out));
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
}

static void test_stream(void)
{
	each_path(stream_body);
}

/* The wide block over all sorts of lengths: tiny, with and without a part block, long. */
static void aez_body(void)
{
	static const unsigned lengths[] = {5, 16, 31, 32, 40, 130, 256, FOG_ONION_BODY_SIZE};
	u8 delta[16], nonce[16] = {7};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		unsigned before = VALGRIND_COUNT_ERRORS;
		struct fog_aez z;

		secrets_init();
		fog_aez_init(&z, seed, FOG_AEZ_KEY_SIZE);
		fog_aez_hash(&z, 0, nonce, sizeof(nonce), NULL, 0, delta);
		fog_aez_encipher(&z, delta, data, lengths[i]);
		fog_aez_decipher(&z, delta, data, lengths[i]);
		CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
		CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(data, lengths[i]), 0);
		public(data, lengths[i]);
		for (unsigned k = 0; k < lengths[i]; k++)
			CU_ASSERT_EQUAL(data[k], 4);
		fog_wipe(&z, sizeof(z));
	}
}

/* The lanes of AVX2; those of AVX-512 valgrind does not know. */
static void test_x25519_lanes(void)
{
	u8 scalar[6][32], point[6][32], product[6][32];
	int result[6];

	if (fog_crypto_select("aesni") < 0) {
		printf("(no aesni here) ");
		return;
	}
	memset(scalar, 5, sizeof(scalar));
	for (unsigned i = 0; i < 6; i++)
		memset(point[i], (int)i, sizeof(point[i])); /* the first one is of low order */
	secret(scalar, sizeof(scalar));
	unsigned before = VALGRIND_COUNT_ERRORS;
	fog_x25519_many(product, (const u8(*)[32])scalar, (const u8(*)[32])point, result, 6);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(product, sizeof(product)), 0);
	public(result, sizeof(result));
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(result[i] != 0, i == 0);
	(void)fog_crypto_select(fog_crypto_path(0));
}

static void test_aez(void)
{
	each_path(aez_body);
}

/* All of Sphinx between the shared secret, which is X25519's, and what a hop is to know: whether
 * MAC and commands are good. */
static void sphinx_body(void)
{
	unsigned before = VALGRIND_COUNT_ERRORS;
	u8 shared[3][32], scalar[32], mac[3][32], routing[200] = {0}, both[1][64] = {{0}};
	struct sphinx_keys keys[3];
	const u8 *key[3], *text[3];

	secrets_init();
	for (unsigned i = 0; i < 3; i++) {
		memcpy(shared[i], seed, sizeof(shared[i]));
		shared[i][0] ^= (u8)i;
		key[i] = keys[i].mac;
		text[i] = data;
	}
	memcpy(both[0], seed, 32);
	fog_blake2xb_32_many(shared + 2, (const u8(*)[32])(shared + 2), (const u8(*)[64])both, 1);
	sphinx_keys_derive(keys, (const u8(*)[32])shared, 3);
	fog_hmac_sha256_many(mac, key, text, sizeof(data), 3);
	sphinx_blind_scalar(scalar, &keys[1]);
	sphinx_stream(&keys[1], routing, routing, sizeof(routing));
	sphinx_layer(sphinx_iv(&keys[1]), keys[1].layer + 16, false, data, sizeof(data));
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(scalar, sizeof(scalar)), 0);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(mac, sizeof(mac)), 0);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(routing, sizeof(routing)), 0);
}

static void test_sphinx(void)
{
	each_path(sphinx_body);
}

static void test_hashes(void)
{
	unsigned before = VALGRIND_COUNT_ERRORS;
	char text[2 * 64 + 1];
	bool equal;

	secrets_init();
	fog_hash_sha3_256(out, data, sizeof(data));
	fog_hash_shake256(out, 300, data, sizeof(data));
	fog_hash_blake2s(out, 32, seed, 32, data, sizeof(data));
	fog_hmac_blake2s(out, seed, 32, data, 100, data, 3);
	CU_ASSERT_EQUAL(fog_hex_encode(seed, sizeof(seed), text, sizeof(text)), 0);
	equal = fog_equal(seed, data, sizeof(seed));
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
	public(&equal, sizeof(equal));
	CU_ASSERT_FALSE(equal);
}

/* What a VRF proof does with the key: a multiple of a point, and its encoding. */
static void test_point(void)
{
	unsigned before = VALGRIND_COUNT_ERRORS;
	struct fog_ge_ext p;
	u8 scalar[32];

	fog_ge_ext_from_niels(&p, &fog_ge_base_multiple[2]);
	memset(scalar, 5, sizeof(scalar));
	secret(scalar, sizeof(scalar));
	fog_ge_mul_secret(&p, &p, scalar);
	fog_ge_to_bytes(out, &p);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(out, 32), 0);
}

/* Whatever comes of secrets is one for memcheck, challenges too; so this says more than is needed.
 * The one branch is whether the values are in range, which a caller may know. */
static void test_range_proof(void)
{
	static struct fog_range_prover prover;
	static struct fog_range_gens gens;
	struct fog_scalar blinding = fog_scalar_one;
	struct fog_range_witness witness;
	u8 commitment[1][32], proof[FOG_RANGE_PROOF_MAX];
	struct fog_merlin t;
	u64 value = 200;
	size_t len;

	fog_range_gens_init(&gens);
	unsigned before = VALGRIND_COUNT_ERRORS;
	witness = (struct fog_range_witness){&value, &blinding, 1, 8};
	secrets_init();
	secret(&value, sizeof(value));
	secret(&blinding, sizeof(blinding));
	fog_merlin_init(&t, "test");
	CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &witness, seed, commitment, proof,
					sizeof(proof), &len),
			0);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before + 1);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(commitment, sizeof(commitment)), 0);
}

/* An OR of two statements, whose witness and whose place are secret. */
static void test_sigma_proof(void)
{
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX] = {fog_scalar_one, fog_scalar_one};
	struct fog_sigma branch[2];
	u8 proof[FOG_SIGMA_PROOF_MAX];
	struct fog_ristretto c;
	struct fog_merlin t;
	unsigned known = 1;
	size_t len;

	fog_pedersen_commit(&c, &witness[0], &witness[1]);
	for (unsigned i = 0; i < 2; i++) {
		fog_sigma_init(&branch[i]);
		unsigned value = fog_sigma_secret(&branch[i]);
		fog_sigma_pedersen(&branch[i], value, fog_sigma_secret(&branch[i]), &c);
	}
	unsigned before = VALGRIND_COUNT_ERRORS;
	secrets_init();
	secret(witness, sizeof(witness));
	secret(&known, sizeof(known));
	fog_merlin_init(&t, "test");
	int rc = fog_sigma_prove(&t, branch, 2, known, witness, seed, proof, sizeof(proof), &len);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before + 1); /* that it is below two */
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(proof, len), 0);
}

static void test_member_proof(void)
{
	static struct fog_member_work work;
	struct fog_ristretto list[5];
	struct fog_member_statement s = {list, 5, FOG_MEMBER_KEY};
	struct fog_scalar k = fog_scalar_one;
	u8 proof[FOG_MEMBER_PROOF_MAX];
	struct fog_merlin t;
	unsigned index = 3;
	size_t len;

	for (unsigned i = 0; i < 5; i++)
		fog_ristretto_base(&list[i]);
	unsigned before = VALGRIND_COUNT_ERRORS;
	secrets_init();
	secret(&k, sizeof(k));
	secret(&index, sizeof(index));
	fog_merlin_init(&t, "test");
	int rc = fog_member_prove(&work, &t, &s, index, &k, seed, proof, sizeof(proof), &len);
	CU_ASSERT_EQUAL(VALGRIND_COUNT_ERRORS, before + 1); /* that it is below five */
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_NOT_EQUAL(VALGRIND_CHECK_MEM_IS_DEFINED(proof, len), 0);
}

/* v0 >= 18 and v0 != v1, or v1 in {1, 2} and v1 not in {7}. Values, blindings and which of the two
 * holds are secret. Memcheck takes for secret what is published then: the commitments. The
 * branches: that the statement is true; that a value is in range, an index below its list and the
 * alternative below two, all of which the prover made so; and, in two sigma proofs, that no
 * published point is the identity. */
#define STATEMENT_BRANCHES 6

static void statement_fill(struct fog_statement *s)
{
	memset(s, 0, sizeof(*s));
	s->attributes = 2;
	s->bits = 8;
	s->atom[s->atoms++] = (struct fog_atom){.kind = FOG_ATOM_RANGE, .b = FOG_STATEMENT_NONE};
	fog_scalar_from_u64(&s->atom[0].constant, 18);
	s->atom[s->atoms++] = (struct fog_atom){.kind = FOG_ATOM_NONZERO, .b = 1};
	s->atom[s->atoms++] = (struct fog_atom){
		.kind = FOG_ATOM_MEMBER, .a = 1, .b = FOG_STATEMENT_NONE, .set_count = 2};
	s->atom[s->atoms++] = (struct fog_atom){.kind = FOG_ATOM_NOT_MEMBER,
						.a = 1,
						.b = FOG_STATEMENT_NONE,
						.set_first = 2,
						.set_count = 1};
	fog_scalar_from_u64(&s->element[0], 1);
	fog_scalar_from_u64(&s->element[1], 2);
	fog_scalar_from_u64(&s->element[2], 7);
	s->elements = 3;
	s->branch[s->branches++] = 3;
	s->branch[s->branches++] = 12;
}

static void test_statement_proof(void)
{
	static struct fog_statement_prover prover;
	static struct fog_range_gens gens;
	static struct fog_statement s;
	static u8 proof[FOG_STATEMENT_PROOF_MAX];
	static const u64 values[2][2] = {{25, 7}, {3, 2}}; /* either alternative */
	u8 commitment[2][32];
	size_t len;

	fog_range_gens_init(&gens);
	statement_fill(&s);
	for (unsigned i = 0; i < 2; i++) {
		struct fog_scalar value[2], blinding[2] = {fog_scalar_one, fog_scalar_one};
		unsigned before = VALGRIND_COUNT_ERRORS;
		struct fog_merlin t;

		secrets_init();
		fog_scalar_from_u64(&value[0], values[i][0]);
		fog_scalar_from_u64(&value[1], values[i][1]);
		blinding[1].byte[0] = 9;
		secret(value, sizeof(value));
		secret(blinding, sizeof(blinding));
		fog_merlin_init(&t, "test");
		int rc = fog_statement_prove(&prover, &gens, &t, &s, value, blinding, seed,
					     commitment, proof, sizeof(proof), &len);
		public(&rc, sizeof(rc));
		CU_ASSERT_EQUAL(rc, 0);
		unsigned branches = VALGRIND_COUNT_ERRORS - before;
		if (branches != STATEMENT_BRANCHES)
			printf("%u branches ", branches);
		CU_ASSERT_EQUAL(branches, STATEMENT_BRANCHES);
	}
}

int main(void)
{
	static const struct fog_test tests[] = {
		FOG_TEST(test_control),      FOG_TEST(test_cell),
		FOG_TEST(test_stream),       FOG_TEST(test_aez),
		FOG_TEST(test_sphinx),       FOG_TEST(test_x25519_lanes),
		FOG_TEST(test_hashes),       FOG_TEST(test_point),
		FOG_TEST(test_range_proof),  FOG_TEST(test_sigma_proof),
		FOG_TEST(test_member_proof), FOG_TEST(test_statement_proof)};

	if (!RUNNING_ON_VALGRIND) {
		printf("needs valgrind\n");
		return 77; /* meson: skipped */
	}
	return fog_test_run("crypto/constant_time", tests, FOG_ARRAY_COUNT(tests));
}
