/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP routes of jobs, accounts, reputation and receipts; docs/design/jobs.md lists them. */
#ifndef FOG_JOBS_API_H
#define FOG_JOBS_API_H

#include "controlplane/jobs/runtime.h"

/* The context of the routes is the runtime. */
void fog_jobs_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);

#endif
