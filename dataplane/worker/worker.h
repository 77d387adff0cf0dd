/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of a data plane: one worker, and the instance that holds them. Only dataplane/worker,
 * dataplane/stage and white-box tests include this. Everything in struct fog_worker belongs to the
 * worker's thread unless a field says otherwise. */
#ifndef FOG_WORKER_H
#define FOG_WORKER_H

#include <pthread.h>

#include "crypto/random/random.h"
#include "dataplane/abi/attach.h"
#include "dataplane/mix/thread.h"
#include "dataplane/stage/batch.h"
#include "dataplane/table/link.h"
#include "dataplane/worker/slow.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Time stamp counter for the cycles_* counters: ticks of constant rate, not core cycles. */
static inline u64 fog_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#elif defined(__aarch64__)
	u64 v;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

/* Private copies of the shared counters, published at housekeeping. */
struct fog_counts {
#define X(name, unit, help) u64 name;
#include "dataplane/abi/counters.def"
#undef X
	u64 drops[FOG_DROP_COUNT];
};

/* One direction between two workers; slots are pointers (handoff) or indices (home). */
struct fog_lane {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct fog_slot *slots[FOG_HANDOFF_COUNT];
};

struct fog_outbox {
	struct fog_ring ring;
	u32 staged;
};

/* A build in flight, or a CREATED kept in case the CREATE comes again. */
struct fog_pending {
	u32 half; /* FOG_HALF_NONE = free */
	u32 tries;
	u64 retry_ns;
	u64 deadline_ns;
	u64 hash;   /* of the CREATE or EXTEND answered */
	u8 command; /* FOG_CELL_CREATE: sent again; FOG_CELL_CREATED: the answer kept */
	u8 body[sizeof(struct fog_create)];
};

struct fog_pending_pool {
	struct fog_pending *records;
	u32 *free_records;
	u32 free_count;
	u32 *active; /* indices in use, packed */
	u32 active_count;
	u32 *place; /* position of a record in active */
};

struct fog_mix {
	struct fog_slot **due; /* circular, FOG_MIX_CELLS */
	u32 first;
	u32 count;
};

/* What every worker knows of every neighbour. */
struct fog_neighbour {
	u8 node_id[FOG_NODE_ID_SIZE];
	bool present;
};

/* Control plane's side of a worker. */
struct fog_control_port {
	const struct fog_control_region *region; /* NULL = detached */
	u64 attachment;
	struct fog_ring commands;
	struct fog_ring events;
	u64 command_seq; /* last one taken */
	u64 event_seq;   /* last one used, lost ones too */
	u64 generation;  /* of GENERATION_BEGIN */
	u64 sweep_generation;
	bool notify;
	u32 sweep_next;    /* link slot; 0 = no sweep under way */
	u32 announce_next; /* half slot + 1; 0 = nothing to announce */
};

/* The edge's side, only in the worker that serves it. */
struct fog_edge_port {
	const struct fog_edge_tx_region *tx_region; /* NULL = detached */
	struct fog_ring from;
	struct fog_ring to;
	int notify_fd;
	bool notify;
	struct {
		u32 handle;
		u8 kind; /* FOG_EDGE_CELL = DESTROY of a client's circuit, FOG_EDGE_CLOSE */
		u8 reason;
	} backlog[FOG_EDGE_BACKLOG];
	u32 backlog_count;
};

/* Where a session was found last. Only a hint: what it names is checked. */
struct fog_recent {
	u32 index;
	u32 link;
};

struct fog_worker {
	struct fog_dp *dp;
	u32 index;
	u64 now;
	u64 tick_ns;      /* next housekeeping */
	u64 idle_tick_ns; /* latest time to wake up for it when blocked */
	u64 heartbeat_ns;
	bool wake_housekeeping;
	bool slow_pushed;
	struct fog_rng rng;
	struct fog_counts counts;
	u64 lap; /* fog_ticks() up to which the cycles_* are accounted for */
	struct fog_worker_status *status; /* in the data region */
	struct fog_counters *counters;    /* likewise */

	const struct fog_io_ops *ops;
	struct fog_io *io;
	int wake_fd; /* any thread writes */

	struct fog_snapshot policy;
	u64 policy_seq; /* of the attachment; the policy outlives it */
	bool policy_known;
	u64 edge_epoch; /* last one swept for */
	u32 edge_sweep; /* half slot + 1; 0 = no sweep under way */

	struct fog_slab slab;
	struct fog_half_table halves;
	u32 halves_max; /* the instance's own limit */
	u32 closing;    /* list: twin not told yet */
	u32 losing;     /* links with halves to close */
	u32 scan_next;
	u32 strays_left;
	struct fog_link *links;    /* FOG_LINK_SLOTS */
	u16 active[FOG_LINKS_MAX]; /* ids of the links in use, in no order */
	u32 active_count;
	struct fog_map sessions;
	struct fog_recent recent[FOG_RECENT_SESSIONS];
	struct fog_neighbour *neighbours;     /* FOG_LINK_SLOTS */
	u8 *neighbour_dirty[FOG_WORKERS_MAX]; /* byte per link: worker w must hear of it */
	bool neighbour_any_dirty;
	u32 address_hunts; /* left until the next housekeeping */
	u64 train_ns;      /* no probe train before */

	struct fog_pending_pool pending;
	struct fog_mix mix;
	struct fog_ring mix_request; /* of the mixnet */
	struct fog_ring mix_result;
	bool mix_pushed;
	u8 *mix_dirty; /* byte per link: the mixnet must hear of it */
	bool mix_any_dirty;
	u64 mix_policy_seq; /* worker 0: the policy the mixnet has */
	u64 mix_policy_attachment;
	struct fog_ring slow_request;
	struct fog_ring slow_result;
	struct fog_outbox out[FOG_WORKERS_MAX];  /* to worker w */
	struct fog_ring in[FOG_WORKERS_MAX];     /* from worker w */
	struct fog_outbox home[FOG_WORKERS_MAX]; /* slots of worker w, sent home */
	struct fog_ring back[FOG_WORKERS_MAX];   /* own slots, come home from worker w */

	struct fog_control_port control;
	struct fog_edge_port edge;
	struct fog_batch batch;  /* frames */
	struct fog_batch batch2; /* cells that start here: from the edge or our own messages */

	pthread_t thread;
	bool running;
	FOG_CACHE_ALIGNED _Atomic u64 control_taken; /* worker: wo, control thread: ro */
	_Atomic u64 edge_taken;                      /* likewise */
};

struct fog_dp {
	struct fog_dp_config config;
	struct fog_data_region *region;
	struct fog_arena arena;
	u32 workers;
	u8 link_pk[32];
	u32 index_key[4];
	struct fog_address listen;
	bool threaded;
	struct fog_worker *worker[FOG_WORKERS_MAX];
	struct fog_slow slow;
	struct fog_slow_lane *slow_request[FOG_WORKERS_MAX];
	struct fog_slow_lane *slow_result[FOG_WORKERS_MAX];
	struct fog_mixnet mixnet;
	struct fog_mix_lane *mix_request[FOG_WORKERS_MAX];
	struct fog_mix_lane *mix_result[FOG_WORKERS_MAX];
	int mix_wake_fd;
	struct fog_mix_thread mix_thread;
	int slow_wake_fd;
	pthread_t slow_thread;
	bool slow_running;
	FOG_CACHE_ALIGNED _Atomic bool stop; /* control thread: wo, all: ro */
	/* Attachments on offer. control thread: wo, workers: ro. The number is stored last
	 * (release); a worker that sees a new number (acquire) takes the rest. */
	_Atomic u64 control_offer;
	const struct fog_control_region *control_region;
	u64 control_attachment;
	_Atomic u64 edge_offer;
	const struct fog_edge_tx_region *edge_tx;
	struct fog_edge_rx_region *edge_rx;
	int edge_notify_fd;
	_Atomic u64 edge_epoch; /* worker 0: wo, workers: ro; odd = an edge is attached */
};

#define FOG_EDGE_WORKER 0u

static inline void fog_drop(struct fog_worker *w, enum fog_drop d)
{
	w->counts.drops[d]++;
}

/* The time since the last call belongs to this cycles_* counter. */
static inline void fog_lap(struct fog_worker *w, u64 *cycles)
{
	u64 now = fog_ticks();

	*cycles += now - w->lap;
	w->lap = now;
}

/* Which worker owns a link or pseudo-link. */
static inline u32 fog_worker_of(const struct fog_dp *dp, u32 link, u32 id)
{
	if (link == FOG_LINK_TERMINUS)
		return id & (FOG_WORKERS_MAX - 1);
	if (link == FOG_LINK_EDGE)
		return FOG_EDGE_WORKER;
	return dp->workers == 1 ? 0 : link % dp->workers;
}

static inline bool fog_edge_attached(const struct fog_worker *w)
{
	return atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed) & 1;
}

/* worker.c */
int fog_worker_init(struct fog_worker *w, struct fog_dp *dp, u32 index);
void fog_worker_wipe(struct fog_worker *w);
/* One turn of the loop. Returns the amount of work done. */
unsigned fog_worker_turn(struct fog_worker *w, u64 now_ns);
/* loop.c: the thread. */
void *fog_worker_loop(void *worker);
void *fog_slow_loop(void *dp);

/* Frames through open .. control. They stay the caller's. */
void fog_pipeline(struct fog_worker *w, struct fog_batch *b);

/* handoff.c: slots between workers */
static inline bool fog_outbox_put(struct fog_outbox *o, struct fog_slot *s)
{
	if (fog_ring_room(&o->ring, o->staged + 1) <= o->staged)
		return false;
	*(struct fog_slot **)fog_ring_slot(&o->ring, o->staged) = s;
	o->staged++;
	return true;
}

/* NULL and a drop MIX_FULL when out. */
static inline struct fog_slot *fog_slot_take(struct fog_worker *w)
{
	struct fog_slot *s = fog_slab_take(&w->slab);

	if (s == NULL)
		fog_drop(w, FOG_DROP_MIX_FULL);
	return s;
}

static inline void fog_slot_give(struct fog_worker *w, struct fog_slot *s)
{
	if (s->home == w->index) {
		fog_slab_give(&w->slab, s);
		return;
	}
	/* As many slots as the slab has: the way home is never full. */
	bool sent = fog_outbox_put(&w->home[s->home], s);
	FOG_ASSERT(sent);
}

/* Hand a slot to worker `to`. When its ring is full: drop HANDOFF_FULL, give the slot back,
 * -EAGAIN. */
static inline int fog_slot_send(struct fog_worker *w, u32 to, struct fog_slot *s)
{
	FOG_ASSERT(to < w->dp->workers);

	if (fog_outbox_put(&w->out[to], s))
		return 0;
	fog_drop(w, FOG_DROP_HANDOFF_FULL);
	fog_slot_give(w, s);
	return -EAGAIN;
}

unsigned fog_inbox(struct fog_worker *w);
void fog_outbox_flush(struct fog_worker *w);

/* house.c */
void fog_housekeep(struct fog_worker *w);
void fog_counts_publish(struct fog_worker *w);
/* Wake whoever sleeps on a ring we filled in this turn. */
void fog_wake_others(struct fog_worker *w);
void fog_control_adopt(struct fog_worker *w);
void fog_take_offers(struct fog_worker *w); /* attachments on offer */
void fog_edge_adopt(struct fog_worker *w);
void fog_event(struct fog_worker *w, enum fog_event_type type, u16 reason, u32 link, u32 circuit,
	       u64 value, const u8 *node_id);

/* command.c */
unsigned fog_commands(struct fog_worker *w);
void fog_sweep(struct fog_worker *w);
void fog_announce(struct fog_worker *w);

/* session.c: links, worker's side */
int fog_link_set(struct fog_worker *w, const struct fog_command *c);
void fog_link_delete(struct fog_worker *w, struct fog_link *l);
void fog_link_tick(struct fog_worker *w, struct fog_link *l);
/* NEXT proved itself: it becomes CURRENT. */
void fog_link_confirm(struct fog_worker *w, struct fog_link *l);
void fog_link_hunt(struct fog_worker *w, const struct fog_address *from);
void fog_link_keepalive(struct fog_worker *w, struct fog_link *l, const u8 *body);
void fog_link_lose_circuits(struct fog_worker *w, struct fog_link *l);

/* probe.c: what a link is like */
void fog_probe_reset(struct fog_worker *w, struct fog_link *l); /* it came up */
void fog_probe_ping(struct fog_link *l);
void fog_probe_pong(struct fog_worker *w, struct fog_link *l, u64 rtt_ns);
void fog_probe_tick(struct fog_worker *w, struct fog_link *l);
void fog_probe_take(struct fog_worker *w, struct fog_link *l, const u8 *body);

unsigned fog_slow_results(struct fog_worker *w);
/* A free request slot of the slow path, header zeroed; NULL unless `reserve` slots stay free beside
 * it. Then publish. */
struct fog_slow_msg *fog_slow_request(struct fog_worker *w, u32 reserve);
void fog_slow_request_publish(struct fog_worker *w);
void fog_neighbour_set(struct fog_worker *w, u32 link, const u8 *node_id);
void fog_neighbours_tell(struct fog_worker *w);
void fog_neighbour_learn(struct fog_worker *w, const struct fog_slot *s);
/* Link id of a host, or 0. */
u32 fog_neighbour_find(const struct fog_worker *w, const u8 *node_id);

/* relay.c: life of circuits */
void fog_relay_create(struct fog_worker *w, struct fog_link *l, u32 id, const u8 *body);
void fog_relay_created(struct fog_worker *w, struct fog_link *l, u32 id, const u8 *body);
void fog_relay_answered(struct fog_worker *w, struct fog_slow_msg *m);
void fog_relay_destroyed(struct fog_worker *w, u32 link, u32 id, u8 reason);
void fog_relay_extend(struct fog_worker *w, struct fog_half *h, const u8 *payload, u32 length);
void fog_relay_extend_done(struct fog_worker *w, struct fog_half *h);
void fog_relay_via(struct fog_worker *w, u32 handle, const u8 *body);
void fog_relay_open_next(struct fog_worker *w, struct fog_slot *s);
void fog_relay_opened(struct fog_worker *w, struct fog_slot *s);
void fog_relay_close(struct fog_worker *w, const struct fog_slot *s);
void fog_relay_idle(struct fog_worker *w, const struct fog_slot *s);
/* Close a half, tell its twin, and its own side too if `outward`. */
void fog_half_close(struct fog_worker *w, struct fog_half *h, u8 reason, bool outward);
void fog_pending_tick(struct fog_worker *w);
void fog_closing_tick(struct fog_worker *w);
/* Close the halves of lost links, some at each housekeeping. */
void fog_losing_tick(struct fog_worker *w);
void fog_idle_scan(struct fog_worker *w);
/* A cell that starts here. body: up to 1392 bytes, the rest is zeroed. */
void fog_cell_originate(struct fog_worker *w, u32 link, u32 id, u8 command, const void *body,
			size_t length);
struct fog_pending *fog_pending_take(struct fog_worker *w, struct fog_half *h, u64 lasts_ns);
struct fog_pending *fog_pending_of(struct fog_worker *w, const struct fog_half *h);
int fog_pending_init(struct fog_worker *w, struct fog_arena *a);
void fog_pending_free(struct fog_worker *w, struct fog_half *h);

/* mixport.c: the mixnet, worker's side */
int fog_mixport_init(struct fog_dp *dp, struct fog_arena *a, struct fog_rng *rng);
void fog_mixport_packet(struct fog_worker *w, u64 epoch, const u8 *body);
void fog_mixport_submit(struct fog_worker *w, const u8 first_hop[32], u64 epoch, const u8 *body);
unsigned fog_mixport_results(struct fog_worker *w);
void fog_mixport_tick(struct fog_worker *w); /* tells the mix of policy and neighbours */
void fog_mixport_counts(struct fog_worker *w);

/* edgeport.c: rings of the local edge */
unsigned fog_edge_take(struct fog_worker *w);
void fog_edge_give_cell(struct fog_worker *w, const struct fog_slot *s);
void fog_edge_give_datagram(struct fog_worker *w, const struct fog_slot *s);
void fog_edge_give_gone(struct fog_worker *w, u32 handle, u8 kind, u8 reason);
void fog_edge_give_mix(struct fog_worker *w, const struct fog_mix_msg *m);
void fog_edge_backlog_tick(struct fog_worker *w);
void fog_edge_sweep(struct fog_worker *w);

/* stages, one file each in dataplane/stage */
unsigned fog_stage_rx(struct fog_worker *w, struct fog_batch *b);
void fog_stage_open(struct fog_worker *w, struct fog_batch *b);
void fog_stage_parse(struct fog_worker *w, struct fog_batch *b);
void fog_stage_control(struct fog_worker *w, struct fog_batch *b);
void fog_stage_lookup(struct fog_worker *w, struct fog_batch *b);
void fog_stage_crypt(struct fog_worker *w, struct fog_batch *b);
void fog_stage_deliver(struct fog_worker *w, struct fog_batch *b);
void fog_stage_mix_insert(struct fog_worker *w, struct fog_slot *s);
unsigned fog_stage_mix_due(struct fog_worker *w, struct fog_slot **due, unsigned max);
void fog_stage_seal(struct fog_worker *w, struct fog_slot **due, unsigned count);
/* A handshake datagram, as it is. */
void fog_send_dgram(struct fog_worker *w, const u8 *dgram, const struct fog_address *to);
/* Message of a recognized cell at this hop; body is in clear. */
void fog_message_dispatch(struct fog_worker *w, struct fog_half *h, struct fog_slot *s);
/* Send a message back to the client of a circuit that ends here: a row of w->batch2. */
int fog_message_originate(struct fog_worker *w, u32 handle, u8 command, const void *payload,
			  u32 length);
/* Likewise with a DATAGRAM whose payload is in the slot (kind PAYLOAD). Takes the slot. */
void fog_message_reply(struct fog_worker *w, struct fog_slot *s);
/* Run the cells collected in w->batch2. */
void fog_batch2_run(struct fog_worker *w);

#endif
