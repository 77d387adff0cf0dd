/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/metrics.h"

#include <unistd.h>

#include "controlplane/core/process.h"
#include "controlplane/daemon/alerts.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/market.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/jobs/view.h"
#include "dataplane/abi/attach.h"

static void value(struct fog_metrics *m, const char *name, const char *type, const char *help,
		  u64 v)
{
	fog_metrics_one(m, name, type, help, (double)v);
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

static void counters_write(struct fog_metrics *m, const struct fog_dpclient_counters *c)
{
	const char *name, *unit, *help;
	char full[96];

	for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS; i++) {
		if (!fog_counter_info(i, &name, &unit, &help))
			continue;
		snprintf(full, sizeof(full), "fog_dataplane_%s%s", name,
			 is_gauge(name) ? "" : "_total");
		fog_metrics_family(m, full, is_gauge(name) ? "gauge" : "counter", help);
		for (u32 w = 0; w < c->workers && w < FOG_WORKERS_MAX; w++)
			fog_metrics_add(m, (double)c->counter[w][i], "worker=\"%u\"", w);
	}
	fog_metrics_family(m, "fog_dataplane_drops_total", "counter",
			   "datagrams and cells dropped, by reason");
	for (unsigned i = 0; i < FOG_DROP_COUNT; i++)
		for (u32 w = 0; w < c->workers && w < FOG_WORKERS_MAX; w++)
			fog_metrics_add(m, (double)c->drop[w][i], "worker=\"%u\",reason=\"%s\"", w,
					fog_drop_name(i));
}

static void client_write(struct fog_metrics *m, const struct fog_host *h)
{
	struct fog_dpclient_totals t;

	fog_dpclient_totals(h->dp, &t);
	value(m, "fog_dataplane_attachments_total", "counter", "attachments to a data plane",
	      t.attachments);
	value(m, "fog_dataplane_commands_total", "counter", "commands sent", t.commands);
	value(m, "fog_dataplane_events_total", "counter", "events received", t.events);
	value(m, "fog_dataplane_events_gap_total", "counter", "events lost by a full ring",
	      t.events_lost);
	value(m, "fog_dataplane_events_invalid_total", "counter", "events refused as malformed",
	      t.events_invalid);
	value(m, "fog_verify_verdicts_total", "counter", "signatures checked by the data plane",
	      t.verdicts);
}

static void directory_write(struct fog_metrics *m, const struct fog_host *h)
{
	const struct fog_directory_counts *d = fog_directory_counts(h->directory);
	const struct fog_peering_counts *p = fog_peering_counts(h->peering);

	value(m, "fog_directory_hosts", "gauge", "hosts in the directory",
	      fog_directory_count(h->directory));
	value(m, "fog_directory_descriptors_accepted_total", "counter", "descriptors taken in",
	      d->accepted);
	value(m, "fog_directory_descriptors_refused_total", "counter", "descriptors refused",
	      d->refused);
	value(m, "fog_directory_descriptors_expired_total", "counter", "descriptors expired",
	      d->expired);
	value(m, "fog_directory_full_total", "counter", "descriptors refused for lack of room",
	      d->full);
	value(m, "fog_peering_inbound_total", "counter", "exchanges others began", p->inbound);
	value(m, "fog_peering_outbound_total", "counter", "exchanges we began", p->outbound);
	value(m, "fog_peering_finished_total", "counter", "exchanges completed", p->finished);
	value(m, "fog_peering_failed_total", "counter", "exchanges that failed", p->failed);
	value(m, "fog_peering_refused_total", "counter", "connections closed at once",
	      p->refused_rate + p->refused_full);
}

static void host_write(struct fog_metrics *m, const struct fog_host *h)
{
	u32 up, links = fog_links_count(h->links, &up);

	fog_metrics_family(m, "fog_build_info", "gauge", "the version that runs");
	fog_metrics_add(m, 1, "version=\"%s\"", FOG_VERSION);
	value(m, "fog_dataplane_up", "gauge", "1 while a data plane is attached",
	      h->dp_since_ms != 0);
	value(m, "fog_edge_up", "gauge", "1 while fog-edge is connected",
	      fog_edge_server_connected(h->edge));
	fog_metrics_family(m, "fog_links", "gauge", "links by state");
	fog_metrics_add(m, up, "state=\"up\"");
	fog_metrics_add(m, links - up, "state=\"down\"");
	value(m, "fog_circuits_built_total", "counter", "circuits fog-edge built",
	      h->counts.circuits_built);
	value(m, "fog_circuits_failed_total", "counter", "circuits that could not be built",
	      h->counts.circuits_failed);
	value(m, "fog_circuits_closed_total", "counter", "circuits closed",
	      h->counts.circuits_closed);
	value(m, "fog_circuits_tagged_total", "counter", "circuits on which a relay altered a cell",
	      h->counts.circuits_tagged);
	value(m, "fog_routes_given_total", "counter", "routes given to fog-edge",
	      h->counts.routes_given);
	value(m, "fog_routes_refused_total", "counter", "routes that could not be given",
	      h->counts.routes_refused);
	value(m, "fog_mix_suspicions_total", "counter", "mixes that our loops found wanting",
	      h->mix.suspicions);
}

static void jobs_write(struct fog_metrics *m, const struct fog_host *h)
{
	const struct fog_jobs_totals *t = fog_jobs_runtime_totals(h->jobs);
	struct fog_jobs_demand d;

	fog_jobs_runtime_demand(h->jobs, &d);
	value(m, "fog_jobs_open", "gauge", "jobs of this host not yet finished",
	      fog_host_jobs_open(h));
	fog_metrics_family(m, "fog_jobs_ended_total", "counter",
			   "jobs of this host that ended, by state");
	for (int i = FOG_JOB_SUCCEEDED; i < FOG_JOB_STATE_COUNT; i++)
		fog_metrics_add(m, (double)t->ended[i], "state=\"%s\"", fog_job_state_name(i));
	fog_metrics_family(m, "fog_job_wait_seconds", "histogram",
			   "time from submission of a job to its running");
	fog_metrics_histogram(m, &t->wait, "%s", "");
	fog_metrics_family(m, "fog_placement_seconds", "histogram",
			   "processor time of a pass of the scheduler");
	fog_metrics_histogram(m, &t->placement, "%s", "");
	value(m, "fog_executors_vanished_total", "counter",
	      "jobs that lost their executor here and ran again", t->runs_vanished);
	fog_metrics_one(m, "fog_worker_cpu_cores", "gauge", "cores in use by jobs on this host",
			(double)d.cpu_milli / 1000.0);
	value(m, "fog_worker_memory_bytes", "gauge", "memory promised to jobs on this host",
	      d.memory_bytes);
}

/* Names of namespaces are of letters that need no escape here. */
static void sla_write(struct fog_metrics *m, const struct fog_host *h)
{
	struct fog_view_level *list = calloc(FOG_VIEW_SLA_LEVELS_MAX, sizeof(*list));
	int count = list == NULL ? 0
				 : fog_view_levels(fog_jobs_runtime_engine(h->jobs),
						   fog_loop_now_ms(h->loop), list,
						   FOG_VIEW_SLA_LEVELS_MAX);

	for (u32 kind = 0; kind < 2 && count > 0; kind++) {
		fog_metrics_family(m, kind == 0 ? "fog_sla_jobs" : "fog_sla_kept_jobs", "gauge",
				   kind == 0 ? "promised jobs that ended in 30 days"
					     : "of them, those whose promises were kept");
		for (int i = 0; i < count; i++)
			fog_metrics_add(m, (double)(kind == 0 ? list[i].jobs : list[i].kept),
					"class=\"%s\",tier=\"%s\",namespace=\"%s\"",
					fog_sla_class_name(list[i].sla),
					fog_tiers[list[i].tier].name, list[i].space);
	}
	free(list);
}

static void ledger_write(struct fog_metrics *m, const struct fog_host *h)
{
	struct fog_quorum_status s;
	struct fog_node *node = fog_host_chain_node(h->chain);

	if (h->chain == NULL)
		return;
	value(m, "fog_ledger_height", "gauge", "blocks of the shared ledger executed here",
	      fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(h->chain)))->global.height);
	fog_metrics_family(m, "fog_ledger_commit_seconds", "histogram",
			   "time from taking a transaction in to its block being final");
	fog_metrics_histogram(m, fog_host_chain_commit(h->chain), "%s", "");
	if (node == NULL)
		return;
	fog_node_status(node, &s);
	value(m, "fog_quorum_up", "gauge", "1 while enough validators are heard", s.quorum);
	value(m, "fog_quorum_view", "gauge", "view of this node", s.view);
}

static void market_write(struct fog_metrics *m, const struct fog_host *h)
{
	fog_metrics_family(m, "fog_market_price_fog", "gauge",
			   "price of a unit hour of a lane in fog");
	for (int i = 0; i < FOG_LANE_COUNT; i++)
		fog_metrics_add(m, (double)h->market->m.lane[i].price / 1e6, "lane=\"%s\"",
				fog_lane_name(i));
	value(m, "fog_market_alerts_total", "counter", "unusual moves of prices",
	      h->market->m.alert_count);
}

static void process_write(struct fog_metrics *m, const struct fog_host *h)
{
	struct fog_process_usage p;
	double free_ratio;
	u64 fds, fds_max;

	if (fog_process_free_ratio(h->config.host_state_dir, &free_ratio) == 0)
		fog_metrics_one(m, "fog_state_free_ratio", "gauge",
				"share of the file system of the state directory that is free",
				free_ratio);
	fog_metrics_one(m, "fog_loop_late_seconds", "gauge",
			"how late the control plane's loop was at the last look",
			(double)h->health->late_ms / 1000.0);
	fog_process_fds(&fds, &fds_max);
	value(m, "process_open_fds", "gauge", "open file descriptors", fds);
	value(m, "process_max_fds", "gauge", "file descriptors there may be", fds_max);
	fog_metrics_one(m, "fog_process_fds_free_ratio", "gauge",
			"share of the file descriptors that is free",
			fds_max != 0 ? 1.0 - (double)fds / (double)fds_max : 1.0);
	if (fog_process_usage((int)getpid(), &p) != 0)
		return;
	fog_metrics_one(m, "process_cpu_seconds_total", "counter",
			"user and system CPU time of the control plane", p.cpu_seconds);
	value(m, "process_resident_memory_bytes", "gauge", "resident memory", p.resident_bytes);
	value(m, "process_virtual_memory_bytes", "gauge", "virtual memory", p.virtual_bytes);
	value(m, "process_threads", "gauge", "threads", p.threads);
	fog_metrics_one(m, "process_start_time_seconds", "gauge", "Unix time of the start",
			p.start_time_seconds);
}

static void component_family(const struct fog_host *h, struct fog_metrics *m, const char *name,
			     const char *type, const char *help,
			     double (*get)(const struct fog_component *c))
{
	const struct fog_health *s = &h->health->h;

	fog_metrics_family(m, name, type, help);
	for (u32 i = 0; i < s->count; i++)
		fog_metrics_add(m, get(&s->component[i]), "component=\"%s\"", s->component[i].name);
}

/* Not wanted by the configuration, or still starting: 0, which no rule is about. */
static double level_get(const struct fog_component *c)
{
	return c->status == FOG_HEALTH_STOPPED || !c->settled ? 0 : c->level;
}

static double errors_get(const struct fog_component *c)
{
	return (double)c->error_count;
}

static double restarts_get(const struct fog_component *c)
{
	return (double)c->restarts;
}

static double recovery_get(const struct fog_component *c)
{
	return (double)c->recovery_ms / 1000.0;
}

void fog_host_metrics_components(const struct fog_host *h, struct fog_metrics *m)
{
	struct fog_health_summary sum;

	fog_health_summary(&h->health->h, fog_loop_now_ms(h->loop), &sum);
	value(m, "fog_health", "gauge", "the host: 1 healthy, 2 degraded, 3 critical, 4 offline",
	      sum.level);
	component_family(
		h, m, "fog_component_health", "gauge",
		"1 healthy, 2 degraded, 3 critical, 4 offline, 0 not configured or starting",
		level_get);
	component_family(h, m, "fog_component_errors_total", "counter",
			 "looks that found a component critical or offline", errors_get);
	component_family(h, m, "fog_component_restarts_total", "counter", "restarts of a component",
			 restarts_get);
	component_family(h, m, "fog_component_recovery_seconds", "gauge",
			 "time from the last restart of a component until it was well",
			 recovery_get);
}

void fog_host_metrics_collect(struct fog_host *h, struct fog_metrics *m)
{
	struct fog_dpclient_counters c;

	host_write(m, h);
	fog_host_metrics_components(h, m);
	fog_host_alerts_metrics(h, m);
	process_write(m, h);
	jobs_write(m, h);
	sla_write(m, h);
	ledger_write(m, h);
	market_write(m, h);
	directory_write(m, h);
	fog_gateway_metrics(h->gateway, m);
	client_write(m, h);
	if (fog_dpclient_counters(h->dp, &c) == 0)
		counters_write(m, &c);
	fog_host_xdp_metrics(h, m);
	fog_host_tracing_metrics(h, m);
}

int fog_host_metrics_get(struct fog_exchange *x)
{
	char *text = NULL;
	size_t len = 0;
	struct fog_metrics m = {.out = open_memstream(&text, &len)};

	if (m.out == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	fog_host_metrics_collect(fog_exchange_ctx(x), &m);
	if (fclose(m.out) != 0) {
		free(text);
		return fog_exchange_problem(x, 500, "no memory");
	}
	fog_exchange_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", text, len);
	free(text);
	return 0;
}
