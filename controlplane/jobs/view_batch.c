/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches, reasons, namespaces, holds, breaches and the scheduler as the API shows them. */
#include <errno.h>

#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/view.h"
#include "crypto/mem.h"

static json_t *when_ms(u64 ms)
{
	return ms != 0 ? json_integer((json_int_t)ms) : json_null();
}

/* ---- batches -------------------------------------------------------------------------------- */

static const char *batch_state(i64 state)
{
	return state == 0 ? "running" : fog_job_state_name((enum fog_job_state)state);
}

static json_t *stages_json(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j),
		"SELECT stage, kind, after, count(*), count(*) FILTER (WHERE state = 5),"
		" count(*) FILTER (WHERE state > 5), count(*) FILTER (WHERE state BETWEEN 2 AND 4),"
		" count(*) FILTER (WHERE state = 4), min(seq) AS first FROM job"
		" WHERE batch = ? GROUP BY stage, kind, after ORDER BY first");
	json_t *list = json_array();
	int rc;

	fog_bind_text(q, id);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "name",
					fog_column_text(q, 0), "kind",
					fog_job_kind_name((enum fog_job_kind)fog_column_int(q, 1)),
					"after", fog_column_text(q, 2), "jobs",
					(json_int_t)fog_column_int(q, 3), "succeeded",
					(json_int_t)fog_column_int(q, 4), "failed",
					(json_int_t)fog_column_int(q, 5), "placed",
					(json_int_t)fog_column_int(q, 6), "running",
					(json_int_t)fog_column_int(q, 7)));
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *members_json(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j),
		"SELECT j.id, j.stage, j.rank, j.state, j.reason, j.attempt_count, a.worker_name,"
		" j.amount, j.exit_code FROM job j LEFT JOIN attempt a ON a.job = j.id"
		" AND a.number = j.attempt_count WHERE j.batch = ? ORDER BY j.seq");
	json_t *list = json_array();
	int rc;

	fog_bind_text(q, id);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:I,s:I}", "id",
				  fog_column_text(q, 0), "stage", fog_column_text(q, 1), "rank",
				  (json_int_t)fog_column_int(q, 2), "state",
				  fog_job_state_name((enum fog_job_state)fog_column_int(q, 3)),
				  "reason", fog_column_text(q, 4), "attempt_count",
				  (json_int_t)fog_column_int(q, 5), "worker_name",
				  fog_column_is_null(q, 6) ? "" : fog_column_text(q, 6), "paid",
				  (json_int_t)fog_column_int(q, 7), "exit",
				  (json_int_t)fog_column_int(q, 8)));
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

#define BATCH_SQL                                                                  \
	"SELECT b.seq, b.id, b.user, b.state, b.reason, b.created_ms, b.ended_ms," \
	" (SELECT count(*) FROM job j WHERE j.batch = b.id),"                      \
	" (SELECT count(*) FROM job j WHERE j.batch = b.id AND j.state = 5),"      \
	" (SELECT count(*) FROM job j WHERE j.batch = b.id AND j.state > 5),"      \
	" (SELECT coalesce(sum(amount), 0) FROM job j WHERE j.batch = b.id),"      \
	" (SELECT j.trace FROM job j WHERE j.batch = b.id ORDER BY j.seq LIMIT 1) FROM batch b"

/* Its jobs share the trace of the request; workers know each by another id. */
static void trace_set(json_t *o, const char *text)
{
	fog_view_trace_set(o, text);
	json_object_del(o, "worker_trace_id");
}

static json_t *batch_json(struct fog_stmt *q)
{
	json_t *o = json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:I}", "id", fog_column_text(q, 1),
		"kind", "batch", "user", fog_column_text(q, 2), "state",
		batch_state(fog_column_int(q, 3)), "reason", fog_column_text(q, 4), "submitted_ms",
		when_ms(fog_column_u64(q, 5)), "ended_ms", when_ms(fog_column_u64(q, 6)),
		"jobs_count", (json_int_t)fog_column_int(q, 7), "succeeded",
		(json_int_t)fog_column_int(q, 8), "failed", (json_int_t)fog_column_int(q, 9),
		"paid", (json_int_t)fog_column_int(q, 10));

	if (!fog_column_is_null(q, 11))
		trace_set(o, fog_column_text(q, 11));
	return o;
}

json_t *fog_view_batch(struct fog_jobs *j, const char *owner, const char *id, bool *found)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      BATCH_SQL " WHERE b.id = ?1 AND (?2 = '' OR b.user = ?2)");

	fog_bind_text(q, id);
	fog_bind_text(q, owner != NULL ? owner : "");
	int rc = fog_stmt_step(q);
	*found = rc != 0;
	if (rc != 1)
		return NULL;
	json_t *o = batch_json(q);
	fog_stmt_reset(q);
	if (o == NULL)
		return NULL;
	json_object_set_new(o, "stages", stages_json(j, id));
	json_object_set_new(o, "jobs", members_json(j, id));
	return o;
}

json_t *fog_view_batches(struct fog_jobs *j, const char *owner, u64 before, u32 limit)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j), BATCH_SQL
				      " WHERE (?1 = 0 OR b.seq < ?1) AND (?3 = '' OR b.user = ?3)"
				      " ORDER BY b.seq DESC LIMIT ?2");
	json_t *list = json_array();
	i64 last = 0;
	u32 count = 0;
	int rc;

	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	fog_bind_text(q, owner != NULL ? owner : "");
	while ((rc = fog_stmt_step(q)) == 1) {
		json_array_append_new(list, batch_json(q));
		last = fog_column_int(q, 0);
		count++;
	}
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o,s:o}", "batches", list, "next",
			 count == limit && limit != 0 ? json_integer(last) : json_null());
}

/* ---- why ------------------------------------------------------------------------------------ */

json_t *fog_view_why(const struct fog_job_why *w, const char *id, u64 now_ms)
{
	json_t *counts = json_array();

	for (u32 i = 1; i < FOG_PLACEMENT_REASON_COUNT; i++)
		if (w->placement.rejected[i] != 0)
			json_array_append_new(
				counts,
				json_pack("{s:s,s:I}", "constraint",
					  fog_placement_reason_text((enum fog_placement_reason)i),
					  "hosts", (json_int_t)w->placement.rejected[i]));
	json_t *o =
		json_pack("{s:s,s:b,s:b,s:b,s:b,s:s,s:I,s:I,s:I,s:I,s:o,s:s,s:o}", "id", id,
			  "pending", w->pending, "held", w->held, "quota", w->full, "possible",
			  w->possible, "reason", w->text, "hosts", (json_int_t)w->placement.hosts,
			  "fit", (json_int_t)w->placement.feasible, "members",
			  (json_int_t)w->members, "ahead", (json_int_t)w->ahead, "constraints",
			  counts, "host", w->host, "likely_start_ms", when_ms(w->start_ms));
	if (o != NULL)
		json_object_set_new(
			o, "likely_start_in_ms",
			w->start_ms == 0 ? json_null()
					 : json_integer((json_int_t)(w->start_ms > now_ms
									     ? w->start_ms - now_ms
									     : 0)));
	return o;
}

json_t *fog_view_events(struct fog_jobs *j, u64 after, u32 limit, u64 *last)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j), "SELECT e.id, e.job, e.state, e.reason, e.at_ms, j.user, j.trace"
				   " FROM job_event e LEFT JOIN job j ON j.id = e.job"
				   " WHERE e.id > ? ORDER BY e.id LIMIT ?");
	json_t *list = json_array();
	int rc;

	*last = after;
	fog_bind_u64(q, after);
	fog_bind_u64(q, limit);
	while ((rc = fog_stmt_step(q)) == 1) {
		*last = fog_column_u64(q, 0);
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s,s:o}", "job", fog_column_text(q, 1), "user",
				  fog_column_is_null(q, 5) ? "" : fog_column_text(q, 5), "state",
				  fog_job_state_name((enum fog_job_state)fog_column_int(q, 2)),
				  "reason", fog_column_text(q, 3), "at_ms",
				  when_ms(fog_column_u64(q, 4))));
		if (!fog_column_is_null(q, 6))
			fog_view_trace_set(json_array_get(list, json_array_size(list) - 1),
					   fog_column_text(q, 6));
	}
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

u64 fog_view_events_last(struct fog_jobs *j)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT coalesce(max(id), 0) FROM job_event");
	u64 last = fog_stmt_step(q) == 1 ? fog_column_u64(q, 0) : 0;

	fog_stmt_reset(q);
	return last;
}

json_t *fog_view_history(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT state, reason, at_ms FROM job_event"
					    " WHERE job = ? ORDER BY id");
	json_t *list = json_array();
	int rc;

	fog_bind_text(q, id);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:o}", "state",
				  fog_job_state_name((enum fog_job_state)fog_column_int(q, 0)),
				  "reason", fog_column_text(q, 1), "at_ms",
				  when_ms(fog_column_u64(q, 2))));
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	json_t *o = json_pack("{s:s,s:o}", "id", id, "history", list);
	q = fog_stmt(fog_jobs_store(j), "SELECT trace FROM job WHERE id = ?");
	fog_bind_text(q, id);
	if (fog_stmt_step(q) == 1)
		fog_view_trace_set(o, fog_column_text(q, 0));
	fog_stmt_reset(q);
	return o;
}

/* ---- namespaces, holds, breaches ------------------------------------------------------------ */

json_t *fog_view_spaces(struct fog_jobs *j)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j),
		"SELECT n.name, coalesce(s.cpu_milli, 0), coalesce(s.memory_bytes, 0),"
		" coalesce(s.jobs, 0), coalesce(s.weight, 1.0), coalesce(s.use, 0.0),"
		" (SELECT count(*) FROM job j WHERE j.space = n.name AND j.state = 1),"
		" (SELECT count(*) FROM job j WHERE j.space = n.name AND j.state BETWEEN 2 AND 4)"
		" FROM (SELECT name FROM space UNION SELECT DISTINCT space FROM job WHERE state <= "
		"4"
		" UNION SELECT 'default') n LEFT JOIN space s ON s.name = n.name ORDER BY n.name");
	json_t *list = json_array();
	int rc;

	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(list,
				      json_pack("{s:s,s:f,s:I,s:I,s:f,s:f,s:I,s:I}", "name",
						fog_column_text(q, 0), "cpu_cores",
						(double)fog_column_int(q, 1) / 1000, "memory_mb",
						(json_int_t)(fog_column_int(q, 2) >> 20), "jobs",
						(json_int_t)fog_column_int(q, 3), "weight",
						fog_column_real(q, 4), "used_core_seconds",
						fog_column_real(q, 5), "pending",
						(json_int_t)fog_column_int(q, 6), "running",
						(json_int_t)fog_column_int(q, 7)));
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "namespaces", list);
}

json_t *fog_view_holds(struct fog_jobs *j, fog_host_name_fn name, void *context)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      "SELECT node, mode, deadline_ms, created_ms,"
				      " (SELECT count(*) FROM attempt a WHERE a.worker = h.node"
				      "  AND a.state <= 4) FROM host_hold h ORDER BY created_ms");
	json_t *list = json_array();
	u8 id[FOG_JOB_NODE_SIZE];
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		if (fog_column_copy(q, 0, id, sizeof(id)) != 0)
			continue;
		json_array_append_new(
			list, json_pack("{s:o,s:s,s:s,s:o,s:o,s:I}", "node_id",
					fog_json_hex_new(id, sizeof(id)), "name", name(context, id),
					"mode",
					fog_column_int(q, 1) == FOG_HOLD_DRAIN ? "drain" : "cordon",
					"deadline_ms", when_ms(fog_column_u64(q, 2)), "since_ms",
					when_ms(fog_column_u64(q, 3)), "jobs",
					(json_int_t)fog_column_int(q, 4)));
	}
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "holds", list);
}

static json_t *tiers_json(void)
{
	json_t *list = json_array();

	for (u32 i = FOG_TIER_BRONZE; i < FOG_TIER_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:f,s:f}", "tier",
						      fog_tiers[i].name, "start_within_ms",
						      (json_int_t)fog_tiers[i].start_ms, "replicas",
						      (json_int_t)fog_tiers[i].replicas, "price",
						      fog_tiers[i].price_permille / 1000.0, "back",
						      fog_tiers[i].back_permille / 1000.0));
	return list;
}

int fog_view_levels(struct fog_jobs *j, u64 now_ms, struct fog_view_level *out, u32 cap)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j),
		"SELECT class, tier, space, count(*), count(*) - sum(broken) FROM"
		" (SELECT j.class, j.tier, j.space, j.state, j.ended_ms, CASE WHEN EXISTS"
		"  (SELECT 1 FROM sla_breach b WHERE b.job = j.id) THEN 1 ELSE 0 END AS broken"
		"  FROM job j WHERE j.tier > 0 AND (j.ended_ms = 0 OR j.ended_ms > ?)) p"
		" WHERE broken = 1 OR state IN (5, 6) GROUP BY class, tier, space"
		" ORDER BY class DESC, tier DESC, space LIMIT ?");
	u32 count = 0;
	int rc;

	_Static_assert(FOG_JOB_SUCCEEDED == 5 && FOG_JOB_FAILED == 6, "named in the SQL above");
	fog_bind_u64(q, now_ms - FOG_MIN(now_ms, FOG_VIEW_SLA_DAYS * 86400000ull));
	fog_bind_u64(q, cap);
	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_view_level *l = &out[count];
		i64 sla = fog_column_int(q, 0), tier = fog_column_int(q, 1);
		if (sla <= FOG_SLA_INVALID || sla >= FOG_SLA_COUNT || tier >= FOG_TIER_COUNT)
			continue;
		*l = (struct fog_view_level){.sla = (enum fog_sla_class)sla,
					     .tier = (enum fog_tier)tier,
					     .jobs = fog_column_u64(q, 3),
					     .kept = fog_column_u64(q, 4)};
		snprintf(l->space, sizeof(l->space), "%s", fog_column_text(q, 2));
		count++;
	}
	return rc < 0 ? rc : (int)count;
}

static json_t *levels_json(struct fog_jobs *j, u64 now_ms)
{
	struct fog_view_level *list = calloc(FOG_VIEW_SLA_LEVELS_MAX, sizeof(*list));
	json_t *out = json_array();
	int count = list != NULL ? fog_view_levels(j, now_ms, list, FOG_VIEW_SLA_LEVELS_MAX) : 0;

	for (int i = 0; i < count; i++) {
		const struct fog_view_level *l = &list[i];
		u32 aim = fog_tiers[l->tier].kept_permyriad;
		json_array_append_new(
			out, json_pack("{s:s,s:s,s:s,s:I,s:I,s:f,s:f,s:b}", "class",
				       fog_sla_class_name(l->sla), "tier", fog_tiers[l->tier].name,
				       "namespace", l->space, "jobs", (json_int_t)l->jobs, "kept",
				       (json_int_t)l->kept, "percent",
				       (double)(l->kept * 10000 / l->jobs) / 100, "aim_percent",
				       aim / 100.0, "met", l->kept * 10000 >= l->jobs * aim));
	}
	free(list);
	return out;
}

json_t *fog_view_sla(struct fog_jobs *j, const char *owner, u64 now_ms, u64 before, u32 limit)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j),
		"SELECT id, job, space, tier, kind, detail, amount, created_ms FROM sla_breach"
		" WHERE (?1 = 0 OR id < ?1) AND (?3 = '' OR EXISTS"
		" (SELECT 1 FROM job j WHERE j.id = sla_breach.job AND j.user = ?3))"
		" ORDER BY id DESC LIMIT ?2");
	json_t *list = json_array();
	i64 last = 0;
	u32 count = 0;
	int rc;

	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	fog_bind_text(q, owner != NULL ? owner : "");
	while ((rc = fog_stmt_step(q)) == 1) {
		i64 tier = fog_column_int(q, 3);
		last = fog_column_int(q, 0);
		count++;
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:o}", "job", fog_column_text(q, 1),
				  "namespace", fog_column_text(q, 2), "tier",
				  tier > 0 && tier < FOG_TIER_COUNT ? fog_tiers[tier].name : "none",
				  "kind", fog_column_text(q, 4), "detail", fog_column_text(q, 5),
				  "paid_back", (json_int_t)fog_column_int(q, 6), "at_ms",
				  when_ms(fog_column_u64(q, 7))));
	}
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o,s:o,s:i,s:o,s:o}", "tiers", tiers_json(), "levels",
			 levels_json(j, now_ms), "window_days", FOG_VIEW_SLA_DAYS, "breaches", list,
			 "next", count == limit && limit != 0 ? json_integer(last) : json_null());
}

/* ---- the scheduler -------------------------------------------------------------------------- */

static int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

json_t *fog_view_scheduler(struct fog_jobs *j, u32 hosts, u32 alive)
{
	struct fog_scheduler_stats s;
	struct fog_jobs_load load;
	u64 sum = 0;

	fog_jobs_scheduler(j, &s);
	fog_jobs_load(j, &load);
	u32 count = (u32)FOG_MIN(s.passes, FOG_ARRAY_COUNT(s.took_us));
	for (u32 i = 0; i < count; i++)
		sum += s.took_us[i];
	qsort(s.took_us, count, sizeof(s.took_us[0]), compare_u32);
	double tried = (double)(s.placements + s.refusals);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:I}", "total_nodes",
			 (json_int_t)hosts, "healthy_nodes", (json_int_t)alive, "total_placements",
			 (json_int_t)(s.placements + s.refusals), "successful_placements",
			 (json_int_t)s.placements, "failed_placements", (json_int_t)s.refusals,
			 "success_rate", tried > 0 ? (double)s.placements / tried : 1.0,
			 "avg_placement_latency_ms", count != 0 ? (double)sum / count / 1000 : 0.0,
			 "p95_placement_latency_ms",
			 count != 0 ? s.took_us[count * 95 / 100] / 1000.0 : 0.0, "queue_length",
			 (json_int_t)load.jobs, "optimization_generations",
			 (json_int_t)s.generations, "batches", (json_int_t)s.batches, "passes",
			 (json_int_t)s.passes, "preemptions", (json_int_t)s.preemptions,
			 "sla_breaches", (json_int_t)s.breaches);
}
