/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the kernel would send a datagram: route and neighbour, asked over rtnetlink. For back ends
 * that write frames themselves but leave ARP, ND and routing to the kernel. */
#ifndef FOG_ROUTE_H
#define FOG_ROUTE_H

#include "crypto/types.h"

/* A socket for the calls below, or -errno. */
int fog_route_open(void);

/* Link-layer address of the next hop to `ip` (IPv4 mapped). 0: mac is filled; -EAGAIN: the kernel
 * has not resolved the neighbour; -EXDEV: the way there is not through interface `ifindex`, or is
 * no Ethernet; -errno of the kernel (-ENETUNREACH ..). Does not block; some us. */
int fog_route_resolve(int fd, u32 ifindex, const u8 ip[16], u8 mac[6]);

#endif
