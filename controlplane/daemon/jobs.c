/* SPDX-License-Identifier: BSD-3-Clause */
/* The job engine's place in this host: what it is told about configuration and directory. */
#include <errno.h>

#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/host.h"
#include "controlplane/executor/executor.h"
#include "crypto/mem.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/measure.h"
#include "controlplane/daemon/receipts.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/daemon/trust.h"
#include "controlplane/jobs/runtime.h"

/* As the descriptor says; zero without the role. */
static void engine_config(const struct fog_host *h, struct fog_jobs_config *out)
{
	const struct fog_config *c = &h->config;
	struct fog_host_offer offer;

	fog_host_offer(h, &offer);
	*out = (struct fog_jobs_config){
		.attempts_max = (u32)c->jobs_attempts_max,
		.queue_max = (u32)c->jobs_queue_max,
		.absent_ms = 1000 * (u64)c->jobs_absent_seconds,
		.user_grant = c->ledger_user_grant,
		.worker = (h->roles & FOG_ROLE_WORKER) != 0,
		.cpu_milli = offer.cpu_millicores,
		.memory_bytes = offer.memory_bytes,
		.works_max = (u32)c->worker_jobs_max,
		.accelerators = offer.accelerators,
		.trace_callers = strcmp(c->tracing_propagate, "caller") == 0,
	};
	fog_host_price_least(h, &out->price);
}

static void text_set(char out[FOG_PLACEMENT_VALUE_SIZE], const char *text)
{
	snprintf(out, FOG_PLACEMENT_VALUE_SIZE, "%.*s", FOG_PLACEMENT_VALUE_SIZE - 1, text);
}

/* What was measured, or estimated from what was; unknown stays zero. */
static void nearness_fill(const struct fog_host *h, const struct fog_descriptor *d,
			  struct fog_placement_host *out)
{
	struct fog_estimate e;

	fog_host_estimate(h, d->node_id, &e);
	out->latency_ms = (u32)((e.mean_ns + 999999) / 1000000);
	out->bandwidth_kbps = (u32)FOG_MIN(e.rate / 1000, UINT32_MAX);
	if (e.energy.source == FOG_ENERGY_UNKNOWN || d->cpu_millicores == 0)
		return;
	out->idle_mw = e.energy.idle_milliwatts;
	out->core_mw = (u32)((u64)(e.energy.full_milliwatts - e.energy.idle_milliwatts) * 1000 /
			     d->cpu_millicores);
}

static void host_fill(const struct fog_host *h, const struct fog_descriptor *d,
		      struct fog_placement_host *out)
{
	bool self = memcmp(d->node_id, h->id.node_id, 32) == 0;

	memset(out, 0, sizeof(*out));
	memcpy(out->id, d->node_id, 32);
	snprintf(out->name, sizeof(out->name), "%s", d->name);
	out->roles = (d->roles & FOG_ROLE_WORKER) != 0 ? FOG_PLACEMENT_ROLE_WORKER : 0;
	out->local = self;
	/* Its stream leads through a circuit that ends there: it needs an edge, and a link that is
	 * not known to be dead. */
	out->alive = self || (d->has_quic && fog_links_state(h->links, d->node_id,
							     fog_monotonic_ms()) != FOG_LINK_DOWN);
	out->cpu_milli = d->cpu_millicores;
	out->memory_bytes = d->memory_bytes;
	out->gpu_milli = 1000ull * d->accelerator_count;
	out->gpu_memory_bytes = d->accelerator_memory_bytes;
	memcpy(out->gpu_type, d->accelerator_type, sizeof(out->gpu_type));
	out->price = d->price;
	nearness_fill(h, d, out);
	text_set(out->attribute[FOG_PLACEMENT_KEY_OPERATOR], d->operator_name);
	text_set(out->attribute[FOG_PLACEMENT_KEY_COUNTRY], d->country);
	text_set(out->attribute[FOG_PLACEMENT_KEY_REGION], d->region);
	text_set(out->attribute[FOG_PLACEMENT_KEY_POWER_REGION], d->power_region);
	/* Anybody can write a vendor into a descriptor: it counts when it was attested. */
	const struct fog_tee_ear *ear = fog_host_attested(h, d->node_id);
	out->attested = ear != NULL;
	text_set(out->attribute[FOG_PLACEMENT_KEY_TEE_VENDOR],
		 ear != NULL ? fog_tee_vendor(ear->kind) : "");
	if (d->as != 0)
		snprintf(out->attribute[FOG_PLACEMENT_KEY_AS], FOG_PLACEMENT_VALUE_SIZE, "%u",
			 d->as);
}

static u32 closed(void *context, struct fog_closed *out, u32 cap)
{
	const struct fog_host *h = context;
	u32 n = 0;

	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		for (u32 k = 0; k < d->report.closed_count && n < cap; k++) {
			out[n] = d->report.closed[k];
			memcpy(out[n++].node, d->node_id, 32);
		}
	}
	return n;
}

static u32 hosts(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	const struct fog_host *h = context;
	u32 count = FOG_MIN(fog_directory_count(h->directory), cap);

	for (u32 i = 0; i < count; i++)
		host_fill(h, &fog_directory_at(h->directory, i)->d, &out[i]);
	return count;
}

static const char *host_name(void *context, const u8 node[FOG_JOB_NODE_SIZE])
{
	const struct fog_host *h = context;
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, node);

	return s != NULL ? s->d.name : "";
}

static void hooks_allow(struct fog_host *h)
{
	const struct fog_config_list *networks = &h->config.jobs_webhook_networks;

	fog_jobs_runtime_hooks_allow(h->jobs, networks->items, networks->count);
}

int fog_host_jobs_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	char edge_sock[128], jobs_sock[128], spool_dir[4096];
	const char *exec_path = h->config.worker_exec_path;
	struct fog_jobs_runtime_config config = {
		.loop = h->loop,
		.store = h->store,
		.identity = &h->id,
		.dataplane = h->dp,
		.edge_sock = edge_sock,
		.jobs_sock = jobs_sock,
		.spool_dir = spool_dir,
		.exec_path = exec_path[0] != '\0' ? exec_path : NULL,
		.hosts = hosts,
		.closed = closed,
		.host_name = host_name,
		.told = fog_host_told,
		.backed = fog_host_pay_backed,
		.funded = fog_host_pay_funded,
		.receipted = fog_host_receipted,
		.proof = fog_host_proof,
		.proven = fog_host_proven,
		.context = h,
	};

	u8 builders[FOG_EXECUTOR_BUILDERS_MAX][32];
	const struct fog_config_list *keys = &h->config.worker_wasm_builders;

	config.engines = (const char *const *)h->config.worker_engines.items;
	config.engine_count = h->config.worker_engines.count;
	config.builders = builders;
	for (u32 i = 0; i < FOG_MIN(keys->count, (u32)FOG_EXECUTOR_BUILDERS_MAX); i++)
		(void)fog_hex_decode(keys->items[i], builders[i],
				     32); /* --check-config knows them */
	config.builder_count = keys->count;
	config.disk_bytes = (u64)h->config.worker_job_disk_mb << 20;
	_Static_assert(FOG_JOBS_RUNTIME_WHY <= FOG_HOST_WHY_SIZE, "one buffer for both");
	snprintf(edge_sock, sizeof(edge_sock), "%s/edge.sock", h->config.host_run_dir);
	snprintf(jobs_sock, sizeof(jobs_sock), "%s/jobs.sock", h->config.host_run_dir);
	snprintf(spool_dir, sizeof(spool_dir), "%s/jobs", h->config.host_state_dir);
	engine_config(h, &config.engine);
	int rc = fog_jobs_runtime_start(&h->jobs, &config, why);
	if (rc != 0)
		return rc;
	fog_jobs_runtime_routes(h->jobs, h->gateway);
	hooks_allow(h);
	return 0;
}

void fog_host_jobs_stop(struct fog_host *h)
{
	fog_jobs_runtime_stop(h->jobs);
	h->jobs = NULL;
}

void fog_host_jobs_reload(struct fog_host *h)
{
	struct fog_jobs_config engine;

	engine_config(h, &engine);
	if (h->jobs == NULL)
		return;
	fog_jobs_runtime_reconfigure(h->jobs, &engine);
	hooks_allow(h);
}

double fog_host_weight(const struct fog_host *h, const u8 node_id[32])
{
	return h->jobs != NULL ? fog_jobs_runtime_weight(h->jobs, node_id) : 1.0;
}

u32 fog_host_jobs_open(const struct fog_host *h)
{
	return h->jobs != NULL ? fog_jobs_runtime_open(h->jobs) : 0;
}
