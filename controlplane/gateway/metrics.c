/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/metrics.h"
#include "controlplane/gateway/gateway_private.h"

#define CLASSES 6

void fog_gateway_count(struct fog_exchange *x)
{
	struct fog_gateway *gw = x->gateway;
	unsigned class = FOG_MIN(x->status / 100, (unsigned)CLASSES - 1);

	if (x->entry == NULL)
		gw->unrouted[class]++;
	else
		gw->routes.entries[x->entry - gw->routes.entries].answered[class]++;
	gw->counts.requests++;
	gw->counts.refused += class == 4;
	gw->counts.failed += class == 5;
	fog_histogram_add(&gw->counts.took, (double)(fog_monotonic_ns() - x->start_ns) / 1e9);
}

const struct fog_gateway_counts *fog_gateway_counts(const struct fog_gateway *gw)
{
	return &gw->counts;
}

/* Those that happened: most routes never answer most statuses. */
static void answers_add(struct fog_metrics *m, const u64 answered[CLASSES], const char *method,
			const char *route)
{
	for (unsigned i = 0; i < CLASSES; i++)
		if (answered[i] != 0)
			fog_metrics_add(m, (double)answered[i],
					"route=\"%s\",method=\"%s\",status=\"%uxx\"", route, method,
					i);
}

void fog_gateway_metrics(const struct fog_gateway *gw, struct fog_metrics *m)
{
	fog_metrics_family(m, "fog_http_requests_total", "counter", "requests answered");
	answers_add(m, gw->unrouted, "", "");
	for (u32 i = 0; i < gw->routes.entry_count; i++) {
		const struct fog_entry *e = &gw->routes.entries[i];
		answers_add(m, e->answered, e->route->method, e->route->pattern);
	}
	fog_metrics_family(m, "fog_http_request_duration_seconds", "histogram",
			   "time from the headers of a request to its answer");
	fog_metrics_histogram(m, &gw->counts.took, "%s", "");
	const struct fog_gateway_counts *c = &gw->counts;
	fog_metrics_one(m, "fog_http_unauthorized_total", "counter",
			"requests without a good token, or without its scope",
			(double)c->unauthorized);
	fog_metrics_one(m, "fog_http_limited_total", "counter",
			"requests refused for coming too often", (double)c->limited);
	fog_metrics_one(m, "fog_http_impatient_total", "counter",
			"connections dropped because a request took too long to come",
			(double)c->impatient);
	fog_metrics_one(m, "fog_http_requests_open", "gauge", "requests not answered yet",
			(double)c->open);
	fog_metrics_one(m, "fog_websockets_open", "gauge", "open WebSockets",
			(double)c->websockets);
	fog_metrics_one(m, "fog_websockets_dropped_total", "counter",
			"messages to clients that do not read", (double)c->websockets_dropped);
}
