/* SPDX-License-Identifier: BSD-3-Clause */
/* The trace of a request: whose it is, and its span when it is answered. */
#include <strings.h>
#include <time.h>

#include "controlplane/gateway/gateway_private.h"

/* All lines of a header. */
struct lines {
	const char *name;
	u32 count;
	char text[FOG_TRACESTATE_MAX + 2]; /* joined by commas; longer: cut */
	size_t used;
};

static enum MHD_Result line_take(void *ctx, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct lines *l = ctx;

	if (strcasecmp(name, l->name) != 0 || value == NULL)
		return MHD_YES;
	size_t room = sizeof(l->text) - l->used;
	int n = snprintf(l->text + l->used, room, "%s%s", l->count++ != 0 ? "," : "", value);
	l->used = FOG_MIN(l->used + (size_t)n, sizeof(l->text) - 1);
	return MHD_YES;
}

static void lines_read(const struct fog_exchange *x, const char *name, struct lines *l)
{
	l->name = name;
	l->count = 0;
	l->used = 0;
	l->text[0] = '\0';
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, line_take, l);
}

/* Two traceparents are as good as none, and a tracestate alone means nothing. */
void fog_traced_begin(struct fog_exchange *x)
{
	struct lines lines;
	struct fog_trace theirs;

	fog_trace_begin(&x->trace);
	if (fog_exchange_header_in(x, "traceparent")[0] == '\0')
		return;
	lines_read(x, "traceparent", &lines);
	if (lines.count != 1 || fog_trace_parse(lines.text, &theirs) != 0)
		return;
	memcpy(x->trace.trace_id, theirs.trace_id, sizeof(theirs.trace_id));
	memcpy(x->trace_parent, theirs.span_id, sizeof(theirs.span_id));
	x->trace.flags = theirs.flags;
	lines_read(x, "tracestate", &lines);
	if (lines.count != 0 && fog_tracestate_good(lines.text))
		x->tracestate = strdup(lines.text);
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
