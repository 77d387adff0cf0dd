/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs that were taken, in the store: each issuer's id once (that is the protection against
 * replay), for 90 days, newest found first. One thread, the loop's. */
#ifndef FOG_PROOFS_ARCHIVE_H
#define FOG_PROOFS_ARCHIVE_H

#include "controlplane/core/store.h"
#include "controlplane/proofs/proof.h"

#define FOG_PROOF_ARCHIVE_MAX 1000000 /* more: -ENOSPC until old ones go */

/* Makes the tables. 0 or -errno with why. */
int fog_proof_archive_open(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);

/* A proof that was found good. 0; -EALREADY: this issuer's id was taken before; -ENOSPC; -errno. */
int fog_proof_archive_put(struct fog_store *st, const struct fog_proof *p, u64 now_s);

/* The newest with this id. 0 or -ENOENT, -errno. */
int fog_proof_archive_get(struct fog_store *st, const u8 id[FOG_PROOF_ID_SIZE],
			  struct fog_proof *out);

/* Forgets what was taken more than FOG_PROOF_RETENTION_S ago; longer than a proof can be fresh, so
 * nothing forgotten is taken again. 0 or -errno. */
int fog_proof_archive_prune(struct fog_store *st, u64 now_s);

/* How many there are, or -errno. */
i64 fog_proof_archive_count(struct fog_store *st);

#endif
