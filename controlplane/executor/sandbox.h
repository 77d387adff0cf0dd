/* SPDX-License-Identifier: BSD-3-Clause */
/* What engines with a process of their own share with the sandbox: the job's identity, its files
 * and its control groups. */
#ifndef FOG_EXECUTOR_SANDBOX_H
#define FOG_EXECUTOR_SANDBOX_H

#include "controlplane/executor/engine.h"

/* User id of the host for this job: one of its own where we are root, else ours. */
u32 fog_sandbox_uid(void);

/* Give the job what it is to write: work/ and checkpoint/, and its ends of the output pipes, which
 * it may open again as /dev/stdout. */
int fog_sandbox_give(const struct fog_job *job, u32 uid);

/* Are the limits in job->cgroup all that the spec insists on? -EOPNOTSUPP with job->error. */
int fog_sandbox_limits_check(struct fog_job *job);

/* Usage and kills for memory from the job's control groups. */
void fog_sandbox_sample(struct fog_job *job);

#endif
