/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cell.h"

#include "tests/unit/crypto/vectors.h"

#define HOPS 3
#define JOBS 21

static struct fog_rng rng;

/* A cell out to every hop and one back from it: the relays only encrypt, the client only decrypts,
 * and the cell is recognized at its target and nowhere before. */
static void round_trip(const struct fog_cell_key *key, unsigned target, u64 sequence, u8 direction)
{
	u8 body[FOG_ONION_BODY_SIZE] = {0}, payload[FOG_ONION_RIGHT_SIZE];
	struct fog_cell_job job = {.in = body,
				   .out = body,
				   .sequence = sequence,
				   .direction = direction,
				   .command = 3};
	bool forward = direction == FOG_CELL_FORWARD;

	fog_rng_bytes(&rng, payload, sizeof(payload));
	memcpy(body + FOG_ONION_LEFT_SIZE, payload, sizeof(payload));
	for (unsigned i = 0; i <= target; i++) {
		job.key = &key[target - i];
		if (forward)
			fog_cell_decrypt_many(&job, 1);
		else
			fog_cell_encrypt_many(&job, 1);
		CU_ASSERT_FALSE(fog_cell_recognized(body));
	}
	for (unsigned i = 0; i <= target; i++) {
		job.key = &key[i];
		if (forward)
			fog_cell_encrypt_many(&job, 1);
		else
			fog_cell_decrypt_many(&job, 1);
		CU_ASSERT_EQUAL(fog_cell_recognized(body), i == target);
	}
	CU_ASSERT(memcmp(body + FOG_ONION_LEFT_SIZE, payload, sizeof(payload)) == 0);
}

static void life_cycle_body(void)
{
	struct fog_cell_key key[HOPS];
	u8 seed[FOG_CELL_SEED_SIZE];

	for (unsigned i = 0; i < HOPS; i++) {
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_cell_key_init(&key[i], seed);
	}
	for (unsigned target = 0; target < HOPS; target++) {
		round_trip(key, target, target, FOG_CELL_FORWARD);
		round_trip(key, target, UINT64_MAX - target, FOG_CELL_BACKWARD);
	}
	for (unsigned i = 0; i < HOPS; i++) {
		fog_cell_key_wipe(&key[i]);
		CU_ASSERT(fog_is_zero(&key[i], sizeof(key[i])));
	}
}

static void test_life_cycle(void)
{
	rng_start(&rng);
	each_path(life_cycle_body);
}

/* Any part of the tweak, any byte of the key's seed or of the body that differs garbles everything:
 * no 16-byte block of the body survives. */
static unsigned blocks_equal(const u8 *a, const u8 *b)
{
	unsigned equal = 0;

	for (unsigned i = 0; i < FOG_ONION_BODY_SIZE; i += 16)
		equal += memcmp(a + i, b + i, 16) == 0;
	return equal;
}

static void tamper_body(void)
{
	u8 seed[FOG_CELL_SEED_SIZE], in[FOG_ONION_BODY_SIZE] = {1}, good[FOG_ONION_BODY_SIZE];
	u8 out[FOG_ONION_BODY_SIZE];
	struct fog_cell_key key, other;
	struct fog_cell_job job = {&key, in, good, 77, FOG_CELL_FORWARD, 3}, bad;

	fog_rng_bytes(&rng, seed, sizeof(seed));
	fog_cell_key_init(&key, seed);
	fog_cell_encrypt_many(&job, 1);
	for (unsigned i = 0; i < 4; i++) {
		bad = job;
		bad.out = out;
		bad.direction += i == 0;
		bad.command += i == 1;
		bad.sequence += i == 2;
		bad.sequence += i == 3 ? 1ull << 63 : 0;
		fog_cell_encrypt_many(&bad, 1);
		CU_ASSERT_EQUAL(blocks_equal(good, out), 0);
	}
	bad = job;
	bad.out = out;
	for (unsigned bit = 0; bit < FOG_ONION_BODY_SIZE * 8; bit += 13) {
		in[bit / 8] ^= 1 << bit % 8;
		fog_cell_encrypt_many(&bad, 1);
		CU_ASSERT_EQUAL(blocks_equal(good, out), 0);
		in[bit / 8] ^= 1 << bit % 8;
	}
	for (unsigned i = 0; i < 64; i++) {
		seed[i] ^= 0x80;
		fog_cell_key_init(&other, seed);
		seed[i] ^= 0x80;
		bad.key = &other;
		fog_cell_encrypt_many(&bad, 1);
		/* K and B leave the left block alone: it is ET's, under J. */
		CU_ASSERT_EQUAL(blocks_equal(good, out), i < 32 ? 0 : 1);
	}
}

static void test_tamper(void)
{
	rng_start(&rng);
	each_path(tamper_body);
}

static void test_bad_arguments(void)
{
	u8 body[FOG_ONION_BODY_SIZE] = {0};

	fog_cell_encrypt_many(NULL, 0);
	fog_cell_decrypt_many(NULL, 0);
	CU_ASSERT(fog_cell_recognized(body));
	body[FOG_ONION_LEFT_SIZE] = 1;
	CU_ASSERT(fog_cell_recognized(body));
	for (unsigned i = 0; i < FOG_ONION_LEFT_SIZE * 8; i++) {
		memset(body, 0, sizeof(body));
		body[i / 8] = 1 << i % 8;
		CU_ASSERT_FALSE(fog_cell_recognized(body));
	}
}

/* The layer is UIV+ with the documented tweak: the general function is the model. */
static void model_body(void)
{
	static u8 in[JOBS][FOG_ONION_BODY_SIZE + 1], out[JOBS][FOG_ONION_BODY_SIZE + 1];
	static struct fog_cell_key key[JOBS];
	u8 seed[FOG_CELL_SEED_SIZE], expect[FOG_ONION_BODY_SIZE], tweak[16];
	struct fog_cell_job job[JOBS] = {{0}};

	for (unsigned count = 0; count <= JOBS; count++) {
		for (unsigned i = 0; i < count; i++) {
			fog_rng_bytes(&rng, seed, sizeof(seed));
			fog_rng_bytes(&rng, in[i], sizeof(in[i]));
			fog_cell_key_init(&key[i], seed);
			/* Some share a key, some are in place, some unaligned. */
			bool inplace = i % 3 == 0;
			unsigned at = i % 2;
			job[i] = (struct fog_cell_job){
				.key = &key[i % 5 == 4 ? 0 : i],
				.in = in[i] + at,
				.out = inplace ? in[i] + at : out[i] + at,
				.sequence = fog_rng_u64(&rng),
				.direction = 1 + i % 2,
				.command = fog_rng_below(&rng, 256),
			};
			if (inplace)
				memcpy(out[i], in[i], sizeof(in[i]));
		}
		fog_cell_encrypt_many(job, count);
		for (unsigned i = 0; i < count; i++) {
			memset(tweak, 0, sizeof(tweak));
			tweak[0] = job[i].direction;
			tweak[1] = job[i].command;
			fog_store_u64(tweak + 8, job[i].sequence);
			const u8 *plain = i % 3 == 0 ? out[i] + i % 2 : job[i].in;
			fog_uiv_encrypt(&job[i].key->uiv, tweak, 16, plain, expect, sizeof(expect));
			CU_ASSERT_FATAL(memcmp(expect, job[i].out, sizeof(expect)) == 0);
			memcpy(expect, plain, sizeof(expect));
			struct fog_cell_job back = job[i];
			back.in = job[i].out;
			fog_cell_decrypt_many(&back, 1);
			CU_ASSERT_FATAL(memcmp(expect, job[i].out, sizeof(expect)) == 0);
		}
	}
}

static void test_model(void)
{
	rng_start(&rng);
	each_path(model_body);
}

/* A batch gives the same bytes on every path, in both directions. */
static u8 reference[2][JOBS][FOG_ONION_BODY_SIZE];
static u64 batch_seed;

static void paths_body(void)
{
	static struct fog_cell_key key[JOBS];
	static u8 in[JOBS][FOG_ONION_BODY_SIZE], out[2][JOBS][FOG_ONION_BODY_SIZE];
	struct fog_cell_job job[JOBS] = {{0}};
	u8 seed[FOG_CELL_SEED_SIZE];

	fog_rng_init_u64(&rng, batch_seed);
	for (unsigned i = 0; i < JOBS; i++) {
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_cell_key_init(&key[i], seed);
		fog_rng_bytes(&rng, in[i], sizeof(in[i]));
		job[i] = (struct fog_cell_job){&key[i], in[i], out[0][i], fog_rng_u64(&rng), 1, 2};
	}
	fog_cell_encrypt_many(job, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		job[i].out = out[1][i];
	fog_cell_decrypt_many(job, JOBS);
	if (strcmp(fog_crypto_cpu(), fog_crypto_path(0)) == 0)
		memcpy(reference, out, sizeof(out));
	CU_ASSERT(memcmp(reference, out, sizeof(out)) == 0);
}

static void test_paths(void)
{
	rng_start(&rng);
	batch_seed = fog_rng_u64(&rng);
	each_path(paths_body);
}

/* The ratchet is deterministic, in place or not, and moves to a key the old one cannot read. */
static void ratchet_body(void)
{
	u8 seed[FOG_CELL_SEED_SIZE] = {5};
	struct fog_cell_key first, second, again;

	fog_cell_key_init(&first, seed);
	fog_cell_key_ratchet(&second, &first);
	CU_ASSERT(memcmp(&first, &second, sizeof(first)) != 0);
	again = first;
	fog_cell_key_ratchet(&again, &again);
	CU_ASSERT(memcmp(&again, &second, sizeof(again)) == 0);
	fog_cell_key_ratchet(&again, &again);
	CU_ASSERT(memcmp(&again, &second, sizeof(again)) != 0);
	/* BLAKE2b-512, key 05 00.. (64 bytes), "fog cell key ratchet v1": Python's hashlib. */
	u8 expect[16];
	CU_ASSERT_EQUAL(fog_hex_decode("3c0d2a8bd28f77a82e7101c4f00bdb5e", expect, 16), 0);
	CU_ASSERT(memcmp(second.uiv.seed, expect, 16) == 0);
}

static void test_ratchet(void)
{
	each_path(ratchet_body);
}

FOG_TEST_MAIN("crypto/cell/cell", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_tamper), FOG_TEST(test_model), FOG_TEST(test_paths),
	      FOG_TEST(test_ratchet))
