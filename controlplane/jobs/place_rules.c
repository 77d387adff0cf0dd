/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job asks of its host, and the rules that tie it to other jobs. */
#include "controlplane/jobs/place.h"
#include "crypto/mem.h"

/* A wish that names no known host stays a target nobody is. */
static void target_resolve(struct fog_jobs *j, u32 count, const char *text,
			   struct fog_placement_request *r)
{
	r->target_set = true;
	for (u32 i = 0; i < count; i++)
		if (fog_job_host_matches(text, &j->hosts[i]))
			memcpy(r->target, j->hosts[i].id, sizeof(r->target));
}

void fog_pass_request(struct fog_jobs *j, const struct fog_job *job,
		      const struct fog_job_wishes *wishes, u32 count,
		      struct fog_placement_request *r)
{
	*r = (struct fog_placement_request){
		.cpu_milli = job->limits.cpu_milli,
		.memory_bytes = job->limits.memory_bytes,
		.gpu_milli = 1000 * job->limits.accelerators,
		.gpu_memory_bytes = job->limits.accelerator_memory_bytes,
		.wall_ms = job->limits.wall_ms,
		.owner = fog_reserve_owner(j, job->terms.space),
		.attested = job->terms.sla == FOG_SLA_S,
		.reputation_min = wishes->reputation_min,
		.price_cap = wishes->price_cap,
		.equality_count = wishes->equality_count,
		.seed = fog_load_u64(job->spec_sha256) ^ fog_job_hash(job->id) ^ job->attempt_count,
	};
	memcpy(r->gpu_type, job->limits.accelerator_type, sizeof(r->gpu_type));
	memcpy(r->equality, wishes->equality, sizeof(r->equality));
	if (wishes->target[0] != '\0')
		target_resolve(j, count, wishes->target, r);
	for (u32 i = 0; i < wishes->exclude_count; i++)
		for (u32 h = 0; h < count && r->exclude_count < FOG_JOB_EXCLUDES_MAX; h++)
			if (fog_job_host_matches(wishes->exclude[i], &j->hosts[h]))
				memcpy(r->exclude[r->exclude_count++], j->hosts[h].id,
				       FOG_NODE_ID_SIZE);
}

/* Hosts that failed one of its jobs (`failed`), lied about it, or will not have it for now. A
 * requested host gets every attempt: its failures do not count against it. */
void fog_pass_avoids(struct fog_jobs *j, struct fog_unit *u, bool failed)
{
	struct fog_placement_request *r = &u->request;

	for (u32 n = 0; n < u->count; n++)
		for (u32 i = 0; i < u->job[n]->avoid_count; i++) {
			const struct fog_job_avoid *a = &u->job[n]->avoid[i];
			bool avoid = a->until_ms > j->now_ms;
			if (a->until_ms >= FOG_AVOID_FAILED)
				avoid = !r->target_set && (failed || a->until_ms == FOG_AVOID_LIED);
			if (avoid && r->exclude_count < FOG_PLACEMENT_EXCLUDE_MAX)
				memcpy(r->exclude[r->exclude_count++], a->node, FOG_NODE_ID_SIZE);
		}
}

/* The values of an attribute among workers that live and are attested, as replicas want them. */
static u32 values_count(const struct fog_pass *p, enum fog_placement_key key, u32 enough)
{
	const char *seen[FOG_BATCH_MEMBERS_MAX];
	u32 count = 0;

	for (u32 i = 0; i < p->host_count && count < enough; i++) {
		const struct fog_placement_host *h = &p->j->hosts[i];
		u32 k = 0;
		if (!h->alive || h->roles == 0 || !h->attested || h->attribute[key][0] == '\0')
			continue;
		while (k < count && strcmp(seen[k], h->attribute[key]) != 0)
			k++;
		if (k == count)
			seen[count++] = h->attribute[key];
	}
	return count;
}

/* Replicas are kept apart by what attests them, where there are kinds enough; else by who runs
 * them; at least by host. */
static enum fog_placement_key replicas_apart(const struct fog_pass *p, u32 members)
{
	static const enum fog_placement_key keys[] = {FOG_PLACEMENT_KEY_TEE_VENDOR,
						      FOG_PLACEMENT_KEY_OPERATOR};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(keys); i++)
		if (values_count(p, keys[i], members) >= members)
			return keys[i];
	return FOG_JOB_APART_HOST;
}

/* `other` is or will be on the host `there`. */
static void rules_about(struct fog_pass *p, const struct fog_unit *u, const struct fog_job *other,
			const struct fog_placement_host *there)
{
	const struct fog_job_wishes *w = &u->wishes;
	const char *group = fog_job_group(other);
	bool mine = strcmp(other->user, u->job[0]->user) == 0; /* groups are a user's own */
	bool same = mine && group[0] != '\0' && strcmp(group, fog_job_group(u->job[0])) == 0;

	if (!same && w->with[0] == '\0')
		return;
	for (u32 i = 0; there != NULL && i < p->host_count; i++) {
		struct fog_placement_host *h = &p->j->hosts[i];
		if (same && w->apart != FOG_PLACEMENT_KEY_INVALID &&
		    fog_placement_near(h, there, w->apart))
			h->mark = FOG_PLACEMENT_MARK_APART;
		if (same && w->spread != FOG_PLACEMENT_KEY_INVALID &&
		    fog_placement_near(h, there, w->spread))
			h->crowd++;
		if (h == there && mine && h->mark == FOG_PLACEMENT_MARK_AWAY &&
		    strcmp(group, w->with) == 0)
			h->mark = FOG_PLACEMENT_MARK_NONE;
	}
}

/* What this pass has placed already. */
static void rules_placed(struct fog_pass *p, const struct fog_unit *u)
{
	for (u32 i = 0; i < p->count; i++)
		for (u32 m = 0; p->b[i].placed && m < p->unit[i].count; m++)
			rules_about(p, u, p->unit[i].job[m], &p->j->hosts[p->b[i].host[m]]);
}

/* A replica that has ended still is where it ran: another one there would compare a host with
 * itself. */
static void replicas_rule(struct fog_pass *p, const struct fog_unit *u)
{
	u8 worker[FOG_REPLICAS_MAX][FOG_JOB_NODE_SIZE];
	const struct fog_job *job = u->job[0];
	u32 count = fog_db_replicas_ran(p->j, job->batch, job->stage, worker, FOG_REPLICAS_MAX);

	for (u32 k = 0; k < count; k++) {
		struct fog_placement_host *there = fog_pass_host(p->j, p->host_count, worker[k]);
		for (u32 i = 0; there != NULL && i < p->host_count; i++)
			if (fog_placement_near(&p->j->hosts[i], there, u->wishes.apart))
				p->j->hosts[i].mark = FOG_PLACEMENT_MARK_APART;
	}
}

/* Marks hosts by where the unit's group is. */
void fog_pass_rules(struct fog_pass *p, struct fog_unit *u)
{
	struct fog_job_wishes *w = &u->wishes;
	const struct fog_attempt *a;

	if (u->job[0]->kind == FOG_JOB_REPLICA && w->apart == FOG_PLACEMENT_KEY_INVALID)
		w->apart = replicas_apart(p, u->job[0]->members);
	u->plain = w->apart == FOG_PLACEMENT_KEY_INVALID &&
		   w->spread == FOG_PLACEMENT_KEY_INVALID && w->with[0] == '\0' && u->count == 1;
	if (u->plain && !p->marked)
		return;
	for (u32 i = 0; i < p->host_count; i++) {
		p->j->hosts[i].mark =
			w->with[0] != '\0' ? FOG_PLACEMENT_MARK_AWAY : FOG_PLACEMENT_MARK_NONE;
		p->j->hosts[i].crowd = 0;
	}
	p->marked = !u->plain;
	if (u->plain)
		return;
	TAILQ_FOREACH(a, &p->j->attempts, link)
	if (a->job != NULL && a->state <= FOG_ATTEMPT_RECEIVED)
		rules_about(p, u, a->job, fog_pass_host(p->j, p->host_count, a->key.worker));
	rules_placed(p, u);
	if (u->job[0]->kind == FOG_JOB_REPLICA)
		replicas_rule(p, u);
}
