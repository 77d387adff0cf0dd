/* SPDX-License-Identifier: BSD-3-Clause */
/* The slow path as a whole: rings, back-pressure, session indices. */
#include "dataplane/worker/slow.h"

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/ntor/ntor.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

static struct fog_slow slow;
static struct fog_arena arena;
static struct fog_slow_lane *request[2], *result[2];
static struct fog_ring to[2], from[2];
static const u8 sk[32] = {1}, onion[32] = {2}, seed[32] = {3};

static void begin(u32 workers)
{
	struct fog_slow_config c = {.workers = workers,
				    .boot_id = 9,
				    .link_sk = sk,
				    .onion_sk = onion,
				    .rng_seed = seed};

	memset(&slow, 0, sizeof(slow));
	memset(&arena, 0, sizeof(arena));
	for (u32 w = 0; w < workers; w++) {
		request[w] = c.request[w] = fog_arena_alloc(&arena, sizeof(*request[w]));
		result[w] = c.result[w] = fog_arena_alloc(&arena, sizeof(*result[w]));
		fog_ring_producer(&to[w], &request[w]->head, &request[w]->tail, request[w]->slots,
				  FOG_SLOW_RING_COUNT, sizeof(struct fog_slow_msg));
		fog_ring_consumer(&from[w], &result[w]->head, &result[w]->tail, result[w]->slots,
				  FOG_SLOW_RING_COUNT, sizeof(struct fog_slow_msg));
	}
	CU_ASSERT_EQUAL_FATAL(fog_slow_init(&slow, &arena, &c), 0);
}

static void end(void)
{
	fog_slow_wipe(&slow);
	fog_arena_free(&arena);
}

static void push_create(u32 w, u32 circuit)
{
	static struct fog_slow_msg m;

	memset(&m, 0, sizeof(m));
	m.type = FOG_SLOW_CREATE;
	m.worker = (u8)w;
	m.link = 3;
	m.circuit = circuit;
	m.serial = circuit + 1;
	m.length = 100;
	CU_ASSERT_EQUAL(fog_ring_push(&to[w], &m), 0);
}

static void test_life_cycle(void)
{
	static struct fog_slow_msg m;

	begin(2);
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), 0);
	push_create(1, 7);
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), 1);
	CU_ASSERT_EQUAL(fog_ring_pop(&from[1], &m), 0);
	CU_ASSERT_EQUAL(m.type, FOG_SLOW_CREATED);
	CU_ASSERT_EQUAL(m.link, 3);
	CU_ASSERT_EQUAL(m.circuit, 7);
	CU_ASSERT_EQUAL(m.serial, 8);
	CU_ASSERT_TRUE(m.created.status < 0); /* a hundred zeros are no onionskin */
	CU_ASSERT_EQUAL(fog_ring_pop(&from[0], &m), -EAGAIN);
	end();
}

static void test_bad_arguments(void)
{
	struct fog_slow_config c = {
		.workers = 1, .link_sk = sk, .onion_sk = onion, .rng_seed = seed};
	struct fog_arena full = {.count = FOG_ARENA_CHUNKS_MAX};

	for (u32 i = 0; i < 3; i++) {
		memset(&slow, 0, sizeof(slow));
		c.request[0] = c.result[0] = NULL;
		full.count = FOG_ARENA_CHUNKS_MAX - i;
		CU_ASSERT_EQUAL(fog_slow_init(&slow, &full, &c), -ENOMEM);
	}
	fog_slow_wipe(&slow);
	fog_arena_free(&full);
}

/* Nobody takes results: requests stay in their ring, nothing is lost, and all goes on after. */
static void test_back_pressure(void)
{
	static struct fog_slow_msg m;
	u32 got = 0, sent = 0;

	begin(2);
	while (fog_ring_free(&to[0]) > 0)
		push_create(0, ++sent);
	unsigned done = 0, n;
	while ((n = fog_slow_poll(&slow, 1)) > 0)
		done += n;
	CU_ASSERT_EQUAL(done, FOG_SLOW_RING_COUNT);
	for (unsigned i = 0; i < 40; i++)
		push_create(0, ++sent);
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), 0);
	/* The other worker is held up too, by design: it is one thread. */
	push_create(1, 1);
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), 0);
	while (got < sent) {
		u32 before = got;
		while (fog_ring_pop(&from[0], &m) == 0)
			CU_ASSERT_EQUAL(m.circuit, ++got);
		(void)fog_slow_poll(&slow, 1);
		CU_ASSERT_TRUE_FATAL(got > before || fog_ring_ready(&from[0]) > 0);
	}
	CU_ASSERT_EQUAL(fog_ring_pop(&from[1], &m), 0);
	end();
}

/* A burst shares the lanes: the good get keys that their client gets too, each its own, and the bad
 * between them an error. */
static void test_burst(void)
{
	static struct fog_ntor_client client[FOG_SLOW_BURST + 5];
	u8 keys[FOG_NTOR_CIRCUIT_KEYS], node_id[32] = {4}, secret[32];
	static struct fog_slow_msg m;
	size_t len;

	CU_ASSERT_EQUAL(fog_crypto_init(), 0); /* or there are no lanes */
	begin(1);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(client); i++) {
		struct fog_circuit_params params = {.version = 1, .backward_first = i + 1};
		memset(&m, 0, sizeof(m));
		m.type = FOG_SLOW_CREATE;
		m.circuit = i;
		memcpy(m.key, node_id, 32);
		memset(secret, (int)i + 1, sizeof(secret));
		CU_ASSERT_EQUAL_FATAL(fog_ntor_client_start(&client[i], node_id, slow.onion_pk,
							    NULL, 0, (const u8 *)&params,
							    sizeof(params), secret, m.skin,
							    sizeof(m.skin), &len),
				      0);
		m.length = (u16)len;
		if (i % 4 == 1)
			m.skin[len - 1] ^= 1; /* MAC */
		if (i % 4 == 2)
			memset(m.skin + 64, 0, 32); /* a key of low order */
		if (i % 8 == 3)
			m.length = 90;
		CU_ASSERT_EQUAL(fog_ring_push(&to[0], &m), 0);
	}
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), FOG_SLOW_BURST);
	CU_ASSERT_EQUAL(fog_slow_poll(&slow, 1), FOG_ARRAY_COUNT(client) - FOG_SLOW_BURST);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(client); i++) {
		bool good = i % 4 == 0 || i % 8 == 7;
		CU_ASSERT_EQUAL_FATAL(fog_ring_pop(&from[0], &m), 0);
		CU_ASSERT_EQUAL(m.circuit, i);
		CU_ASSERT_EQUAL(m.created.status == 0, good);
		if (!good) {
			CU_ASSERT(fog_is_zero(m.created.keys, sizeof(m.created.keys)));
			continue;
		}
		CU_ASSERT_EQUAL(m.created.backward_first, i + 1);
		CU_ASSERT_EQUAL(fog_ntor_client_finish(&client[i], m.created.body.skin,
						       m.created.body.length, NULL, 0, &len, keys,
						       sizeof(keys)),
				0);
		CU_ASSERT_EQUAL(memcmp(keys, m.created.keys, sizeof(keys)), 0);
	}
	end();
}

static void test_indices(void)
{
	struct fog_rng rng;
	u32 key[4], hits[16] = {0};
	static u8 seen[1 << 20];

	fog_rng_init_u64(&rng, 4);
	fog_rng_bytes(&rng, key, sizeof(key));
	memset(seen, 0, sizeof(seen));
	/* A permutation that tells the worker .. */
	for (u32 r = 0; r < 1 << 16; r++)
		for (u32 w = 0; w < FOG_WORKERS_MAX; w++) {
			u32 index = fog_session_index(key, r, w);
			CU_ASSERT_EQUAL_FATAL(fog_session_worker(key, index), w);
		}
	for (u32 i = 0; i < 1 << 20; i++) {
		u32 index = fog_session_index(key, i >> 4, i & 15);
		u32 bucket = index >> 12;
		seen[bucket] = (u8)FOG_MIN(seen[bucket] + 1, 255);
		if ((i & 15) == 3)
			hits[index & 15]++;
	}
	u32 empty = 0;
	for (u32 i = 0; i < 1 << 20; i++)
		empty += seen[i] == 0;
	/* .. and spreads over all values: a random function leaves 1/e empty. */
	CU_ASSERT_TRUE(empty > 370000 && empty < 400000);
	/* The low bits, where the worker was, tell nothing: 4096 each, six sigma is 370. */
	for (u32 i = 0; i < 16; i++)
		CU_ASSERT_TRUE(hits[i] > 3726 && hits[i] < 4466);
}

FOG_TEST_MAIN("dataplane/worker/slow", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_back_pressure), FOG_TEST(test_burst), FOG_TEST(test_indices))
