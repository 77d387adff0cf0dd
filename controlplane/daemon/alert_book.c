/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/alert_book.h"

#include <errno.h>
#include <time.h>

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

int fog_alert_book_open(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	return fog_store_migrate(st, "alert", migrations, FOG_ARRAY_COUNT(migrations), why);
}

/* ---- silences ------------------------------------------------------------------------------- */

static bool is_silenced(struct fog_store *st, const char *rule, const char *key, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT 1 FROM alert_silence WHERE until_ms > ?"
					  " AND (rule = '' OR rule = ?)"
					  " AND (key = '' OR key = ?)");

	fog_bind_u64(q, now_ms);
	fog_bind_text(q, rule);
	fog_bind_text(q, key);
	bool found = fog_stmt_step(q) == 1;
	fog_stmt_reset(q);
	return found;
}

json_t *fog_alert_book_silences(struct fog_store *st, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT id, rule, key, until_ms, comment, created_ms"
					  " FROM alert_silence WHERE until_ms > ? ORDER BY id");
	json_t *list = json_array();

	fog_bind_u64(q, now_ms);
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

int fog_alert_book_silence(struct fog_store *st, const char *rule, const char *key, u64 seconds,
			   const char *comment, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "DELETE FROM alert_silence WHERE until_ms <= ?");

	fog_bind_u64(q, now_ms);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(st, "INSERT INTO alert_silence(rule, key, until_ms, comment, created_ms)"
			 " SELECT ?, ?, ?, ?, ?"
			 " WHERE (SELECT count(*) FROM alert_silence) < ?");
	fog_bind_text(q, rule);
	fog_bind_text(q, key);
	fog_bind_u64(q, now_ms + 1000 * seconds);
	fog_bind_text(q, comment);
	fog_bind_u64(q, now_ms);
	fog_bind_int(q, FOG_SILENCES_MAX);
	rc = fog_stmt_run(q);
	return rc != 0 ? rc : fog_store_changes(st) == 1 ? 0 : -ENOSPC;
}

int fog_alert_book_silence_end(struct fog_store *st, u64 id)
{
	struct fog_stmt *q = fog_stmt(st, "DELETE FROM alert_silence WHERE id = ?");

	fog_bind_u64(q, id);
	int rc = fog_stmt_run(q);
	return rc != 0 ? rc : fog_store_changes(st) != 0 ? 0 : -ENOENT;
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

static json_t *silenced_add(struct fog_store *st, json_t *alert, u64 now_ms)
{
	json_object_set_new(alert, "silenced",
			    json_boolean(is_silenced(
				    st, json_string_value(json_object_get(alert, "rule")),
				    json_string_value(json_object_get(alert, "key")), now_ms)));
	return alert;
}

/* One alert as the API has it; NULL: none. */
json_t *fog_alert_book_alert(struct fog_store *st, u64 id, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT " COLUMNS " FROM alert WHERE id = ?");
	json_t *alert = NULL;

	fog_bind_u64(q, id);
	if (fog_stmt_step(q) == 1)
		alert = row_json(q);
	fog_stmt_reset(q);
	return alert != NULL ? silenced_add(st, alert, now_ms) : NULL;
}

json_t *fog_alert_book_alerts(struct fog_store *st, bool firing_only, u64 before, u32 limit,
			      u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT " COLUMNS " FROM alert"
					  " WHERE (resolved_ms = 0 OR NOT ?1)"
					  " AND (?2 = 0 OR id < ?2)"
					  " ORDER BY id DESC LIMIT ?3");
	json_t *list = json_array(), *alert = NULL;
	size_t i;

	fog_bind_int(q, firing_only);
	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	while (fog_stmt_step(q) == 1)
		json_array_append_new(list, row_json(q));
	json_array_foreach(list, i, alert) silenced_add(st, alert, now_ms);
	alert = limit != 0 && json_array_size(list) == limit ? json_array_get(list, limit - 1)
							     : NULL;
	return json_pack("{s:o, s:O}", "alerts", list, "next",
			 alert != NULL ? json_object_get(alert, "id") : json_null());
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
json_t *fog_alert_notice(const char *host, const struct fog_rule *r, const json_t *alert)
{
	const char *state = json_string_value(json_object_get(alert, "state"));
	json_t *labels = json_pack("{s:s, s:s, s:s}", "alertname", r->name, "severity",
				   fog_severity_name(r->severity), "host", host);
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

static u64 id_next(struct fog_store *st)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT coalesce(max(id), 0) + 1 FROM alert");
	u64 id = fog_stmt_step(q) == 1 ? fog_column_u64(q, 0) : 0;

	fog_stmt_reset(q);
	return id;
}

int fog_alert_book_write(struct fog_store *st, const struct fog_rule *r, struct fog_alarm *alarm,
			 u64 now_ms)
{
	struct fog_stmt *q;

	if (alarm->state != FOG_ALARM_FIRING) {
		q = fog_stmt(st, "UPDATE alert SET resolved_ms = ?, value = ? WHERE id = ?");
		fog_bind_u64(q, now_ms);
		fog_bind_real(q, alarm->value);
		fog_bind_u64(q, alarm->id);
		return fog_stmt_run(q);
	}
	alarm->id = id_next(st);
	q = fog_stmt(st, "INSERT INTO alert(id, rule, key, label, severity, summary,"
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
	fog_bind_u64(q, now_ms);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(st, "DELETE FROM alert WHERE id <= ? AND resolved_ms != 0");
	fog_bind_u64(q, alarm->id - FOG_MIN(alarm->id, (u64)FOG_ALERTS_KEPT));
	return fog_stmt_run(q);
}

int fog_alert_book_acknowledge(struct fog_store *st, u64 id, const char *by, u64 now_ms)
{
	struct fog_stmt *q =
		fog_stmt(st, "UPDATE alert SET acked_ms = ?, acked_by = ? WHERE id = ?");

	fog_bind_u64(q, now_ms);
	fog_bind_text(q, by);
	fog_bind_u64(q, id);
	int rc = fog_stmt_run(q);
	return rc != 0 ? rc : fog_store_changes(st) != 0 ? 0 : -ENOENT;
}

/* ---- from the life before ------------------------------------------------------------------- */

/* What fired when this process ended fires on: nobody is told again. */
static int firing_load(struct fog_store *st, struct fog_alarms *a, u32 *firing)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT id, rule, key, started_ms, value FROM alert"
					  " WHERE resolved_ms = 0");
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_alarm *alarm =
			fog_alarms_restore(a, fog_column_text(q, 1), fog_column_text(q, 2),
					   fog_column_u64(q, 3), fog_column_real(q, 4));
		if (alarm == NULL)
			continue;
		alarm->id = fog_column_u64(q, 0);
		(*firing)++;
	}
	return rc;
}

/* Those whose rule has gone meanwhile are over. */
static int orphans_end(struct fog_store *st, const struct fog_alarms *a, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT id FROM alert WHERE resolved_ms = 0");
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
		q = fog_stmt(st, "UPDATE alert SET resolved_ms = ? WHERE id = ?");
		fog_bind_u64(q, now_ms);
		fog_bind_u64(q, gone[i]);
		rc = fog_stmt_run(q);
	}
	return rc;
}

int fog_alert_book_load(struct fog_store *st, struct fog_alarms *a, u64 now_ms, u32 *firing)
{
	*firing = 0;
	int rc = firing_load(st, a, firing);
	return rc == 0 ? orphans_end(st, a, now_ms) : rc;
}
