/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cgo.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define HOPS 3

struct side {
	struct fog_cgo state[HOPS];
	struct fog_cgo *hop[HOPS];
};

static void side_init(struct side *s, u8 label)
{
	u8 keys[FOG_CGO_KEYS_SIZE];

	for (unsigned i = 0; i < HOPS; i++) {
		memset(keys, label + i, sizeof(keys));
		fog_cgo_init(&s->state[i], keys);
		s->hop[i] = &s->state[i];
	}
}

/* A cell to each hop and one back, several times, as two sides with separate states see them. */
static void life_cycle_body(void)
{
	struct side client_out, client_in, relay_out, relay_in;
	u8 body[FOG_CGO_BODY_SIZE], payload[FOG_CGO_BODY_SIZE - FOG_CGO_TAG_SIZE];

	side_init(&client_out, 10);
	side_init(&relay_out, 10);
	side_init(&client_in, 20);
	side_init(&relay_in, 20);
	for (unsigned turn = 0; turn < 12; turn++) {
		unsigned target = turn % HOPS, at = 0;
		memset(payload, turn, sizeof(payload));
		memcpy(body + FOG_CGO_TAG_SIZE, payload, sizeof(payload));
		CU_ASSERT_EQUAL(fog_cgo_client_originate(client_out.hop, target, 3, body), 0);
		while (at < HOPS && !fog_cgo_relay_forward(relay_out.hop[at], 3, body))
			at++;
		CU_ASSERT_EQUAL_FATAL(at, target);
		CU_ASSERT(memcmp(body + FOG_CGO_TAG_SIZE, payload, sizeof(payload)) == 0);

		fog_cgo_relay_originate(relay_in.hop[target], 3, body);
		for (unsigned i = target; i-- > 0;)
			fog_cgo_relay_backward(relay_in.hop[i], 3, body);
		CU_ASSERT_EQUAL_FATAL(fog_cgo_client_decrypt(client_in.hop, HOPS, 3, body), target);
		CU_ASSERT(memcmp(body + FOG_CGO_TAG_SIZE, payload, sizeof(payload)) == 0);
	}
	fog_cgo_wipe(&client_out.state[0]);
	CU_ASSERT(fog_is_zero(&client_out.state[0], sizeof(struct fog_cgo)));
}

static void test_life_cycle(void)
{
	each_path(life_cycle_body);
}

static void test_bad_arguments(void)
{
	u8 body[FOG_CGO_BODY_SIZE] = {0};
	struct side client, relay;

	side_init(&client, 1);
	side_init(&relay, 1);
	CU_ASSERT_EQUAL(fog_cgo_client_originate(client.hop, FOG_CGO_HOPS_MAX, 3, body), -EINVAL);
	CU_ASSERT_EQUAL(fog_cgo_client_decrypt(client.hop, 0, 3, body), -EINVAL);
	CU_ASSERT_EQUAL(fog_cgo_client_decrypt(client.hop, FOG_CGO_HOPS_MAX + 1, 3, body), -EINVAL);
	/* A cell nobody made, one under another command, and one changed in its last bit. */
	CU_ASSERT_EQUAL(fog_cgo_client_decrypt(client.hop, HOPS, 3, body), -EBADMSG);
	side_init(&client, 1);
	CU_ASSERT_EQUAL(fog_cgo_client_originate(client.hop, 0, 3, body), 0);
	CU_ASSERT_FALSE(fog_cgo_relay_forward(relay.hop[0], 4, body));
	side_init(&client, 1);
	side_init(&relay, 1);
	CU_ASSERT_EQUAL(fog_cgo_client_originate(client.hop, 0, 3, body), 0);
	body[FOG_CGO_BODY_SIZE - 1] ^= 1;
	CU_ASSERT_FALSE(fog_cgo_relay_forward(relay.hop[0], 3, body));
}

static void vectors_body(void)
{
	json_t *root = vectors_load("tor/cgo_vectors.json");
	json_t *list = json_object_get(json_object_get(root, "vectors"), "CGO_RELAY_TESTVECS");
	u8 keys[FOG_CGO_KEYS_SIZE], body[FOG_CGO_BODY_SIZE], expect_body[FOG_CGO_BODY_SIZE];
	u8 command, chain[16];
	struct fog_cgo cgo, expect;
	json_t *v;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 7);
	json_array_foreach(list, i, v)
	{
		bool inbound = json_is_true(json_array_get(v, 0));
		json_t *state = json_array_get(v, 1), *result = json_array_get(v, 5);
		json_t *state_after = json_array_get(result, 0), *out = json_array_get(result, 1);
		vectors_hex(json_array_get(state, 0), keys, 64);
		vectors_hex(json_array_get(state, 1), keys + 64, 16);
		vectors_hex(json_array_get(state, 2), chain, 16);
		fog_cgo_init(&cgo, keys);
		memcpy(cgo.chain, chain, 16);
		vectors_hex(json_array_get(v, 2), &command, 1);
		vectors_hex(json_array_get(v, 3), body, 16);
		CU_ASSERT_EQUAL(vectors_hex(json_array_get(v, 4), body + 16, 493), 493);
		vectors_hex(json_array_get(state_after, 0), keys, 64);
		vectors_hex(json_array_get(state_after, 1), keys + 64, 16);
		fog_cgo_init(&expect, keys);
		vectors_hex(json_array_get(state_after, 2), expect.chain, 16);
		vectors_hex(json_array_get(out, 0), expect_body, 16);
		vectors_hex(json_array_get(out, 1), expect_body + 16, 493);
		if (inbound)
			fog_cgo_relay_backward(&cgo, command, body);
		else
			(void)fog_cgo_relay_forward(&cgo, command, body);
		CU_ASSERT(memcmp(body, expect_body, sizeof(body)) == 0);
		CU_ASSERT(memcmp(&cgo.key, &expect.key, sizeof(cgo.key)) == 0);
		CU_ASSERT(memcmp(cgo.nonce, expect.nonce, sizeof(cgo.nonce)) == 0);
		CU_ASSERT(memcmp(cgo.chain, expect.chain, sizeof(cgo.chain)) == 0);
	}
	json_decref(root);
}

static void test_vectors(void)
{
	each_path(vectors_body);
}

/* Batches against one by one: several cells of a circuit in a batch, some of them recognized. */
static void many_body(void)
{
	enum { CIRCUITS = 7, JOBS = 33 };
	static struct fog_cgo one[CIRCUITS], all[CIRCUITS];
	static u8 a[JOBS][FOG_CGO_BODY_SIZE], b[JOBS][FOG_CGO_BODY_SIZE];
	struct fog_cgo_job jobs[JOBS];
	struct fog_cgo client[CIRCUITS];
	u8 keys[FOG_CGO_KEYS_SIZE];
	struct fog_rng rng;
	unsigned recognized = 0;

	rng_start(&rng);
	for (unsigned i = 0; i < CIRCUITS; i++) {
		fog_rng_bytes(&rng, keys, sizeof(keys));
		fog_cgo_init(&one[i], keys);
		fog_cgo_init(&all[i], keys);
		fog_cgo_init(&client[i], keys);
	}
	for (unsigned round = 0; round < 40; round++) {
		unsigned count = (unsigned)fog_rng_below(&rng, JOBS + 1);
		bool want[JOBS];
		for (unsigned i = 0; i < count; i++) {
			unsigned c = (unsigned)(round % 2 ? fog_rng_below(&rng, CIRCUITS)
							  : i % CIRCUITS);
			u8 command = (u8)fog_rng_below(&rng, 256);
			fog_rng_bytes(&rng, a[i], FOG_CGO_BODY_SIZE);
			if (round < 20 && fog_rng_below(&rng, 3) == 0) {
				struct fog_cgo *hop = &client[c];
				(void)fog_cgo_client_originate(&hop, 0, command, a[i]);
			}
			memcpy(b[i], a[i], FOG_CGO_BODY_SIZE);
			want[i] = fog_cgo_relay_forward(&one[c], command, a[i]);
			recognized += want[i];
			client[c] = one[c]; /* a client that saw the same cells */
			jobs[i] = (struct fog_cgo_job){
				.cgo = &all[c], .body = b[i], .command = command};
		}
		fog_cgo_relay_many(jobs, count);
		for (unsigned i = 0; i < count; i++) {
			CU_ASSERT_EQUAL(jobs[i].recognized, want[i]);
			CU_ASSERT_EQUAL(memcmp(a[i], b[i], FOG_CGO_BODY_SIZE), 0);
		}
		CU_ASSERT_EQUAL(memcmp(one, all, sizeof(one)), 0);
	}
	CU_ASSERT(recognized > 10);
}

static void test_many(void)
{
	each_path(many_body);
}

FOG_TEST_MAIN("crypto/cell/cgo", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_vectors), FOG_TEST(test_many))
