/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread of a data plane: accepts HELLO on dataplane.sock and hands the regions of the
 * control plane and of fog-edge to the workers.
 *
 *	accept --> pending (<= 16, 1 s) --HELLO ok--> adopted by workers --REPLY--> attached
 *	               |                     |                                        |
 *	               +-- bad: refusal -----+             newer HELLO or hang-up ----+--> closed
 *
 * Control plane gone: its region stays with the workers, links and circuits go on; the lease in the
 * snapshot decides about new circuits. Edge gone: detached, its circuits end with NO_EDGE.
 *
 * Only root and our own uid may attach. One thread; adoption may hold it up to 2 s. */
#ifndef FOG_CTL_H
#define FOG_CTL_H

#include "dataplane/abi/attach.h"
#include "dataplane/worker/dp.h"

struct fog_verify;

#define FOG_CTL_PENDING_MAX 16   /* more: the oldest is closed */
#define FOG_CTL_HELLO_MS    1000 /* a client that has not said HELLO by then is closed */
#define FOG_CTL_LIMBO_MAX   4    /* regions a stuck worker may still read; more: refused */

struct fog_ctl_config {
	const char *socket_path;   /* its folder must exist; a ".lock" beside it is held for life */
	struct fog_dp *dp;         /* borrowed; outlives the fog_ctl */
	struct fog_verify *verify; /* borrowed; likewise */
	const struct fog_region *data; /* the data region; borrowed */
	u32 workers;
	u64 boot_id;
	int notify_fd; /* eventfd towards the control plane; borrowed */
};

struct fog_ctl;

/* Lock, bind (replacing what a dead data plane left), listen. -EADDRINUSE: another data plane holds
 * the lock; -EEXIST: the path is something else than a socket; or -errno. */
int fog_ctl_open(struct fog_ctl **ctl, const struct fog_ctl_config *config);

/* Wait up to timeout_ms (-1: until something happens) and handle what is ready. stop_fd becoming
 * readable (or -1) ends the wait too. Returns 1 when stop_fd is readable, 0, or -errno. */
int fog_ctl_step(struct fog_ctl *ctl, int stop_fd, int timeout_ms);

/* Close everything and remove the socket. Call after fog_dp_stop(): workers must not read the
 * regions any more. */
void fog_ctl_close(struct fog_ctl *ctl);

struct fog_ctl_status {
	bool control, edge; /* attached now */
	unsigned pending, limbo;
	u64 control_number, edge_number; /* attachments so far */
	u64 refused;
};
void fog_ctl_status(const struct fog_ctl *ctl, struct fog_ctl_status *out);

#endif
