/* SPDX-License-Identifier: BSD-3-Clause */
/* The records in their tree, with undo, and with the money in them counted as they are written: the
 * sum over all records is known at any time without a walk, and conservation is one comparison.
 *
 * Reads copy out, writes copy in. A write without memory sets `error` and is lost; whoever runs a
 * transaction or block looks at it once at the end and undoes everything. Private to ledger/ and
 * governance/. */
#ifndef FOG_LEDGER_STATE_H
#define FOG_LEDGER_STATE_H

#include "controlplane/ledger/record.h"
#include "controlplane/ledger/tree.h"

typedef unsigned __int128 fog_u128;

struct fog_state {
	struct fog_tree *tree;
	struct fog_rec_global global; /* the record GLOBAL; in the tree since the last flush */
	fog_u128 held;                /* money in all records of the tree but GLOBAL */
	int error;
	u8 *journal; /* what was overwritten since fog_state_commit() */
	size_t journal_len, journal_cap;
};

/* Where to go back to. */
struct fog_state_mark {
	size_t journal_len;
	struct fog_rec_global global;
	fog_u128 held;
};

int fog_state_init(struct fog_state *s); /* -ENOMEM */
void fog_state_free(struct fog_state *s);

/* Body size and id size of a kind; 0 for a kind that does not exist. */
u32 fog_record_size(enum fog_record kind);
u32 fog_record_id_size(enum fog_record kind);
const char *fog_record_name(enum fog_record kind);
/* Money in a body. */
fog_u128 fog_record_money(enum fog_record kind, const void *body);
void fog_record_key(enum fog_record kind, const void *id, u8 key[FOG_TREE_KEY_SIZE]);
/* Splits a value of the tree. 0, or -EINVAL when it is none of ours. */
int fog_record_read(const void *value, u32 len, enum fog_record *kind, const void **id,
		    const void **body);

/* False, and out zeroed, when there is none. `out` has the size of the kind. */
bool fog_state_get(const struct fog_state *s, enum fog_record kind, const void *id, void *out);
bool fog_state_has(const struct fog_state *s, enum fog_record kind, const void *id);
void fog_state_put(struct fog_state *s, enum fog_record kind, const void *id, const void *body);
void fog_state_delete(struct fog_state *s, enum fog_record kind, const void *id);

void fog_state_mark(const struct fog_state *s, struct fog_state_mark *out);
void fog_state_undo(struct fog_state *s, const struct fog_state_mark *mark);
void fog_state_flush(struct fog_state *s);  /* writes GLOBAL */
void fog_state_commit(struct fog_state *s); /* forgets the journal */

/* All money there is must be what was issued. */
bool fog_state_conserved(const struct fog_state *s);

/* An account's balance goes up or down; false when it has less (or would overflow: cannot be, all
 * money fits). */
bool fog_state_credit(struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 amount);
bool fog_state_debit(struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 amount);

/* a * b / c in 128 bits, rounded down; c != 0. */
static inline u64 fog_muldiv(u64 a, u64 b, u64 c)
{
	return (u64)((fog_u128)a * b / c);
}

#endif
