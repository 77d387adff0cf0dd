/* SPDX-License-Identifier: BSD-3-Clause */
/* Link handshakes: Noise IK under mac1, cookies and timestamps. docs/design/link.md tells the
 * story. */
#include <errno.h>

#include "crypto/mem.h"
#include "dataplane/worker/slow.h"
#include "dataplane/worker/slow_wire.h"

static const u8 prologue[10] = "fog link 2";

/* The INIT under way is answered, replaced or given up. */
static void forget_init(struct fog_slow *s, struct fog_peer *p)
{
	if (!p->pending)
		return;
	int rc = fog_map_remove(&s->pending, p->local);
	FOG_ASSERT(rc == 0);
	p->pending = false;
	fog_noise_wipe(&p->noise);
}

void fog_slow_link_set(struct fog_slow *s, const struct fog_slow_msg *m)
{
	struct fog_peer *p = &s->peers[m->link];

	if (p->used && memcmp(p->pk, m->key, 32) == 0)
		return;
	forget_init(s, p);
	fog_wipe(p, sizeof(*p));
	p->used = true;
	p->worker = m->worker;
	memcpy(p->pk, m->key, 32);
	fog_guard_mac_key(p->mac_key, p->pk);
}

void fog_slow_link_delete(struct fog_slow *s, u32 link)
{
	forget_init(s, &s->peers[link]);
	fog_wipe(&s->peers[link], sizeof(s->peers[link]));
}

static u32 draw_index(struct fog_slow *s, u32 worker)
{
	for (;;) {
		u32 index = fog_session_index(s->index_key, (u32)fog_rng_u64(&s->rng), worker);
		if (index != 0)
			return index;
	}
}

/* Timestamps only have to grow per neighbour, over restarts too. */
static u64 stamp(struct fog_slow *s, u64 now_ns)
{
	u64 t = now_ns + (u64)s->stamp_offset;

	s->stamp_last = FOG_MAX(t, s->stamp_last + 1);
	return s->stamp_last;
}

static int write_init(struct fog_slow *s, struct fog_peer *p, u64 now_ns, u8 *d)
{
	u8 payload[FOG_INIT_PAYLOAD_SIZE], secret[32];
	size_t len;

	fog_rng_bytes(&s->rng, d, FOG_DGRAM_SIZE);
	memset(d, 0, FOG_LINK_HEADER_SIZE);
	d[0] = FOG_DGRAM_INIT;
	p->local = draw_index(s, p->worker);
	fog_store_u32(d + FOG_INIT_SENDER, p->local);

	fog_store_u64(payload, stamp(s, now_ns));
	fog_store_u64(payload + 8, s->boot_id);
	fog_store_u32(payload + 16, p->local);
	fog_store_u32(payload + 20, FOG_LINK_VERSION);
	fog_rng_bytes(&s->rng, secret, sizeof(secret));
	int rc = fog_noise_initiator_start(&p->noise, s->link_sk, p->pk, secret, prologue,
					   sizeof(prologue), payload, sizeof(payload),
					   d + FOG_INIT_NOISE, FOG_INIT_NOISE_SIZE, &len);
	fog_wipe(secret, sizeof(secret));
	if (rc < 0)
		return rc; /* a low-order key was configured: this link can never come up */
	FOG_ASSERT(len == FOG_INIT_NOISE_SIZE);

	fog_guard_mac(d + FOG_INIT_MAC1, 16, p->mac_key, 32, d, FOG_INIT_MAC1);
	memcpy(p->mac1, d + FOG_INIT_MAC1, 16);
	if (p->cookie_valid && now_ns - p->cookie_ns < FOG_COOKIE_LIFE_NS)
		fog_guard_mac(d + FOG_INIT_MAC2, 16, p->cookie, 16, d, FOG_INIT_MAC2);
	return 0;
}

void fog_slow_link_start(struct fog_slow *s, const struct fog_slow_msg *m, u64 now_ns)
{
	struct fog_peer *p = &s->peers[m->link];

	if (!p->used)
		return; /* deleted while the request was under way */
	struct fog_slow_msg *out = fog_slow_result(s, p->worker);
	out->type = FOG_SLOW_SEND;
	out->link = m->link;
	out->address = m->address;
	forget_init(s, p);
	if (write_init(s, p, now_ns, out->dgram) < 0)
		return;
	/* The index is taken once in 2^32 tries: then this INIT is not sent, the next will be. */
	if (fog_map_insert(&s->pending, p->local, m->link) < 0) {
		fog_noise_wipe(&p->noise);
		return;
	}
	p->pending = true;
	p->started_ns = now_ns;
	fog_slow_publish(s, p->worker);
}

static void send_cookie(struct fog_slow *s, const struct fog_slow_msg *m)
{
	struct fog_slow_msg *out = fog_slow_result(s, m->worker);

	out->type = FOG_SLOW_SEND;
	out->address = m->address;
	fog_guard_answer(s, m->dgram, &m->address, out->dgram);
	fog_slow_publish(s, m->worker);
}

static struct fog_peer *peer_by_key(struct fog_slow *s, const u8 pk[32], u32 *link)
{
	/* A thousand comparisons cost a fiftieth of the Diffie-Hellman just done. */
	for (u32 i = 1; i <= FOG_LINKS_MAX; i++)
		if (s->peers[i].used && memcmp(s->peers[i].pk, pk, 32) == 0) {
			*link = i;
			return &s->peers[i];
		}
	return NULL;
}

static struct fog_peer *peer_by_index(struct fog_slow *s, u32 index, u32 *link)
{
	*link = fog_map_find(&s->pending, index);
	return *link == FOG_MAP_NONE ? NULL : &s->peers[*link];
}

static void give_session(struct fog_slow *s, u32 link, const struct fog_peer *p,
			 const struct fog_noise_result *keys, const struct fog_slow_session *from,
			 const struct fog_address *address)
{
	struct fog_slow_msg *out = fog_slow_result(s, p->worker);

	out->type = FOG_SLOW_SESSION;
	out->link = link;
	out->address = *address;
	memcpy(out->key, p->pk, 32);
	out->session = *from;
	memcpy(out->session.send, keys->send, 32);
	memcpy(out->session.recv, keys->recv, 32);
	fog_slow_publish(s, p->worker);
	u64 v = atomic_load_explicit(&s->handshakes_link, memory_order_relaxed);
	atomic_store_explicit(&s->handshakes_link, v + 1, memory_order_relaxed);
}

/* Both sides may send INIT at once. The one of the smaller key wins: its sender ignores the other,
 * the other forgets its own and answers. */
static bool lose_tie(struct fog_slow *s, struct fog_peer *p, u64 now_ns)
{
	bool ours_wins = memcmp(s->link_pk, p->pk, 32) < 0;

	if (!p->pending)
		return false;
	if (ours_wins && now_ns - p->started_ns < FOG_HANDSHAKE_RETRY_MIN_NS)
		return true;
	forget_init(s, p);
	return false;
}

static void answer_init(struct fog_slow *s, struct fog_noise *noise, struct fog_peer *p, u32 link,
			const struct fog_slow_msg *m, const u8 *payload)
{
	u8 reply[FOG_RESPONSE_PAYLOAD_SIZE], secret[32], dgram[FOG_DGRAM_SIZE];
	struct fog_noise_result keys;
	size_t len;
	struct fog_slow_session session = {
		.local = draw_index(s, p->worker),
		.remote = fog_load_u32(payload + 16),
		.peer_boot_id = fog_load_u64(payload + 8),
		.initiator = false,
	};

	fog_rng_bytes(&s->rng, dgram, sizeof(dgram));
	memset(dgram, 0, FOG_LINK_HEADER_SIZE);
	dgram[0] = FOG_DGRAM_RESPONSE;
	fog_store_u32(dgram + 4, session.remote);
	fog_store_u64(reply, s->boot_id);
	fog_store_u32(reply + 8, session.local);
	fog_store_u32(reply + 12, FOG_LINK_VERSION);
	fog_rng_bytes(&s->rng, secret, sizeof(secret));
	int rc = fog_noise_responder_write(noise, secret, reply, sizeof(reply),
					   dgram + FOG_RESPONSE_NOISE, FOG_RESPONSE_NOISE_SIZE,
					   &len, &keys);
	fog_wipe(secret, sizeof(secret));
	if (rc < 0) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH); /* low-order ephemeral key */
		return;
	}
	fog_guard_mac(dgram + FOG_RESPONSE_MAC, 32, p->mac_key, 32, dgram, FOG_RESPONSE_MAC);
	/* First the keys, then the answer: whatever comes back finds the session in place. */
	give_session(s, link, p, &keys, &session, &m->address);
	fog_noise_result_wipe(&keys);
	struct fog_slow_msg *out = fog_slow_result(s, p->worker);
	out->type = FOG_SLOW_SEND;
	out->link = link;
	out->address = m->address;
	memcpy(out->dgram, dgram, sizeof(dgram));
	fog_slow_publish(s, p->worker);
}

static void read_init(struct fog_slow *s, const struct fog_slow_msg *m, u64 now_ns)
{
	u8 pk[32], payload[FOG_INIT_PAYLOAD_SIZE];
	struct fog_noise noise;
	size_t len;
	u32 link;

	if (fog_noise_responder_read(&noise, s->link_sk, prologue, sizeof(prologue),
				     m->dgram + FOG_INIT_NOISE, FOG_INIT_NOISE_SIZE, pk, payload,
				     sizeof(payload), &len) < 0) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
		return;
	}
	struct fog_peer *p = peer_by_key(s, pk, &link);
	if (p == NULL) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_UNKNOWN);
	} else if (len != sizeof(payload) || fog_load_u32(payload + 20) != FOG_LINK_VERSION ||
		   fog_load_u32(payload + 16) == 0 ||
		   fog_load_u32(payload + 16) != fog_load_u32(m->dgram + FOG_INIT_SENDER)) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
	} else if (fog_load_u64(payload) <= p->stamp_seen) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_REPLAY);
	} else {
		p->stamp_seen = fog_load_u64(payload);
		if (lose_tie(s, p, now_ns))
			fog_slow_drop(s, FOG_DROP_HANDSHAKE_RATE);
		else
			answer_init(s, &noise, p, link, m, payload);
	}
	fog_noise_wipe(&noise);
}

static void read_response(struct fog_slow *s, const struct fog_slow_msg *m)
{
	u8 mac[32], payload[FOG_RESPONSE_PAYLOAD_SIZE];
	struct fog_noise_result keys;
	size_t len;
	u32 link;

	struct fog_peer *p = peer_by_index(s, fog_load_u32(m->dgram + 4), &link);
	if (p == NULL) {
		fog_slow_drop(s, FOG_DROP_NO_SESSION);
		return;
	}
	fog_guard_mac(mac, 32, s->mac_key, 32, m->dgram, FOG_RESPONSE_MAC);
	if (!fog_equal(mac, m->dgram + FOG_RESPONSE_MAC, 32) ||
	    fog_noise_initiator_finish(&p->noise, m->dgram + FOG_RESPONSE_NOISE,
				       FOG_RESPONSE_NOISE_SIZE, payload, sizeof(payload), &len,
				       &keys) < 0) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
		return;
	}
	forget_init(s, p);
	if (len != sizeof(payload) || fog_load_u32(payload + 8) == 0 ||
	    fog_load_u32(payload + 12) != FOG_LINK_VERSION) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
	} else {
		struct fog_slow_session session = {
			.local = p->local,
			.remote = fog_load_u32(payload + 8),
			.peer_boot_id = fog_load_u64(payload),
			.initiator = true,
		};
		give_session(s, link, p, &keys, &session, &m->address);
	}
	fog_noise_result_wipe(&keys);
}

static void read_cookie(struct fog_slow *s, const struct fog_slow_msg *m, u64 now_ns)
{
	u32 link;
	struct fog_peer *p = peer_by_index(s, fog_load_u32(m->dgram + 4), &link);

	if (p == NULL) {
		fog_slow_drop(s, FOG_DROP_NO_SESSION);
		return;
	}
	if (fog_guard_accept(p, m->dgram, now_ns) < 0) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
		return;
	}
	forget_init(s, p); /* one cookie per INIT */
	struct fog_slow_msg *out = fog_slow_result(s, p->worker);
	out->type = FOG_SLOW_RETRY;
	out->link = link;
	fog_slow_publish(s, p->worker);
}

void fog_slow_dgram(struct fog_slow *s, struct fog_slow_msg *m, u64 now_ns, bool loaded)
{
	u8 mac[16];

	if (m->dgram[0] == FOG_DGRAM_RESPONSE) {
		read_response(s, m);
		return;
	}
	if (m->dgram[0] == FOG_DGRAM_COOKIE) {
		read_cookie(s, m, now_ns);
		return;
	}
	/* Cheapest check first. Nothing is remembered of a source before it proved its address. */
	fog_guard_mac(mac, 16, s->mac_key, 32, m->dgram, FOG_INIT_MAC1);
	if (!fog_equal(mac, m->dgram + FOG_INIT_MAC1, 16)) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_AUTH);
		return;
	}
	bool proven = fog_guard_proven(s, m->dgram, &m->address);
	if ((loaded && !proven) || !fog_guard_admit(s, &m->address, proven, m->rate, now_ns)) {
		fog_slow_drop(s, FOG_DROP_HANDSHAKE_RATE);
		if (!proven)
			send_cookie(s, m);
		return;
	}
	read_init(s, m, now_ns);
}
