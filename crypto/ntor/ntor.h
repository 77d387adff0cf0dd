/* SPDX-License-Identifier: BSD-3-Clause */
/* ntor-v3 (Tor proposal 332): one-way authenticated key agreement in one round trip, X25519 and
 * SHA-3, with an encrypted message each way and a verification string both sides bind.
 *
 *	onionskin  relay id 32 | relay key 32 | X 32 | client message | MAC 32
 *	reply      Y 32 | AUTH 32 | server message
 *
 * Ephemeral secrets are the caller's, 32 fresh random bytes per handshake, wiped by the caller.
 * No allocation. Client start and finish cost 2 X25519 each and the server 3, about 100 us. */
#ifndef FOG_CRYPTO_NTOR_H
#define FOG_CRYPTO_NTOR_H

#include "crypto/types.h"

#define FOG_NTOR_KEY_SIZE         32
#define FOG_NTOR_MAC_SIZE         32
#define FOG_NTOR_CLIENT_OVERHEAD  128  /* onionskin bytes besides the message */
#define FOG_NTOR_SERVER_OVERHEAD  64   /* reply bytes besides the message */
#define FOG_NTOR_CIRCUIT_KEYS     128  /* forward seed 64 | backward seed 64, see cell.h */
#define FOG_NTOR_MESSAGE_MAX      4096 /* either message; far above what fits a cell */
#define FOG_NTOR_VERIFICATION_MAX 256
#define FOG_NTOR_KEYS_MAX         1024

/* Client state between start and finish. Secret; fog_ntor_client_wipe() when done. */
struct fog_ntor_client {
	u8 relay_id[FOG_NTOR_KEY_SIZE];
	u8 relay_pk[FOG_NTOR_KEY_SIZE];
	u8 secret[FOG_NTOR_KEY_SIZE];        /* x */
	u8 public_key[FOG_NTOR_KEY_SIZE];    /* X */
	u8 shared_static[FOG_NTOR_KEY_SIZE]; /* xB */
	u8 mac[FOG_NTOR_MAC_SIZE];           /* of the onionskin */
	u32 verification_len;
	u8 verification[FOG_NTOR_VERIFICATION_MAX];
};

/* Writes an onionskin to out. Returns 0, -EINVAL (a length above its maximum, or NULL with a
 * length), -ENOSPC (out_cap too small) or -EBADMSG (relay_pk is of low order). On failure the state
 * is wiped. msg must not overlap out. */
int fog_ntor_client_start(struct fog_ntor_client *state, const u8 relay_id[FOG_NTOR_KEY_SIZE],
			  const u8 relay_pk[FOG_NTOR_KEY_SIZE], const u8 *verification,
			  size_t verification_len, const u8 *msg, size_t msg_len,
			  const u8 ephemeral_secret[FOG_NTOR_KEY_SIZE], u8 *out, size_t out_cap,
			  size_t *out_len);

/* Reads the reply: the server's message to msg, keys_len bytes of key material to keys. Returns 0,
 * -EMSGSIZE (malformed length), -EINVAL, -ENOSPC (msg_cap too small) or -EBADMSG (not from this
 * relay for this onionskin, or low-order Y); nothing is written then. The state is left: the
 * caller wipes it. */
int fog_ntor_client_finish(const struct fog_ntor_client *state, const u8 *created,
			   size_t created_len, u8 *msg, size_t msg_cap, size_t *msg_len, u8 *keys,
			   size_t keys_len);

void fog_ntor_client_wipe(struct fog_ntor_client *state);

/* Server state between reading the onionskin and answering it. Secret. */
struct fog_ntor_server {
	u8 relay_id[FOG_NTOR_KEY_SIZE];
	u8 relay_pk[FOG_NTOR_KEY_SIZE];
	u8 client_pk[FOG_NTOR_KEY_SIZE];     /* X */
	u8 shared_static[FOG_NTOR_KEY_SIZE]; /* bX */
	u8 mac[FOG_NTOR_MAC_SIZE];
	u32 verification_len;
	u8 verification[FOG_NTOR_VERIFICATION_MAX];
};

/* The client's ephemeral key X in an onionskin; NULL when that is too short. The server's
 *public-key work is apart from its two steps, so that many handshakes share lanes
 *(fog_x25519_many()):
 *
 *	before step 1	shared_static = relay_sk * X
 *	before step 2	server_pk = y * 9, shared_ephemeral = y * X, for a fresh secret y
 *
 * Either shared secret is NULL when X25519 found X to be of low order. */
const u8 *fog_ntor_skin_key(const u8 *skin, size_t skin_len);

/* Step 1: authenticates the onionskin and gives the client's message, so that the reply may depend
 * on it. Returns 0, -EMSGSIZE (too short or long), -EINVAL, -ENOENT (meant for another relay id or
 * key), -ENOSPC (msg_cap) or -EBADMSG (MAC, or low-order X). On failure the state is wiped. */
int fog_ntor_server_read(struct fog_ntor_server *state, const u8 relay_id[FOG_NTOR_KEY_SIZE],
			 const u8 *shared_static, const u8 relay_pk[FOG_NTOR_KEY_SIZE],
			 const u8 *verification, size_t verification_len, const u8 *skin,
			 size_t skin_len, u8 *msg, size_t msg_cap, size_t *msg_len);

/* Step 2: writes the reply to out and keys_len bytes of key material to keys; wipes the state.
 * Returns 0, -EINVAL, -ENOSPC (out_cap) or -EBADMSG (low-order X). */
int fog_ntor_server_write(struct fog_ntor_server *state, const u8 *reply, size_t reply_len,
			  const u8 server_pk[FOG_NTOR_KEY_SIZE], const u8 *shared_ephemeral,
			  u8 *out, size_t out_cap, size_t *out_len, u8 *keys, size_t keys_len);

void fog_ntor_server_wipe(struct fog_ntor_server *state);

/* One handshake with its public-key work, for a reply that does not depend on the message. */
int fog_ntor_server(const u8 relay_id[FOG_NTOR_KEY_SIZE], const u8 relay_sk[FOG_NTOR_KEY_SIZE],
		    const u8 relay_pk[FOG_NTOR_KEY_SIZE], const u8 *verification,
		    size_t verification_len, const u8 *skin, size_t skin_len, const u8 *reply,
		    size_t reply_len, u8 *msg, size_t msg_cap, size_t *msg_len,
		    const u8 ephemeral_secret[FOG_NTOR_KEY_SIZE], u8 *out, size_t out_cap,
		    size_t *out_len, u8 *keys, size_t keys_len);

#endif
