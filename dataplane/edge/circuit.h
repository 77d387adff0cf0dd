/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of one circuit: a pure state machine. No I/O, no clock, no allocation; time and
 * randomness are parameters, cells are the caller's memory.
 *
 *	IDLE --start--> BUILDING --last EXTENDED--> OPEN --close, DESTROY, bad cell--> CLOSED
 *	                    \--timeout, DESTROY, bad cell--> CLOSED
 *
 * Cells go to and come from the pseudo-link of the local data plane (dataplane/abi/edge.h): the
 * circuit id in the cell header is the handle. Relays only encrypt and the client only decrypts: to
 * send it decrypts with the keys of hop n, n-1 .. 1; to receive with those of hop 1, 2 .. n. Only
 * the last hop originates, so a cell that is not recognized there was altered on its way: the
 * circuit is destroyed at the first (dataplane/abi/wire.h has the sequences and the ratchet).
 *
 * One thread owns a circuit. About 25 KiB each; hold secrets, so fog_circuit_wipe() when done. */
#ifndef FOG_EDGE_CIRCUIT_H
#define FOG_EDGE_CIRCUIT_H

#include "crypto/cell/cell.h"
#include "crypto/ntor/ntor.h"
#include "crypto/random/random.h"
#include "crypto/replay.h"
#include "crypto/types.h"
#include "dataplane/abi/wire.h"

/* One handshake step, first hop or extension. Longer than the data plane's own limit for CREATE, so
 * that its DESTROY, which says why, usually comes first. */
#define FOG_CIRCUIT_STEP_NS  5000000000ull
#define FOG_CIRCUIT_BUILD_NS 15000000000ull /* the whole build */
/* An EXTEND without an answer is sent again: the hop that has it ignores the copy. Data planes
 * repeat CREATE themselves. */
#define FOG_CIRCUIT_RETRY_NS 1000000000ull
_Static_assert(FOG_CIRCUIT_STEP_NS / FOG_CIRCUIT_RETRY_NS < FOG_EXTEND_MAX, "repeated EXTENDs");
/* Random distance between the first backward numbers of two hops; hides the hop's position. */
#define FOG_CIRCUIT_GAP_MAX 3000
/* Cells in one call of the _many() functions: enough to fill the lanes of the cipher. */
#define FOG_CIRCUIT_BATCH 32

_Static_assert(FOG_HOPS_MAX *(FOG_EXTEND_MAX + FOG_CIRCUIT_GAP_MAX) <= 32767, "backward_first");

enum fog_circuit_state {
	FOG_CIRCUIT_IDLE = 0,
	FOG_CIRCUIT_BUILDING = 1,
	FOG_CIRCUIT_OPEN = 2,
	FOG_CIRCUIT_CLOSED = 3,
};

enum fog_circuit_event_type {
	FOG_CIRCUIT_NOTHING = 0,  /* handshake step, cover or a counted drop */
	FOG_CIRCUIT_BUILT = 1,    /* fog_circuit_send() may be used from now on */
	FOG_CIRCUIT_DATAGRAM = 2, /* payload, length */
	FOG_CIRCUIT_FAILED = 3,   /* never opened, or broke a rule: reason, hop to suspect */
	FOG_CIRCUIT_ENDED = 4,    /* an open circuit was destroyed by a hop: reason */
};

struct fog_circuit_event {
	u8 type;
	u8 reason; /* enum fog_reason */
	u8 hop;    /* index in the path of the hop to suspect; FOG_HOPS_MAX when unknown */
	u8 zero;
	u16 length;
	const u8 *payload; /* into the caller's cell */
};

/* Why cells were dropped without ending the circuit. */
struct fog_circuit_drops {
	u64 header;     /* command, flags, circuit id or reserved bytes */
	u64 state;      /* out of place: not now, or circuit closed */
	u64 replay;     /* seen before, or below the window */
	u64 generation; /* outside the key generations held */
};

struct fog_circuit_hop {
	u8 node_id[FOG_NODE_ID_SIZE];
	u8 onion_pk[FOG_NTOR_KEY_SIZE];
};

/* Keys of one hop. Generations: forward holds the current one, backward previous, current and, once
 * a cell of it was seen, next. */
struct fog_circuit_keys {
	struct fog_cell_key forward;
	struct fog_cell_key backward[3];
};

struct fog_circuit {
	u8 state; /* enum fog_circuit_state */
	u8 hops;
	u8 ready; /* hops with keys */
	bool next_valid;
	u32 handle;
	struct fog_rng *rng;
	u64 step_deadline;
	u64 build_deadline;
	u64 retry_at;         /* of the EXTEND under way */
	u64 forward_sequence; /* last used */
	u64 backward_first;   /* first number of the hop handshaken last */
	u64 backward_lowest;  /* first number of the last hop ready */
	u32 forward_generation;
	u32 backward_generation;
	struct fog_circuit_drops drops;
	struct fog_replay replay;
	struct fog_circuit_hop path[FOG_HOPS_MAX];
	struct fog_ntor_client ntor;
	struct fog_extend extend; /* under way */
	struct fog_circuit_keys keys[FOG_HOPS_MAX];
};

/* handle: 1 .. 2^31 - 1, unique among the edge's circuits. path[0] is the first hop, the last one
 * the terminus. rng is borrowed for the circuit's life; in the daemon it is seeded by the OS.
 * -EINVAL: bad handle, no hops, more than FOG_HOPS_MAX, or one host twice. */
int fog_circuit_init(struct fog_circuit *c, u32 handle, const struct fog_circuit_hop *path,
		     unsigned hops, struct fog_rng *rng);
/* Zero everything; the state reads IDLE afterwards. */
void fog_circuit_wipe(struct fog_circuit *c);

/* Write the CREATE_VIA cell. 0; -EALREADY unless IDLE; -EBADMSG when a key in the path is of low
 * order (the circuit is CLOSED then). */
int fog_circuit_start(struct fog_circuit *c, u64 now_ns, u8 cell[FOG_CELL_SIZE]);

/* Take one cell; it is decrypted in place. Returns 1 when `reply` was filled and must be sent (an
 * EXTEND, or DESTROY along with FAILED), else 0. Never fails: bad cells are counted drops or end
 * the circuit with FAILED. */
int fog_circuit_receive(struct fog_circuit *c, u64 now_ns, u8 *cell,
			struct fog_circuit_event *event, u8 reply[FOG_CELL_SIZE]);

/* The same for up to FOG_CIRCUIT_BATCH cells in order, with the layers of all DATA cells removed
 * together. events[i] belongs to cells[i]. At most one reply comes out of a batch. */
int fog_circuit_receive_many(struct fog_circuit *c, u64 now_ns, u8 *const *cells, unsigned count,
			     struct fog_circuit_event *events, u8 reply[FOG_CELL_SIZE]);

/* Wrap one payload, length 1 .. FOG_MSG_PAYLOAD_MAX, into a DATA cell for the terminus.
 * 0; -ENOTCONN unless OPEN; -EMSGSIZE. */
int fog_circuit_send(struct fog_circuit *c, const u8 *payload, size_t length,
		     u8 cell[FOG_CELL_SIZE]);

struct fog_circuit_payload {
	const u8 *data;
	size_t length;
};

/* The same for up to FOG_CIRCUIT_BATCH payloads; all or nothing. */
int fog_circuit_send_many(struct fog_circuit *c, const struct fog_circuit_payload *payloads,
			  unsigned count, u8 *const *cells);

/* Long-range cover: a cell that the terminus counts and drops. */
int fog_circuit_send_cover(struct fog_circuit *c, u8 cell[FOG_CELL_SIZE]);

/* Next time fog_circuit_expire() has something to say; UINT64_MAX when never. */
u64 fog_circuit_deadline(const struct fog_circuit *c);
/* Returns 1 when cell is to be sent: an EXTEND again (event is NOTHING), or the DESTROY of a build
 * that timed out (event is FAILED with TIMEOUT). */
int fog_circuit_expire(struct fog_circuit *c, u64 now_ns, struct fog_circuit_event *event,
		       u8 cell[FOG_CELL_SIZE]);

/* Close from our side. Returns 1 when cell holds a DESTROY to send, 0 when there is nothing to tell
 * (IDLE or CLOSED). */
int fog_circuit_close(struct fog_circuit *c, enum fog_reason reason, u8 cell[FOG_CELL_SIZE]);

const char *fog_circuit_reason_name(unsigned reason); /* "no link"; "unknown" for others */

#endif
