/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /metrics in the Prometheus text format 0.0.4. Totals only, nothing per circuit or peer. */
#include "controlplane/daemon/host.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/jobs/view.h"
#include "dataplane/abi/attach.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void value(FILE *out, const char *name, const char *type, const char *help, u64 v)
{
	head(out, name, type, help);
	fprintf(out, "%s %llu\n", name, (unsigned long long)v);
}

/* A level, not a total. */
static bool is_gauge(const char *name)
{
	static const char *const gauges[] = {"circuits_live", "mix_cells", "slab_free",
					     "mixnet_held"};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(gauges); i++)
		if (strcmp(name, gauges[i]) == 0)
			return true;
	return false;
}

static void counters_write(FILE *out, const struct fog_dpclient_counters *c)
{
	const char *name, *unit, *help;
	char full[96];

	for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS; i++) {
		if (!fog_counter_info(i, &name, &unit, &help))
			continue;
		snprintf(full, sizeof(full), "fog_dataplane_%s%s", name,
			 is_gauge(name) ? "" : "_total");
		head(out, full, is_gauge(name) ? "gauge" : "counter", help);
		for (u32 w = 0; w < c->workers && w < FOG_WORKERS_MAX; w++)
			fprintf(out, "%s{worker=\"%u\"} %llu\n", full, w,
				(unsigned long long)c->counter[w][i]);
	}
	head(out, "fog_dataplane_drops_total", "counter", "datagrams and cells dropped, by reason");
	for (unsigned i = 0; i < FOG_DROP_COUNT; i++)
		for (u32 w = 0; w < c->workers && w < FOG_WORKERS_MAX; w++)
			fprintf(out,
				"fog_dataplane_drops_total{worker=\"%u\",reason=\"%s\"} %llu\n", w,
				fog_drop_name(i), (unsigned long long)c->drop[w][i]);
}

static void client_write(FILE *out, const struct fog_host *h)
{
	struct fog_dpclient_totals t;

	fog_dpclient_totals(h->dp, &t);
	value(out, "fog_dataplane_attachments_total", "counter", "attachments to a data plane",
	      t.attachments);
	value(out, "fog_dataplane_commands_total", "counter", "commands sent", t.commands);
	value(out, "fog_dataplane_events_total", "counter", "events received", t.events);
	value(out, "fog_dataplane_events_gap_total", "counter", "events lost by a full ring",
	      t.events_lost);
	value(out, "fog_dataplane_events_invalid_total", "counter", "events refused as malformed",
	      t.events_invalid);
	value(out, "fog_verify_verdicts_total", "counter", "signatures checked by the data plane",
	      t.verdicts);
}

static void directory_write(FILE *out, const struct fog_host *h)
{
	const struct fog_directory_counts *d = fog_directory_counts(h->directory);
	const struct fog_peering_counts *p = fog_peering_counts(h->peering);

	value(out, "fog_directory_hosts", "gauge", "hosts in the directory",
	      fog_directory_count(h->directory));
	value(out, "fog_directory_descriptors_accepted_total", "counter", "descriptors taken in",
	      d->accepted);
	value(out, "fog_directory_descriptors_refused_total", "counter", "descriptors refused",
	      d->refused);
	value(out, "fog_directory_descriptors_expired_total", "counter", "descriptors expired",
	      d->expired);
	value(out, "fog_directory_full_total", "counter", "descriptors refused for lack of room",
	      d->full);
	value(out, "fog_peering_inbound_total", "counter", "exchanges others began", p->inbound);
	value(out, "fog_peering_outbound_total", "counter", "exchanges we began", p->outbound);
	value(out, "fog_peering_finished_total", "counter", "exchanges completed", p->finished);
	value(out, "fog_peering_failed_total", "counter", "exchanges that failed", p->failed);
	value(out, "fog_peering_refused_total", "counter", "connections closed at once",
	      p->refused_rate + p->refused_full);
}

static void host_write(FILE *out, const struct fog_host *h)
{
	u32 up, links = fog_links_count(h->links, &up);

	head(out, "fog_build_info", "gauge", "the version that runs");
	fprintf(out, "fog_build_info{version=\"%s\"} 1\n", FOG_VERSION);
	value(out, "fog_start_time_seconds", "gauge", "Unix time of the start",
	      h->started_ms / 1000);
	value(out, "fog_dataplane_up", "gauge", "1 while a data plane is attached",
	      h->dp_since_ms != 0);
	value(out, "fog_edge_up", "gauge", "1 while fog-edge is connected",
	      fog_edge_server_connected(h->edge));
	head(out, "fog_links", "gauge", "links by state");
	fprintf(out, "fog_links{state=\"up\"} %u\nfog_links{state=\"down\"} %u\n", up, links - up);
	value(out, "fog_circuits_built_total", "counter", "circuits fog-edge built",
	      h->counts.circuits_built);
	value(out, "fog_circuits_failed_total", "counter", "circuits that could not be built",
	      h->counts.circuits_failed);
	value(out, "fog_circuits_closed_total", "counter", "circuits closed",
	      h->counts.circuits_closed);
	value(out, "fog_circuits_tagged_total", "counter",
	      "circuits on which a relay altered a cell", h->counts.circuits_tagged);
	value(out, "fog_routes_given_total", "counter", "routes given to fog-edge",
	      h->counts.routes_given);
	value(out, "fog_routes_refused_total", "counter", "routes that could not be given",
	      h->counts.routes_refused);
	value(out, "fog_jobs_open", "gauge", "jobs not yet finished", fog_host_jobs_open(h));
}

/* Names of namespaces are of letters that need no escape here. */
static void sla_write(FILE *out, const struct fog_host *h)
{
	struct fog_view_level *list = calloc(FOG_VIEW_SLA_LEVELS_MAX, sizeof(*list));
	int count =
		list == NULL || h->jobs == NULL
			? 0
			: fog_view_levels(fog_jobs_runtime_engine(h->jobs),
					  fog_loop_now_ms(h->loop), list, FOG_VIEW_SLA_LEVELS_MAX);

	for (u32 kind = 0; kind < 2 && count > 0; kind++) {
		const char *name = kind == 0 ? "fog_sla_jobs" : "fog_sla_kept_jobs";
		head(out, name, "gauge",
		     kind == 0 ? "promised jobs that ended in 30 days"
			       : "of them, those whose promises were kept");
		for (int i = 0; i < count; i++)
			fprintf(out, "%s{class=\"%s\",tier=\"%s\",namespace=\"%s\"} %llu\n", name,
				fog_sla_class_name(list[i].sla), fog_tiers[list[i].tier].name,
				list[i].space,
				(unsigned long long)(kind == 0 ? list[i].jobs : list[i].kept));
	}
	free(list);
}

int fog_host_metrics(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_dpclient_counters c;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	host_write(out, h);
	directory_write(out, h);
	client_write(out, h);
	sla_write(out, h);
	if (fog_dpclient_counters(h->dp, &c) == 0)
		counters_write(out, &c);
	fog_host_xdp_metrics(h, out);
	if (fclose(out) != 0) {
		free(text);
		return fog_exchange_problem(x, 500, "no memory");
	}
	fog_exchange_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", text, len);
	free(text);
	return 0;
}
