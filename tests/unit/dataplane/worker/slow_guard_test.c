/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "dataplane/worker/slow.h"
#include "dataplane/worker/slow_wire.h"
#include "tests/unit/fog_test.h"

static struct fog_slow slow;
static struct fog_arena arena;
static const u8 sk[32] = {1}, onion[32] = {2}, seed[32] = {3};

static void begin(void)
{
	struct fog_slow_config c = {
		.workers = 1, .boot_id = 9, .link_sk = sk, .onion_sk = onion, .rng_seed = seed};

	memset(&slow, 0, sizeof(slow));
	memset(&arena, 0, sizeof(arena));
	c.request[0] = fog_arena_alloc(&arena, sizeof(struct fog_slow_lane));
	c.result[0] = fog_arena_alloc(&arena, sizeof(struct fog_slow_lane));
	CU_ASSERT_EQUAL_FATAL(fog_slow_init(&slow, &arena, &c), 0);
}

static void end(void)
{
	fog_slow_wipe(&slow);
	fog_arena_free(&arena);
}

static struct fog_address address_of(u8 last, u16 port)
{
	struct fog_address a = {.port = port};

	a.ip[10] = a.ip[11] = 0xff;
	a.ip[15] = last;
	return a;
}

/* INIT -> COOKIE -> INIT with mac2, as the two sides would. */
static void test_life_cycle(void)
{
	u8 init[FOG_DGRAM_SIZE], answer[FOG_DGRAM_SIZE];
	struct fog_address from = address_of(7, 100);
	struct fog_peer peer = {.used = true, .pending = true};

	begin();
	fog_guard_turn(&slow, 1);
	fog_rng_bytes(&slow.rng, init, sizeof(init));
	memcpy(peer.pk, slow.link_pk, 32);
	memcpy(peer.mac1, init + FOG_INIT_MAC1, 16);
	CU_ASSERT_FALSE(fog_guard_proven(&slow, init, &from));
	fog_guard_answer(&slow, init, &from, answer);
	CU_ASSERT_EQUAL(answer[0], FOG_DGRAM_COOKIE);
	CU_ASSERT_EQUAL(memcmp(answer + 4, init + FOG_INIT_SENDER, 4), 0);
	CU_ASSERT_EQUAL(fog_guard_accept(&peer, answer, 5), 0);
	CU_ASSERT_TRUE(peer.cookie_valid);
	CU_ASSERT_EQUAL(peer.cookie_ns, 5);
	fog_guard_mac(init + FOG_INIT_MAC2, 16, peer.cookie, 16, init, FOG_INIT_MAC2);
	CU_ASSERT_TRUE(fog_guard_proven(&slow, init, &from));
	/* It proves this address and port only .. */
	struct fog_address other = address_of(8, 100);
	CU_ASSERT_FALSE(fog_guard_proven(&slow, init, &other));
	other = address_of(7, 101);
	CU_ASSERT_FALSE(fog_guard_proven(&slow, init, &other));
	/* .. and this datagram. */
	init[50] ^= 1;
	CU_ASSERT_FALSE(fog_guard_proven(&slow, init, &from));
	init[50] ^= 1;
	/* One turn of the secret later it still counts, two turns later not. */
	fog_guard_turn(&slow, 1 + FOG_COOKIE_LIFE_NS);
	CU_ASSERT_TRUE(fog_guard_proven(&slow, init, &from));
	fog_guard_turn(&slow, 2 + FOG_COOKIE_LIFE_NS); /* not due */
	CU_ASSERT_TRUE(fog_guard_proven(&slow, init, &from));
	fog_guard_turn(&slow, 1 + 2 * FOG_COOKIE_LIFE_NS);
	CU_ASSERT_FALSE(fog_guard_proven(&slow, init, &from));
	end();
}

/* Every byte of a COOKIE but the index counts. */
static void test_bad_arguments(void)
{
	u8 init[FOG_DGRAM_SIZE], answer[FOG_DGRAM_SIZE];
	struct fog_address from = address_of(7, 100);
	struct fog_peer peer = {.used = true, .pending = true};

	begin();
	fog_rng_bytes(&slow.rng, init, sizeof(init));
	memcpy(peer.pk, slow.link_pk, 32);
	memcpy(peer.mac1, init + FOG_INIT_MAC1, 16);
	fog_guard_answer(&slow, init, &from, answer);
	for (u32 i = 0; i < FOG_DGRAM_SIZE; i++) {
		answer[i] ^= 0x10;
		CU_ASSERT_EQUAL(fog_guard_accept(&peer, answer, 5), -EBADMSG);
		answer[i] ^= 0x10;
	}
	CU_ASSERT_FALSE(peer.cookie_valid);
	/* An answer to another INIT, or of another host. */
	peer.mac1[0] ^= 1;
	CU_ASSERT_EQUAL(fog_guard_accept(&peer, answer, 5), -EBADMSG);
	peer.mac1[0] ^= 1;
	peer.pk[0] ^= 1;
	CU_ASSERT_EQUAL(fog_guard_accept(&peer, answer, 5), -EBADMSG);
	peer.pk[0] ^= 1;
	CU_ASSERT_EQUAL(fog_guard_accept(&peer, answer, 5), 0);
	end();
}

static void test_buckets(void)
{
	struct fog_address from = address_of(7, 100), port = address_of(7, 101),
			   other = address_of(9, 100);
	u64 now = 1000 * FOG_NS_PER_S;
	u32 granted = 0;

	begin();
	for (u32 i = 0; i < 100; i++)
		granted += fog_guard_admit(&slow, &from, false, 10, now);
	CU_ASSERT_EQUAL(granted, FOG_HANDSHAKE_BURST);
	/* Another port is the same host; a proven source and another host are not. */
	CU_ASSERT_FALSE(fog_guard_admit(&slow, &port, false, 10, now));
	CU_ASSERT_TRUE(fog_guard_admit(&slow, &from, true, 10, now));
	CU_ASSERT_TRUE(fog_guard_admit(&slow, &other, false, 10, now));
	granted = 0;
	for (u32 i = 0; i < 5000; i++) {
		now += FOG_NS_PER_MS;
		granted += fog_guard_admit(&slow, &from, false, 10, now);
	}
	CU_ASSERT_TRUE(granted >= 49 && granted <= 50);
	/* Without a policy there is a rate all the same. */
	granted = 0;
	for (u32 i = 0; i < 100; i++)
		granted += fog_guard_admit(&slow, &other, true, 0, now);
	CU_ASSERT_EQUAL(granted, FOG_HANDSHAKE_BURST);
	end();
}

FOG_TEST_MAIN("dataplane/worker/slow_guard", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_buckets))
