/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cipher.h"

static bool supported(void)
{
	return false;
}

const struct fog_cipher fog_cipher_vaes = {.name = "vaes", .supported = supported};
