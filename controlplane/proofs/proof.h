/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs about work, signed by who issues them, in one binary and one JSON form made from the same
 * table of fields (fields.c):
 *
 *	execution  a host ran this code on this input, in this attested slot, and used so much
 *	audit      auditors of a roster looked at something; 0.67 of the roster's weight says it is
 *right sla        a service kept a percentile below a limit; the percentile itself is not told
 *	batch      the root of a log of proofs (RFC 6962), and that it only grew
 *	inclusion  one entry of such a log
 *
 *	binary: "fog proof 1" 0 | kind u8 | id 16 | issuer 32 | issued u64 | body | signature 64
 *	JSON:   {"type": "fog.proof.execution.v1", "id": hex, "issuer": hex, "issued": seconds, ..}
 *
 * The signature is over all bytes of the binary form before it. Whoever takes a proof decodes it,
 * judges it (freshness, sense, policy), has its signatures and proofs checked, which the data plane
 * may do, and remembers it (archive.h), so that it is taken once. Pure; any thread. */
#ifndef FOG_PROOFS_PROOF_H
#define FOG_PROOFS_PROOF_H

#include <jansson.h>

#include "controlplane/core/verifier.h"

#define FOG_PROOF_AGE_MAX_S    (72 * 3600) /* older proofs are not taken */
#define FOG_PROOF_AHEAD_MAX_S  300         /* how far an issuer's clock may be ahead */
#define FOG_PROOF_RETENTION_S  (90 * 86400)
#define FOG_PROOF_AUDIT_NUMBER 67  /* of 100: weight that must agree */
#define FOG_PROOF_SLA_PERMILLE 950 /* least percentile that an SLA speaks of */
#define FOG_PROOF_SLA_BITS     32  /* limit - percentile, us, is below 2^32 */
#define FOG_PROOF_SLA_SIZE     608 /* of its range proof */
#define FOG_PROOF_VOTES_MAX    64
#define FOG_PROOF_PATH_MAX     64
#define FOG_PROOF_ENCODED_MAX  8192
#define FOG_PROOF_ID_SIZE      16
#define FOG_PROOF_WHY          256

enum fog_proof_kind {
	FOG_PROOF_EXECUTION = 1,
	FOG_PROOF_AUDIT = 2,
	FOG_PROOF_SLA = 3,
	FOG_PROOF_BATCH = 4,
	FOG_PROOF_INCLUSION = 5,
};

/* The issuer is the host that ran it. Digests are SHA-256; zero = there is none. */
struct fog_proof_execution {
	u8 job[32];
	u8 submitter[32];
	u8 code[32], input[32], output[32];
	u8 attestation[32];   /* of the evidence that speaks for the slot */
	u32 attestation_kind; /* 0 none, else as the TEE component numbers them */
	u32 slot;
	i32 exit_code;
	u32 outcome; /* enum fog_outcome of jobs/papers.h */
	u64 cpu_us, wall_us, memory_peak, io_bytes;
	u64 started_ms, ended_ms;
};

/* One auditor's word, signed over fog_proof_vote_text(). */
struct fog_proof_vote {
	u8 auditor[32];
	u32 right; /* 1 or 0 */
	u8 signature[64];
};

struct fog_proof_audit {
	u8 subject[32]; /* SHA-256 of what was audited, such as an encoded proof */
	u8 roster[32];  /* fog_proof_roster_digest() */
	u64 round;
	u32 votes;
	struct fog_proof_vote vote[FOG_PROOF_VOTES_MAX];
};

/* The measurer signs fog_proof_measurement_text(); the issuer is the provider, who got the opening
 * of the commitment from it. */
struct fog_proof_sla {
	u8 service[32];
	u8 measurer[32];
	u8 measurements[32]; /* Merkle root of the samples */
	u64 from_s, to_s;
	u64 samples, within; /* how many there are, and are at most limit_us */
	u32 permille;        /* 950 = the 95th percentile */
	u64 limit_us;
	u8 commitment[32];            /* to the percentile in us */
	u8 measured[64];              /* the measurer's signature */
	u8 range[FOG_PROOF_SLA_SIZE]; /* that it is at most limit_us */
};

struct fog_proof_path {
	u32 count;
	u8 hash[FOG_PROOF_PATH_MAX][32];
};

struct fog_proof_batch {
	u8 root[32];
	u64 size;
	u8 old_root[32]; /* of the batch before; zero with old_size 0 */
	u64 old_size;
	struct fog_proof_path path; /* consistency of the two */
};

struct fog_proof_inclusion {
	u8 root[32];
	u64 size, index;
	u8 leaf[32]; /* leaf hash of the entry */
	struct fog_proof_path path;
};

struct fog_proof {
	u32 kind; /* enum fog_proof_kind */
	u8 id[FOG_PROOF_ID_SIZE];
	u8 issuer[32];
	u64 issued_s; /* Unix time */
	union {
		struct fog_proof_execution execution;
		struct fog_proof_audit audit;
		struct fog_proof_sla sla;
		struct fog_proof_batch batch;
		struct fog_proof_inclusion inclusion;
	};
	u8 signature[64];
};

/* "execution"; NULL for no kind. */
const char *fog_proof_kind_name(u32 kind);

/* ---- forms (fields.c) ----------------------------------------------------------------------- */

/* Length, or -ENOSPC, or -EINVAL (kind, counts). */
int fog_proof_encode(const struct fog_proof *p, u8 *out, size_t cap);
/* All of `in`, the one encoding of it. 0 or -EINVAL with a reason. */
int fog_proof_decode(struct fog_proof *p, const u8 *in, size_t len, char why[FOG_PROOF_WHY]);
/* New; NULL without memory. */
json_t *fog_proof_json(const struct fog_proof *p);
/* Members that do not belong are refused. 0 or -EINVAL with a reason. */
int fog_proof_from_json(struct fog_proof *p, const json_t *o, char why[FOG_PROOF_WHY]);

/* ---- making --------------------------------------------------------------------------------- */

/* Everything but issuer and signature is filled in; these are set. 0 or -EINVAL. */
int fog_proof_sign(struct fog_proof *p, const u8 sk[64]);

#define FOG_PROOF_TEXT_MAX 384

/* What an auditor signs about its vote; and a measurer. Returns the length. */
u32 fog_proof_vote_text(const struct fog_proof_audit *a, bool right, u8 out[FOG_PROOF_TEXT_MAX]);
u32 fog_proof_measurement_text(const struct fog_proof_sla *s, u8 out[FOG_PROOF_TEXT_MAX]);

/* Fills s->range and checks that it can be: value is what s->commitment opens to with blinding. 0;
 * -ERANGE: it is above the limit or 2^32 us below; -ENOMEM. */
int fog_proof_sla_prove(struct fog_proof_sla *s, u64 value_us, const u8 blinding[32]);

/* ---- taking --------------------------------------------------------------------------------- */

struct fog_roster_member {
	u8 key[32];
	u32 weight;
};

struct fog_proof_policy {
	u64 now_s;
	/* Audits: who may audit and with which weight. */
	const struct fog_roster_member *roster;
	u32 roster_count;
	/* NULL or the digest an execution's evidence must have. */
	const u8 *attestation;
	const u8 *issuer;  /* NULL = any */
	const u8 *subject; /* of an audit; NULL = any */
};

void fog_proof_roster_digest(const struct fog_roster_member *roster, u32 count, u8 out[32]);

/* Everything that needs no cryptography. 0; -ETIME: too old or from the future; -EINVAL: makes no
 * sense; -EACCES: the policy refuses it, an audit of too little weight among them. With a reason.
 */
int fog_proof_judge(const struct fog_proof *p, const struct fog_proof_policy *policy,
		    char why[FOG_PROOF_WHY]);

#define FOG_PROOF_CHECKS_MAX (1 + FOG_PROOF_VOTES_MAX)

/* What is left to check: requests for a struct fog_verifier, class RECEIPTS, all of which must come
 * out valid. */
struct fog_proof_checks {
	u32 count;
	u32 used;
	struct fog_verifier_request request[FOG_PROOF_CHECKS_MAX];
	u8 bytes[32768];
};

/* 0 or -EINVAL. The requests point into *out. */
int fog_proof_checks(const struct fog_proof *p, struct fog_proof_checks *out);

/* Judge and check in this process. Also -EBADMSG: a signature or proof is false. */
int fog_proof_verify(struct fog_local_verifier *v, const struct fog_proof *p,
		     const struct fog_proof_policy *policy, char why[FOG_PROOF_WHY]);

#endif
