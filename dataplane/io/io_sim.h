/* SPDX-License-Identifier: BSD-3-Clause */
/* A network in memory between instances of one process: delay, jitter (and with it reordering),
 * loss, duplication, corruption, cut links; bounded queues; a virtual clock. What happens is a
 * function of the seed and of the calls. One thread drives it and every instance on it.
 *
 * Instances name each other by the address in fog_dp_config.listen; io_arg is the network. A host
 * with several workers gets each datagram at one of them, chosen by the sender's address as
 * SO_REUSEPORT would, or at random (`spray`). */
#ifndef FOG_IO_SIM_H
#define FOG_IO_SIM_H

#include "dataplane/io/io.h"

#define FOG_SIM_HOSTS_MAX 64 /* more: open() gives -ENOSPC */
#define FOG_SIM_QUEUE_MAX                                                      \
	4096 /* datagrams on their way to one worker; more are lost (overflow) \
	      */

struct fog_sim;

/* One direction between two hosts. Probabilities are in millionths. */
struct fog_sim_path {
	u64 delay_ns;
	u64 jitter_ns; /* uniform, added to the delay */
	u64 rate;      /* bit/s of its narrowest point, which queues; 0 = no limit */
	u64 busy_ns;   /* kept by the network: until then that point sends what is queued */
	u32 loss;
	u32 duplicate;
	u32 corrupt; /* one bit flips; one in eight is cut short or made longer instead */
	bool cut;
};

struct fog_sim_stats {
	u64 sent;
	u64 delivered;
	u64 lost;
	u64 duplicated;
	u64 corrupted;
	u64 cut;
	u64 overflow;
	u64 unreachable; /* nobody listens there */
};

/* Sees every datagram as it is sent; may change it. False: it is lost. */
typedef bool (*fog_sim_tap)(void *arg, const struct fog_address *from, const struct fog_address *to,
			    u8 *data, u32 *length);

/* 0 or -ENOMEM. */
int fog_sim_create(struct fog_sim **sim, u64 seed);
/* After every instance on it. */
void fog_sim_free(struct fog_sim *sim);

/* Path between any two hosts for which nothing else is set. */
void fog_sim_set_default(struct fog_sim *sim, const struct fog_sim_path *path);
/* Between two hosts, by port (hosts in tests share an address). 0 or -ENOSPC. */
int fog_sim_set_path(struct fog_sim *sim, u16 from, u16 to, const struct fog_sim_path *path);
void fog_sim_set_spray(struct fog_sim *sim, bool spray);
void fog_sim_set_tap(struct fog_sim *sim, fog_sim_tap tap, void *arg);

/* Put a datagram on the way as if `from` had sent it; no tap. length <= FOG_FRAME_MAX. */
void fog_sim_inject(struct fog_sim *sim, u64 now_ns, const struct fog_address *from,
		    const struct fog_address *to, const u8 *data, u32 length);
/* Earliest arrival under way; UINT64_MAX when none. */
u64 fog_sim_next(const struct fog_sim *sim);
void fog_sim_stats(const struct fog_sim *sim, struct fog_sim_stats *stats);

extern const struct fog_io_ops fog_io_sim;

#endif
