/* SPDX-License-Identifier: BSD-3-Clause */
/* Alert rules over the figures of metrics.h. Pure. (The API calls them alerts; the market has
 *alerts of its own.)
 *
 *	fog_alarms_begin(a, NULL);
 *	fog_alarms_sample(a, "fog_links", "state=\"up\"", 0);	for every figure
 *	fog_alarms_end(a, now, on_change, ctx);
 *
 * A rule names a figure. Samples whose labels fit are summed by the value of the label `by` (all
 * together when it is empty), and each sum has an alarm of its own:
 *
 *	OK --condition--> PENDING --held for for_ms--> FIRING --no longer--> OK
 *	                     `------no longer-> OK
 *
 * VALUE compares the sum; RATE its growth a second since the last round; ANOMALY whether that
 *growth is more than `threshold` standard deviations above what it was lately (exponentially
 *weighted mean and variance; what is out of the ordinary is taken in only up to the limit, so that
 * a burst does not become normal at once). A sum that shrinks began anew. Cost: rules x samples
 * comparisons. */
#ifndef FOG_ALARM_H
#define FOG_ALARM_H

#include "crypto/types.h"

#define FOG_ALARM_RULES_MAX     128
#define FOG_ALARMS_MAX          1024 /* of all rules; more sums are counted, not watched */
#define FOG_ALARM_NAME_SIZE     64
#define FOG_ALARM_METRIC_SIZE   96
#define FOG_ALARM_KEY_SIZE      96 /* value of a label; longer ones are cut */
#define FOG_ALARM_SUMMARY_SIZE  200
#define FOG_ALARM_WARMUP        10   /* rates seen before an anomaly can be one */
#define FOG_ALARM_ALPHA         0.1  /* weight of the newest rate */
#define FOG_ALARM_DEVIATION_MIN 0.05 /* a second, and 10 % of the mean: below is noise */

enum fog_rule_kind {
	FOG_RULE_VALUE = 1,
	FOG_RULE_RATE,
	FOG_RULE_ANOMALY,
};
enum fog_rule_op {
	FOG_RULE_ABOVE = 1, /* > */
	FOG_RULE_AT_LEAST,
	FOG_RULE_BELOW,
	FOG_RULE_AT_MOST,
	FOG_RULE_EQUAL,
};
enum fog_severity {
	FOG_SEVERITY_INFO = 1,
	FOG_SEVERITY_WARNING,
	FOG_SEVERITY_CRITICAL,
};
/* 0: no such word. ">", ">=", "<", "<=", "=="; "value", "rate", "anomaly"; "info" .. "critical". */
enum fog_rule_op fog_rule_op_parse(const char *text);
enum fog_rule_kind fog_rule_kind_parse(const char *text);
enum fog_severity fog_severity_parse(const char *text);
const char *fog_rule_op_name(enum fog_rule_op op);
const char *fog_rule_kind_name(enum fog_rule_kind kind);
const char *fog_severity_name(enum fog_severity severity);

struct fog_rule {
	char name[FOG_ALARM_NAME_SIZE];
	char metric[FOG_ALARM_METRIC_SIZE];
	char labels[FOG_ALARM_METRIC_SIZE]; /* name="value" that samples must have; "" = all */
	char by[FOG_ALARM_NAME_SIZE];
	enum fog_rule_kind kind;
	enum fog_rule_op op; /* of VALUE and RATE */
	double threshold;
	u64 for_ms;
	enum fog_severity severity;
	char summary[FOG_ALARM_SUMMARY_SIZE];
};

enum fog_alarm_state {
	FOG_ALARM_OK = 1,
	FOG_ALARM_PENDING,
	FOG_ALARM_FIRING,
};

struct fog_alarm {
	u32 rule;
	char key[FOG_ALARM_KEY_SIZE]; /* value of the rule's label `by` */
	enum fog_alarm_state state;
	u64 since_ms; /* of PENDING and FIRING: when the condition began */
	double value; /* compared last: sum, rate, or deviations */
	u64 id;       /* the owner's, of the present firing; 0 = none */
	/* in a round */
	bool seen;
	double sum;
	/* growth */
	bool has_last;
	double last;
	u64 last_ms;
	u32 rates;
	double mean, variance;
};

struct fog_alarms {
	u32 rule_count, count;
	struct fog_rule rule[FOG_ALARM_RULES_MAX];
	struct fog_alarm alarm[FOG_ALARMS_MAX];
	u64 unwatched;          /* sums there was no room for, ever */
	const char *round_only; /* the figure of this round; NULL = all */
};

/* The built-in rules. Everything else starts empty. */
void fog_alarms_init(struct fog_alarms *a);
/* Adds a rule, or replaces the one of its name, whose alarms go. 0; -EINVAL: name, metric, kind, op
 * or severity missing; -ENOSPC. */
int fog_alarms_rule(struct fog_alarms *a, const struct fog_rule *r);
/* Takes a rule out. 0 or -ENOENT. */
int fog_alarms_remove(struct fog_alarms *a, const char *name);

/* An alarm that was FIRING before a restart. NULL: its rule is no more, or no room. */
struct fog_alarm *fog_alarms_restore(struct fog_alarms *a, const char *rule, const char *key,
				     u64 since_ms, double value);

/* only: rules of this figure alone are looked at in the round; a constant, or NULL. */
void fog_alarms_begin(struct fog_alarms *a, const char *only);
void fog_alarms_sample(struct fog_alarms *a, const char *name, const char *labels, double value);
/* changed: an alarm began or ceased to be FIRING. May be NULL. */
void fog_alarms_end(struct fog_alarms *a, u64 now_ms,
		    void (*changed)(void *ctx, struct fog_alarm *alarm), void *ctx);

#endif
