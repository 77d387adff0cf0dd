/* SPDX-License-Identifier: BSD-3-Clause */
/* The submitter's queue: submission, placement, cancel, and the end of a job. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

static u32 hash_slot(const char *id)
{
	u32 h = 2166136261u; /* FNV-1a */

	for (; *id != '\0'; id++)
		h = (h ^ (u8)*id) * 16777619u;
	return h % FOG_JOBS_HASH_SIZE;
}

struct fog_job *fog_job_find(struct fog_jobs *j, const char *id)
{
	struct fog_job *job = j->hash[hash_slot(id)];

	while (job != NULL && strcmp(job->id, id) != 0)
		job = job->hash_next;
	return job;
}

struct fog_job *fog_job_add(struct fog_jobs *j, const char *id)
{
	struct fog_job *job = calloc(1, sizeof(*job));
	u32 slot = hash_slot(id);

	if (job == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return NULL;
	}
	snprintf(job->id, sizeof(job->id), "%s", id);
	job->hash_next = j->hash[slot];
	j->hash[slot] = job;
	TAILQ_INSERT_TAIL(&j->jobs, job, link);
	j->job_count++;
	return job;
}

void fog_job_free(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_job **link = &j->hash[hash_slot(job->id)];

	while (*link != job)
		link = &(*link)->hash_next;
	*link = job->hash_next;
	TAILQ_REMOVE(&j->jobs, job, link);
	j->job_count--;
	fog_jobs_bury(j, job->wishes);
	fog_jobs_bury(j, job->reason);
	fog_jobs_bury(j, job->avoid);
	fog_jobs_bury(j, job);
}

/* When the list is full the oldest is forgotten: better a second chance than no host at all. */
void fog_job_avoid(struct fog_jobs *j, struct fog_job *job, const u8 *node, u64 until_ms)
{
	u32 at = 0;

	while (at < job->avoid_count && memcmp(job->avoid[at].node, node, FOG_JOB_NODE_SIZE) != 0)
		at++;
	if (at == FOG_JOBS_AVOIDS_MAX) {
		memmove(job->avoid, job->avoid + 1, (at - 1) * sizeof(*job->avoid));
		at--;
	} else if (at == job->avoid_count) {
		struct fog_job_avoid *list = realloc(job->avoid, (at + 1) * sizeof(*job->avoid));
		if (list == NULL) {
			fog_jobs_fail(j, -ENOMEM);
			return;
		}
		job->avoid = list;
		job->avoid_count++;
	}
	memcpy(job->avoid[at].node, node, FOG_JOB_NODE_SIZE);
	job->avoid[at].until_ms = until_ms;
}

static void reason_set(struct fog_jobs *j, struct fog_job *job, const char *reason)
{
	char *copy = strdup(reason);

	if (copy == NULL)
		fog_jobs_fail(j, -ENOMEM);
	fog_jobs_bury(j, job->reason);
	job->reason = copy;
}

void fog_job_set(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason)
{
	if (job->state == state && job->reason != NULL && strcmp(job->reason, reason) == 0)
		return;
	job->state = state;
	reason_set(j, job, reason);
	fog_db_job_update(j, job, reason);
}

void fog_job_requeue(struct fog_jobs *j, struct fog_job *job, const char *reason, u64 delay_ms)
{
	FOG_ASSERT(job->attempt == NULL);
	job->state = FOG_JOB_QUEUED;
	job->next_ms = j->now_ms + delay_ms;
	job->queued_ms = j->now_ms;
	job->pending_ms = 0;
	reason_set(j, job, reason);
	fog_db_job_update(j, job, reason);
}

void fog_job_end(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason, const struct fog_receipt *receipt)
{
	FOG_ASSERT(job->attempt == NULL && state >= FOG_JOB_SUCCEEDED);
	job->state = state;
	fog_db_job_end(j, job, reason, receipt);
	fog_job_free(j, job);
}

/* ---- submission ----------------------------------------------------------------------------- */

static void account_open(struct fog_jobs *j, const char *user)
{
	char key[FOG_LEDGER_KEY_SIZE], account[FOG_LEDGER_ACCOUNT_SIZE];
	struct fog_ledger_tx tx;

	snprintf(key, sizeof(key), "grant:%s", user);
	snprintf(account, sizeof(account), "user:%s", user);
	if (fog_db_ledger_known(j, key))
		return;
	fog_jobs_fail(j, fog_ledger_transfer(&tx, key, FOG_LEDGER_ISSUER, account,
					     j->config.user_grant, "grant"));
	fog_db_ledger_apply(j, &tx);
}

static void id_make(struct fog_jobs *j, char id[FOG_JOB_ID_SIZE])
{
	u8 bytes[8];

	fog_rng_bytes(&j->rng, bytes, sizeof(bytes));
	if (fog_hex_encode(bytes, sizeof(bytes), id, FOG_JOB_ID_SIZE) != 0)
		FOG_UNREACHABLE();
}

/* 1: there is none; 0: the same; -EEXIST: another one. */
static int duplicate(struct fog_jobs *j, const char *id, const struct fog_job_request *request)
{
	char *spec, *wishes;
	int rc = 1;

	if (fog_db_job_texts(j, id, &spec, &wishes) == 0)
		return 1;
	if (spec == NULL || wishes == NULL)
		rc = -EAGAIN;
	else
		rc = strcmp(spec, request->spec_text) == 0 &&
				     strcmp(wishes, request->wishes_text) == 0
			     ? 0
			     : -EEXIST;
	free(spec);
	free(wishes);
	return rc;
}

static void job_start(struct fog_jobs *j, const char *user, const char *id,
		      const struct fog_job_request *request, const struct fog_job_spec *spec)
{
	struct fog_job *job = fog_job_add(j, id);

	if (job == NULL)
		return;
	snprintf(job->user, sizeof(job->user), "%s", user);
	job->state = FOG_JOB_QUEUED;
	job->created_ms = job->next_ms = j->now_ms;
	job->limits = spec->limits;
	job->input_size = fog_job_spec_input_size(spec);
	memcpy(job->spec_sha256, spec->sha256, sizeof(job->spec_sha256));
	job->wishes = strdup(request->wishes_text);
	if (job->wishes == NULL)
		fog_jobs_fail(j, -ENOMEM);
	account_open(j, user);
	fog_db_job_insert(j, job, request);
}

int fog_jobs_submit(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
		    u64 now_ms, char id[FOG_JOB_ID_SIZE], char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_spec *spec;
	int rc;

	error[0] = '\0';
	if (!fog_job_id_valid(user)) { /* the same rule keeps account names clean */
		snprintf(error, FOG_JSON_ERROR_SIZE, "user: must be 1 to 64 of [A-Za-z0-9._-]");
		return -EINVAL;
	}
	rc = fog_job_spec_parse(request->spec_text, strlen(request->spec_text), &spec, error);
	if (rc != 0)
		return rc;
	if (!fog_jobs_begin(j, now_ms)) {
		fog_job_spec_free(spec);
		return -EAGAIN;
	}
	if (request->id[0] != '\0')
		snprintf(id, FOG_JOB_ID_SIZE, "%s", request->id);
	else
		id_make(j, id);
	rc = duplicate(j, id, request);
	if (rc == 1 && j->job_count >= j->config.queue_max)
		rc = -ENOSPC;
	if (rc == 1)
		job_start(j, user, id, request, spec);
	fog_job_spec_free(spec);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

static void cancel_started(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_attempt *a = job->attempt;

	if (a != NULL && a->state >= FOG_ATTEMPT_OFFERED) {
		job->cancel_ms = j->now_ms;
		fog_db_job_update(j, job, job->reason != NULL ? job->reason : "");
		fog_attempt_cancel(j, a);
		return;
	}
	if (a != NULL)
		fog_attempt_end(j, a, FOG_ATTEMPT_CANCELLED, "cancelled");
	fog_job_end(j, job, FOG_JOB_CANCELLED, "cancelled before it was offered", NULL);
}

int fog_jobs_cancel(struct fog_jobs *j, const char *id, u64 now_ms)
{
	char *spec, *wishes;
	int rc = 0;

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	struct fog_job *job = fog_job_find(j, id);
	if (job == NULL) {
		rc = fog_db_job_texts(j, id, &spec, &wishes) == 1 ? 0 : -ENOENT;
		free(spec);
		free(wishes);
	} else if (job->cancel_ms == 0) {
		cancel_started(j, job);
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

/* ---- placement ------------------------------------------------------------------------------ */

static struct fog_bound *bound_slot(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	return &j->bounds[fog_load_u32(node) % FOG_JOBS_BOUNDS_MAX];
}

static bool bound_fresh(const struct fog_bound *b, const u8 *node, u64 now_ms)
{
	return b->read_ms != 0 && memcmp(b->node, node, sizeof(b->node)) == 0 &&
	       now_ms < b->read_ms + FOG_JOBS_BOUND_LIFE_MS;
}

void fog_bound_forget(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	bound_slot(j, node)->read_ms = 0;
}

/* After the decay of our own evidence: reports are fresh or gone. */
static void told_add(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], struct fog_reputation *r)
{
	double good = 0, bad = 0;

	if (j->ports.told == NULL)
		return;
	fog_reputation_decay(r, j->now_ms);
	j->ports.told(j->ports.context, node, &good, &bad);
	fog_reputation_tell(r, good, bad);
}

int fog_jobs_evidence(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE],
		      enum fog_evidence_source source, enum fog_evidence_kind kind, double quality,
		      const char *reference, const char *detail, u64 now_ms)
{
	char job[FOG_JOB_ID_SIZE];
	size_t len = strlen(reference);

	if (!fog_evidence_allowed(source, kind) || !(quality >= 0 && quality <= 1) || len == 0 ||
	    len > FOG_JOBS_REFERENCE_MAX || memcmp(node, j->config.node_id, FOG_JOB_NODE_SIZE) == 0)
		return -EINVAL;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	snprintf(job, sizeof(job), "%s:%s", fog_evidence_source_name(source), reference);
	fog_db_evidence_add(j, node, kind, quality, job, 0, detail);
	fog_bound_forget(j, node);
	return fog_jobs_end(j) == 0 ? 0 : -EAGAIN;
}

void fog_jobs_told_changed(struct fog_jobs *j)
{
	for (u32 i = 0; i < FOG_JOBS_BOUNDS_MAX; i++)
		j->bounds[i].read_ms = 0;
}

double fog_bound_get(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	struct fog_bound *b = bound_slot(j, node);
	struct fog_reputation_view view;
	struct fog_reputation r;

	if (bound_fresh(b, node, j->now_ms))
		return b->lower;
	fog_db_reputation_get(j, node, &r);
	told_add(j, node, &r);
	fog_reputation_read(&r, j->now_ms, &view);
	memcpy(b->node, node, sizeof(b->node));
	b->read_ms = FOG_MAX(j->now_ms, 1);
	b->lower = view.lower;
	return b->lower;
}

double fog_jobs_weight(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], u64 now_ms)
{
	const struct fog_bound *b = bound_slot(j, node);

	if (bound_fresh(b, node, now_ms))
		return b->lower;
	if (!fog_jobs_begin(j, now_ms))
		return 0;
	double lower = fog_bound_get(j, node);
	return fog_jobs_end(j) == 0 ? lower : 0;
}

static int host_compare(const void *a, const void *b)
{
	return memcmp(((const struct fog_placement_host *)a)->id,
		      ((const struct fog_placement_host *)b)->id, FOG_NODE_ID_SIZE);
}

static struct fog_placement_host *host_find(struct fog_jobs *j, u32 count, const u8 *node)
{
	struct fog_placement_host key;

	memcpy(key.id, node, sizeof(key.id));
	return bsearch(&key, j->hosts, count, sizeof(key), host_compare);
}

static void host_commit(struct fog_placement_host *h, const struct fog_job_limits *limits)
{
	if (h == NULL)
		return;
	h->cpu_milli_committed += limits->cpu_milli;
	h->memory_bytes_committed += limits->memory_bytes;
	h->jobs_committed++;
}

/* This host can run what it is asked to run here before, and without, any directory. */
static u32 self_add(struct fog_jobs *j, u32 count)
{
	struct fog_placement_host *h = &j->hosts[count];

	for (u32 i = 0; i < count; i++)
		if (memcmp(j->hosts[i].id, j->config.node_id, FOG_NODE_ID_SIZE) == 0)
			return count;
	if (count == FOG_PLACEMENT_HOSTS_MAX)
		return count;
	*h = (struct fog_placement_host){
		.name = "self",
		.roles = j->config.worker ? FOG_PLACEMENT_ROLE_WORKER : 0,
		.alive = true,
		.cpu_milli = j->config.cpu_milli,
		.memory_bytes = j->config.memory_bytes,
		.price_cpu_hour = j->config.price_cpu_hour,
		.price_memory_gb_hour = j->config.price_memory_gb_hour,
	};
	memcpy(h->id, j->config.node_id, sizeof(h->id));
	return count + 1;
}

/* The directory, with what we know of each host. */
static u32 hosts_read(struct fog_jobs *j)
{
	const struct fog_attempt *a;
	u32 count = j->ports.hosts(j->ports.context, j->hosts, FOG_PLACEMENT_HOSTS_MAX, j->now_ms);

	FOG_ASSERT(count <= FOG_PLACEMENT_HOSTS_MAX);
	count = self_add(j, count);
	qsort(j->hosts, count, sizeof(*j->hosts), host_compare);
	for (u32 i = 0; i < count; i++) {
		struct fog_placement_host *h = &j->hosts[i];
		h->local = memcmp(h->id, j->config.node_id, sizeof(h->id)) == 0;
		h->cpu_milli_committed = 0;
		h->memory_bytes_committed = 0;
		h->jobs_committed = 0;
		h->reputation_lower = fog_bound_get(j, h->id);
	}
	TAILQ_FOREACH(a, &j->attempts, link)
	if (a->state <= FOG_ATTEMPT_RECEIVED)
		host_commit(host_find(j, count, a->key.worker), &a->limits);
	return count;
}

/* A wish that names no known host stays a target nobody is. */
static void target_resolve(struct fog_jobs *j, u32 count, const char *text,
			   struct fog_placement_request *r)
{
	r->target_set = true;
	for (u32 i = 0; i < count; i++)
		if (fog_job_host_matches(text, &j->hosts[i]))
			memcpy(r->target, j->hosts[i].id, sizeof(r->target));
}

static void request_make(struct fog_jobs *j, const struct fog_job *job,
			 const struct fog_job_wishes *wishes, u32 count,
			 struct fog_placement_request *r)
{
	*r = (struct fog_placement_request){
		.cpu_milli = job->limits.cpu_milli,
		.memory_bytes = job->limits.memory_bytes,
		.wall_ms = job->limits.wall_ms,
		.reputation_min = wishes->reputation_min,
		.price_cap = wishes->price_cap,
		.equality_count = wishes->equality_count,
		.seed = fog_load_u64(job->spec_sha256) ^ hash_slot(job->id) ^ job->attempt_count,
	};
	memcpy(r->equality, wishes->equality, sizeof(r->equality));
	if (wishes->target[0] != '\0')
		target_resolve(j, count, wishes->target, r);
	for (u32 i = 0; i < wishes->exclude_count; i++)
		for (u32 h = 0; h < count && r->exclude_count < FOG_JOB_EXCLUDES_MAX; h++)
			if (fog_job_host_matches(wishes->exclude[i], &j->hosts[h]))
				memcpy(r->exclude[r->exclude_count++], j->hosts[h].id,
				       FOG_NODE_ID_SIZE);
}

/* Hosts that failed this job (`failed`), lied about it, or will not have it for now. A requested
 * host gets every attempt: its failures do not count against it. */
static void avoids_add(struct fog_jobs *j, const struct fog_job *job, bool failed,
		       struct fog_placement_request *r)
{
	for (u32 i = 0; i < job->avoid_count; i++) {
		const struct fog_job_avoid *a = &job->avoid[i];
		bool avoid = a->until_ms > j->now_ms;
		if (a->until_ms >= FOG_AVOID_FAILED)
			avoid = !r->target_set && (failed || a->until_ms == FOG_AVOID_LIED);
		if (avoid)
			memcpy(r->exclude[r->exclude_count++], a->node, FOG_NODE_ID_SIZE);
	}
}

/* First without the hosts that failed this job; when for a while nobody else takes it, with them.
 */
static void choose(struct fog_jobs *j, const struct fog_job *job,
		   const struct fog_job_wishes *wishes, u32 count, struct fog_placement *placement,
		   char explanation[FOG_PLACEMENT_EXPLAIN_SIZE])
{
	struct fog_placement_request r;
	u32 excluded;

	request_make(j, job, wishes, count, &r);
	excluded = r.exclude_count;
	avoids_add(j, job, true, &r);
	if (fog_placement_choose(&r, j->hosts, count, NULL, placement) != 0)
		FOG_UNREACHABLE(); /* wishes were checked when they were parsed */
	fog_placement_explain(&r, placement, explanation);
	if (placement->found || r.exclude_count == excluded ||
	    j->now_ms < job->queued_ms + FOG_JOBS_SECOND_MS)
		return;
	r.exclude_count = excluded;
	avoids_add(j, job, false, &r);
	if (fog_placement_choose(&r, j->hosts, count, NULL, placement) != 0)
		FOG_UNREACHABLE();
}

static void pending(struct fog_jobs *j, struct fog_job *job, const char *reason)
{
	job->pending_ms = FOG_MIN(FOG_MAX(2 * job->pending_ms, FOG_JOBS_PENDING_MIN_MS),
				  FOG_JOBS_PENDING_MAX_MS);
	job->next_ms = j->now_ms + job->pending_ms;
	fog_job_set(j, job, FOG_JOB_QUEUED, reason);
}

static void job_place(struct fog_jobs *j, struct fog_job *job, u32 count)
{
	char explanation[FOG_PLACEMENT_EXPLAIN_SIZE], error[FOG_JSON_ERROR_SIZE];
	struct fog_placement placement;
	struct fog_job_wishes wishes;

	if (j->now_ms >= job->created_ms + FOG_JOBS_QUEUE_MS) {
		char reason[FOG_JOB_REASON_SIZE];
		fog_jobs_reason(reason, "not placed in a week: %s",
				job->reason != NULL ? job->reason : "");
		fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
		return;
	}
	if (fog_job_wishes_parse(job->wishes, &wishes, error) != 0) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	choose(j, job, &wishes, count, &placement, explanation);
	if (!placement.found) {
		pending(j, job, explanation);
		return;
	}
	struct fog_placement_host *host = &j->hosts[placement.index];
	if (fog_attempt_place(j, job, host, placement.price)) {
		host_commit(host, &job->limits);
		return;
	}
	char reason[FOG_JOB_REASON_SIZE];
	fog_jobs_reason(reason, "account user:%s cannot hold %lld mfog", job->user,
			(long long)placement.price);
	pending(j, job, reason);
}

void fog_queue_tick(struct fog_jobs *j)
{
	struct fog_job *job, *next;
	u32 placed = 0, count = 0;

	for (job = TAILQ_FIRST(&j->jobs); job != NULL && placed < FOG_JOBS_PLACEMENTS_MAX;
	     job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->state != FOG_JOB_QUEUED || j->now_ms < job->next_ms)
			continue;
		if (placed++ == 0)
			count = hosts_read(j);
		job_place(j, job, count);
	}
}
