/* SPDX-License-Identifier: BSD-3-Clause */
/* The secret of an edge in one file, state/edge.key: magic[16] "fog-edge-1\n", then the Ed25519
 * seed of its QUIC key[32]. Made when missing, mode 0600, never overwritten. */
#ifndef FOG_EDGE_KEY_H
#define FOG_EDGE_KEY_H

#include "crypto/types.h"

#define FOG_EDGE_KEY_FILE_SIZE 48

/* Read or create. -EPERM: others may read it, or it is not ours; -EINVAL: not such a file; or
 * -errno; why (256 bytes) says more. The caller wipes seed. */
int fog_edge_key_load(u8 seed[32], const char *path, char why[256]);

/* Another secret from the seed: out = BLAKE2b-256(key seed, label). */
void fog_edge_key_derive(u8 out[32], const u8 seed[32], const char *label);

#endif
