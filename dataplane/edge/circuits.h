/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuits this host originates: a table of circuit state machines bound to the ring and to
 * timers. Handle = serial number << 8 | place in the table, so a late cell of a former circuit
 * finds nobody. */
#ifndef FOG_EDGE_CIRCUITS_H
#define FOG_EDGE_CIRCUITS_H

#include <ev.h>

#include "dataplane/abi/edge.h"
#include "dataplane/edge/circuit.h"

#define FOG_CIRCUITS_MAX 256 /* more: -EMFILE, the opener gets a resource error */

struct fog_edge;
struct fog_line;

struct fog_line_ops {
	void (*built)(struct fog_line *l);
	void (*datagram)(struct fog_line *l, const u8 *data, size_t size);
	/* The end, once, unless the owner closed it. hop: index to suspect, FOG_HOPS_MAX unknown.
	 * The line is gone when this returns. */
	void (*ended)(struct fog_line *l, unsigned reason, unsigned hop);
};

/* One circuit of ours. */
struct fog_line {
	struct fog_circuit circuit;
	struct fog_edge *edge;
	const struct fog_line_ops *ops;
	void *user;
	const char *purpose;
	u64 serial; /* never used twice: the path of QUIC connections over it */
	u64 created_ns, built_ns;
	u64 bytes_rx, bytes_tx; /* payload */
	struct ev_timer timer;
};

struct fog_circuits {
	struct fog_line *table[FOG_CIRCUITS_MAX];
	u32 count;
	u64 serial;
	u64 dropped; /* cells without a circuit */
	/* Payloads of one line on their way into the ring, sealed together. */
	struct fog_line *staged;
	u32 staged_count;
	u16 staged_size[FOG_CIRCUIT_BATCH];
	u8 staged_data[FOG_CIRCUIT_BATCH][FOG_MSG_PAYLOAD_MAX];
};

/* Start building. 0, -EMFILE, -ENOTCONN (no data plane), -ENOMEM or -EINVAL (path). */
int fog_line_open(struct fog_edge *e, struct fog_line **out, const struct fog_circuit_hop *path,
		  unsigned hops, const char *purpose, const struct fog_line_ops *ops, void *user);
/* Tell the circuit and forget it; ended is not called. */
void fog_line_close(struct fog_line *l, enum fog_reason reason);

/* Queue one payload; sealed and put on the ring with others. The caller has seen room. */
void fog_line_send(struct fog_line *l, const u8 *data, size_t size);
/* Before the ring is flushed. */
void fog_circuits_flush(struct fog_edge *e);

/* A run of CELL slots with the same handle, at most FOG_CIRCUIT_BATCH. */
void fog_circuits_receive(struct fog_edge *e, struct fog_edge_slot *slots, unsigned count);
/* The data plane is gone: every line ends with LINK_LOST. */
void fog_circuits_lost(struct fog_edge *e);

struct fog_line *fog_line_find(struct fog_edge *e, u32 handle);
const char *fog_line_state_name(const struct fog_line *l);

#endif
