/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-knowledge proofs, each beside the bare scalar multiplications that its equations have when
 * every term is computed alone by libsodium: what a proof costs without any sharing of work. */
#include "bench/bench.h"

#include <sodium.h>

#include "crypto/random/random.h"
#include "crypto/zk/member.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range.h"
#include "crypto/zk/sigma.h"

#define BATCH   16
#define MEMBERS 64

struct range_case {
	struct fog_range_gens *gens;
	struct fog_range_prover *prover;
	struct fog_range_batch *batch;
	unsigned bits, count;
	unsigned proofs; /* per verification */
	u64 value[FOG_RANGE_COUNT_MAX];
	struct fog_scalar blinding[FOG_RANGE_COUNT_MAX];
	u8 commitment[FOG_RANGE_COUNT_MAX][FOG_RISTRETTO_SIZE];
	u8 proof[FOG_RANGE_PROOF_MAX];
	size_t proof_len;
	u8 random[32];
};

struct bare {
	u8 scalar[32], point[32];
};

static void bare_mul(void *arg, u64 rounds)
{
	struct bare *b = arg;

	while (rounds-- != 0)
		FOG_ASSERT(crypto_scalarmult_ristretto255(b->point, b->scalar, b->point) == 0);
}

static void range_prove(void *arg, u64 rounds)
{
	struct range_case *r = arg;
	const struct fog_range_witness w = {r->value, r->blinding, r->count, r->bits};
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_merlin_init(&t, "bench");
		FOG_ASSERT(fog_range_prove(r->prover, r->gens, &t, &w, r->random, r->commitment,
					   r->proof, sizeof(r->proof), &r->proof_len) == 0);
	}
}

static void range_verify(void *arg, u64 rounds)
{
	struct range_case *r = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_range_batch_init(r->batch, r->gens, r->random);
		for (unsigned i = 0; i < r->proofs; i++) {
			fog_merlin_init(&t, "bench");
			FOG_ASSERT(fog_range_batch_add(r->batch, &t, r->proof, r->proof_len,
						       r->commitment, r->bits, r->count) == 0);
		}
		FOG_ASSERT(fog_range_batch_verify(r->batch) == 0);
	}
}

static unsigned rounds_of(unsigned total)
{
	return (unsigned)__builtin_ctz(total);
}

/* S, T_1, T_2 and V; per round with vectors of `half`: L, R, and both folded. */
static double prove_multiplications(unsigned bits, unsigned count)
{
	unsigned total = bits * count;

	return 2 * total + 1 + 4 + 2 * count + 8 * (total - 1) + 2 * rounds_of(total);
}

/* Two generators per bit, both bases, A S T_1 T_2, L and R per round, V. */
static double verify_multiplications(unsigned bits, unsigned count)
{
	unsigned total = bits * count;

	return 2 * total + 6 + 2 * rounds_of(total) + count;
}

static void suite_range(struct bench *b, struct bare *bare)
{
	static const struct {
		unsigned bits, count;
	} sizes[] = {{8, 1}, {16, 1}, {32, 1}, {64, 1}, {64, 4}};
	static struct fog_range_gens gens;
	static struct fog_range_prover prover;
	static struct fog_range_batch batch;
	static struct range_case r = {.gens = &gens, .prover = &prover, .batch = &batch};
	struct bench_case c = {.ours_arg = &r, .theirs = bare_mul, .theirs_arg = bare};
	char name[64];

	fog_range_gens_init(&gens);
	c.name = name;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(sizes); i++) {
		r.bits = sizes[i].bits;
		r.count = sizes[i].count;
		r.proofs = 1;
		fog_random_bytes(r.random, sizeof(r.random));
		for (unsigned j = 0; j < r.count; j++) {
			fog_random_bytes(&r.value[j], sizeof(r.value[j]));
			r.value[j] >>= 64 - r.bits;
			fog_scalar_from_u64(&r.blinding[j], r.value[j] + 1);
		}
		range_prove(&r, 1);
		c.unit = "ns/proof";
		c.peer = "its multiplications, each alone (libsodium)";
		c.ours_divisor = 1;
		snprintf(name, sizeof(name), "zk.range_prove.%ux%u", r.count, r.bits);
		c.ours = range_prove;
		c.theirs_divisor = 1 / prove_multiplications(r.bits, r.count);
		bench_run(b, &c);
		snprintf(name, sizeof(name), "zk.range_verify.%ux%u", r.count, r.bits);
		c.ours = range_verify;
		c.theirs_divisor = 1 / verify_multiplications(r.bits, r.count);
		bench_run(b, &c);
		r.proofs = BATCH;
		snprintf(name, sizeof(name), "zk.range_batch%u.%ux%u", BATCH, r.count, r.bits);
		c.ours_divisor = BATCH;
		bench_run(b, &c);
	}
}

struct member_case {
	struct fog_member_work work;
	struct fog_ristretto list[MEMBERS];
	struct fog_member_statement statement;
	struct fog_scalar secret;
	u8 proof[FOG_MEMBER_PROOF_MAX];
	size_t proof_len;
	u8 random[32];
};

static void member_prove(void *arg, u64 rounds)
{
	struct member_case *m = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_merlin_init(&t, "bench");
		FOG_ASSERT(fog_member_prove(&m->work, &t, &m->statement, MEMBERS / 3, &m->secret,
					    m->random, m->proof, sizeof(m->proof),
					    &m->proof_len) == 0);
	}
}

static void member_verify(void *arg, u64 rounds)
{
	struct member_case *m = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_merlin_init(&t, "bench");
		FOG_ASSERT(fog_member_verify(&m->work, &t, &m->statement, m->proof, m->proof_len,
					     m->random) == 0);
	}
}

static void suite_member(struct bench *b, struct bare *bare)
{
	static struct member_case m = {.statement = {m.list, MEMBERS, FOG_MEMBER_KEY}};
	struct bench_case c = {.unit = "ns/proof",
			       .peer = "its multiplications, each alone (libsodium)",
			       .ours_arg = &m,
			       .theirs = bare_mul,
			       .theirs_arg = bare};
	unsigned depth = rounds_of(MEMBERS);
	u8 wide[FOG_UNIFORM_SIZE];

	for (unsigned i = 0; i < MEMBERS; i++) {
		fog_random_bytes(wide, sizeof(wide));
		fog_ristretto_from_uniform(&m.list[i], wide);
	}
	fog_scalar_reduce(&m.secret, wide);
	fog_ristretto_mul_base(&m.list[MEMBERS / 3], &m.secret);
	member_prove(&m, 1);
	c.name = "zk.member_prove.64";
	c.ours = member_prove;
	c.theirs_divisor = 1.0 / (depth * MEMBERS + 7 * depth);
	bench_run(b, &c);
	c.name = "zk.member_verify.64";
	c.ours = member_verify;
	c.theirs_divisor = 1.0 / (MEMBERS + 4 * depth + 2);
	bench_run(b, &c);
}

struct sigma_case {
	struct fog_sigma statement;
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX];
	u8 proof[FOG_SIGMA_PROOF_MAX];
	size_t proof_len;
	u8 random[32];
};

static void sigma_prove(void *arg, u64 rounds)
{
	struct sigma_case *s = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_merlin_init(&t, "bench");
		FOG_ASSERT(fog_sigma_prove(&t, &s->statement, 1, 0, s->witness, s->random, s->proof,
					   sizeof(s->proof), &s->proof_len) == 0);
	}
}

static void sigma_verify(void *arg, u64 rounds)
{
	struct sigma_case *s = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_merlin_init(&t, "bench");
		FOG_ASSERT(fog_sigma_verify(&t, &s->statement, 1, s->proof, s->proof_len) == 0);
	}
}

/* DLEQ: two equations of one term; the verifier has the two targets as well. */
static void suite_sigma(struct bench *b, struct bare *bare)
{
	static struct sigma_case s;
	struct bench_case c = {.unit = "ns/proof",
			       .peer = "its multiplications, each alone (libsodium)",
			       .ours_arg = &s,
			       .theirs = bare_mul,
			       .theirs_arg = bare};
	struct fog_ristretto p[4];
	u8 wide[FOG_UNIFORM_SIZE];

	fog_random_bytes(wide, sizeof(wide));
	fog_ristretto_base(&p[0]);
	fog_ristretto_from_uniform(&p[2], wide);
	fog_scalar_reduce(&s.witness[0], wide);
	fog_ristretto_mul(&p[1], &s.witness[0], &p[0]);
	fog_ristretto_mul(&p[3], &s.witness[0], &p[2]);
	fog_sigma_init(&s.statement);
	fog_sigma_dleq(&s.statement, fog_sigma_secret(&s.statement), &p[0], &p[1], &p[2], &p[3]);
	sigma_prove(&s, 1);
	c.name = "zk.dleq_prove";
	c.ours = sigma_prove;
	c.theirs_divisor = 1.0 / 2;
	bench_run(b, &c);
	c.name = "zk.dleq_verify";
	c.ours = sigma_verify;
	c.theirs_divisor = 1.0 / 4;
	bench_run(b, &c);
}

void bench_suite_zk(struct bench *b)
{
	struct bare bare;

	crypto_core_ristretto255_random(bare.point);
	crypto_core_ristretto255_scalar_random(bare.scalar);
	suite_sigma(b, &bare);
	suite_member(b, &bare);
	suite_range(b, &bare);
}
