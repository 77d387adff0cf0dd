/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker is asked to run. The spec is one canonical JSON text (compact, keys sorted), hashed
 * as it is; the offer names the hash. It says nothing of who asks, where or at what price:
 *
 *	{"argv":["sort"],"env":["LANG=C"],"inputs":[{"name":"stdin","sha256":"..","size":12}],
 *	 "limits":{"cpu_milli":1000,"disk_bytes":0,"memory_bytes":67108864,"output_bytes":1048576,
 *	 "pids":64,"wall_ms":60000},"stdin":"stdin"}
 *
 * and in limits "accelerators", "accelerator_type", "accelerator_memory_bytes" where it wants some,
 * "engine" where it is not "native", see controlplane/executor/executor.h. And what it leaves
 *behind where it leaves something; an input "checkpoint.tar" is then what it goes on from:
 *
 *	"artifacts":{"bytes_max":16777216,"patterns":["out/x.csv"]},
 *	"checkpoint":{"bytes_max":16777216,"exit_code":85,"grace_ms":10000,"interval_ms":60000,
 *	"restart":1}
 */
#ifndef FOG_JOBS_SPEC_H
#define FOG_JOBS_SPEC_H

#include <jansson.h>

#include "controlplane/executor/executor.h"
#include "controlplane/jobs/json.h"
#include "controlplane/jobs/limits.h"

struct fog_job_input {
	char name[FOG_JOB_INPUT_NAME_SIZE];
	u8 sha256[32];
	u64 size;
};

#define FOG_JOB_CHECKPOINT_FILE "checkpoint.tar"

struct fog_job_checkpoint {
	u64 bytes_max; /* 0 = the job has none */
	u64 interval_ms;
	u64 grace_ms;
	u32 exit_code; /* 0 = none means to go on */
	u32 restart;   /* how many hosts have begun it before */
};

struct fog_job_limits {
	u64 cpu_milli;
	u64 memory_bytes;
	u64 wall_ms;
	u64 output_bytes; /* of stdout and of stderr each */
	u64 disk_bytes;   /* 0 = no limit of its own */
	u64 pids;
	u64 accelerators;                                /* whole ones, of one kind */
	u64 accelerator_memory_bytes;                    /* each has at least so much; 0 = any */
	char accelerator_type[FOG_JOB_ACCELERATOR_SIZE]; /* "" = any */
	u64 checkpoint_bytes; /* of one checkpoint; not of "limits" in the text, like the next */
	u64 artifact_bytes;   /* of all artifacts */
};

struct fog_job_spec {
	json_t *root; /* owns the texts below */
	u32 argv_count;
	const char *argv[FOG_JOB_ARGS_MAX + 1]; /* NULL-terminated */
	u32 env_count;
	const char *env[FOG_JOB_ENV_MAX + 1]; /* "KEY=value", sorted by key, NULL-terminated */
	const char *stdin_name;               /* one of the inputs, or NULL */
	const char *engine;                   /* "native" when the text names none */
	u32 input_count;
	struct fog_job_input input[FOG_JOB_INPUTS_MAX + 1]; /* the checkpoint is one more */
	struct fog_job_limits limits;
	struct fog_job_checkpoint checkpoint;
	u32 artifact_count;
	const char *artifact[FOG_EXECUTOR_PATTERNS_MAX];
	u8 sha256[32]; /* of the text */
};

/* Parses and checks everything. Free with fog_job_spec_free(). 0, or -EINVAL / -ENOMEM with error.
 */
int fog_job_spec_parse(const char *text, size_t len, struct fog_job_spec **out,
		       char error[FOG_JSON_ERROR_SIZE]);
void fog_job_spec_free(struct fog_job_spec *spec);

/* The input it goes on from; NULL: it begins. */
const struct fog_job_input *fog_job_spec_restored(const struct fog_job_spec *spec);

/* Bytes of all inputs. */
u64 fog_job_spec_input_size(const struct fog_job_spec *spec);

/* [A-Za-z0-9._-]{1,64}, not "." or "..". */
bool fog_job_id_valid(const char *id);
/* One path component, as an id but up to 63 characters and not starting with a dot. */
bool fog_job_input_name_valid(const char *name);

#endif
