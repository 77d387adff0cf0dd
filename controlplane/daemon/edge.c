/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host tells its fog-edge, and what it learns from it. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/host.h"
#include "controlplane/daemon/live_api.h"

static void on_hello(void *ctx, const u8 quic_pk[32])
{
	struct fog_host *h = ctx;

	ev_timer_stop(h->loop, &h->edge_grace);
	if (h->health != NULL)
		h->health->edge_silent = 0;
	fog_host_health_look(h, "edge");
	fog_host_health_look(h, "onion_router");
	if (h->quic_known && memcmp(h->quic_pk, quic_pk, 32) == 0)
		return;
	memcpy(h->quic_pk, quic_pk, 32);
	h->quic_known = true;
	fog_host_publish_soon(h);
}

static void on_gone(void *ctx)
{
	struct fog_host *h = ctx;

	ev_timer_stop(h->loop, &h->edge_grace);
	ev_timer_set(&h->edge_grace, FOG_HOST_EDGE_GRACE_MS / 1000.0, 0.0);
	ev_timer_start(h->loop, &h->edge_grace);
	fog_host_health_look(h, "edge");
	fog_host_health_look(h, "onion_router");
}

static void on_grace_over(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;

	h->quic_known = false;
	fog_host_publish_soon(h);
}

static json_t *rules(const struct fog_config_list *l)
{
	json_t *a = json_array();

	for (u32 i = 0; i < l->count; i++)
		json_array_append_new(a, json_string(l->items[i]));
	return a;
}

static json_t *on_config(void *ctx)
{
	struct fog_host *h = ctx;
	const struct fog_config *c = &h->config;
	char id[65];

	return json_pack("{s:s, s:s?, s:{s:b, s:o, s:o}, s:I}", "node_id",
			 fog_node_id_hex(h->id.node_id, id), "socks",
			 c->edge_socks[0] != '\0' ? c->edge_socks : NULL, "exit", "enabled",
			 (h->roles & FOG_ROLE_EXIT) != 0, "allow", rules(&c->exit_allow), "deny",
			 rules(&c->exit_deny), "hops", (json_int_t)c->edge_hops);
}

static json_t *on_route(void *ctx, const json_t *request)
{
	return fog_host_route(ctx, request);
}

static void on_circuit(void *ctx, const json_t *m)
{
	struct fog_host *h = ctx;
	const char *event = json_string_value(json_object_get(m, "event"));
	const char *reason = json_string_value(json_object_get(m, "reason"));

	if (event == NULL)
		return;
	if (strcmp(event, "built") == 0)
		h->counts.circuits_built++;
	else if (strcmp(event, "failed") == 0)
		h->counts.circuits_failed++;
	else if (strcmp(event, "closed") == 0)
		h->counts.circuits_closed++;
	fog_host_live_circuit(h, m);
	fog_log(FOG_LOG_DEBUG, "edge", "circuit event=\"%s\" reason=\"%s\"", event,
		reason != NULL ? reason : "");
}

static void on_mailbox(void *ctx, const u8 *mailbox)
{
	fog_host_mix_mailbox(ctx, mailbox);
}

static json_t *on_mixnet(void *ctx)
{
	return fog_host_mix_topology(ctx);
}

static void on_suspect(void *ctx, const json_t *m)
{
	fog_host_mix_suspect(ctx, m);
}

static const struct fog_edge_hooks hooks = {
	.hello = on_hello,
	.gone = on_gone,
	.config = on_config,
	.route = on_route,
	.mailbox = on_mailbox,
	.mixnet = on_mixnet,
	.suspect = on_suspect,
	.circuit = on_circuit,
};

int fog_host_edge_start(struct fog_host *h)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/control.sock", h->config.host_run_dir);
	ev_init(&h->edge_grace, on_grace_over);
	h->edge_grace.data = h;
	/* An edge that outlived our restart is back in a moment; do not announce that it is gone.
	 */
	h->quic_known = h->published.has_quic;
	memcpy(h->quic_pk, h->published.quic_pk, 32);
	if (h->quic_known)
		on_gone(h);
	return fog_edge_server_start(&h->edge, h->loop, path, &hooks, h);
}

void fog_host_edge_stop(struct fog_host *h)
{
	fog_edge_server_stop(h->edge);
	h->edge = NULL;
	ev_timer_stop(h->loop, &h->edge_grace);
}
