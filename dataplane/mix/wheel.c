/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/wheel.h"

void fog_mix_wheel_init(struct fog_mix_wheel *w, void *memory, u32 count, u64 now_ns)
{
	FOG_ASSERT(count <= FOG_MIX_HELD_LIMIT);
	memset(w, 0, sizeof(*w));
	memset(w->head, 0xff, sizeof(w->head));
	w->held = memory;
	w->count = count;
	w->free_list = FOG_MIX_HELD_NONE;
	w->tick = now_ns / FOG_MIX_TICK_NS;
}

u32 fog_mix_held_take(struct fog_mix_wheel *w)
{
	u32 i = w->free_list;

	if (i != FOG_MIX_HELD_NONE)
		w->free_list = w->held[i].next;
	else if (w->fresh < w->count)
		i = w->fresh++; /* pages are touched when first needed */
	if (i != FOG_MIX_HELD_NONE)
		w->used++;
	return i;
}

void fog_mix_held_give(struct fog_mix_wheel *w, u32 i)
{
	FOG_ASSERT(i < w->fresh);
	w->held[i].next = w->free_list;
	w->free_list = i;
	w->used--;
}

void fog_mix_wheel_put(struct fog_mix_wheel *w, u32 i, u64 due_ns)
{
	u64 tick = (due_ns + FOG_MIX_TICK_NS - 1) / FOG_MIX_TICK_NS;

	tick = FOG_MAX(tick, w->tick);
	FOG_ASSERT(tick - w->tick < FOG_MIX_TICKS);
	u32 at = tick & (FOG_MIX_TICKS - 1);
	w->held[i].next = w->head[at];
	w->head[at] = i;
	w->filled[at / 64] |= 1ull << at % 64;
	w->waiting++;
}

/* Distance from tick `from` to the first filled one, or FOG_MIX_TICKS. */
static u32 filled_after(const struct fog_mix_wheel *w, u64 from)
{
	u32 at = from & (FOG_MIX_TICKS - 1);

	if (w->waiting == 0)
		return FOG_MIX_TICKS;
	u64 word = w->filled[at / 64] >> at % 64;
	if (word != 0)
		return (u32)__builtin_ctzll(word);
	for (u32 n = 64 - at % 64; n < FOG_MIX_TICKS + 64; n += 64) {
		word = w->filled[(at + n) / 64 % (FOG_MIX_TICKS / 64)];
		if (word != 0)
			return n + (u32)__builtin_ctzll(word);
	}
	return FOG_MIX_TICKS;
}

u32 fog_mix_wheel_due(struct fog_mix_wheel *w, u64 now_ns)
{
	u64 now = now_ns / FOG_MIX_TICK_NS;
	u32 away = filled_after(w, w->tick);

	if (away == FOG_MIX_TICKS || w->tick + away > now) {
		w->tick = FOG_MAX(w->tick, now);
		return FOG_MIX_HELD_NONE;
	}
	w->tick += away;
	u32 at = w->tick & (FOG_MIX_TICKS - 1), i = w->head[at];
	w->head[at] = w->held[i].next;
	if (w->head[at] == FOG_MIX_HELD_NONE)
		w->filled[at / 64] &= ~(1ull << at % 64);
	w->waiting--;
	return i;
}

u64 fog_mix_wheel_next(const struct fog_mix_wheel *w)
{
	u32 away = filled_after(w, w->tick);

	return away == FOG_MIX_TICKS ? UINT64_MAX : (w->tick + away) * FOG_MIX_TICK_NS;
}
