/* SPDX-License-Identifier: BSD-3-Clause */
/* Intel TDX, quotes of version 4 and 5 with ECDSA P-256 (Intel TDX DCAP Quoting Library API,
 * appendix 3; TDX 1.5 for version 5).
 *
 *	header 48 | [type u16, size u32: version 5] | report body 584 or 648 | size u32 |
 *	signature 64 | attestation key 64 | type u16 (6), size u32 |
 *	QE report 384 | signature 64 | size u16, authentication data | type u16 (5), size u32, PEM
 */
#include "controlplane/tee/chain.h"
#include "controlplane/tee/tcb.h"

#include <openssl/asn1.h>
#include <openssl/err.h>

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
#define AT_SIGNER       64  /* of the TDX module */
#define AT_MODULE       112 /* its attributes */
#define AT_ATTRIBUTES   120
#define AT_MRTD         136
#define AT_DATA         520
#define ATTRIBUTE_DEBUG 1ull

/* Within an SGX report. */
#define AT_QE_MISC       16
#define AT_QE_ATTRIBUTES 48
#define AT_QE_SIGNER     128
#define AT_QE_PRODUCT    256
#define AT_QE_SVN        258
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

size_t fog_tee_tdx_size(const u8 *quote, size_t size)
{
	struct cursor c = {quote, size};
	struct quote q;
	u32 tail;

	if (take(&c, HEADER_SIZE) == NULL ||
	    body_parse(&c, fog_load_u16(quote), &q) != FOG_TEE_VALID || !take_u32(&c, &tail) ||
	    tail > c.left)
		return size;
	return size - c.left + tail;
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

/* ---- the platform -----------------------------------------------------------------------------
 */

/* Intel's extension of a PCK certificate: a sequence of (identifier, value), of which the one of
 * the TCB is such a sequence again (Intel SGX PCK Certificate and CRL Profile, section 1.3.5). */
#define PCK_EXTENSION "1.2.840.113741.1.13.1"
#define PCK_TCB       PCK_EXTENSION ".2"
#define PCK_PCEID     PCK_EXTENSION ".3"
#define PCK_FMSPC     PCK_EXTENSION ".4"
#define PCK_PCE       17 /* of the TCB's members: 1 to 16 are components */

typedef bool pair_fn(struct fog_tee_tdx_platform *p, const char *name, ASN1_TYPE *value);

static bool pair_read(const ASN1_STRING *der, struct fog_tee_tdx_platform *p, pair_fn *fn)
{
	const u8 *at = ASN1_STRING_get0_data(der);
	STACK_OF(ASN1_TYPE) *pair = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(der));
	ASN1_TYPE *name = sk_ASN1_TYPE_value(pair, 0);
	bool good = sk_ASN1_TYPE_num(pair) == 2 && ASN1_TYPE_get(name) == V_ASN1_OBJECT;
	char text[80];

	if (good)
		good = OBJ_obj2txt(text, sizeof(text), name->value.object, 1) > 0 &&
		       fn(p, text, sk_ASN1_TYPE_value(pair, 1));
	sk_ASN1_TYPE_pop_free(pair, ASN1_TYPE_free);
	return good;
}

static bool pairs_read(const ASN1_STRING *der, struct fog_tee_tdx_platform *p, pair_fn *fn)
{
	const u8 *at = ASN1_STRING_get0_data(der);
	STACK_OF(ASN1_TYPE) *list = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(der));
	bool good = list != NULL;

	for (int i = 0; good && i < sk_ASN1_TYPE_num(list); i++) {
		ASN1_TYPE *e = sk_ASN1_TYPE_value(list, i);
		good = ASN1_TYPE_get(e) == V_ASN1_SEQUENCE && pair_read(e->value.sequence, p, fn);
	}
	sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
	return good;
}

static bool octets_read(ASN1_TYPE *value, u8 *out, int len)
{
	if (ASN1_TYPE_get(value) != V_ASN1_OCTET_STRING ||
	    ASN1_STRING_length(value->value.octet_string) != len)
		return false;
	memcpy(out, ASN1_STRING_get0_data(value->value.octet_string), (size_t)len);
	return true;
}

static bool tcb_member(struct fog_tee_tdx_platform *p, const char *name, ASN1_TYPE *value)
{
	unsigned long n =
		strlen(name) > sizeof(PCK_TCB) ? strtoul(name + sizeof(PCK_TCB), NULL, 10) : 0;

	if (n == 0 || n > PCK_PCE)
		return true;
	if (ASN1_TYPE_get(value) != V_ASN1_INTEGER)
		return false;
	long svn = ASN1_INTEGER_get(value->value.integer);
	if (svn < 0 || svn > (n == PCK_PCE ? UINT16_MAX : UINT8_MAX))
		return false;
	if (n == PCK_PCE)
		p->pce = (u32)svn;
	else
		p->cpu[n - 1] = (u8)svn;
	return true;
}

static bool member(struct fog_tee_tdx_platform *p, const char *name, ASN1_TYPE *value)
{
	if (strcmp(name, PCK_FMSPC) == 0)
		return octets_read(value, p->fmspc, sizeof(p->fmspc));
	if (strcmp(name, PCK_PCEID) == 0)
		return octets_read(value, p->pceid, sizeof(p->pceid));
	if (strcmp(name, PCK_TCB) == 0)
		return ASN1_TYPE_get(value) == V_ASN1_SEQUENCE &&
		       pairs_read(value->value.sequence, p, tcb_member);
	return true;
}

enum fog_tee_fault fog_tee_tdx_platform(const u8 *quote, size_t size,
					struct fog_tee_tdx_platform *out,
					struct fog_tee_certs *certs)
{
	struct fog_tee_chain chain;
	struct quote q;

	memset(out, 0, sizeof(*out));
	enum fog_tee_fault fault = parse(quote, size, &q);
	if (fault != FOG_TEE_VALID)
		return fault;
	if (fog_tee_chain_parse(&q.certs, &chain) < 0)
		return FOG_TEE_CHAIN;
	const ASN1_OCTET_STRING *pck = fog_tee_extension(chain.cert[0], PCK_EXTENSION);
	if (pck == NULL || !pairs_read(pck, out, member))
		fault = FOG_TEE_FORMAT;
	ERR_clear_error();
	fog_tee_chain_free(&chain);
	*certs = q.certs;
	memcpy(out->tdx, q.body + AT_TCB, sizeof(out->tdx));
	memcpy(out->module_signer, q.body + AT_SIGNER, sizeof(out->module_signer));
	memcpy(out->module_attributes, q.body + AT_MODULE, sizeof(out->module_attributes));
	memcpy(out->qe_misc, q.qe_report + AT_QE_MISC, sizeof(out->qe_misc));
	memcpy(out->qe_attributes, q.qe_report + AT_QE_ATTRIBUTES, sizeof(out->qe_attributes));
	memcpy(out->qe_signer, q.qe_report + AT_QE_SIGNER, sizeof(out->qe_signer));
	out->qe_product = fog_load_u16(q.qe_report + AT_QE_PRODUCT);
	out->qe_svn = fog_load_u16(q.qe_report + AT_QE_SVN);
	return fault;
}
