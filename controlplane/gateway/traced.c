/* SPDX-License-Identifier: BSD-3-Clause */
/* The trace of a request: whose it is, and its span when it is answered. */
#include <time.h>

#include "controlplane/gateway/gateway_private.h"

/* Several lines of it are one list (RFC 9110 5.3). */
static char *state_take(const struct fog_exchange *x)
{
	const char *line[FOG_EXCHANGE_LINES_MAX];
	char text[FOG_TRACESTATE_MAX + 2] = "";
	u32 count = fog_exchange_lines_in(x, "tracestate", line);
	size_t used = 0;

	if (count > FOG_EXCHANGE_LINES_MAX)
		return NULL;
	for (u32 i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i != 0 ? "," : "", line[i]);
	return used < sizeof(text) && fog_tracestate_good(text) ? strdup(text) : NULL;
}

/* Two traceparents are as good as none, and a tracestate alone means nothing. */
void fog_traced_begin(struct fog_exchange *x)
{
	const char *line[FOG_EXCHANGE_LINES_MAX];
	struct fog_trace theirs;

	fog_trace_begin(&x->trace);
	if (fog_exchange_header_in(x, "traceparent")[0] == '\0' ||
	    fog_exchange_lines_in(x, "traceparent", line) != 1 ||
	    fog_trace_parse(line[0], &theirs) != 0)
		return;
	memcpy(x->trace.trace_id, theirs.trace_id, sizeof(theirs.trace_id));
	memcpy(x->trace_parent, theirs.span_id, sizeof(theirs.span_id));
	x->trace.flags = theirs.flags;
	x->tracestate = state_take(x);
}

void fog_traced_end(const struct fog_exchange *x)
{
	const struct fog_route *route = x->entry != NULL ? x->entry->route : NULL;
	char name[256], status[24];
	struct timespec now;

	if (!fog_span_wanted(&x->trace))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, sizeof(name), "%s %s", route != NULL ? route->method : "HTTP",
		 route != NULL ? route->pattern : "unrouted");
	snprintf(status, sizeof(status), "status %u", x->status);
	struct fog_span span = {
		.trace = &x->trace,
		.parent = x->trace_parent,
		.name = name,
		.kind = FOG_SPAN_SERVER,
		.end_ns = (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec,
		.error = x->status >= 500 ? status : NULL,
		.attribute_count = 4,
		.attribute = {{.key = "http.request.method",
			       .text = route != NULL ? route->method : "_OTHER"},
			      {.key = "http.route", .text = route != NULL ? route->pattern : ""},
			      {.key = "http.response.status_code", .number = x->status},
			      {.key = "fog.request_id", .text = x->request_id}},
	};
	span.start_ns = span.end_ns - (fog_monotonic_ns() - x->start_ns);
	fog_span_end(&span);
}

const struct fog_trace *fog_exchange_trace(const struct fog_exchange *x)
{
	return &x->trace;
}

bool fog_exchange_traced(const struct fog_exchange *x)
{
	static const u8 none[sizeof(x->trace_parent)];

	return memcmp(x->trace_parent, none, sizeof(none)) != 0;
}

const char *fog_exchange_tracestate(const struct fog_exchange *x)
{
	return x->tracestate;
}
