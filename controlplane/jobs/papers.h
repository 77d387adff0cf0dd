/* SPDX-License-Identifier: BSD-3-Clause */
/* The three signed texts of an attempt. Each is one compact JSON object with sorted keys; the
 * Ed25519 signature is over exactly its bytes, by the node key of the signer. The "kind" field
 *keeps one paper from passing as another.
 *
 *	offer        submitter   this spec, this attempt, this worker, this price
 *	receipt      worker      how it ended, what it printed, what it used, what it costs
 *	settlement   submitter   pay this much for that receipt
 *
 * Who verifies takes the key from the text (a node id is a key) and compares it with whom he
 * expects. Writers return text to free() or NULL without memory. Parsers check every field. */
#ifndef FOG_JOBS_PAPERS_H
#define FOG_JOBS_PAPERS_H

#include "controlplane/jobs/spec.h"
#include "controlplane/scheduler/tariff.h"

#define FOG_JOB_SIGNATURE_SIZE 64
#define FOG_JOB_NODE_SIZE      32

#define FOG_OFFER_LABEL      "fog offer 1"
#define FOG_RECEIPT_LABEL    "fog receipt 1"
#define FOG_SETTLEMENT_LABEL "fog settlement 1"
#define FOG_PAPER_SIZE_MAX   (FOG_JOBS_VERIFY_TEXT_MAX + 32) /* of what is signed */

/* What is signed; text is at most FOG_JOBS_VERIFY_TEXT_MAX bytes. Returns its length. */
u32 fog_paper_message(const char *label, const char *text, u8 out[FOG_PAPER_SIZE_MAX]);

/* Who, which: the key of an attempt in the whole fog. */
struct fog_attempt_key {
	u8 submitter[FOG_JOB_NODE_SIZE];
	u8 worker[FOG_JOB_NODE_SIZE];
	char job[FOG_JOB_ID_SIZE];
	u32 attempt; /* from 1 */
};

struct fog_offer {
	struct fog_attempt_key key;
	u8 spec_sha256[32];
	struct fog_tariff price;
	i64 price_max; /* held in escrow: the price at the wall limit */
	u64 created_ms;
};

enum fog_outcome {
	FOG_OUTCOME_INVALID = 0,
	FOG_OUTCOME_EXITED,    /* exit_code */
	FOG_OUTCOME_SIGNALED,  /* signal */
	FOG_OUTCOME_TIMEOUT,   /* wall or CPU limit */
	FOG_OUTCOME_OOM,       /* memory limit */
	FOG_OUTCOME_DISK,      /* disk limit */
	FOG_OUTCOME_NOEXEC,    /* there is no such program, or it is none */
	FOG_OUTCOME_CANCELLED, /* at the submitter's wish */
	FOG_OUTCOME_FAILED,    /* the host could not run it: costs nothing */
	FOG_OUTCOME_COUNT
};

struct fog_job_output {
	u8 sha256[32];
	u64 size; /* bytes kept */
};

struct fog_job_usage {
	u64 wall_ms;
	u64 cpu_user_ms;
	u64 cpu_system_ms;
	u64 memory_peak_bytes;
	u64 io_read_bytes;
	u64 io_write_bytes;
};

#define FOG_JOB_SANDBOX_SIZE 512 /* JSON text of the confinement that was in force */

struct fog_receipt {
	struct fog_attempt_key key;
	u8 offer_sha256[32];
	u8 spec_sha256[32];
	enum fog_outcome outcome;
	i32 exit_code; /* -1 = did not exit */
	u32 signal;    /* 0 = was not signalled */
	char error[256];
	struct fog_job_output output[2]; /* stdout, stderr */
	bool truncated;
	struct fog_job_usage usage;
	char sandbox[FOG_JOB_SANDBOX_SIZE]; /* JSON object */
	u32 checkpoint_number;              /* of the newest; 0 = it left none */
	struct fog_job_output checkpoint;   /* its archive */
	u32 artifacts;
	u64 artifact_bytes;
	struct fog_job_output manifest; /* size 0 = none were asked for */
	struct fog_tariff price;
	u32 accelerators; /* that the job had, of this type */
	char accelerator_type[FOG_JOB_ACCELERATOR_SIZE];
	i64 amount; /* mfog: price of the reserved resources for usage.wall_ms, at most price_max */
	u64 started_ms;
	u64 ended_ms;
	u64 sequence; /* of receipts by this worker, grows */
};

struct fog_settlement {
	struct fog_attempt_key key;
	u8 receipt_sha256[32];
	i64 amount;
	u64 created_ms;
};

char *fog_offer_text(const struct fog_offer *offer);
char *fog_receipt_text(const struct fog_receipt *receipt);
char *fog_settlement_text(const struct fog_settlement *settlement);

/* 0 or -EINVAL with error. */
int fog_offer_parse(const char *text, struct fog_offer *out, char error[FOG_JSON_ERROR_SIZE]);
int fog_receipt_parse(const char *text, struct fog_receipt *out, char error[FOG_JSON_ERROR_SIZE]);
int fog_settlement_parse(const char *text, struct fog_settlement *out,
			 char error[FOG_JSON_ERROR_SIZE]);

const char *fog_outcome_name(enum fog_outcome outcome);
enum fog_outcome fog_outcome_parse(const char *name);

bool fog_attempt_key_equal(const struct fog_attempt_key *a, const struct fog_attempt_key *b);

/* Is the receipt what this offer allows? The amount must be the price of the reserved resources for
 * the claimed wall time, at most price_max; a failed run costs nothing; the wall time may exceed
 * neither the limit nor observed_ms by more than FOG_JOBS_SLACK_MS. NULL when it is, else what is
 * wrong: evidence of fraud. */
const char *fog_receipt_audit(const struct fog_receipt *receipt, const struct fog_offer *offer,
			      const u8 offer_sha256[32], const struct fog_job_limits *limits,
			      u64 observed_ms);

/* What an attempt costs: used by both sides. */
i64 fog_receipt_amount(const struct fog_offer *offer, const struct fog_job_limits *limits,
		       enum fog_outcome outcome, u64 wall_ms);

#endif
