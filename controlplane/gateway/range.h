/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of what is large and does not change: Range, If-Range and If-None-Match (RFC 9110). */
#ifndef FOG_GATEWAY_RANGE_H
#define FOG_GATEWAY_RANGE_H

#include "controlplane/gateway/gateway.h"

/* One range of `text`, the value of a Range header, of something of `size` bytes. 1: *offset and
 * *len, which is at least 1. 0: it asks for everything: there is no range, several, or what is
 * none. -ERANGE: none of it is there. */
int fog_http_range(const char *text, u64 size, u64 *offset, u64 *len);

struct fog_exchange_part {
	u64 offset, len;
	unsigned status; /* to answer with: 200 or 206 */
};

/* Which bytes the caller wants of `size` bytes that `tag` names for good (what they hash to; no
 * quotes). False: it was answered (304, 416, 503, or 400 when it is more than `max`), and the
 * handler returns 0. Else the handler answers fog_exchange_bytes() with part->status and just these
 * bytes. Takes three of the additional headers. */
bool fog_exchange_part(struct fog_exchange *x, const char *tag, u64 size, u64 max,
		       struct fog_exchange_part *part);

#endif
