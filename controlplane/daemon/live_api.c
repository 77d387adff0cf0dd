/* SPDX-License-Identifier: BSD-3-Clause */
/* /ws/fog: what happens on this host, as it happens. The gateway carries it, live.h speaks it, and
 * here is where it comes from: looked for every TICK_S while anybody listens, except circuits and
 * log records, which come by themselves. */
#include "controlplane/daemon/live_api.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/circuits_api.h"
#include "controlplane/daemon/live.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/system_api.h"
#include "controlplane/gateway/websocket.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/jobs/view.h"

#define TICK_S     0.25
#define STATUS_MS  5000 /* between two states of the host */
#define EVENTS_MAX 256  /* of jobs in a tick; the rest in the next */

struct fog_host_live {
	struct fog_live *live;
	struct ev_timer timer;
	u64 job_seen;              /* id of the last event told */
	u64 alert_ms;              /* of the last alert of the market told */
	u64 status_ms, stepped_ms; /* of the last states told */
	u64 height;
	bool logging; /* a record is being told: its own records are not */
};

/* ---- sources -------------------------------------------------------------------------------- */

static json_t *state(void *ctx, enum fog_live_topic t)
{
	return t == FOG_LIVE_STATUS ? fog_host_system_json(ctx) : fog_host_market_json(ctx);
}

static void jobs_look(struct fog_host *h, struct fog_host_live *v)
{
	json_t *events = fog_view_events(fog_jobs_runtime_engine(h->jobs), v->job_seen, EVENTS_MAX,
					 &v->job_seen),
	       *e;
	size_t i;

	json_array_foreach(events, i, e)
	{
		const char *user = json_string_value(json_object_get(e, "user"));
		fog_live_publish(v->live, FOG_LIVE_JOBS, user != NULL ? user : "", json_incref(e));
	}
	json_decref(events);
}

static void consensus_look(struct fog_host *h, struct fog_host_live *v)
{
	if (h->chain == NULL)
		return;
	const struct fog_rec_global *g =
		&fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(h->chain)))->global;
	struct fog_node *node = fog_host_chain_node(h->chain);
	struct fog_quorum_status s = {.quorum = true};
	if (g->height == v->height)
		return;
	v->height = g->height;
	if (node != NULL)
		fog_node_status(node, &s);
	fog_live_publish(v->live, FOG_LIVE_CONSENSUS, NULL,
			 json_pack("{s:I, s:I, s:b, s:I, s:I}", "height", (json_int_t)g->height,
				   "time_ms", (json_int_t)g->time_ms, "quorum", (int)s.quorum,
				   "epoch", (json_int_t)s.epoch, "view", (json_int_t)s.view));
}

static void alerts_look(struct fog_host *h, struct fog_host_live *v)
{
	const struct fog_alert *a = fog_market_alert(&h->market->m, 0);
	u64 newest_ms = a != NULL ? a->time_ms : 0;

	for (u32 i = 0;
	     (a = fog_market_alert(&h->market->m, i)) != NULL && a->time_ms > v->alert_ms; i++)
		fog_live_publish(v->live, FOG_LIVE_ALERTS, NULL, fog_host_market_alert_json(a));
	v->alert_ms = FOG_MAX(v->alert_ms, newest_ms);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_host_live *v = h->live;
	u64 now_ms = fog_loop_now_ms(loop);

	jobs_look(h, v);
	consensus_look(h, v);
	alerts_look(h, v);
	if (v->stepped_ms != h->market->m.stepped_ms) {
		v->stepped_ms = h->market->m.stepped_ms;
		fog_live_publish(v->live, FOG_LIVE_PRICING, NULL, NULL);
	}
	if (now_ms >= v->status_ms + STATUS_MS) {
		v->status_ms = now_ms;
		fog_live_publish(v->live, FOG_LIVE_STATUS, NULL, NULL);
	}
}

/* {"event","handle","path","purpose","reason","build_ms"} of the edge, and names. */
void fog_host_live_circuit(struct fog_host *h, const json_t *event)
{
	if (h->live == NULL || !fog_live_wanted(h->live->live, FOG_LIVE_CIRCUITS))
		return;
	json_t *data = json_copy((json_t *)event);
	json_object_del(data, "op");
	json_object_set_new(data, "names", fog_host_path_names(h, json_object_get(event, "path")));
	const char *owner = json_string_value(json_object_get(data, "owner"));
	fog_live_publish(h->live->live, FOG_LIVE_CIRCUITS, owner != NULL ? owner : "", data);
}

void fog_host_live_alert(struct fog_host *h, json_t *alert)
{
	if (h->live == NULL)
		json_decref(alert);
	else
		fog_live_publish(h->live->live, FOG_LIVE_ALERTS, NULL, alert);
}

static void on_record(void *ctx, enum fog_log_level level, const char *part, const char *text)
{
	struct fog_host_live *v = ((struct fog_host *)ctx)->live;

	if (v->logging || !fog_live_wanted(v->live, FOG_LIVE_LOG))
		return;
	v->logging = true;
	json_t *data = json_pack("{s:s, s:s, s:s}", "level", fog_log_level_name(level), "part",
				 part, "text", text);
	/* NULL: no memory, or a peer's text that is no UTF-8. */
	if (data != NULL)
		fog_live_publish(v->live, FOG_LIVE_LOG, NULL, data);
	v->logging = false;
}

/* ---- the gateway's side --------------------------------------------------------------------- */

static int peer_send(void *peer, const char *text, size_t len)
{
	return fog_websocket_send(peer, text, len);
}

/* Records tell of the host itself. */
static bool peer_may(void *peer, enum fog_live_topic t)
{
	return t != FOG_LIVE_LOG || fog_websocket_scope(peer) == FOG_SCOPE_ADMIN;
}

static bool peer_owns(void *peer, const char *owner)
{
	return fog_websocket_owns(peer, owner);
}

static void on_opened(struct fog_websocket *ws)
{
	struct fog_host *h = fog_websocket_ctx(ws);
	struct fog_host_live *v = h->live;

	if (fog_live_clients(v->live) == 0) {
		v->job_seen = fog_view_events_last(fog_jobs_runtime_engine(h->jobs));
		v->alert_ms = v->status_ms = fog_loop_now_ms(h->loop);
		v->stepped_ms = h->market->m.stepped_ms;
		ev_timer_again(h->loop, &v->timer);
	}
	fog_websocket_set_user(ws, fog_live_join(v->live, ws));
	if (fog_websocket_user(ws) == NULL)
		fog_websocket_close(ws, 1013, "no memory");
}

static void on_message(struct fog_websocket *ws, const char *text, size_t len)
{
	if (fog_websocket_user(ws) != NULL)
		fog_live_message(fog_websocket_user(ws), text, len);
}

static void on_writable(struct fog_websocket *ws)
{
	if (fog_websocket_user(ws) != NULL)
		fog_live_writable(fog_websocket_user(ws));
}

static void on_closed(struct fog_websocket *ws)
{
	struct fog_host *h = fog_websocket_ctx(ws);

	if (fog_websocket_user(ws) == NULL)
		return;
	fog_live_leave(fog_websocket_user(ws));
	if (fog_live_clients(h->live->live) == 0)
		ev_timer_stop(h->loop, &h->live->timer);
}

static const struct fog_websocket_handlers handlers = {on_opened, on_message, on_writable,
						       on_closed};

static int socket_get(struct fog_exchange *x)
{
	return fog_exchange_websocket(x, &handlers, fog_exchange_ctx(x));
}

static const struct fog_route routes[] = {
	{"GET", "/ws/fog", socket_get,
	 FOG_DESCRIBE(
		 "Live events", .status = 101,
		 .text = "A WebSocket. Messages are JSON objects with a type: ping, "
			 "get_fog_status, "
			 "subscribe_pricing, unsubscribe_pricing, subscribe and unsubscribe with "
			 "topics (status, pricing, jobs, circuits, consensus, alerts, log).")},
};

int fog_host_live_start(struct fog_host *h)
{
	const struct fog_live_ports ports = {
		.state = state, .send = peer_send, .may = peer_may, .owns = peer_owns, .ctx = h};
	struct fog_host_live *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	int rc = fog_live_new(&v->live, &ports);
	if (rc != 0) {
		free(v);
		return rc;
	}
	h->live = v;
	ev_init(&v->timer, on_tick);
	v->timer.repeat = TICK_S;
	v->timer.data = h;
	fog_log_set_tap(on_record, h);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return 0;
}

void fog_host_live_stop(struct fog_host *h)
{
	if (h->live == NULL)
		return;
	fog_log_set_tap(NULL, NULL);
	ev_timer_stop(h->loop, &h->live->timer);
	fog_live_free(h->live->live);
	free(h->live);
	h->live = NULL;
}
