/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/reputation/opinion.h"

#define PRIOR_WEIGHT 2.0
#define DOGMATIC     1e-12

struct fog_opinion fog_opinion_of(double good, double bad)
{
	double total = good + bad + PRIOR_WEIGHT;

	return (struct fog_opinion){good / total, bad / total, PRIOR_WEIGHT / total};
}

void fog_opinion_evidence(const struct fog_opinion *o, double *good, double *bad)
{
	double total = o->uncertainty > PRIOR_WEIGHT / FOG_OPINION_EVIDENCE_MAX
			       ? PRIOR_WEIGHT / o->uncertainty
			       : FOG_OPINION_EVIDENCE_MAX;

	*good = o->belief * total;
	*bad = o->disbelief * total;
}

double fog_opinion_expectation(const struct fog_opinion *o)
{
	return o->belief + o->uncertainty / 2;
}

struct fog_opinion fog_opinion_fuse(const struct fog_opinion *a, const struct fog_opinion *b)
{
	double ua = a->uncertainty, ub = b->uncertainty, k = ua + ub - ua * ub;

	if (k < DOGMATIC)
		return (struct fog_opinion){(a->belief + b->belief) / 2,
					    (a->disbelief + b->disbelief) / 2, 0};
	return (struct fog_opinion){(a->belief * ub + b->belief * ua) / k,
				    (a->disbelief * ub + b->disbelief * ua) / k, ua * ub / k};
}

struct fog_opinion fog_opinion_discount(const struct fog_opinion *rater,
					const struct fog_opinion *told)
{
	double p = fog_opinion_expectation(rater);

	return (struct fog_opinion){p * told->belief, p * told->disbelief,
				    1 - p * (told->belief + told->disbelief)};
}
