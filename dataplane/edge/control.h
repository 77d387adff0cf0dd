/* SPDX-License-Identifier: BSD-3-Clause */
/* The line to the control plane, control.sock: asks for routes, reports circuits, answers questions
 * about them. Reconnects with back-off; while it is down everything that runs keeps running, and
 * route requests wait, at most FOG_CONTROL_ANSWER_S. */
#ifndef FOG_EDGE_CONTROL_H
#define FOG_EDGE_CONTROL_H

#include <ev.h>

#include "dataplane/edge/message.h"

#define FOG_CONTROL_PENDING_MAX 128           /* route requests without an answer; more: -ENOBUFS */
#define FOG_CONTROL_ANSWER_S    10.0          /* then the tunnel hears that nobody answers */
#define FOG_CONTROL_OUT_MAX     (1024 * 1024) /* not yet written; past it reports are dropped */
#define FOG_CONTROL_RETRY_S     0.1           /* doubles */
#define FOG_CONTROL_RETRY_MAX_S 3.0

struct fog_edge;
struct fog_line;

struct fog_control_pending {
	u64 id; /* 0: free */
	double deadline;
	char *line; /* sent again after a reconnection */
};

struct fog_control {
	struct fog_edge *edge; /* NULL: never started */
	char path[108];
	int fd; /* -1: not connected */
	bool said;
	bool complained; /* a malformed line of this connection was logged */
	double retry_s;
	u64 next_id;
	u64 dropped; /* reports */
	struct ev_io read_io;
	struct ev_io write_io;
	struct ev_timer retry;
	struct ev_timer sweep;
	struct fog_control_pending pending[FOG_CONTROL_PENDING_MAX];
	size_t in_size;
	size_t out_size, out_room;
	char *out;
	char in[FOG_MESSAGE_LINE_MAX + 1];
};

void fog_control_init(struct fog_control *c, struct fog_edge *e);
void fog_control_free(struct fog_control *c);

/* Sets request->id; the answer comes through fog_tunnel_routed() or fog_tunnel_unroutable(), never
 * from here. 0, -ENOBUFS or -ENOMEM. */
/* Send a line of JSON; taken over. Dropped and counted while there is no control plane. */
struct json_t;
void fog_control_send(struct fog_control *c, struct json_t *line);

int fog_control_route(struct fog_control *c, struct fog_route_request *request);
/* Report "built", "failed" or "closed". */
void fog_control_circuit(struct fog_control *c, const struct fog_line *l, const char *event,
			 const char *reason);

#endif
