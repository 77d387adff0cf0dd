/* SPDX-License-Identifier: BSD-3-Clause */
/* Noise_IK_25519_ChaChaPoly_BLAKE2s (Noise revision 34) over caller memory: the initiator knows the
 * responder's static key, both are authenticated after one round trip.
 *
 *	    <- s
 *	    ...
 *	1   -> e, es, s, ss	e 32 | sealed s 48 | sealed payload
 *	2   <- e, ee, se	e 32 | sealed payload
 *
 *	initiator  start --message 1--> finish(message 2) -> keys
 *	responder  read(message 1) -> who, payload; write --message 2--> keys
 *
 * Message 1 can be replayed by anybody who saw it; the responder must bound or deduplicate what its
 * payload asks for (WireGuard: a timestamp in it). Ephemeral secrets are the caller's: 32 fresh
 * random bytes, or seeded ones in the simulator. */
#ifndef FOG_CRYPTO_NOISE_H
#define FOG_CRYPTO_NOISE_H

#include "crypto/types.h"

#define FOG_NOISE_KEY_SIZE      32
#define FOG_NOISE_HASH_SIZE     32
#define FOG_NOISE_TAG_SIZE      16
#define FOG_NOISE_MSG1_OVERHEAD 96 /* bytes of message 1 besides the payload */
#define FOG_NOISE_MSG2_OVERHEAD 48 /* bytes of message 2 besides the payload */
#define FOG_NOISE_PAYLOAD_MAX   4096

/* Handshake state of either role. Secret; wiped by the last step and by every failed one. */
struct fog_noise {
	u8 hash[FOG_NOISE_HASH_SIZE];
	u8 chain[FOG_NOISE_HASH_SIZE];
	u8 key[FOG_NOISE_KEY_SIZE];
	u8 static_sk[FOG_NOISE_KEY_SIZE];
	u8 ephemeral_sk[FOG_NOISE_KEY_SIZE];
	u8 remote_static[FOG_NOISE_KEY_SIZE];
	u8 remote_ephemeral[FOG_NOISE_KEY_SIZE];
	u32 step; /* 0 = none; which call is due next */
};

struct fog_noise_result {
	u8 send[FOG_NOISE_KEY_SIZE];
	u8 recv[FOG_NOISE_KEY_SIZE];
	u8 hash[FOG_NOISE_HASH_SIZE]; /* same on both sides: binds what follows to this handshake */
};

/* Writes message 1 to out (payload_len + FOG_NOISE_MSG1_OVERHEAD bytes). Returns 0, -EINVAL,
 * -ENOSPC or -EBADMSG (remote_static is of low order). */
int fog_noise_initiator_start(struct fog_noise *noise, const u8 static_sk[FOG_NOISE_KEY_SIZE],
			      const u8 remote_static[FOG_NOISE_KEY_SIZE],
			      const u8 ephemeral_secret[FOG_NOISE_KEY_SIZE], const u8 *prologue,
			      size_t prologue_len, const u8 *payload, size_t payload_len, u8 *out,
			      size_t out_cap, size_t *out_len);

/* Reads message 1: the initiator's static key and payload, both authenticated (with replay, see
 * above). The caller then answers with fog_noise_responder_write() or wipes the state. Returns 0,
 * -EMSGSIZE, -EINVAL, -ENOSPC (payload_cap) or -EBADMSG. */
int fog_noise_responder_read(struct fog_noise *noise, const u8 static_sk[FOG_NOISE_KEY_SIZE],
			     const u8 *prologue, size_t prologue_len, const u8 *msg, size_t msg_len,
			     u8 remote_static[FOG_NOISE_KEY_SIZE], u8 *payload, size_t payload_cap,
			     size_t *payload_len);

/* Writes message 2 and gives the transport keys. Returns as start; -EPROTO out of order. */
int fog_noise_responder_write(struct fog_noise *noise,
			      const u8 ephemeral_secret[FOG_NOISE_KEY_SIZE], const u8 *payload,
			      size_t payload_len, u8 *out, size_t out_cap, size_t *out_len,
			      struct fog_noise_result *result);

/* Reads message 2 and gives the transport keys. Unlike the others it leaves the state usable after
 * -EMSGSIZE and -EBADMSG, so that a forged answer does not end a handshake in flight; the caller
 * bounds the tries by its own timeout. -EPROTO out of order. */
int fog_noise_initiator_finish(struct fog_noise *noise, const u8 *msg, size_t msg_len, u8 *payload,
			       size_t payload_cap, size_t *payload_len,
			       struct fog_noise_result *result);

void fog_noise_wipe(struct fog_noise *noise);
void fog_noise_result_wipe(struct fog_noise_result *result);

/* ChaCha20-Poly1305 (RFC 8439), nonce = 4 zero bytes | counter little-endian. seal writes
 * len + FOG_NOISE_TAG_SIZE bytes; open reads len bytes, tag included, and writes len - 16. In may
 * equal out. A counter is used once per key; UINT64_MAX is reserved by Noise: -EOVERFLOW. open also
 * returns -EMSGSIZE (len < 16) or -EBADMSG (forged; out holds zeros then). Any thread. */
int fog_noise_seal(const u8 key[FOG_NOISE_KEY_SIZE], u64 counter, const void *ad, size_t ad_len,
		   const u8 *in, size_t len, u8 *out);
int fog_noise_open(const u8 key[FOG_NOISE_KEY_SIZE], u64 counter, const void *ad, size_t ad_len,
		   const u8 *in, size_t len, u8 *out);

#endif
