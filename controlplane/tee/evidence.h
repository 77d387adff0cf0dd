/* SPDX-License-Identifier: BSD-3-Clause */
/* Evidence of what runs in a trusted execution environment, and the verifiers of it (RFC 9334: the
 * verifier's half that needs no policy). Each takes bytes from a stranger and answers with claims
 * that the hardware's maker vouches for, or with the one reason why not.
 *
 *	SNP   attestation report of AMD SEV-SNP, 1,184 bytes, version 2 or later
 *	      (AMD 56860, "SEV Secure Nested Paging Firmware ABI Specification", table 22)
 *	TDX   quote of Intel TDX, version 4 or 5, with its PCK certificates (Intel DCAP, quote
 *format) TPM   TPMS_ATTEST of type quote and its signature (TPM 2.0 Library, part 2, section 10.12)
 *
 * What they cannot say: whether its maker has revoked something since, or knows better firmware
 * (collateral.h), and whether the measurement is the right one (policy.h).
 *
 * Pure: time is a parameter, nothing is fetched. Certificates are checked against roots pinned in
 * roots.c. Any thread. Cost: 1 to 2 ms, signatures of P-256 to RSA-4096. */
#ifndef FOG_TEE_EVIDENCE_H
#define FOG_TEE_EVIDENCE_H

#include "crypto/types.h"

#define FOG_TEE_MEASUREMENT_MAX 48
#define FOG_TEE_DATA_SIZE       64 /* what the guest put in: nonce and key, hashed */
#define FOG_TEE_EVIDENCE_MAX    16384
#define FOG_TEE_PCRS            24

enum fog_tee_kind {
	FOG_TEE_NONE = 0,
	FOG_TEE_SOFTWARE, /* the host's word: no hardware stands behind it */
	FOG_TEE_TPM,
	FOG_TEE_SNP,
	FOG_TEE_TDX,
};

/* Why evidence is refused: one reason, the first found. */
enum fog_tee_fault {
	FOG_TEE_VALID = 0,
	FOG_TEE_TRUNCATED, /* shorter or longer than its format says */
	FOG_TEE_FORMAT,    /* a field that must not have this value */
	FOG_TEE_SIGNATURE, /* not signed by the key that is named */
	FOG_TEE_CHAIN,     /* that key is not certified by its maker */
	FOG_TEE_ROOT,      /* the chain ends at a root we do not know */
	FOG_TEE_EXPIRED,   /* a certificate is not valid at this time */
	FOG_TEE_TCB,       /* the certificate is for another firmware or chip than the report */
	FOG_TEE_QE,        /* the quoting enclave is not Intel's or did not vouch for the key */
	FOG_TEE_PCR,       /* the registers told are not those that were quoted */
	/* The rest is found by appraisal (appraise.h), against what was asked and a policy. */
	FOG_TEE_NONCE,      /* it answers another question, perhaps an old one */
	FOG_TEE_STALE,      /* the question was asked too long ago */
	FOG_TEE_RELAYED,    /* it is another host's, or was made for another verifier */
	FOG_TEE_BINDING,    /* the quote is about another statement */
	FOG_TEE_LOG,        /* the event log does not explain the register */
	FOG_TEE_LAUNCH,     /* the enclave was not launched, has ended, or is another */
	FOG_TEE_CREDENTIAL, /* the key is not proven to live in a TPM that its maker certifies */
	FOG_TEE_KIND,       /* the policy does not accept this provider */
	FOG_TEE_DEBUG,      /* the host may look into the guest */
	FOG_TEE_REVOKED,    /* a key, chip, firmware or host that its maker or the policy revokes */
	FOG_TEE_COLLATERAL, /* revocation lists or TCB levels are missing, out of date, not signed
			     */
	FOG_TEE_OLD, /* firmware below the least the policy takes, or of a status it does not */
	FOG_TEE_REFERENCE, /* a measurement that is none of the policy's reference values */
	FOG_TEE_FAULT_COUNT
};

struct fog_tee_claims {
	enum fog_tee_kind kind;
	u8 measurement[FOG_TEE_MEASUREMENT_MAX]; /* of the launch; TPM: digest of the registers */
	u32 measurement_size;                    /* 32 or 48 */
	u8 data[FOG_TEE_DATA_SIZE];              /* TPM: extraData, zeros behind it */
	bool debug;                              /* the host may read the guest: worth nothing */
	u64 firmware; /* SNP: reported TCB; TDX: first 8 bytes of TEE TCB SVN */
	u8 chip[64];  /* SNP: chip id, zeros when hidden; TDX: SHA-256 of the PCK; TPM: of the AK */
	u32 pcrs;     /* TPM: the registers quoted, bit i for PCR i */
};

/* A chain of certificates as PEM text, leaf first, or one DER certificate. Borrowed. */
struct fog_tee_certs {
	const void *data;
	size_t size;
};

/* certs: the chip's (VCEK) or the cloud's (VLEK) certificate, and those above it up to AMD's root.
 * now_s: Unix seconds for validity, 0: not checked. */
enum fog_tee_fault fog_tee_snp_verify(const u8 *report, size_t size,
				      const struct fog_tee_certs *certs, u64 now_s,
				      struct fog_tee_claims *claims);

/* The signature and the binding to the certificate alone, for a certificate whose chain the caller
 * has checked before: what a cache of chips does. */
enum fog_tee_fault fog_tee_snp_verify_by(const u8 *report, size_t size,
					 const struct fog_tee_certs *leaf,
					 struct fog_tee_claims *claims);

/* How much of what a quoting service gave is the quote, by its own lengths: services fill up their
 * buffer with zeros, which the verifier does not take. At most size. */
size_t fog_tee_tdx_size(const u8 *quote, size_t size);
enum fog_tee_fault fog_tee_tdx_verify(const u8 *quote, size_t size, u64 now_s,
				      struct fog_tee_claims *claims);

/* A quote of a TPM by the attestation key ak (SubjectPublicKeyInfo, DER), whose own trust is the
 * caller's business. pcr: the registers that the bitmap of the quote selects, in order, of its hash
 * (SHA-256: 32 bytes each), or NULL to take the digest unexplained. */
struct fog_tee_tpm_quote {
	const u8 *message; /* TPMS_ATTEST */
	size_t message_size;
	const u8 *signature; /* TPMT_SIGNATURE: RSASSA or ECDSA with SHA-256 */
	size_t signature_size;
	const u8 *ak;
	size_t ak_size;
	const u8 (*pcr)[32];
	u32 pcr_count;
};
enum fog_tee_fault fog_tee_tpm_verify(const struct fog_tee_tpm_quote *quote,
				      struct fog_tee_claims *claims);

/* One sentence for people, "valid" and "unknown" included. */
const char *fog_tee_fault_name(enum fog_tee_fault fault);
/* "valid", "truncated", .., one word for programs; "unknown". */
const char *fog_tee_fault_code(enum fog_tee_fault fault);
/* "software", "tpm", "snp", "tdx"; NONE: "none". */
const char *fog_tee_kind_name(enum fog_tee_kind kind);
/* NONE when it is none of them. */
enum fog_tee_kind fog_tee_kind_parse(const char *name);
/* Who made it, as descriptors and quorums tell them apart: "tpm", "amd-sev-snp", "intel-tdx"; ""
 * where no hardware stands behind it. */
const char *fog_tee_vendor(enum fog_tee_kind kind);

#endif
