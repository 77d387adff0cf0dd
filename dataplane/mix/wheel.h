/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that wait in the mix: a slab of packets, and a timing wheel of those that wait for a
 * time. A packet is released at the first look after its time, which is rounded up to a tick.
 *
 * Memory: 1,408 bytes a message, so a million in 1.41 GB, plus 512 KiB for the wheel. One
 * thread. */
#ifndef FOG_MIX_WHEEL_H
#define FOG_MIX_WHEEL_H

#include "dataplane/abi/wire.h"

#define FOG_MIX_TICK_NS      100000ull      /* release is at most this late by rounding */
#define FOG_MIX_TICKS        (1u << 17)     /* the wheel's turn: 13.1 s */
#define FOG_MIX_DELAY_MAX_NS 13000000000ull /* longer delays are refused: COMMANDS */
#define FOG_MIX_HELD_NONE    UINT32_MAX
#define FOG_MIX_HELD_LIMIT   (1u << 21)

struct fog_mix_held {
	u8 body[FOG_BODY_SIZE];
	u64 epoch;
	u32 next;
	u32 link; /* it leaves by */
};

_Static_assert(sizeof(struct fog_mix_held) == 1408, "memory per message");

struct fog_mix_wheel {
	struct fog_mix_held *held;
	u32 count; /* of the slab */
	u32 fresh; /* never used so far */
	u32 free_list;
	u32 used;
	u32 waiting; /* in the wheel */
	u64 tick;    /* all before it are empty */
	u32 head[FOG_MIX_TICKS];
	u64 filled[FOG_MIX_TICKS / 64];
};

/* memory: count * sizeof(struct fog_mix_held) bytes; stays the caller's. */
void fog_mix_wheel_init(struct fog_mix_wheel *w, void *memory, u32 count, u64 now_ns);
/* A free message, or FOG_MIX_HELD_NONE. */
u32 fog_mix_held_take(struct fog_mix_wheel *w);
void fog_mix_held_give(struct fog_mix_wheel *w, u32 i);
/* Keep a message until due_ns, at most FOG_MIX_DELAY_MAX_NS from the last look. */
void fog_mix_wheel_put(struct fog_mix_wheel *w, u32 i, u64 due_ns);
/* Take one that is due at now_ns out, or FOG_MIX_HELD_NONE. In order of ticks. */
u32 fog_mix_wheel_due(struct fog_mix_wheel *w, u64 now_ns);
/* Time of the next one; UINT64_MAX when none waits. */
u64 fog_mix_wheel_next(const struct fog_mix_wheel *w);

#endif
