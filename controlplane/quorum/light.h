/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody who keeps no blocks must see to believe a state root, knowing only genesis: how
 * each epoch followed from the one before, and a header with a certificate. Pure; every byte is a
 * stranger's. */
#ifndef FOG_QUORUM_LIGHT_H
#define FOG_QUORUM_LIGHT_H

#include "controlplane/quorum/quorum.h"

#define FOG_EPOCH_SIZE_MAX \
	(FOG_HEADER_SIZE + 32 + FOG_CERTIFICATE_SIZE_MAX + FOG_VALIDATORS_SIZE_MAX)

/* How epoch `set.epoch` followed: the header of the last block of the epoch before, its certificate
 * by that epoch's set, and the root of the state after it (which only the next header proves). */
struct fog_epoch {
	struct fog_header last;
	u8 root[32];
	struct fog_certificate cert;
	struct fog_validators set;
};

/* Returns the size; decode 0 or -EBADMSG. */
u32 fog_epoch_encode(const struct fog_epoch *e, u8 out[FOG_EPOCH_SIZE_MAX]);
int fog_epoch_decode(struct fog_epoch *e, const u8 *data, u32 len);

/* Does it follow from `set`? 0 or -EBADMSG. Up to 64 signatures. */
int fog_epoch_follows(const struct fog_epoch *e, const struct fog_validators *set,
		      const u8 chain[32]);

/* `header`[0 .. count): each the child of the one before, the last one certified by `set`. 0: the
 * state_root of the first is what a quorum agreed on for its state_height. -EBADMSG. */
int fog_light_verify(const struct fog_validators *set, const u8 chain[32],
		     const struct fog_header *header, u32 count,
		     const struct fog_certificate *cert);

#endif
