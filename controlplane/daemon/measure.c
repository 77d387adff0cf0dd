/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host measures: links by its data plane, its place in the network from them, its power,
 * its load. And what it knows of others through their reports. */
#include "controlplane/core/log.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/host.h"
#include "controlplane/daemon/measure.h"
#include "controlplane/daemon/trust.h"
#include "controlplane/jobs/runtime.h"

/* A coordinate says nothing before it was fitted to a few measurements. */
#define PLACE_ERROR_MAX 0.9
#define CLOSED_S        2.0 /* between looks at whether we are closed */

static void place_update(struct fog_host *h, const u8 node_id[32], u64 rtt_ns)
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, node_id);
	struct fog_coordinate other;

	fog_coordinate_init(&other);
	if (s != NULL && s->d.report.has_place)
		fog_coordinate_of(&s->d.report.place, &other);
	(void)fog_coordinate_update(&h->coordinate, &other, rtt_ns, &h->rng);
	h->place_updates++;
}

void fog_host_link_measured(struct fog_host *h, const struct fog_event *e)
{
	u64 now_ms = fog_loop_now_ms(h->loop);
	u8 node_id[32];
	struct fog_quality *q = fog_links_quality(h->links, e->link_id, node_id);

	if (q == NULL)
		return;
	if (e->type == FOG_EVENT_LINK_BANDWIDTH) {
		fog_quality_rate(q, e->value, now_ms);
		return;
	}
	fog_quality_rtt(q, e->value, e->circuit_id, e->reason, now_ms);
	place_update(h, node_id, q->rtt_ns);
}

void fog_host_estimate(const struct fog_host *h, const u8 node_id[32], struct fog_estimate *out)
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, node_id);
	const struct fog_quality *q =
		fog_links_measured(h->links, node_id, fog_loop_now_ms(h->loop));
	struct fog_coordinate other;

	memset(out, 0, sizeof(*out));
	if (s != NULL)
		out->energy = s->d.report.energy;
	if (memcmp(node_id, h->id.node_id, 32) == 0) {
		out->kind = FOG_ESTIMATE_SELF;
		out->energy = h->report.energy;
		return;
	}
	if (q != NULL) {
		out->kind = FOG_ESTIMATE_MEASURED;
		out->rtt_ns = q->rtt_ns;
		out->mean_ns = q->mean_ns;
		out->loss_ppm = q->loss_ppm;
		out->rate = q->rate;
		out->error_ppm = 0;
		return;
	}
	if (s == NULL || !s->d.report.has_place || h->place_updates == 0)
		return;
	fog_coordinate_of(&s->d.report.place, &other);
	out->kind = FOG_ESTIMATE_COORDINATES;
	out->rtt_ns = out->mean_ns = fog_coordinate_rtt_ns(&h->coordinate, &other);
	out->error_ppm = (u32)((h->coordinate.error + other.error) * 500000);
}

json_t *fog_estimate_json(const struct fog_estimate *e)
{
	static const char *const names[] = {"unknown", "self", "measured", "coordinates"};
	json_t *o = json_pack("{s:s}", "kind", names[e->kind]);

	if (e->kind >= FOG_ESTIMATE_MEASURED) {
		json_object_set_new(o, "rtt_us", json_integer((json_int_t)(e->rtt_ns / 1000)));
		json_object_set_new(o, "mean_us", json_integer((json_int_t)(e->mean_ns / 1000)));
		json_object_set_new(o, "error_ppm", json_integer(e->error_ppm));
	}
	if (e->kind == FOG_ESTIMATE_MEASURED) {
		json_object_set_new(o, "loss_ppm", json_integer(e->loss_ppm));
		json_object_set_new(o, "bits_per_second",
				    e->rate != 0 ? json_integer((json_int_t)e->rate) : json_null());
	}
	return o;
}

/* ---- our own report ------------------------------------------------------------------------- */

static void load_fill(const struct fog_host *h, struct fog_report *r)
{
	struct fog_jobs_demand d;

	if (h->jobs == NULL)
		return;
	fog_jobs_runtime_demand(h->jobs, &d);
	r->has_load = true;
	r->load = (struct fog_load){
		.cpu_millicores = (u32)FOG_MIN(d.cpu_milli, 1024000),
		.memory_bytes = FOG_MIN(d.memory_bytes, 1ull << 56),
		.disk_bytes = FOG_MIN(d.disk_bytes, 1ull << 60),
		.attested_millicores = FOG_MIN(d.attested_milli, 1024000),
		.accelerators = (u32)FOG_MIN(d.accelerators, FOG_REPORT_ACCELERATORS_MAX),
		.jobs = d.jobs,
		.accounts = d.accounts,
		.largest_ppm = d.largest_ppm,
	};
}

static void closed_fill(const struct fog_host *h, struct fog_report *r)
{
	memset(r->closed, 0, sizeof(r->closed));
	r->closed_count = h->jobs != NULL ? fog_jobs_runtime_closed(h->jobs, r->closed) : 0;
	for (u32 i = 0; i < r->closed_count; i++)
		memset(r->closed[i].node, 0, sizeof(r->closed[i].node)); /* it is our report */
}

/* A reservation does not wait for the next report. */
static void on_closed(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_closed before[FOG_CLOSED_MAX];

	memcpy(before, h->report.closed, sizeof(before));
	closed_fill(h, &h->report);
	if (memcmp(before, h->report.closed, sizeof(before)) != 0)
		fog_host_publish_soon(h);
}

double fog_host_report_s(const struct fog_host *h)
{
	/* Everybody keeps everybody's report: a large fog says less often what it says. */
	return FOG_MAX(FOG_HOST_REPORT_S,
		       fog_directory_count(h->directory) * FOG_HOST_REPORT_EACH_S);
}

static void on_report(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_report *r = &h->report;
	struct fog_energy energy;

	load_fill(h, r);
	closed_fill(h, r);
	fog_host_trust_update(h, r);
	fog_host_draws_update(h, r);
	r->has_place = h->coordinate.error < PLACE_ERROR_MAX;
	if (r->has_place)
		fog_coordinate_publish(&h->coordinate, &r->place);
	fog_energy_read(&h->energy, fog_loop_now_ms(loop), &energy);
	r->energy = energy;
	h->reported_ms = fog_loop_now_ms(loop);
	ev_timer_set(w, fog_host_report_s(h), 0.0);
	ev_timer_start(loop, w);
	fog_host_publish_soon(h);
}

void fog_host_measure_start(struct fog_host *h)
{
	fog_coordinate_init(&h->coordinate);
	fog_energy_open(&h->energy, "", (u32)h->config.energy_idle_watts * 1000,
			(u32)h->config.energy_full_watts * 1000);
	ev_timer_init(&h->report_timer, on_report, FOG_HOST_REPORT_FIRST_S, 0.0);
	h->report_timer.data = h;
	ev_timer_start(h->loop, &h->report_timer);
	ev_timer_init(&h->closed_timer, on_closed, CLOSED_S, CLOSED_S);
	h->closed_timer.data = h;
	ev_timer_start(h->loop, &h->closed_timer);
}

void fog_host_measure_stop(struct fog_host *h)
{
	ev_timer_stop(h->loop, &h->report_timer);
	ev_timer_stop(h->loop, &h->closed_timer);
}
