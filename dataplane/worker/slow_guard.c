/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between a stranger's datagram and our Diffie-Hellman: mac1, cookies, token buckets.
 */
#include <errno.h>

#include "crypto/hash/blake2s.h"
#include "crypto/mem.h"
#include "dataplane/worker/slow.h"
#include "dataplane/worker/slow_wire.h"

static const u8 label_mac[8] = "fog mac1";
static const u8 label_cookie[8] = "fogcooky";

void fog_guard_mac_key(u8 out[32], const u8 pk[32])
{
	u8 text[8 + 32];

	memcpy(text, label_mac, 8);
	memcpy(text + 8, pk, 32);
	fog_hash_blake2s(out, 32, NULL, 0, text, sizeof(text));
}

void fog_guard_mac(u8 *out, size_t out_len, const u8 *key, size_t key_len, const u8 *data,
		   size_t len)
{
	fog_hash_blake2s(out, out_len, key, key_len, data, len);
}

void fog_guard_cookie(const struct fog_slow *s, unsigned which, const struct fog_address *from,
		      u8 cookie[16])
{
	u8 text[18];

	memcpy(text, from->ip, 16);
	fog_store_u16(text + 16, from->port);
	fog_hash_blake2s(cookie, 16, s->cookie_key[which], 32, text, sizeof(text));
}

bool fog_guard_proven(const struct fog_slow *s, const u8 *dgram, const struct fog_address *from)
{
	for (unsigned which = 0; which < 2; which++) {
		u8 cookie[16], mac[16];
		fog_guard_cookie(s, which, from, cookie);
		fog_guard_mac(mac, 16, cookie, 16, dgram, FOG_INIT_MAC2);
		if (fog_equal(mac, dgram + FOG_INIT_MAC2, 16))
			return true;
	}
	return false;
}

void fog_guard_turn(struct fog_slow *s, u64 now_ns)
{
	if (now_ns < s->cookie_turn_ns)
		return;
	s->cookie_turn_ns = now_ns + FOG_COOKIE_LIFE_NS;
	memcpy(s->cookie_key[1], s->cookie_key[0], 32);
	fog_rng_bytes(&s->rng, s->cookie_key[0], 32);
}

bool fog_guard_admit(struct fog_slow *s, const struct fog_address *from, bool proven, u32 rate,
		     u64 now_ns)
{
	/* The port is left out: one host, one bucket. */
	u64 name = fog_load_u64(from->ip) ^
		   (u64)fog_map_hash(&s->sources_hash, fog_load_u64(from->ip + 8));
	u32 hash = fog_map_hash(&s->sources_hash, name << 1 | proven);
	struct fog_source *b = &s->sources[hash % FOG_SOURCES];
	const u32 full = FOG_HANDSHAKE_BURST * 1000;

	if (rate == 0)
		rate = FOG_HANDSHAKE_RATE_DEFAULT;
	u64 elapsed_us = (now_ns - b->refill_ns) / 1000;
	u64 gained =
		b->refill_ns == 0 || elapsed_us > 1000000000ull ? full : elapsed_us * rate / 1000;
	if (gained > 0) {
		b->tokens = (u32)FOG_MIN(b->tokens + gained, (u64)full);
		b->refill_ns = now_ns;
	}
	if (b->tokens < 1000)
		return false;
	b->tokens -= 1000;
	return true;
}

/* COOKIE: key = hash(label | responder's key | salt); associated data = mac1 of the INIT it
 * answers, the header and the padding, so that every byte counts. */
static void cookie_key(u8 key[32], const u8 pk[32], const u8 salt[FOG_COOKIE_SALT_SIZE])
{
	u8 text[8 + 32 + FOG_COOKIE_SALT_SIZE];

	memcpy(text, label_cookie, 8);
	memcpy(text + 8, pk, 32);
	memcpy(text + 40, salt, FOG_COOKIE_SALT_SIZE);
	fog_hash_blake2s(key, 32, NULL, 0, text, sizeof(text));
}

#define COOKIE_AD_SIZE (16 + FOG_LINK_HEADER_SIZE + FOG_DGRAM_SIZE - FOG_COOKIE_PAD)

static void cookie_ad(u8 ad[COOKIE_AD_SIZE], const u8 mac1[16], const u8 *dgram)
{
	memcpy(ad, mac1, 16);
	memcpy(ad + 16, dgram, FOG_LINK_HEADER_SIZE);
	memcpy(ad + 16 + FOG_LINK_HEADER_SIZE, dgram + FOG_COOKIE_PAD,
	       FOG_DGRAM_SIZE - FOG_COOKIE_PAD);
}

void fog_guard_answer(struct fog_slow *s, const u8 *init, const struct fog_address *from, u8 *out)
{
	u8 key[32], cookie[16], ad[COOKIE_AD_SIZE];

	fog_rng_bytes(&s->rng, out, FOG_DGRAM_SIZE);
	memset(out, 0, FOG_LINK_HEADER_SIZE);
	out[0] = FOG_DGRAM_COOKIE;
	memcpy(out + 4, init + FOG_INIT_SENDER, 4);
	cookie_key(key, s->link_pk, out + FOG_COOKIE_SALT);
	fog_guard_cookie(s, 0, from, cookie);
	cookie_ad(ad, init + FOG_INIT_MAC1, out);
	int rc = fog_noise_seal(key, 0, ad, sizeof(ad), cookie, 16, out + FOG_COOKIE_SEALED);
	FOG_ASSERT(rc == 0);
	fog_wipe(key, sizeof(key));
}

int fog_guard_accept(struct fog_peer *p, const u8 *dgram, u64 now_ns)
{
	u8 key[32], ad[COOKIE_AD_SIZE], cookie[16];

	cookie_key(key, p->pk, dgram + FOG_COOKIE_SALT);
	cookie_ad(ad, p->mac1, dgram);
	if (fog_noise_open(key, 0, ad, sizeof(ad), dgram + FOG_COOKIE_SEALED, 32, cookie) < 0)
		return -EBADMSG;
	memcpy(p->cookie, cookie, 16);
	p->cookie_valid = true;
	p->cookie_ns = now_ns;
	return 0;
}
