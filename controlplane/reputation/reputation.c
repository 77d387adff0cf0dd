/* SPDX-License-Identifier: BSD-3-Clause */
/* Reputation policy, see reputation.h. */
#include "controlplane/reputation/reputation.h"
#include "controlplane/reputation/beta.h"

#include <errno.h>
#include <math.h>

#define DAY_MS 86400000.0

const struct fog_reputation_kind fog_reputation_kinds[FOG_EVIDENCE_KIND_COUNT] = {
	[FOG_EVIDENCE_TASK_SUCCESS] = {"task_success", 1.0, true},
	[FOG_EVIDENCE_TASK_FAILURE] = {"task_failure", 1.0, false},
	[FOG_EVIDENCE_QUALITY_HIGH] = {"quality_high", 1.5, true},
	[FOG_EVIDENCE_QUALITY_LOW] = {"quality_low", 1.5, false},
	[FOG_EVIDENCE_AVAILABILITY] = {"availability", 0.5, true},
	[FOG_EVIDENCE_UNAVAILABILITY] = {"unavailability", 0.5, false},
	[FOG_EVIDENCE_FRAUD_DETECTED] = {"fraud_detected", 3.0, false},
	[FOG_EVIDENCE_PEER_ENDORSEMENT] = {"peer_endorsement", 0.8, true},
	[FOG_EVIDENCE_PEER_COMPLAINT] = {"peer_complaint", 0.8, false},
};

const struct fog_reputation_tier fog_reputation_tiers[FOG_REPUTATION_TIER_COUNT] = {
	{"diamond", 0.95, 200}, {"platinum", 0.90, 150}, {"gold", 0.80, 100},
	{"silver", 0.70, 50},   {"bronze", 0.60, 20},    {"untrusted", 0, 0},
};

static double clamp(double v, double low)
{
	return fmin(fmax(v, low), FOG_REPUTATION_EVIDENCE_MAX);
}

void fog_reputation_init(struct fog_reputation *r)
{
	*r = (struct fog_reputation){
		.alpha = FOG_REPUTATION_PRIOR_ALPHA,
		.beta = FOG_REPUTATION_PRIOR_BETA,
	};
}

bool fog_reputation_valid(const struct fog_reputation *r)
{
	return isfinite(r->alpha) && isfinite(r->beta) && r->alpha >= FOG_REPUTATION_PRIOR_ALPHA &&
	       r->beta >= FOG_REPUTATION_PRIOR_BETA && r->alpha <= FOG_REPUTATION_EVIDENCE_MAX &&
	       r->beta <= FOG_REPUTATION_EVIDENCE_MAX;
}

void fog_reputation_decay(struct fog_reputation *r, u64 now_ms)
{
	FOG_ASSERT(fog_reputation_valid(r));
	if (now_ms <= r->updated_ms)
		return;
	if (r->updated_ms != 0) {
		double days = (double)(now_ms - r->updated_ms) / DAY_MS;
		double keep = exp(-FOG_REPUTATION_DECAY_DAY * days);
		r->alpha = clamp(FOG_REPUTATION_PRIOR_ALPHA +
					 (r->alpha - FOG_REPUTATION_PRIOR_ALPHA) * keep,
				 FOG_REPUTATION_PRIOR_ALPHA);
		r->beta = clamp(FOG_REPUTATION_PRIOR_BETA +
					(r->beta - FOG_REPUTATION_PRIOR_BETA) * keep,
				FOG_REPUTATION_PRIOR_BETA);
	}
	r->updated_ms = now_ms;
}

int fog_reputation_update(struct fog_reputation *r, enum fog_evidence_kind kind, double quality,
			  u64 now_ms)
{
	if (kind <= FOG_EVIDENCE_INVALID || kind >= FOG_EVIDENCE_KIND_COUNT)
		return -EINVAL;
	if (!(quality >= 0 && quality <= 1))
		return -EINVAL;
	double weight = fog_reputation_kinds[kind].weight * (1 + 2 * (quality - 0.5));

	fog_reputation_decay(r, now_ms);
	if (fog_reputation_kinds[kind].good) {
		r->alpha = clamp(r->alpha + weight, FOG_REPUTATION_PRIOR_ALPHA);
	} else {
		double keep = pow(1 - FOG_REPUTATION_FORGET, weight);
		r->beta = clamp(r->beta + weight, FOG_REPUTATION_PRIOR_BETA);
		r->alpha = clamp(FOG_REPUTATION_PRIOR_ALPHA +
					 (r->alpha - FOG_REPUTATION_PRIOR_ALPHA) * keep,
				 FOG_REPUTATION_PRIOR_ALPHA);
	}
	r->events++;
	return 0;
}

void fog_reputation_tell(struct fog_reputation *r, double good, double bad)
{
	r->alpha = clamp(r->alpha + good, FOG_REPUTATION_PRIOR_ALPHA);
	r->beta = clamp(r->beta + bad, FOG_REPUTATION_PRIOR_BETA);
}

void fog_reputation_read(const struct fog_reputation *r, u64 now_ms,
			 struct fog_reputation_view *out)
{
	struct fog_reputation copy = *r;
	const double prior = FOG_REPUTATION_PRIOR_ALPHA + FOG_REPUTATION_PRIOR_BETA;

	fog_reputation_decay(&copy, now_ms);
	double total = copy.alpha + copy.beta;
	out->alpha = copy.alpha;
	out->beta = copy.beta;
	out->mean = copy.alpha / total;
	out->uncertainty = prior / total;
	out->evidence = total - prior;
	out->lower = fog_beta_quantile(copy.alpha, copy.beta, FOG_REPUTATION_BOUND_P);
	out->tier = fog_reputation_tiers[FOG_REPUTATION_TIER_COUNT - 1].name;
	for (u32 i = 0; i < FOG_REPUTATION_TIER_COUNT; i++) {
		const struct fog_reputation_tier *t = &fog_reputation_tiers[i];
		if (out->lower >= t->lower_min && out->evidence >= t->evidence_min) {
			out->tier = t->name;
			break;
		}
	}
}

#define KIND(name) (1u << FOG_EVIDENCE_##name)

static const struct {
	const char *name;
	u32 kinds;
} sources[FOG_SOURCE_COUNT] = {
	[FOG_SOURCE_RECEIPT] = {"receipt", KIND(TASK_SUCCESS) | KIND(TASK_FAILURE) |
						   KIND(QUALITY_HIGH) | KIND(QUALITY_LOW) |
						   KIND(UNAVAILABILITY) | KIND(FRAUD_DETECTED)},
	[FOG_SOURCE_MIX] = {"mix", KIND(AVAILABILITY) | KIND(UNAVAILABILITY) | KIND(QUALITY_LOW) |
					   KIND(FRAUD_DETECTED)},
	[FOG_SOURCE_ATTESTATION] = {"attestation", KIND(QUALITY_HIGH) | KIND(FRAUD_DETECTED)},
};

const char *fog_evidence_source_name(enum fog_evidence_source source)
{
	FOG_ASSERT(source >= FOG_SOURCE_RECEIPT && source < FOG_SOURCE_COUNT);
	return sources[source].name;
}

bool fog_evidence_allowed(enum fog_evidence_source source, enum fog_evidence_kind kind)
{
	return source >= FOG_SOURCE_RECEIPT && source < FOG_SOURCE_COUNT &&
	       kind > FOG_EVIDENCE_INVALID && kind < FOG_EVIDENCE_KIND_COUNT &&
	       (sources[source].kinds >> kind & 1) != 0;
}

enum fog_evidence_kind fog_evidence_kind_parse(const char *name)
{
	for (u32 i = 1; i < FOG_EVIDENCE_KIND_COUNT; i++)
		if (strcmp(fog_reputation_kinds[i].name, name) == 0)
			return (enum fog_evidence_kind)i;
	return FOG_EVIDENCE_INVALID;
}
