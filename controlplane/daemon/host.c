/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/alerts.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/circuits_api.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/live_api.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/proofs_api.h"
#include "controlplane/daemon/system_api.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/daemon/tee_api.h"
#include "controlplane/daemon/trust.h"
#include "controlplane/daemon/usage.h"

static int fail(char why[FOG_HOST_WHY_SIZE], const char *what, int rc)
{
	snprintf(why, FOG_HOST_WHY_SIZE, "%.400s: %s", what, strerror(-rc));
	return rc;
}

static int dir_make(const char *path, char why[FOG_HOST_WHY_SIZE])
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST || stat(path, &st) != 0)
		return fail(why, path, -errno);
	if (!S_ISDIR(st.st_mode))
		return fail(why, path, -ENOTDIR);
	return 0;
}

/* Keys and job inputs lie there. It may be the operator's wish, so it is said and not changed. */
static void state_mode_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		fog_log(FOG_LOG_WARNING, "core",
			"the state directory is open to other users mode=%03o wanted=700",
			(unsigned)(st.st_mode & 0777));
}

static int state_lock(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lock", h->config.host_state_dir);
	h->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (h->lock_fd < 0)
		return fail(why, path, -errno);
	if (flock(h->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	snprintf(why, FOG_HOST_WHY_SIZE, "%.400s: another control plane uses this state directory",
		 h->config.host_state_dir);
	return -EBUSY;
}

static u32 roles_read(const struct fog_config_list *l)
{
	return (fog_config_list_has(l, "relay") ? FOG_ROLE_RELAY : 0) |
	       (fog_config_list_has(l, "worker") ? FOG_ROLE_WORKER : 0) |
	       (fog_config_list_has(l, "exit") ? FOG_ROLE_EXIT : 0);
}

static void on_directory_change(void *ctx, enum fog_directory_change change,
				const struct fog_signed_descriptor *s)
{
	struct fog_host *h = ctx;

	fog_host_lots_directory(h, &s->d, change == FOG_DIRECTORY_REMOVED);
	if (memcmp(s->d.node_id, h->id.node_id, 32) != 0) {
		fog_links_host(h->links, change, &s->d);
		fog_host_tee_directory(h, &s->d, change == FOG_DIRECTORY_REMOVED);
	} else
		/* Ours ran out, or somebody holds one of us that we do not know (an older store).
		 */
		fog_host_publish_soon(h);
}

static void on_expire(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	u32 gone = fog_directory_expire(h->directory, fog_loop_now_ms(loop));

	if (gone != 0)
		fog_log(FOG_LOG_INFO, "directory", "descriptors expired count=%u", gone);
}

static int state_open(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	char path[4096];
	int rc = dir_make(h->config.host_run_dir, why);

	if (rc == 0)
		rc = dir_make(h->config.host_state_dir, why);
	if (rc == 0) {
		state_mode_check(h->config.host_state_dir);
		rc = state_lock(h, why);
	}
	if (rc == 0)
		rc = fog_identity_load(&h->id, h->config.host_state_dir, why);
	snprintf(path, sizeof(path), "%s/fog.db", h->config.host_state_dir);
	if (rc == 0)
		rc = fog_store_open(&h->store,
				    h->config.store_url[0] != '\0' ? h->config.store_url : path,
				    why);
	return rc;
}

static int directory_open(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	u64 now_ms = fog_loop_now_ms(h->loop);
	int rc = fog_links_new(&h->links, h->id.node_id, h->roles, &fog_host_links_sink, h);

	if (rc == 0)
		rc = fog_directory_new(&h->directory);
	if (rc != 0)
		return fail(why, "directory", rc);
	fog_directory_on_change(h->directory, on_directory_change, h);
	return fog_directory_load(h->directory, h->store, now_ms, why);
}

int fog_host_peering_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_address listen;

	(void)fog_address_parse(h->config.control_listen, &listen);
	int rc = fog_peering_start(&h->peering, h->loop, h->directory, &h->id, &listen,
				   &h->config.control_peers,
				   (u32)h->config.control_gossip_seconds * 1000);
	if (rc == 0 && h->tee != NULL)
		fog_tee_talks_serve(h);
	return rc == 0 ? 0 : fail(why, h->config.control_listen, rc);
}

int fog_host_ledger_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	int rc = fog_host_chain_start(h, why);

	if (rc == 0)
		rc = fog_host_pay_start(h, why);
	return rc == 0 ? fog_host_voucher_start(h, why) : rc;
}

static int network_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	int rc = fog_host_edge_start(h);

	if (rc != 0)
		return fail(why, "control.sock", rc);
	fog_host_mix_start(h);
	rc = fog_host_peering_start(h, why);
	if (rc == 0)
		rc = fog_host_api_start(h, why);
	if (rc == 0)
		rc = fog_host_access_start(h, why);
	if (rc == 0) {
		fog_host_market_routes(h);
		fog_host_trust_routes(h);
		fog_host_draws_routes(h);
		rc = fog_host_proofs_start(h, why); /* receipts are proven into its archive */
	}
	if (rc == 0)
		rc = fog_host_jobs_start(h, why);
	if (rc == 0)
		rc = fog_host_tee_start(h, why);
	if (rc == 0) {
		fog_host_schedule_routes(h);
		fog_host_tee_routes(h);
		rc = fog_host_ledger_start(h, why);
	}
	if (rc == 0)
		rc = fog_host_circuits_start(h);
	if (rc == 0)
		rc = fog_host_onion_start(h, why);
	if (rc == 0)
		rc = fog_host_usage_start(h);
	if (rc == 0)
		fog_host_system_routes(h);
	if (rc == 0)
		rc = fog_host_live_start(h);
	if (rc == 0)
		rc = fog_host_health_start(h);
	if (rc == 0)
		rc = fog_host_alerts_start(h, why);
	return rc == 0 ? fog_host_tcp_start(h, why) : rc;
}

static int start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	int rc = state_open(h, why);

	if (rc != 0)
		return rc;
	rc = fog_host_tracing_start(h);
	if (rc != 0)
		return fail(why, "tracing", rc);
	fog_host_publish_prepare(h);
	fog_host_xdp_start(h);
	rc = fog_host_market_start(h, why);
	if (rc != 0)
		return rc;
	rc = fog_host_trust_start(h);
	if (rc == 0)
		rc = fog_host_draws_start(h);
	if (rc != 0)
		return fail(why, "trust", rc);
	rc = fog_host_dataplane_start(h);
	if (rc != 0)
		return fail(why, "data plane client", rc);
	rc = directory_open(h, why);
	if (rc != 0)
		return rc;
	fog_host_publish_start(h);
	fog_host_route_init(h);
	fog_host_measure_start(h);
	ev_timer_init(&h->expire_timer, on_expire, FOG_HOST_EXPIRE_S, FOG_HOST_EXPIRE_S);
	h->expire_timer.data = h;
	ev_timer_start(h->loop, &h->expire_timer);
	return network_start(h, why);
}

int fog_host_start(struct fog_host **out, struct ev_loop *loop, struct fog_config *config,
		   const char *path, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_host *h = calloc(1, sizeof(*h));

	why[0] = '\0';
	if (h == NULL || (h->config_path = strdup(path)) == NULL) {
		free(h);
		return fail(why, "start", -ENOMEM);
	}
	h->loop = loop;
	h->lock_fd = -1;
	h->config = *config;
	memset(config, 0, sizeof(*config));
	h->roles = roles_read(&h->config.roles_enable);
	h->started_ms = fog_loop_now_ms(loop);
	h->started_mono_ms = fog_monotonic_ms();
	int rc = start(h, why);
	if (rc != 0) {
		fog_host_stop(h);
		return rc;
	}
	*out = h;
	return 0;
}

/* In the reverse order of the start: whoever holds an answer open goes before the gateway. */
void fog_host_stop(struct fog_host *h)
{
	if (h == NULL)
		return;
	fog_host_alerts_stop(h);
	fog_host_health_stop(h);
	fog_host_usage_stop(h);
	fog_host_pay_stop(h);
	fog_host_chain_stop(h); /* tells those who wait, vouchers too */
	fog_host_voucher_stop(h);
	fog_host_jobs_stop(h);
	fog_host_tee_stop(h);
	fog_host_mix_stop(h);
	fog_host_onion_stop(h);
	fog_host_circuits_stop(h);
	fog_host_edge_stop(h);
	fog_host_making_stop(h);
	fog_host_api_stop(h);
	fog_host_access_stop(h);
	fog_host_live_stop(h);
	fog_peering_stop(h->peering);
	ev_timer_stop(h->loop, &h->expire_timer);
	ev_timer_stop(h->loop, &h->publish_timer);
	fog_host_measure_stop(h);
	fog_host_market_stop(h);
	fog_host_trust_stop(h);
	fog_host_draws_stop(h);
	fog_host_dataplane_stop(h); /* ends checks of proofs */
	fog_host_proofs_stop(h);
	fog_host_tracing_stop(h);
	fog_host_xdp_stop(h);
	fog_directory_free(h->directory);
	fog_links_free(h->links);
	fog_store_close(h->store);
	fog_identity_wipe(&h->id);
	fog_rng_wipe(&h->rng);
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	fog_config_free(&h->config);
	free(h->config_path);
	free(h);
}

static bool can_reload(const struct fog_config_key *k)
{
	static const char *const keys[] = {"host.log_level",
					   "exit.allow",
					   "exit.deny",
					   "xdp.allow",
					   "xdp.deny",
					   "tee.policy",
					   "jobs.webhook_networks",
					   "worker.price_cpu_hour",
					   "worker.price_memory_gb_hour",
					   "worker.price_accelerator_hour",
					   "health.health_check_interval",
					   "health.recovery_check_interval",
					   "health.max_error_count",
					   "health.auto_recovery_enabled",
					   "health.metrics_collection_interval",
					   "health.alert_rules",
					   "health.alert_webhook",
					   "gateway.cors_origins",
					   "gateway.trusted_proxies",
					   "gateway.proxy_header",
					   "tracing.sample_ratio",
					   "tracing.propagate",
					   "gateway.standard_per_minute",
					   "gateway.standard_per_hour",
					   "gateway.premium_per_minute",
					   "gateway.premium_per_hour",
					   "gateway.enterprise_per_minute",
					   "gateway.enterprise_per_hour"};
	char name[128];

	snprintf(name, sizeof(name), "%s.%s", k->group, k->key);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(keys); i++)
		if (strcmp(name, keys[i]) == 0)
			return true;
	return false;
}

void fog_host_reload(struct fog_host *h)
{
	struct fog_config fresh;
	u32 taken = 0;

	if (fog_config_read(&fresh, h->config_path, stderr) != 0) {
		fog_log(FOG_LOG_ERROR, "core", "reload refused, the old configuration stays");
		return;
	}
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (fog_config_equal(&h->config, &fresh, k))
			continue;
		if (!can_reload(k)) {
			fog_log(FOG_LOG_WARNING, "core",
				"reload: %s.%s changes with a restart only", k->group, k->key);
			continue;
		}
		fog_config_swap(&h->config, &fresh, k);
		fog_log(FOG_LOG_NOTICE, "core", "reload: %s.%s changed", k->group, k->key);
		taken++;
	}
	fog_config_free(&fresh);
	fog_log_set_level(fog_log_level_parse(h->config.host_log_level));
	fog_log(FOG_LOG_NOTICE, "core", "reloaded changed=%u", taken);
	fog_host_alerts_reload(h); /* its file may have changed */
	fog_host_tcp_reload(h);
	fog_host_tee_reload(h); /* the policy's file may have changed */
	if (taken == 0)
		return;
	fog_edge_server_reconfigure(h->edge);
	fog_host_jobs_reload(h);
	fog_host_tracing_reload(h);
	fog_host_health_reload(h);
	fog_host_xdp_reload(h);
	fog_host_publish_soon(h);
}
