/* SPDX-License-Identifier: BSD-3-Clause */
/* Names in any letter case. */
#ifndef FOG_MARKET_NAME_H
#define FOG_MARKET_NAME_H

#include "crypto/types.h"

/* Letters of ASCII only; a locale has no say. */
static inline char fog_name_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool fog_name_is(const char *name, const char *known)
{
	while (*known != '\0' && fog_name_lower(*name) == fog_name_lower(*known)) {
		name++;
		known++;
	}
	return *known == '\0' && *name == '\0';
}

#endif
