/* SPDX-License-Identifier: BSD-3-Clause */
/* A maker of our own: certificates, lists and evidence that look like AMD's and Intel's but end at
 * a root of this test, whose program trusts it instead of the real ones. Recorded evidence gives
 * everything but keys and signatures. */
#ifndef FOG_TEST_TEE_MAKER_H
#define FOG_TEST_TEE_MAKER_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "controlplane/tee/chain.h"
#include "crypto/hash/hash.h"
#include "tests/unit/controlplane/tee/recorded.h"

#define MAKER_DAY 86400l

struct made {
	X509 *cert;
	EVP_PKEY *key;
};

struct maker {
	struct made root, middle, leaf, signer;
	char chain[FOG_TEE_EVIDENCE_MAX]; /* leaf, middle, root */
	char signers[FOG_TEE_EVIDENCE_MAX];
};

__attribute__((unused)) static u8 maker_root[32];

__attribute__((unused)) static void maker_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* above: who signs; NULL: itself. like: whose extensions beyond the standard ones it gets. */
__attribute__((unused)) static struct made maker_issue(const char *curve, const char *name,
						       const struct made *above, long serial,
						       bool ca, X509 *like)
{
	struct made m = {X509_new(), EVP_EC_gen(curve)};
	const struct made *by = above != NULL ? above : &m;

	CU_ASSERT_TRUE_FATAL(m.cert != NULL && m.key != NULL);
	X509_set_version(m.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(m.cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(m.cert), -MAKER_DAY);
	X509_gmtime_adj(X509_getm_notAfter(m.cert), 3650 * MAKER_DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(m.cert), "CN", MBSTRING_ASC,
				   (const u8 *)name, -1, -1, 0);
	X509_set_issuer_name(m.cert, X509_get_subject_name(by->cert));
	X509_set_pubkey(m.cert, m.key);
	maker_extension(m.cert, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (ca)
		maker_extension(m.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	for (int i = 0; like != NULL && i < X509_get_ext_count(like); i++) {
		X509_EXTENSION *e = X509_get_ext(like, i);
		if (OBJ_obj2nid(X509_EXTENSION_get_object(e)) == NID_undef)
			X509_add_ext(m.cert, e, -1);
	}
	CU_ASSERT_TRUE_FATAL(X509_sign(m.cert, by->key, EVP_sha256()) > 0);
	return m;
}

__attribute__((unused)) static void maker_pem(char *out, X509 *const *cert, size_t count)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;

	for (size_t i = 0; i < count; i++)
		PEM_write_bio_X509(bio, cert[i]);
	long len = BIO_get_mem_data(bio, &data);
	CU_ASSERT_TRUE_FATAL(len > 0 && len < FOG_TEE_EVIDENCE_MAX);
	memcpy(out, data, (size_t)len);
	out[len] = '\0';
	BIO_free(bio);
}

/* like: the recorded leaf. */
__attribute__((unused)) static void maker_up(struct maker *m, const char *curve, X509 *like)
{
	memset(m, 0, sizeof(*m));
	m->root = maker_issue(curve, "Root of a test", NULL, 1, true, NULL);
	m->middle = maker_issue(curve, "Middle of a test", &m->root, 2, true, NULL);
	m->leaf = maker_issue(curve, "Leaf of a test", &m->middle, 3, false, like);
	m->signer = maker_issue(curve, "Intel SGX TCB Signing", &m->root, 4, false, NULL);
	maker_pem(m->chain, (X509 *[]){m->leaf.cert, m->middle.cert, m->root.cert}, 3);
	maker_pem(m->signers, (X509 *[]){m->signer.cert, m->root.cert}, 2);
	CU_ASSERT_TRUE_FATAL(fog_tee_key_hash(m->root.cert, maker_root));
}

__attribute__((unused)) static void maker_down(struct maker *m)
{
	struct made *all[] = {&m->root, &m->middle, &m->leaf, &m->signer};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(all); i++) {
		X509_free(all[i]->cert);
		EVP_PKEY_free(all[i]->key);
	}
}

/* A list of `by` with one serial, NULL: none; good from now + from to now + to. Its length in der.
 */
__attribute__((unused)) static int maker_list(const struct made *by, const ASN1_INTEGER *serial,
					      long from, long to, u8 **der)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	u8 *out = NULL;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert));
	X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(t, from));
	X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(t, to));
	if (serial != NULL) {
		X509_REVOKED *r = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)serial);
		X509_REVOKED_set_revocationDate(r, X509_gmtime_adj(t, from));
		X509_CRL_add0_revoked(crl, r);
	}
	X509_CRL_sort(crl);
	CU_ASSERT_TRUE_FATAL(X509_CRL_sign(crl, by->key, EVP_sha256()) > 0);
	int len = i2d_X509_CRL(crl, &out);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	*der = out;
	return len;
}

/* r and s, big-endian, len bytes each. */
__attribute__((unused)) static void maker_sign(EVP_PKEY *key, const EVP_MD *md, const void *data,
					       size_t size, u8 *out, int len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	u8 der[160];
	const u8 *at = der;
	size_t used = sizeof(der);

	CU_ASSERT_EQUAL_FATAL(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_DigestSign(ctx, der, &used, data, size), 1);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)used);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, len);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + len, len);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

/* A recorded SNP report with 32 bytes of data of ours, signed by the leaf (P-384). */
__attribute__((unused)) static void maker_report(const struct maker *m, struct recorded *r,
						 const u8 data[32])
{
	u8 sig[96];

	memset(r->data + 0x50, 0, 64);
	memcpy(r->data + 0x50, data, 32);
	maker_sign(m->leaf.key, EVP_sha384(), r->data, 0x2A0, sig, 48);
	for (size_t i = 0; i < 48; i++) {
		r->data[0x2A0 + i] = sig[47 - i];
		r->data[0x2A0 + 72 + i] = sig[95 - i];
	}
}

/* A recorded TDX quote of version 4 likewise (P-256): the attestation key is new. */
__attribute__((unused)) static void maker_quote(const struct maker *m, struct recorded *q,
						const u8 data[32])
{
	enum { BODY = 48, END = BODY + 584, SIG = END + 4, KEY = SIG + 64, QE = KEY + 64 + 6 };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	u8 *tail = q->data + QE + 384 + 64, point[65], both[64 + 512];
	size_t used = 0, auth = fog_load_u16(tail), pem = strlen(m->chain);

	EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &used);
	CU_ASSERT_TRUE_FATAL(used == 65 && auth <= 512);
	memcpy(q->data + KEY, point + 1, 64);
	memcpy(both, point + 1, 64);
	memcpy(both + 64, tail + 2, auth);
	fog_hash_sha256(q->data + QE + 320, both, 64 + auth);
	maker_sign(m->leaf.key, EVP_sha256(), q->data + QE, 384, q->data + QE + 384, 32);
	memset(q->data + BODY + 520, 0, 64);
	memcpy(q->data + BODY + 520, data, 32);
	maker_sign(key, EVP_sha256(), q->data, END, q->data + SIG, 32);
	EVP_PKEY_free(key);
	u8 *certs = tail + 2 + auth;
	fog_store_u32(certs + 2, (u32)pem);
	memcpy(certs + 6, m->chain, pem);
	q->size = (size_t)(certs + 6 - q->data) + pem;
	fog_store_u32(q->data + END, (u32)(q->size - SIG));
	fog_store_u32(q->data + KEY + 64 + 2, (u32)(q->size - QE));
}

#endif
