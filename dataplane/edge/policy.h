/* SPDX-License-Identifier: BSD-3-Clause */
/* What the exit of this host may reach. Pure. Order of the rules: deny lists first, then allow
 * lists, else denied. Networks that name this machine or its link (loopback, unspecified,
 * link-local, multicast, broadcast) are denied even to "0.0.0.0/0": only an allow rule that lies
 * wholly inside such a network opens it. */
#ifndef FOG_EDGE_POLICY_H
#define FOG_EDGE_POLICY_H

#include "configs/address.h"

#define FOG_POLICY_RULES_MAX 256 /* a list; longer ones are refused whole */

struct fog_policy {
	bool enabled; /* false, as after zeroing: everything is denied */
	u32 allow_count;
	u32 deny_count;
	struct fog_exit_rule allow[FOG_POLICY_RULES_MAX];
	struct fog_exit_rule deny[FOG_POLICY_RULES_MAX];
};

/* Add "CIDR:ports" (configs/address.h) to a list. 0, -EINVAL or -ENOSPC. */
int fog_policy_allow(struct fog_policy *p, const char *text);
int fog_policy_deny(struct fog_policy *p, const char *text);

/* ip: IPv6 or IPv4-mapped, network order. */
bool fog_policy_permits(const struct fog_policy *p, const u8 ip[16], u16 port);
/* Could any address be reached on this port? To refuse before asking the resolver. */
bool fog_policy_permits_port(const struct fog_policy *p, u16 port);

#endif
