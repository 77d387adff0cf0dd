/* SPDX-License-Identifier: BSD-3-Clause */
/* Words for what evidence is, and for why it is refused. */
#include "controlplane/tee/evidence.h"

#include <string.h>

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
	[FOG_TEE_REVOKED] = {"revoked", "it is revoked"},
	[FOG_TEE_COLLATERAL] = {"collateral",
				"what its maker says of it since is missing or out of date"},
	[FOG_TEE_OLD] = {"tcb", "the firmware is not as the policy accepts it"},
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
