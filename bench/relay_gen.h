/* SPDX-License-Identifier: BSD-3-Clause */
/* Both neighbours of one relay: two whole data planes that share one place on the network, on the
 * back end under measurement. They build real circuits from the first through the relay to the
 * second, make real cells of them ahead of time, and then only send them and count what comes back,
 * so that this is faster than any relay. One thread. Failures of the fixture itself abort. */
#ifndef FOG_BENCH_RELAY_GEN_H
#define FOG_BENCH_RELAY_GEN_H

#include "controlplane/core/dpclient.h"
#include "dataplane/abi/attach.h"
#include "dataplane/edge/circuit.h"
#include "dataplane/io/io.h"
#include "dataplane/worker/dp.h"

#define GEN_CIRCUITS 32
#define GEN_CELLS    160000 /* made ahead for one run, 230 MB */
#define GEN_PAYLOAD  FOG_MSG_PAYLOAD_MAX

struct gen;

/* One of the two neighbours. */
struct gen_side {
	struct gen *gen;
	struct fog_dp *dp;
	struct fog_data_region *data;
	struct fog_control_region *control;
	struct fog_edge_tx_region *tx;
	struct fog_edge_rx_region *rx;
	struct fog_ring commands, events, to_dp, from_dp;
	u64 command_seq;
	u8 node_id[32], link_sk[32], link_pk[32], onion_sk[32], onion_pk[32];
	bool link_up;
	u8 bytes[FOG_IO_BURST_MAX][FOG_FRAME_MAX]; /* copies of what came for this side */
	struct fog_frame inbox[FOG_IO_BURST_MAX];
	u32 inbox_count;
};

struct gen {
	const struct fog_io_ops *real;
	struct fog_io *io;
	struct fog_io_settings settings;
	bool capture; /* what the first side sends is kept, nothing is received */
	u8 *kept;     /* GEN_CELLS datagrams */
	u32 kept_count;
	struct gen_side side[2]; /* client, terminus */
	struct fog_address address, target;
	struct fog_rng rng;
	struct fog_circuit circuit[GEN_CIRCUITS];
	bool built[GEN_CIRCUITS];
	u32 payload_next; /* number of the next payload made */
	u64 good, wrong;  /* payloads that came through both hops, whole or not */
};

/* The relay, as its control plane sees it. */
struct gen_relay {
	u8 node_id[32], link_pk[32], onion_pk[32];
	struct fog_address address;
};

struct gen_run {
	u64 sent, delivered; /* datagrams */
	double seconds;      /* from the first sent to the last delivered */
};

u64 gen_now(void);
/* io: an fog_io_ops of this build; settings are copied. 0 or -errno, said why. */
int gen_open(struct gen *g, const char *io, const struct fog_io_settings *settings,
	     const struct fog_address *listen);
/* For AF_XDP: the socket to steer to, or -1. */
int gen_steer_fd(const struct gen *g);
/* Our part of both links to the relay. */
void gen_link(struct gen *g, const struct gen_relay *relay);
bool gen_links_up(const struct gen *g);
void gen_poll(struct gen *g);
bool gen_circuits(struct gen *g, const struct gen_relay *relay, void (*turn)(void *), void *arg);
/* Send some cells the ordinary way and see them arrive in clear at the other end. True: all. */
bool gen_verify(struct gen *g, u32 cells, void (*turn)(void *), void *arg);
/* Make `cells` datagrams (at most GEN_CELLS). */
void gen_make(struct gen *g, u32 cells);
/* The same number without circuits behind them, for a peer that only returns frames. */
void gen_blank(struct gen *g, u32 cells);
/* Send them at `rate` datagrams a second (0: as fast as they go) and count what comes back. */
void gen_run(struct gen *g, double rate, struct gen_run *out);

#endif
