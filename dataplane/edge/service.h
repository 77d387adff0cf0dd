/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that other hosts open here: header line in, the service asked for, answer line out, then
 * the stream is joined to the service's socket. */
#ifndef FOG_EDGE_SERVICE_H
#define FOG_EDGE_SERVICE_H

#include "dataplane/edge/conn.h"

struct fog_edge;

/* Takes the stream; without memory it is left unbound, which resets it. */
void fog_service_accept(struct fog_edge *e, struct fog_stream *s);

#endif
