/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes ended spans to a collector, by OTLP over HTTP in JSON: in batches, one request at a time. A
 * collector that is slow or away costs a bounded queue; what does not fit is counted and dropped.
 * Refused for now (429, 502, 503, 504) or not reached, a batch is tried again, 1 s apart and
 * doubling. Nothing blocks but the end. The loop's thread only. */
#ifndef FOG_TRACING_EXPORTER_H
#define FOG_TRACING_EXPORTER_H

#include "controlplane/core/loop.h"
#include "controlplane/tracing/otlp.h"

#define FOG_EXPORTER_QUEUE_MAX  2048
#define FOG_EXPORTER_BATCH_MAX  512
#define FOG_EXPORTER_DELAY_MS   2000  /* that a span waits for others */
#define FOG_EXPORTER_TIMEOUT_MS 10000 /* of a request */
#define FOG_EXPORTER_TRIES_MAX  5
#define FOG_EXPORTER_GOODBYE_MS 1000 /* for what is left at the end */

struct fog_exporter;

struct fog_exporter_counts {
	u64 spans;   /* taken by the collector */
	u64 dropped; /* not: the queue was full, or the collector did not want them */
	u64 failed;  /* requests */
	u32 queued;  /* now */
};

/* Becomes the sink of core/trace.h. url: all of it, such as http://127.0.0.1:4318/v1/traces;
 * `resource` is copied. 0 or -ENOMEM. */
int fog_exporter_new(struct fog_exporter **out, struct ev_loop *loop, const char *url,
		     const struct fog_otlp_resource *resource);
void fog_exporter_counts(const struct fog_exporter *e, struct fog_exporter_counts *out);
/* NULL is fine. */
void fog_exporter_free(struct fog_exporter *e);

#endif
