/* SPDX-License-Identifier: BSD-3-Clause */
/* Which messages came already. A sender whose acknowledgement got lost sends again, and what it
 * sends must not come twice, over a restart of ours too.
 *
 *	received		magic 8 | begun u64 | ids of 16, as they came
 *	received.before		the same, of the time before
 *
 * Each is a keyed hash table in memory, as senders choose ids. When the newer one is FOG_KNOWN_NS
 * old or holds FOG_KNOWN_MAX ids, it becomes the older one and what was the older one is forgotten.
 * So an id is known for FOG_KNOWN_NS at least, unless more than FOG_KNOWN_MAX others came after it:
 * twelve a second all day.
 *
 * Time is when a message reached its provider, by the provider's clock, not when we fetched it: a
 * sender gives up before FOG_KNOWN_NS, so no copy lies further behind, however long we were away.
 * The caller takes no provider's word for a time that has not come: two messages of the far future
 * would forget all others.
 *
 * Memory: 32 bytes an id, 64 MiB at most; disk: 16 bytes. One thread. */
#ifndef FOG_EDGE_MIX_KNOWN_H
#define FOG_EDGE_MIX_KNOWN_H

#include "crypto/types.h"

#define FOG_KNOWN_ID  16
#define FOG_KNOWN_MAX (1u << 20)
#define FOG_KNOWN_NS  (25ull * 3600 * 1000000000)

struct fog_known_half {
	u64 begun; /* ns; 0 = never */
	u32 count;
	u32 room;                  /* places, a power of two; 0 = none yet */
	u8 (*place)[FOG_KNOWN_ID]; /* zero = free */
};

struct fog_known {
	int folder;  /* the caller's */
	int fd;      /* of `received`; -1 = not begun */
	u32 written; /* ids in it */
	u8 key[16];  /* of the hash */
	struct fog_known_half now, before;
};

/* Reads what is in `folder`, a descriptor that outlives `k`. A file that is not ours or that a
 * crash cut short counts as far as it can be read. 0, -ENOMEM or -errno. */
int fog_known_open(struct fog_known *k, int folder);
void fog_known_close(struct fog_known *k);

/* On disk on return. id: not zero. -errno: known until a restart only; -ENOMEM: not known. */
int fog_known_add(struct fog_known *k, const u8 id[FOG_KNOWN_ID], u64 at_ns);
bool fog_known_has(const struct fog_known *k, const u8 id[FOG_KNOWN_ID]);

#endif
