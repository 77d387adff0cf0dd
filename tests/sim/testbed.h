/* SPDX-License-Identifier: BSD-3-Clause */
/* Several data planes on one simulated network, each with a small control plane and edge of its
 * own: the fixture of the simulator and of tests that need more than one host. Virtual time, one
 * thread; everything follows from the seed. Failures of the fixture itself abort. */
#ifndef FOG_TESTBED_H
#define FOG_TESTBED_H

#include <CUnit/CUnit.h>

#include "dataplane/abi/attach.h"
#include "dataplane/edge/circuit.h"
#include "dataplane/io/io_sim.h"
#include "dataplane/worker/dp.h"
#include "dataplane/worker/worker.h"

#define TB_HOSTS_MAX    12
#define TB_CIRCUITS_MAX 64
#define TB_EVENTS_MAX   4096
#define TB_MS           1000000ull
#define TB_S            1000000000ull

struct tb;

struct tb_circuit {
	bool used;
	struct fog_circuit state;
	u32 host;
	bool built;
	bool closed; /* FAILED, ENDED or closed by us */
	u8 reason;
	u64 received; /* datagrams */
	u32 tag;      /* for the test */
};

struct tb_host {
	bool alive;
	u32 index;
	u32 workers;
	struct fog_dp *dp;
	struct fog_data_region *data;
	struct fog_control_region *control;
	struct fog_edge_tx_region *tx;
	struct fog_edge_rx_region *rx;
	u8 node_id[32];
	u8 link_sk[32];
	u8 link_pk[32];
	u8 onion_sk[32];
	u8 onion_pk[32];
	u64 boot_id;
	struct fog_address address;
	struct fog_snapshot policy;
	struct fog_ring commands[FOG_WORKERS_MAX];
	struct fog_ring events[FOG_WORKERS_MAX];
	u64 command_seq[FOG_WORKERS_MAX];
	u64 event_seq[FOG_WORKERS_MAX];
	u64 attachment;
	u64 generation;
	struct fog_ring to_dp;
	struct fog_ring from_dp;
	u32 handle_next;
	u64 event_count[16]; /* by type */
	struct fog_event event[TB_EVENTS_MAX];
	u32 event_total;
	bool up[FOG_LINKS_MAX + 1]; /* by link id, from events */
	u64 closes;                 /* FOG_EDGE_CLOSE seen */
	char mix_dir[64];           /* epochs of its mix; empty = not kept */
	u32 last_handle;
	u8 last_reason;
};

/* A datagram arrived: at a terminus (circuit NULL, handle set) or back at the client. */
typedef void (*tb_datagram)(struct tb *tb, struct tb_host *host, struct tb_circuit *circuit,
			    u32 handle, const u8 *data, u32 length);

struct tb {
	struct fog_sim *sim;
	const struct fog_io_ops *io;
	bool threaded; /* real threads, sockets and time */
	struct fog_rng rng;
	u64 now;
	u64 grain_ns; /* 0, or time goes on in steps of this: packets come in batches */
	u32 mix_tags; /* of hosts started from now on; 0 = the default */
	u32 hosts;
	u32 workers;
	u32 circuits_max;
	struct tb_host host[TB_HOSTS_MAX];
	struct tb_circuit circuit[TB_CIRCUITS_MAX];
	tb_datagram on_datagram;
	/* A mix packet ended at this host. */
	void (*on_mix)(struct tb *tb, struct tb_host *host, struct fog_edge_slot *s);
	void *arg;
	u64 polls;
};

/* Hosts 0 .. hosts - 1 are started and have policies, no links. */
void tb_init(struct tb *tb, u64 seed, u32 hosts, u32 workers, u32 circuits_max);
/* The same with threads of their own and real sockets on 127.0.0.1; tb_run() takes real time. */
void tb_init_threaded(struct tb *tb, const struct fog_io_ops *io, u64 seed, u32 hosts, u32 workers,
		      u32 circuits_max);
void tb_free(struct tb *tb);

void tb_host_start(struct tb *tb, u32 i); /* with the same keys, a new boot id, empty tables */
void tb_host_kill(struct tb *tb, u32 i);
/* Fresh control region and attachment, as after a restart of the control plane. */
void tb_control_attach(struct tb *tb, u32 i);
void tb_control_detach(struct tb *tb, u32 i);
void tb_edge_attach(struct tb *tb, u32 i);
void tb_edge_detach(struct tb *tb, u32 i);
void tb_policy(struct tb *tb, u32 i); /* publish host[i].policy */

/* Queue a command; seq is filled in. */
void tb_command(struct tb *tb, u32 i, u32 worker, struct fog_command *c);
/* Tell host a of its neighbour b. link id = b + 1. */
void tb_link(struct tb *tb, u32 a, u32 b);
void tb_link_delete(struct tb *tb, u32 a, u32 b);
void tb_generation_begin(struct tb *tb, u32 i);
void tb_generation_end(struct tb *tb, u32 i);
/* Links between all pairs, and time until they are up. False: not within 10 s. */
bool tb_mesh(struct tb *tb);
bool tb_link_up(struct tb *tb, u32 a, u32 b);

/* Let virtual time pass. */
void tb_run(struct tb *tb, u64 ns);
/* Until done(tb) or the limit; returns done(tb). */
bool tb_run_until(struct tb *tb, bool (*done)(struct tb *tb), u64 limit_ns);

/* Start a circuit over the hosts of path; runs nothing. NULL when all are in use. */
struct tb_circuit *tb_open(struct tb *tb, u32 host, const u32 *path, u32 hops);
/* The same and wait until it is built. False: it failed. */
bool tb_open_wait(struct tb *tb, struct tb_circuit **c, u32 host, const u32 *path, u32 hops);
/* 0 or -errno of fog_circuit_send(); -EAGAIN when the ring is full. */
int tb_send(struct tb *tb, struct tb_circuit *c, const void *data, u32 length);
int tb_reply(struct tb *tb, u32 host, u32 handle, const void *data, u32 length);
void tb_close(struct tb *tb, struct tb_circuit *c);
void tb_terminus_close(struct tb *tb, u32 host, u32 handle);
void tb_forget(struct tb_circuit *c); /* a closed one, to use its place again */
/* Any slot to the data plane, as a misbehaving edge would. */
int tb_edge_slot(struct tb *tb, u32 host, const struct fog_edge_slot *s);

/* Sum of a counter over the workers. */
#define tb_counter(tb, i, name)                                                      \
	({                                                                           \
		u64 sum_ = 0;                                                        \
		for (u32 w_ = 0; w_ < (tb)->host[i].workers; w_++)                   \
			sum_ += atomic_load(&(tb)->host[i].data->counters[w_].name); \
		sum_;                                                                \
	})
/* ---- misbehaviour ---- */

/* The worker of host a that owns its link to b, and that link. */
struct fog_worker *tb_worker(struct tb *tb, u32 a, u32 b);
struct fog_link *tb_peer(struct tb *tb, u32 a, u32 b);
/* Seal a cell as host a would for host b, next counter; or with one of our own. */
void tb_forge(struct tb *tb, u32 a, u32 b, const u8 *cell, u8 dgram[FOG_DGRAM_SIZE]);
void tb_forge_counter(struct tb *tb, u32 a, u32 b, u64 counter, const u8 *cell,
		      u8 dgram[FOG_DGRAM_SIZE]);
void tb_inject(struct tb *tb, u32 a, u32 b, const u8 *data, u32 length);
/* Send `body` (1392 bytes, in clear) to hop number `hops` of a circuit, under its layers. */
void tb_send_body(struct tb *tb, struct tb_circuit *c, const u8 *body, u32 hops);
/* Run a little and expect exactly one more drop at `host`, for this reason. */
#define TB_EXPECT_DROP(tb, host, reason, number)                                                  \
	do {                                                                                      \
		u64 one_ = tb_drops(tb, host, reason), all_ = tb_drops_all(tb, host);             \
		tb_run(tb, 20 * TB_MS);                                                           \
		if (tb_drops(tb, host, reason) != one_ + 1 || tb_drops_all(tb, host) != all_ + 1) \
			printf("case %d: not one %s\n", (int)(number), fog_drop_name(reason));    \
		CU_ASSERT_EQUAL(tb_drops(tb, host, reason), one_ + 1);                            \
		CU_ASSERT_EQUAL(tb_drops_all(tb, host), all_ + 1);                                \
	} while (0)

u64 tb_drops(const struct tb *tb, u32 host, enum fog_drop d);
u64 tb_drops_all(const struct tb *tb, u32 host);
u64 tb_halves(const struct tb *tb, u32 host);
/* The next two look into the workers: not while they run on threads.
 * Slab cells that are neither free nor on their way home, over all workers. */
u64 tb_slots_out(const struct tb *tb, u32 host);
u64 tb_pending(const struct tb *tb, u32 host);

#endif
