/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP routes of jobs, accounts, reputation and receipts; docs/design/jobs.md lists them. */
#ifndef FOG_JOBS_API_H
#define FOG_JOBS_API_H

#include "controlplane/jobs/runtime.h"

/* The context of the routes is the runtime. */
/* api_batch.c: batches and what concerns more than one job. */
void fog_jobs_batch_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
/* api_reserve.c */
void fog_jobs_reserve_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
int fog_jobs_batch_post(struct fog_exchange *x);
void fog_jobs_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);

#endif
