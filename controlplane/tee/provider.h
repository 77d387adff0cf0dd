/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host can be attested by, and how it is asked. Calls block (a TPM takes 1 to 500 ms, a TDX
 * quote up to seconds): the thread of attester.h makes them, one at a time.
 *
 *	tpm	  TPM 2.0 through tpm2-tss: hardware (/dev/tpmrm0) or an emulator (swtpm)
 *	tsm	  SEV-SNP or TDX guest, Linux configfs (/sys/kernel/config/tsm/report)
 *	software  nothing; the host's word
 *
 * Adding one: fill a struct fog_tee_provider_ops and name it in provider.c. */
#ifndef FOG_TEE_PROVIDER_H
#define FOG_TEE_PROVIDER_H

#include <jansson.h>

#include "controlplane/tee/credential.h"

#define FOG_TEE_TSM_DIR  "/sys/kernel/config/tsm/report"
#define FOG_TEE_TPM_TCTI "device:/dev/tpmrm0"

struct fog_tee_provider_config {
	const char *provider; /* "auto", "tpm", "tsm", "software" */
	const char *tpm;      /* TCTI, such as "swtpm:path=/run/tpm.sock"; "": FOG_TEE_TPM_TCTI */
	u32 pcr;              /* 16 or 23 */
	const char *tsm_dir;  /* "": FOG_TEE_TSM_DIR */
	const char *certs;    /* PEM file of the chip's chain, where the kernel gives none; or "" */
};

struct fog_tee_provider {
	const struct fog_tee_provider_ops *ops;
	enum fog_tee_kind kind;
	char about[192]; /* for people: "TPM 2.0 (IBM) by swtpm:path=.." */
	void *state;     /* the provider's */
};

/* All return 0 or -errno with why. NULL where there is nothing to do, but for open and quote. */
struct fog_tee_provider_ops {
	const char *name;
	int (*open)(struct fog_tee_provider *p, const struct fog_tee_provider_config *c,
		    char why[FOG_TEE_WHY_SIZE]);
	/* What a verifier needs before it asks: {"ak": hex, "ek_cert": hex}, or {}. */
	int (*identity)(struct fog_tee_provider *p, json_t **out, char why[FOG_TEE_WHY_SIZE]);
	/* The register is zero again. */
	int (*reset)(struct fog_tee_provider *p, char why[FOG_TEE_WHY_SIZE]);
	int (*extend)(struct fog_tee_provider *p, const u8 digest[32], char why[FOG_TEE_WHY_SIZE]);
	/* The "quote" of appraise.h; its data is the binding. */
	int (*quote)(struct fog_tee_provider *p, const u8 binding[32], json_t **out,
		     char why[FOG_TEE_WHY_SIZE]);
	/* Opens what was sealed to the AK. */
	int (*activate)(struct fog_tee_provider *p, const struct fog_tee_credential *c, u8 out[32],
			char why[FOG_TEE_WHY_SIZE]);
	void (*close)(struct fog_tee_provider *p);
};

extern const struct fog_tee_provider_ops fog_tee_provider_tpm;
extern const struct fog_tee_provider_ops fog_tee_provider_tsm;
extern const struct fog_tee_provider_ops fog_tee_provider_software;

/* auto takes the first there is: tsm, tpm, software; why then says what was not there. 0 or -errno
 * with why. */
int fog_tee_provider_open(struct fog_tee_provider *out, const struct fog_tee_provider_config *c,
			  char why[FOG_TEE_WHY_SIZE]);
/* Zeroed or closed is fine. */
void fog_tee_provider_close(struct fog_tee_provider *p);

#endif
