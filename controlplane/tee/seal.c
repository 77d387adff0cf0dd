/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/seal.h"

#include <errno.h>

#define INFO     "fog enclave 1"
#define AAD_SIZE (FOG_TEE_ID_SIZE + FOG_TEE_SECRET_NAME_MAX + 1)

/* The length, or 0: something is too long. */
static size_t aad_make(u8 aad[AAD_SIZE], const char *enclave, const char *name)
{
	size_t id_len = strlen(enclave) + 1, name_len = strlen(name);

	if (id_len > FOG_TEE_ID_SIZE || name_len == 0 || name_len > FOG_TEE_SECRET_NAME_MAX)
		return 0;
	memcpy(aad, enclave, id_len);
	memcpy(aad + id_len, name, name_len);
	return id_len + name_len;
}

int fog_tee_seal(u8 *out, const u8 *secret, size_t size, const u8 key[32], const char *enclave,
		 const char *name)
{
	u8 aad[AAD_SIZE];
	size_t len = aad_make(aad, enclave, name);

	return len != 0 ? fog_hpke_seal(out, secret, size, key, INFO, strlen(INFO), aad, len)
			: -EINVAL;
}

int fog_tee_unseal(u8 *out, const u8 *sealed, size_t size, const struct fog_hpke_keys *keys,
		   const char *enclave, const char *name)
{
	u8 aad[AAD_SIZE];
	size_t len = aad_make(aad, enclave, name);

	return len != 0 ? fog_hpke_open(out, sealed, size, keys, INFO, strlen(INFO), aad, len)
			: -EINVAL;
}
