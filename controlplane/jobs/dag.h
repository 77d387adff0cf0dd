/* SPDX-License-Identifier: BSD-3-Clause */
/* Several jobs submitted as one: the body of POST /v1/batches, taken apart into jobs.
 *
 *	{"id": "..", "name": "..",
 *	 <terms of terms.h>, "constraints": {..},         what a job does not say itself
 *	 "stages": [{"name": "build", "array": 4, "job": {..request.h..}},
 *	            {"name": "run", "after": ["build"], "gang": 3, "job": {..}},
 *	            {"name": "sum", "after": ["run"], "job": {..}}]}
 *
 * A stage begins when all jobs of the stages it names have succeeded; when one has not, it is
 * cancelled. `after` names stages above only, so that there is no circle. A stage is one job, an
 * array of like jobs, or a gang: jobs that start together or not at all. Jobs know their place by
 * FOG_BATCH, FOG_STAGE, FOG_RANK and FOG_SIZE in their environment; their ids are BATCH.STAGE.RANK.
 *
 * An input {"name": "part", "from": "build.0"} is what that job of a stage above printed; with
 * "artifact": "out/x.csv" beside it, the artifact of that name.
 *
 * A stage of class S is one job, replicated as its tier says; replicas know nothing of each other.
 * A body without stages is that of one job, as one stage named "job". */
#ifndef FOG_JOBS_DAG_H
#define FOG_JOBS_DAG_H

#include "controlplane/jobs/request.h"

struct fog_job_batch {
	char id[FOG_JOB_BATCH_SIZE];
	u32 count;
	struct fog_job_request *request; /* [count], stages in order */
};

/* Does this body need it: an array, a gang, class S, or stages? */
bool fog_job_batch_wanted(const json_t *body);

/* id_default is used when the body has none. 0, -EINVAL with error naming the field, or -ENOMEM.
 * Free with fog_job_batch_free(). */
int fog_job_batch_parse(const json_t *body, const char *id_default, struct fog_job_batch *out,
			char error[FOG_JSON_ERROR_SIZE]);
void fog_job_batch_free(struct fog_job_batch *batch);

/* Is `stage` in a list as fog_job_member.after holds it? */
bool fog_job_after_has(const char *after, const char *stage);

#endif
