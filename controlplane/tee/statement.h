/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host says about itself when it is attested: which programs it runs, what it launched,
 *which question it answers. A quote vouches for exactly these bytes.
 *
 *	binding  = SHA-256("fog tee statement 1" 0 text): what the hardware is made to sign
 *	register = what the log adds up to, from 32 zeros: new = SHA-256(old | event), as a TPM
 *		   extends a PCR
 *
 *	{"version":1,"kind":"tpm","nonce":hex,"node_id":hex,"verifier":hex,"made_ms":n,
 *	 "components":[["fog-exec",hex],..],
 *	 "log":[["platform","",hex],["launch","enclave_..",hex],..],
 *	 "enclave":null|{"id","engine","code","config","engine_sha256","key"}}
 *
 * Pure. Any thread. */
#ifndef FOG_TEE_STATEMENT_H
#define FOG_TEE_STATEMENT_H

#include "controlplane/tee/evidence.h"

#define FOG_TEE_LABEL          "fog tee statement 1"
#define FOG_TEE_COMPONENTS_MAX 8
#define FOG_TEE_LOG_MAX        128 /* events; then the register begins anew, see attester.h */
#define FOG_TEE_ID_SIZE        24  /* "enclave_" and 12 digits, "att_" and 16 */
#define FOG_TEE_ENGINE_SIZE    16
#define FOG_TEE_STATEMENT_MAX  (20 * 1024) /* bytes of text */
#define FOG_TEE_WHY_SIZE       256

/* A program that the safety of jobs hangs on. */
struct fog_tee_component {
	char name[32];
	u8 sha256[32];
};

enum fog_tee_event_kind {
	FOG_TEE_EVENT_PLATFORM = 1, /* the host runs these components from now on */
	FOG_TEE_EVENT_LAUNCH,       /* an enclave began */
	FOG_TEE_EVENT_END,          /* it ended */
	FOG_TEE_EVENT_KINDS
};

struct fog_tee_event {
	u32 kind;                   /* enum fog_tee_event_kind */
	char name[FOG_TEE_ID_SIZE]; /* of the enclave */
	u8 digest[32];              /* platform or launch measurement */
};

struct fog_tee_log {
	u32 count;
	struct fog_tee_event event[FOG_TEE_LOG_MAX];
};

struct fog_tee_launch {
	char id[FOG_TEE_ID_SIZE];
	char engine[FOG_TEE_ENGINE_SIZE];
	u8 code[32];          /* of the program's bytes */
	u8 config[32];        /* of its configuration as compact JSON with sorted keys */
	u8 engine_sha256[32]; /* of the programs that run it: the platform's */
	u8 key[32];           /* X25519: secrets are sealed to it */
};

struct fog_tee_statement {
	enum fog_tee_kind kind;
	u8 nonce[32], node[32], verifier[32];
	u64 made_ms; /* Unix, by the host's clock: for people */
	u32 component_count;
	struct fog_tee_component component[FOG_TEE_COMPONENTS_MAX];
	struct fog_tee_log log;
	bool has_enclave;
	struct fog_tee_launch enclave;
};

/* The platform measurement: over names and digests, in order. */
void fog_tee_platform(const struct fog_tee_component *c, u32 count, u8 out[32]);
/* The launch measurement: over code, configuration and engine. The same everywhere, so that it can
 * be known beforehand: neither id nor key are in it. */
void fog_tee_launch_digest(const struct fog_tee_launch *l, u8 out[32]);

/* What the register is extended with; and what it is after all. */
void fog_tee_event_digest(const struct fog_tee_event *e, u8 out[32]);
void fog_tee_log_register(const struct fog_tee_log *log, u8 out[32]);
/* -ENOSPC: full. */
int fog_tee_log_add(struct fog_tee_log *log, enum fog_tee_event_kind kind, const char *name,
		    const u8 digest[32]);
/* The launch of this enclave, which has not ended; NULL. */
const struct fog_tee_event *fog_tee_log_running(const struct fog_tee_log *log, const char *name);
/* The last platform event; NULL. */
const struct fog_tee_event *fog_tee_log_platform(const struct fog_tee_log *log);

/* Text to free(); NULL without memory. */
char *fog_tee_statement_text(const struct fog_tee_statement *s);
/* 0 or -EINVAL with why. */
int fog_tee_statement_parse(struct fog_tee_statement *out, const char *text,
			    char why[FOG_TEE_WHY_SIZE]);
void fog_tee_binding(const char *text, u8 out[32]);

#endif
