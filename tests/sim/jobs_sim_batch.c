/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches of the simulation: stages, arrays, gangs and replicas under faults, and what must hold of
 * them and of every promise about service when it is calm. */
#include "tests/sim/jobs_sim.h"

#include <errno.h>

#define STORM_BATCH_MS 60000

static json_t *stage_new(struct sim *s, struct sim_batch *b, u32 index, const char *name)
{
	u64 duration = 500 + sim_below(s, 8000);
	char text[5][32];

	snprintf(text[0], 32, "%llu", (unsigned long long)duration);
	snprintf(text[1], 32, "%u", b->failing && index == 0 ? 1u : 0u);
	snprintf(text[2], 32, "%llu", (unsigned long long)sim_below(s, 5000));
	snprintf(text[3], 32, "0");
	snprintf(text[4], 32, "%llu", 900000000ull + s->seed % 1000 * 1000 + index);
	return json_pack("{s:s,s:{s:[s,s,s,s,s,s,s],s:{s:f,s:i,s:i,s:i}}}", "name", name, "job",
			 "argv", "sim", text[0], text[1], text[2], text[3], text[4], "0", "limits",
			 "cpu_cores", 0.1 * (double)(1 + sim_below(s, 5)), "memory_mb",
			 (int)(16 + sim_below(s, 100)), "wall_seconds", 30, "output_mb", 1);
}

/* What a stage is: one job, an array, a gang, or replicas. */
static void stage_kind(struct sim *s, json_t *stage)
{
	json_t *job = json_object_get(stage, "job");

	switch (sim_below(s, 4)) {
	case 0:
		json_object_set_new(stage, "array",
				    json_integer((json_int_t)(1 + sim_below(s, 4))));
		break;
	case 1:
		json_object_set_new(stage, "gang", json_integer((json_int_t)(2 + sim_below(s, 2))));
		break;
	case 2:
		/* Replicas need hosts of their own. */
		if (s->host_count >= 5)
			json_object_set_new(job, "class", json_string("s"));
		break;
	default:
		json_object_set_new(job, "priority", json_integer((json_int_t)sim_below(s, 100)));
	}
}

void sim_batch_new(struct sim *s, u32 index)
{
	static const char *const tiers[] = {"none", "bronze", "silver", "gold"};
	struct sim_batch *b = &s->batch[index];
	char error[FOG_JSON_ERROR_SIZE], id[32];
	json_t *stages = json_array(), *body;

	b->host = (u32)sim_below(s, FOG_MIN(s->host_count, 3));
	b->failing = sim_below(s, 4) == 0;
	b->submit_ms = s->now_ms + sim_below(s, STORM_BATCH_MS);
	if (sim_below(s, 8) == 0)
		b->cancel_ms = b->submit_ms + sim_below(s, 30000);
	snprintf(id, sizeof(id), "batch-%u", index);
	for (u32 i = 0; i < 3; i++) {
		static const char *const names[] = {"one", "two", "three"};
		json_t *stage = stage_new(s, b, i, names[i]);
		if (stage == NULL)
			sim_fail(s, "no stage");
		if (i > 0) {
			const char *before = names[sim_below(s, i)];
			json_object_set_new(stage, "after", json_pack("[s]", before));
			if (sim_below(s, 2) == 0)
				json_object_set_new(json_object_get(stage, "job"), "inputs",
						    json_pack("[{s:s,s:o}]", "name", "part", "from",
							      json_sprintf("%s.0", before)));
		}
		stage_kind(s, stage);
		json_array_append_new(stages, stage);
	}
	/* Gold has three replicas: besides us, one that does not work and a liar there are so many
	 * hosts from six on. */
	u64 tier = sim_below(s, s->host_count >= 6 ? 4 : 3);
	body = json_pack("{s:s,s:s,s:o}", "id", id, "tier", tiers[tier], "stages", stages);
	if (body == NULL || fog_job_batch_parse(body, "none", &b->batch, error) != 0)
		sim_fail(s, "batch %u: %s", index, error);
	json_decref(body);
}

/* A client repeats itself until it is answered. */
void sim_batch_step(struct sim *s, struct sim_batch *b)
{
	struct sim_host *h = &s->host[b->host];
	bool cancel = b->cancel_ms != 0 && s->now_ms >= b->cancel_ms && !b->cancelled;
	char error[FOG_JSON_ERROR_SIZE];
	int rc;

	if (h->jobs == NULL || s->now_ms < b->submit_ms || (b->accepted && !cancel))
		return;
	sim_event_begin(h);
	if (!b->accepted) {
		rc = fog_jobs_submit_batch(h->jobs, "ann", &b->batch, s->now_ms, error);
		if (s->crash_pending)
			rc = -EAGAIN; /* the answer never reached the client */
		b->accepted = rc == 0 || rc == 1;
		if (rc < 0 && rc != -EAGAIN)
			sim_fail(s, "%s was refused: %d %s", b->batch.id, rc, error);
	} else {
		rc = fog_jobs_cancel_batch(h->jobs, b->batch.id, s->now_ms);
		b->cancelled = rc == 0 && !s->crash_pending;
		if (rc == -ENOENT)
			sim_fail(s, "%s was forgotten", b->batch.id);
	}
	sim_event_end(h);
}

/* Now and then a host is cordoned or drained; when it is calm none is. */
void sim_hold_step(struct sim *s, struct sim_host *h)
{
	if (h->jobs == NULL)
		return;
	bool set = s->now_ms < s->calm_ms && sim_below(s, 1500) == 0;
	bool clear = h->held && (s->now_ms >= s->calm_ms || sim_below(s, 200) == 0);
	if (!set && !clear)
		return;
	if (set && !h->held)
		h->hold = (u32)sim_below(s, s->host_count);
	enum fog_hold mode = !set                   ? FOG_HOLD_NONE
			     : sim_below(s, 2) == 0 ? FOG_HOLD_CORDON
						    : FOG_HOLD_DRAIN;
	sim_event_begin(h);
	int rc = fog_jobs_hold(h->jobs, s->host[h->hold].id, mode, s->now_ms, s->now_ms);
	if (rc == 0 && !s->crash_pending)
		h->held = mode != FOG_HOLD_NONE;
	else if (mode != FOG_HOLD_NONE)
		h->held = true; /* perhaps: it is cleared later */
	sim_event_end(h);
}

/* ---- what must hold ------------------------------------------------------------------------- */

static i64 number(struct sim *s, struct sim_host *h, const char *sql, const char *text)
{
	struct fog_stmt *q = fog_stmt(h->store, sql);
	i64 value = 0;

	if (text != NULL)
		fog_bind_text(q, text);
	int rc = fog_stmt_step(q);
	if (rc < 0)
		sim_fail(s, "%s: %d", sql, rc);
	if (rc == 1) {
		value = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return value;
}

/* No host runs more than it has. */
void sim_capacity_check(struct sim *s)
{
	for (u32 i = 0; i < s->host_count; i++) {
		const struct sim_host *h = &s->host[i];
		u64 cpu = 0, memory = 0;
		for (u32 k = 0; k < h->run_count; k++) {
			const struct sim_run *r = &h->run[k];
			if (!r->started || r->vanished || r->cancelled || r->removed ||
			    s->now_ms >= r->end_ms)
				continue;
			cpu += r->limits.cpu_milli;
			memory += r->limits.memory_bytes;
		}
		if (cpu > h->config.cpu_milli || memory > h->config.memory_bytes)
			sim_fail(s, "host %u runs %llu milli and %llu bytes", i,
				 (unsigned long long)cpu, (unsigned long long)memory);
	}
}

void sim_batch_check(struct sim *s, struct sim_batch *b)
{
	static const char early[] =
		"SELECT count(*) FROM job j JOIN job k ON k.batch = j.batch AND k.stage = j.after"
		" WHERE j.batch = ? AND j.started_ms <> 0 AND j.started_ms < k.ended_ms";
	static const char torn[] =
		"SELECT count(*) FROM (SELECT j.stage FROM job j JOIN attempt a ON a.job = j.id"
		" AND a.number = 1 WHERE j.batch = ? AND j.kind = 2 GROUP BY j.stage"
		" HAVING max(a.created_ms) <> min(a.created_ms)"
		"  OR count(*) <> max(j.members)) t";
	static const char together[] =
		"SELECT count(*) FROM (SELECT a.worker FROM job j JOIN attempt a ON a.job = j.id"
		" AND a.number = j.attempt_count WHERE j.batch = ? AND j.kind = 3 AND j.state = 5"
		" GROUP BY j.stage, a.worker HAVING count(*) > 1) t";
	struct sim_host *h = &s->host[b->host];
	const char *id = b->batch.id;
	i64 jobs = number(s, h, "SELECT count(*) FROM job WHERE batch = ?", id);
	i64 done = number(s, h, "SELECT count(*) FROM job WHERE batch = ? AND state = 5", id);
	i64 state = number(s, h, "SELECT state FROM batch WHERE id = ?", id);

	if (jobs != b->batch.count)
		sim_fail(s, "%s has %lld of %u jobs", id, (long long)jobs, b->batch.count);
	if (state < FOG_JOB_SUCCEEDED)
		sim_fail(s, "%s has not ended", id);
	if (!b->failing && b->cancel_ms == 0 && done != jobs && !s->liars)
		sim_fail(s, "%s: %lld of %lld jobs succeeded", id, (long long)done,
			 (long long)jobs);
	if (b->failing && state == FOG_JOB_SUCCEEDED)
		sim_fail(s, "%s succeeded, it was to fail", id);
	if (number(s, h, early, id) != 0)
		sim_fail(s, "%s: a job began before those it waits for had ended", id);
	if (b->cancel_ms == 0 && number(s, h, torn, id) != 0)
		sim_fail(s, "%s: a gang was placed in parts", id);
	if (number(s, h, together, id) != 0)
		sim_fail(s, "%s: two replicas come from one host", id);
}

/* Every promise that was broken is recorded and paid, and no other. */
void sim_sla_check(struct sim *s, struct sim_host *h)
{
	static const char unpaid[] =
		"SELECT count(*) FROM sla_breach b WHERE NOT EXISTS(SELECT 1 FROM ledger_tx t"
		" JOIN ledger_entry e ON e.tx = t.id WHERE t.key = 'sla:' || b.job || ':' || b.kind"
		" AND e.account = 'user:ann' AND e.amount = b.amount)";
	static const char undue[] =
		"SELECT (SELECT count(*) FROM ledger_tx WHERE key LIKE 'sla:%') -"
		" (SELECT count(*) FROM sla_breach)";
	struct fog_stmt *q = fog_stmt(
		h->store, "SELECT j.id, j.wishes, j.state, j.outcome, j.released_ms, j.started_ms,"
			  " j.ended_ms, EXISTS(SELECT 1 FROM sla_breach b WHERE b.job = j.id AND"
			  " b.kind = 'start'), EXISTS(SELECT 1 FROM sla_breach b WHERE b.job = j.id"
			  " AND b.kind = 'lost') FROM job j");
	struct fog_job_wishes *w = malloc(sizeof(*w));
	char error[FOG_JSON_ERROR_SIZE];

	if (number(s, h, unpaid, NULL) != 0 || number(s, h, undue, NULL) != 0)
		sim_fail(s, "a broken promise was not paid for, or an unbroken one was");
	while (w != NULL && fog_stmt_step(q) == 1) {
		if (fog_job_wishes_parse(fog_column_text(q, 1), w, error) != 0)
			sim_fail(s, "wishes: %s", error);
		u64 limit = fog_tiers[w->terms.tier].start_ms, released = fog_column_u64(q, 4);
		u64 began = fog_column_u64(q, 5) != 0 ? fog_column_u64(q, 5) : fog_column_u64(q, 6);
		bool cancelled = fog_column_int(q, 2) == FOG_JOB_CANCELLED;
		bool late = limit != 0 && released != 0 && began > released + limit;
		if (late && !cancelled && fog_column_int(q, 7) == 0)
			sim_fail(s, "%s began late and nobody noted it", fog_column_text(q, 0));
		if (!late && fog_column_int(q, 7) != 0)
			sim_fail(s, "%s began in time and was paid for", fog_column_text(q, 0));
		if (limit != 0 && fog_column_int(q, 2) == FOG_JOB_FAILED &&
		    fog_column_int(q, 3) == 0 && fog_column_int(q, 8) == 0)
			sim_fail(s, "%s was lost and nobody noted it", fog_column_text(q, 0));
	}
	free(w);
}
