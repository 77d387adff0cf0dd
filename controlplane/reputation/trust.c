/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/reputation/trust.h"

#include <math.h>

#include "controlplane/reputation/opinion.h"

/* Means that differ by less than this agree, whatever the evidence: hosts do vary. */
#define TOLERANCE 0.1
/* Standard deviations of the difference that are still agreement. */
#define DEVIATIONS 2.0
/* Contradiction counts more than agreement: to agree is easy where all is well. */
#define CONTRADICTION 2.0
#define BOUND_Z       1.645 /* the 5 % quantile, by the normal approximation */

static double mean(double good, double bad)
{
	return (good + 1) / (good + bad + 2);
}

static double variance(double good, double bad)
{
	double n = good + bad + 2, m = (good + 1) / n;

	return m * (1 - m) / (n + 1);
}

static bool counts(const struct fog_trust_edge *e, u32 host_count, u32 self)
{
	return e->rater < host_count && e->subject < host_count && e->rater != e->subject &&
	       e->rater != self;
}

static void judge(struct fog_trust_host *rater, const struct fog_trust_host *subject,
		  const struct fog_trust_edge *e)
{
	double known = subject->known_good + subject->known_bad;

	if (known < FOG_TRUST_KNOWN_MIN || e->good + e->bad < 1)
		return;
	double weight = fmin(1, known / (10 * FOG_TRUST_KNOWN_MIN));
	double off = fabs(mean(e->good, e->bad) - mean(subject->known_good, subject->known_bad));
	double spread =
		sqrt(variance(e->good, e->bad) + variance(subject->known_good, subject->known_bad));
	if (off <= TOLERANCE || off <= DEVIATIONS * spread)
		rater->agree += weight;
	else
		rater->disagree += CONTRADICTION * weight;
}

static double credibility(const struct fog_trust_host *h)
{
	double bound =
		mean(h->agree, h->disagree) - BOUND_Z * sqrt(variance(h->agree, h->disagree));

	return fmax(bound, 0);
}

/* What a group said about one host, within the group's bound. */
static void group_close(struct fog_trust_host *subject)
{
	double total = subject->group_good + subject->group_bad;
	double keep = total > FOG_TRUST_GROUP_MAX ? FOG_TRUST_GROUP_MAX / total : 1;

	subject->good += subject->group_good * keep;
	subject->bad += subject->group_bad * keep;
	subject->group_good = subject->group_bad = 0;
}

static void tell(struct fog_trust_host *subject, const struct fog_trust_host *rater,
		 const struct fog_trust_edge *e)
{
	double total = e->good + e->bad;
	double weight = rater->credibility * FOG_TRUST_HOP_KEEP;

	if (total <= 0 || weight <= 0)
		return;
	if (subject->group_of != rater->group) {
		group_close(subject);
		subject->group_of = rater->group;
	}
	double keep = weight * fmin(1, FOG_TRUST_RATER_MAX / total);
	subject->group_good += e->good * keep;
	subject->group_bad += e->bad * keep;
	subject->raters++;
}

static void bound(struct fog_trust_host *h)
{
	group_close(h);
	double total = h->good + h->bad;
	if (total > FOG_TRUST_TOTAL_MAX) {
		h->good *= FOG_TRUST_TOTAL_MAX / total;
		h->bad *= FOG_TRUST_TOTAL_MAX / total;
	}
	h->known_good = h->own_good + h->good;
	h->known_bad = h->own_bad + h->bad;
}

/* The mean of what all say about one host, each group one voice, ours in full. -1: nobody speaks.
 */
static double consensus(const struct fog_trust_host *hosts, const struct fog_trust_edge *edges,
			u32 count)
{
	const struct fog_trust_host *subject = &hosts[edges[0].subject];
	double good = subject->own_good, bad = subject->own_bad, voice = 0;

	for (u32 i = 0; i < count; i++) {
		const struct fog_trust_host *rater = &hosts[edges[i].rater];
		double total = edges[i].good + edges[i].bad;
		if (i == 0 || rater->group != hosts[edges[i - 1].rater].group)
			voice = 1;
		double weight = FOG_MIN(voice, fmin(1, total)) * rater->credibility;
		if (total <= 0)
			continue;
		voice -= FOG_MIN(voice, fmin(1, total));
		good += weight * edges[i].good / total;
		bad += weight * edges[i].bad / total;
	}
	return good + bad > 0 ? good / (good + bad) : -1;
}

/* All edges about one host. Who is far from what all the credible say, further than its own
 * evidence would explain, is not heard about this host (Whitby, Josang and Indulska 2004), and is
 * less credible in the next round. */
static void hear(struct fog_trust_host *hosts, const struct fog_trust_edge *edges, u32 count,
		 u32 host_count, u32 self)
{
	struct fog_trust_host *subject = &hosts[edges[0].subject];
	double middle = consensus(hosts, edges, count);

	for (u32 i = 0; i < count; i++) {
		const struct fog_trust_edge *e = &edges[i];
		if (!counts(e, host_count, self))
			continue;
		double off = fabs(mean(e->good, e->bad) - middle);
		double allowed = DEVIATIONS * sqrt(variance(e->good, e->bad));
		if (middle >= 0 && off > fmax(TOLERANCE, allowed))
			hosts[e->rater].refuted += 1;
		else
			tell(subject, &hosts[e->rater], e);
	}
}

static void round_begin(struct fog_trust_host *h)
{
	h->agree = h->good = h->bad = 0;
	h->disagree = CONTRADICTION * h->refuted;
	h->group_good = h->group_bad = h->refuted = 0;
	h->group_of = UINT32_MAX;
	h->raters = 0;
}

void fog_trust_compute(struct fog_trust_host *hosts, u32 host_count,
		       const struct fog_trust_edge *edges, u32 edge_count, u32 self)
{
	for (u32 i = 0; i < host_count; i++) {
		hosts[i].known_good = hosts[i].own_good;
		hosts[i].known_bad = hosts[i].own_bad;
		hosts[i].refuted = 0;
	}
	for (u32 hop = 0; hop < FOG_TRUST_HOPS; hop++) {
		for (u32 i = 0; i < host_count; i++)
			round_begin(&hosts[i]);
		for (u32 i = 0; i < edge_count; i++)
			if (counts(&edges[i], host_count, self))
				judge(&hosts[edges[i].rater], &hosts[edges[i].subject], &edges[i]);
		for (u32 i = 0; i < host_count; i++)
			hosts[i].credibility = credibility(&hosts[i]);
		for (u32 i = 0, end; i < edge_count; i = end) {
			for (end = i + 1; end < edge_count; end++)
				if (edges[end].subject != edges[i].subject)
					break;
			if (edges[i].subject < host_count)
				hear(hosts, &edges[i], end - i, host_count, self);
		}
		for (u32 i = 0; i < host_count; i++)
			bound(&hosts[i]);
	}
}

static bool before(const struct fog_trust_host *hosts, const struct fog_trust_edge *a,
		   const struct fog_trust_edge *b)
{
	if (a->subject != b->subject)
		return a->subject < b->subject;
	if (hosts[a->rater].group != hosts[b->rater].group)
		return hosts[a->rater].group < hosts[b->rater].group;
	return a->rater < b->rater;
}

/* Bottom-up merge sort: the order decides what bounds cut, so it is a total one. */
void fog_trust_sort(const struct fog_trust_host *hosts, struct fog_trust_edge *edges, u32 count,
		    struct fog_trust_edge *scratch)
{
	for (u64 width = 1; width < count; width *= 2) {
		for (u64 start = 0; start < count; start += 2 * width) {
			u64 a = start, middle = FOG_MIN(start + width, (u64)count), b = middle;
			u64 end = FOG_MIN(start + 2 * width, (u64)count);
			for (u64 k = start; k < end; k++)
				scratch[k] = a < middle && (b >= end ||
							    !before(hosts, &edges[b], &edges[a]))
						     ? edges[a++]
						     : edges[b++];
		}
		memcpy(edges, scratch, count * sizeof(*edges));
	}
}
