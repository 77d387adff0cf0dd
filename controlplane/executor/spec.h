/* SPDX-License-Identifier: BSD-3-Clause */
/* spec.json: what to run. One validator serves both sides: the control plane writes a spec by
 * emitting it and parsing it back, fog-exec parses what it finds. Unknown keys are refused, so that
 * a misspelt limit or "network" cannot silently mean the default. */
#ifndef FOG_EXECUTOR_SPEC_H
#define FOG_EXECUTOR_SPEC_H

#include <jansson.h>

#include "controlplane/executor/executor.h"

/* A parsed spec. spec points into the rest; freed as one by fog_spec_free(). */
struct fog_spec {
	struct fog_executor_spec spec;
	json_t *root;
	const char *argv[FOG_EXECUTOR_ARGS_MAX + 1]; /* NULL-terminated */
	const char *env[FOG_EXECUTOR_ENV_MAX + 1];   /* NULL-terminated */
	char *env_text;
	u8 builders[FOG_EXECUTOR_BUILDERS_MAX][32];
	const char *devices[FOG_ACCELERATOR_DEVICES_MAX];
	const char *patterns[FOG_EXECUTOR_PATTERNS_MAX];
};

/* Parse and check every rule of executor.h. On -EINVAL error holds one sentence naming the key.
 * require is never 0 in a parsed spec. */
int fog_spec_parse(const char *text, size_t len, struct fog_spec **out, char *error,
		   size_t error_cap);
void fog_spec_free(struct fog_spec *s);

/* JSON text of a spec, freed by the caller. Checks only what cannot be written down; parse the text
 * to check the rest. -EINVAL: not UTF-8, a key twice, more strings than allowed. */
int fog_spec_emit(const struct fog_executor_spec *spec, char **text);

/* 1..JOB_MAX of [A-Za-z0-9._-], not "." or "..". */
bool fog_spec_job_valid(const char *job);
/* One path component of 1..NAME_MAX bytes that does not start with a dot. */
bool fog_spec_name_valid(const char *name);

#endif
