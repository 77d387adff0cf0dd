/* SPDX-License-Identifier: BSD-3-Clause */
/* What a relay pays per circuit and per link, and per signature: beside OpenSSL's bare primitive,
 * which the handshake cannot go below with that library. */
#include "bench/bench.h"

#include <openssl/evp.h>

#include "crypto/curve/x25519.h"
#include "crypto/ntor/ntor.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "dataplane/worker/slow.h"

struct handshake {
	u8 relay_id[32];
	u8 relay_sk[32];
	u8 relay_pk[32];
	u8 ephemeral[32];
	struct fog_ntor_client client;
	u8 skin[256];
	size_t skin_len;
	u8 reply[256];
	u8 keys[FOG_NTOR_CIRCUIT_KEYS];
	u8 sign_pk[FOG_SIGN_PUBLIC_SIZE];
	u8 sign_sk[FOG_SIGN_SECRET_SIZE];
	u8 signature[FOG_SIGN_SIZE];
	u8 message[256];
	EVP_PKEY *x25519;
	EVP_PKEY *x25519_peer;
	EVP_PKEY *ed25519;
};

static void ntor_server(void *arg, u64 rounds)
{
	struct handshake *h = arg;
	u8 msg[64];
	size_t msg_len;
	size_t len;

	while (rounds-- != 0)
		FOG_ASSERT(fog_ntor_server(h->relay_id, h->relay_sk, h->relay_pk, NULL, 0, h->skin,
					   h->skin_len, NULL, 0, msg, sizeof(msg), &msg_len,
					   h->ephemeral, h->reply, sizeof(h->reply), &len, h->keys,
					   sizeof(h->keys)) == 0);
}

/* The slow path under load: a burst of onionskins in, as many answers out. */
struct burst {
	struct fog_slow slow;
	struct fog_arena arena;
	struct fog_ring request, result;
	struct fog_slow_msg create;
};

static void burst_setup(struct burst *b, const struct handshake *h)
{
	struct fog_slow_config c = {.workers = 1,
				    .link_sk = h->relay_sk,
				    .onion_sk = h->relay_sk,
				    .rng_seed = h->ephemeral};
	struct fog_circuit_params params = {.version = 1, .backward_first = 1};
	struct fog_ntor_client client;
	size_t len;

	c.request[0] = fog_arena_alloc(&b->arena, sizeof(*c.request[0]));
	c.result[0] = fog_arena_alloc(&b->arena, sizeof(*c.result[0]));
	FOG_ASSERT(c.request[0] != NULL && c.result[0] != NULL);
	fog_ring_producer(&b->request, &c.request[0]->head, &c.request[0]->tail,
			  c.request[0]->slots, FOG_SLOW_RING_COUNT, sizeof(struct fog_slow_msg));
	fog_ring_consumer(&b->result, &c.result[0]->head, &c.result[0]->tail, c.result[0]->slots,
			  FOG_SLOW_RING_COUNT, sizeof(struct fog_slow_msg));
	FOG_ASSERT(fog_slow_init(&b->slow, &b->arena, &c) == 0);
	b->create.type = FOG_SLOW_CREATE;
	memcpy(b->create.key, h->relay_id, 32);
	FOG_ASSERT(fog_ntor_client_start(&client, h->relay_id, h->relay_pk, NULL, 0,
					 (const u8 *)&params, sizeof(params), h->ephemeral,
					 b->create.skin, sizeof(b->create.skin), &len) == 0);
	b->create.length = (u16)len;
}

static void ntor_burst(void *arg, u64 rounds)
{
	struct burst *b = arg;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < FOG_SLOW_BURST; i++)
			FOG_ASSERT(fog_ring_push(&b->request, &b->create) == 0);
		FOG_ASSERT(fog_slow_poll(&b->slow, 1) == FOG_SLOW_BURST);
		FOG_ASSERT(fog_ring_ready(&b->result) == FOG_SLOW_BURST);
		const struct fog_slow_msg *m = fog_ring_peek(&b->result, 0);
		FOG_ASSERT(m->created.status == 0);
		fog_ring_release(&b->result, FOG_SLOW_BURST);
	}
}

static void peer_x25519(void *arg, u64 rounds)
{
	struct handshake *h = arg;
	u8 out[32];
	size_t len;

	while (rounds-- != 0) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(h->x25519, NULL);
		len = sizeof(out);
		FOG_ASSERT(EVP_PKEY_derive_init(ctx) == 1);
		FOG_ASSERT(EVP_PKEY_derive_set_peer(ctx, h->x25519_peer) == 1);
		FOG_ASSERT(EVP_PKEY_derive(ctx, out, &len) == 1);
		EVP_PKEY_CTX_free(ctx);
	}
}

static void sign_verify(void *arg, u64 rounds)
{
	struct handshake *h = arg;

	while (rounds-- != 0)
		FOG_ASSERT(fog_sign_verify(h->signature, h->message, sizeof(h->message),
					   h->sign_pk) == 0);
}

static void peer_verify(void *arg, u64 rounds)
{
	struct handshake *h = arg;

	while (rounds-- != 0) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		FOG_ASSERT(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, h->ed25519) == 1);
		FOG_ASSERT(EVP_DigestVerify(ctx, h->signature, sizeof(h->signature), h->message,
					    sizeof(h->message)) == 1);
		EVP_MD_CTX_free(ctx);
	}
}

static void handshake_setup(struct handshake *h)
{
	u8 seed[FOG_SIGN_SEED_SIZE];
	u8 other[32];

	fog_random_bytes(h->relay_id, 32);
	fog_random_bytes(h->relay_sk, 32);
	fog_random_bytes(h->ephemeral, 32);
	fog_random_bytes(seed, sizeof(seed));
	fog_random_bytes(h->message, sizeof(h->message));
	fog_x25519_base(h->relay_pk, h->relay_sk);
	fog_x25519_base(other, h->ephemeral);
	FOG_ASSERT(fog_ntor_client_start(&h->client, h->relay_id, h->relay_pk, NULL, 0, NULL, 0,
					 h->ephemeral, h->skin, sizeof(h->skin),
					 &h->skin_len) == 0);
	fog_sign_keypair(h->sign_pk, h->sign_sk, seed);
	fog_sign(h->signature, h->message, sizeof(h->message), h->sign_sk);
	h->x25519 = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, h->relay_sk, 32);
	h->x25519_peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, 32);
	h->ed25519 = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, h->sign_pk, 32);
	FOG_ASSERT(h->x25519 != NULL && h->x25519_peer != NULL && h->ed25519 != NULL);
}

void bench_suite_handshake(struct bench *b)
{
	static struct handshake h;
	struct bench_case c = {.ours_arg = &h, .theirs_arg = &h};

	handshake_setup(&h);
	c.name = "handshake.ntor_server";
	c.unit = "ns/handshake";
	c.peer = "limit: three X25519 of OpenSSL";
	c.ours = ntor_server;
	c.theirs = peer_x25519;
	c.theirs_divisor = 1.0 / 3;
	bench_run(b, &c);
	static struct burst burst;
	burst_setup(&burst, &h);
	c.name = "handshake.ntor_server.burst";
	c.ours = ntor_burst;
	c.ours_arg = &burst;
	c.ours_divisor = FOG_SLOW_BURST;
	bench_run(b, &c);
	fog_slow_wipe(&burst.slow);
	fog_arena_free(&burst.arena);
	c.ours_arg = &h;
	c.ours_divisor = 1;
	c.name = "handshake.ed25519_verify";
	c.unit = "ns/signature";
	c.peer = "OpenSSL Ed25519 verify, same signature";
	c.ours = sign_verify;
	c.theirs = peer_verify;
	c.theirs_divisor = 1;
	bench_run(b, &c);
	EVP_PKEY_free(h.x25519);
	EVP_PKEY_free(h.x25519_peer);
	EVP_PKEY_free(h.ed25519);
}
