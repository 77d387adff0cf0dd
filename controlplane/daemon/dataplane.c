/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's client on the loop. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/host.h"
#include "crypto/random/random.h"

static void step(struct fog_host *h)
{
	u64 next_ns = fog_dpclient_step(h->dp, fog_monotonic_ns());
	u64 now_ns = fog_monotonic_ns();
	double wait = next_ns > now_ns ? (double)(next_ns - now_ns) / 1e9 : 0.0;

	ev_timer_stop(h->loop, &h->dp_timer);
	ev_timer_set(&h->dp_timer, wait, 0.0);
	ev_timer_start(h->loop, &h->dp_timer);
}

static void on_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	step(w->data);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	step(w->data);
}

static void attached(struct fog_host *h)
{
	struct fog_dpclient_info info;

	h->dp_since_ms = fog_loop_now_ms(h->loop);
	if (fog_dpclient_info(h->dp, &info) != 0)
		return;
	memcpy(h->link_pk, info.link_pk, 32);
	memcpy(h->onion_pk, info.onion_pk, 32);
	h->dp_keys_known = true;
	fog_host_xdp_attached(h);
	fog_host_health_look(h, "dataplane");
	fog_host_health_look(h, "onion_router");
	fog_host_health_look(h, "proof_verifier");
	fog_log(FOG_LOG_NOTICE, "dataplane", "attached pid=%u workers=%u io=%s crypto=%s", info.pid,
		info.workers, info.io_name, info.crypto_name);
	fog_host_publish_soon(h);
}

static void on_state(void *arg, enum fog_dpclient_state state, const char *why)
{
	struct fog_host *h = arg;

	snprintf(h->dp_why, sizeof(h->dp_why), "%s", why);
	if (state == FOG_DPCLIENT_UP) {
		attached(h);
		return;
	}
	if (h->dp_since_ms != 0)
		fog_log(FOG_LOG_WARNING, "dataplane", "lost reason=\"%s\"", why);
	else
		fog_log(FOG_LOG_DEBUG, "dataplane", "state=%s reason=\"%s\"",
			fog_dpclient_state_name(state), why);
	h->dp_since_ms = 0;
	fog_links_forget(h->links);
	fog_host_health_look(h, "dataplane");
	fog_host_health_look(h, "onion_router");
	fog_host_health_look(h, "proof_verifier");
}

static void on_event(void *arg, u32 worker, const struct fog_event *e)
{
	struct fog_host *h = arg;

	switch (e->type) {
	case FOG_EVENT_LINK_UP:
	case FOG_EVENT_LINK_DOWN:
		fog_links_event(h->links, e->link_id, e->type == FOG_EVENT_LINK_UP,
				fog_monotonic_ms());
		break;
	case FOG_EVENT_LINK_RTT:
	case FOG_EVENT_LINK_BANDWIDTH:
		fog_host_link_measured(h, e);
		break;
	case FOG_EVENT_CIRCUIT_TAGGED:
		h->counts.circuits_tagged++;
		fog_log(FOG_LOG_NOTICE, "dataplane", "a relay altered a cell, its circuit ended");
		break;
	case FOG_EVENT_COMMAND_REJECTED:
		h->counts.commands_rejected++;
		fog_log(FOG_LOG_WARNING, "dataplane", "command rejected reason=\"%s\"",
			strerror(e->reason));
		break;
	default:
		break;
	}
}

static int link_set(void *ctx, const struct fog_descriptor *d)
{
	struct fog_host *h = ctx;
	struct fog_dpclient_link link = {.port = d->link.port};

	memcpy(link.node_id, d->node_id, 32);
	memcpy(link.link_pk, d->link_pk, 32);
	memcpy(link.address, d->link.ip, 16);
	int id = fog_dpclient_link_set(h->dp, &link);
	fog_host_xdp_links(h);
	/* The command goes out with the next step. */
	ev_feed_event(h->loop, &h->dp_timer, EV_TIMER);
	return id;
}

static void link_remove(void *ctx, const u8 node_id[32])
{
	struct fog_host *h = ctx;

	(void)fog_dpclient_link_delete(h->dp, node_id);
	fog_host_xdp_links(h);
	ev_feed_event(h->loop, &h->dp_timer, EV_TIMER);
}

const struct fog_links_sink fog_host_links_sink = {link_set, link_remove};

void fog_host_policy_set(struct fog_host *h)
{
	struct fog_snapshot policy = {
		.epoch = 1,
		.creates_per_second = FOG_HOST_CREATES_PER_SECOND,
		.creates_burst = FOG_HOST_CREATES_BURST,
		.handshakes_per_second = FOG_HOST_HANDSHAKES_PER_SECOND,
		.probe_ms = FOG_HOST_PROBE_MS,
	};

	fog_host_mix_policy(h, &policy);
	memcpy(policy.node_id, h->id.node_id, 32);
	fog_dpclient_policy(h->dp, &policy, fog_monotonic_ns());
}

int fog_host_dataplane_start(struct fog_host *h)
{
	char path[128];
	struct fog_dpclient_config config = {
		.socket_path = path, .state = on_state, .event = on_event, .arg = h};

	snprintf(path, sizeof(path), "%s/dataplane.sock", h->config.host_run_dir);
	fog_random_bytes(&config.boot_id, sizeof(config.boot_id));
	int rc = fog_dpclient_open(&h->dp, &config);
	if (rc != 0)
		return rc;
	ev_io_init(&h->dp_io, on_io, fog_dpclient_fd(h->dp), EV_READ);
	ev_timer_init(&h->dp_timer, on_timer, 0.0, 0.0);
	h->dp_io.data = h->dp_timer.data = h;
	ev_io_start(h->loop, &h->dp_io);
	ev_timer_start(h->loop, &h->dp_timer);
	fog_host_policy_set(h);
	return 0;
}

void fog_host_dataplane_stop(struct fog_host *h)
{
	if (h->dp == NULL)
		return;
	ev_io_stop(h->loop, &h->dp_io);
	ev_timer_stop(h->loop, &h->dp_timer);
	fog_dpclient_close(h->dp);
	h->dp = NULL;
}
