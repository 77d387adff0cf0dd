/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tracing/otlp.h"

#include "crypto/mem.h"

#define STATUS_ERROR 2

static json_t *text_attribute(const char *key, const char *text)
{
	json_t *value = json_string(text);

	/* What a peer sent may be no UTF-8. */
	return json_pack("{s:s, s:{s:o}}", "key", key, "value", "stringValue",
			 value != NULL ? value : json_string("?"));
}

/* 64-bit numbers are texts there. */
static json_t *attribute(const struct fog_span_attribute *a)
{
	char number[24];

	if (a->text != NULL)
		return text_attribute(a->key, a->text);
	snprintf(number, sizeof(number), "%lld", (long long)a->number);
	return json_pack("{s:s, s:{s:s}}", "key", a->key, "value", "intValue", number);
}

static void hex_set(json_t *o, const char *name, const u8 *id, size_t size)
{
	char hex[FOG_TRACE_ID_SIZE];

	fog_hex_encode(id, size, hex, sizeof(hex));
	json_object_set_new(o, name, json_string(hex));
}

static void time_set(json_t *o, const char *name, u64 ns)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)ns);
	json_object_set_new(o, name, json_string(number));
}

json_t *fog_otlp_span(const struct fog_span *s)
{
	static const u8 none[8];
	json_t *list = json_array();
	json_t *o = json_pack("{s:s, s:i, s:i}", "name", s->name, "kind", (int)s->kind, "flags",
			      (int)s->trace->flags);

	hex_set(o, "traceId", s->trace->trace_id, sizeof(s->trace->trace_id));
	hex_set(o, "spanId", s->trace->span_id, sizeof(s->trace->span_id));
	if (s->parent != NULL && memcmp(s->parent, none, sizeof(none)) != 0)
		hex_set(o, "parentSpanId", s->parent, sizeof(none));
	time_set(o, "startTimeUnixNano", s->start_ns);
	time_set(o, "endTimeUnixNano", FOG_MAX(s->start_ns, s->end_ns));
	for (u32 i = 0; i < s->attribute_count; i++)
		json_array_append_new(list, attribute(&s->attribute[i]));
	json_object_set_new(o, "attributes", list);
	if (s->error != NULL) {
		json_t *message = json_string(s->error);
		json_object_set_new(o, "status",
				    json_pack("{s:i, s:o}", "code", STATUS_ERROR, "message",
					      message != NULL ? message : json_string("?")));
	}
	return o;
}

json_t *fog_otlp_request(const struct fog_otlp_resource *r, json_t *spans)
{
	return json_pack("{s:[{s:{s:[o,o,o,o]}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans",
			 "resource", "attributes", text_attribute("service.name", "fog"),
			 text_attribute("service.version", FOG_VERSION),
			 text_attribute("service.instance.id", r->instance),
			 text_attribute("host.name", r->name), "scopeSpans", "scope", "name", "fog",
			 "version", FOG_VERSION, "spans", spans);
}
