/* SPDX-License-Identifier: BSD-3-Clause */
/* Capacity that people have reserved, see keep.h. */
#include "controlplane/scheduler/keep.h"

struct fog_amount fog_amount_plus(const struct fog_amount *a, const struct fog_amount *b)
{
	return (struct fog_amount){a->cpu_milli + b->cpu_milli, a->memory_bytes + b->memory_bytes,
				   a->gpu_milli + b->gpu_milli};
}

struct fog_amount fog_amount_least(const struct fog_amount *a, const struct fog_amount *b)
{
	return (struct fog_amount){FOG_MIN(a->cpu_milli, b->cpu_milli),
				   FOG_MIN(a->memory_bytes, b->memory_bytes),
				   FOG_MIN(a->gpu_milli, b->gpu_milli)};
}

struct fog_amount fog_amount_most(const struct fog_amount *a, const struct fog_amount *b)
{
	return (struct fog_amount){FOG_MAX(a->cpu_milli, b->cpu_milli),
				   FOG_MAX(a->memory_bytes, b->memory_bytes),
				   FOG_MAX(a->gpu_milli, b->gpu_milli)};
}

struct fog_amount fog_amount_minus(const struct fog_amount *a, const struct fog_amount *b)
{
	return (struct fog_amount){a->cpu_milli - FOG_MIN(a->cpu_milli, b->cpu_milli),
				   a->memory_bytes - FOG_MIN(a->memory_bytes, b->memory_bytes),
				   a->gpu_milli - FOG_MIN(a->gpu_milli, b->gpu_milli)};
}

bool fog_amount_within(const struct fog_amount *a, const struct fog_amount *b)
{
	return a->cpu_milli <= b->cpu_milli && a->memory_bytes <= b->memory_bytes &&
	       a->gpu_milli <= b->gpu_milli;
}

bool fog_keep_add(struct fog_keep *keep, u32 owner, u64 start_ms, u64 end_ms,
		  const struct fog_amount *amount)
{
	FOG_ASSERT(owner != 0 && start_ms < end_ms);
	FOG_ASSERT(keep->count == 0 || keep->period[keep->count - 1].start_ms <= start_ms);
	if (keep->count == FOG_KEEP_MAX)
		return false;
	keep->period[keep->count++] = (struct fog_keep_period){
		.start_ms = start_ms, .end_ms = end_ms, .owner = owner, .amount = *amount};
	return true;
}

void fog_keep_use(struct fog_keep *keep, u32 owner, u64 left_ms, const struct fog_amount *amount)
{
	for (u32 i = 0; i < keep->count; i++) {
		struct fog_keep_period *p = &keep->period[i];
		if (left_ms <= p->start_ms)
			continue;
		p->all = fog_amount_plus(&p->all, amount);
		for (u32 k = 0; k < keep->count; k++)
			if (keep->period[k].owner == owner)
				p->own[k] = fog_amount_plus(&p->own[k], amount);
	}
}

void fog_keep_unuse(struct fog_keep *keep, u32 owner, u64 left_ms, const struct fog_amount *amount)
{
	for (u32 i = 0; i < keep->count; i++) {
		struct fog_keep_period *p = &keep->period[i];
		if (left_ms <= p->start_ms)
			continue;
		p->all = fog_amount_minus(&p->all, amount);
		for (u32 k = 0; k < keep->count; k++)
			if (keep->period[k].owner == owner)
				p->own[k] = fog_amount_minus(&p->own[k], amount);
	}
}

static bool active(const struct fog_keep_period *p, u64 at_ms)
{
	return p->start_ms <= at_ms && at_ms < p->end_ms;
}

/* An owner's periods count once, with the sum of what they keep. */
static bool counted(const struct fog_keep *keep, u32 index, u64 at_ms)
{
	for (u32 i = 0; i < index; i++)
		if (keep->period[i].owner == keep->period[index].owner &&
		    active(&keep->period[i], at_ms))
			return true;
	return false;
}

/* What others than `owner` have kept at the begin of period i, and do not use. */
static struct fog_amount kept(const struct fog_keep *keep, u32 i, u32 owner)
{
	u64 at_ms = keep->period[i].start_ms;
	struct fog_amount sum = {0};

	for (u32 v = 0; v < keep->count; v++) {
		struct fog_amount amount = {0};
		if (keep->period[v].owner == owner || !active(&keep->period[v], at_ms) ||
		    counted(keep, v, at_ms))
			continue;
		for (u32 w = v; w < keep->count; w++)
			if (keep->period[w].owner == keep->period[v].owner &&
			    active(&keep->period[w], at_ms))
				amount = fog_amount_plus(&amount, &keep->period[w].amount);
		amount = fog_amount_minus(&amount, &keep->period[i].own[v]);
		sum = fog_amount_plus(&sum, &amount);
	}
	return sum;
}

bool fog_keep_allows(const struct fog_keep *keep, u32 owner, u64 wall_ms,
		     const struct fog_amount *need, const struct fog_amount *offered)
{
	for (u32 i = 0; i < keep->count && keep->period[i].start_ms < wall_ms; i++) {
		struct fog_amount sum = kept(keep, i, owner);
		if (fog_amount_within(&sum, &(struct fog_amount){0}))
			continue;
		sum = fog_amount_plus(&sum, &keep->period[i].all);
		sum = fog_amount_plus(&sum, need);
		if (!fog_amount_within(&sum, offered))
			return false;
	}
	return true;
}

struct fog_amount fog_keep_most(const struct fog_keep *keep, u32 owner, u64 from_ms, u64 to_ms)
{
	struct fog_amount most = {0};

	for (u32 i = 0; i < keep->count && keep->period[i].start_ms < to_ms; i++) {
		if (keep->period[i].end_ms <= from_ms)
			continue;
		struct fog_amount here = kept(keep, i, owner);
		most = fog_amount_most(&most, &here);
	}
	return most;
}

u64 fog_keep_change(const struct fog_keep *keep, u64 wall_ms, u64 at_ms)
{
	u64 next = UINT64_MAX;

	for (u32 i = 0; i < keep->count; i++) {
		const struct fog_keep_period *p = &keep->period[i];
		u64 met = p->start_ms >= wall_ms ? p->start_ms - wall_ms + 1 : 0;
		if (p->end_ms > at_ms)
			next = FOG_MIN(next, p->end_ms);
		if (met > at_ms)
			next = FOG_MIN(next, met);
	}
	return next;
}
