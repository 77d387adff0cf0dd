/* SPDX-License-Identifier: BSD-3-Clause */
/* How a validator that was away learns what became final: heights in a status, and ranges of blocks
 * of one epoch with the certificate that makes the last one final. Pure; a peer's bytes. */
#ifndef FOG_QUORUM_SYNC_H
#define FOG_QUORUM_SYNC_H

#include "controlplane/quorum/wire.h"

#define FOG_SYNC_BLOCKS_MAX 128
#define FOG_SYNC_BYTES_SOFT (1024u * 1024) /* then the range ends at the next certificate */
#define FOG_SYNC_SIZE_MAX   (16u * 1024 * 1024)
#define FOG_STATUS_SIZE     48

struct fog_sync_status {
	u64 epoch, view;
	u64 height;   /* final */
	u64 first;    /* first height whose block can be asked for */
	u64 snapshot; /* height of the snapshot on offer, 0 = none */
	u64 pool;     /* transactions waiting */
};

void fog_sync_status_encode(const struct fog_sync_status *s, u8 out[FOG_STATUS_SIZE]);
int fog_sync_status_decode(struct fog_sync_status *s, const u8 *data, u32 len);

struct fog_sync_range {
	u32 count;
	struct fog_block *block[FOG_SYNC_BLOCKS_MAX];
	struct fog_certificate cert;
};

/* Where final blocks come from. */
struct fog_sync_source {
	void *context;
	/* The block with its references counted up, or NULL; *cert: its own certificate, with
	 * kind 0 when it was made final by a descendant's. */
	struct fog_block *(*block)(void *context, u64 height, struct fog_certificate *cert);
};

/* The answer to "what comes from this height": count u16 | {len u32, block} each | certificate.
 * *out is the caller's to free. 0, -ENOENT: nothing (yet), -ENOMEM. */
int fog_sync_range_make(const struct fog_sync_source *source, u64 from, u8 **out, u32 *len);
/* Decode; checks that each block is the child of the one before, of one epoch, and the certificate
 * fits the last. 0, -EBADMSG, -ENOMEM. Free in any case. */
int fog_sync_range_decode(struct fog_sync_range *r, const u8 *data, u32 len);
void fog_sync_range_free(struct fog_sync_range *r);

#endif
