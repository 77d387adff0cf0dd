/* SPDX-License-Identifier: BSD-3-Clause */
/* The secrets of a data plane in one file, state/dataplane.key:
 *
 *	0 magic[16] "fog-dataplane-1\n" | 16 link X25519 secret[32] | 48 onion X25519 secret[32]
 *
 * Made when missing, never overwritten: a lost key means a new identity towards all neighbours. */
#ifndef FOG_CTL_KEYS_H
#define FOG_CTL_KEYS_H

#include "crypto/types.h"

#define FOG_KEYS_FILE_SIZE 80

struct fog_keys {
	u8 link_sk[32];
	u8 onion_sk[32];
};

/* Read `path`, or create it (mode 0600, complete or not at all, safe against a second process doing
 * the same). why (256 bytes) says what is wrong with a file that is refused: -EPERM (group or
 * others may read it, or it is not ours), -EINVAL (not a regular file, size, magic, zero key), or
 * -errno. On failure *k is wiped. The caller wipes *k after use. */
int fog_keys_load(struct fog_keys *k, const char *path, char why[256]);
void fog_keys_wipe(struct fog_keys *k);

#endif
