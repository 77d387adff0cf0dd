/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may be one and the same: hosts of one operator, and hosts of one network (/24, or /48 of
 * IPv6), belong together, whatever else they say. Private, loopback and link-local networks tell
 * nothing: there each address is its own. Pure but for its own memory. */
#ifndef FOG_DIRECTORY_PLACE_H
#define FOG_DIRECTORY_PLACE_H

#include "controlplane/directory/descriptor.h"

#define FOG_PLACE_HOSTS_MAX 4096

/* 16 bytes, equal for hosts of one network. Loopback tells nothing, not even that two are on one
 * machine of a lab: there it is the host's own. */
void fog_place_net(const struct fog_descriptor *d, u8 net[16]);
/* Two hosts that should not share a circuit, a committee or most of a neighbourhood. */
bool fog_place_together(const struct fog_descriptor *a, const struct fog_descriptor *b);

/* Groups of hosts, closed under "together". */
struct fog_place_groups;
int fog_place_groups_new(struct fog_place_groups **out); /* 0 or -ENOMEM */
void fog_place_groups_free(struct fog_place_groups *g);
/* The number of the host, 0, 1, 2 ..; at most FOG_PLACE_HOSTS_MAX. Amortised O(1). */
u32 fog_place_groups_add(struct fog_place_groups *g, const struct fog_descriptor *d);
/* The group of host i, now that all are added. */
u32 fog_place_groups_of(struct fog_place_groups *g, u32 i);

#endif
