/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/base64.h"

#include <errno.h>

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four with `digits` (2..4) of them significant. */
static int group(const char *text, u32 digits, u8 *out)
{
	u32 bits = 0;

	for (u32 i = 0; i < 4; i++) {
		int d = i < digits ? digit(text[i]) : text[i] == '=' ? 0 : -1;
		if (d < 0)
			return -EINVAL;
		bits = bits << 6 | (u32)d;
	}
	if ((digits == 2 && (bits & 0xffff) != 0) || (digits == 3 && (bits & 0xff) != 0))
		return -EINVAL;
	for (u32 i = 0; i + 1 < digits; i++)
		out[i] = (u8)(bits >> (16 - 8 * i));
	return (int)digits - 1;
}

long fog_base64_decode(const char *text, size_t len, u8 *out)
{
	long used = 0;

	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		bool last = i + 4 == len;
		u32 digits = 4;
		if (last && text[i + 3] == '=')
			digits = text[i + 2] == '=' ? 2 : 3;
		int n = group(text + i, digits, out + used);
		if (n < 0)
			return n;
		used += n;
	}
	return used;
}
