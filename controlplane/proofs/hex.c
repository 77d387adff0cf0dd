/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/hex.h"

#include <errno.h>

json_t *fog_hex_json(const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const u8 *p = data;
	char *text = malloc(2 * len + 1);

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	json_t *out = json_stringn(text, 2 * len);
	free(text);
	return out;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int fog_hex_some(const json_t *text, void *out, size_t cap)
{
	const char *s = json_string_value(text);
	size_t len = json_string_length(text);
	u8 *p = out;

	if (s == NULL || len % 2 != 0 || len / 2 > cap)
		return -EINVAL;
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		p[i] = (u8)(high << 4 | low);
	}
	return (int)(len / 2);
}

int fog_hex_bytes(const json_t *text, void *out, size_t len)
{
	return fog_hex_some(text, out, len) == (int)len ? 0 : -EINVAL;
}
