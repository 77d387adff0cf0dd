/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/chain.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/hash/hash.h"

static bool same_text(BIO *again, const struct fog_tee_certs *certs)
{
	char *text;
	long len = BIO_get_mem_data(again, &text);
	size_t size = certs->size;

	// Intel ends its text with a zero.
	if (size == (size_t)len + 1 && ((const char *)certs->data)[len] == '\0')
		size--;
	return size == (size_t)len && memcmp(text, certs->data, size) == 0;
}

static int pem_parse(const struct fog_tee_certs *certs, struct fog_tee_chain *out)
{
	BIO *in = BIO_new_mem_buf(certs->data, (int)certs->size);
	BIO *again = BIO_new(BIO_s_mem());
	int ret = in == NULL || again == NULL ? -ENOMEM : 0;
	X509 *cert;

	while (ret == 0 && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (out->count == FOG_TEE_CHAIN_MAX || PEM_write_bio_X509(again, cert) != 1) {
			X509_free(cert);
			ret = -EBADMSG;
			break;
		}
		out->cert[out->count++] = cert;
	}
	if (ret == 0 && (out->count == 0 || !same_text(again, certs)))
		ret = -EBADMSG;
	BIO_free(in);
	BIO_free(again);
	return ret;
}

int fog_tee_chain_parse(const struct fog_tee_certs *certs, struct fog_tee_chain *out)
{
	const unsigned char *at = certs->data;

	memset(out, 0, sizeof(*out));
	if (certs->size == 0 || certs->size > FOG_TEE_EVIDENCE_MAX)
		return -EBADMSG;
	if (at[0] != 0x30) {
		int ret = pem_parse(certs, out);
		if (ret < 0)
			fog_tee_chain_free(out);
		ERR_clear_error();
		return ret;
	}
	out->cert[0] = d2i_X509(NULL, &at, (long)certs->size);
	ERR_clear_error();
	if (out->cert[0] == NULL || at != (const unsigned char *)certs->data + certs->size) {
		X509_free(out->cert[0]);
		out->cert[0] = NULL;
		return -EBADMSG;
	}
	out->count = 1;
	return 0;
}

void fog_tee_chain_free(struct fog_tee_chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++)
		X509_free(chain->cert[i]);
	memset(chain, 0, sizeof(*chain));
}

bool fog_tee_key_hash(X509 *cert, u8 out[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len <= 0)
		return false;
	fog_hash_sha256(out, der, (size_t)len);
	OPENSSL_free(der);
	return true;
}

const ASN1_OCTET_STRING *fog_tee_extension(X509 *cert, const char *name)
{
	ASN1_OBJECT *object = OBJ_txt2obj(name, 1);
	int at = object == NULL ? -1 : X509_get_ext_by_OBJ(cert, object, -1);

	ASN1_OBJECT_free(object);
	return at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(cert, at));
}

static bool root_known(X509 *root, enum fog_tee_kind kind)
{
	const u8 *const *pinned = fog_tee_roots(kind);
	bool known = false;
	u8 digest[32];

	if (!fog_tee_key_hash(root, digest))
		return false;
	for (size_t i = 0; pinned != NULL && pinned[i] != NULL && !known; i++)
		known = memcmp(digest, pinned[i], sizeof(digest)) == 0;
	return known;
}

static bool valid_at(X509 *cert, u64 now_s)
{
	time_t now = (time_t)now_s;

	return X509_cmp_time(X509_get0_notBefore(cert), &now) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(cert), &now) > 0;
}

enum fog_tee_fault fog_tee_chain_verify(const struct fog_tee_chain *chain, enum fog_tee_kind kind,
					u64 now_s)
{
	if (chain->count < 2)
		return FOG_TEE_CHAIN;
	for (unsigned i = 0; i < chain->count; i++) {
		X509 *above = chain->cert[FOG_MIN(i + 1, chain->count - 1)];
		// The issuer must be a certificate authority by its own extensions, too.
		if (X509_check_issued(above, chain->cert[i]) != X509_V_OK ||
		    X509_verify(chain->cert[i], X509_get0_pubkey(above)) != 1 ||
		    (i > 0 && X509_check_ca(chain->cert[i]) == 0)) {
			ERR_clear_error();
			return FOG_TEE_CHAIN;
		}
	}
	if (!root_known(chain->cert[chain->count - 1], kind))
		return FOG_TEE_ROOT;
	for (unsigned i = 0; now_s != 0 && i < chain->count; i++)
		if (!valid_at(chain->cert[i], now_s))
			return FOG_TEE_EXPIRED;
	return FOG_TEE_VALID;
}

/* r and s as the DER that OpenSSL wants. */
static int signature_der(const u8 *r, const u8 *s, size_t len, unsigned char **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *a = BN_bin2bn(r, (int)len, NULL), *b = BN_bin2bn(s, (int)len, NULL);
	int size = -1;

	if (sig != NULL && a != NULL && b != NULL && ECDSA_SIG_set0(sig, a, b) == 1) {
		a = b = NULL; // Now the signature's.
		size = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(a);
	BN_free(b);
	ECDSA_SIG_free(sig);
	return size;
}

bool fog_tee_ecdsa_verify(EVP_PKEY *key, const char *hash, const void *message, size_t size,
			  const u8 *r, const u8 *s, size_t len)
{
	unsigned char *der = NULL;
	int der_size = signature_der(r, s, len, &der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	bool valid = der_size > 0 && ctx != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
		     EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
		     EVP_DigestVerify(ctx, der, (size_t)der_size, message, size) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	ERR_clear_error();
	return valid;
}

EVP_PKEY *fog_tee_p256_key(const u8 xy[64])
{
	u8 point[65] = {POINT_CONVERSION_UNCOMPRESSED};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_END,
	};

	memcpy(point + 1, xy, 64);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}
