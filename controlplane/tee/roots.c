/* SPDX-License-Identifier: BSD-3-Clause */
/* The makers' root keys, each the SHA-256 of its SubjectPublicKeyInfo (DER):
 *	openssl x509 -in ROOT.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum */
#include "controlplane/tee/chain.h"

/* AMD, ARK-Milan: published at https://kdsintf.amd.com/vcek/v1/Milan/cert_chain. */
static const u8 ark_milan[32] = {0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5,
				 0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b,
				 0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9};
/* AMD, ARK-Genoa and ARK-Turin: the same with Genoa and Turin for Milan. */
static const u8 ark_genoa[32] = {0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d,
				 0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a,
				 0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31};
static const u8 ark_turin[32] = {0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56,
				 0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03,
				 0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08};
/* Intel SGX Root CA: published at
 * https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.pem.
 */
static const u8 intel_sgx[32] = {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
				 0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
				 0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};

static const u8 *const snp_roots[] = {ark_milan, ark_genoa, ark_turin, NULL};
static const u8 *const tdx_roots[] = {intel_sgx, NULL};

const u8 *const *fog_tee_roots(enum fog_tee_kind kind)
{
	return kind == FOG_TEE_SNP ? snp_roots : kind == FOG_TEE_TDX ? tdx_roots : NULL;
}

static const struct {
	const char *code, *text;
} faults[FOG_TEE_FAULT_COUNT] = {
	[FOG_TEE_VALID] = {"valid", "valid"},
	[FOG_TEE_TRUNCATED] = {"truncated", "truncated or with bytes behind its end"},
	[FOG_TEE_FORMAT] = {"format", "a field has a value it must not have"},
	[FOG_TEE_SIGNATURE] = {"signature", "the signature is wrong"},
	[FOG_TEE_CHAIN] = {"chain", "the key is not certified"},
	[FOG_TEE_ROOT] = {"root", "the certificates end at an unknown root"},
	[FOG_TEE_EXPIRED] = {"expired", "a certificate is not valid now"},
	[FOG_TEE_TCB] = {"certificate", "the certificate is for another chip or firmware"},
	[FOG_TEE_QE] = {"quoting_enclave",
			"the quoting enclave is not Intel's or does not vouch for the key"},
	[FOG_TEE_PCR] = {"pcr", "the registers are not those that were quoted"},
	[FOG_TEE_NONCE] = {"nonce", "it answers another question, perhaps an old one"},
	[FOG_TEE_STALE] = {"stale", "the question was asked too long ago"},
	[FOG_TEE_RELAYED] = {"relayed", "it is another host's or was made for another verifier"},
	[FOG_TEE_BINDING] = {"binding", "the quote is about another statement"},
	[FOG_TEE_LOG] = {"log", "the event log does not explain the register"},
	[FOG_TEE_LAUNCH] = {"launch", "the enclave was not launched there, or has ended"},
	[FOG_TEE_CREDENTIAL] = {"credential",
				"the key is not proven to live in a TPM its maker certifies"},
	[FOG_TEE_KIND] = {"kind", "the policy does not accept this kind of evidence"},
	[FOG_TEE_DEBUG] = {"debug", "the guest runs in debug mode: its host may look into it"},
	[FOG_TEE_REVOKED] = {"revoked", "the policy revokes it"},
	[FOG_TEE_OLD] = {"tcb", "the firmware is older than the policy accepts"},
	[FOG_TEE_REFERENCE] = {"measurement", "the measurement is none of the reference values"},
};

const char *fog_tee_fault_name(enum fog_tee_fault fault)
{
	return fault < FOG_TEE_FAULT_COUNT ? faults[fault].text : "unknown";
}

const char *fog_tee_fault_code(enum fog_tee_fault fault)
{
	return fault < FOG_TEE_FAULT_COUNT ? faults[fault].code : "unknown";
}

static const char *const kind_names[] = {"none", "software", "tpm", "snp", "tdx"};

const char *fog_tee_kind_name(enum fog_tee_kind kind)
{
	return (size_t)kind < FOG_ARRAY_COUNT(kind_names) ? kind_names[kind] : "unknown";
}

enum fog_tee_kind fog_tee_kind_parse(const char *name)
{
	for (u32 i = FOG_TEE_SOFTWARE; i < FOG_ARRAY_COUNT(kind_names); i++)
		if (strcmp(kind_names[i], name) == 0)
			return (enum fog_tee_kind)i;
	return FOG_TEE_NONE;
}

const char *fog_tee_vendor(enum fog_tee_kind kind)
{
	static const char *const names[] = {"", "", "tpm", "amd-sev-snp", "intel-tdx"};

	return (size_t)kind < FOG_ARRAY_COUNT(names) ? names[kind] : "";
}
