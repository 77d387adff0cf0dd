/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/merlin.h"

#include "tests/unit/crypto/vectors.h"

static const char *text_at(const json_t *list, size_t i)
{
	return json_string_value(json_array_get(list, i));
}

/* Runs a vector's own list of operations; returns the number of challenges compared. */
static unsigned vector_run(const json_t *vector)
{
	const json_t *ops = json_object_get(vector, "ops");
	const json_t *expect = json_object_get(vector, "challenges");
	u8 msg[512], out[64], want[64];
	struct fog_merlin t;
	unsigned seen = 0;

	fog_merlin_init(&t, json_string_value(json_object_get(vector, "protocol_label")));
	for (size_t i = 0; i < json_array_size(ops); i++) {
		const json_t *op = json_array_get(ops, i);
		const json_t *what = json_array_get(op, 2);
		if (strcmp(text_at(op, 0), "append") == 0) {
			size_t len = vectors_hex(what, msg, sizeof(msg));
			fog_merlin_append(&t, text_at(op, 1), msg, len);
			continue;
		}
		size_t len = json_integer_value(what);
		fog_merlin_challenge(&t, text_at(op, 1), out, len);
		CU_ASSERT_EQUAL(vectors_hex(json_array_get(expect, seen), want, sizeof(want)), len);
		CU_ASSERT(memcmp(out, want, len) == 0);
		seen++;
	}
	CU_ASSERT(ops == NULL || seen == json_array_size(expect));
	return seen;
}

static void test_life_cycle(void)
{
	json_t *root = vectors_load("merlin/merlin_vectors.json"), *vector;
	unsigned seen = 0;
	size_t i;

	json_array_foreach(json_object_get(root, "vectors"), i, vector) seen += vector_run(vector);
	CU_ASSERT_EQUAL(seen, 15);
	json_decref(root);
}

/* The second published vector: a kilobyte and the last challenge go back in, 32 times. */
static void test_complex(void)
{
	json_t *root = vectors_load("merlin/merlin_vectors.json");
	json_t *expect =
		json_object_get(json_array_get(json_object_get(root, "vectors"), 1), "challenges");
	u8 big[1024], out[32], want[32];
	struct fog_merlin t;

	memset(big, 99, sizeof(big));
	fog_merlin_init(&t, "test protocol");
	fog_merlin_append(&t, "step1", "some data", 9);
	CU_ASSERT_EQUAL(json_array_size(expect), 32);
	for (unsigned i = 0; i < 32; i++) {
		fog_merlin_challenge(&t, "challenge", out, sizeof(out));
		CU_ASSERT_EQUAL(vectors_hex(json_array_get(expect, i), want, 32), 32);
		CU_ASSERT(memcmp(out, want, 32) == 0);
		fog_merlin_append(&t, "bigdata", big, sizeof(big));
		fog_merlin_append(&t, "challengedata", out, sizeof(out));
	}
	json_decref(root);
}

/* Nothing said in two ways may give one challenge: 1 other label of the protocol, 2 of the message,
 * 3 other message, 4 a byte moved from label to message, 5 a message in two, 6 order, 7 length of
 * the challenge, 8 its label. Case 0 is the one the others are compared with. */
static void separate(unsigned which, u8 out[32])
{
	struct fog_merlin t;

	fog_merlin_init(&t, which == 1 ? "other" : "test");
	if (which == 4)
		fog_merlin_append(&t, "labe", "lab", 3);
	else if (which == 5) {
		fog_merlin_append(&t, "label", "a", 1);
		fog_merlin_append(&t, "label", "b", 1);
	} else if (which != 6)
		fog_merlin_append(&t, which == 2 ? "lebal" : "label", which == 3 ? "ac" : "ab", 2);
	fog_merlin_append_u64(&t, "number", 7);
	if (which == 6)
		fog_merlin_append(&t, "label", "ab", 2);
	memset(out, 0, 32);
	fog_merlin_challenge(&t, which == 8 ? "d" : "c", out, which == 7 ? 31 : 32);
	out[31] = 0;
}

static void test_separation(void)
{
	u8 first[32], other[32];

	separate(0, first);
	for (unsigned i = 1; i <= 8; i++) {
		separate(i, other);
		CU_ASSERT(memcmp(first, other, 32) != 0);
	}
	separate(0, other);
	CU_ASSERT(memcmp(first, other, 32) == 0);
}

static void draw(u8 out[48], const char *said, const char *secret, u8 random)
{
	u8 bytes[FOG_MERLIN_RANDOM_SIZE], before[16], after[16];
	struct fog_merlin t, copy;
	struct fog_merlin_rng r;

	memset(bytes, random, sizeof(bytes));
	fog_merlin_init(&t, "rng");
	fog_merlin_append(&t, "said", said, strlen(said));
	copy = t;
	fog_merlin_rng_fork(&r, &t);
	fog_merlin_rng_key(&r, "secret", secret, strlen(secret));
	fog_merlin_rng_finish(&r, bytes);
	fog_merlin_rng_bytes(&r, out, 24);
	fog_merlin_rng_bytes(&r, out + 24, 24);
	fog_merlin_challenge(&t, "c", before, sizeof(before));
	fog_merlin_challenge(&copy, "c", after, sizeof(after));
	CU_ASSERT(memcmp(before, after, sizeof(before)) == 0);
	fog_merlin_rng_wipe(&r);
	fog_merlin_wipe(&t);
	CU_ASSERT(fog_is_zero(&r, sizeof(r)));
	CU_ASSERT(fog_is_zero(&t, sizeof(t)));
}

/* A prover's numbers depend on statement, secret and random bytes, each alone. */
static void test_rng(void)
{
	u8 first[48], other[48];

	draw(first, "statement", "witness", 1);
	CU_ASSERT(memcmp(first, first + 24, 24) != 0);
	draw(other, "statement", "witness", 1);
	CU_ASSERT(memcmp(first, other, sizeof(first)) == 0);
	draw(other, "statemenu", "witness", 1);
	CU_ASSERT(memcmp(first, other, 24) != 0);
	draw(other, "statement", "witnesr", 1);
	CU_ASSERT(memcmp(first, other, 24) != 0);
	draw(other, "statement", "witness", 2);
	CU_ASSERT(memcmp(first, other, 24) != 0);
}

FOG_TEST_MAIN("crypto/zk/merlin", FOG_TEST(test_life_cycle), FOG_TEST(test_complex),
	      FOG_TEST(test_separation), FOG_TEST(test_rng))
