/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP filter of this host: what the configuration and the links say, kept in its maps. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/host.h"
#include "controlplane/health/metrics.h"
#include "controlplane/xdp/xdp.h"

#define TICK_S          1.0 /* renews the lease; takes up changed links, many at once */
#define HANDSHAKE_SHARE 1000000000ull

static const char *interface_of(const struct fog_config *c)
{
	if (c->xdp_interface[0] != '\0')
		return c->xdp_interface;
	return strcmp(c->dataplane_io, "af_xdp") == 0 ? c->dataplane_device : "";
}

static u32 rules_fill(const struct fog_config_list *list, enum fog_xdp_rule rule,
		      struct fog_xdp_rule_entry *out)
{
	u32 n = 0;

	for (unsigned i = 0; i < list->count; i++)
		if (fog_xdp_prefix_parse(list->items[i], &out[n].prefix) == 0)
			out[n++].rule = rule;
	return n;
}

static u32 links_fill(struct fog_host *h, struct fog_xdp_link_entry *out)
{
	struct fog_dpclient_info info;
	u32 n = 0, workers = fog_dpclient_info(h->dp, &info) == 0 ? info.workers : 1;

	for (u32 id = 1; id <= FOG_LINKS_MAX && n < FOG_XDP_LINKS_MAX; id++) {
		const struct fog_dpclient_link *l = fog_dpclient_link_get(h->dp, id);
		if (l == NULL)
			continue;
		memcpy(out[n].address.ip, l->address, 16);
		out[n].address.port = l->port;
		out[n++].link = (struct fog_xdp_link){.link_id = id, .worker = id % workers};
	}
	return n;
}

static void apply(struct fog_host *h)
{
	static struct fog_xdp_rule_entry rules[2 * FOG_CONFIG_LIST_MAX];
	static struct fog_xdp_link_entry links[FOG_XDP_LINKS_MAX];

	if (h->xdp == NULL || h->dp == NULL)
		return;
	u32 rule_count = rules_fill(&h->config.xdp_allow, FOG_XDP_RULE_ALLOW, rules);
	rule_count += rules_fill(&h->config.xdp_deny, FOG_XDP_RULE_DENY, rules + rule_count);
	int rc = fog_xdp_apply(h->xdp, rules, rule_count, links, links_fill(h, links));
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "xdp", "the former lists stay reason=\"%s\"",
			strerror(-rc));
	h->xdp_dirty = rc != 0;
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	int rc = fog_xdp_renew(h->xdp, fog_monotonic_ns());

	if (rc != 0)
		fog_log(FOG_LOG_ERROR, "xdp", "lease not renewed reason=\"%s\"", strerror(-rc));
	if (h->xdp_dirty)
		apply(h);
}

void fog_host_xdp_start(struct fog_host *h)
{
	const struct fog_config *c = &h->config;
	u64 rate = (u64)c->xdp_handshakes_per_second;
	struct fog_xdp_settings s = {
		.interface = interface_of(c),
		.mode = c->xdp_mode,
		.handshake_interval_ns = rate != 0 ? HANDSHAKE_SHARE / rate : 0,
		.steer = strcmp(c->dataplane_io, "af_xdp") == 0,
	};
	char why[FOG_XDP_WHY_SIZE];

	if (s.interface[0] == '\0')
		return;
	s.handshake_burst_ns = s.handshake_interval_ns * (u64)c->xdp_handshakes_burst;
	if (fog_address_parse(c->dataplane_listen, &s.listen) != 0)
		return;
	int rc = fog_xdp_open(&h->xdp, &s, why);
	if (rc == 0)
		rc = fog_xdp_renew(h->xdp, fog_monotonic_ns());
	if (rc != 0) {
		snprintf(h->xdp_why, sizeof(h->xdp_why), "%s", why);
		fog_log(FOG_LOG_WARNING, "xdp",
			"no filter, traffic goes the kernel's way reason=\"%s\"", why);
		return;
	}
	struct fog_xdp_status status;
	fog_xdp_status(h->xdp, &status);
	fog_log(FOG_LOG_NOTICE, "xdp", "attached interface=%s mode=%s instructions=%u",
		status.interface, status.native ? "native" : "generic",
		status.verified_instructions);
	h->xdp_dirty = true;
	ev_timer_init(&h->xdp_timer, on_tick, TICK_S, TICK_S);
	h->xdp_timer.data = h;
	ev_timer_start(h->loop, &h->xdp_timer);
}

void fog_host_xdp_stop(struct fog_host *h)
{
	if (h->xdp == NULL)
		return;
	ev_timer_stop(h->loop, &h->xdp_timer);
	fog_xdp_close(h->xdp);
	h->xdp = NULL;
}

void fog_host_xdp_attached(struct fog_host *h)
{
	const int *fds;
	u32 count = fog_dpclient_steer(h->dp, &fds);

	if (h->xdp == NULL)
		return;
	int rc = fog_xdp_steer(h->xdp, fds, count);
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "xdp", "cannot steer to the data plane reason=\"%s\"",
			strerror(-rc));
	apply(h);
}

void fog_host_xdp_links(struct fog_host *h)
{
	h->xdp_dirty = true;
}

void fog_host_xdp_reload(struct fog_host *h)
{
	apply(h);
}

/* ---- looking -------------------------------------------------------------------------------- */

int fog_host_xdp_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_xdp_status s = {0};
	json_t *frames = json_object();

	if (h->xdp != NULL)
		fog_xdp_status(h->xdp, &s);
	for (u32 i = 0; i < FOG_XDP_COUNTERS; i++)
		json_object_set_new(frames, fog_xdp_counter_name(i),
				    json_integer((json_int_t)s.counters[i]));
	return fog_exchange_json(
		x, 200,
		json_pack("{s:b, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:o}",
			  "attached", h->xdp != NULL, "interface", s.interface, "mode",
			  h->xdp == NULL ? "none"
			  : s.native     ? "native"
					 : "generic",
			  "reason", h->xdp_why, "generation", (json_int_t)s.generation, "rules",
			  (int)s.rules, "links", (int)s.links, "sockets", (int)s.sockets,
			  "program_id", (int)s.program_id, "verified_instructions",
			  (int)s.verified_instructions, "jited_bytes", (int)s.jited_bytes, "frames",
			  frames));
}

void fog_host_xdp_metrics(const struct fog_host *h, struct fog_metrics *m)
{
	struct fog_xdp_status s;

	fog_metrics_one(m, "fog_xdp_attached", "gauge", "1 while the XDP filter is attached",
			h->xdp != NULL);
	if (h->xdp == NULL)
		return;
	fog_xdp_status(h->xdp, &s);
	fog_metrics_one(m, "fog_xdp_generations_total", "counter",
			"lists put in force since the start", (double)s.generation);
	fog_metrics_family(m, "fog_xdp_frames_total", "counter",
			   "frames seen by the XDP filter, by verdict");
	for (u32 i = 0; i < FOG_XDP_COUNTERS; i++)
		fog_metrics_add(m, (double)s.counters[i], "verdict=\"%s\"",
				fog_xdp_counter_name(i));
}
