/* SPDX-License-Identifier: BSD-3-Clause */
/* What a look at each component of a host sees, and how each is restarted. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/circuits_api.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/proofs_api.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/daemon/trust.h"
#include "controlplane/daemon/verdicts.h"
#include "controlplane/jobs/runtime.h"
#include "crypto/sign/sign.h"

#define NS_PER_MS 1000000u
/* Its tick comes every second. */
#define SCHEDULER_LIFE_MS 20000
/* For opening the TPM and recording the platform. */
#define ATTESTER_START_MS 15000

/* ---- processes ------------------------------------------------------------------------------ */

static void look_dataplane(struct fog_host *h, struct fog_health_reading *r)
{
	struct fog_dpclient_info info;
	u64 now_ns = fog_monotonic_ns(), silent_ms = 0;

	if (fog_dpclient_info(h->dp, &info) != 0) {
		fog_verdict_say(r, FOG_HEALTH_OFFLINE, "not attached: %.120s", h->dp_why);
		return;
	}
	for (u32 i = 0; i < FOG_MIN(info.workers, (u32)FOG_WORKERS_MAX); i++) {
		u64 beat_ns = info.worker[i].heartbeat_ns;
		silent_ms =
			FOG_MAX(silent_ms, now_ns > beat_ns ? (now_ns - beat_ns) / NS_PER_MS : 0);
	}
	r->heartbeat_ms = fog_loop_now_ms(h->loop) - silent_ms;
	r->since_ms = h->dp_since_ms;
	fog_verdict_workers(r, silent_ms, fog_dpclient_synced(h->dp),
			    FOG_MAX(r->heartbeat_ms, h->dp_since_ms) - h->dp_since_ms);
}

/* Its end was seen only now: its supervisor is about to start it. */
static bool just_lost(const struct fog_host *h, const char *name)
{
	const struct fog_component *c =
		&h->health->h.component[fog_health_find(&h->health->h, name)];

	return fog_loop_now_ms(h->loop) < c->changed_ms + FOG_HEALTH_BACKOFF_MS;
}

static int kill_listener(const struct fog_host *h, const char *name, int type)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", h->config.host_run_dir, name);
	int rc = fog_unix_kill(path, type);
	return rc == -ECONNREFUSED || rc == -ENOENT || rc == -ESRCH ? 0 : rc;
}

static int restart_dataplane(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	if (h->dp_since_ms == 0 && just_lost(h, "dataplane"))
		return 0;
	return kill_listener(h, "dataplane.sock", SOCK_SEQPACKET);
}

static void look_edge(struct fog_host *h, struct fog_health_reading *r)
{
	r->since_ms = fog_edge_server_since_ms(h->edge);
	r->heartbeat_ms = FOG_MAX(h->health->edge_pong_ms, r->since_ms);
	fog_verdict_edge(r, fog_edge_server_connected(h->edge), h->health->edge_silent);
}

static int restart_edge(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	if (!fog_edge_server_connected(h->edge) && just_lost(h, "edge"))
		return 0;
	h->health->edge_silent = 0;
	return kill_listener(h, "edge.sock", SOCK_STREAM);
}

/* ---- in this process ------------------------------------------------------------------------ */

static void look_store(struct fog_host *h, struct fog_health_reading *r)
{
	u64 now_ms = fog_loop_now_ms(h->loop), before_ms = fog_monotonic_ms();
	int rc = fog_store_set(h->store, "health_look", &now_ms, sizeof(now_ms));

	fog_verdict_store(r, rc, fog_monotonic_ms() - before_ms);
}

static int restart_store(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	_Static_assert(FOG_STORE_WHY_SIZE <= FOG_HOST_WHY_SIZE, "one buffer for both");
	return fog_store_reopen(h->store, why);
}

/* Somebody may have cleaned up the run directory under us. */
static bool listens(const struct fog_host *h, const char *name, struct fog_health_reading *r)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", h->config.host_run_dir, name);
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return true;
	fog_verdict_say(r, FOG_HEALTH_OFFLINE, "%s is gone", name);
	return false;
}

static void look_gateway(struct fog_host *h, struct fog_health_reading *r)
{
	if (listens(h, "api.sock", r) && h->health->late_ms > FOG_HEALTH_LOOP_MS)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the loop was late by %llu ms",
				(unsigned long long)h->health->late_ms);
}

static void look_directory(struct fog_host *h, struct fog_health_reading *r)
{
	if (fog_directory_count(h->directory) <= 1 && h->config.control_peers.count != 0)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED,
				"knows no other host, and has peers to ask");
}

static int restart_directory(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_peering_stop(h->peering);
	h->peering = NULL;
	return fog_host_peering_start(h, why);
}

static void look_onion(struct fog_host *h, struct fog_health_reading *r)
{
	struct fog_host_health *s = h->health;
	struct fog_verdict_circuits c = {.built = h->counts.circuits_built - s->circuits_built,
					 .failed = h->counts.circuits_failed - s->circuits_failed,
					 .has_dataplane = h->dp_since_ms != 0,
					 .has_edge = fog_edge_server_connected(h->edge)};

	c.links = fog_links_count(h->links, &c.links_up);
	s->circuits_built = h->counts.circuits_built;
	s->circuits_failed = h->counts.circuits_failed;
	if (listens(h, "data.sock", r))
		fog_verdict_circuits(r, &c);
}

static void look_mixnet(struct fog_host *h, struct fog_health_reading *r)
{
	if (!h->config.mix_enable)
		r->level = 0;
	else if (h->mix.epoch == 0)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "no epoch yet");
	else if (h->mix.key_count == 0)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the data plane has no key of this epoch");
	else if (!h->mix.mailbox_known)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "fog-edge keeps no mail");
}

static int restart_mixnet(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_mix_stop(h);
	fog_host_mix_start(h);
	return 0;
}

static void look_pricing(struct fog_host *h, struct fog_health_reading *r)
{
	u64 now_ms = fog_loop_now_ms(h->loop);
	struct fog_market_view v;

	fog_market_view(&h->market->m, now_ms, &v);
	r->heartbeat_ms = h->market->m.stepped_ms;
	if (v.condition >= FOG_MARKET_VOLATILE)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the market is %s",
				fog_market_condition_name(v.condition));
}

static int restart_pricing(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_market_stop(h);
	return fog_host_market_start(h, why);
}

static void look_scheduler(struct fog_host *h, struct fog_health_reading *r)
{
	const struct fog_jobs_totals *t = fog_jobs_runtime_totals(h->jobs);

	r->heartbeat_ms = t->ticked_ms;
	if (t->broken)
		fog_verdict_say(r, FOG_HEALTH_CRITICAL, "the store failed");
	else if (fog_host_jobs_open(h) >= (u64)h->config.jobs_queue_max)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the queue is full");
}

static int restart_scheduler(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	h->health->runs_vanished = 0;
	fog_host_jobs_stop(h);
	return fog_host_jobs_start(h, why);
}

/* What runs jobs and enclaves, and what vouches for it. */
static void look_tee(struct fog_host *h, struct fog_health_reading *r)
{
	u64 before = h->health->runs_vanished;
	u64 lost = fog_jobs_runtime_totals(h->jobs)->runs_vanished;

	h->health->runs_vanished = lost;
	if ((h->roles & FOG_ROLE_WORKER) == 0)
		r->level = 0;
	else if (!h->tee->ready && fog_loop_now_ms(h->loop) > h->started_ms + ATTESTER_START_MS)
		fog_verdict_say(r, FOG_HEALTH_CRITICAL, "nothing attests this host: %.160s",
				h->tee->about);
	else if (lost > before)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED,
				"%llu executors were lost, their jobs run again",
				(unsigned long long)(lost - before));
}

static int restart_tee(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	return fog_host_tee_restart(h);
}

static void look_quorum(struct fog_host *h, struct fog_health_reading *r)
{
	struct fog_node *node = fog_host_chain_node(h->chain);
	struct fog_quorum_status s;

	if (h->chain == NULL) {
		r->level = 0;
		return;
	}
	if (node == NULL)
		return; /* solo: nobody to agree with */
	fog_node_status(node, &s);
	if (fog_node_failed(node))
		fog_verdict_say(r, FOG_HEALTH_OFFLINE, "%s", fog_node_failed(node));
	else if (s.diverged)
		fog_verdict_say(r, FOG_HEALTH_CRITICAL,
				"our state is not the others': voting stopped");
	else if (!s.quorum)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "no quorum: %.120s", s.why);
}

static int restart_quorum(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_pay_stop(h);
	fog_host_chain_stop(h);
	fog_host_voucher_stop(h);
	return fog_host_ledger_start(h, why);
}

/* Trust and draws are brought up to date with our report. */
static bool is_stuck(const struct fog_host *h, struct fog_health_reading *r)
{
	return fog_verdict_reports(r, h->reported_ms, fog_loop_now_ms(h->loop),
				   (u64)(1000 * fog_host_report_s(h)));
}

static void look_reputation(struct fog_host *h, struct fog_health_reading *r)
{
	(void)is_stuck(h, r);
}

static int restart_reputation(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_measure_stop(h);
	fog_host_trust_stop(h);
	int rc = fog_host_trust_start(h);
	if (rc == 0)
		fog_host_measure_start(h);
	return rc;
}

static void look_vrf(struct fog_host *h, struct fog_health_reading *r)
{
	u64 epoch = h->draws->neighbours.beacon.epoch;

	if (is_stuck(h, r))
		return;
	if (epoch != 0 && epoch + 1 < fog_epoch_of(fog_loop_now_ms(h->loop)))
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the draw is of an old epoch");
	else if (h->draws->eclipse.suspected)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "the neighbours look alike: an eclipse?");
}

static int restart_vrf(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_measure_stop(h);
	fog_host_draws_restart(h);
	fog_host_measure_start(h);
	return 0;
}

/* ---- proofs: one is made and checked at each look ------------------------------------------- */

static const char proof_text[] = "fog health";

static bool proof_make(const struct fog_host *h, u8 signature[64])
{
	fog_sign(signature, proof_text, sizeof(proof_text), h->id.sign_sk);
	return fog_sign_verify(signature, proof_text, sizeof(proof_text), h->id.node_id) == 0;
}

static void look_generator(struct fog_host *h, struct fog_health_reading *r)
{
	u8 signature[64];

	if (!proof_make(h, signature))
		fog_verdict_say(r, FOG_HEALTH_CRITICAL, "its signatures do not verify");
	else if (fog_worker_count(h->proofs->worker) == FOG_HOST_MAKING_MAX)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "%d proofs wait to be made",
				FOG_HOST_MAKING_MAX);
}

static int restart_generator(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	fog_host_making_stop(h);
	return fog_host_making_start(h);
}

static void on_verdict(void *arg, int result)
{
	struct fog_host *h = arg;

	if (h->health == NULL)
		return; /* stopping */
	h->health->verify_asked = false;
	h->health->verify_result = result;
	h->health->verify_ms = fog_loop_now_ms(h->loop);
	if (result == 0 || result == -EBADMSG)
		fog_host_health_look(h, "proof_verifier");
}

static void look_verifier(struct fog_host *h, struct fog_health_reading *r)
{
	const struct fog_host_health *s = h->health;

	fog_verdict_verifier(r, s->verify_ms != 0, s->verify_result, h->dp_since_ms != 0);
}

/* The data plane checks, so it begins anew. */
static int restart_verifier(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	h->health->verify_ms = 0;
	h->health->verify_result = 0;
	return restart_dataplane(h, why);
}

/* ---- questions ------------------------------------------------------------------------------ */

static void on_pong(void *ctx, int rc, const json_t *answer)
{
	struct fog_host *h = ctx;

	if (h->health == NULL)
		return; /* stopping */
	h->health->edge_asked = false;
	if (rc == 0) {
		h->health->edge_pong_ms = fog_loop_now_ms(h->loop);
		h->health->edge_silent = 0;
	} else if (rc == -ETIMEDOUT && ++h->health->edge_silent < 2) {
		fog_host_probes_ask(h);
	}
	fog_host_health_look(h, "edge");
}

void fog_host_probes_ask(struct fog_host *h)
{
	struct fog_host_health *s = h->health;
	u8 signature[64];

	if (!s->edge_asked)
		s->edge_asked = fog_edge_server_request(h->edge, "ping", NULL, on_pong, h) == 0;
	if (s->verify_asked || fog_dpclient_state(h->dp) != FOG_DPCLIENT_UP ||
	    !proof_make(h, signature))
		return;
	s->verify_asked =
		fog_dpclient_verify(h->dp, h->id.node_id, signature, proof_text, sizeof(proof_text),
				    FOG_VERIFY_VOTES, on_verdict, h, fog_monotonic_ns()) == 0;
	ev_feed_event(h->loop, &h->dp_timer, EV_TIMER);
}

const struct fog_host_part fog_host_parts[] = {
	{"dataplane", NULL, true, true, 0, look_dataplane, restart_dataplane},
	{"edge", NULL, true, true, 0, look_edge, restart_edge},
	{"store", NULL, true, false, 0, look_store, restart_store},
	{"gateway", NULL, true, false, 0, look_gateway, fog_host_api_restart},
	{"directory", NULL, false, false, 0, look_directory, restart_directory},
	{"mixnet", NULL, false, false, 0, look_mixnet, restart_mixnet},
	{"tee_runtime", "tee_runtime", false, false, 0, look_tee, restart_tee},
	{"proof_generator", "proof_system", false, false, 0, look_generator, restart_generator},
	{"proof_verifier", "proof_system", false, true, 0, look_verifier, restart_verifier},
	{"pricing_manager", "dynamic_pricing", false, false, 4 * FOG_MARKET_STEP_MS, look_pricing,
	 restart_pricing},
	{"scheduler", "job_scheduler", true, false, SCHEDULER_LIFE_MS, look_scheduler,
	 restart_scheduler},
	{"quorum_manager", "byzantine_quorum", false, false, 0, look_quorum, restart_quorum},
	{"onion_router", "onion_routing", false, false, 0, look_onion, fog_host_onion_restart},
	{"reputation_engine", "reputation_system", false, false, 0, look_reputation,
	 restart_reputation},
	{"vrf_selector", "vrf_neighbor", false, false, 0, look_vrf, restart_vrf},
};
const u32 fog_host_parts_count = FOG_ARRAY_COUNT(fog_host_parts);
