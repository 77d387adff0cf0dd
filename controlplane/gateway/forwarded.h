/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose request it is that a reverse proxy hands on: X-Forwarded-For, or Forwarded (RFC 7239). Each
 * party on the way adds at the end the address it was called from, and whoever called first may
 * have written anything before that. So the list is read from its end, and only as far as those who
 * wrote are proxies of ours. Pure. */
#ifndef FOG_GATEWAY_FORWARDED_H
#define FOG_GATEWAY_FORWARDED_H

#include "configs/address.h"
#include "controlplane/gateway/gateway.h"

struct fog_proxies {
	struct fog_exit_rule network[FOG_GATEWAY_PROXIES_MAX];
	u32 count;
	bool forwarded; /* they write Forwarded, else X-Forwarded-For */
};

bool fog_proxies_hold(const struct fog_proxies *p, const u8 ip[16]);
/* One line of the header, written by `ip`, a proxy of ours; ip becomes who called it. What is not
 * an address ends the way: ip stays the last one known. True when ip is a proxy again, and the line
 * before this one tells who called it. */
bool fog_forwarded_step(const struct fog_proxies *p, const char *line, u8 ip[16]);

#endif
