/* SPDX-License-Identifier: BSD-3-Clause */
/* Service "tcp": reach a target for a circuit. Policy first; names are resolved here and every
 * address found is checked before it is tried; addresses are tried one after another. */
#ifndef FOG_EDGE_EXIT_H
#define FOG_EDGE_EXIT_H

#include <ares.h>
#include <ev.h>

#include "dataplane/edge/message.h"

#define FOG_EXIT_REQUESTS_MAX  1024 /* being resolved or connected; more: RESOURCE */
#define FOG_EXIT_ADDRESSES_MAX 8    /* tried of one name */
#define FOG_EXIT_TIMEOUT_S     20.0 /* resolving and connecting together */
#define FOG_EXIT_CONNECT_S     6.0  /* one address */
#define FOG_EXIT_RESOLVE_MS    2500 /* one DNS query; two tries */
#define FOG_EXIT_SOCKETS_MAX   32   /* of the resolver */

struct fog_edge;
struct fog_exit_request;

struct fog_exit_socket {
	struct ev_io io;
	struct fog_edge *edge;
};

struct fog_exit {
	ares_channel channel;
	u32 requests;
	bool channel_ready;
	struct fog_exit_socket socket[FOG_EXIT_SOCKETS_MAX];
	struct ev_timer timer; /* the resolver's */
};

typedef void (*fog_exit_done)(void *user, enum fog_open_code code, const char *error, int fd);

int fog_exit_init(struct fog_edge *e);
void fog_exit_free(struct fog_edge *e);

/* done is told once, from the loop, unless cancelled; fd is then the callee's. 0, -EMFILE or
 * -ENOMEM. host: a name, or an address as text. */
int fog_exit_open(struct fog_edge *e, const char *host, u16 port, fog_exit_done done, void *user,
		  struct fog_exit_request **out);
void fog_exit_cancel(struct fog_exit_request *r);

#endif
