/* SPDX-License-Identifier: BSD-3-Clause */
/* Names follow proposal 332: x, X the client's ephemeral pair; b, B the relay's onion key; y, Y the
 * server's ephemeral pair; ID the relay's identity; VER the verification string. */
#include "crypto/ntor/ntor.h"

#include "crypto/cell/cipher.h"
#include "crypto/curve/x25519.h"
#include "crypto/hash/keccak.h"
#include "crypto/mem.h"

#include <errno.h>

#define PROTOID  "ntor3-curve25519-sha3_256-1"
#define KEY_SIZE FOG_NTOR_KEY_SIZE
#define MAC_SIZE FOG_NTOR_MAC_SIZE

/* What both sides know once both shared secrets exist. */
struct session {
	const u8 *relay_id, *relay_pk, *client_pk, *server_pk;
	const u8 *verification;
	size_t verification_len;
	const u8 *client_mac;
	u8 verify[32];
	u8 enc_key[32];
	struct fog_keccak stream; /* key material, after enc_key */
};

static void absorb_framed(struct fog_keccak *k, const void *data, size_t len)
{
	u8 size[8];

	fog_store_u64(size, __builtin_bswap64(len));
	fog_keccak_update(k, size, sizeof(size));
	fog_keccak_update(k, data, len);
}

/* Every hash starts with its own framed purpose. */
static void hash_start(struct fog_keccak *k, const char *purpose)
{
	u8 size[8];

	fog_keccak_init(k);
	fog_store_u64(size, __builtin_bswap64(strlen(PROTOID) + strlen(purpose)));
	fog_keccak_update(k, size, sizeof(size));
	fog_keccak_update(k, PROTOID, strlen(PROTOID));
	fog_keccak_update(k, purpose, strlen(purpose));
}

/* Keys of the client's message: SHAKE256(Bx | ID | X | B | PROTOID | VER). */
static void message_keys(u8 enc_key[KEY_SIZE], u8 mac_key[MAC_SIZE], const u8 shared[KEY_SIZE],
			 const u8 *relay_id, const u8 *client_pk, const u8 *relay_pk,
			 const u8 *verification, size_t verification_len)
{
	struct fog_keccak k;

	hash_start(&k, ":kdf_phase1");
	fog_keccak_update(&k, shared, KEY_SIZE);
	fog_keccak_update(&k, relay_id, KEY_SIZE);
	fog_keccak_update(&k, client_pk, KEY_SIZE);
	fog_keccak_update(&k, relay_pk, KEY_SIZE);
	fog_keccak_update(&k, PROTOID, strlen(PROTOID));
	absorb_framed(&k, verification, verification_len);
	fog_shake256_squeeze(&k, enc_key, KEY_SIZE);
	fog_shake256_squeeze(&k, mac_key, MAC_SIZE);
	fog_keccak_wipe(&k);
}

static void message_mac(u8 mac[MAC_SIZE], const u8 mac_key[MAC_SIZE], const u8 *relay_id,
			const u8 *relay_pk, const u8 *client_pk, const u8 *sealed, size_t len)
{
	struct fog_keccak k;

	hash_start(&k, ":msg_mac");
	absorb_framed(&k, mac_key, MAC_SIZE);
	fog_keccak_update(&k, relay_id, KEY_SIZE);
	fog_keccak_update(&k, relay_pk, KEY_SIZE);
	fog_keccak_update(&k, client_pk, KEY_SIZE);
	fog_keccak_update(&k, sealed, len);
	fog_sha3_256_final(&k, mac);
}

/* secret_input = Xy | Xb | ID | B | X | Y | PROTOID | VER. */
static void absorb_secret(struct fog_keccak *k, const struct session *s, const u8 *shared_ephemeral,
			  const u8 *shared_static)
{
	fog_keccak_update(k, shared_ephemeral, KEY_SIZE);
	fog_keccak_update(k, shared_static, KEY_SIZE);
	fog_keccak_update(k, s->relay_id, KEY_SIZE);
	fog_keccak_update(k, s->relay_pk, KEY_SIZE);
	fog_keccak_update(k, s->client_pk, KEY_SIZE);
	fog_keccak_update(k, s->server_pk, KEY_SIZE);
	fog_keccak_update(k, PROTOID, strlen(PROTOID));
	absorb_framed(k, s->verification, s->verification_len);
}

static void session_derive(struct session *s, const u8 *shared_ephemeral, const u8 *shared_static)
{
	struct fog_keccak k;
	u8 seed[32];

	hash_start(&k, ":key_seed");
	absorb_secret(&k, s, shared_ephemeral, shared_static);
	fog_sha3_256_final(&k, seed);
	hash_start(&k, ":verify");
	absorb_secret(&k, s, shared_ephemeral, shared_static);
	fog_sha3_256_final(&k, s->verify);

	hash_start(&s->stream, ":kdf_final");
	fog_keccak_update(&s->stream, seed, sizeof(seed));
	fog_shake256_squeeze(&s->stream, s->enc_key, sizeof(s->enc_key));
	fog_wipe(seed, sizeof(seed));
}

/* AUTH = H(verify | ID | B | Y | X | MAC | sealed reply | PROTOID | "Server"). */
static void session_auth(u8 auth[32], const struct session *s, const u8 *sealed, size_t len)
{
	struct fog_keccak k;

	hash_start(&k, ":auth_final");
	fog_keccak_update(&k, s->verify, sizeof(s->verify));
	fog_keccak_update(&k, s->relay_id, KEY_SIZE);
	fog_keccak_update(&k, s->relay_pk, KEY_SIZE);
	fog_keccak_update(&k, s->server_pk, KEY_SIZE);
	fog_keccak_update(&k, s->client_pk, KEY_SIZE);
	fog_keccak_update(&k, s->client_mac, MAC_SIZE);
	absorb_framed(&k, sealed, len);
	fog_keccak_update(&k, PROTOID, strlen(PROTOID));
	fog_keccak_update(&k, "Server", 6);
	fog_sha3_256_final(&k, auth);
}

static bool arguments_valid(const u8 *verification, size_t verification_len, const u8 *msg,
			    size_t msg_len)
{
	return verification_len <= FOG_NTOR_VERIFICATION_MAX && msg_len <= FOG_NTOR_MESSAGE_MAX &&
	       (verification != NULL || verification_len == 0) && (msg != NULL || msg_len == 0);
}

int fog_ntor_client_start(struct fog_ntor_client *state, const u8 relay_id[FOG_NTOR_KEY_SIZE],
			  const u8 relay_pk[FOG_NTOR_KEY_SIZE], const u8 *verification,
			  size_t verification_len, const u8 *msg, size_t msg_len,
			  const u8 ephemeral_secret[FOG_NTOR_KEY_SIZE], u8 *out, size_t out_cap,
			  size_t *out_len)
{
	u8 enc_key[KEY_SIZE], mac_key[MAC_SIZE], *sealed = out + 3 * KEY_SIZE;

	fog_ntor_client_wipe(state);
	*out_len = 0;
	if (!arguments_valid(verification, verification_len, msg, msg_len))
		return -EINVAL;
	if (out_cap < msg_len + FOG_NTOR_CLIENT_OVERHEAD)
		return -ENOSPC;
	memcpy(state->relay_id, relay_id, KEY_SIZE);
	memcpy(state->relay_pk, relay_pk, KEY_SIZE);
	memcpy(state->secret, ephemeral_secret, KEY_SIZE);
	fog_x25519_base(state->public_key, ephemeral_secret);
	if (fog_x25519(state->shared_static, state->secret, relay_pk) < 0) {
		fog_ntor_client_wipe(state);
		return -EBADMSG;
	}
	state->verification_len = verification_len;
	if (verification_len > 0)
		memcpy(state->verification, verification, verification_len);

	message_keys(enc_key, mac_key, state->shared_static, relay_id, state->public_key, relay_pk,
		     verification, verification_len);
	memcpy(out, relay_id, KEY_SIZE);
	memcpy(out + KEY_SIZE, relay_pk, KEY_SIZE);
	memcpy(out + 2 * KEY_SIZE, state->public_key, KEY_SIZE);
	fog_aes256_ctr(enc_key, msg, sealed, msg_len);
	message_mac(state->mac, mac_key, relay_id, relay_pk, state->public_key, sealed, msg_len);
	memcpy(sealed + msg_len, state->mac, MAC_SIZE);
	*out_len = msg_len + FOG_NTOR_CLIENT_OVERHEAD;
	fog_wipe(enc_key, sizeof(enc_key));
	fog_wipe(mac_key, sizeof(mac_key));
	return 0;
}

int fog_ntor_client_finish(const struct fog_ntor_client *state, const u8 *created,
			   size_t created_len, u8 *msg, size_t msg_cap, size_t *msg_len, u8 *keys,
			   size_t keys_len)
{
	struct session s = {
		.relay_id = state->relay_id,
		.relay_pk = state->relay_pk,
		.client_pk = state->public_key,
		.server_pk = created,
		.verification = state->verification,
		.verification_len = state->verification_len,
		.client_mac = state->mac,
	};
	const u8 *sealed = created + FOG_NTOR_SERVER_OVERHEAD;
	size_t sealed_len = created_len - FOG_NTOR_SERVER_OVERHEAD;
	u8 shared[KEY_SIZE], auth[32];
	int rc = 0;

	*msg_len = 0;
	if (keys_len > FOG_NTOR_KEYS_MAX)
		return -EINVAL;
	if (created_len < FOG_NTOR_SERVER_OVERHEAD || sealed_len > FOG_NTOR_MESSAGE_MAX)
		return -EMSGSIZE;
	if (msg_cap < sealed_len)
		return -ENOSPC;
	if (fog_x25519(shared, state->secret, created) < 0)
		return -EBADMSG;
	session_derive(&s, shared, state->shared_static);
	session_auth(auth, &s, sealed, sealed_len);
	if (fog_equal(auth, created + KEY_SIZE, sizeof(auth))) {
		fog_aes256_ctr(s.enc_key, sealed, msg, sealed_len);
		*msg_len = sealed_len;
		fog_shake256_squeeze(&s.stream, keys, keys_len);
	} else {
		rc = -EBADMSG;
	}
	fog_wipe(shared, sizeof(shared));
	fog_wipe(&s, sizeof(s));
	return rc;
}

void fog_ntor_client_wipe(struct fog_ntor_client *state)
{
	fog_wipe(state, sizeof(*state));
}

const u8 *fog_ntor_skin_key(const u8 *skin, size_t skin_len)
{
	return skin_len < FOG_NTOR_CLIENT_OVERHEAD ? NULL : skin + 2 * KEY_SIZE;
}

int fog_ntor_server_read(struct fog_ntor_server *state, const u8 relay_id[FOG_NTOR_KEY_SIZE],
			 const u8 *shared_static, const u8 relay_pk[FOG_NTOR_KEY_SIZE],
			 const u8 *verification, size_t verification_len, const u8 *skin,
			 size_t skin_len, u8 *msg, size_t msg_cap, size_t *msg_len)
{
	const u8 *client_pk = skin + 2 * KEY_SIZE, *sealed = skin + 3 * KEY_SIZE;
	size_t sealed_len = skin_len - FOG_NTOR_CLIENT_OVERHEAD;
	u8 enc_key[KEY_SIZE], mac_key[MAC_SIZE];
	int rc = 0;

	fog_ntor_server_wipe(state);
	*msg_len = 0;
	if (!arguments_valid(verification, verification_len, NULL, 0))
		return -EINVAL;
	if (skin_len < FOG_NTOR_CLIENT_OVERHEAD || sealed_len > FOG_NTOR_MESSAGE_MAX)
		return -EMSGSIZE;
	if (!fog_equal(skin, relay_id, KEY_SIZE) || !fog_equal(skin + KEY_SIZE, relay_pk, KEY_SIZE))
		return -ENOENT;
	if (msg_cap < sealed_len)
		return -ENOSPC;
	if (shared_static == NULL)
		return -EBADMSG;
	memcpy(state->shared_static, shared_static, KEY_SIZE);
	message_keys(enc_key, mac_key, state->shared_static, relay_id, client_pk, relay_pk,
		     verification, verification_len);
	message_mac(state->mac, mac_key, relay_id, relay_pk, client_pk, sealed, sealed_len);
	if (fog_equal(state->mac, sealed + sealed_len, MAC_SIZE)) {
		memcpy(state->relay_id, relay_id, KEY_SIZE);
		memcpy(state->relay_pk, relay_pk, KEY_SIZE);
		memcpy(state->client_pk, client_pk, KEY_SIZE);
		state->verification_len = verification_len;
		if (verification_len > 0)
			memcpy(state->verification, verification, verification_len);
		fog_aes256_ctr(enc_key, sealed, msg, sealed_len);
		*msg_len = sealed_len;
	} else {
		fog_ntor_server_wipe(state);
		rc = -EBADMSG;
	}
	fog_wipe(enc_key, sizeof(enc_key));
	fog_wipe(mac_key, sizeof(mac_key));
	return rc;
}

int fog_ntor_server_write(struct fog_ntor_server *state, const u8 *reply, size_t reply_len,
			  const u8 server_pk[FOG_NTOR_KEY_SIZE], const u8 *shared_ephemeral,
			  u8 *out, size_t out_cap, size_t *out_len, u8 *keys, size_t keys_len)
{
	u8 *sealed = out + FOG_NTOR_SERVER_OVERHEAD;
	struct session s = {
		.relay_id = state->relay_id,
		.relay_pk = state->relay_pk,
		.client_pk = state->client_pk,
		.server_pk = server_pk,
		.verification = state->verification,
		.verification_len = state->verification_len,
		.client_mac = state->mac,
	};
	int rc = -EINVAL;

	*out_len = 0;
	if (!arguments_valid(NULL, 0, reply, reply_len) || keys_len > FOG_NTOR_KEYS_MAX)
		goto wipe;
	rc = -ENOSPC;
	if (out_cap < reply_len + FOG_NTOR_SERVER_OVERHEAD)
		goto wipe;
	rc = -EBADMSG;
	if (shared_ephemeral == NULL)
		goto wipe;
	session_derive(&s, shared_ephemeral, state->shared_static);
	memcpy(out, server_pk, KEY_SIZE);
	fog_aes256_ctr(s.enc_key, reply, sealed, reply_len);
	session_auth(out + KEY_SIZE, &s, sealed, reply_len);
	fog_shake256_squeeze(&s.stream, keys, keys_len);
	*out_len = reply_len + FOG_NTOR_SERVER_OVERHEAD;
	rc = 0;
	fog_wipe(&s, sizeof(s));
wipe:
	fog_ntor_server_wipe(state);
	return rc;
}

void fog_ntor_server_wipe(struct fog_ntor_server *state)
{
	fog_wipe(state, sizeof(*state));
}

int fog_ntor_server(const u8 relay_id[FOG_NTOR_KEY_SIZE], const u8 relay_sk[FOG_NTOR_KEY_SIZE],
		    const u8 relay_pk[FOG_NTOR_KEY_SIZE], const u8 *verification,
		    size_t verification_len, const u8 *skin, size_t skin_len, const u8 *reply,
		    size_t reply_len, u8 *msg, size_t msg_cap, size_t *msg_len,
		    const u8 ephemeral_secret[FOG_NTOR_KEY_SIZE], u8 *out, size_t out_cap,
		    size_t *out_len, u8 *keys, size_t keys_len)
{
	const u8 *client_pk = fog_ntor_skin_key(skin, skin_len), *shared_static = NULL;
	u8 server_pk[KEY_SIZE], shared[2][KEY_SIZE];
	struct fog_ntor_server state;

	*out_len = 0;
	if (client_pk != NULL && fog_x25519(shared[0], relay_sk, client_pk) == 0)
		shared_static = shared[0];
	int rc = fog_ntor_server_read(&state, relay_id, shared_static, relay_pk, verification,
				      verification_len, skin, skin_len, msg, msg_cap, msg_len);
	if (rc == 0) {
		fog_x25519_base(server_pk, ephemeral_secret);
		rc = fog_x25519(shared[1], ephemeral_secret, client_pk);
		rc = fog_ntor_server_write(&state, reply, reply_len, server_pk,
					   rc == 0 ? shared[1] : NULL, out, out_cap, out_len, keys,
					   keys_len);
	}
	fog_wipe(shared, sizeof(shared));
	return rc;
}
