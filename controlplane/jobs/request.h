/* SPDX-License-Identifier: BSD-3-Clause */
/* What a user asks for: the body of POST /v1/jobs, checked and split into the spec (what to run),
 * the wishes (where and at what price) and the inputs.
 *
 *	{"argv": ["sh", "-c", "sort"],           required
 *	 "env": {"LANG": "C"}, "stdin_base64": "..", "inputs": [{"name": "a", "data_base64": ".."},
 *	   {"name": "b", "sha256": ".."}],        an output or artifact of a job of the same user
 *	 "limits": {"cpu_cores": 1, "memory_mb": 64, "wall_seconds": 60, "output_mb": 1,
 *	            "disk_mb": 0, "pids": 64},    defaults as shown; also "accelerators": 2,
 *	            "accelerator_type": "tesla-t4", "accelerator_memory_mb": 16384
 *	 "engine": "native",                      or wasm, oci, microvm, slurm
 *	 "checkpoint": {"interval_seconds": 60, "size_mb": 16, "grace_seconds": 10, "exit_code":
 *85}, or true, for those values; see executor.h "artifacts": ["result.csv", "plots"],    of /work;
 *limits.artifacts_mb: 16 by default "target": "self" | "<node id>" | "<name>", "constraints":
 *{"exclude": ["<node id>" | "<name>", ..], "attributes": {"country": "DE"}, "reputation_min": 0.3,
 *"apart": "host" | "operator" | .., "spread": "region", "with": "group"}, "price_cap": 100, "name":
 *"..", "id": "..", and the terms of terms.h}
 *
 * apart: no two jobs of its group share a host, an operator, ..; spread: as few as can be do;
 * with: only where jobs of that group run. */
#ifndef FOG_JOBS_REQUEST_H
#define FOG_JOBS_REQUEST_H

#include "controlplane/jobs/spec.h"
#include "controlplane/jobs/terms.h"
#include "controlplane/jobs/trace.h"
#include "controlplane/scheduler/scheduler.h"

#define FOG_JOB_EXCLUDES_MAX 16 /* hosts a user may exclude by name */
#define FOG_JOB_HOST_SIZE    65 /* name or node id of a host, with the terminating zero */
#define FOG_JOB_AFTER_SIZE   (FOG_JOBS_STAGES_MAX * FOG_JOB_STAGE_SIZE)
#define FOG_JOB_PRICE_MAX    1000000000000ll
#define FOG_JOB_APART_HOST   FOG_PLACEMENT_KEY_COUNT /* beside the keys of attributes */
#define FOG_JOB_STDIN        "stdin"                 /* name of the input stdin_base64 becomes */

struct fog_job_input_data {
	char name[FOG_JOB_INPUT_NAME_SIZE];
	u8 *data;
	size_t size;
};

struct fog_job_wishes {
	char target[FOG_JOB_HOST_SIZE]; /* "" = any; "self"; node id, the first 8 or more digits of
					 * one, or a name */
	u32 exclude_count;
	char exclude[FOG_JOB_EXCLUDES_MAX][FOG_JOB_HOST_SIZE];
	u32 equality_count;
	struct fog_placement_equality equality[FOG_PLACEMENT_ATTRIBUTES_MAX];
	double reputation_min;
	i64 price_cap;
	enum fog_placement_key apart;  /* INVALID = no rule; or FOG_JOB_APART_HOST */
	enum fog_placement_key spread; /* likewise */
	char with[FOG_JOB_NAME_SIZE];  /* "" = no rule */
	/* Inputs that are the output or an artifact of other jobs, when those are done. */
	u32 from_count;
	struct {
		char name[FOG_JOB_INPUT_NAME_SIZE];
		char job[FOG_JOB_ID_SIZE]; /* "" = known by its hash, and there already */
		char artifact[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE]; /* "" = what the job printed */
		u8 sha256[32];
	} from[FOG_JOB_INPUTS_MAX];
	struct fog_job_terms terms;
};

/* Its place among others that were submitted together. */
enum fog_job_kind {
	FOG_JOB_SINGLE = 0,
	FOG_JOB_ARRAY,
	FOG_JOB_GANG,    /* all members of the stage start together */
	FOG_JOB_REPLICA, /* the same job on different hosts, results compared */
	FOG_JOB_KIND_COUNT
};
const char *fog_job_kind_name(enum fog_job_kind kind);

struct fog_job_member {
	char batch[FOG_JOB_BATCH_SIZE]; /* "" = none */
	char stage[FOG_JOB_STAGE_SIZE];
	enum fog_job_kind kind;
	u32 rank;    /* 0..members-1 */
	u32 members; /* of its stage */
	/* Names of stages between commas, all of which must have succeeded; "" = none. */
	char after[FOG_JOB_AFTER_SIZE];
};

struct fog_job_request {
	char id[FOG_JOB_ID_SIZE]; /* "" = the engine makes one */
	char name[FOG_JOB_NAME_SIZE];
	struct fog_job_member member;
	struct fog_job_origin origin; /* the caller's to set, after parsing */
	char *spec_text;              /* canonical */
	char *wishes_text;
	u32 input_count;
	struct fog_job_input_data input[FOG_JOB_INPUTS_MAX];
};

/* 0, -EINVAL with error naming the field, or -ENOMEM. On success the caller frees with
 * fog_job_request_free(); on failure nothing is kept. */
int fog_job_request_parse(const json_t *body, struct fog_job_request *out,
			  char error[FOG_JSON_ERROR_SIZE]);
void fog_job_request_free(struct fog_job_request *request);

/* Reads back what request_parse made of the wishes. 0 or -EINVAL. */
int fog_job_wishes_parse(const char *text, struct fog_job_wishes *out,
			 char error[FOG_JSON_ERROR_SIZE]);

/* Does `text` (a wish) mean this host? */
bool fog_job_host_matches(const char *text, const struct fog_placement_host *host);

#endif
