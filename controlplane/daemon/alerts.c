/* SPDX-License-Identifier: BSD-3-Clause */
/* See alerts.h. */
#include "controlplane/daemon/alerts.h"

#include <errno.h>
#include <time.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/live_api.h"
#include "controlplane/daemon/metrics.h"
#include "controlplane/jobs/notice.h"

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000
#define COLUMNS                                                                                  \
	"id, rule, key, severity, summary, threshold, value, started_ms, fired_ms, resolved_ms," \
	" acked_ms, acked_by, label"

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE alert("
	    " id INTEGER PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL,"
	    " label TEXT NOT NULL, severity TEXT NOT NULL, summary TEXT NOT NULL,"
	    " threshold REAL NOT NULL, value REAL NOT NULL, started_ms INTEGER NOT NULL,"
	    " fired_ms INTEGER NOT NULL, resolved_ms INTEGER NOT NULL DEFAULT 0,"
	    " acked_ms INTEGER NOT NULL DEFAULT 0, acked_by TEXT NOT NULL DEFAULT '') STRICT;"
	    /* Empty rule or key: any. */
	    "CREATE TABLE alert_silence("
	    " id INTEGER PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL,"
	    " until_ms INTEGER NOT NULL, comment TEXT NOT NULL,"
	    " created_ms INTEGER NOT NULL) STRICT"},
};

static u64 now_ms(const struct fog_host *h)
{
	return fog_loop_now_ms(h->loop);
}

/* ---- silences ------------------------------------------------------------------------------- */

static bool is_silenced(struct fog_host *h, const char *rule, const char *key)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT 1 FROM alert_silence WHERE until_ms > ?"
						" AND (rule = '' OR rule = ?)"
						" AND (key = '' OR key = ?)");

	fog_bind_u64(q, now_ms(h));
	fog_bind_text(q, rule);
	fog_bind_text(q, key);
	bool found = fog_stmt_step(q) == 1;
	fog_stmt_reset(q);
	return found;
}

static json_t *silences_json(struct fog_host *h)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "SELECT id, rule, key, until_ms, comment, created_ms"
				   " FROM alert_silence WHERE until_ms > ? ORDER BY id");
	json_t *list = json_array();

	fog_bind_u64(q, now_ms(h));
	while (fog_stmt_step(q) == 1)
		json_array_append_new(list,
				      json_pack("{s:I, s:s, s:s, s:I, s:s, s:I}", "id",
						(json_int_t)fog_column_int(q, 0), "rule",
						fog_column_text(q, 1), "key", fog_column_text(q, 2),
						"until_ms", (json_int_t)fog_column_int(q, 3),
						"comment", fog_column_text(q, 4), "created_ms",
						(json_int_t)fog_column_int(q, 5)));
	return list;
}

/* ---- what fires ----------------------------------------------------------------------------- */

static json_t *when(i64 ms)
{
	return ms != 0 ? json_integer((json_int_t)ms) : json_null();
}

/* The row of COLUMNS. */
static json_t *row_json(struct fog_stmt *q)
{
	bool firing = fog_column_int(q, 9) == 0;

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:o, s:o, s:s}",
			 "id", (json_int_t)fog_column_int(q, 0), "rule", fog_column_text(q, 1),
			 "by", fog_column_text(q, 12), "key", fog_column_text(q, 2), "state",
			 firing ? "firing" : "resolved", "severity", fog_column_text(q, 3),
			 "summary", fog_column_text(q, 4), "threshold", fog_column_real(q, 5),
			 "value", fog_column_real(q, 6), "started_ms", when(fog_column_int(q, 7)),
			 "fired_ms", when(fog_column_int(q, 8)), "resolved_ms",
			 when(fog_column_int(q, 9)), "acknowledged_ms", when(fog_column_int(q, 10)),
			 "acknowledged_by", fog_column_text(q, 11));
}

static json_t *silenced_add(struct fog_host *h, json_t *alert)
{
	json_object_set_new(
		alert, "silenced",
		json_boolean(is_silenced(h, json_string_value(json_object_get(alert, "rule")),
					 json_string_value(json_object_get(alert, "key")))));
	return alert;
}

/* One alert as the API has it; NULL: none. */
static json_t *alert_json(struct fog_host *h, u64 id)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT " COLUMNS " FROM alert WHERE id = ?");
	json_t *alert = NULL;

	fog_bind_u64(q, id);
	if (fog_stmt_step(q) == 1)
		alert = row_json(q);
	fog_stmt_reset(q);
	return alert != NULL ? silenced_add(h, alert) : NULL;
}

json_t *fog_host_alerts_json(struct fog_host *h, bool firing_only, u32 limit)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT " COLUMNS " FROM alert"
						" WHERE resolved_ms = 0 OR NOT ?"
						" ORDER BY id DESC LIMIT ?");
	json_t *list = json_array(), *alert;
	size_t i;

	fog_bind_int(q, firing_only);
	fog_bind_u64(q, limit);
	while (fog_stmt_step(q) == 1)
		json_array_append_new(list, row_json(q));
	json_array_foreach(list, i, alert) silenced_add(h, alert);
	return json_pack("{s:o, s:I}", "alerts", list, "firing", (json_int_t)h->alerts->firing);
}

static json_t *time_json(i64 unix_ms)
{
	char text[40];
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), unix_ms != 0 ? "%FT%TZ" : "0001-01-01T00:00:00Z", &tm) ==
		    0)
		return json_null();
	return json_string(text);
}

/* As Alertmanager posts it. */
static json_t *notice_json(const struct fog_host *h, const struct fog_rule *r, const json_t *alert)
{
	const char *state = json_string_value(json_object_get(alert, "state"));
	json_t *labels = json_pack("{s:s, s:s, s:s}", "alertname", r->name, "severity",
				   fog_severity_name(r->severity), "host", h->config.host_name);
	json_t *annotations = json_pack("{s:s}", "summary", r->summary);
	char key[FOG_ALARM_NAME_SIZE + FOG_ALARM_KEY_SIZE + 8], id[24];

	if (r->by[0] != '\0')
		json_object_set(labels, r->by, json_object_get(alert, "key"));
	snprintf(key, sizeof(key), "{}/%s/%s", r->name,
		 json_string_value(json_object_get(alert, "key")));
	snprintf(id, sizeof(id), "%016llx",
		 (unsigned long long)json_integer_value(json_object_get(alert, "id")));
	return json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:O, s:O, s:O, s:s, s:[{s:s, s:o, s:o, s:o, s:o, s:s, "
		"s:s}]}",
		"version", "4", "groupKey", key, "truncatedAlerts", 0, "status", state, "receiver",
		"fog", "groupLabels", labels, "commonLabels", labels, "commonAnnotations",
		annotations, "externalURL", "", "alerts", "status", state, "labels", labels,
		"annotations", annotations, "startsAt",
		time_json(json_integer_value(json_object_get(alert, "started_ms"))), "endsAt",
		time_json(json_integer_value(json_object_get(alert, "resolved_ms"))),
		"generatorURL", "", "fingerprint", id);
}

static int row_write(struct fog_host *h, const struct fog_rule *r, struct fog_alarm *alarm)
{
	struct fog_stmt *q;

	if (alarm->state != FOG_ALARM_FIRING) {
		q = fog_stmt(h->store, "UPDATE alert SET resolved_ms = ?, value = ? WHERE id = ?");
		fog_bind_u64(q, now_ms(h));
		fog_bind_real(q, alarm->value);
		fog_bind_u64(q, alarm->id);
		return fog_stmt_run(q);
	}
	q = fog_stmt(h->store, "INSERT INTO alert(id, rule, key, label, severity, summary,"
			       " threshold, value, started_ms, fired_ms)"
			       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	fog_bind_u64(q, alarm->id);
	fog_bind_text(q, r->name);
	fog_bind_text(q, alarm->key);
	fog_bind_text(q, r->by);
	fog_bind_text(q, fog_severity_name(r->severity));
	fog_bind_text(q, r->summary);
	fog_bind_real(q, r->threshold);
	fog_bind_real(q, alarm->value);
	fog_bind_u64(q, alarm->since_ms);
	fog_bind_u64(q, now_ms(h));
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(h->store, "DELETE FROM alert WHERE id <= ? AND resolved_ms != 0");
	fog_bind_u64(q, alarm->id - FOG_MIN(alarm->id, (u64)FOG_ALERTS_KEPT));
	return fog_stmt_run(q);
}

static u64 id_next(struct fog_host *h)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT coalesce(max(id), 0) + 1 FROM alert");
	u64 id = fog_stmt_step(q) == 1 ? fog_column_u64(q, 0) : 0;

	fog_stmt_reset(q);
	return id;
}

static int notice_add(struct fog_host *h, const struct fog_rule *r, const json_t *alert)
{
	const char *url = h->config.health_alert_webhook;

	if (url[0] == '\0' || json_is_true(json_object_get(alert, "silenced")))
		return 0;
	json_t *notice = notice_json(h, r, alert);
	int rc = notice != NULL ? fog_notice_add(h->store, url, notice, "", now_ms(h)) : -ENOMEM;
	json_decref(notice);
	return rc;
}

static void say(const struct fog_rule *r, const struct fog_alarm *alarm, const json_t *alert)
{
	bool firing = alarm->state == FOG_ALARM_FIRING;
	bool quiet = json_is_true(json_object_get(alert, "silenced"));
	enum fog_log_level level = quiet || !firing                       ? FOG_LOG_NOTICE
				   : r->severity == FOG_SEVERITY_CRITICAL ? FOG_LOG_ERROR
				   : r->severity == FOG_SEVERITY_WARNING  ? FOG_LOG_WARNING
									  : FOG_LOG_NOTICE;

	fog_log(level, "alert", "%s rule=%s %s=\"%s\" severity=%s value=%g summary=\"%s\"",
		firing ? "firing" : "resolved", r->name, r->by[0] != '\0' ? r->by : "key",
		alarm->key, fog_severity_name(r->severity), alarm->value, r->summary);
}

/* The row and the notice are one transaction: nothing fires that nobody is told of. */
static void on_change(void *ctx, struct fog_alarm *alarm)
{
	struct fog_host *h = ctx;
	struct fog_host_alerts *s = h->alerts;
	const struct fog_rule *r = &s->alarms.rule[alarm->rule];
	bool firing = alarm->state == FOG_ALARM_FIRING;
	json_t *alert = NULL;

	s->firing += firing ? 1 : -1;
	s->fired += firing;
	int rc = fog_store_begin(h->store);
	if (rc == 0) {
		if (firing)
			alarm->id = id_next(h);
		rc = row_write(h, r, alarm);
		alert = rc == 0 ? alert_json(h, alarm->id) : NULL;
		if (rc == 0)
			rc = alert != NULL ? notice_add(h, r, alert) : -EIO;
		rc = fog_store_end(h->store, rc);
	}
	if (rc != 0)
		fog_log(FOG_LOG_ERROR, "alert", "not stored reason=\"%s\"", strerror(-rc));
	say(r, alarm, alert);
	if (alert != NULL)
		fog_host_live_alert(h, alert);
}

/* ---- looking -------------------------------------------------------------------------------- */

static void on_sample(void *ctx, const char *name, const char *labels, double value)
{
	fog_alarms_sample(ctx, name, labels, value);
}

static void on_collect(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_metrics m = {.sample = on_sample, .ctx = &h->alerts->alarms};

	fog_alarms_begin(&h->alerts->alarms, NULL);
	fog_host_metrics_collect(h, &m);
	fog_alarms_end(&h->alerts->alarms, now_ms(h), on_change, h);
}

void fog_host_alerts_components(struct fog_host *h)
{
	struct fog_metrics m = {.sample = on_sample};

	if (h->alerts == NULL)
		return;
	m.ctx = &h->alerts->alarms;
	fog_alarms_begin(&h->alerts->alarms, "fog_component_health");
	fog_host_metrics_components(h, &m);
	fog_alarms_end(&h->alerts->alarms, now_ms(h), on_change, h);
}

void fog_host_alerts_metrics(const struct fog_host *h, struct fog_metrics *m)
{
	fog_metrics_one(m, "fog_alerts_firing", "gauge", "alerts that fire now", h->alerts->firing);
	fog_metrics_one(m, "fog_alerts_fired_total", "counter", "alerts that began to fire",
			(double)h->alerts->fired);
	fog_metrics_one(m, "fog_alerts_unwatched_total", "counter",
			"figures there was no room to watch", (double)h->alerts->alarms.unwatched);
}

/* ---- API ------------------------------------------------------------------------------------ */

static int alerts_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *state = fog_exchange_query(x, "state");
	u64 limit;

	if (state != NULL && strcmp(state, "firing") != 0 && strcmp(state, "all") != 0)
		return fog_exchange_problem(x, 400, "state is firing or all");
	if (fog_exchange_query_u64(x, "limit", LIST_LIMIT, LIST_LIMIT_MAX, &limit) != 0)
		return 0;
	json_t *o =
		fog_host_alerts_json(h, state != NULL && strcmp(state, "firing") == 0, (u32)limit);
	if (o != NULL)
		json_object_set_new(o, "silences", silences_json(h));
	return fog_exchange_json(x, 200, o);
}

static int rules_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_alarms *a = &h->alerts->alarms;
	json_t *list = json_array();

	for (u32 i = 0; i < a->rule_count; i++)
		json_array_append_new(list, fog_alert_rule_json(&a->rule[i]));
	return fog_exchange_json(x, 200, json_pack("{s:o}", "rules", list));
}

/* A whole number of a path; false: answered. */
static bool id_read(struct fog_exchange *x, u64 *out)
{
	const char *text = fog_exchange_param(x, "id");
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= INT64_MAX)
		return true;
	fog_exchange_problem(x, 404, "no \"%s\"", text);
	return false;
}

static int ack_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *by = json_string_value(json_object_get(fog_exchange_body(x), "by"));
	struct fog_stmt *q = fog_stmt(h->store, "UPDATE alert SET acked_ms = ?, acked_by = ?"
						" WHERE id = ?");
	u64 id;

	if (!id_read(x, &id))
		return 0;
	fog_bind_u64(q, now_ms(h));
	fog_bind_text(q, by != NULL ? by : "");
	fog_bind_u64(q, id);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	json_t *alert = alert_json(h, id);
	if (alert == NULL)
		return fog_exchange_problem(x, 404, "no alert %llu", (unsigned long long)id);
	return fog_exchange_json(x, 200, alert);
}

static int silence_write(struct fog_host *h, const char *rule, const char *key, u64 seconds,
			 const char *comment)
{
	struct fog_stmt *q = fog_stmt(h->store, "DELETE FROM alert_silence WHERE until_ms <= ?");

	fog_bind_u64(q, now_ms(h));
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(h->store, "INSERT INTO alert_silence(rule, key, until_ms, comment, created_ms)"
			       " SELECT ?, ?, ?, ?, ?"
			       " WHERE (SELECT count(*) FROM alert_silence) < ?");
	fog_bind_text(q, rule);
	fog_bind_text(q, key);
	fog_bind_u64(q, now_ms(h) + 1000 * seconds);
	fog_bind_text(q, comment);
	fog_bind_u64(q, now_ms(h));
	fog_bind_int(q, FOG_SILENCES_MAX);
	rc = fog_stmt_run(q);
	return rc != 0 ? rc : fog_store_changes(h->store) == 1 ? 0 : -ENOSPC;
}

static int silence_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x);
	const char *rule = json_string_value(json_object_get(body, "rule"));
	const char *key = json_string_value(json_object_get(body, "key"));
	const char *comment = json_string_value(json_object_get(body, "comment"));
	json_int_t seconds = json_integer_value(json_object_get(body, "seconds"));

	if (rule == NULL || strlen(rule) >= FOG_ALARM_NAME_SIZE ||
	    (key != NULL && strlen(key) >= FOG_ALARM_KEY_SIZE) ||
	    (comment != NULL && strlen(comment) > FOG_ALERT_COMMENT_MAX))
		return fog_exchange_problem(
			x, 400,
			"wants \"rule\" (\"\" = any), and may have \"key\" and \"comment\"");
	if (seconds < 1 || seconds > FOG_SILENCE_SECONDS_MAX)
		return fog_exchange_problem(x, 400, "seconds is a number from 1 to %d",
					    FOG_SILENCE_SECONDS_MAX);
	int rc = silence_write(h, rule, key != NULL ? key : "", (u64)seconds,
			       comment != NULL ? comment : "");
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s",
					    rc == -ENOSPC ? "too many silences" : strerror(-rc));
	json_t *list = silences_json(h);
	json_t *newest = json_incref(json_array_get(list, json_array_size(list) - 1));
	json_decref(list);
	return fog_exchange_json(x, 201, newest);
}

static int silence_delete(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_stmt *q = fog_stmt(h->store, "DELETE FROM alert_silence WHERE id = ?");
	u64 id;

	if (!id_read(x, &id))
		return 0;
	fog_bind_u64(q, id);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	if (fog_store_changes(h->store) == 0)
		return fog_exchange_problem(x, 404, "no silence %llu", (unsigned long long)id);
	return fog_exchange_json(x, 200, json_pack("{s:b}", "deleted", 1));
}

#define ALERT                                                                                      \
	"{id: integer, rule: string, by: string (label that tells its alerts apart), key: string " \
	"(value of the rule's label, such as the "                                                 \
	"component), state: firing|resolved, severity: info|warning|critical, summary: "           \
	"string, threshold: number, value: number, started_ms: ms, fired_ms: ms, "                 \
	"resolved_ms: ms|null, acknowledged_ms: ms|null, acknowledged_by: string, silenced: "      \
	"boolean}"
#define SILENCE                                                                             \
	"{id: integer, rule: string (empty: any), key: string (empty: any), until_ms: ms, " \
	"comment: string, created_ms: ms}"

static const struct fog_route routes[] = {
	{"GET", "/v1/alerts", alerts_get,
	 FOG_DESCRIBE("Alerts, newest first",
		      .query = "state?: firing|all = all, limit?: integer 0..1000 = 100",
		      .answer = "{alerts: [@Alert], firing: integer, silences: [@Silence]}")},
	{"GET", "/v1/alerts/rules", rules_get,
	 FOG_DESCRIBE("Alert rules in force", .answer = "{rules: [object]}")},
	{"POST", "/v1/alerts/{id}/acknowledge", ack_post,
	 FOG_DESCRIBE("Say that somebody looks after an alert", .scope = FOG_SCOPE_ADMIN,
		      .path = "id: integer 0..", .request = "{by?: string ..100}",
		      .answer = "@Alert")},
	{"POST", "/v1/alerts/silences", silence_post,
	 FOG_DESCRIBE("Tell nobody of some alerts for a while", .scope = FOG_SCOPE_ADMIN,
		      .status = 201, .answer = "@Silence",
		      .request = "{rule: string ..63 (empty: any), key?: string ..95 (empty: any), "
				 "seconds: integer 1..31622400, comment?: string ..500}")},
	{"DELETE", "/v1/alerts/silences/{id}", silence_delete,
	 FOG_DESCRIBE("End a silence", .scope = FOG_SCOPE_ADMIN, .path = "id: integer 0..",
		      .answer = "{deleted: boolean}")},
};

/* ---- life cycle ----------------------------------------------------------------------------- */

/* What fired when this process ended fires on: nobody is told again. */
static int firing_load(struct fog_host *h)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id, rule, key, started_ms, value FROM alert"
						" WHERE resolved_ms = 0");
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_alarm *alarm = fog_alarms_restore(
			&h->alerts->alarms, fog_column_text(q, 1), fog_column_text(q, 2),
			fog_column_u64(q, 3), fog_column_real(q, 4));
		if (alarm == NULL)
			continue;
		alarm->id = fog_column_u64(q, 0);
		h->alerts->firing++;
	}
	return rc;
}

/* Those whose rule has gone meanwhile are over. */
static int orphans_end(struct fog_host *h)
{
	const struct fog_alarms *a = &h->alerts->alarms;
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id FROM alert WHERE resolved_ms = 0");
	u64 gone[64];
	u32 count = 0;
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		u64 id = fog_column_u64(q, 0);
		u32 i = 0;
		while (i < a->count && a->alarm[i].id != id)
			i++;
		if (i == a->count && count < FOG_ARRAY_COUNT(gone))
			gone[count++] = id;
	}
	for (u32 i = 0; i < count && rc == 0; i++) {
		q = fog_stmt(h->store, "UPDATE alert SET resolved_ms = ? WHERE id = ?");
		fog_bind_u64(q, now_ms(h));
		fog_bind_u64(q, gone[i]);
		rc = fog_stmt_run(q);
	}
	return rc;
}

static int rules_load(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	int rc = fog_alert_rules_read(&h->alerts->alarms, h->config.health_alert_rules, why);

	h->alerts->firing = 0;
	if (rc == 0)
		rc = firing_load(h);
	if (rc == 0)
		rc = orphans_end(h);
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_HOST_WHY_SIZE, "alerts: %s", strerror(-rc));
	return rc;
}

int fog_host_alerts_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_host_alerts *s = calloc(1, sizeof(*s));
	double interval_s = (double)h->config.health_metrics_collection_interval;

	if (s == NULL)
		return -ENOMEM;
	h->alerts = s;
	int rc = fog_store_migrate(h->store, "alert", migrations, FOG_ARRAY_COUNT(migrations), why);
	if (rc == 0)
		rc = rules_load(h, why);
	if (rc != 0)
		return rc;
	ev_timer_init(&s->timer, on_collect, interval_s, interval_s);
	s->timer.data = h;
	ev_timer_start(h->loop, &s->timer);
	fog_gateway_define(h->gateway, "Alert", ALERT);
	fog_gateway_define(h->gateway, "Silence", SILENCE);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return 0;
}

void fog_host_alerts_reload(struct fog_host *h)
{
	struct fog_alarms *trial = malloc(sizeof(*trial));
	char why[FOG_HOST_WHY_SIZE] = "";
	int rc = trial == NULL ? -ENOMEM
			       : fog_alert_rules_read(trial, h->config.health_alert_rules, why);

	free(trial);
	if (rc == 0)
		rc = rules_load(h, why);
	if (rc != 0)
		fog_log(FOG_LOG_ERROR, "alert", "the old rules stay reason=\"%s\"",
			why[0] != '\0' ? why : strerror(-rc));
	h->alerts->timer.repeat = (double)h->config.health_metrics_collection_interval;
	ev_timer_again(h->loop, &h->alerts->timer);
}

void fog_host_alerts_stop(struct fog_host *h)
{
	if (h->alerts == NULL)
		return;
	ev_timer_stop(h->loop, &h->alerts->timer);
	free(h->alerts);
	h->alerts = NULL;
}
