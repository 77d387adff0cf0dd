/* SPDX-License-Identifier: BSD-3-Clause */
/* What the governance decided, in the configuration this host lives by. A parameter nobody voted on
 * leaves what the operator wrote. */
#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"

void fog_host_parameters_apply(struct fog_host *h, const struct fog_state *s)
{
	struct fog_config *c = &h->config;
	const struct {
		enum fog_parameter number;
		i64 *value;
	} rows[] = {
		{FOG_PARAMETER_SCHED_ATTEMPTS_MAX, &c->jobs_attempts_max},
		{FOG_PARAMETER_SCHED_QUEUE_MAX, &c->jobs_queue_max},
		{FOG_PARAMETER_DIRECTORY_GOSSIP_S, &c->control_gossip_seconds},
		{FOG_PARAMETER_DIRECTORY_DESCRIPTOR_MIN, &c->control_descriptor_minutes},
		{FOG_PARAMETER_DIRECTORY_HOPS, &c->edge_hops},
		{FOG_PARAMETER_QUORUM_VIEW_MS, &c->quorum_view_ms},
		{FOG_PARAMETER_QUORUM_BLOCK_MS, &c->quorum_idle_ms},
	};
	struct fog_rec_parameter record;
	u32 changed = 0;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(rows); i++) {
		u64 id = rows[i].number;
		if (!fog_state_get(s, FOG_RECORD_PARAMETER, &id, &record) ||
		    *rows[i].value == record.value)
			continue;
		*rows[i].value = record.value;
		changed++;
		fog_log(FOG_LOG_NOTICE, "ledger", "parameter voted name=%s value=%lld",
			fog_parameter_find(rows[i].number)->name, (long long)record.value);
	}
	u64 id = FOG_PARAMETER_MARKET_CPU_HOUR_MAX;
	if (fog_state_get(s, FOG_RECORD_PARAMETER, &id, &record) &&
	    c->worker_price_cpu_hour > record.value) {
		c->worker_price_cpu_hour = record.value;
		changed++;
		fog_log(FOG_LOG_NOTICE, "ledger", "price capped by vote cpu_hour=%lld",
			(long long)record.value);
	}
	if (changed == 0)
		return;
	if (h->peering != NULL)
		fog_peering_set_interval(h->peering, (u32)c->control_gossip_seconds * 1000);
	if (fog_host_chain_node(h->chain) != NULL)
		fog_node_tune(fog_host_chain_node(h->chain), (u32)c->quorum_view_ms,
			      (u32)c->quorum_idle_ms);
	if (h->edge != NULL)
		fog_edge_server_reconfigure(h->edge);
	fog_host_jobs_reload(h);
	fog_host_publish_soon(h);
}
