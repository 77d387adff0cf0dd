/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespaces: quotas and fair share. Hosts that are cordoned or drained. */
#include <errno.h>
#include <math.h>

#include "controlplane/jobs/state.h"

#define USE_HALF_MS 86400000.0

struct fog_space *fog_space_find(struct fog_jobs *j, const char *name)
{
	for (u32 i = 0; i < j->space_count; i++)
		if (strcmp(j->spaces[i].name, name) == 0)
			return &j->spaces[i];
	return NULL;
}

/* NULL: there are too many already. */
static struct fog_space *space_get(struct fog_jobs *j, const char *name)
{
	struct fog_space *s = fog_space_find(j, name);

	if (s != NULL || j->space_count == FOG_JOBS_SPACES_MAX)
		return s;
	s = &j->spaces[j->space_count++];
	*s = (struct fog_space){.weight = 1, .use_ms = j->now_ms};
	snprintf(s->name, sizeof(s->name), "%s", name);
	return s;
}

static double use_now(const struct fog_space *s, u64 now_ms)
{
	double passed = now_ms > s->use_ms ? (double)(now_ms - s->use_ms) : 0;

	return s->use * exp2(-passed / USE_HALF_MS);
}

void fog_space_count(struct fog_jobs *j)
{
	const struct fog_attempt *a;

	for (u32 i = 0; i < j->space_count; i++)
		j->spaces[i].cpu_now = j->spaces[i].memory_now = j->spaces[i].jobs_now = 0;
	TAILQ_FOREACH(a, &j->attempts, link)
	{
		struct fog_space *s =
			a->job != NULL ? fog_space_find(j, a->job->terms.space) : NULL;
		if (s == NULL)
			continue;
		s->cpu_now += a->limits.cpu_milli;
		s->memory_now += a->limits.memory_bytes;
		s->jobs_now++;
	}
}

const char *fog_space_full(const struct fog_space *s, const struct fog_job_limits *l, u32 members)
{
	if (s == NULL)
		return NULL;
	if (s->jobs != 0 && s->jobs_now + members > s->jobs)
		return "jobs";
	if (s->cpu_milli != 0 && s->cpu_now + members * l->cpu_milli > s->cpu_milli)
		return "CPU";
	if (s->memory_bytes != 0 && s->memory_now + members * l->memory_bytes > s->memory_bytes)
		return "memory";
	return NULL;
}

void fog_space_used(struct fog_jobs *j, const char *name, u64 cpu_milli, u64 wall_ms)
{
	struct fog_space *s = space_get(j, name);

	if (s == NULL)
		return;
	s->use = use_now(s, j->now_ms) + (double)cpu_milli * (double)wall_ms / 1e6;
	s->use_ms = j->now_ms;
	fog_db_space_put(j, s);
}

double fog_space_share(const struct fog_jobs *j, const char *name)
{
	double sum = 0, own = 0;

	for (u32 i = 0; i < j->space_count; i++) {
		double use = use_now(&j->spaces[i], j->now_ms) / j->spaces[i].weight;
		sum += use;
		if (strcmp(j->spaces[i].name, name) == 0)
			own = use;
	}
	return sum > 0 ? own / sum : 0;
}

int fog_jobs_space_set(struct fog_jobs *j, const char *name, const struct fog_space_quota *quota,
		       u64 now_ms)
{
	int rc = 0;

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	struct fog_space *s = space_get(j, name);
	if (s == NULL) {
		rc = -ENOSPC;
	} else {
		s->cpu_milli = quota->cpu_milli;
		s->memory_bytes = quota->memory_bytes;
		s->jobs = quota->jobs;
		s->weight = quota->weight;
		fog_db_space_put(j, s);
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static u32 hold_index(const struct fog_jobs *j, const u8 *node)
{
	u32 i = 0;

	while (i < j->hold_count && memcmp(j->holds[i].node, node, FOG_JOB_NODE_SIZE) != 0)
		i++;
	return i;
}

bool fog_hold_find(const struct fog_jobs *j, const u8 *node, struct fog_host_hold *out)
{
	u32 i = hold_index(j, node);

	if (i == j->hold_count)
		return false;
	*out = j->holds[i];
	return true;
}

int fog_jobs_hold(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], enum fog_hold mode,
		  u64 deadline_ms, u64 now_ms)
{
	struct fog_host_hold h = {.mode = mode, .deadline_ms = deadline_ms};
	u32 i = hold_index(j, node);

	memcpy(h.node, node, sizeof(h.node));
	if (i == FOG_JOBS_HOLDS_MAX)
		return -ENOSPC;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	i = hold_index(j, node);
	if (mode != FOG_HOLD_NONE) {
		j->holds[i] = h;
		j->hold_count += i == j->hold_count;
	} else if (i < j->hold_count) {
		j->holds[i] = j->holds[--j->hold_count];
	}
	fog_db_hold_put(j, &h);
	return fog_jobs_end(j) != 0 ? -EAGAIN : 0;
}

void fog_hold_tick(struct fog_jobs *j)
{
	struct fog_host_hold h;
	struct fog_attempt *a;

	if (j->hold_count == 0)
		return;
	TAILQ_FOREACH(a, &j->attempts, link)
	if (a->job != NULL && a->state == FOG_ATTEMPT_ACCEPTED && a->stop == FOG_STOP_NONE &&
	    fog_hold_find(j, a->key.worker, &h) && h.mode == FOG_HOLD_DRAIN &&
	    j->now_ms >= h.deadline_ms)
		fog_attempt_stop(j, a, FOG_STOP_DRAIN);
}
