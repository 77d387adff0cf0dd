/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring between a data plane and the fog-edge of the same host. The edge is a neighbour without
 * a link: as client it hands over whole cells of circuits it originates; as terminus it exchanges
 * payloads with the data plane, which holds the keys of the circuit's last hop. */
#ifndef FOG_EDGE_ABI_H
#define FOG_EDGE_ABI_H

#include "dataplane/abi/abi.h"
#include "dataplane/abi/wire.h"

#define FOG_EDGE_RING_COUNT                                                  \
	4096 /* full towards the edge: dropped and counted (EDGE_FULL); full \
		towards the data plane: the edge keeps the datagram back */

enum fog_edge_kind {
	FOG_EDGE_INVALID = 0,
	/* Client side. handle = circuit id on the edge's pseudo-link, chosen by the edge (bit 31
	 * clear, never 0). data = the 1408-byte cell; its circuit_id must equal handle.
	 *   edge -> dp: CREATE_VIA, DATA (already under all layers, sequence set), DESTROY
	 *   dp -> edge: CREATED, DATA (layers to be removed by the edge), DESTROY */
	FOG_EDGE_CELL = 1,
	/* Terminus side. handle = the data plane's name of a circuit that ends here.
	 *   dp -> edge: payload of a DATAGRAM message;  edge -> dp: payload to send back */
	FOG_EDGE_DATAGRAM = 2,
	/* Terminus side, both ways: circuit is gone / please close it. reason is set. */
	FOG_EDGE_CLOSE = 3,
	/* A mix packet. edge -> dp: node = first hop, epoch, data = 1392 bytes of Sphinx.
	 *   dp -> edge: data = 32 bytes payload tag and the payload, node = recipient, surb; handle
	 *   says which of them were there: FOG_EDGE_MIX_* */
	FOG_EDGE_MIX = 4,
};

#define FOG_EDGE_MIX_RECIPIENT 1u
#define FOG_EDGE_MIX_SURB      2u
#define FOG_EDGE_SURB_SIZE     16

struct fog_edge_slot {
	u32 handle;
	u8 kind;
	u8 reason;
	u16 length; /* CELL: 1408; DATAGRAM: <= FOG_MSG_PAYLOAD_MAX; MIX: see above */
	u8 data[FOG_CELL_SIZE];
	u8 node[32];                 /* MIX */
	u64 epoch;                   /* MIX */
	u8 surb[FOG_EDGE_SURB_SIZE]; /* MIX */
	u8 pad[64];
};

_Static_assert(sizeof(struct fog_edge_slot) == 1536, "");

/* Written by fog-edge. */
struct fog_edge_tx_region {
	struct fog_region_header header;
	struct fog_ring_head tx_head;
	struct fog_ring_tail rx_tail;
	_Alignas(4096) struct fog_edge_slot slots[FOG_EDGE_RING_COUNT];
};

/* Written by fog-dataplane. */
struct fog_edge_rx_region {
	struct fog_region_header header;
	struct fog_ring_head rx_head;
	struct fog_ring_tail tx_tail;
	_Alignas(4096) struct fog_edge_slot slots[FOG_EDGE_RING_COUNT];
};

#endif
