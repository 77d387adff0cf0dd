/* SPDX-License-Identifier: BSD-3-Clause */
/* Reputation of a host as a Beta distribution over "the next job there goes well".
 *
 * Rules, all of them data or one line of arithmetic:
 *   - Everybody starts at the prior Beta(1,1): mean 0.5, lower bound 0.05. An unknown host is thus
 *     ranked below every host with a record, so a fresh identity is never an improvement.
 *   - Evidence has a kind; the kind has a sign and a weight (fog_reputation_kinds[]). Quality q in
 *     [0,1] scales the weight by 1 + 2(q - 0.5), so 0.5 is neutral.
 *   - Positive evidence adds its weight to alpha, negative to beta. Negative evidence also takes
 *     away part of the earlier positive evidence (FOG_REPUTATION_FORGET per unit of weight): a long
 *     good record does not buy many failures.
 *   - With time both shrink toward the prior by exp(-rate * days): old evidence counts less, nobody
 *     is condemned for ever.
 *   - Rank and admission use the lower credible bound (5 % quantile), not the mean: little evidence
 *     means a low bound. There is no separate discount for uncertainty.
 *   - Tiers need both a lower bound and an amount of evidence.
 *
 * Pure: time is a parameter, nothing is allocated. Any thread. */
#ifndef FOG_REPUTATION_H
#define FOG_REPUTATION_H

#include "crypto/types.h"

#define FOG_REPUTATION_PRIOR_ALPHA  1.0
#define FOG_REPUTATION_PRIOR_BETA   1.0
#define FOG_REPUTATION_DECAY_DAY    0.001    /* share of the evidence forgotten in a day */
#define FOG_REPUTATION_FORGET       0.05     /* of alpha above the prior, per unit of bad weight */
#define FOG_REPUTATION_BOUND_P      0.05     /* the lower credible bound is this quantile */
#define FOG_REPUTATION_EVIDENCE_MAX 100000.0 /* alpha and beta are clamped here */

enum fog_evidence_kind {
	FOG_EVIDENCE_INVALID = 0,
	FOG_EVIDENCE_TASK_SUCCESS,
	FOG_EVIDENCE_TASK_FAILURE,
	FOG_EVIDENCE_QUALITY_HIGH,
	FOG_EVIDENCE_QUALITY_LOW,
	FOG_EVIDENCE_AVAILABILITY,
	FOG_EVIDENCE_UNAVAILABILITY,
	FOG_EVIDENCE_FRAUD_DETECTED,
	FOG_EVIDENCE_PEER_ENDORSEMENT,
	FOG_EVIDENCE_PEER_COMPLAINT,
	FOG_EVIDENCE_KIND_COUNT
};

/* Where evidence may come from. Hearsay is no evidence: what others say is summed up elsewhere
 * (trust.h) and never stored as ours. */
enum fog_evidence_source {
	FOG_SOURCE_RECEIPT = 1, /* a signed receipt, or its absence, of a job of ours */
	FOG_SOURCE_MIX,         /* mix monitoring: packets that did or did not come out */
	FOG_SOURCE_ATTESTATION, /* a checked attestation, good or false */
	FOG_SOURCE_COUNT
};
const char *fog_evidence_source_name(enum fog_evidence_source source);

struct fog_reputation_kind {
	const char *name;
	double weight;
	bool good;
};

/* Indexed by enum fog_evidence_kind; entry 0 is empty. */
extern const struct fog_reputation_kind fog_reputation_kinds[FOG_EVIDENCE_KIND_COUNT];

struct fog_reputation_tier {
	const char *name;
	double lower_min;    /* lower credible bound */
	double evidence_min; /* alpha + beta above the prior */
};

/* Best first; the last one has no requirement and so always fits. */
#define FOG_REPUTATION_TIER_COUNT 6
extern const struct fog_reputation_tier fog_reputation_tiers[FOG_REPUTATION_TIER_COUNT];

/* What is stored of one host. */
struct fog_reputation {
	double alpha;
	double beta;
	u64 updated_ms; /* decay has been applied up to here; 0 = no evidence yet */
	u64 events;     /* pieces of evidence ever counted */
};

/* What people and the scheduler read. */
struct fog_reputation_view {
	double alpha, beta; /* after decay */
	double mean;
	double uncertainty; /* prior weight / (alpha + beta): 1 = nothing known, toward 0 */
	double lower;       /* 5 % quantile */
	double evidence;    /* alpha + beta above the prior */
	const char *tier;
};

void fog_reputation_init(struct fog_reputation *r);

/* Applies decay up to now_ms. A clock that went back changes nothing. */
void fog_reputation_decay(struct fog_reputation *r, u64 now_ms);

/* Counts one piece of evidence. quality in [0,1], 0.5 neutral. Returns 0, or -EINVAL for an unknown
 * kind or quality out of range (r unchanged). */
int fog_reputation_update(struct fog_reputation *r, enum fog_evidence_kind kind, double quality,
			  u64 now_ms);

/* Adds what others told, after the bounds of trust.h: good, bad >= 0. No event. */
void fog_reputation_tell(struct fog_reputation *r, double good, double bad);

/* Reads r as of now_ms without changing it. About 60 us: callers that rank many hosts keep it. */
void fog_reputation_read(const struct fog_reputation *r, u64 now_ms,
			 struct fog_reputation_view *out);

/* True when alpha, beta are finite, at least the prior and at most the maximum: what the store must
 * hold. */
bool fog_reputation_valid(const struct fog_reputation *r);

/* May this source tell evidence of this kind? */
bool fog_evidence_allowed(enum fog_evidence_source source, enum fog_evidence_kind kind);

/* The kind with that name, or FOG_EVIDENCE_INVALID. */
enum fog_evidence_kind fog_evidence_kind_parse(const char *name);

#endif
