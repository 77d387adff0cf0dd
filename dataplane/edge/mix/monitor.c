/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mix/monitor.h"

#include <math.h>

static struct fog_monitor_mix *find(struct fog_monitor *m, const u8 node_id[32])
{
	for (u32 i = 0; i < m->count; i++)
		if (memcmp(m->mix[i].node_id, node_id, 32) == 0)
			return &m->mix[i];
	return NULL;
}

static u32 sum(const u32 count[FOG_LOOP_OUTCOMES])
{
	return count[0] + count[1] + count[2] + count[3];
}

static void fade(struct fog_monitor *m)
{
	for (u32 k = 0; k < FOG_LOOP_OUTCOMES; k++) {
		m->total[k] /= 2;
		for (u32 i = 0; i < m->count; i++)
			m->mix[i].count[k] /= 2;
	}
	/* Mixes that left the network make room. */
	for (u32 i = 0; i < m->count;)
		if (sum(m->mix[i].count) == 0)
			m->mix[i] = m->mix[--m->count];
		else
			i++;
}

void fog_monitor_add(struct fog_monitor *m, const u8 (*node_id)[32], unsigned hops,
		     enum fog_loop_outcome outcome)
{
	if (sum(m->total) >= FOG_MONITOR_WINDOW)
		fade(m);
	m->total[outcome]++;
	for (unsigned i = 0; i < hops; i++) {
		struct fog_monitor_mix *x = find(m, node_id[i]);
		if (x == NULL && m->count < FOG_MIXNET_HOSTS_MAX) {
			x = &m->mix[m->count++];
			memset(x, 0, sizeof(*x));
			memcpy(x->node_id, node_id[i], 32);
		}
		if (x != NULL)
			x->count[outcome]++;
	}
}

/* What came back, in time or not, did not get lost; what was late or altered is judged among what
 * came back. */
static u32 judged(const u32 count[FOG_LOOP_OUTCOMES], enum fog_loop_outcome kind)
{
	return kind == FOG_LOOP_LOST ? sum(count) : sum(count) - count[FOG_LOOP_LOST];
}

bool fog_monitor_judge(const struct fog_monitor *m, enum fog_loop_outcome kind,
		       struct fog_suspicion *s)
{
	double worst = 0;

	for (u32 i = 0; i < m->count; i++) {
		const struct fog_monitor_mix *x = &m->mix[i];
		double n = judged(x->count, kind), all = judged(m->total, kind);
		double bad = x->count[kind], others = all - n, others_bad = m->total[kind] - bad;
		if (n < FOG_MONITOR_LEAST || others < FOG_MONITOR_LEAST)
			continue;
		/* Pooled variance, with half an event more so that it is never zero. */
		double p = (bad + others_bad + 0.5) / (all + 1.0);
		double sigma =
			(bad / n - others_bad / others) / sqrt(p * (1 - p) * (1 / n + 1 / others));
		if (sigma < FOG_MONITOR_SIGMA || sigma <= worst ||
		    bad / n - others_bad / others < FOG_MONITOR_MARGIN)
			continue;
		worst = sigma;
		memcpy(s->node_id, x->node_id, 32);
		s->kind = kind;
		s->loops = (u32)n;
		s->bad = (u32)bad;
		s->others = (u32)others;
		s->others_bad = (u32)others_bad;
		s->sigma = sigma;
	}
	return worst > 0;
}

void fog_monitor_clear(struct fog_monitor *m, const u8 node_id[32])
{
	struct fog_monitor_mix *x = find(m, node_id);

	if (x == NULL)
		return;
	/* Its loops leave the totals too, or the partners would inherit them. */
	for (unsigned k = 0; k < FOG_LOOP_OUTCOMES; k++)
		m->total[k] -= FOG_MIN(m->total[k], x->count[k]);
	*x = m->mix[--m->count];
}
