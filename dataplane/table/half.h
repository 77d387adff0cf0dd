/* SPDX-License-Identifier: BSD-3-Clause */
/* The circuit table of one worker. A half is one direction of one circuit at this host, named by
 *the link its cells arrive on and their circuit id. Its twin is the other direction: the name of
 *the twin is where this half's cells leave.
 *
 *	client side                              server side
 *	link P, id p  == forward half ==>        link N, id n
 *	              <== backward half ==
 *
 * so half (P, p) has twin (N, n) and the other way round. FOG_LINK_EDGE stands for P at the
 *client's own host, FOG_LINK_TERMINUS (id = handle) for N at the last hop. Each half belongs to the
 *worker of its link; nobody else touches it.
 *
 *	FREE -> CREATING -> OPEN -> FREE	answering a CREATE: handshake runs on the slow path
 *	FREE -> PENDING  -> OPEN -> FREE	our CREATE is out, or the edge waits for one
 *	any  -> CLOSING  -> FREE		the twin's worker could not be told yet
 *
 * One thread owns a table. 1.1 KiB a half, 13 lines of it touched by a cell. */
#ifndef FOG_TABLE_HALF_H
#define FOG_TABLE_HALF_H

#include "crypto/cell/cell.h"
#include "crypto/replay.h"
#include "dataplane/table/map.h"
#include "dataplane/worker/limits.h"

#define FOG_HALF_NONE UINT32_MAX

enum fog_half_state {
	FOG_HALF_FREE = 0,
	FOG_HALF_CREATING = 1,
	FOG_HALF_PENDING = 2,
	FOG_HALF_OPEN = 3,
	FOG_HALF_CLOSING = 4,
};

struct fog_half {
	/* first line: what every cell touches */
	FOG_CACHE_ALIGNED u32 link; /* name: where cells come in */
	u32 id;
	u32 twin_link; /* where they go out; twin_id 0 = not known yet */
	u32 twin_id;
	u8 state;     /* enum fog_half_state */
	u8 direction; /* enum fog_cell_direction */
	bool plain;   /* client's own host: cells pass without a layer */
	bool extending;
	bool data_seen;
	bool edge_told;   /* the edge knows this handle */
	u8 reason;        /* CLOSING: what to tell the twin */
	bool former_held; /* `former` is there */
	u64 generation;   /* of `key` */
	u64 last_ns;      /* last cell */
	u64 cells;
	u32 end_handle; /* extended, but the client may not know yet: its former TERMINUS half */
	u32 pad;
	struct fog_replay replay; /* sequences seen: its edge here, the window in five lines */
	u32 pending;              /* index of the build record, or FOG_HALF_NONE */
	u32 serial;               /* tells apart two users of the same slot */
	u32 next;                 /* free list, list of its link, or CLOSING list */
	u32 prev;                 /* list of its link */
	u32 *head;                /* which list */
	u64 sequence;             /* TERMINUS: next number to originate */
	u64 edge_epoch;           /* EDGE, TERMINUS: attachment of the edge it belongs to */
	FOG_CACHE_ALIGNED struct fog_cell_key key; /* of the current generation */
	u8 former[FOG_CELL_SEED_SIZE]; /* seed of the generation before, for what is late */
};
_Static_assert(sizeof(struct fog_half) == 1152, "a million circuits are two million halves");
_Static_assert(offsetof(struct fog_half, replay.word) == 64,
	       "the first line holds what every cell needs");
_Static_assert(offsetof(struct fog_half, key) % FOG_CACHELINE == 0, "11 lines, not 12");

struct fog_half_table {
	struct fog_half *halves;
	u32 count_max;
	u32 live;
	u32 free_head;
	u32 fresh; /* slots never used yet start here */
	u32 serial;
	struct fog_map map;
};

static inline u64 fog_half_key(u32 link, u32 id)
{
	return (u64)link << 32 | id;
}

static inline u32 fog_half_index(const struct fog_half_table *t, const struct fog_half *h)
{
	return (u32)(h - t->halves);
}

/* 0, -EINVAL or -ENOMEM. */
int fog_half_table_init(struct fog_half_table *t, struct fog_arena *a, u32 count_max,
			const u8 seed[16]);

/* A zeroed half with its name set, on the list *head. NULL: name taken or table full. */
struct fog_half *fog_half_add(struct fog_half_table *t, u32 link, u32 id, u32 *head);
struct fog_half *fog_half_find(const struct fog_half_table *t, u32 link, u32 id);
/* Wipes the keys. */
void fog_half_remove(struct fog_half_table *t, struct fog_half *h);
/* Take from its list and put on another (head initialised to FOG_HALF_NONE). */
void fog_half_move(struct fog_half_table *t, struct fog_half *h, u32 *head);

/* First key of a half, at a generation. */
void fog_half_set_key(struct fog_half *h, const u8 seed[FOG_CELL_SEED_SIZE], u64 generation);

/* May a cell of this sequence pass: generation held or next, not seen before; it counts as seen
 * from now on. 0, -ERANGE (generation) or -EEXIST (seen or too old). Plain halves take everything.
 */
static inline int fog_half_admit(struct fog_half *h, u64 sequence)
{
	u64 generation = sequence >> FOG_RATCHET_SHIFT;

	if (h->plain)
		return 0;
	if (generation != h->generation && generation != h->generation + 1 &&
	    !(generation + 1 == h->generation && h->former_held))
		return -ERANGE;
	return fog_replay_commit(&h->replay, sequence) == 0 ? 0 : -EEXIST;
}

/* Would this sequence overwrite a key that jobs gathered before may use? */
static inline bool fog_half_ratchets(const struct fog_half *h, u64 sequence)
{
	return !h->plain && sequence >> FOG_RATCHET_SHIFT == h->generation + 1;
}

/* Likewise of another generation than the current one. */
const struct fog_cell_key *fog_half_other_key(struct fog_half *h, u64 generation,
					      struct fog_cell_key *former);
/* Key for an admitted sequence; moves on a generation if it is the first of the next. That of the
 * generation before is expanded in *former, which is rare: only what was under way when it ended.
 * NULL: another sequence used since took that key's place. */
static inline const struct fog_cell_key *fog_half_use_key(struct fog_half *h, u64 sequence,
							  struct fog_cell_key *former)
{
	u64 generation = sequence >> FOG_RATCHET_SHIFT;

	return generation == h->generation ? &h->key : fog_half_other_key(h, generation, former);
}

/* Ask for the lines that admitting a cell of this sequence touches. Those of the key are asked for
 * by the cipher, a few cells ahead: of a whole batch they would not fit the cache. */
static inline __attribute__((always_inline)) void fog_half_prefetch(const struct fog_half *h,
								    u64 sequence)
{
	__builtin_prefetch(h, 1);
	__builtin_prefetch(&h->replay.word[sequence / 64 % FOG_REPLAY_WORDS], 1);
}

#endif
