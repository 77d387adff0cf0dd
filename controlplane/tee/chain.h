/* SPDX-License-Identifier: BSD-3-Clause */
/* X.509 chains and signatures, over OpenSSL; only tee/ sees its types. */
#ifndef FOG_TEE_CHAIN_H
#define FOG_TEE_CHAIN_H

#include <openssl/x509.h>

#include "controlplane/tee/evidence.h"

#define FOG_TEE_CHAIN_MAX 4 /* certificates of one chain: leaf, two above, root */

struct fog_tee_chain {
	X509 *cert[FOG_TEE_CHAIN_MAX]; /* leaf first */
	unsigned count;
};

/* PEM text or one DER certificate. Refuses what is around or between certificates but the line
 * breaks OpenSSL itself writes, so that no byte of it can change unnoticed. -EBADMSG. */
int fog_tee_chain_parse(const struct fog_tee_certs *certs, struct fog_tee_chain *out);
void fog_tee_chain_free(struct fog_tee_chain *chain);

/* Each is signed by the next, the last by itself, and the last one's key is a pinned root of the
 * kind. Validity at now_s, 0: not checked. */
enum fog_tee_fault fog_tee_chain_verify(const struct fog_tee_chain *chain, enum fog_tee_kind kind,
					u64 now_s);

/* Signature of a message by a key. hash: "SHA256" or "SHA384". r and s big-endian of len bytes
 * each. */
bool fog_tee_ecdsa_verify(EVP_PKEY *key, const char *hash, const void *message, size_t size,
			  const u8 *r, const u8 *s, size_t len);

/* A P-256 key from its two coordinates, big-endian. NULL: not a point of the curve. */
EVP_PKEY *fog_tee_p256_key(const u8 xy[64]);

/* SHA-256 of a certificate's key (SubjectPublicKeyInfo, DER). False: no memory. */
bool fog_tee_key_hash(X509 *cert, u8 out[32]);

/* The bytes of a certificate's extension, of a name in digits; NULL if it has none. */
const ASN1_OCTET_STRING *fog_tee_extension(X509 *cert, const char *name);

/* SHA-256 of the root keys (SubjectPublicKeyInfo, DER) that are trusted for a kind, ended by NULL.
 */
const u8 *const *fog_tee_roots(enum fog_tee_kind kind);

#endif
