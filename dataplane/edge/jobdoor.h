/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the control plane, both ends. Outbound: it connects to edge.sock and asks for a stream
 * to a host or through an exit, or for a circuit alone. Inbound: a stream of service "job", "pay"
 * or "data" is joined to a connection to jobs.sock, pay.sock or data.sock. */
#ifndef FOG_EDGE_JOBDOOR_H
#define FOG_EDGE_JOBDOOR_H

#include <ev.h>

#include "dataplane/edge/message.h"

#define FOG_JOBS_OPENING_MAX 256  /* edge.sock clients before their stream; more are hung up on */
#define FOG_JOBS_WAIT_S      10.0 /* for the line of either side */

struct fog_edge;
struct fog_jobdoor_request;
struct fog_jobdoor_client;

struct fog_jobdoor {
	struct fog_edge *edge;
	int fd; /* edge.sock */
	char path[108];
	char jobs_path[108], pay_path[108], data_path[108]; /* by service */
	struct ev_io io;
	u32 clients_count;
	struct fog_jobdoor_client *clients;
};

int fog_jobdoor_init(struct fog_jobdoor *j, struct fog_edge *e);
void fog_jobdoor_stop(struct fog_jobdoor *j); /* accept no more */
void fog_jobdoor_free(struct fog_jobdoor *j);

/* Inbound: connect to the service's socket and agree. done is told once, from the loop, unless
 * cancelled; fd is then the callee's. 0 or -ENOMEM. */
int fog_jobdoor_accept(struct fog_edge *e, enum fog_service service,
		       void (*done)(void *user, enum fog_open_code code, const char *error, int fd),
		       void *user, struct fog_jobdoor_request **out);
void fog_jobdoor_cancel(struct fog_jobdoor_request *r);

#endif
