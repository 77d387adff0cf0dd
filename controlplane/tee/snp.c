/* SPDX-License-Identifier: BSD-3-Clause */
/* AMD SEV-SNP. Offsets are those of AMD 56860, table 22; certificate extensions those of AMD 57230,
 * "Versioned Chip Endorsement Key Certificate and KDS Interface Specification", table 11. */
#include "controlplane/tee/chain.h"

#include <openssl/err.h>

#define REPORT_SIZE  1184
#define AT_VERSION   0x00
#define AT_POLICY    0x08
#define AT_ALGORITHM 0x34
#define AT_FLAGS     0x48
#define AT_DATA      0x50
#define AT_MEASURED  0x90
#define AT_TCB       0x180 /* reported */
#define AT_FAMILY    0x188 /* of the processor; version 3 or later */
#define AT_CHIP      0x1A0
#define AT_SIGNATURE 0x2A0
#define HALF_SIZE    72 /* of r and of s, little-endian; 48 are used */
#define HALF_USED    48
#define POLICY_DEBUG (1ull << 19)
#define ECDSA_P384   1
#define FLAGS_KEY    0x1c /* which key signed */
#define KEY_VCEK     0x00
#define KEY_VLEK     0x04
#define VERSION_MIN  2
#define VERSION_MAX  5
#define VERSION_CPU  3 /* from it on reports tell the processor */
#define FAMILY_TURIN 0x1a
#define CHIP_SIZE    64
#define CHIP_TURIN   8 /* bytes of the id that Turin uses */

static bool zero(const u8 *p, size_t len)
{
	u8 any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

static enum fog_tee_fault format_check(const u8 *report, size_t size)
{
	if (size != REPORT_SIZE)
		return FOG_TEE_TRUNCATED;
	u32 version = fog_load_u32(report + AT_VERSION);
	u32 key = fog_load_u32(report + AT_FLAGS) & FLAGS_KEY;
	if (version < VERSION_MIN || version > VERSION_MAX ||
	    fog_load_u32(report + AT_ALGORITHM) != ECDSA_P384 ||
	    (key != KEY_VCEK && key != KEY_VLEK))
		return FOG_TEE_FORMAT;
	// Outside of what is signed: nothing may hide there.
	const u8 *sig = report + AT_SIGNATURE;
	if (!zero(sig + HALF_USED, HALF_SIZE - HALF_USED) ||
	    !zero(sig + HALF_SIZE + HALF_USED, HALF_SIZE - HALF_USED) ||
	    !zero(sig + 2 * HALF_SIZE, REPORT_SIZE - AT_SIGNATURE - 2 * HALF_SIZE))
		return FOG_TEE_FORMAT;
	return FOG_TEE_VALID;
}

static bool signature_check(const u8 *report, EVP_PKEY *key)
{
	u8 half[2][HALF_USED];

	for (size_t i = 0; i < HALF_USED; i++) {
		half[0][i] = report[AT_SIGNATURE + HALF_USED - 1 - i];
		half[1][i] = report[AT_SIGNATURE + HALF_SIZE + HALF_USED - 1 - i];
	}
	return fog_tee_ecdsa_verify(key, "SHA384", report, AT_SIGNATURE, half[0], half[1],
				    HALF_USED);
}

/* A small number in an extension: DER INTEGER of one or, with the sign's zero, two bytes. */
static int extension_number(X509 *cert, const char *name)
{
	const ASN1_OCTET_STRING *data = fog_tee_extension(cert, name);

	if (data == NULL || ASN1_STRING_length(data) < 3)
		return -1;
	const u8 *der = ASN1_STRING_get0_data(data);
	int len = ASN1_STRING_length(data);
	if (der[0] != 0x02 || der[1] + 2 != len || (len != 3 && (len != 4 || der[2] != 0)))
		return -1;
	return der[len - 1];
}

static bool is_turin(const u8 *report)
{
	return fog_load_u32(report + AT_VERSION) >= VERSION_CPU &&
	       report[AT_FAMILY] == FAMILY_TURIN;
}

static bool chip_check(const u8 *report, X509 *leaf)
{
	const ASN1_OCTET_STRING *chip = fog_tee_extension(leaf, "1.3.6.1.4.1.3704.1.4");
	int size = is_turin(report) ? CHIP_TURIN : CHIP_SIZE;

	// Hidden chip ids are all zeros (MaskChipId).
	return zero(report + AT_CHIP, CHIP_SIZE) ||
	       (chip != NULL && ASN1_STRING_length(chip) == size &&
		memcmp(ASN1_STRING_get0_data(chip), report + AT_CHIP, (size_t)size) == 0);
}

/* A VCEK is made for one chip at one firmware; the report must be of both. */
static bool tcb_check(const u8 *report, X509 *leaf)
{
	static const struct {
		const char *name;
		int byte, byte_turin; /* of the TCB version; -1: it has none */
	} parts[] = {
		{"1.3.6.1.4.1.3704.1.3.1", 0, 1},  /* boot loader */
		{"1.3.6.1.4.1.3704.1.3.2", 1, 2},  /* TEE */
		{"1.3.6.1.4.1.3704.1.3.3", 6, 3},  /* SNP firmware */
		{"1.3.6.1.4.1.3704.1.3.8", 7, 7},  /* microcode */
		{"1.3.6.1.4.1.3704.1.3.9", -1, 0}, /* FMC */
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(parts); i++) {
		int byte = is_turin(report) ? parts[i].byte_turin : parts[i].byte;
		if (byte >= 0 && extension_number(leaf, parts[i].name) != report[AT_TCB + byte])
			return false;
	}
	return (fog_load_u32(report + AT_FLAGS) & FLAGS_KEY) == KEY_VLEK ||
	       chip_check(report, leaf);
}

static enum fog_tee_fault verify_by(const u8 *report, size_t size, X509 *leaf,
				    struct fog_tee_claims *claims)
{
	enum fog_tee_fault fault = format_check(report, size);

	if (fault != FOG_TEE_VALID)
		return fault;
	if (!signature_check(report, X509_get0_pubkey(leaf)))
		return FOG_TEE_SIGNATURE;
	if (!tcb_check(report, leaf))
		return FOG_TEE_TCB;
	*claims = (struct fog_tee_claims){
		.kind = FOG_TEE_SNP,
		.measurement_size = 48,
		.debug = (fog_load_u64(report + AT_POLICY) & POLICY_DEBUG) != 0,
		.firmware = fog_load_u64(report + AT_TCB),
	};
	memcpy(claims->measurement, report + AT_MEASURED, 48);
	memcpy(claims->data, report + AT_DATA, sizeof(claims->data));
	memcpy(claims->chip, report + AT_CHIP, sizeof(claims->chip));
	return FOG_TEE_VALID;
}

enum fog_tee_fault fog_tee_snp_verify_by(const u8 *report, size_t size,
					 const struct fog_tee_certs *leaf,
					 struct fog_tee_claims *claims)
{
	struct fog_tee_chain chain;

	if (fog_tee_chain_parse(leaf, &chain) < 0)
		return FOG_TEE_CHAIN;
	enum fog_tee_fault fault = verify_by(report, size, chain.cert[0], claims);
	fog_tee_chain_free(&chain);
	return fault;
}

enum fog_tee_fault fog_tee_snp_verify(const u8 *report, size_t size,
				      const struct fog_tee_certs *certs, u64 now_s,
				      struct fog_tee_claims *claims)
{
	struct fog_tee_chain chain;

	if (fog_tee_chain_parse(certs, &chain) < 0)
		return FOG_TEE_CHAIN;
	enum fog_tee_fault fault = fog_tee_chain_verify(&chain, FOG_TEE_SNP, now_s);
	if (fault == FOG_TEE_VALID)
		fault = verify_by(report, size, chain.cert[0], claims);
	fog_tee_chain_free(&chain);
	return fault;
}
