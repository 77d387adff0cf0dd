/* SPDX-License-Identifier: BSD-3-Clause */
/* One data plane instance: workers, their tables, the slow path and the I/O back end. The daemon
 * runs it on threads; the simulator and the tests run it with fog_dp_poll() in one thread, with
 * io_sim and a virtual clock, so that a run is a function of its seed.
 *
 * Threads: fog_dp_attach_*() and fog_dp_wake_fd() belong to the control thread (dataplane/ctl);
 * everything else inside belongs to one worker or to the slow thread. No allocation after
 * fog_dp_init(). */
#ifndef FOG_DP_H
#define FOG_DP_H

#include "configs/address.h"
#include "dataplane/abi/abi.h"
#include "dataplane/abi/edge.h"

struct fog_dp;
struct fog_io_ops; /* dataplane/io/io.h */

struct fog_dp_config {
	u32 workers;              /* 1 .. FOG_WORKERS_MAX */
	int cpu[FOG_WORKERS_MAX]; /* CPU to pin worker w to, or -1 */
	int mix_cpu;              /* CPU to pin the mix's thread to, or -1 */
	u8 link_sk[32];           /* Noise static secret; copied, wiped at fog_dp_free() */
	u8 onion_sk[32];          /* ntor-v3 secret; likewise */
	u8 rng_seed[32];          /* all randomness of the instance: OS entropy in the daemon */
	u64 boot_id;
	u32 circuits_max;    /* halves per worker table, power of two; 0 = 1 << 16 */
	u32 mix_held;        /* mix packets waiting at most; 0 = FOG_MIX_HELD_DEFAULT */
	u32 mix_tags;        /* of a key epoch at most; 0 = FOG_MIX_TAGS_DEFAULT */
	const char *mix_dir; /* where its epochs are kept; NULL = nowhere; until init */
	struct fog_address listen;
	const struct fog_io_ops *io;
	void *io_arg; /* passed to the back end's open() */
	/* eventfd of the control client, written after an event when its event_tail is waiting;
	 * 0 or less = none. Borrowed: outlives the instance. One for all attachments. */
	int notify_fd;
};

/* region: the data region, already created and zeroed but for its header; the workers fill and
 * update it. 0 or -errno (-EADDRINUSE, -ENOMEM ..). */
int fog_dp_init(struct fog_dp **dp, const struct fog_dp_config *config,
		struct fog_data_region *region);
void fog_dp_free(struct fog_dp *dp);

/* Run every worker and the slow path once at virtual time now. Returns the amount of work done. */
unsigned fog_dp_poll(struct fog_dp *dp, u64 now_ns);
/* Earliest time at which fog_dp_poll() has something to do by itself (timers), for a virtual clock.
 */
u64 fog_dp_next_deadline(const struct fog_dp *dp);

int fog_dp_start(struct fog_dp *dp); /* threads: "fog-w0".., "fog-slow" */
void fog_dp_stop(struct fog_dp *dp); /* ask, wake, join */

/* Hand a peer's region to the workers. Returns when every running worker has taken it up (they
 * adopt it at their next housekeeping, at most some ms) and nobody reads the former one any more,
 * so the caller may unmap that. NULL detaches. -ETIMEDOUT after 2 s. In polled mode the adoption is
 * immediate. */
int fog_dp_attach_control(struct fog_dp *dp, const struct fog_control_region *region,
			  u64 attachment);
int fog_dp_attach_edge(struct fog_dp *dp, const struct fog_edge_tx_region *tx,
		       struct fog_edge_rx_region *rx, int notify_fd, u64 attachment);

/* Address the instance listens on, with the port it got when it asked for port 0. */
struct fog_address fog_dp_address(const struct fog_dp *dp);
/* eventfd that wakes worker w out of its blocking wait. Owned by the instance. */
int fog_dp_wake_fd(const struct fog_dp *dp, u32 worker);
/* Socket of worker w that XDP can steer to, or -1 where the back end has none. Likewise. */
int fog_dp_steer_fd(const struct fog_dp *dp, u32 worker);
/* Worker that serves the edge rings. */
u32 fog_dp_edge_worker(const struct fog_dp *dp);

#endif
