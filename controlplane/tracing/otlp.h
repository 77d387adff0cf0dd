/* SPDX-License-Identifier: BSD-3-Clause */
/* Spans in the JSON of the OpenTelemetry protocol (OTLP 1.x, POST /v1/traces). Pure. */
#ifndef FOG_TRACING_OTLP_H
#define FOG_TRACING_OTLP_H

#include <jansson.h>

#include "controlplane/core/trace.h"

/* Who tells: the resource of all spans. */
struct fog_otlp_resource {
	const char *name;     /* of the host, for people: host.name */
	const char *instance; /* its node id: service.instance.id */
};

/* New; NULL without memory. */
json_t *fog_otlp_span(const struct fog_span *span);
/* The body of a request: takes over `spans`, an array of the above. NULL without memory. */
json_t *fog_otlp_request(const struct fog_otlp_resource *resource, json_t *spans);

#endif
