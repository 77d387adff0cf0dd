/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a job is pending, and what would become of one: a pass that stores nothing. */
#include <errno.h>

#include "controlplane/jobs/place.h"

static void why_fill(struct fog_pass *p, u32 index, struct fog_job_why *out)
{
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;

	out->members = p->unit[index].count;
	out->placement = b->placement;
	out->full = p->unit[index].why[0] != '\0';
	for (u32 i = 0; i < p->host_count && !out->possible; i++)
		out->possible = fog_placement_filter_empty(&p->unit[index].request, &j->hosts[i]) ==
				FOG_PLACEMENT_FITS;
	while (out->ahead < p->count && p->order[out->ahead] != index)
		out->ahead++;
	out->start_ms = b->placed                        ? j->now_ms
			: b->start_ms == FOG_BATCH_NEVER ? 0
							 : j->now_ms + b->start_ms;
	if (!b->placed) {
		fog_pass_explain(p, index, out->text);
		return;
	}
	snprintf(out->host, sizeof(out->host), "%s", j->hosts[b->host[0]].name);
	snprintf(out->text, sizeof(out->text), "it is its turn: %.63s", out->host);
}

/* A pass that stores nothing, with this job among those that wait. */
static void why_ask(struct fog_jobs *j, const struct fog_job *job, struct fog_job_why *out)
{
	struct fog_pass p = {.j = j, .dry = true};

	if (fog_pass_units(&p, true) && fog_pass_decide(&p)) {
		for (u32 i = 0; i < p.count; i++)
			for (u32 k = 0; k < p.unit[i].count; k++)
				if (p.unit[i].job[k] == job)
					why_fill(&p, i, out);
	}
	fog_pass_free(&p);
}

static int why_locked(struct fog_jobs *j, const char *id, struct fog_job_why *out)
{
	const struct fog_job *job = fog_job_find(j, id);

	out->found = job != NULL;
	if (job == NULL)
		return 0;
	out->pending = job->state == FOG_JOB_QUEUED;
	out->held = job->held;
	snprintf(out->text, sizeof(out->text), "%s", job->reason != NULL ? job->reason : "");
	if (fog_job_waits(job))
		why_ask(j, job, out);
	return 0;
}

int fog_jobs_why(struct fog_jobs *j, const char *id, u64 now_ms, struct fog_job_why *out)
{
	memset(out, 0, sizeof(*out));
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	why_locked(j, id, out);
	return fog_jobs_end(j);
}

int fog_jobs_plan(struct fog_jobs *j, const char *user, const struct fog_job_request *requests,
		  u32 count, u64 now_ms, struct fog_job_why *out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job **list = calloc(count, sizeof(*list));
	int rc = 0;

	memset(out, 0, (size_t)count * sizeof(*out));
	if (list == NULL)
		return -ENOMEM;
	if (!fog_jobs_begin(j, now_ms)) {
		free(list);
		return -EAGAIN;
	}
	for (u32 i = 0; rc == 0 && i < count; i++)
		rc = fog_job_dry(j, user, &requests[i], &list[i], error);
	for (u32 i = 0; rc == 0 && i < count; i++) {
		out[i].held = list[i]->held;
		out[i].pending = true;
		if (list[i]->held)
			fog_jobs_reason(out[i].text, "waits for stages: %.400s", list[i]->after);
		else if (i == 0 || list[i]->kind != FOG_JOB_GANG ||
			 strcmp(list[i]->stage, list[i - 1]->stage) != 0)
			why_ask(j, list[i], &out[i]);
		else
			out[i] = out[i - 1]; /* a gang is asked about once */
	}
	for (u32 i = 0; i < count; i++)
		if (list[i] != NULL)
			fog_job_free(j, list[i]);
	free(list);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}
