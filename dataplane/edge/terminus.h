/* SPDX-License-Identifier: BSD-3-Clause */
/* The far end of other hosts' circuits: QUIC servers found by connection id, whatever circuit their
 * packets come from, and the streams they accept. A circuit is known by the data plane's handle and
 * here also by a serial number that is never used twice: the path of its connections. */
#ifndef FOG_EDGE_TERMINUS_H
#define FOG_EDGE_TERMINUS_H

#include <ev.h>

#include "dataplane/abi/edge.h"
#include "dataplane/edge/conn.h"

#define FOG_ENDS_MAX    4096 /* circuits that end here; more are closed with RESOURCE */
#define FOG_SERVERS_MAX 1024 /* connections; an Initial past it is ignored */
/* Handshakes over one circuit in its life: ours need one, and nobody may use up all servers. */
#define FOG_END_SERVERS_MAX 32
#define FOG_SERVER_CIDS_MAX 16   /* connection ids of one connection */
#define FOG_HEADER_WAIT_S   10.0 /* from the opening of a stream to its whole header line */
/* Stateless resets a second, all circuits together: an answer to every stray packet would loop. */
#define FOG_RESETS_PER_S 50

#define FOG_TABLE_SIZE 4096 /* hash buckets */

struct fog_edge;
struct fog_server;

struct fog_end {
	u32 handle;
	u64 serial; /* serial % FOG_ENDS_MAX is its place */
	u64 bytes_rx, bytes_tx;
	u64 created_ns;
	u32 servers;          /* handshakes begun */
	struct fog_end *next; /* in its bucket */
};

struct fog_cid_entry {
	ngtcp2_cid cid;
	struct fog_server *server;
	struct fog_cid_entry *next; /* in its bucket */
};

struct fog_terminus {
	struct fog_end *ends[FOG_ENDS_MAX];      /* by place */
	struct fog_end *handles[FOG_TABLE_SIZE]; /* by handle */
	struct fog_cid_entry *cids[FOG_TABLE_SIZE];
	struct fog_server *servers;
	u32 ends_count;
	u32 conns_count;
	u32 place; /* next to try */
	u64 round; /* of serials */
	u64 hash_key;
	u64 dropped; /* datagrams that belong to nothing */
	u64 resets_second;
	u32 resets;
};

void fog_terminus_init(struct fog_edge *e);
void fog_terminus_free(struct fog_edge *e);
/* One DATAGRAM or CLOSE slot. */
void fog_terminus_receive(struct fog_edge *e, const struct fog_edge_slot *slot);
/* The data plane is gone: no circuit ends here any more; connections wait for their clients. */
void fog_terminus_lost(struct fog_edge *e);
/* Mark every connection: there is room again. */
void fog_terminus_wake(struct fog_edge *e);
void fog_terminus_stop(struct fog_edge *e);
/* Close a circuit by order of the operator. False: no such handle. */
bool fog_terminus_close(struct fog_edge *e, u32 handle);
u32 fog_terminus_streams(const struct fog_edge *e, const struct fog_end *end);

#endif
