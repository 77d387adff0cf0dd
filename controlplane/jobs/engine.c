/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle, steps and actions of the job engine, see engine.h. */
#include <errno.h>
#include <stdarg.h>

#include "controlplane/core/log.h"
#include "controlplane/jobs/reserve.h"
#include "controlplane/jobs/state.h"

#define SWEEP_MS 60000u

static const char *const job_state_name[FOG_JOB_STATE_COUNT] = {
	[FOG_JOB_INVALID] = "invalid", [FOG_JOB_QUEUED] = "queued",
	[FOG_JOB_PLACED] = "placed",   [FOG_JOB_OFFERED] = "offered",
	[FOG_JOB_RUNNING] = "running", [FOG_JOB_SUCCEEDED] = "succeeded",
	[FOG_JOB_FAILED] = "failed",   [FOG_JOB_CANCELLED] = "cancelled",
};

static const char *const attempt_state_name[FOG_ATTEMPT_STATE_COUNT] = {
	[FOG_ATTEMPT_INVALID] = "invalid",     [FOG_ATTEMPT_PLACED] = "placed",
	[FOG_ATTEMPT_OFFERED] = "offered",     [FOG_ATTEMPT_ACCEPTED] = "accepted",
	[FOG_ATTEMPT_RECEIVED] = "received",   [FOG_ATTEMPT_SETTLED] = "settled",
	[FOG_ATTEMPT_DECLINED] = "declined",   [FOG_ATTEMPT_LOST] = "lost",
	[FOG_ATTEMPT_CANCELLED] = "cancelled",
};

const char *fog_job_state_name(enum fog_job_state state)
{
	return state < FOG_JOB_STATE_COUNT ? job_state_name[state] : "invalid";
}

enum fog_job_state fog_job_state_parse(const char *name)
{
	for (u32 i = 1; i < FOG_JOB_STATE_COUNT; i++)
		if (strcmp(job_state_name[i], name) == 0)
			return (enum fog_job_state)i;
	return FOG_JOB_INVALID;
}

const char *fog_attempt_state_name(enum fog_attempt_state state)
{
	return state < FOG_ATTEMPT_STATE_COUNT ? attempt_state_name[state] : "invalid";
}

void fog_jobs_fail(struct fog_jobs *j, int rc)
{
	if (rc < 0 && j->rc == 0)
		j->rc = rc;
}

void fog_jobs_reason(char out[FOG_JOB_REASON_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, FOG_JOB_REASON_SIZE, format, args);
	va_end(args);
	for (char *c = out; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void fog_jobs_sign(struct fog_jobs *j, const char *label, const char *text,
		   u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	u8 message[FOG_PAPER_SIZE_MAX];
	u32 len = fog_paper_message(label, text, message);

	j->ports.sign(j->ports.context, message, len, signature);
}

void fog_jobs_bury(struct fog_jobs *j, void *p)
{
	if (p == NULL)
		return;
	if (j->grave_count == j->grave_cap) {
		u32 cap = j->grave_cap == 0 ? 64 : 2 * j->grave_cap;
		void **grave = realloc(j->grave, cap * sizeof(*grave));
		if (grave == NULL)
			return; /* leaks this one; the step goes on */
		j->grave = grave;
		j->grave_cap = cap;
	}
	j->grave[j->grave_count++] = p;
}

static void grave_empty(struct fog_jobs *j)
{
	for (u32 i = 0; i < j->grave_count; i++)
		free(j->grave[i]);
	j->grave_count = 0;
}

/* ---- actions -------------------------------------------------------------------------------- */

struct fog_action *fog_action_new(struct fog_jobs *j, enum fog_action_kind kind)
{
	struct fog_pending_action *p = NULL;

	if (j->action_count >= FOG_JOBS_ACTIONS_MAX)
		fog_jobs_fail(j, -ENOBUFS);
	else if ((p = calloc(1, sizeof(*p))) == NULL)
		fog_jobs_fail(j, -ENOMEM);
	if (p == NULL)
		return NULL;
	p->action.kind = kind;
	TAILQ_INSERT_TAIL(&j->step_actions, p, link);
	j->action_count++;
	return &p->action;
}

void fog_jobs_step(struct fog_jobs *j, struct fog_job_step step)
{
	if (j->ports.step == NULL)
		return;
	if (step.end_ms == 0)
		step.end_ms = j->now_ms;
	j->ports.step(j->ports.context, &step);
}

void fog_jobs_run_trace(const struct fog_jobs *j, const char *run, struct fog_trace *out)
{
	const struct fog_work *w;

	*out = (struct fog_trace){0};
	TAILQ_FOREACH(w, &j->works, link)
	if (strcmp(w->run, run) == 0)
		*out = w->trace;
}

void fog_action_run(struct fog_jobs *j, enum fog_action_kind kind, const char *run)
{
	struct fog_action *a = fog_action_new(j, kind);

	if (a != NULL)
		snprintf(a->run, sizeof(a->run), "%s", run);
}

void fog_action_free(struct fog_action *a)
{
	free(a->data);
	a->data = NULL;
}

static bool action_pop(struct fog_jobs *j, struct fog_action_list *list, struct fog_action *out)
{
	struct fog_pending_action *p = TAILQ_FIRST(list);

	if (p == NULL)
		return false;
	TAILQ_REMOVE(list, p, link);
	j->action_count--;
	*out = p->action;
	free(p);
	return true;
}

static void actions_drop(struct fog_jobs *j, struct fog_action_list *list)
{
	struct fog_action a;

	while (action_pop(j, list, &a))
		fog_action_free(&a);
}

bool fog_jobs_action(struct fog_jobs *j, u64 now_ms, struct fog_action *out)
{
	FOG_ASSERT(!j->in_step);
	while (action_pop(j, &j->actions, out)) {
		if (!out->internal)
			return true;
		fog_jobs_session_loop(j, out, now_ms);
		fog_action_free(out);
	}
	memset(out, 0, sizeof(*out));
	return false;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* Forgets everything but what the owner still has to be told: streams to close. */
static void memory_clear(struct fog_jobs *j)
{
	actions_drop(j, &j->step_actions);
	actions_drop(j, &j->actions);
	fog_jobs_session_clear(j);
	TAILQ_CONCAT(&j->actions, &j->step_actions, link);
	while (!TAILQ_EMPTY(&j->attempts))
		fog_attempt_free(j, TAILQ_FIRST(&j->attempts));
	while (!TAILQ_EMPTY(&j->jobs))
		fog_job_free(j, TAILQ_FIRST(&j->jobs));
	while (!TAILQ_EMPTY(&j->works))
		fog_work_free(j, TAILQ_FIRST(&j->works));
	memset(j->bounds, 0, FOG_JOBS_BOUNDS_MAX * sizeof(*j->bounds));
	grave_empty(j);
}

static void broke(struct fog_jobs *j, int rc)
{
	fog_log(FOG_LOG_ERROR, "jobs", "store failed, reloading reason=\"%s\"", strerror(-rc));
	memory_clear(j);
	j->broken = j->totals.broken = true;
	j->reload_ms = j->now_ms + FOG_JOBS_RELOAD_MS;
}

bool fog_jobs_begin(struct fog_jobs *j, u64 now_ms)
{
	FOG_ASSERT(!j->in_step);
	j->now_ms = now_ms;
	if (j->broken)
		return false;
	j->rc = 0;
	int rc = fog_store_begin(j->store);
	if (rc != 0) {
		broke(j, rc);
		return false;
	}
	j->in_step = true;
	return true;
}

int fog_jobs_end(struct fog_jobs *j)
{
	FOG_ASSERT(j->in_step);
	fog_jobs_session_reap(j);
	grave_empty(j);
	j->in_step = false;
	int rc = fog_store_end(j->store, j->rc);
	if (rc != 0) {
		broke(j, rc);
		return -EAGAIN;
	}
	TAILQ_CONCAT(&j->actions, &j->step_actions, link);
	return 0;
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static int memory_load(struct fog_jobs *j, u64 now_ms)
{
	j->broken = j->totals.broken = false;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	j->review = true; /* a batch may have ended just before */
	fog_db_spaces_load(j);
	fog_db_holds_load(j);
	fog_db_reservations_load(j);
	fog_db_jobs_load(j);
	fog_db_works_load(j);
	int rc = j->rc;
	return fog_jobs_end(j) != 0 && rc == 0 ? -EAGAIN : rc;
}

int fog_jobs_new(struct fog_jobs **out, const struct fog_jobs_config *config,
		 const struct fog_jobs_ports *ports, struct fog_store *store, u64 now_ms,
		 char why[FOG_STORE_WHY_SIZE])
{
	struct fog_jobs *j = calloc(1, sizeof(*j));
	int rc = -ENOMEM;

	why[0] = '\0';
	if (j == NULL)
		return rc;
	j->config = *config;
	j->ports = *ports;
	j->store = store;
	fog_rng_init_u64(&j->rng, config->seed);
	TAILQ_INIT(&j->jobs);
	TAILQ_INIT(&j->attempts);
	TAILQ_INIT(&j->works);
	TAILQ_INIT(&j->sessions);
	TAILQ_INIT(&j->actions);
	TAILQ_INIT(&j->step_actions);
	j->hosts = calloc(FOG_PLACEMENT_HOSTS_MAX, sizeof(*j->hosts));
	j->bounds = calloc(FOG_JOBS_BOUNDS_MAX, sizeof(*j->bounds));
	j->spaces = calloc(FOG_JOBS_SPACES_MAX, sizeof(*j->spaces));
	j->holds = calloc(FOG_JOBS_HOLDS_MAX, sizeof(*j->holds));
	j->reservations = calloc(FOG_JOBS_RESERVATIONS_MAX, sizeof(*j->reservations));
	if (j->hosts == NULL || j->bounds == NULL || j->spaces == NULL || j->holds == NULL ||
	    j->reservations == NULL)
		goto err_free;
	rc = fog_db_migrate(store, why);
	if (rc == 0)
		rc = fog_jobs_audit(store, why);
	if (rc != 0)
		goto err_free;
	rc = memory_load(j, now_ms);
	if (rc != 0) {
		snprintf(why, FOG_STORE_WHY_SIZE, "jobs: the stored jobs cannot be read: %s",
			 strerror(-rc));
		goto err_free;
	}
	*out = j;
	return 0;

err_free:
	fog_jobs_free(j);
	return rc;
}

void fog_jobs_free(struct fog_jobs *j)
{
	if (j == NULL)
		return;
	if (j->bounds != NULL)
		memory_clear(j);
	actions_drop(j, &j->actions);
	fog_rng_wipe(&j->rng);
	free(j->grave);
	free(j->hosts);
	free(j->bounds);
	free(j->spaces);
	free(j->holds);
	free(j->reservations);
	free(j);
}

void fog_jobs_reconfigure(struct fog_jobs *j, const struct fog_jobs_config *config)
{
	FOG_ASSERT(memcmp(j->config.node_id, config->node_id, sizeof(config->node_id)) == 0);
	j->config = *config;
}

static bool crowded(const struct fog_jobs *j)
{
	return j->action_count > FOG_JOBS_ACTIONS_MAX / 2;
}

void fog_jobs_tick(struct fog_jobs *j, u64 now_ms)
{
	struct fog_attempt *a, *a_next;
	struct fog_jobs_session *s;
	struct fog_work *w, *w_next;

	j->now_ms = j->totals.ticked_ms = now_ms;
	if (j->broken && (now_ms < j->reload_ms || memory_load(j, now_ms) != 0))
		return;
	if (!fog_jobs_begin(j, now_ms))
		return;
	fog_hold_tick(j);
	fog_reserve_tick(j);
	fog_queue_tick(j);
	for (a = TAILQ_FIRST(&j->attempts); a != NULL && !crowded(j); a = a_next) {
		a_next = TAILQ_NEXT(a, link);
		fog_attempt_tick(j, a);
	}
	for (w = TAILQ_FIRST(&j->works); w != NULL && !crowded(j); w = w_next) {
		w_next = TAILQ_NEXT(w, link);
		fog_work_tick(j, w);
	}
	TAILQ_FOREACH(s, &j->sessions, link)
	fog_jobs_session_tick(j, s);
	if (now_ms >= j->sweep_ms) {
		j->sweep_ms = now_ms + SWEEP_MS;
		fog_work_sweep(j);
		if (fog_bring_sweep(j))
			j->sweep_ms = now_ms + FOG_JOBS_SWEEP_SOON_MS;
	}
	fog_jobs_end(j);
}

bool fog_jobs_busy(const struct fog_jobs *j)
{
	return !TAILQ_EMPTY(&j->works) || !TAILQ_EMPTY(&j->jobs) || !TAILQ_EMPTY(&j->actions);
}

struct fog_store *fog_jobs_store(struct fog_jobs *j)
{
	return j->store;
}

const u8 *fog_jobs_node(const struct fog_jobs *j)
{
	return j->config.node_id;
}

const struct fog_jobs_totals *fog_jobs_totals(const struct fog_jobs *j)
{
	return &j->totals;
}

void fog_jobs_load(const struct fog_jobs *j, struct fog_jobs_load *out)
{
	const struct fog_work *w;

	memset(out, 0, sizeof(*out));
	TAILQ_FOREACH(w, &j->works, link)
	{
		out->cpu_milli += w->limits.cpu_milli;
		out->memory_bytes += w->limits.memory_bytes;
		out->accelerators |= w->accelerators;
		out->works++;
	}
	out->jobs = j->job_count;
	out->sessions = j->session_count;
}

struct share {
	u8 id[32]; /* submitting host, or hash of a user of ours */
	u64 cpu_milli;
};

static void demand_add(struct fog_jobs_demand *d, struct share *list, const u8 id[32],
		       const struct fog_job_limits *limits)
{
	u32 i = 0;

	d->cpu_milli += limits->cpu_milli;
	d->memory_bytes += limits->memory_bytes;
	d->disk_bytes += limits->disk_bytes;
	d->accelerators += limits->accelerators;
	d->jobs++;
	while (i < d->accounts && memcmp(list[i].id, id, 32) != 0)
		i++;
	if (i == FOG_JOBS_DEMAND_ACCOUNTS)
		return;
	if (i == d->accounts)
		memcpy(list[d->accounts++].id, id, 32);
	list[i].cpu_milli += limits->cpu_milli;
}

void fog_jobs_demand(const struct fog_jobs *j, struct fog_jobs_demand *out)
{
	struct share list[FOG_JOBS_DEMAND_ACCOUNTS] = {0};
	const struct fog_work *w;
	const struct fog_job *job;
	u64 largest = 0;
	u8 id[32];

	memset(out, 0, sizeof(*out));
	TAILQ_FOREACH(w, &j->works, link)
	demand_add(out, list, w->key.submitter, &w->limits);
	TAILQ_FOREACH(job, &j->jobs, link)
	{
		/* Only the submitter knows the class. */
		if (job->terms.sla == FOG_SLA_S)
			out->attested_milli += job->limits.cpu_milli;
		if (job->attempt != NULL)
			continue; /* it counts where it runs */
		fog_hash_sha256(id, job->user, strlen(job->user));
		demand_add(out, list, id, &job->limits);
	}
	for (u32 i = 0; i < out->accounts; i++)
		largest = FOG_MAX(largest, list[i].cpu_milli);
	if (out->cpu_milli != 0)
		out->largest_ppm = (u32)(largest * 1000000 / out->cpu_milli);
}

void fog_jobs_scheduler(const struct fog_jobs *j, struct fog_scheduler_stats *out)
{
	*out = j->stats;
}

bool fog_jobs_run_live(struct fog_jobs *j, const char *run)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT 1 FROM work WHERE run = ? AND state <= ?");

	fog_bind_text(q, run);
	fog_bind_int(q, FOG_WORK_FINISHED);
	int rc = fog_stmt_step(q);
	if (rc == 1)
		fog_stmt_reset(q);
	return rc != 0; /* when in doubt it stays */
}
