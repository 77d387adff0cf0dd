/* SPDX-License-Identifier: BSD-3-Clause */
/* One fog-edge: its parts and what they share. Everything runs on one libev loop.
 *
 *	socks.sock --> socksd --+                                        +--> exit --> TCP
 *	edge.sock  --> jobs ----+--> opening --> tunnel    terminus --> service
 *	                                         |  |           |        +--> jobs --> jobs.sock
 *	             control <---- routes -------+  circuits   |
 *	             (control.sock)                    |        |
 *	                                             ring (data plane)
 *
 * A turn of the loop: sockets and timers; then the ring is drained; then every connection marked
 * dirty is pumped, which fills the ring; then the ring is flushed and the loop blocks. */
#ifndef FOG_EDGE_EDGE_H
#define FOG_EDGE_EDGE_H

#include <ev.h>

#include "dataplane/edge/carrier.h"
#include "dataplane/edge/circuits.h"
#include "dataplane/edge/conn.h"
#include "dataplane/edge/control.h"
#include "dataplane/edge/exit.h"
#include "dataplane/edge/jobdoor.h"
#include "dataplane/edge/message.h"
#include "dataplane/edge/mixnet.h"
#include "dataplane/edge/ring.h"
#include "dataplane/edge/socksd.h"
#include "dataplane/edge/terminus.h"
#include "dataplane/edge/tunnel.h"

#define FOG_EDGE_PART "edge"
/* Bytes waiting in all streams together, both ways. */
#define FOG_EDGE_BUFFER_MAX (256ull << 20)
/* How long a stopping edge waits for its streams to end by themselves. */
#define FOG_EDGE_STOP_S 3.0
/* Next look at a full ring. */
#define FOG_EDGE_HELD_S 0.001
/* Timers of connections run this slowly while there is no data plane. */
#define FOG_EDGE_DETACHED_S 0.1

struct fog_edge_options {
	char run_dir[80]; /* short enough that its sockets fit sun_path */
	char state_dir[256];
	char socks[64]; /* empty: what the control plane says */
	u32 hops;       /* until the control plane says */
};

struct fog_edge {
	struct ev_loop *loop;
	struct fog_edge_options options;
	struct fog_edge_config config; /* zero until the control plane sent it */
	bool configured;
	bool stopping;
	struct fog_tls tls;
	u8 reset_key[32];
	struct fog_rng rng;
	struct fog_budget budget;
	char ring_path[108];
	struct fog_edge_ring ring;
	struct fog_circuits circuits;
	struct fog_tunnels tunnels;
	struct fog_terminus terminus;
	struct fog_control control;
	struct fog_socksd socksd;
	struct fog_jobdoor jobs;
	struct fog_exit exit;
	struct fog_mixedge mixnet;
	struct fog_carrier *dirty, *dirty_last;
	struct ev_prepare prepare;
	struct ev_check check;
	struct ev_idle idle;
	struct ev_timer held;
	struct ev_timer stop_timer;
	double stop_at;
	struct ev_signal sigterm, sigint;
};

u64 fog_edge_now(void); /* CLOCK_MONOTONIC, ns */

/* Read or make the key, listen, attach. 0 or -errno, after a line in the log. */
int fog_edge_init(struct fog_edge *e, const struct fog_edge_options *options);
/* Until SIGTERM or SIGINT, then at most FOG_EDGE_STOP_S more. */
void fog_edge_run(struct fog_edge *e);
void fog_edge_free(struct fog_edge *e);
/* Stop accepting, let streams end, close circuits, leave the loop. */
void fog_edge_stop(struct fog_edge *e);

/* The control plane sent (new) configuration. */
void fog_edge_configure(struct fog_edge *e, const struct fog_edge_config *c);

#endif
