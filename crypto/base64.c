/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/base64.h"

#include <errno.h>
#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

void fog_base64url_encode(char *out, const void *data, size_t len)
{
	sodium_bin2base64(out, sodium_base64_ENCODED_LEN(len, VARIANT), data, len, VARIANT);
}

int fog_base64url_decode(u8 *out, size_t cap, const char *text, size_t text_len)
{
	const char *end = NULL;
	size_t len;

	if (sodium_base642bin(out, cap, text, text_len, NULL, &len, &end, VARIANT) != 0 ||
	    end != text + text_len)
		return -EINVAL;
	return (int)len;
}
