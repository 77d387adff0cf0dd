/* SPDX-License-Identifier: BSD-3-Clause */
/* The slow path: all public-key work, off the workers. One thread ("fog-slow"), or called inline by
 * fog_dp_poll(). It owns the handshake state of every link; workers own the sessions that come of
 * it. Two bounded rings per worker: requests (full: the worker counts HANDSHAKE_FULL) and results
 * (full: the slow path leaves requests where they are).
 *
 * Wire forms of the handshake are in docs/design/link.md. */
#ifndef FOG_SLOW_H
#define FOG_SLOW_H

#include "crypto/noise/noise.h"
#include "crypto/random/random.h"
#include "dataplane/abi/ring.h"
#include "dataplane/abi/wire.h"
#include "dataplane/table/arena.h"
#include "dataplane/table/map.h"
#include "dataplane/worker/dp.h"
#include "dataplane/worker/limits.h"

enum fog_slow_type {
	FOG_SLOW_INVALID = 0,
	/* requests */
	FOG_SLOW_LINK_SET = 1,    /* link, key = its public key */
	FOG_SLOW_LINK_DELETE = 2, /* link */
	FOG_SLOW_START = 3,       /* link, address: send an INIT */
	FOG_SLOW_DGRAM = 4,       /* dgram, address, rate: INIT, RESPONSE or COOKIE */
	FOG_SLOW_CREATE = 5,      /* link, circuit, serial, key = our node id, skin */
	/* results */
	FOG_SLOW_SESSION = 6, /* link, session, address */
	FOG_SLOW_SEND = 7,    /* dgram, address */
	FOG_SLOW_RETRY = 8,   /* link: a cookie came, send INIT again soon */
	FOG_SLOW_CREATED = 9, /* link, circuit, serial, created */
};

struct fog_slow_session {
	u8 send[FOG_NOISE_KEY_SIZE];
	u8 recv[FOG_NOISE_KEY_SIZE];
	u32 local;
	u32 remote;
	u64 peer_boot_id;
	bool initiator;
};

struct fog_slow_created {
	u8 keys[128];
	u32 backward_first;
	i32 status; /* 0 or -errno */
	struct fog_created body;
};

struct fog_slow_msg {
	u8 type;
	u8 worker;
	u16 length; /* of skin */
	u32 link;
	u32 circuit;
	u32 serial;
	u32 rate; /* handshakes a second a source may make */
	struct fog_address address;
	u8 key[32];
	union {
		u8 dgram[FOG_DGRAM_SIZE];
		u8 skin[FOG_ONIONSKIN_MAX];
		struct fog_slow_session session;
		struct fog_slow_created created;
	};
};

/* Handshake state of one neighbour. */
struct fog_peer {
	bool used;
	bool pending; /* an INIT of ours is out */
	bool cookie_valid;
	u32 worker;
	u32 local; /* index of the pending INIT */
	u8 pk[FOG_NOISE_KEY_SIZE];
	u8 mac_key[32]; /* what the peer checks mac1 with */
	u64 stamp_seen; /* highest timestamp of an INIT of the peer */
	u64 started_ns;
	u64 cookie_ns;
	u8 cookie[16];
	u8 mac1[16]; /* of the pending INIT */
	struct fog_noise noise;
};

struct fog_source {
	u32 tag;
	u32 tokens; /* thousandths */
	u64 refill_ns;
};

struct fog_slow_lane {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct fog_slow_msg slots[FOG_SLOW_RING_COUNT];
};

struct fog_slow {
	u32 workers;
	u64 boot_id;
	u64 stamp_last;
	i64 stamp_offset; /* to make timestamps of now: CLOCK_REALTIME in the daemon, 0 when virtual
			   */
	u8 link_sk[32];
	u8 link_pk[32];
	u8 onion_sk[32];
	u8 onion_pk[32];
	u8 mac_key[32];       /* peers key their mac1 to us with it */
	u8 cookie_key[2][32]; /* current, previous */
	u64 cookie_turn_ns;
	u32 index_key[4]; /* of fog_session_index() */
	struct fog_rng rng;
	struct fog_map sources_hash; /* only for its keyed hash */
	struct fog_source *sources;
	struct fog_peer *peers; /* by link id */
	struct fog_map pending; /* index of an INIT of ours under way -> link id */
	struct fog_ring request[FOG_WORKERS_MAX];
	struct fog_ring result[FOG_WORKERS_MAX];
	_Atomic u64 drops[FOG_DROP_COUNT]; /* slow: wo, worker 0: ro */
	_Atomic u64 handshakes_link;       /* likewise */
	_Atomic u64 handshakes_circuit;
};

struct fog_slow_config {
	u32 workers;
	u64 boot_id;
	const u8 *link_sk;
	const u8 *onion_sk;
	const u8 *rng_seed;
	struct fog_slow_lane *request[FOG_WORKERS_MAX];
	struct fog_slow_lane *result[FOG_WORKERS_MAX];
};

/* 0 or -ENOMEM. */
int fog_slow_init(struct fog_slow *s, struct fog_arena *a, const struct fog_slow_config *config);
void fog_slow_wipe(struct fog_slow *s);

/* Take at most FOG_SLOW_BURST requests of each worker. Returns how many. */
unsigned fog_slow_poll(struct fog_slow *s, u64 now_ns);

/* Session indices look random to others but tell our own workers, without a shared table, whose
 * session it is: a keyed permutation of (random, worker). */
u32 fog_session_index(const u32 key[4], u32 random, u32 worker);
u32 fog_session_worker(const u32 key[4], u32 index);

/* For slow_link.c and slow_circuit.c. */
void fog_slow_drop(struct fog_slow *s, enum fog_drop d);
struct fog_slow_msg *fog_slow_result(struct fog_slow *s, u32 worker); /* zeroed header; then .. */
void fog_slow_publish(struct fog_slow *s, u32 worker);
void fog_slow_link_set(struct fog_slow *s, const struct fog_slow_msg *m);
void fog_slow_link_delete(struct fog_slow *s, u32 link);
void fog_slow_link_start(struct fog_slow *s, const struct fog_slow_msg *m, u64 now_ns);
void fog_slow_dgram(struct fog_slow *s, struct fog_slow_msg *m, u64 now_ns, bool loaded);
/* The next `count` requests of a worker, all CREATE; their results have room. */
void fog_slow_circuits(struct fog_slow *s, u32 worker, unsigned count);

/* Handshake guard, slow_guard.c. */
void fog_guard_mac_key(u8 out[32], const u8 pk[32]);
void fog_guard_mac(u8 *out, size_t out_len, const u8 *key, size_t key_len, const u8 *data,
		   size_t len);
/* The cookie of an address under one of the secrets. */
void fog_guard_cookie(const struct fog_slow *s, unsigned which, const struct fog_address *from,
		      u8 cookie[16]);
/* Does the datagram carry a mac2 made with a cookie we gave to this address? */
bool fog_guard_proven(const struct fog_slow *s, const u8 *dgram, const struct fog_address *from);
/* Token bucket of a source; proven sources have buckets of their own. */
bool fog_guard_admit(struct fog_slow *s, const struct fog_address *from, bool proven, u32 rate,
		     u64 now_ns);
/* New cookie secret when the old one is worn out. */
void fog_guard_turn(struct fog_slow *s, u64 now_ns);
/* Write a COOKIE datagram that answers `init`. */
void fog_guard_answer(struct fog_slow *s, const u8 *init, const struct fog_address *from, u8 *out);
/* Read one that answers our pending INIT to p. 0 or -EBADMSG. */
int fog_guard_accept(struct fog_peer *p, const u8 *dgram, u64 now_ns);

#endif
