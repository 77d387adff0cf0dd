/* SPDX-License-Identifier: BSD-3-Clause */
/* The attachment to the local data plane as an event source: attaches, notices that the data plane
 * went away or misbehaves, attaches again with back-off. Slots are copied out of the shared memory
 * before anybody looks at them. The loop's thread only. */
#ifndef FOG_EDGE_RING_H
#define FOG_EDGE_RING_H

#include <ev.h>

#include "dataplane/abi/attach.h"
#include "dataplane/abi/edge.h"
#include "dataplane/abi/ring.h"

#define FOG_EDGE_RX_BATCH 64 /* slots handed over together */
/* Slots of the sending ring that only control cells (CREATE_VIA, EXTEND, DESTROY, CLOSE) may take,
 * so that circuits can be built and ended while data fills the ring. */
#define FOG_EDGE_RESERVE     64
#define FOG_EDGE_ATTACH_S    2.0 /* an answer to HELLO */
#define FOG_EDGE_RETRY_S     0.1 /* first pause before the next try; doubles */
#define FOG_EDGE_RETRY_MAX_S 2.0

struct fog_edge_ring_ops {
	void (*up)(void *user);
	/* All circuits and handles of the former attachment are void. */
	void (*down)(void *user);
	/* count <= FOG_EDGE_RX_BATCH; the cells may be changed in place. */
	void (*slots)(void *user, struct fog_edge_slot *slots, unsigned count);
};

struct fog_edge_ring {
	struct ev_loop *loop;
	const struct fog_edge_ring_ops *ops;
	void *user;
	const char *path; /* of dataplane.sock; the caller's */
	u64 boot_id;
	bool up;
	bool said; /* the present trouble was logged */
	double retry_s;
	u32 pending; /* slots filled, not yet published */
	u64 tx_full; /* slots lost because even the reserve was full */
	struct fog_attachment attachment;
	struct fog_ring rx, tx;
	struct ev_io sock_io;
	struct ev_io notify_io;
	struct ev_timer timer;
	struct fog_edge_slot batch[FOG_EDGE_RX_BATCH];
};

void fog_edge_ring_start(struct fog_edge_ring *r, struct ev_loop *loop, const char *path,
			 u64 boot_id, const struct fog_edge_ring_ops *ops, void *user);
void fog_edge_ring_stop(struct fog_edge_ring *r);

/* Hand over at most FOG_EDGE_RX_BATCH slots. Returns how many. */
unsigned fog_edge_ring_drain(struct fog_edge_ring *r);
/* Before the loop blocks: true when there is more to drain, so it must not. */
bool fog_edge_ring_wait(struct fog_edge_ring *r);

/* Data slots that may be sent now; 0 while detached. */
u32 fog_edge_ring_room(struct fog_edge_ring *r);
/* Copy a slot in; not visible before the flush. -ENOTCONN, -EMSGSIZE, or -ENOBUFS when even the
 * reserve is full (control) or the reserve is reached (data). */
int fog_edge_ring_push(struct fog_edge_ring *r, enum fog_edge_kind kind, bool control, u32 handle,
		       u8 reason, const u8 *data, size_t size);
/* Likewise for a mix packet of 1392 bytes. */
int fog_edge_ring_push_mix(struct fog_edge_ring *r, const u8 first_hop[32], u64 epoch,
			   const u8 *packet);
void fog_edge_ring_flush(struct fog_edge_ring *r);

#endif
