/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/health.h"

#define HEALTHY_SHARE 60 /* percent; less: CRITICAL */
#define TRIES_MAX     20 /* doublings of the backoff that are counted */

const char *fog_health_level_name(enum fog_health_level level)
{
	static const char *const names[] = {"", "healthy", "degraded", "critical", "offline"};

	FOG_ASSERT(level >= FOG_HEALTH_HEALTHY && level <= FOG_HEALTH_OFFLINE);
	return names[level];
}

const char *fog_health_status_name(enum fog_health_status status)
{
	static const char *const names[] = {"", "running", "starting", "stopped", "error"};

	FOG_ASSERT(status >= FOG_HEALTH_RUNNING && status <= FOG_HEALTH_ERROR);
	return names[status];
}

void fog_health_init(struct fog_health *h, const struct fog_health_config *config, u64 now_ms)
{
	memset(h, 0, sizeof(*h));
	h->config = *config;
	h->started_ms = now_ms;
}

u32 fog_health_add(struct fog_health *h, const char *name, bool vital, bool restartable,
		   u32 life_ms)
{
	FOG_ASSERT(h->count < FOG_HEALTH_COMPONENTS_MAX);
	h->component[h->count] = (struct fog_component){
		.name = name,
		.vital = vital,
		.restartable = restartable,
		.life_ms = life_ms,
		.status = FOG_HEALTH_STARTING,
		.level = FOG_HEALTH_OFFLINE,
		.next_ms = h->started_ms + FOG_HEALTH_BACKOFF_MS,
	};
	return h->count++;
}

int fog_health_find(const struct fog_health *h, const char *name)
{
	for (u32 i = 0; i < h->count; i++)
		if (strcmp(h->component[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool is_bad(enum fog_health_level level)
{
	return level >= FOG_HEALTH_CRITICAL;
}

static void set_why(struct fog_component *c, const char *why)
{
	snprintf(c->why, sizeof(c->why), "%s", why);
}

/* While everything starts, one that does not run yet is no error. */
static bool settle(const struct fog_health *h, struct fog_component *c, enum fog_health_level level,
		   u64 now_ms)
{
	if (level != FOG_HEALTH_OFFLINE || now_ms >= h->started_ms + FOG_HEALTH_BACKOFF_MS)
		c->settled = true;
	return c->settled;
}

static void well(struct fog_health *h, struct fog_component *c, u64 now_ms)
{
	c->errors_in_row = 0;
	if (c->well_ms == 0)
		c->well_ms = now_ms;
	if (c->recovering) {
		c->recovering = false;
		c->recovery_ms = now_ms - FOG_MIN(now_ms, c->restarted_ms);
	}
	if (now_ms >= c->well_ms + h->config.recovery_ms)
		c->tries = 0;
}

static void unwanted(struct fog_component *c)
{
	c->status = FOG_HEALTH_STOPPED;
	c->level = FOG_HEALTH_OFFLINE;
	c->since_ms = c->heartbeat_ms = c->well_ms = c->next_ms = 0;
	c->errors_in_row = c->tries = 0;
	c->recovering = false;
}

bool fog_health_observe(struct fog_health *h, u32 i, const struct fog_health_reading *r, u64 now_ms)
{
	struct fog_component *c = &h->component[i];
	enum fog_health_level before = c->level, level = r->level;
	enum fog_health_status was = c->status;

	FOG_ASSERT(i < h->count);
	set_why(c, r->why);
	if (level == 0) {
		unwanted(c);
		return was != FOG_HEALTH_STOPPED;
	}
	if (level != FOG_HEALTH_OFFLINE || r->heartbeat_ms != 0)
		c->heartbeat_ms = r->heartbeat_ms != 0 ? r->heartbeat_ms : now_ms;
	if (level != FOG_HEALTH_OFFLINE && c->life_ms != 0 &&
	    now_ms > c->heartbeat_ms + c->life_ms) {
		level = FOG_HEALTH_OFFLINE;
		set_why(c, "no sign of life");
	}
	c->level = level;
	bool settled = settle(h, c, level, now_ms);
	c->status = !settled                      ? FOG_HEALTH_STARTING
		    : level == FOG_HEALTH_OFFLINE ? FOG_HEALTH_ERROR
						  : FOG_HEALTH_RUNNING;
	if (level == FOG_HEALTH_OFFLINE)
		c->since_ms = 0;
	else if (r->since_ms != 0)
		c->since_ms = r->since_ms;
	else if (c->since_ms == 0)
		c->since_ms = now_ms;
	if (!settled) {
		c->well_ms = 0;
	} else if (is_bad(level)) {
		c->error_count++;
		c->errors_in_row++;
		c->well_ms = 0;
	} else {
		well(h, c, now_ms);
	}
	if (level == before && was != FOG_HEALTH_STOPPED)
		return false;
	c->changed_ms = now_ms;
	return true;
}

static u64 backoff_ms(const struct fog_health *h, u32 tries)
{
	u64 ms = (u64)FOG_HEALTH_BACKOFF_MS << FOG_MIN(tries, (u32)TRIES_MAX);

	return FOG_MAX(FOG_MIN(ms, (u64)h->config.recovery_ms), (u64)FOG_HEALTH_BACKOFF_MS);
}

int fog_health_due(struct fog_health *h, u64 now_ms)
{
	for (u32 i = 0; h->config.recovery && i < h->count; i++) {
		struct fog_component *c = &h->component[i];
		bool wanted =
			c->status == FOG_HEALTH_ERROR || (c->level == FOG_HEALTH_CRITICAL &&
							  c->errors_in_row >= h->config.max_errors);
		if (!c->restartable || !wanted || c->status == FOG_HEALTH_STOPPED ||
		    now_ms < c->next_ms)
			continue;
		c->status = FOG_HEALTH_STARTING;
		c->next_ms = now_ms + backoff_ms(h, c->tries++);
		return (int)i;
	}
	return -1;
}

void fog_health_restarted(struct fog_health *h, u32 i, int rc, u64 now_ms)
{
	struct fog_component *c = &h->component[i];

	FOG_ASSERT(i < h->count);
	if (rc != 0) {
		c->restart_failures++;
		c->status = FOG_HEALTH_ERROR;
		return;
	}
	c->restarts++;
	c->restarted_ms = now_ms;
	c->next_ms = FOG_MAX(c->next_ms, now_ms + FOG_HEALTH_BACKOFF_MS);
	c->errors_in_row = 0;
	c->recovering = true;
}

bool fog_component_is_healthy(const struct fog_component *c, u64 now_ms)
{
	return c->status == FOG_HEALTH_RUNNING && !is_bad(c->level) &&
	       now_ms <= c->heartbeat_ms + FOG_HEALTH_FRESH_MS;
}

void fog_health_summary(const struct fog_health *h, u64 now_ms, struct fog_health_summary *out)
{
	u32 offline = 0;
	bool worst = false, perfect = true;

	memset(out, 0, sizeof(*out));
	for (u32 i = 0; i < h->count; i++) {
		const struct fog_component *c = &h->component[i];
		out->errors += c->error_count;
		out->restarts += c->restarts;
		if (c->status == FOG_HEALTH_STOPPED)
			continue;
		out->total++;
		out->healthy += fog_component_is_healthy(c, now_ms);
		offline += c->level == FOG_HEALTH_OFFLINE;
		perfect &= c->level == FOG_HEALTH_HEALTHY;
		worst |= c->level == FOG_HEALTH_CRITICAL || (c->vital && is_bad(c->level));
	}
	if (offline == out->total)
		out->level = FOG_HEALTH_OFFLINE;
	else if (worst || 100 * out->healthy < HEALTHY_SHARE * out->total)
		out->level = FOG_HEALTH_CRITICAL;
	else
		out->level = perfect ? FOG_HEALTH_HEALTHY : FOG_HEALTH_DEGRADED;
}
