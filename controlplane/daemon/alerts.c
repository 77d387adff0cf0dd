/* SPDX-License-Identifier: BSD-3-Clause */
/* See alerts.h. */
#include "controlplane/daemon/alerts.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/alert_book.h"
#include "controlplane/daemon/live_api.h"
#include "controlplane/daemon/metrics.h"
#include "controlplane/jobs/notice.h"

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000
static u64 now_ms(const struct fog_host *h)
{
	return fog_loop_now_ms(h->loop);
}

static int notice_add(struct fog_host *h, const struct fog_rule *r, const json_t *alert)
{
	struct fog_notice n = {.url = h->config.health_alert_webhook, .ours = true, .trace = ""};

	if (n.url[0] == '\0' || json_is_true(json_object_get(alert, "silenced")))
		return 0;
	json_t *notice = fog_alert_notice(h->config.host_name, r, alert);
	n.body = notice;
	int rc = notice != NULL ? fog_notice_add(h->store, &n, now_ms(h)) : -ENOMEM;
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
		rc = fog_alert_book_write(h->store, r, alarm, now_ms(h));
		alert = rc == 0 ? fog_alert_book_alert(h->store, alarm->id, now_ms(h)) : NULL;
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
	u64 limit, after;

	if (state != NULL && strcmp(state, "firing") != 0 && strcmp(state, "all") != 0)
		return fog_exchange_problem(x, 400, "state is firing or all");
	if (fog_exchange_query_u64(x, "limit", LIST_LIMIT, LIST_LIMIT_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &after) != 0)
		return 0;
	bool firing_only = state != NULL && strcmp(state, "firing") == 0;
	json_t *o = fog_alert_book_alerts(h->store, firing_only, after, (u32)limit, now_ms(h));
	if (o != NULL) {
		json_object_set_new(o, "firing", json_integer(h->alerts->firing));
		json_object_set_new(o, "silences", fog_alert_book_silences(h->store, now_ms(h)));
	}
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
	u64 id;

	if (!id_read(x, &id))
		return 0;
	int rc = fog_alert_book_acknowledge(h->store, id, by != NULL ? by : "", now_ms(h));
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no alert %llu", (unsigned long long)id);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	return fog_exchange_json(x, 200, fog_alert_book_alert(h->store, id, now_ms(h)));
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
	int rc = fog_alert_book_silence(h->store, rule, key != NULL ? key : "", (u64)seconds,
					comment != NULL ? comment : "", now_ms(h));
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s",
					    rc == -ENOSPC ? "too many silences" : strerror(-rc));
	json_t *list = fog_alert_book_silences(h->store, now_ms(h));
	json_t *newest = json_incref(json_array_get(list, json_array_size(list) - 1));
	json_decref(list);
	return fog_exchange_json(x, 201, newest);
}

static int silence_delete(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u64 id;

	if (!id_read(x, &id))
		return 0;
	int rc = fog_alert_book_silence_end(h->store, id);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no silence %llu", (unsigned long long)id);
	if (rc != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
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
		      .query = "state?: firing|all = all, limit?: integer 0..1000 = 100, after?:"
			       " integer 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "{alerts: [@Alert], firing: integer, next: integer|null,"
				" silences: [@Silence]}")},
	{"GET", "/v1/alerts/rules", rules_get,
	 FOG_DESCRIBE("Alert rules in force",
		      .answer = "{rules: [{name: string, metric: string, labels: string, by:"
				" string, kind: value|rate|anomaly, op: string, threshold: number,"
				" for_seconds: number, severity: info|warning|critical, summary:"
				" string}]}")},
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

static int rules_load(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	int rc = fog_alert_rules_read(&h->alerts->alarms, h->config.health_alert_rules, why);

	if (rc == 0)
		rc = fog_alert_book_load(h->store, &h->alerts->alarms, now_ms(h),
					 &h->alerts->firing);
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
	int rc = fog_alert_book_open(h->store, why);
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
