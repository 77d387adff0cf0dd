/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cpu.h"

#include "crypto/cell/cipher.h"
#include "crypto/curve/curve.h"

#include <sodium.h>

#include <errno.h>

static const struct fog_cipher *const paths[] = {
	&fog_cipher_portable,
	&fog_cipher_aesni,
	&fog_cipher_vaes,
};
_Static_assert(FOG_ARRAY_COUNT(paths) == FOG_CRYPTO_PATHS_MAX, "paths");

const struct fog_cipher *fog_cipher = &fog_cipher_portable;
static bool initialized;

static void use(unsigned i)
{
	fog_cipher = paths[i];
	fog_curve_select(i);
}

int fog_crypto_select(const char *name)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(paths); i++) {
		if (strcmp(paths[i]->name, name) != 0)
			continue;
		if (!paths[i]->supported())
			return -ENOTSUP;
		use(i);
		return 0;
	}
	return -EINVAL;
}

int fog_crypto_init(void)
{
	const char *name = getenv("FOG_CPU");

	if (initialized)
		return 0;
	if (sodium_init() < 0)
		return -EIO;
	if (name != NULL && name[0] != '\0') {
		int rc = fog_crypto_select(name);
		if (rc < 0)
			return rc;
	} else {
		for (unsigned i = 0; i < FOG_ARRAY_COUNT(paths); i++)
			if (paths[i]->supported())
				use(i);
	}
	initialized = true;
	return 0;
}

const char *fog_crypto_cpu(void)
{
	return fog_cipher->name;
}

const char *fog_crypto_path(unsigned i)
{
	return i < FOG_ARRAY_COUNT(paths) ? paths[i]->name : NULL;
}
