/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that travels between data planes, and between a circuit's client and its hops.
 * One datagram size, so that data, handshakes, cover and control look alike on the wire.
 * All integers are little-endian. Leaf header, shared by dataplane, fog-edge and tests.
 *
 *	UDP payload 1440 = link header 16 | sealed cell 1408 | tag 16
 *	cell 1408        = cell header 16 | onion body 1392
 *	onion body 1392  = left block 16 (zero in clear) | message header 8 | payload up to 1368
 */
#ifndef FOG_WIRE_H
#define FOG_WIRE_H

#include "crypto/types.h"

#define FOG_DGRAM_SIZE       1440
#define FOG_LINK_HEADER_SIZE 16
#define FOG_LINK_TAG_SIZE    16
#define FOG_CELL_SIZE        1408
#define FOG_CELL_HEADER_SIZE 16
#define FOG_BODY_SIZE        1392
#define FOG_BODY_LEFT_SIZE   16
#define FOG_MSG_HEADER_SIZE  8
#define FOG_MSG_PAYLOAD_MAX  (FOG_BODY_SIZE - FOG_BODY_LEFT_SIZE - FOG_MSG_HEADER_SIZE)

_Static_assert(FOG_DGRAM_SIZE == FOG_LINK_HEADER_SIZE + FOG_CELL_SIZE + FOG_LINK_TAG_SIZE, "");
_Static_assert(FOG_CELL_SIZE == FOG_CELL_HEADER_SIZE + FOG_BODY_SIZE, "");
_Static_assert(FOG_MSG_PAYLOAD_MAX == 1368, "");

/* Link header, 16 bytes in clear:
 *	0 type u8 | 1 zero[3] | 4 receiver u32 | 8 counter u64
 * receiver is the index the receiving side chose in its handshake (0 in INIT); counter is the AEAD
 * nonce of DATA. The whole cell is sealed with ChaCha20-Poly1305 under the Noise transport key, the
 * link header is its associated data. */
enum fog_dgram_type {
	FOG_DGRAM_INIT = 1,     /* Noise IK message 1, padded with random bytes to 1440 */
	FOG_DGRAM_RESPONSE = 2, /* Noise IK message 2, padded likewise */
	FOG_DGRAM_COOKIE = 3,   /* stateless cookie, sent instead of RESPONSE under load */
	FOG_DGRAM_DATA = 4,
};

/* Cell header, 16 bytes:
 *	0 circuit_id u32 | 4 command u8 | 5 flags u8 | 6 zero u16 | 8 sequence u64
 * circuit_id is local to the link. Bit 31 is set when the side with the greater link public key
 * (memcmp order) chose it, so that both sides can create circuits without collisions. 0 is the link
 * itself (KEEPALIVE, PADDING). */
enum fog_cell_command {
	FOG_CELL_PADDING = 1,   /* cover; counted and dropped */
	FOG_CELL_KEEPALIVE = 2, /* body byte 0: enum fog_keepalive; worker/probe.c has the rest */
	FOG_CELL_CREATE = 3,    /* body: struct fog_create */
	FOG_CELL_CREATED = 4,   /* body: struct fog_created */
	FOG_CELL_DATA = 5,      /* body under onion layers */
	FOG_CELL_DESTROY = 6,   /* body byte 0: enum fog_reason */
	/* Sphinx packet of 5 hops at most (crypto/sphinx); circuit_id 0, sequence: its epoch */
	FOG_CELL_MIX = 7,
	/* Only on the ring between a local fog-edge and its data plane: */
	FOG_CELL_CREATE_VIA = 8, /* body: struct fog_create_via; data plane opens the first hop */
};

enum fog_keepalive {
	FOG_KEEPALIVE_PING = 0, /* body 1..8: opaque echo */
	FOG_KEEPALIVE_PONG = 1,
	FOG_KEEPALIVE_TRAIN = 2,
	FOG_KEEPALIVE_ARRIVED = 3,
};

/* Link-local circuit ids are never 0; the data plane draws those it chooses at random. */
#define FOG_CIRCUIT_ID_HIGH 0x80000000u

#define FOG_NODE_ID_SIZE    32 /* Ed25519 public key of the host's identity */
#define FOG_HANDSHAKE_NTOR3 1
#define FOG_ONIONSKIN_MAX   1024 /* bytes of handshake in CREATE, CREATED, EXTEND, EXTENDED */

/* CREATE and CREATED bodies, and the handshake part of EXTEND and EXTENDED. The rest is zero. */
struct fog_create {
	u16 handshake; /* FOG_HANDSHAKE_NTOR3 */
	u16 length;    /* of skin, <= FOG_ONIONSKIN_MAX */
	u8 skin[FOG_ONIONSKIN_MAX];
};

struct fog_created {
	u16 length;
	u8 skin[FOG_ONIONSKIN_MAX];
};

struct fog_create_via {
	u8 first_hop[FOG_NODE_ID_SIZE];
	struct fog_create create;
};

/* Message in a recognized onion body, after the 16 zero bytes:
 *	0 command u8 | 1 flags u8 | 2 length u16 | 4 zero u32 | 8 payload[length] | random padding
 */
enum fog_msg_command {
	FOG_MSG_EXTEND = 1,   /* forward; payload: struct fog_extend (next hop + onionskin) */
	FOG_MSG_EXTENDED = 2, /* backward; payload: struct fog_created */
	FOG_MSG_DATAGRAM =
		3,        /* both ways; payload is handed to the fog-edge of the terminus/client */
	FOG_MSG_DROP = 4, /* long-range cover; counted and dropped */
};

struct fog_extend {
	u8 next_hop[FOG_NODE_ID_SIZE];
	struct fog_create create;
};

_Static_assert(sizeof(struct fog_create_via) <= FOG_BODY_SIZE, "");
_Static_assert(sizeof(struct fog_extend) <= FOG_MSG_PAYLOAD_MAX, "");

/* Why a circuit or a build ended. */
enum fog_reason {
	FOG_REASON_NONE = 0,
	FOG_REASON_REQUESTED = 1, /* the client or the terminus closed it */
	FOG_REASON_PROTOCOL = 2,  /* malformed or out of place */
	FOG_REASON_INTEGRITY = 3, /* a cell failed at its terminus: a relay altered it */
	FOG_REASON_NO_LINK = 4,   /* no such neighbour, or its link is down */
	FOG_REASON_LINK_LOST = 5, /* the link died or the neighbour restarted */
	FOG_REASON_RESOURCE = 6,  /* a table, queue or quota is full */
	FOG_REASON_HANDSHAKE = 7, /* ntor failed */
	FOG_REASON_IDLE = 8,      /* no cell for the idle limit */
	FOG_REASON_NO_EDGE = 9,   /* the terminus has no fog-edge attached */
	FOG_REASON_DRAINING = 10, /* the host refuses new circuits */
	FOG_REASON_TIMEOUT = 11,  /* the next hop did not answer in time */
};

/* Key schedule of one hop: ntor-v3 yields 128 bytes = forward seed 64 | backward seed 64.
 *
 * Sequences. A cell keeps its number over all hops. The client numbers forward cells from 1.
 * Backward cells are numbered by the hop that originates them, starting at backward_first from its
 * ntor client message. Only the last hop of a circuit ever originates, so the client gives each new
 * hop a first number above all that earlier hops may have used (EXTENDED replies, at most
 * FOG_EXTEND_MAX a hop), plus a random gap that hides the hop's position.
 *
 * Ratchet. Generation g of a direction covers sequences [g << 16, (g + 1) << 16); the key of g + 1
 * is fog_cell_key_ratchet() of g's. A hop holds the keys of the current and the previous
 * generation, moves on at the first cell of the next one, and drops any other generation. */
struct fog_circuit_params {
	u8 version; /* 1 */
	u8 zero[3];
	u32 backward_first; /* 1 .. 32767 */
};

_Static_assert(sizeof(struct fog_circuit_params) == 8, "");

#define FOG_HOPS_MAX      8
#define FOG_EXTEND_MAX    16
#define FOG_RATCHET_SHIFT 16

#endif
