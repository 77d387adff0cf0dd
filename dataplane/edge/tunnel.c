/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/tunnel.h"

#include <errno.h>

#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"

static void establish(struct fog_tunnel *t);

static struct fog_tunnel *tunnel_of(struct fog_conn *c)
{
	return c->user; /* the carrier is its first member */
}

static void timer_set(struct fog_tunnel *t, double after, double repeat)
{
	struct ev_loop *loop = t->carrier.edge->loop;

	ev_timer_stop(loop, &t->timer);
	ev_timer_set(&t->timer, after, repeat);
	ev_timer_start(loop, &t->timer);
}

/* ---- openings ----------------------------------------------------------------------------- */

void fog_tunnel_enqueue(struct fog_tunnel *t, struct fog_opening *o)
{
	o->tunnel = t;
	o->queued = true;
	o->next = NULL;
	if (t->waiting == NULL)
		t->waiting = o;
	else
		t->waiting_last->next = o;
	t->waiting_last = o;
}

void fog_tunnel_dequeue(struct fog_opening *o)
{
	struct fog_tunnel *t = o->tunnel;
	struct fog_opening **at = &t->waiting;
	struct fog_opening *before = NULL;

	if (!o->queued)
		return;
	while (*at != o) {
		before = *at;
		at = &before->next;
	}
	*at = o->next;
	if (t->waiting_last == o)
		t->waiting_last = before;
	o->queued = false;
}

/* Give waiting openings their streams, as far as the peer allows. */
static void waiting_attach(struct fog_tunnel *t)
{
	for (u32 left = FOG_OPENINGS_MAX; left != 0 && t->waiting != NULL; left--) {
		struct fog_opening *o = t->waiting;

		fog_opening_attach(o);
		if (t->waiting == o)
			break; /* the peer's limit: streams_left comes */
	}
}

static void waiting_fail(struct fog_tunnel *t, enum fog_open_code code, const char *why)
{
	while (t->waiting != NULL) {
		struct fog_opening *o = t->waiting;

		fog_tunnel_dequeue(o);
		o->tunnel = NULL;
		fog_opening_fail(o, code, why);
	}
}

/* ---- life --------------------------------------------------------------------------------- */

static void tunnel_free(struct fog_tunnel *t)
{
	struct fog_edge *e = t->carrier.edge;

	FOG_ASSERT(t->waiting == NULL);
	ev_timer_stop(e->loop, &t->timer);
	if (t->line != NULL)
		fog_line_close(t->line, FOG_REASON_REQUESTED);
	fog_carrier_clear(&t->carrier);
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		e->tunnels.list = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	e->tunnels.count--;
	free(t);
}

/* Give up: streams fail, the tunnel goes. Not from within a callback of its connection. */
static void tunnel_fail(struct fog_tunnel *t, enum fog_open_code code, const char *why)
{
	fog_dplog(FOG_DPLOG_DEBUG, FOG_EDGE_PART, "tunnel given up: %s", why);
	waiting_fail(t, code, why);
	if (t->carrier.conn == NULL) {
		tunnel_free(t);
		return;
	}
	/* The pump ends the connection and comes back through carrier.closed. */
	t->closing = true;
	ev_timer_stop(t->carrier.edge->loop, &t->timer);
	fog_conn_close(t->carrier.conn, FOG_CODE_BROKEN, why);
}

static void exclude(struct fog_tunnel *t, const u8 *node_id)
{
	struct fog_route_request *r = &t->request;

	for (u32 i = 0; i < r->exclude_count; i++) {
		if (memcmp(r->exclude[i], node_id, FOG_NODE_ID_SIZE) == 0)
			return;
	}
	if (r->exclude_count < FOG_EXCLUDE_MAX)
		memcpy(r->exclude[r->exclude_count++], node_id, FOG_NODE_ID_SIZE);
}

/* May another terminus do as well? Only before a connection with this one was made. */
static bool terminus_free(const struct fog_tunnel *t)
{
	return t->purpose == FOG_PURPOSE_EXIT && t->carrier.conn == NULL;
}

/* hop: index in the path; past its end = any of them. At the first sign of trouble the first hop is
 * spared unless it is the one: a relay further on that breaks circuits must not choose our guard.
 */
static void suspect(struct fog_tunnel *t, unsigned hop)
{
	bool spare_first = t->trouble_ns == 0;

	for (unsigned i = 0; i < t->hops; i++) {
		bool last = i + 1 == t->hops;

		if (hop == i ? !last || terminus_free(t)
			     : hop >= t->hops && !last && (i != 0 || !spare_first))
			exclude(t, t->path[i].node_id);
	}
}

/* Something went wrong with the route: pause, then try another. */
static void trouble(struct fog_tunnel *t, const char *why)
{
	u64 now = fog_edge_now();

	if (t->closing)
		return;
	/* Nobody needs it: not worth another circuit. */
	if (t->waiting == NULL && !t->kept &&
	    (t->carrier.conn == NULL || t->carrier.conn->streams_count == 0)) {
		tunnel_fail(t, FOG_OPEN_NO_ROUTE, why);
		return;
	}
	if (t->trouble_ns == 0) {
		t->trouble_ns = now;
		t->tries = 0;
	}
	t->tries++;
	if (t->tries > FOG_TUNNEL_TRIES || now - t->trouble_ns > FOG_TUNNEL_TROUBLE_NS) {
		tunnel_fail(t, FOG_OPEN_NO_ROUTE, why);
		return;
	}
	double pause = FOG_TUNNEL_PAUSE_S * (double)(1u << FOG_MIN(t->tries - 1, 8u));
	t->state = FOG_TUNNEL_PAUSE;
	timer_set(t, FOG_MIN(pause, FOG_TUNNEL_PAUSE_MAX_S), 0.);
}

/* ---- connection --------------------------------------------------------------------------- */

static void conn_send(struct fog_conn *c, u64 path, const u8 *data, size_t size)
{
	struct fog_tunnel *t = tunnel_of(c);

	if (t->state == FOG_TUNNEL_RUNNING && t->line != NULL)
		fog_line_send(t->line, data, size);
	/* else: between two circuits, lost like any datagram */
}

static void conn_ready(struct fog_conn *c)
{
	waiting_attach(tunnel_of(c));
}

static void conn_closed(struct fog_conn *c, const char *why)
{
}

static void conn_accepted(struct fog_conn *c, struct fog_stream *s)
{
	/* The far edge opens no streams towards a client. */
}

static void conn_streams_left(struct fog_conn *c)
{
	waiting_attach(tunnel_of(c));
}

static int conn_cid_add(struct fog_conn *c, const ngtcp2_cid *cid)
{
	return 0; /* a client's circuit carries one connection */
}

static void conn_cid_remove(struct fog_conn *c, const ngtcp2_cid *cid)
{
}

static const struct fog_conn_ops conn_ops = {
	.room = fog_carrier_room,
	.send = conn_send,
	.ready = conn_ready,
	.closed = conn_closed,
	.accepted = conn_accepted,
	.streams_left = conn_streams_left,
	.cid_add = conn_cid_add,
	.cid_remove = conn_cid_remove,
	.dirty = fog_carrier_dirty,
};

/* The connection ended by itself, or because we closed it. */
static void carrier_closed(struct fog_carrier *carrier)
{
	struct fog_tunnel *t = (struct fog_tunnel *)carrier;
	struct fog_conn *c = carrier->conn;
	bool refused = c->tls.pin_refused;
	char why[sizeof(c->why)];

	memcpy(why, c->why, sizeof(why));
	fog_circuits_flush(carrier->edge); /* CONNECTION_CLOSE before DESTROY */
	fog_carrier_clear(carrier);
	if (t->line != NULL)
		fog_line_close(t->line, FOG_REASON_REQUESTED);
	t->line = NULL;
	if (refused)
		fog_dplog(FOG_DPLOG_WARNING, FOG_EDGE_PART,
			  "a terminus does not hold the key of its descriptor");
	if (t->closing || t->waiting == NULL) {
		waiting_fail(t, FOG_OPEN_NO_ROUTE, why);
		tunnel_free(t);
		return;
	}
	/* Another exit may be honest; but it is not asked for again and again. */
	if (refused && (t->purpose != FOG_PURPOSE_EXIT || t->refusals++ != 0)) {
		tunnel_fail(t, FOG_OPEN_NO_ROUTE, why);
		return;
	}
	if (t->purpose == FOG_PURPOSE_EXIT && t->hops != 0)
		exclude(t, t->path[t->hops - 1].node_id);
	trouble(t, why);
}

/* ---- circuit ------------------------------------------------------------------------------ */

static void line_built(struct fog_line *l)
{
	struct fog_tunnel *t = l->user;
	struct fog_carrier *c = &t->carrier;
	u64 now = fog_edge_now();

	t->state = FOG_TUNNEL_RUNNING;
	timer_set(t, FOG_TUNNEL_WATCH_S, FOG_TUNNEL_WATCH_S);
	if (c->conn != NULL) {
		fog_conn_migrate(c->conn, l->serial, now);
		return;
	}
	int rc = fog_conn_client(&c->conn, &conn_ops, c, &c->edge->tls, t->quic_pk,
				 &c->edge->budget, l->serial, now);
	if (rc != 0)
		tunnel_fail(t, FOG_OPEN_RESOURCE, strerror(-rc));
}

static void line_datagram(struct fog_line *l, const u8 *data, size_t size)
{
	struct fog_tunnel *t = l->user;

	if (t->carrier.conn == NULL)
		return;
	fog_conn_receive(t->carrier.conn, l->serial, data, size, fog_edge_now());
	if (t->trouble_ns != 0 && t->carrier.conn->state == FOG_CONN_READY) {
		t->trouble_ns = 0;
		t->request.exclude_count = 0;
	}
}

static void line_ended(struct fog_line *l, unsigned reason, unsigned hop)
{
	struct fog_tunnel *t = l->user;

	t->line = NULL;
	if (t->closing)
		return;
	if (reason != FOG_REASON_LINK_LOST || hop < FOG_HOPS_MAX)
		suspect(t, hop);
	trouble(t, fog_circuit_reason_name(reason));
}

static const struct fog_line_ops line_ops = {line_built, line_datagram, line_ended};

void fog_tunnel_line_close(struct fog_line *l)
{
	struct fog_tunnel *t = l->user;

	FOG_ASSERT(l->ops == &line_ops);
	t->line = NULL;
	t->kept = false;
	fog_line_close(l, FOG_REASON_REQUESTED);
	trouble(t, "closed by the operator");
}

/* Is the circuit in use dead without having said so? Data that is not acknowledged shows in probe
 * timeouts; a mere receiver's keep-alive does not (ngtcp2 arms no timer for it), but its answer
 * does. */
static bool silent(const struct fog_tunnel *t, u64 now)
{
	const struct fog_conn *c = t->carrier.conn;
	u64 since = FOG_MAX(c->received_ns, t->line->built_ns);

	if (now - since < FOG_TUNNEL_SILENCE_NS)
		return false;
	if (fog_conn_unanswered(c) >= FOG_TUNNEL_UNANSWERED)
		return true;
	return (c->streams_count != 0 || c->held) &&
	       now - since > FOG_CONN_KEEPALIVE_NS + FOG_TUNNEL_ANSWER_NS;
}

static void watch(struct fog_tunnel *t)
{
	struct fog_conn *c = t->carrier.conn;
	u64 now = fog_edge_now();

	if (c == NULL || t->line == NULL)
		return;
	bool idle = c->streams_count == 0 && t->waiting == NULL;
	u64 age = now - t->created_ns;
	if (t->kept && age > FOG_TUNNEL_KEPT_NS)
		t->kept = c->held = false;
	if (idle && !t->kept &&
	    (t->fresh || (t->purpose == FOG_PURPOSE_EXIT && age > FOG_TUNNEL_AGE_NS))) {
		fog_conn_close(c, FOG_CODE_NONE, t->fresh ? "done" : "old");
		return;
	}
	if (!silent(t, now))
		return;
	struct fog_line *l = t->line;
	t->line = NULL;
	suspect(t, FOG_HOPS_MAX);
	fog_line_close(l, FOG_REASON_TIMEOUT);
	trouble(t, "circuit went silent");
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_tunnel *t = w->data;

	if (t->state == FOG_TUNNEL_PAUSE)
		establish(t);
	else if (t->state == FOG_TUNNEL_RUNNING)
		watch(t);
}

/* ---- routes ------------------------------------------------------------------------------- */

static void establish(struct fog_tunnel *t)
{
	struct fog_edge *e = t->carrier.edge;

	ev_timer_stop(e->loop, &t->timer);
	t->state = FOG_TUNNEL_ROUTING;
	if (t->carrier.conn != NULL) { /* the same terminus again */
		t->request.has_target = true;
		memcpy(t->request.target, t->terminus, FOG_NODE_ID_SIZE);
	}
	t->request.hops = t->hops_wanted != 0 ? t->hops_wanted
			  : e->configured     ? e->config.hops
					      : e->options.hops;
	int rc = fog_control_route(&e->control, &t->request);
	if (rc != 0)
		trouble(t, "too many route requests");
}

static struct fog_tunnel *routing_find(struct fog_edge *e, u64 route_id)
{
	for (struct fog_tunnel *t = e->tunnels.list; t != NULL; t = t->next) {
		if (t->state == FOG_TUNNEL_ROUTING && t->request.id == route_id)
			return t;
	}
	return NULL;
}

void fog_tunnel_unroutable(struct fog_edge *e, u64 route_id, const char *why)
{
	struct fog_tunnel *t = routing_find(e, route_id);

	if (t == NULL)
		return;
	/* Perhaps only our suspicions leave no route: they are hints, so forget them. */
	if (t->request.exclude_count != 0) {
		t->request.exclude_count = 0;
		trouble(t, why);
		return;
	}
	if (t->carrier.conn == NULL)
		tunnel_fail(t, FOG_OPEN_NO_ROUTE, why);
	else
		trouble(t, why);
}

/* An exit was chosen to which there is a tunnel already: use that one. */
static bool merge(struct fog_tunnel *t)
{
	u64 now = fog_edge_now();

	if (t->carrier.conn != NULL || t->apart)
		return false;
	for (struct fog_tunnel *o = t->carrier.edge->tunnels.list; o != NULL; o = o->next) {
		if (o == t || o->fresh || !o->terminus_known || o->closing ||
		    o->purpose != t->purpose ||
		    memcmp(o->terminus, t->terminus, FOG_NODE_ID_SIZE) != 0 ||
		    now - o->created_ns > FOG_TUNNEL_AGE_NS)
			continue;
		while (t->waiting != NULL) {
			struct fog_opening *w = t->waiting;

			fog_tunnel_dequeue(w);
			fog_tunnel_enqueue(o, w);
		}
		tunnel_free(t);
		if (o->carrier.conn != NULL && o->carrier.conn->state == FOG_CONN_READY)
			waiting_attach(o);
		return true;
	}
	return false;
}

void fog_tunnel_routed(struct fog_edge *e, const struct fog_route *route)
{
	struct fog_tunnel *t = routing_find(e, route->id);

	if (t == NULL)
		return; /* answered too late */
	if (!route->ok) {
		fog_tunnel_unroutable(e, route->id, route->error);
		return;
	}
	if (t->request.has_target &&
	    memcmp(route->terminus, t->request.target, FOG_NODE_ID_SIZE) != 0) {
		trouble(t, "route to another host than asked for");
		return;
	}
	if (t->carrier.conn != NULL && memcmp(route->quic_pk, t->quic_pk, FOG_TLS_KEY_SIZE) != 0) {
		tunnel_fail(t, FOG_OPEN_NO_ROUTE, "the terminus has a new key");
		return;
	}
	memcpy(t->terminus, route->terminus, FOG_NODE_ID_SIZE);
	memcpy(t->quic_pk, route->quic_pk, FOG_TLS_KEY_SIZE);
	memcpy(t->path, route->path, sizeof(t->path));
	t->hops = route->hops;
	t->terminus_known = true;
	if (merge(t))
		return;
	t->state = FOG_TUNNEL_BUILDING;
	int rc = fog_line_open(e, &t->line, t->path, t->hops, fog_purpose_name(t->purpose),
			       &line_ops, t);
	if (rc != 0)
		trouble(t, rc == -ENOTCONN ? "no data plane" : strerror(-rc));
}

/* ---- choice ------------------------------------------------------------------------------- */

static bool usable(const struct fog_tunnel *t, const struct fog_opening *o, u64 now)
{
	if (t->closing || t->fresh || t->purpose != o->purpose)
		return false;
	if (t->carrier.conn != NULL && t->carrier.conn->failed)
		return false;
	if (o->purpose == FOG_PURPOSE_EXIT)
		return !o->retried && now - t->created_ns < FOG_TUNNEL_AGE_NS;
	return memcmp(t->request.target, o->header.target, FOG_NODE_ID_SIZE) == 0;
}

static bool apart(const struct fog_opening *o)
{
	return o->header.fresh || o->header.service == FOG_SERVICE_CIRCUIT;
}

static struct fog_tunnel *tunnel_new(struct fog_edge *e, const struct fog_opening *o)
{
	if (e->tunnels.count == FOG_TUNNELS_MAX)
		return NULL;
	struct fog_tunnel *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	fog_carrier_init(&t->carrier, e, carrier_closed);
	t->purpose = o->purpose;
	t->fresh = o->header.fresh;
	t->apart = apart(o);
	t->hops_wanted = o->header.hops;
	memcpy(t->owner, o->header.owner, sizeof(t->owner));
	t->request.purpose = o->purpose;
	if (o->purpose == FOG_PURPOSE_EXIT) {
		memcpy(t->request.host, o->header.host, sizeof(t->request.host));
		t->request.port = o->header.port;
	} else {
		t->request.has_target = true;
		memcpy(t->request.target, o->header.target, FOG_NODE_ID_SIZE);
	}
	t->created_ns = fog_edge_now();
	ev_init(&t->timer, on_timer);
	t->timer.data = t;
	t->next = e->tunnels.list;
	if (t->next != NULL)
		t->next->prev = t;
	e->tunnels.list = t;
	e->tunnels.count++;
	return t;
}

struct fog_tunnel *fog_tunnel_for(struct fog_edge *e, struct fog_opening *o)
{
	u64 now = fog_edge_now();

	for (struct fog_tunnel *t = e->tunnels.list; t != NULL && !apart(o); t = t->next) {
		if (usable(t, o, now))
			return t;
	}
	struct fog_tunnel *t = tunnel_new(e, o);
	if (t == NULL)
		return NULL;
	if (o->tunnel != NULL && o->retried) /* the exit that refused */
		exclude(t, o->tunnel->terminus);
	/* The request goes out from the loop, so that the caller sees no failure early. */
	t->state = FOG_TUNNEL_PAUSE;
	timer_set(t, 0., 0.);
	return t;
}

void fog_tunnel_keep(struct fog_tunnel *t)
{
	t->kept = t->carrier.conn->held = true;
}

void fog_tunnels_stop(struct fog_edge *e)
{
	for (struct fog_tunnel *t = e->tunnels.list, *next; t != NULL; t = next) {
		next = t->next;
		if (!t->closing)
			tunnel_fail(t, FOG_OPEN_NO_ROUTE, "shutting down");
	}
}

void fog_tunnels_free(struct fog_edge *e)
{
	while (e->tunnels.list != NULL) {
		struct fog_tunnel *t = e->tunnels.list;

		waiting_fail(t, FOG_OPEN_NO_ROUTE, "shutting down");
		tunnel_free(t);
	}
}
