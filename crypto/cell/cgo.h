/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter Galois Onion exactly as Tor proposal 359 has it: UIV+ over the 509-byte body of a Tor
 * relay cell, the tweak being the previous tag of the same direction (T') and the cell command. For
 * comparison and interoperation; Fog's own cells use cell.h.
 *
 *	body  0 tag 16 | 16 payload 493
 *
 * One state per hop and direction on either side; cells of a state are handled in order. A
 * recognized or originated cell replaces key and nonce (forward secrecy). */
#ifndef FOG_CRYPTO_CGO_H
#define FOG_CRYPTO_CGO_H

#include "crypto/cell/uiv.h"

#define FOG_CGO_BODY_SIZE 509
#define FOG_CGO_TAG_SIZE  16
#define FOG_CGO_KEYS_SIZE 80 /* seed 64 | nonce 16 */
#define FOG_CGO_HOPS_MAX  8

struct fog_cgo {
	struct fog_uiv_key key;
	u8 nonce[FOG_CGO_TAG_SIZE];
	u8 chain[FOG_CGO_TAG_SIZE]; /* T' */
};

/* One step of a relay: a cell of either direction, under the state of that direction. */
struct fog_cgo_job {
	struct fog_cgo *cgo;
	u8 *body; /* FOG_CGO_BODY_SIZE bytes, in place; best aligned to a cache line */
	u8 command;
	bool recognized; /* out: the cell is for this relay and the payload is clear */
};

void fog_cgo_init(struct fog_cgo *cgo, const u8 keys[FOG_CGO_KEYS_SIZE]);
void fog_cgo_wipe(struct fog_cgo *cgo);

/* Relay, from the client (outbound): true when the cell is for this relay; then the payload is
 * clear. Otherwise pass it on. */
bool fog_cgo_relay_forward(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE]);
/* Relay, towards the client (inbound), a cell from the next hop. */
void fog_cgo_relay_backward(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE]);
/* Many steps at once, with the results that the functions above give one by one (a cell towards the
 * client is not recognized but by a 2^-128 guess). Cells of one state are handled in order. The
 * vaes path interleaves four circuits and asks for the memory of those to come, so hand over whole
 * batches. Cost: docs/PERFORMANCE.md. */
void fog_cgo_relay_many(struct fog_cgo_job *jobs, unsigned count);
/* Relay, towards the client, its own payload at body + 16; the tag is written. */
void fog_cgo_relay_originate(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE]);

/* Client: hop[0] is the nearest relay. Encrypts payload at body + 16 for hop[target]. Returns 0 or
 * -EINVAL (target >= FOG_CGO_HOPS_MAX). */
int fog_cgo_client_originate(struct fog_cgo *const *hop, unsigned target, u8 command,
			     u8 body[FOG_CGO_BODY_SIZE]);
/* Client: removes layers until one hop's tag is recognized; returns that hop's index or -EBADMSG
 * (then the circuit must be destroyed), or -EINVAL (count 0 or above FOG_CGO_HOPS_MAX). */
int fog_cgo_client_decrypt(struct fog_cgo *const *hop, unsigned count, u8 command,
			   u8 body[FOG_CGO_BODY_SIZE]);

#endif
