/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared-memory boundary of the data plane: everything another process may know about it.
 *
 * Three kinds of region, each a sealed memfd with one writer; the others map it read-only:
 *
 *	control region  written by fog-controlplane   snapshot, commands, verify submissions
 *	data region     written by fog-dataplane      status, counters, events, verify completions
 *	edge regions    one written by fog-edge, one by fog-dataplane (dataplane/abi/edge.h)
 *
 * Offsets, never pointers; the other side's memory is hostile input: copy, validate the copy, use
 * the copy. Changing anything here changes fog_abi_layout_hash() and needs FOG_ABI, docs/ABI.md and
 * tests/abi/golden.txt in the same commit. */
#ifndef FOG_ABI_H
#define FOG_ABI_H

#include <stdatomic.h>

#include "crypto/check/kind.h"
#include "crypto/types.h"
#include "dataplane/abi/ring.h"

#define FOG_ABI       8u
#define FOG_ABI_MAGIC 0x31494241474f46ffull

/* Limits, with what happens when they are reached. */
#define FOG_WORKERS_MAX        16   /* refused at start */
#define FOG_COMMAND_RING_COUNT 1024 /* per worker; full: the control plane waits */
#define FOG_EVENT_RING_COUNT   4096 /* per worker; full: dropped and counted (events_lost) */
#define FOG_VERIFY_WORKERS_MAX 4    /* refused at start */
#define FOG_VERIFY_RING_COUNT  512  /* per worker and class; full: the submitter waits */
#define FOG_VERIFY_ARENA_SIZE  (256 * 1024) /* payload bytes per ring; full: likewise */
#define FOG_VERDICT_RING_COUNT 2048         /* per verify worker; full: it takes nothing more */
#define FOG_LINKS_MAX          1024         /* per data plane; more: COMMAND_REJECTED with ENOSPC */

enum fog_drop {
#define X(name, text) FOG_DROP_##name,
#include "dataplane/abi/drops.def"
#undef X
	FOG_DROP_COUNT
};

struct fog_counters {
#define X(name, unit, help) _Atomic u64 name; /* dp: wo, cp: ro */
#include "dataplane/abi/counters.def"
#undef X
	_Atomic u64 drops[FOG_DROP_COUNT]; /* dp: wo, cp: ro */
};

struct fog_region_header {
	u64 magic;
	u32 abi;
	u32 workers;
	u64 layout_hash;
	u64 size;    /* of the region in bytes */
	u64 boot_id; /* random per start of the writing process */
	u32 pid;     /* of the writer, for people */
	u32 kind;    /* enum fog_region_kind */
	u8 pad[16];
};

_Static_assert(sizeof(struct fog_region_header) == 64, "");

enum fog_region_kind {
	FOG_REGION_CONTROL = 1,
	FOG_REGION_DATA = 2,
	FOG_REGION_EDGE_TX = 3,
	FOG_REGION_EDGE_RX = 4,
};

/* ---- control -> data ---------------------------------------------------------------------- */

/* Policy all workers read. Two slots and a sequence: the writer fills slot (sequence + 1) & 1, then
 * stores sequence + 1; a reader copies slot (sequence & 1) with relaxed word loads and accepts the
 * copy if sequence is unchanged. Worker w stores the sequence it uses in snapshot_seen: when all
 * have it, nobody holds the older one (the grace period). */
struct fog_snapshot {
	u8 node_id[32];         /* this host's identity (public), needed to answer CREATE */
	u64 lease_ns;           /* CLOCK_MONOTONIC; past it new circuits are refused */
	u64 epoch;              /* directory epoch */
	u32 circuits_max;       /* halves per worker; 0 = the data plane's own limit */
	u32 creates_per_second; /* per link, token bucket rate; 0 = no limit */
	u32 creates_burst;
	u32 handshakes_per_second; /* per source address */
	u32 keepalive_ms;          /* link ping interval; 0 = default 1000 */
	u32 link_dead_ms;          /* silence after which a link is down; 0 = default 5000 */
	u32 circuit_idle_ms;       /* 0 = default 600000 */
	u32 rekey_ms;              /* link rekey by time; 0 = default 120000 */
	u32 features;              /* FOG_FEATURE_* */
	u32 mix_mode;              /* enum fog_mix_mode: 0 continuous, 1 threshold, 2 pool */
	u32 probe_ms;              /* between bandwidth probes of a link; 0 = none */
	u32 mix_threshold;         /* mode threshold: messages that leave together */
	u64 mix_epoch;             /* current key epoch; 0 = no mix here */
	u64 mix_oldest;            /* epoch - 1 in the grace time, else epoch */
	u32 mix_pool_min;          /* mode pool: messages that stay */
	u32 mix_interval_ms;       /* modes threshold and pool: at the latest, at each */
	u32 mix_link_interval_us;  /* mean time between cells of a link; 0 = no padding */
	u32 mix_link_poisson;      /* 1: that time is exponential, 0: constant */
	u8 pad[128];
};

#define FOG_FEATURE_DRAIN 1u /* refuse new circuits, keep existing ones */
#define FOG_SNAPSHOT_SIZE 256

_Static_assert(sizeof(struct fog_snapshot) == FOG_SNAPSHOT_SIZE, "");

struct fog_snapshot_page {
	FOG_CACHE_ALIGNED _Atomic u64 sequence; /* cp: wo, dp: ro; 0 = nothing published yet */
	u8 pad[56];
	_Atomic u64 slot[2][FOG_SNAPSHOT_SIZE / 8]; /* cp: wo, dp: ro */
};

enum fog_command_type {
	FOG_COMMAND_INVALID = 0,
	FOG_COMMAND_GENERATION_BEGIN = 1, /* generation = g: objects set from here are of g */
	FOG_COMMAND_GENERATION_END = 2,   /* generation = g: sweep links of older generations */
	FOG_COMMAND_LINK_SET = 3,         /* add or update a neighbour; idempotent by node_id */
	FOG_COMMAND_LINK_DELETE = 4,
	FOG_COMMAND_CIRCUIT_CLOSE =
		5, /* link + circuit_id, as events and `fogctl circuit` name it */
};

/* One 128-byte slot of a command ring. A link is commanded on the ring of its owner,
 * worker = link_id % workers. */
struct fog_command {
	u64 seq; /* 1, 2, 3 .. per ring; applied_seq acknowledges */
	u16 type;
	u16 flags;
	u32 link_id; /* chosen by the control plane, 1 .. FOG_LINKS_MAX */
	u64 generation;
	u8 node_id[32];
	u8 link_pk[32]; /* neighbour's Noise static key */
	u8 address[16]; /* IPv6, or IPv4-mapped; network order */
	u16 port;       /* host order */
	u16 pad0;
	u32 circuit_id;
	u8 pad[16];
};

_Static_assert(sizeof(struct fog_command) == 128, "");

/* One submission: its payload lies in the arena beside the ring. The data plane copies both, checks
 * the copy and answers with the same tag. Space in the arena is taken in order, each payload in one
 * piece from a multiple of 8, and is free again when the ring's tail has passed (feed.h). */
struct fog_verify_submit {
	u64 tag;
	u64 deadline_ns; /* CLOCK_MONOTONIC; past it the answer is -ETIMEDOUT; 0 = none */
	u32 offset;      /* of the payload in the arena */
	u32 length;      /* <= FOG_CHECK_PAYLOAD_MAX */
	u16 kind;        /* enum fog_check_kind */
	u8 pad[6];
};

_Static_assert(sizeof(struct fog_verify_submit) == 32, "");

/* A payload in one piece may have to skip as much as it takes. */
_Static_assert(FOG_VERIFY_ARENA_SIZE >= 2 * FOG_CHECK_PAYLOAD_MAX, "");

struct fog_verify_feed {
	struct fog_verify_submit submit[FOG_VERIFY_RING_COUNT];
	u8 arena[FOG_VERIFY_ARENA_SIZE];
};

struct fog_control_region {
	struct fog_region_header header;
	struct fog_snapshot_page snapshot;
	struct fog_ring_head command_head[FOG_WORKERS_MAX];
	struct fog_ring_tail event_tail[FOG_WORKERS_MAX];
	struct fog_ring_head verify_head[FOG_VERIFY_WORKERS_MAX][FOG_VERIFY_CLASSES];
	struct fog_ring_tail verdict_tail[FOG_VERIFY_WORKERS_MAX];
	_Alignas(4096) struct fog_command commands[FOG_WORKERS_MAX][FOG_COMMAND_RING_COUNT];
	_Alignas(4096) struct fog_verify_feed verify[FOG_VERIFY_WORKERS_MAX][FOG_VERIFY_CLASSES];
};

/* ---- data -> control ---------------------------------------------------------------------- */

enum fog_event_type {
	FOG_EVENT_INVALID = 0,
	FOG_EVENT_LINK_UP = 1,
	FOG_EVENT_LINK_DOWN = 2,        /* reason */
	FOG_EVENT_LINK_WANTED = 3,      /* node_id: an EXTEND named a host we have no link to */
	FOG_EVENT_CIRCUIT_OPENED = 4,   /* link_id, circuit_id */
	FOG_EVENT_CIRCUIT_CLOSED = 5,   /* + reason, cells */
	FOG_EVENT_CIRCUIT_TAGGED = 6,   /* a relay altered a cell of this circuit */
	FOG_EVENT_COMMAND_REJECTED = 7, /* value = seq, reason = positive errno */
	FOG_EVENT_EDGE_UP = 8,
	FOG_EVENT_EDGE_DOWN = 9,
	FOG_EVENT_SWEPT = 10, /* value = generation: the sweep is complete on this worker */
	/* value = least round trip in ns, circuit_id = mean in us, reason = pings lost; over the
	 * pings since the last one of this link, about every tenth keepalive */
	FOG_EVENT_LINK_RTT = 11,
	/* value = bit/s a probe train found, 0 = faster than can be told; reason = cells used */
	FOG_EVENT_LINK_BANDWIDTH = 12,
};

struct fog_event {
	u64 seq; /* 1, 2, 3 .. per ring; a gap = events lost */
	u16 type;
	u16 reason; /* enum fog_reason or errno */
	u32 link_id;
	u32 circuit_id;
	u32 pad0;
	u64 value;
	u8 node_id[32];
};

_Static_assert(sizeof(struct fog_event) == 64, "");

struct fog_verify_verdict {
	u64 tag;
	i32 result; /* 0 valid, -EBADMSG false, -EINVAL malformed, -EOPNOTSUPP kind, -ETIMEDOUT */
	u32 pad;
};

_Static_assert(sizeof(struct fog_verify_verdict) == 16, "");

struct fog_worker_status {
	FOG_CACHE_ALIGNED _Atomic u64 heartbeat_ns; /* dp: wo, cp: ro; CLOCK_MONOTONIC */
	_Atomic u64 applied_seq;                    /* dp: wo, cp: ro; last command taken */
	_Atomic u64 snapshot_seen;                  /* dp: wo, cp: ro */
	_Atomic u64 generation;                     /* dp: wo, cp: ro; last generation swept */
	_Atomic u64 attachment; /* dp: wo, cp: ro; control region this worker now reads */
	_Atomic u32 cpu;        /* dp: wo, cp: ro; pinned CPU, or ~0 */
	_Atomic u32 state;      /* dp: wo, cp: ro; 0 boot 1 run 2 stop */
	u8 pad[16];
};

_Static_assert(sizeof(struct fog_worker_status) == 64, "");

/* Public keys of the mix, one per live key epoch; read them with fog_mix_keys_read(). */
#define FOG_MIX_KEYS 3
struct fog_mix_keys {
	FOG_CACHE_ALIGNED _Atomic u64 sequence; /* dp: wo, cp: ro; odd while it is written */
	u8 pad[56];
	struct fog_mix_key {
		_Atomic u64 epoch;   /* dp: wo, cp: ro; 0 = none */
		_Atomic u64 word[4]; /* dp: wo, cp: ro; X25519 */
		u8 pad[24];
	} key[FOG_MIX_KEYS];
};

_Static_assert(sizeof(struct fog_mix_keys) == 256, "");

struct fog_data_region {
	struct fog_region_header header;
	u8 link_pk[32];   /* Noise static public key of this data plane */
	u8 onion_pk[32];  /* ntor-v3 public key */
	char io_name[80]; /* back end, and how it really runs */
	char crypto_name[16];
	char pin_reason[160]; /* why the workers sit where they sit */
	struct fog_worker_status status[FOG_WORKERS_MAX];
	struct fog_ring_tail command_tail[FOG_WORKERS_MAX];
	struct fog_ring_head event_head[FOG_WORKERS_MAX];
	struct fog_mix_keys mix_keys;
	struct fog_ring_tail verify_tail[FOG_VERIFY_WORKERS_MAX][FOG_VERIFY_CLASSES];
	struct fog_ring_head verdict_head[FOG_VERIFY_WORKERS_MAX];
	_Alignas(FOG_CACHELINE) struct fog_counters counters[FOG_WORKERS_MAX];
	_Alignas(4096) struct fog_event events[FOG_WORKERS_MAX][FOG_EVENT_RING_COUNT];
	_Alignas(4096) struct fog_verify_verdict
		verdicts[FOG_VERIFY_WORKERS_MAX][FOG_VERDICT_RING_COUNT];
};

/* ---- HELLO -------------------------------------------------------------------------------- */

/* The data plane listens on a SOCK_SEQPACKET unix socket. The peer sends one HELLO with its own
 * region as SCM_RIGHTS; the answer carries the data plane's region and the eventfds. One message
 * each way; then the socket stays open, its hang-up is the sign that the other side is gone.
 *
 *	HELLO  fds: [0] region written by the client
 *	REPLY  fds: [0] region written by the data plane, [1] eventfd data plane -> client,
 *	            [2..] eventfd client -> worker w (control: one per worker, edge: its one
 *	            worker); control only: next, one eventfd client -> verify worker each, and,
 *	            when reply.steer is not 0, one AF_XDP socket per worker
 *
 * Cursors. At each attachment all rings of that role start again at position 0: the client zeroes
 * its region; a worker that takes the attachment up zeroes its own cursors of those rings and then
 * stores attachment (release). The client touches a worker's rings only once
 * status[w].attachment (acquire) equals the reply's. What was in flight is covered by replay:
 * the control plane sends every link again under a new generation, a worker answers LINK_SET of a
 * live link with LINK_UP, and after GENERATION_END announces its live circuits again.
 *
 * A refused HELLO is answered with status < 0 and no fds; the text says why. */
enum fog_hello_role {
	FOG_HELLO_CONTROL = 1, /* at most one; a newer one replaces the older */
	FOG_HELLO_EDGE = 2,    /* likewise */
};

struct fog_hello {
	u64 magic;
	u32 abi;
	u32 role;
	u64 layout_hash;
	u64 region_size;
	u64 boot_id; /* of the client */
	u8 pad[24];
};

struct fog_hello_reply {
	u64 magic;
	u32 abi;
	i32 status; /* 0 or -errno */
	u64 layout_hash;
	u64 region_size;
	u64 boot_id;    /* of the data plane */
	u64 attachment; /* counts attachments of this role; see fog_worker_status.attachment */
	u32 workers;
	u16 verify_workers; /* 1 .. FOG_VERIFY_WORKERS_MAX; 0 for an edge */
	u16 steer;          /* 1: the fds end with one AF_XDP socket per worker; 0: they do not */
	char text[72];      /* why it was refused; empty when status is 0 */
};

_Static_assert(sizeof(struct fog_hello) == 64, "");
_Static_assert(sizeof(struct fog_hello_reply) == 128, "");

#endif
