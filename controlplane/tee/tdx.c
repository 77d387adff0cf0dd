/* SPDX-License-Identifier: BSD-3-Clause */
/* Intel TDX, quotes of version 4 and 5 with ECDSA P-256 (Intel TDX DCAP Quoting Library API,
 * appendix 3; TDX 1.5 for version 5).
 *
 *	header 48 | [type u16, size u32: version 5] | report body 584 or 648 | size u32 |
 *	signature 64 | attestation key 64 | type u16 (6), size u32 |
 *	QE report 384 | signature 64 | size u16, authentication data | type u16 (5), size u32, PEM
 */
#include "controlplane/tee/chain.h"

#include "crypto/hash/hash.h"

#define HEADER_SIZE     48
#define BODY_10_SIZE    584
#define BODY_15_SIZE    648
#define BODY_TYPE_10    2
#define BODY_TYPE_15    3
#define KEY_ECDSA_P256  2
#define TEE_TDX         0x81
#define QE_REPORT_SIZE  384
#define CERTS_QE_REPORT 6
#define CERTS_PCK_CHAIN 5
#define PAIR_SIZE       64 /* r and s, or x and y */

/* Within a report body. */
#define AT_TCB          0
#define AT_ATTRIBUTES   120
#define AT_MRTD         136
#define AT_DATA         520
#define ATTRIBUTE_DEBUG 1ull

/* Within an SGX report. */
#define AT_QE_ATTRIBUTES 48
#define AT_QE_SIGNER     128
#define AT_QE_DATA       320
#define QE_DEBUG         2u

/* Intel's quoting enclaves: vendor id in the header, signer of the enclave (Intel's published TD
 * enclave identity). */
static const u8 qe_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
				 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
static const u8 qe_signer[32] = {0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34,
				 0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba,
				 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};

struct quote {
	const u8 *body;
	size_t signed_size; /* header and body */
	const u8 *signature;
	const u8 *key;
	const u8 *qe_report;
	const u8 *qe_signature;
	const u8 *auth;
	size_t auth_size;
	struct fog_tee_certs certs;
};

struct cursor {
	const u8 *at;
	size_t left;
};

static const u8 *take(struct cursor *c, size_t len)
{
	const u8 *at = c->at;

	if (c->left < len)
		return NULL;
	c->at += len;
	c->left -= len;
	return at;
}

static bool take_u16(struct cursor *c, u32 *out)
{
	const u8 *p = take(c, 2);

	*out = p != NULL ? fog_load_u16(p) : 0;
	return p != NULL;
}

static bool take_u32(struct cursor *c, u32 *out)
{
	const u8 *p = take(c, 4);

	*out = p != NULL ? fog_load_u32(p) : 0;
	return p != NULL;
}

static enum fog_tee_fault body_parse(struct cursor *c, u32 version, struct quote *q)
{
	u32 size = BODY_10_SIZE, type = BODY_TYPE_10;

	if (version == 5 && (!take_u16(c, &type) || !take_u32(c, &size)))
		return FOG_TEE_TRUNCATED;
	if (!(type == BODY_TYPE_10 && size == BODY_10_SIZE) &&
	    !(type == BODY_TYPE_15 && size == BODY_15_SIZE))
		return FOG_TEE_FORMAT;
	q->body = take(c, size);
	return q->body != NULL ? FOG_TEE_VALID : FOG_TEE_TRUNCATED;
}

static enum fog_tee_fault tail_parse(struct cursor *c, struct quote *q)
{
	u32 size, type;

	if (!take_u32(c, &size) || size != c->left)
		return FOG_TEE_TRUNCATED;
	q->signature = take(c, PAIR_SIZE);
	q->key = take(c, PAIR_SIZE);
	if (q->key == NULL || !take_u16(c, &type) || !take_u32(c, &size) || size != c->left)
		return FOG_TEE_TRUNCATED;
	if (type != CERTS_QE_REPORT)
		return FOG_TEE_FORMAT;
	q->qe_report = take(c, QE_REPORT_SIZE);
	q->qe_signature = take(c, PAIR_SIZE);
	if (q->qe_signature == NULL || !take_u16(c, &size))
		return FOG_TEE_TRUNCATED;
	q->auth_size = size;
	q->auth = take(c, size);
	if (q->auth == NULL || !take_u16(c, &type) || !take_u32(c, &size) || size != c->left)
		return FOG_TEE_TRUNCATED;
	if (type != CERTS_PCK_CHAIN)
		return FOG_TEE_FORMAT;
	q->certs = (struct fog_tee_certs){c->at, size};
	return FOG_TEE_VALID;
}

static enum fog_tee_fault parse(const u8 *data, size_t size, struct quote *q)
{
	struct cursor c = {data, size};
	const u8 *header = take(&c, HEADER_SIZE);

	if (header == NULL || size > FOG_TEE_EVIDENCE_MAX)
		return FOG_TEE_TRUNCATED;
	u32 version = fog_load_u16(header);
	if ((version != 4 && version != 5) || fog_load_u16(header + 2) != KEY_ECDSA_P256 ||
	    fog_load_u32(header + 4) != TEE_TDX)
		return FOG_TEE_FORMAT;
	if (memcmp(header + 12, qe_vendor, sizeof(qe_vendor)) != 0)
		return FOG_TEE_QE;
	enum fog_tee_fault fault = body_parse(&c, version, q);
	if (fault != FOG_TEE_VALID)
		return fault;
	q->signed_size = (size_t)(c.at - data);
	return tail_parse(&c, q);
}

/* The quoting enclave is Intel's, not in debug mode, and names the attestation key in its report.
 */
static bool qe_check(const struct quote *q)
{
	static const u8 zeros[32];
	struct fog_sha256 hash;
	u8 digest[32];

	fog_sha256_init(&hash);
	fog_sha256_update(&hash, q->key, PAIR_SIZE);
	fog_sha256_update(&hash, q->auth, q->auth_size);
	fog_sha256_final(&hash, digest);
	return memcmp(q->qe_report + AT_QE_DATA, digest, 32) == 0 &&
	       memcmp(q->qe_report + AT_QE_DATA + 32, zeros, 32) == 0 &&
	       memcmp(q->qe_report + AT_QE_SIGNER, qe_signer, 32) == 0 &&
	       (q->qe_report[AT_QE_ATTRIBUTES] & QE_DEBUG) == 0;
}

static enum fog_tee_fault signatures_check(const u8 *data, const struct quote *q, X509 *pck)
{
	if (!fog_tee_ecdsa_verify(X509_get0_pubkey(pck), "SHA256", q->qe_report, QE_REPORT_SIZE,
				  q->qe_signature, q->qe_signature + 32, 32))
		return FOG_TEE_SIGNATURE;
	if (!qe_check(q))
		return FOG_TEE_QE;
	EVP_PKEY *key = fog_tee_p256_key(q->key);
	bool valid = key != NULL && fog_tee_ecdsa_verify(key, "SHA256", data, q->signed_size,
							 q->signature, q->signature + 32, 32);
	EVP_PKEY_free(key);
	return valid ? FOG_TEE_VALID : FOG_TEE_SIGNATURE;
}

enum fog_tee_fault fog_tee_tdx_verify(const u8 *quote, size_t size, u64 now_s,
				      struct fog_tee_claims *claims)
{
	struct fog_tee_chain chain;
	struct quote q;
	u8 pck[32] = {0};

	enum fog_tee_fault fault = parse(quote, size, &q);
	if (fault != FOG_TEE_VALID)
		return fault;
	if (fog_tee_chain_parse(&q.certs, &chain) < 0)
		return FOG_TEE_CHAIN;
	fault = fog_tee_chain_verify(&chain, FOG_TEE_TDX, now_s);
	if (fault == FOG_TEE_VALID)
		fault = signatures_check(quote, &q, chain.cert[0]);
	if (fault == FOG_TEE_VALID && !fog_tee_key_hash(chain.cert[0], pck))
		fault = FOG_TEE_CHAIN;
	fog_tee_chain_free(&chain);
	if (fault != FOG_TEE_VALID)
		return fault;
	*claims = (struct fog_tee_claims){
		.kind = FOG_TEE_TDX,
		.measurement_size = 48,
		.debug = (fog_load_u64(q.body + AT_ATTRIBUTES) & ATTRIBUTE_DEBUG) != 0,
		.firmware = fog_load_u64(q.body + AT_TCB),
	};
	memcpy(claims->measurement, q.body + AT_MRTD, 48);
	memcpy(claims->data, q.body + AT_DATA, sizeof(claims->data));
	memcpy(claims->chip, pck, sizeof(pck));
	return FOG_TEE_VALID;
}
