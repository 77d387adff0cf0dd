/* SPDX-License-Identifier: BSD-3-Clause */
/* That an attestation key lives in a genuine TPM: its maker certifies an endorsement key (EK), and
 * what is sealed to the EK and the name of the attestation key (AK) is opened only by the TPM that
 * holds both (TPM 2.0 Library, part 1, section 24, "Credential Protection"). Fog sends the nonce
 * so: who answers it has proven the AK.
 *
 * The verifier's half: no TPM is needed. Pure; any thread. */
#ifndef FOG_TEE_CREDENTIAL_H
#define FOG_TEE_CREDENTIAL_H

#include "controlplane/tee/statement.h"

#define FOG_TEE_AK_MAX      256 /* bytes of a TPMT_PUBLIC of an ECC key */
#define FOG_TEE_EK_CERT_MAX 4096
#define FOG_TEE_BLOB_SIZE   68  /* size 2, HMAC 32 | size 2, sealed 32: TPMS_ID_OBJECT */
#define FOG_TEE_SEED_SIZE   256 /* RSA-2048 */
#define FOG_TEE_NAME_SIZE   34  /* hash algorithm 2, SHA-256 */

struct fog_tee_credential {
	u8 blob[FOG_TEE_BLOB_SIZE];
	u8 seed[FOG_TEE_SEED_SIZE];
};

/* An AK as TPMT_PUBLIC: restricted, for signing, made in its TPM and never to leave it, ECDSA P-256
 * with SHA-256. Its key as SubjectPublicKeyInfo into out[cap]; its name. Length, or -EINVAL. */
int fog_tee_ak_parse(const u8 *ak, size_t size, u8 *out, size_t cap, u8 name[FOG_TEE_NAME_SIZE]);

/* Trusted makers: certificates of files in PEM, each good as an end of a chain. */
struct fog_tee_makers;
/* 0 or -errno with why. */
int fog_tee_makers_load(struct fog_tee_makers **out, const char *const *paths, u32 count,
			char why[FOG_TEE_WHY_SIZE]);
void fog_tee_makers_free(struct fog_tee_makers *m);

/* ek_cert: DER. Seals a secret of 32 bytes; hash: SHA-256 of the EK's key. FOG_TEE_CREDENTIAL: it
 * is not a certificate of a maker's, or for no RSA-2048 key; EXPIRED; REVOKED by its maker, and
 * where lists are required COLLATERAL, with why. collateral: NULL where none is known. */
struct fog_tee_collateral;
enum fog_tee_fault fog_tee_credential_make(struct fog_tee_credential *out,
					   const struct fog_tee_makers *m, const u8 *ek_cert,
					   size_t size, const u8 name[FOG_TEE_NAME_SIZE],
					   const u8 secret[32], u64 now_s, u8 hash[32],
					   const struct fog_tee_collateral *collateral,
					   bool required, char why[FOG_TEE_WHY_SIZE]);

#endif
