/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/statement.h"

#include "crypto/cpu.h"
#include "crypto/random/random.h"
#include "crypto/zk/pedersen.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

struct bench {
	struct fog_rng rng;
	struct fog_range_gens gens;
	struct fog_statement_prover prover;
	struct fog_statement_verifier verifier;
	struct fog_statement s;
	struct fog_scalar value[FOG_STATEMENT_ATTRIBUTES_MAX];
	struct fog_scalar blinding[FOG_STATEMENT_ATTRIBUTES_MAX];
	u8 commitment[FOG_STATEMENT_ATTRIBUTES_MAX][32];
	u8 proof[FOG_STATEMENT_PROOF_MAX];
	size_t len;
};

static struct bench *bench_open(unsigned attributes)
{
	static struct bench b;
	static bool ready;

	if (!ready && fog_crypto_init() != 0)
		abort();
	if (!ready)
		fog_range_gens_init(&b.gens);
	ready = true;
	fog_rng_init_u64(&b.rng, 11);
	memset(&b.s, 0, sizeof(b.s));
	b.s.attributes = (u8)attributes;
	for (unsigned i = 0; i < attributes; i++) {
		u8 wide[64];

		fog_rng_bytes(&b.rng, wide, sizeof(wide));
		fog_scalar_reduce(&b.blinding[i], wide);
	}
	return &b;
}

static unsigned atom(struct bench *b, u8 kind, u8 a, u8 other, u8 negate, u64 constant)
{
	struct fog_atom *x = &b->s.atom[b->s.atoms];

	*x = (struct fog_atom){.kind = kind, .a = a, .b = other, .negate = negate};
	fog_scalar_from_u64(&x->constant, constant);
	if (kind == FOG_ATOM_RANGE)
		b->s.bits = 64;
	return b->s.atoms++;
}

static unsigned set_atom(struct bench *b, u8 kind, u8 a, u64 first, unsigned count)
{
	unsigned i = atom(b, kind, a, FOG_STATEMENT_NONE, 0, 0);

	b->s.atom[i].set_first = b->s.elements;
	b->s.atom[i].set_count = (u16)count;
	for (unsigned k = 0; k < count; k++)
		fog_scalar_from_u64(&b->s.element[b->s.elements++], first + k);
	return i;
}

static void branch(struct bench *b, u32 mask)
{
	b->s.branch[b->s.branches++] = mask;
}

static void transcript(struct fog_merlin *t, const char *context)
{
	fog_merlin_init(t, "test");
	fog_merlin_append(t, "context", context, strlen(context));
}

static int prove(struct bench *b, const u64 *value)
{
	struct fog_merlin t;
	u8 random[32];

	for (unsigned i = 0; i < b->s.attributes; i++)
		fog_scalar_from_u64(&b->value[i], value[i]);
	fog_rng_bytes(&b->rng, random, sizeof(random));
	transcript(&t, "here");
	return fog_statement_prove(&b->prover, &b->gens, &t, &b->s, b->value, b->blinding, random,
				   b->commitment, b->proof, sizeof(b->proof), &b->len);
}

static int verify(struct bench *b, const char *context)
{
	struct fog_merlin t;
	u8 random[32];

	fog_rng_bytes(&b->rng, random, sizeof(random));
	transcript(&t, context);
	return fog_statement_verify(&b->verifier, &b->gens, &t, &b->s,
				    (const u8(*)[32])b->commitment, b->proof, b->len, random);
}

/* a >= 18 and a != b, or c in {5..8} and b not in {0..8} */
static void example(struct bench *b)
{
	unsigned adult = atom(b, FOG_ATOM_RANGE, 0, FOG_STATEMENT_NONE, 0, 18);
	unsigned differ = atom(b, FOG_ATOM_NONZERO, 0, 1, 0, 0);
	unsigned in = set_atom(b, FOG_ATOM_MEMBER, 2, 5, 4);
	unsigned out = set_atom(b, FOG_ATOM_NOT_MEMBER, 1, 0, 9);

	branch(b, 1u << adult | 1u << differ);
	branch(b, 1u << in | 1u << out);
}

static void test_life_cycle(void)
{
	static const struct {
		unsigned number;
		u64 value[3];
		int rc;
	} cases[] = {
		{1, {18, 3, 0}, 0},    {2, {17, 9, 5}, 0},     {3, {17, 9, 8}, 0},
		{4, {30, 30, 6}, 0},   {5, {17, 8, 5}, -EDOM}, {6, {30, 30, 9}, -EDOM},
		{7, {0, 0, 0}, -EDOM}, {8, {200, 100, 7}, 0},
	};
	struct bench *b = bench_open(3);

	example(b);
	CU_ASSERT_PTR_NULL(fog_statement_fault(&b->s));
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(prove(b, cases[i].value), cases[i].rc);
		if (cases[i].rc != 0)
			continue;
		CU_ASSERT_EQUAL(b->len, fog_statement_proof_len(&b->s));
		CU_ASSERT_EQUAL(verify(b, "here"), 0);
		CU_ASSERT_EQUAL(verify(b, "elsewhere"), -EBADMSG);
	}
}

static void test_bad_arguments(void)
{
	struct bench *b = bench_open(3);
	static u8 text[FOG_STATEMENT_ENCODED_MAX];
	static struct fog_statement again;
	const u64 value[3] = {20, 3, 0};

	CU_ASSERT_PTR_NOT_NULL(fog_statement_fault(&b->s));
	CU_ASSERT_EQUAL(fog_statement_proof_len(&b->s), 0);
	example(b);
	CU_ASSERT_EQUAL(prove(b, value), 0);
	int len = fog_statement_encode(&b->s, text, sizeof(text));
	CU_ASSERT(len > 0);
	CU_ASSERT_EQUAL(fog_statement_encode(&b->s, text, (size_t)len - 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_statement_encode(&b->s, text, sizeof(text)), len);
	CU_ASSERT_EQUAL(fog_statement_decode(&again, text, (size_t)len), 0);
	CU_ASSERT_EQUAL(memcmp(&again, &b->s, sizeof(again)), 0);
	for (int cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(fog_statement_decode(&again, text, (size_t)cut), -EINVAL);
	for (unsigned i = 0; i < 3000; i++) { /* garbage is refused or has no fault */
		u64 at = fog_rng_below(&b->rng, (u64)len);
		u8 was = text[at];

		text[at] = (u8)fog_rng_u64(&b->rng);
		if (fog_statement_decode(&again, text, (size_t)len) == 0)
			CU_ASSERT_PTR_NULL(fog_statement_fault(&again));
		text[at] = was;
	}
	b->s.atom[1].a = 3;
	CU_ASSERT_PTR_NOT_NULL(fog_statement_fault(&b->s));
	CU_ASSERT_EQUAL(verify(b, "here"), -EINVAL);
}

/* The statement itself is bound: what is proved of one is no proof of another. */
static void test_bound(void)
{
	struct bench *b = bench_open(3);
	const u64 value[3] = {20, 3, 0};

	example(b);
	CU_ASSERT_EQUAL(prove(b, value), 0);
	b->s.atom[0].constant.byte[0] = 19; /* true as well, but not proved */
	CU_ASSERT_EQUAL(verify(b, "here"), -EBADMSG);
	b->s.atom[0].constant.byte[0] = 18;
	b->s.element[0].byte[0] ^= 1;
	CU_ASSERT_EQUAL(verify(b, "here"), -EBADMSG);
	b->s.element[0].byte[0] ^= 1;
	CU_ASSERT_EQUAL(verify(b, "here"), 0);
	b->commitment[2][0] ^= 2;
	CU_ASSERT_EQUAL(verify(b, "here"), -EBADMSG);
	b->commitment[2][0] ^= 2;
	b->len--;
	CU_ASSERT_EQUAL(verify(b, "here"), -EBADMSG);
	b->len++;
	CU_ASSERT_EQUAL(verify(b, "here"), 0);
}

static void test_mutations(void)
{
	const char *many = getenv("FOG_MUTATIONS");
	unsigned rounds = many != NULL ? (unsigned)strtoul(many, NULL, 10) : 300, accepted = 0;
	struct bench *b = bench_open(3);
	const u64 value[3] = {20, 3, 0};

	example(b);
	CU_ASSERT_EQUAL(prove(b, value), 0);
	for (unsigned i = 0; i < rounds; i++) {
		u64 at = fog_rng_below(&b->rng, b->len);
		u8 bit = (u8)(1u << fog_rng_below(&b->rng, 8));

		b->proof[at] ^= bit;
		accepted += verify(b, "here") == 0;
		b->proof[at] ^= bit;
	}
	CU_ASSERT_EQUAL(accepted, 0);
}

/* Each kind of atom alone: true values pass, false ones cannot be proved. */
static void test_atoms(void)
{
	static const struct {
		unsigned number;
		u8 kind, other, negate;
		u64 constant, good, bad;
	} cases[] = {
		{1, FOG_ATOM_ZERO, FOG_STATEMENT_NONE, 0, 77, 77, 78},
		{2, FOG_ATOM_ZERO, 1, 0, 0, 500, 501},
		{3, FOG_ATOM_NONZERO, FOG_STATEMENT_NONE, 0, 77, 78, 77},
		{4, FOG_ATOM_NONZERO, 1, 0, 0, 499, 500},
		{5, FOG_ATOM_RANGE, FOG_STATEMENT_NONE, 0, 18, 18, 17},
		{6, FOG_ATOM_RANGE, FOG_STATEMENT_NONE, 1, 18, 18, 19},
		{7, FOG_ATOM_RANGE, 1, 0, 0, 500, 499},
		{8, FOG_ATOM_RANGE, 1, 1, 0, 500, 501},
		{9, FOG_ATOM_RANGE, FOG_STATEMENT_NONE, 0, 0, UINT64_MAX, UINT64_MAX},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct bench *b = bench_open(2);
		u64 value[2] = {cases[i].good, 500};

		atom(b, cases[i].kind, 0, cases[i].other, cases[i].negate, cases[i].constant);
		branch(b, 1);
		CU_ASSERT_EQUAL(prove(b, value), 0);
		CU_ASSERT_EQUAL(verify(b, "here"), 0);
		value[0] = cases[i].bad;
		CU_ASSERT_EQUAL(prove(b, value), cases[i].good != cases[i].bad ? -EDOM : 0);
	}
}

FOG_TEST_MAIN("crypto/zk/statement", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_bound), FOG_TEST(test_mutations), FOG_TEST(test_atoms))
