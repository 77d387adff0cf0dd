/* SPDX-License-Identifier: BSD-3-Clause */
/* Where spans of this host go, as its configuration says. */
#include "controlplane/tracing/exporter.h"

#include "controlplane/core/log.h"
#include "controlplane/daemon/host.h"
#include "controlplane/health/metrics.h"

/* What nobody keeps is not asked of others either. */
void fog_host_tracing_reload(struct fog_host *h)
{
	fog_trace_ratio_set(h->exporter != NULL ? strtod(h->config.tracing_sample_ratio, NULL) : 0);
}

int fog_host_tracing_start(struct fog_host *h)
{
	const char *url = h->config.tracing_otlp_url;
	struct fog_otlp_resource resource = {.name = h->config.host_name};
	char id[65];

	if (url[0] == '\0')
		return 0;
	resource.instance = fog_node_id_hex(h->id.node_id, id);
	int rc = fog_exporter_new(&h->exporter, h->loop, url, &resource);
	if (rc == 0)
		fog_log(FOG_LOG_NOTICE, "tracing", "spans go to url=\"%s\"", url);
	fog_host_tracing_reload(h);
	return rc;
}

void fog_host_tracing_stop(struct fog_host *h)
{
	fog_exporter_free(h->exporter);
	h->exporter = NULL;
}

void fog_host_tracing_metrics(const struct fog_host *h, struct fog_metrics *m)
{
	struct fog_exporter_counts c;

	if (h->exporter == NULL)
		return;
	fog_exporter_counts(h->exporter, &c);
	fog_metrics_one(m, "fog_trace_spans_exported_total", "counter",
			"spans that the collector took", (double)c.spans);
	fog_metrics_one(m, "fog_trace_spans_dropped_total", "counter",
			"spans that it did not take, or that did not fit the queue",
			(double)c.dropped);
	fog_metrics_one(m, "fog_trace_requests_failed_total", "counter",
			"requests to the collector that failed", (double)c.failed);
	fog_metrics_one(m, "fog_trace_spans_queued", "gauge", "spans that wait for the collector",
			c.queued);
}
