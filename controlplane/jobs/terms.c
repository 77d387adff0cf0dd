/* SPDX-License-Identifier: BSD-3-Clause */
/* See terms.h. */
#include "controlplane/jobs/terms.h"

#include <strings.h>

#include "controlplane/jobs/spec.h"
#include "controlplane/scheduler/batch.h"

#define PRIORITY_DEFAULT 50
#define SPACE_DEFAULT    "default"

const struct fog_tier_terms fog_tiers[FOG_TIER_COUNT] = {
	[FOG_TIER_NONE] = {"none", 0, 1, 1000, 0, 0},
	[FOG_TIER_BRONZE] = {"bronze", 600000, 2, 1000, 100, 9700},
	[FOG_TIER_SILVER] = {"silver", 120000, 2, 2500, 250, 9900},
	[FOG_TIER_GOLD] = {"gold", 60000, 3, 5000, 1000, 9990},
};

const char *const fog_job_terms_fields[] = {
	"namespace",  "class",       "tier",       "priority", "deadline_seconds",
	"retries",    "preemptible", "on_preempt", "group",    "webhook",
	"checkpoint", "on_timeout",  NULL};

static const enum fog_tier class_tier[FOG_SLA_COUNT] = {FOG_TIER_NONE, FOG_TIER_NONE,
							FOG_TIER_BRONZE, FOG_TIER_SILVER};

static void class_read(struct fog_json_reader *r, struct fog_job_terms *out)
{
	out->sla = FOG_SLA_B;
	if (fog_json_has(r, "class")) {
		out->sla = fog_sla_class_parse(fog_json_text_of(r, "class", 16));
		if (fog_json_ok(r) && out->sla == FOG_SLA_INVALID)
			fog_json_wrong(r, "class", "must be S, A or B");
	}
	out->tier = class_tier[out->sla];
	if (!fog_json_has(r, "tier"))
		return;
	const char *text = fog_json_text_of(r, "tier", 16);
	for (u32 i = 0; i < FOG_TIER_COUNT; i++)
		if (strcasecmp(text, fog_tiers[i].name) == 0) {
			out->tier = (enum fog_tier)i;
			return;
		}
	fog_json_wrong(r, "tier", "must be none, bronze, silver or gold");
}

static void name_read(struct fog_json_reader *r, const char *field, char out[FOG_JOB_NAME_SIZE])
{
	if (!fog_json_has(r, field))
		return;
	fog_json_copy(r, field, out, FOG_JOB_NAME_SIZE);
	if (fog_json_ok(r) && !fog_job_id_valid(out))
		fog_json_wrong(r, field, "must be 1 to 64 of [A-Za-z0-9._-]");
}

/* Is it the second of two words? The first is the default. */
static bool word_read(struct fog_json_reader *r, const char *field, const char *first,
		      const char *second)
{
	if (!fog_json_has(r, field))
		return false;
	const char *text = fog_json_text_of(r, field, 16);
	bool is_second = strcmp(text, second) == 0;
	if (fog_json_ok(r) && !is_second && strcmp(text, first) != 0)
		fog_json_wrong(r, field, "must be %s or %s", first, second);
	return is_second;
}

static void preempt_read(struct fog_json_reader *r, struct fog_job_terms *out)
{
	if (fog_json_has(r, "preemptible"))
		out->preemptible = fog_json_bool(r, "preemptible");
	out->cancel_preempted = word_read(r, "on_preempt", "requeue", "cancel");
	out->resume_timeout = word_read(r, "on_timeout", "fail", "resume");
	const json_t *checkpoint = fog_json_get(r, "checkpoint"); /* what it says is in the spec */
	if (out->resume_timeout && (checkpoint == NULL || json_is_false(checkpoint)))
		fog_json_wrong(r, "on_timeout", "a job without checkpoint cannot resume");
}

void fog_job_terms_read(struct fog_json_reader *r, struct fog_job_terms *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->space, sizeof(out->space), SPACE_DEFAULT);
	out->priority = PRIORITY_DEFAULT;
	name_read(r, "namespace", out->space);
	name_read(r, "group", out->group);
	class_read(r, out);
	if (fog_json_has(r, "priority"))
		out->priority = (u32)fog_json_u64(r, "priority", 0, FOG_BATCH_PRIORITY_MAX);
	if (fog_json_has(r, "deadline_seconds"))
		out->deadline_ms =
			1000 * fog_json_u64(r, "deadline_seconds", 1, FOG_JOBS_QUEUE_MS / 1000);
	if (fog_json_has(r, "retries"))
		out->retries = (u32)fog_json_u64(r, "retries", 1, FOG_JOBS_ATTEMPTS_MAX);
	preempt_read(r, out);
	if (!fog_json_has(r, "webhook"))
		return;
	fog_json_copy(r, "webhook", out->hook, sizeof(out->hook));
	if (fog_json_ok(r) && strncmp(out->hook, "http://", 7) != 0 &&
	    strncmp(out->hook, "https://", 8) != 0)
		fog_json_wrong(r, "webhook", "must begin with http:// or https://");
}

i64 fog_tier_premium(enum fog_tier tier, u32 replicas, i64 amount)
{
	/* Each of the replicas costs its host's price already. */
	i64 permille = (i64)fog_tiers[tier].price_permille / FOG_MAX((i64)replicas, 1) - 1000;

	if (permille <= 0 || amount <= 0)
		return 0;
	return amount / 1000 * permille + (amount % 1000 * permille + 999) / 1000;
}

i64 fog_tier_back(enum fog_tier tier, i64 price)
{
	i64 permille = fog_tiers[tier].back_permille;

	return FOG_MAX(price / 1000 * permille + (price % 1000 * permille + 999) / 1000, 1);
}
