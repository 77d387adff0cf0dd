/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/alarm.h"

#include <errno.h>
#include <math.h>

#define CLIP 3.0 /* deviations of a rate that are taken in at most */

static const char *const op_names[] = {"", ">", ">=", "<", "<=", "=="};
static const char *const kind_names[] = {"", "value", "rate", "anomaly"};
static const char *const severity_names[] = {"", "info", "warning", "critical"};

static unsigned word_find(const char *const *words, unsigned count, const char *text)
{
	for (unsigned i = 1; text != NULL && i < count; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return 0;
}

enum fog_rule_op fog_rule_op_parse(const char *text)
{
	return word_find(op_names, FOG_ARRAY_COUNT(op_names), text);
}

enum fog_rule_kind fog_rule_kind_parse(const char *text)
{
	return word_find(kind_names, FOG_ARRAY_COUNT(kind_names), text);
}

enum fog_severity fog_severity_parse(const char *text)
{
	return word_find(severity_names, FOG_ARRAY_COUNT(severity_names), text);
}

const char *fog_rule_op_name(enum fog_rule_op op)
{
	FOG_ASSERT(op < FOG_ARRAY_COUNT(op_names));
	return op_names[op];
}

const char *fog_rule_kind_name(enum fog_rule_kind kind)
{
	FOG_ASSERT(kind < FOG_ARRAY_COUNT(kind_names));
	return kind_names[kind];
}

const char *fog_severity_name(enum fog_severity severity)
{
	FOG_ASSERT(severity < FOG_ARRAY_COUNT(severity_names));
	return severity_names[severity];
}

/* ---- rules ---------------------------------------------------------------------------------- */

static const struct fog_rule builtin[] = {
#define RULE(name_, metric_, labels_, by_, kind_, op_, threshold_, for_s_, severity_, summary_) \
	{name_,      metric_,          labels_,                                                 \
	 by_,        FOG_RULE_##kind_, FOG_RULE_##op_,                                          \
	 threshold_, 1000u * (for_s_), FOG_SEVERITY_##severity_,                                \
	 summary_},
#include "controlplane/health/rules.def"
#undef RULE
};

void fog_alarms_init(struct fog_alarms *a)
{
	_Static_assert(FOG_ARRAY_COUNT(builtin) <= FOG_ALARM_RULES_MAX, "room for others");
	memset(a, 0, sizeof(*a));
	memcpy(a->rule, builtin, sizeof(builtin));
	a->rule_count = FOG_ARRAY_COUNT(builtin);
}

static u32 rule_find(const struct fog_alarms *a, const char *name)
{
	u32 i = 0;

	while (i < a->rule_count && strcmp(a->rule[i].name, name) != 0)
		i++;
	return i;
}

static void alarms_drop(struct fog_alarms *a, u32 rule)
{
	u32 kept = 0;

	for (u32 i = 0; i < a->count; i++)
		if (a->alarm[i].rule != rule)
			a->alarm[kept++] = a->alarm[i];
	a->count = kept;
}

int fog_alarms_rule(struct fog_alarms *a, const struct fog_rule *r)
{
	u32 i = rule_find(a, r->name);

	if (r->name[0] == '\0' || r->metric[0] == '\0' || r->kind == 0 || r->severity == 0 ||
	    (r->op == 0 && r->kind != FOG_RULE_ANOMALY) || !isfinite(r->threshold))
		return -EINVAL;
	if (i == FOG_ALARM_RULES_MAX)
		return -ENOSPC;
	alarms_drop(a, i);
	a->rule[i] = *r;
	a->rule_count = FOG_MAX(a->rule_count, i + 1);
	return 0;
}

int fog_alarms_remove(struct fog_alarms *a, const char *name)
{
	u32 i = rule_find(a, name);

	if (i == a->rule_count)
		return -ENOENT;
	alarms_drop(a, i);
	a->rule_count--;
	memmove(&a->rule[i], &a->rule[i + 1], (a->rule_count - i) * sizeof(a->rule[0]));
	for (u32 k = 0; k < a->count; k++)
		a->alarm[k].rule -= a->alarm[k].rule > i;
	return 0;
}

/* ---- a round -------------------------------------------------------------------------------- */

static struct fog_alarm *alarm_get(struct fog_alarms *a, u32 rule, const char *key)
{
	for (u32 i = 0; i < a->count; i++)
		if (a->alarm[i].rule == rule && strcmp(a->alarm[i].key, key) == 0)
			return &a->alarm[i];
	if (a->count == FOG_ALARMS_MAX) {
		a->unwatched++;
		return NULL;
	}
	struct fog_alarm *new = &a->alarm[a->count++];
	*new = (struct fog_alarm){.rule = rule, .state = FOG_ALARM_OK};
	snprintf(new->key, sizeof(new->key), "%s", key);
	return new;
}

struct fog_alarm *fog_alarms_restore(struct fog_alarms *a, const char *rule, const char *key,
				     u64 since_ms, double value)
{
	u32 i = rule_find(a, rule);
	struct fog_alarm *alarm = i < a->rule_count ? alarm_get(a, i, key) : NULL;

	if (alarm == NULL)
		return NULL;
	alarm->state = FOG_ALARM_FIRING;
	alarm->since_ms = since_ms;
	alarm->value = value;
	return alarm;
}

/* The value of one label of labels as the text format has them; "" when there is none. */
static void label_get(const char *labels, const char *name, char out[FOG_ALARM_KEY_SIZE])
{
	size_t len = strlen(name), used = 0;
	const char *p = labels;

	out[0] = '\0';
	while (len != 0 && (p = strstr(p, name)) != NULL) {
		if ((p == labels || p[-1] == ',') && strncmp(p + len, "=\"", 2) == 0)
			break;
		p += len;
	}
	if (len == 0 || p == NULL)
		return;
	for (p += len + 2; *p != '\0' && *p != '"' && used + 1 < FOG_ALARM_KEY_SIZE; p++)
		out[used++] = *p;
	out[used] = '\0';
}

void fog_alarms_begin(struct fog_alarms *a, const char *only)
{
	a->round_only = only;
	for (u32 i = 0; i < a->count; i++) {
		a->alarm[i].seen = false;
		a->alarm[i].sum = 0;
	}
}

void fog_alarms_sample(struct fog_alarms *a, const char *name, const char *labels, double value)
{
	char key[FOG_ALARM_KEY_SIZE];

	if (a->round_only != NULL && strcmp(a->round_only, name) != 0)
		return;
	for (u32 i = 0; i < a->rule_count; i++) {
		const struct fog_rule *r = &a->rule[i];
		if (strcmp(r->metric, name) != 0 ||
		    (r->labels[0] != '\0' && strstr(labels, r->labels) == NULL))
			continue;
		label_get(labels, r->by, key);
		struct fog_alarm *alarm = alarm_get(a, i, key);
		if (alarm == NULL)
			continue;
		alarm->seen = true;
		alarm->sum += value;
	}
}

/* Growth a second since the last round; false: not known yet. */
static bool rate_get(struct fog_alarm *alarm, u64 now_ms, double *rate)
{
	bool known = alarm->has_last && now_ms > alarm->last_ms;

	if (known) {
		double grown = alarm->sum >= alarm->last ? alarm->sum - alarm->last : alarm->sum;
		*rate = 1000.0 * grown / (double)(now_ms - alarm->last_ms);
	}
	if (known || !alarm->has_last) {
		alarm->has_last = true;
		alarm->last = alarm->sum;
		alarm->last_ms = now_ms;
	}
	return known;
}

/* How many deviations above the usual; learns. */
static double deviations(struct fog_alarm *alarm, double rate)
{
	double deviation = sqrt(alarm->variance);

	deviation = FOG_MAX(deviation, FOG_MAX(0.1 * alarm->mean, FOG_ALARM_DEVIATION_MIN));
	double z = (rate - alarm->mean) / deviation;
	bool warm = alarm->rates >= FOG_ALARM_WARMUP;
	double taken = warm ? FOG_MIN(rate, alarm->mean + CLIP * deviation) : rate;
	double alpha = warm ? FOG_ALARM_ALPHA : 1.0 / (alarm->rates + 1);
	double off = taken - alarm->mean;
	alarm->mean += alpha * off;
	alarm->variance = (1 - alpha) * (alarm->variance + alpha * off * off);
	alarm->rates += !warm;
	return warm ? z : 0;
}

static bool compare(enum fog_rule_op op, double value, double threshold)
{
	switch (op) {
	case FOG_RULE_ABOVE:
		return value > threshold;
	case FOG_RULE_AT_LEAST:
		return value >= threshold;
	case FOG_RULE_BELOW:
		return value < threshold;
	case FOG_RULE_AT_MOST:
		return value <= threshold;
	case FOG_RULE_EQUAL:
		return value == threshold;
	}
	FOG_UNREACHABLE();
}

/* Does the condition of the rule hold? What is no longer there does not. */
static bool holds(const struct fog_rule *r, struct fog_alarm *alarm, u64 now_ms)
{
	double rate;

	if (!alarm->seen)
		return false;
	if (r->kind == FOG_RULE_VALUE) {
		alarm->value = alarm->sum;
		return compare(r->op, alarm->value, r->threshold);
	}
	if (!rate_get(alarm, now_ms, &rate))
		return alarm->state != FOG_ALARM_OK; /* as before */
	if (r->kind == FOG_RULE_RATE) {
		alarm->value = rate;
		return compare(r->op, rate, r->threshold);
	}
	alarm->value = deviations(alarm, rate);
	return alarm->value > r->threshold;
}

/* True when it began or ceased to fire. */
static bool alarm_step(const struct fog_rule *r, struct fog_alarm *alarm, u64 now_ms)
{
	if (!holds(r, alarm, now_ms)) {
		bool fired = alarm->state == FOG_ALARM_FIRING;
		alarm->state = FOG_ALARM_OK;
		return fired;
	}
	if (alarm->state == FOG_ALARM_OK) {
		alarm->state = FOG_ALARM_PENDING;
		alarm->since_ms = now_ms;
	}
	if (alarm->state != FOG_ALARM_PENDING || now_ms < alarm->since_ms + r->for_ms)
		return false;
	alarm->state = FOG_ALARM_FIRING;
	return true;
}

void fog_alarms_end(struct fog_alarms *a, u64 now_ms,
		    void (*changed)(void *ctx, struct fog_alarm *alarm), void *ctx)
{
	for (u32 i = 0; i < a->count; i++) {
		struct fog_alarm *alarm = &a->alarm[i];
		const struct fog_rule *r = &a->rule[alarm->rule];
		if (a->round_only != NULL && strcmp(a->round_only, r->metric) != 0)
			continue;
		if (alarm_step(r, alarm, now_ms) && changed != NULL)
			changed(ctx, alarm);
	}
	a->round_only = NULL;
}
