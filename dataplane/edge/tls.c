/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/tls.h"

#include <errno.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "crypto/mem.h"
#include "crypto/sign/sign.h"

static const char priority_text[] =
	"NONE:+VERS-TLS1.3:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD:+SHA256:+GROUP-X25519:"
	"+SIGN-EDDSA-ED25519:+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509:%DISABLE_TLS13_COMPAT_MODE";

/* SubjectPublicKeyInfo of Ed25519 (RFC 8410): this prefix, then the key. */
static const u8 spki_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static struct fog_tls_session *session_of(gnutls_session_t session)
{
	return gnutls_session_get_ptr(session);
}

/* Called by GnuTLS once it has the server's key and before it checks the signature under it. */
static int verify_pin(gnutls_session_t session)
{
	struct fog_tls_session *s = session_of(session);
	unsigned count = 0;
	const gnutls_datum_t *peer = gnutls_certificate_get_peers(session, &count);

	s->pin_refused = true;
	if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_SERVER) != GNUTLS_CRT_RAWPK)
		return GNUTLS_E_CERTIFICATE_ERROR;
	if (peer == NULL || count != 1 || peer->size != sizeof(spki_prefix) + FOG_TLS_KEY_SIZE)
		return GNUTLS_E_CERTIFICATE_ERROR;
	if (memcmp(peer->data, spki_prefix, sizeof(spki_prefix)) != 0)
		return GNUTLS_E_CERTIFICATE_ERROR;
	if (!fog_equal(peer->data + sizeof(spki_prefix), s->pin, FOG_TLS_KEY_SIZE))
		return GNUTLS_E_CERTIFICATE_ERROR;
	s->pin_refused = false;
	return 0;
}

/* Hands the raw key to the credentials. */
static int server_key_set(struct fog_tls *t, const u8 *seed)
{
	gnutls_datum_t x = {t->public_key, FOG_TLS_KEY_SIZE};
	gnutls_datum_t k = {(u8 *)seed, FOG_SIGN_SEED_SIZE};
	gnutls_pubkey_t pub = NULL;
	gnutls_privkey_t priv = NULL;
	gnutls_pcert_st cert;
	int rc = -ENOMEM;

	if (gnutls_privkey_init(&priv) < 0)
		return -ENOMEM;
	if (gnutls_pubkey_init(&pub) < 0)
		goto err_priv;
	rc = -EINVAL;
	if (gnutls_privkey_import_ecc_raw(priv, GNUTLS_ECC_CURVE_ED25519, &x, NULL, &k) < 0)
		goto err_pub;
	if (gnutls_pubkey_import_privkey(pub, priv, GNUTLS_KEY_DIGITAL_SIGNATURE, 0) < 0)
		goto err_pub;
	if (gnutls_pcert_import_rawpk(&cert, pub, 0) < 0)
		goto err_pub;
	/* The certificate owns pub; on success the credentials own what cert points to, and priv.
	 */
	if (gnutls_certificate_set_key(t->server, NULL, 0, &cert, 1, priv) < 0) {
		gnutls_pcert_deinit(&cert);
		goto err_priv;
	}
	return 0;
err_pub:
	gnutls_pubkey_deinit(pub);
err_priv:
	gnutls_privkey_deinit(priv);
	return rc;
}

int fog_tls_init(struct fog_tls *t, const u8 seed[32])
{
	u8 sk[FOG_SIGN_SECRET_SIZE];
	int rc = -ENOMEM;

	memset(t, 0, sizeof(*t));
	fog_sign_keypair(t->public_key, sk, seed);
	fog_wipe(sk, sizeof(sk));
	if (gnutls_certificate_allocate_credentials(&t->server) < 0)
		return -ENOMEM;
	if (gnutls_certificate_allocate_credentials(&t->client) < 0)
		goto err;
	gnutls_certificate_set_verify_function(t->client, verify_pin);
	rc = -EINVAL;
	if (gnutls_priority_init(&t->priority, priority_text, NULL) < 0)
		goto err;
	rc = server_key_set(t, seed);
	if (rc == 0)
		return 0;
err:
	fog_tls_free(t);
	return rc;
}

void fog_tls_free(struct fog_tls *t)
{
	if (t->server != NULL)
		gnutls_certificate_free_credentials(t->server);
	if (t->client != NULL)
		gnutls_certificate_free_credentials(t->client);
	if (t->priority != NULL)
		gnutls_priority_deinit(t->priority);
	memset(t, 0, sizeof(*t));
}

static int session_setup(struct fog_tls_session *s, const struct fog_tls *t,
			 gnutls_certificate_credentials_t cred)
{
	static const gnutls_datum_t alpn = {(u8 *)FOG_TLS_ALPN, sizeof(FOG_TLS_ALPN) - 1};

	gnutls_session_set_ptr(s->session, s);
	if (gnutls_priority_set(s->session, t->priority) < 0)
		return -EINVAL;
	if (gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, cred) < 0)
		return -ENOMEM;
	if (gnutls_alpn_set_protocols(s->session, &alpn, 1, GNUTLS_ALPN_MANDATORY) < 0)
		return -ENOMEM;
	return 0;
}

int fog_tls_server(struct fog_tls_session *s, const struct fog_tls *t)
{
	unsigned flags = GNUTLS_SERVER | GNUTLS_ENABLE_RAWPK | GNUTLS_NO_TICKETS |
			 GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_SIGNAL;

	if (gnutls_init(&s->session, flags) < 0)
		return -ENOMEM;
	int rc = session_setup(s, t, t->server);
	if (rc == 0 && ngtcp2_crypto_gnutls_configure_server_session(s->session) != 0)
		rc = -EINVAL;
	if (rc != 0)
		fog_tls_session_free(s);
	return rc;
}

int fog_tls_client(struct fog_tls_session *s, const struct fog_tls *t,
		   const u8 pin[FOG_TLS_KEY_SIZE])
{
	unsigned flags = GNUTLS_CLIENT | GNUTLS_ENABLE_RAWPK | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL;

	memcpy(s->pin, pin, FOG_TLS_KEY_SIZE);
	if (gnutls_init(&s->session, flags) < 0)
		return -ENOMEM;
	int rc = session_setup(s, t, t->client);
	if (rc == 0 && ngtcp2_crypto_gnutls_configure_client_session(s->session) != 0)
		rc = -EINVAL;
	if (rc != 0)
		fog_tls_session_free(s);
	return rc;
}

void fog_tls_session_free(struct fog_tls_session *s)
{
	if (s->session != NULL)
		gnutls_deinit(s->session);
	s->session = NULL;
}

bool fog_tls_alpn_agreed(const struct fog_tls_session *s)
{
	gnutls_datum_t alpn;

	if (gnutls_alpn_get_selected_protocol(s->session, &alpn) < 0)
		return false;
	return alpn.size == sizeof(FOG_TLS_ALPN) - 1 &&
	       memcmp(alpn.data, FOG_TLS_ALPN, alpn.size) == 0;
}
