/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP routes of jobs, accounts, reputation and receipts; docs/design/jobs.md lists them. */
#ifndef FOG_JOBS_API_H
#define FOG_JOBS_API_H

#include "controlplane/jobs/runtime.h"

/* The context of the routes is the runtime. */
/* api_batch.c: batches and what concerns more than one job. */
void fog_jobs_batch_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
/* api_file.c: artifacts */
void fog_jobs_file_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
/* api_reserve.c */
void fog_jobs_reserve_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
int fog_jobs_batch_post(struct fog_exchange *x);
/* Of a job that this request submits; borrows from it. */
struct fog_job_origin fog_jobs_origin(const struct fog_exchange *x);
/* The scheduler's figures with how many hosts it has to choose from: new, or NULL. */
json_t *fog_jobs_scheduler_json(struct fog_jobs_runtime *rt);
void fog_jobs_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);

#endif
