/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs as the command line describes them. */
#ifndef FOG_CLI_JOB_H
#define FOG_CLI_JOB_H

#include "controlplane/cli/client.h"
#include "controlplane/cli/command.h"

#define FOG_JOB_WHY_SIZE  256
#define FOG_JOB_STDIN_MAX (8u << 20) /* of --stdin; the API takes no larger inputs */

/* Body of POST /v1/jobs from the options and words of `job submit`, or from its --file. NULL with
 * `why` (256 bytes) when one of them is wrong or the file of --stdin cannot be read. */
json_t *fog_job_body(const struct fog_cli *cli, char why[FOG_JOB_WHY_SIZE]);

/* "/v1/jobs/ID" + rest into path[size]. 0 or -ENAMETOOLONG. */
int fog_job_path(char *path, size_t size, const char *id, const char *rest);

bool fog_job_ended(const json_t *job);

/* Poll until the job ended, with progress on a terminal. FOG_CLI_OK with *out (the caller's), or
 * FOG_CLI_FAILED after printing why. */
int fog_job_wait(const struct fog_cli *cli, struct fog_client *client, const char *id,
		 u64 timeout_ms, json_t **out);

/* What a batch is shown as: cmd_batch.c. */
bool fog_batch_is(const json_t *answer);
void fog_batch_print(const struct fog_cli *cli, const json_t *batch);
/* Asks why the job is pending and says it. FOG_CLI_OK or what fog_cli_fail() returned. */
int fog_why_print(const struct fog_cli *cli, const char *id);

/* Base64 of RFC 4648 with padding, the caller's to free; NULL without memory. */
char *fog_base64_text(const u8 *data, size_t size);

#endif
