/* SPDX-License-Identifier: BSD-3-Clause */
/* Secrets on their way to an enclave: HPKE to the key in its quote, info "fog enclave 1", the
 * enclave's id, a zero byte and the secret's name as associated data: a seal for one enclave or
 * name is none for another. Pure; any thread. */
#ifndef FOG_TEE_SEAL_H
#define FOG_TEE_SEAL_H

#include "controlplane/tee/statement.h"
#include "crypto/hpke/hpke.h"

#define FOG_TEE_SECRET_MAX      (64u << 10) /* bytes */
#define FOG_TEE_SECRET_NAME_MAX 63

/* out takes size + FOG_HPKE_OVERHEAD bytes. 0; -EINVAL: the name is too long; -EBADMSG: the key. */
int fog_tee_seal(u8 *out, const u8 *secret, size_t size, const u8 key[32], const char *enclave,
		 const char *name);
/* out takes size - FOG_HPKE_OVERHEAD bytes. 0; -EINVAL; -EBADMSG: not for this enclave, key or
 * name. */
int fog_tee_unseal(u8 *out, const u8 *sealed, size_t size, const struct fog_hpke_keys *keys,
		   const char *enclave, const char *name);

#endif
