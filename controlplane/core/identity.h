/* SPDX-License-Identifier: BSD-3-Clause */
/* Who this host is: state/identity.key holds an Ed25519 seed (the node id's) and an X25519 secret
 * for links between control planes. 72 bytes: "fogkey1\n" | seed 32 | secret 32. Created once, mode
 * 0600; a file others may read or that belongs to another user is refused. Beside a new key lies
 * FOG_IDENTITY_NEW until a validator with this key has a log of what it votes: who has the key but
 * neither may have voted already (controlplane/validator/node.h). Never copy it. */
#ifndef FOG_CORE_IDENTITY_H
#define FOG_CORE_IDENTITY_H

#include "crypto/types.h"

#define FOG_IDENTITY_WHY_SIZE 256
#define FOG_IDENTITY_NEW      "identity.new" /* in DIR */
#define FOG_SIGN_MESSAGE_MAX  (1024 * 1024)  /* longer: -EMSGSIZE */

struct fog_identity {
	u8 node_id[32];    /* public */
	u8 control_pk[32]; /* public */
	u8 sign_sk[64];    /* secret */
	u8 control_sk[32]; /* secret */
};

/* Load, or create when absent, DIR/identity.key. The owner wipes. 0 or -errno; -EPERM: mode or
 * owner is wrong; -EUCLEAN: not a key file. `why` says it in words. */
int fog_identity_load(struct fog_identity *id, const char *dir, char why[FOG_IDENTITY_WHY_SIZE]);
void fog_identity_wipe(struct fog_identity *id);

/* Ed25519 over label | one zero byte | message. The label says what kind of thing is signed
 * ("fog descriptor 1", "fog receipt 1"), so that no signature passes for another kind. 0, -EMSGSIZE
 * or -ENOMEM; verify also -EBADMSG. */
int fog_identity_sign(const struct fog_identity *id, const char *label, const void *msg, size_t len,
		      u8 signature[64]);
int fog_signature_verify(const u8 node_id[32], const char *label, const void *msg, size_t len,
			 const u8 signature[64]);

#endif
