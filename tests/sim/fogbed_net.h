/* SPDX-License-Identifier: BSD-3-Clause */
/* What carries the streams of the simulated fog: tunnels, connections, framing. Private to it. */
#ifndef FOG_FOGBED_NET_H
#define FOG_FOGBED_NET_H

#include "tests/sim/fogbed.h"

/* Carry out what the engine of a living control plane wants. */
void fb_act(struct fb_host *h);
/* All links of host i under a new generation. */
void fb_links(struct fb *fb, u32 i);

void fb_net_open(struct fb *fb, u32 from, u32 to, u32 number);
void fb_net_send(struct fb *fb, u32 host, u32 number, u8 type, const void *data, u32 len);
void fb_net_close(struct fb *fb, u32 host, u32 number);
/* The control plane of this host died: its streams are reset. */
void fb_net_drop_host(struct fb *fb, u32 host);
void fb_net_datagram(struct tb *tb, struct tb_host *host, struct tb_circuit *circuit, u32 handle,
		     const u8 *data, u32 length);
/* Circuits that are due, connections that are due. */
void fb_net_step(struct fb *fb);
void fb_net_free(struct fb *fb);

#endif
