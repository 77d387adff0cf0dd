/* SPDX-License-Identifier: BSD-3-Clause */
/* What carries a connection on the loop: pumps it when it is dirty or its deadline has come, holds
 * it back while the ring is full. */
#ifndef FOG_EDGE_CARRIER_H
#define FOG_EDGE_CARRIER_H

#include <ev.h>

#include "dataplane/edge/conn.h"

struct fog_edge;

/* Base of a tunnel and of a terminus' connection; the connection's user
 * pointer. */
struct fog_carrier {
	struct fog_edge *edge;
	struct fog_conn *conn;
	void (*closed)(struct fog_carrier *c); /* after the pump in which the connection ended */
	bool queued;
	struct fog_carrier *next; /* edge->dirty */
	struct ev_timer timer;    /* the connection's deadline */
};

void fog_carrier_init(struct fog_carrier *c, struct fog_edge *e,
		      void (*closed)(struct fog_carrier *c));
/* Free its connection, if any, and forget it. */
void fog_carrier_clear(struct fog_carrier *c);
/* ops->dirty and ops->room of connections whose user is a carrier. */
void fog_carrier_dirty(struct fog_conn *conn);
unsigned fog_carrier_room(struct fog_conn *conn);

#endif
