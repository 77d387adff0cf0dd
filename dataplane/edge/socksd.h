/* SPDX-License-Identifier: BSD-3-Clause */
/* The SOCKS5 listener: dataplane/edge/socks.h speaks, this listens, opens streams and joins them.
 */
#ifndef FOG_EDGE_SOCKSD_H
#define FOG_EDGE_SOCKSD_H

#include <ev.h>

#include "dataplane/edge/socks.h"

#define FOG_SOCKSD_CLIENTS_MAX 512  /* in their handshake; more wait in the listen queue */
#define FOG_SOCKSD_HANDSHAKE_S 15.0 /* from accept to the whole request */

struct fog_edge;
struct fog_socks_client;

struct fog_socksd {
	struct fog_edge *edge;
	int fd; /* -1: not listening */
	char address[64];
	struct ev_io io;
	struct ev_timer pause; /* out of descriptors */
	u32 clients_count;
	struct fog_socks_client *clients;
};

void fog_socksd_init(struct fog_socksd *d, struct fog_edge *e);
/* Listen on "address:port" instead of where it listens now; empty: stop listening. 0 or -errno
 * after a line in the log; the old one stays then. */
int fog_socksd_listen(struct fog_socksd *d, const char *address);
void fog_socksd_stop(struct fog_socksd *d); /* accept no more */
void fog_socksd_free(struct fog_socksd *d);

#endif
