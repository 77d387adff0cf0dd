/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/trace.h"

#include "crypto/mem.h"

#define PARENT_AT (FOG_TRACEPARENT_SIZE) /* behind the space */
#define WIRE_AT   (PARENT_AT + 2 * 8 + 1)
#define STATE_AT  (WIRE_AT + 2 * 16 + 1)

void fog_job_trace_begin(struct fog_job_trace *out, const struct fog_job_origin *o, bool alone,
			 bool callers, struct fog_rng *rng)
{
	memset(out, 0, sizeof(*out));
	if (!fog_trace_is(&o->trace))
		return;
	out->span = o->trace;
	fog_rng_bytes(rng, out->span.span_id, sizeof(out->span.span_id));
	memcpy(out->parent, o->trace.span_id, sizeof(out->parent));
	memcpy(out->wire, o->trace.trace_id, sizeof(out->wire));
	if (!callers && (o->given || !alone))
		fog_rng_bytes(rng, out->wire, sizeof(out->wire));
}

void fog_job_trace_wire(const struct fog_job_trace *t, struct fog_trace *out)
{
	*out = t->span;
	memcpy(out->trace_id, t->wire, sizeof(t->wire));
}

char *fog_job_trace_text(const struct fog_job_trace *t, const char *state,
			 char out[FOG_JOB_TRACE_SIZE])
{
	char own[FOG_TRACEPARENT_SIZE], parent[FOG_SPAN_ID_SIZE], wire[FOG_TRACE_ID_SIZE];

	out[0] = '\0';
	if (!fog_trace_is(&t->span))
		return out;
	fog_hex_encode(t->parent, sizeof(t->parent), parent, sizeof(parent));
	fog_hex_encode(t->wire, sizeof(t->wire), wire, sizeof(wire));
	snprintf(out, FOG_JOB_TRACE_SIZE, "%s %s %s%s%s", fog_trace_format(&t->span, own), parent,
		 wire, state != NULL ? " " : "", state != NULL ? state : "");
	return out;
}

static bool hex_read(const char *text, u8 *out, size_t size)
{
	char hex[FOG_TRACE_ID_SIZE];

	memcpy(hex, text, 2 * size);
	hex[2 * size] = '\0';
	return fog_hex_decode(hex, out, size) == 0;
}

const char *fog_job_trace_read(const char *text, struct fog_job_trace *out)
{
	char own[FOG_TRACEPARENT_SIZE];
	size_t len = strlen(text);

	memset(out, 0, sizeof(*out));
	snprintf(own, sizeof(own), "%s", text);
	if (len < STATE_AT - 1 || fog_trace_parse(own, &out->span) != 0 ||
	    !hex_read(text + PARENT_AT, out->parent, sizeof(out->parent)) ||
	    !hex_read(text + WIRE_AT, out->wire, sizeof(out->wire)))
		memset(out, 0, sizeof(*out));
	return fog_trace_is(&out->span) && len > STATE_AT ? text + STATE_AT : "";
}
