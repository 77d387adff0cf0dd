/* SPDX-License-Identifier: BSD-3-Clause */
/* A tunnel: one QUIC connection to one terminus and the circuit that carries it now.
 *
 *	ROUTING --path--> BUILDING --built--> RUNNING
 *	   ^                 |failed             |circuit ended, or silent for some probe timeouts
 *	   +----- PAUSE <----+-------------------+      (the connection and its streams live on)
 *
 * While there is trouble the tunnel asks for new routes to the same terminus without the suspected
 * hops, at most FOG_TUNNEL_TRIES times within FOG_TUNNEL_TROUBLE_NS; then every stream fails.
 * Trouble is over when a packet of the connection arrives. */
#ifndef FOG_EDGE_TUNNEL_H
#define FOG_EDGE_TUNNEL_H

#include "dataplane/edge/carrier.h"
#include "dataplane/edge/circuits.h"
#include "dataplane/edge/message.h"

#define FOG_TUNNELS_MAX        64   /* more: the opener gets a resource error */
#define FOG_OPENINGS_MAX       1024 /* streams being opened; likewise */
#define FOG_TUNNEL_TRIES       10
#define FOG_TUNNEL_TROUBLE_NS  30000000000ull
#define FOG_TUNNEL_PAUSE_S     0.05 /* doubles per try */
#define FOG_TUNNEL_PAUSE_MAX_S 2.0
#define FOG_TUNNEL_WATCH_S     0.5
/* A circuit is given up when this many probes stayed unanswered and nothing came for this long. */
#define FOG_TUNNEL_UNANSWERED 3
#define FOG_TUNNEL_SILENCE_NS 1500000000ull
#define FOG_TUNNEL_ANSWER_NS  2500000000ull /* or when a keep-alive has none for this long */
/* An exit tunnel takes no new streams past this age: old ones must not link what comes later. */
#define FOG_TUNNEL_AGE_NS  600000000000ull
#define FOG_TUNNEL_KEPT_NS 3600000000000ull /* a circuit built by request goes on for this long */
#define FOG_OPENING_S      45.0             /* from the request to the answer of the far edge */

enum fog_tunnel_state {
	FOG_TUNNEL_ROUTING = 1,
	FOG_TUNNEL_BUILDING = 2,
	FOG_TUNNEL_RUNNING = 3,
	FOG_TUNNEL_PAUSE = 4,
};

struct fog_opening;

struct fog_tunnel {
	struct fog_carrier carrier; /* first: a connection's user is its carrier */
	enum fog_tunnel_state state;
	enum fog_purpose purpose;
	bool terminus_known; /* asked for, or chosen by the control plane */
	bool closing;
	bool apart; /* asked for as a circuit of its own: joined to no other tunnel */
	bool fresh; /* and nobody else uses it; it ends with its stream */
	bool kept;  /* lives without streams */
	char owner[FOG_OWNER_SIZE]; /* for whom it is; empty: the host */
	u32 hops_wanted;            /* 0 = as configured */
	struct fog_route_request request;
	u8 terminus[FOG_NODE_ID_SIZE];
	u8 quic_pk[FOG_TLS_KEY_SIZE];
	unsigned hops;
	struct fog_circuit_hop path[FOG_HOPS_MAX];
	struct fog_line *line;
	u64 created_ns;
	u64 trouble_ns; /* since when; 0 = all is well */
	unsigned tries;
	unsigned refusals;     /* termini that did not hold their key */
	struct ev_timer timer; /* PAUSE: its end; RUNNING: watch */
	struct fog_opening *waiting, *waiting_last;
	struct fog_tunnel *next, *prev;
};

struct fog_tunnels {
	struct fog_tunnel *list;
	u32 count;
	u32 openings;
};

/* A stream through a tunnel, until the far edge has accepted it. */
struct fog_opening {
	struct fog_edge *edge;
	struct fog_tunnel *tunnel;
	enum fog_purpose purpose;
	bool retried; /* a fresh exit was asked for already */
	bool queued;  /* in tunnel->waiting */
	struct fog_stream_header header;
	struct fog_stream *stream;
	struct ev_timer timer;
	enum fog_open_code code; /* of a failure that is told from the loop */
	char error[FOG_ERROR_TEXT_MAX];
	/* Told once, from the loop, never from fog_opening_start(). OK: the stream is the callee's
	 * to bind at once; its rx may hold bytes already. A CIRCUIT has none: NULL. */
	void (*done)(struct fog_opening *o, enum fog_open_code code, const char *error,
		     struct fog_stream *stream);
	void *user;
	struct fog_opening *next;
};

/* NULL when out of memory or over FOG_OPENINGS_MAX. header: TCP through any exit that may reach it,
 * to header->target for the others. */
struct fog_opening *fog_opening_start(struct fog_edge *e, const struct fog_stream_header *header,
				      void (*done)(struct fog_opening *o, enum fog_open_code code,
						   const char *error, struct fog_stream *stream),
				      void *user);
/* The caller is no longer interested; done is not called. */
void fog_opening_cancel(struct fog_opening *o);

/* For opening.c. */
struct fog_tunnel *fog_tunnel_for(struct fog_edge *e, struct fog_opening *o);
void fog_tunnel_enqueue(struct fog_tunnel *t, struct fog_opening *o);
void fog_tunnel_dequeue(struct fog_opening *o);
/* From now on it lives without streams, and is built again when it breaks. */
void fog_tunnel_keep(struct fog_tunnel *t);
void fog_opening_attach(struct fog_opening *o);
void fog_opening_fail(struct fog_opening *o, enum fog_open_code code, const char *error);

/* What the control plane says to a route request; NULL: it cannot be asked. */
void fog_tunnel_routed(struct fog_edge *e, const struct fog_route *route);
void fog_tunnel_unroutable(struct fog_edge *e, u64 route_id, const char *why);
/* The circuit `l` is to be closed by order of the operator. */
void fog_tunnel_line_close(struct fog_line *l);
/* Close every connection; streams are reset. */
void fog_tunnels_stop(struct fog_edge *e);
void fog_tunnels_free(struct fog_edge *e);

#endif
