/* SPDX-License-Identifier: BSD-3-Clause */
/* See health.h. */
#include "controlplane/daemon/health.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/alerts.h"
#include "controlplane/daemon/verdicts.h"

/* ---- looking -------------------------------------------------------------------------------- */

static void look(struct fog_host *h, u32 i)
{
	struct fog_host_health *s = h->health;
	struct fog_component *c = &s->h.component[i];
	struct fog_health_reading r = {.level = FOG_HEALTH_HEALTHY};
	bool first = c->changed_ms == 0;

	s->parts[i].look(h, &r);
	bool changed = fog_health_observe(&s->h, i, &r, fog_loop_now_ms(h->loop));
	if (!changed || !c->settled || c->status == FOG_HEALTH_STOPPED ||
	    (first && c->level == FOG_HEALTH_HEALTHY))
		return;
	fog_log(c->level >= FOG_HEALTH_CRITICAL ? FOG_LOG_WARNING : FOG_LOG_NOTICE, "health",
		"component=%s health=%s reason=\"%s\"", c->name, fog_health_level_name(c->level),
		c->why);
}

/* A component of ours that does not start again takes this process with it: its supervisor has a
 * clean start to offer, and nothing that was promised is lost. */
static int restart(struct fog_host *h, u32 i, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_host_health *s = h->health;
	const struct fog_host_part *part = &s->parts[i];
	u64 before_ms = fog_monotonic_ms();

	why[0] = '\0';
	int rc = part->restart(h, why);
	fog_health_restarted(&s->h, i, rc, fog_loop_now_ms(h->loop));
	if (rc == 0) {
		fog_log(FOG_LOG_NOTICE, "health", "restarted component=%s took_ms=%llu", part->name,
			(unsigned long long)(fog_monotonic_ms() - before_ms));
		return 0;
	}
	if (why[0] == '\0')
		snprintf(why, FOG_HOST_WHY_SIZE, "%s", strerror(-rc));
	fog_log(FOG_LOG_ERROR, "health", "not restarted component=%s reason=\"%s\"", part->name,
		why);
	if (!part->process)
		raise(SIGTERM);
	return rc;
}

static void recover(struct fog_host *h)
{
	char why[FOG_HOST_WHY_SIZE];
	int i;

	while ((i = fog_health_due(&h->health->h, fog_loop_now_ms(h->loop))) >= 0)
		if (restart(h, (u32)i, why) == 0 && !h->health->parts[i].process)
			look(h, (u32)i);
}

static void on_recover(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	fog_host_alerts_components(w->data);
	recover(w->data);
}

static void on_look(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_host_health *s = h->health;
	u64 now_ms = fog_monotonic_ms();

	s->late_ms = now_ms > s->due_ms ? now_ms - s->due_ms : 0;
	s->due_ms = now_ms + s->h.config.check_ms;
	fog_host_probes_ask(h);
	/* After a pause of this process or machine nobody's silence means anything. */
	if (s->late_ms > FOG_HEALTH_WORKER_MS)
		return;
	for (u32 i = 0; i < s->h.count; i++)
		look(h, i);
	fog_host_alerts_components(h);
	recover(h);
}

void fog_host_health_look(struct fog_host *h, const char *name)
{
	if (h->health == NULL)
		return; /* starting or stopping */
	int i = fog_health_find(&h->health->h, name);

	FOG_ASSERT(i >= 0);
	look(h, (u32)i);
	/* Not from inside the component that called. */
	ev_timer_start(h->loop, &h->health->recovery);
}

int fog_host_restart(struct fog_host *h, const char *name, char why[FOG_HOST_WHY_SIZE])
{
	int i = fog_health_find(&h->health->h, name);

	if (i < 0)
		return -ENOENT;
	if (h->health->h.component[i].status == FOG_HEALTH_STOPPED)
		return -ENOTSUP;
	int rc = restart(h, (u32)i, why);
	if (rc == 0 && !h->health->parts[i].process)
		look(h, (u32)i);
	return rc;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *time_json(u64 unix_ms)
{
	char text[64];
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (unix_ms == 0 || gmtime_r(&s, &tm) == NULL)
		return json_null();
	size_t n = strftime(text, sizeof(text), "%FT%T", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(unix_ms % 1000));
	return json_string(text);
}

static json_t *component_json(const struct fog_component *c, u64 now_ms)
{
	u64 up_ms = c->since_ms != 0 && now_ms > c->since_ms ? now_ms - c->since_ms : 0;

	return json_pack("{s:s, s:s, s:o, s:I, s:f, s:b, s:s, s:o, s:b, s:b, s:I, s:I, s:o, s:I}",
			 "status", fog_health_status_name(c->status), "health",
			 fog_health_level_name(c->level), "last_heartbeat",
			 time_json(c->heartbeat_ms), "error_count", (json_int_t)c->error_count,
			 "uptime_seconds", (double)up_ms / 1000.0, "is_healthy",
			 fog_component_is_healthy(c, now_ms), "reason", c->why, "changed",
			 time_json(c->changed_ms), "vital", c->vital, "restartable", c->restartable,
			 "restarts", (json_int_t)c->restarts, "restart_failures",
			 (json_int_t)c->restart_failures, "last_restart",
			 time_json(c->restarted_ms), "recovery_ms", (json_int_t)c->recovery_ms);
}

json_t *fog_host_health_json(const struct fog_host *h)
{
	const struct fog_health *s = &h->health->h;
	u64 now_ms = fog_loop_now_ms(h->loop);
	struct fog_health_summary sum;
	json_t *components = json_object();

	fog_health_summary(s, now_ms, &sum);
	for (u32 i = 0; i < s->count; i++)
		json_object_set_new(components, s->component[i].name,
				    component_json(&s->component[i], now_ms));
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "overall_health",
			 fog_health_level_name(sum.level), "is_running", 1, "healthy_components",
			 (json_int_t)sum.healthy, "total_components", (json_int_t)sum.total,
			 "error_count", (json_int_t)sum.errors, "restarts",
			 (json_int_t)sum.restarts, "components", components, "timestamp",
			 time_json(now_ms));
}

/* "running" and "stopped" are the contract's words, "error" makes its GET /health degraded. */
static json_t *service_json(enum fog_health_level level, bool wanted)
{
	bool bad = level >= FOG_HEALTH_CRITICAL;

	return json_pack("{s:s, s:s, s:b}", "status",
			 !wanted ? "stopped"
			 : bad   ? "error"
				 : "running",
			 "health", fog_health_level_name(level), "available", wanted && !bad);
}

json_t *fog_host_services_json(const struct fog_host *h)
{
	const struct fog_host_health *s = h->health;
	struct fog_health_summary sum;
	json_t *services = json_object();

	fog_health_summary(&s->h, fog_loop_now_ms(h->loop), &sum);
	json_object_set_new(services, "fog_system_manager", service_json(sum.level, true));
	for (u32 i = 0; i < s->h.count; i++) {
		const char *name = s->parts[i].service;
		const struct fog_component *c = &s->h.component[i];
		enum fog_health_level level = c->level;
		if (name == NULL)
			continue;
		/* A service of two components is as well as the worse. */
		for (u32 k = 0; k < i; k++)
			if (s->parts[k].service != NULL && strcmp(s->parts[k].service, name) == 0)
				level = FOG_MAX(level, s->h.component[k].level);
		json_object_set_new(services, name,
				    service_json(level, c->status != FOG_HEALTH_STOPPED));
	}
	return services;
}

void fog_host_status_line(const struct fog_host *h, char out[FOG_HOST_STATUS_SIZE])
{
	struct fog_health_summary sum;
	u32 up, links = fog_links_count(h->links, &up);

	fog_health_summary(&h->health->h, fog_loop_now_ms(h->loop), &sum);
	snprintf(out, FOG_HOST_STATUS_SIZE, "%s: %u of %u components, %u of %u links, %u jobs",
		 fog_health_level_name(sum.level), sum.healthy, sum.total, up, links,
		 fog_host_jobs_open(h));
}

/* ---- API ------------------------------------------------------------------------------------ */

static int health_get(struct fog_exchange *x)
{
	return fog_exchange_json(x, 200, fog_host_health_json(fog_exchange_ctx(x)));
}

static int restart_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *name = fog_exchange_param(x, "component");
	char why[FOG_HOST_WHY_SIZE];
	int rc = fog_host_restart(h, name, why);

	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no component \"%s\"", name);
	if (rc == -ENOTSUP)
		return fog_exchange_problem(x, 409, "%s is not configured on this host", name);
	if (rc != 0)
		return fog_exchange_problem(x, 500, "%s: %s", name, why);
	int i = fog_health_find(&h->health->h, name);
	return fog_exchange_json(
		x, 200, component_json(&h->health->h.component[i], fog_loop_now_ms(h->loop)));
}

#define LEVELS "healthy|degraded|critical|offline"
#define HEALTH                                                                               \
	"{overall_health: " LEVELS ", is_running: boolean, healthy_components: integer,"     \
	" total_components: integer (that are configured), error_count: integer, restarts: " \
	"integer, components: {*: @Component}, timestamp: string}"
#define COMPONENT                                                                             \
	"{status: running|starting|stopped|error (stopped: not configured), health: " LEVELS  \
	", last_heartbeat: string|null, error_count: integer (looks that found it critical "  \
	"or offline), uptime_seconds: number, is_healthy: boolean, reason: string, changed: " \
	"string|null, vital: boolean, restartable: boolean, restarts: integer, "              \
	"restart_failures: integer, last_restart: string|null, recovery_ms: integer (from "   \
	"the last restart until it was well)}"

static const struct fog_route routes[] = {
	{"GET", "/v1/health", health_get,
	 FOG_DESCRIBE("Health of the host and its components", .answer = HEALTH)},
	{"POST", "/v1/health/{component}/restart", restart_post,
	 FOG_DESCRIBE("Restart a component", .scope = FOG_SCOPE_ADMIN, .answer = "@Component",
		      .text = "Nothing that was promised is lost. 409: it is not configured.")},
};

/* ---- life cycle ----------------------------------------------------------------------------- */

static void config_set(const struct fog_host *h, struct fog_health_config *out)
{
	const struct fog_config *c = &h->config;

	*out = (struct fog_health_config){
		.check_ms = 1000 * (u32)c->health_health_check_interval,
		.recovery_ms = 1000 * (u32)c->health_recovery_check_interval,
		.max_errors = (u32)c->health_max_error_count,
		.recovery = c->health_auto_recovery_enabled,
	};
}

int fog_host_health_start(struct fog_host *h)
{
	struct fog_host_health *s = calloc(1, sizeof(*s));
	struct fog_health_config config;

	if (s == NULL)
		return -ENOMEM;
	h->health = s;
	s->parts = fog_host_parts;
	config_set(h, &config);
	fog_health_init(&s->h, &config, fog_loop_now_ms(h->loop));
	for (u32 i = 0; i < fog_host_parts_count; i++)
		fog_health_add(&s->h, fog_host_parts[i].name, fog_host_parts[i].vital, true,
			       fog_host_parts[i].life_ms);
	double first_s = FOG_MIN(FOG_HEALTH_FIRST_S, config.check_ms / 1000.0);
	s->due_ms = fog_monotonic_ms() + (u64)(1000 * first_s);
	ev_timer_init(&s->timer, on_look, first_s, config.check_ms / 1000.0);
	ev_timer_init(&s->recovery, on_recover, 0.0, 0.0);
	s->timer.data = s->recovery.data = h;
	ev_timer_start(h->loop, &s->timer);
	fog_gateway_define(h->gateway, "Component", COMPONENT);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return 0;
}

void fog_host_health_reload(struct fog_host *h)
{
	struct fog_host_health *s = h->health;

	config_set(h, &s->h.config);
	s->timer.repeat = s->h.config.check_ms / 1000.0;
	s->due_ms = fog_monotonic_ms() + s->h.config.check_ms;
	ev_timer_again(h->loop, &s->timer);
}

void fog_host_health_stop(struct fog_host *h)
{
	struct fog_host_health *s = h->health;

	if (s == NULL)
		return;
	h->health = NULL;
	ev_timer_stop(h->loop, &s->timer);
	ev_timer_stop(h->loop, &s->recovery);
	free(s);
}
