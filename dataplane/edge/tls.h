/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS 1.3 of the QUIC connections. The server proves its Ed25519 key as a raw public key (RFC
 * 7250), the client pins that key from the descriptor and refuses any other; no certificates,
 * names, dates, tickets or resumption, so nothing links two connections of one client. */
#ifndef FOG_EDGE_TLS_H
#define FOG_EDGE_TLS_H

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "crypto/types.h"

#define FOG_TLS_ALPN     "fog/1"
#define FOG_TLS_KEY_SIZE 32

/* Credentials of this process; outlives its sessions. */
struct fog_tls {
	gnutls_certificate_credentials_t server;
	gnutls_certificate_credentials_t client;
	gnutls_priority_t priority;
	u8 public_key[FOG_TLS_KEY_SIZE];
};

/* One session. ref must be first: the ngtcp2 glue finds it as the session's user pointer. */
struct fog_tls_session {
	ngtcp2_crypto_conn_ref ref;
	gnutls_session_t session;
	bool pin_refused; /* the server showed another key */
	u8 pin[FOG_TLS_KEY_SIZE];
};

/* seed: of the Ed25519 key of this edge. 0, -ENOMEM, or -EINVAL when GnuTLS refuses. */
int fog_tls_init(struct fog_tls *t, const u8 seed[32]);
void fog_tls_free(struct fog_tls *t);

/* ref.get_conn and ref.user_data are set by the caller before the first handshake byte. s must not
 * move afterwards. 0 or -ENOMEM. */
int fog_tls_server(struct fog_tls_session *s, const struct fog_tls *t);
int fog_tls_client(struct fog_tls_session *s, const struct fog_tls *t,
		   const u8 pin[FOG_TLS_KEY_SIZE]);
void fog_tls_session_free(struct fog_tls_session *s);

/* Did the handshake agree on FOG_TLS_ALPN? */
bool fog_tls_alpn_agreed(const struct fog_tls_session *s);

#endif
