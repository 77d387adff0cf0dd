/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tracing/otlp.h"

#include "tests/unit/fog_test.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static const char *text(const json_t *o, const char *name)
{
	const char *t = json_string_value(json_object_get(o, name));

	return t != NULL ? t : "";
}

static const char *attribute(const json_t *list, const char *key, const char *kind)
{
	const json_t *a;
	size_t i;

	json_array_foreach((json_t *)list, i, a)
	{
		if (strcmp(text(a, "key"), key) == 0)
			return text(json_object_get(a, "value"), kind);
	}
	return "absent";
}

/* The shape of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. */
static void test_life_cycle(void)
{
	static const u8 parent[8] = {0, 0, 0, 0, 0, 0, 0, 1};
	const struct fog_otlp_resource resource = {.name = "ash", .instance = "ab12"};
	struct fog_trace t;
	struct fog_span span = {
		.trace = &t,
		.parent = parent,
		.name = "GET /v1/jobs",
		.kind = FOG_SPAN_SERVER,
		.start_ns = 1700000000123456789,
		.end_ns = 1700000000223456789,
		.error = "status 503",
		.attribute_count = 2,
		.attribute = {{.key = "http.route", .text = "/v1/jobs"},
			      {.key = "http.response.status_code", .number = 503}},
	};

	CU_ASSERT_EQUAL(fog_trace_parse("00-" TRACE "-" SPAN "-01", &t), 0);
	json_t *spans = json_array();
	json_array_append_new(spans, fog_otlp_span(&span));
	json_t *body = fog_otlp_request(&resource, spans);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	const json_t *r = json_array_get(json_object_get(body, "resourceSpans"), 0);
	const json_t *about = json_object_get(json_object_get(r, "resource"), "attributes");
	CU_ASSERT_STRING_EQUAL(attribute(about, "service.name", "stringValue"), "fog");
	CU_ASSERT_STRING_EQUAL(attribute(about, "service.instance.id", "stringValue"), "ab12");
	CU_ASSERT_STRING_EQUAL(attribute(about, "host.name", "stringValue"), "ash");
	const json_t *scope = json_array_get(json_object_get(r, "scopeSpans"), 0);
	CU_ASSERT_STRING_EQUAL(text(json_object_get(scope, "scope"), "name"), "fog");
	const json_t *s = json_array_get(json_object_get(scope, "spans"), 0);
	CU_ASSERT_STRING_EQUAL(text(s, "traceId"), TRACE);
	CU_ASSERT_STRING_EQUAL(text(s, "spanId"), SPAN);
	CU_ASSERT_STRING_EQUAL(text(s, "parentSpanId"), "0000000000000001");
	CU_ASSERT_STRING_EQUAL(text(s, "name"), "GET /v1/jobs");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(s, "kind")), 2);
	CU_ASSERT_STRING_EQUAL(text(s, "startTimeUnixNano"), "1700000000123456789");
	CU_ASSERT_STRING_EQUAL(text(s, "endTimeUnixNano"), "1700000000223456789");
	const json_t *list = json_object_get(s, "attributes");
	CU_ASSERT_STRING_EQUAL(attribute(list, "http.route", "stringValue"), "/v1/jobs");
	CU_ASSERT_STRING_EQUAL(attribute(list, "http.response.status_code", "intValue"), "503");
	const json_t *status = json_object_get(s, "status");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(status, "code")), 2);
	CU_ASSERT_STRING_EQUAL(text(status, "message"), "status 503");
	json_decref(body);
}

/* A root has no parent, a span that went well no status; time never runs backwards; what a peer
 * sent may be no UTF-8. */
static void test_edges(void)
{
	static const u8 none[8];
	struct fog_trace t;
	struct fog_span span = {.trace = &t,
				.parent = none,
				.name = "x",
				.kind = FOG_SPAN_INTERNAL,
				.start_ns = 5,
				.end_ns = 3,
				.attribute_count = 1,
				.attribute = {{.key = "fog.job", .text = "\xff\xfe"}}};

	fog_trace_begin(&t);
	json_t *s = fog_otlp_span(&span);
	CU_ASSERT_PTR_NULL(json_object_get(s, "parentSpanId"));
	CU_ASSERT_PTR_NULL(json_object_get(s, "status"));
	CU_ASSERT_STRING_EQUAL(text(s, "endTimeUnixNano"), "5");
	CU_ASSERT_STRING_EQUAL(
		attribute(json_object_get(s, "attributes"), "fog.job", "stringValue"), "?");
	json_decref(s);
	span.parent = NULL;
	span.error = "\xff";
	s = fog_otlp_span(&span);
	CU_ASSERT_STRING_EQUAL(text(json_object_get(s, "status"), "message"), "?");
	json_decref(s);
}

FOG_TEST_MAIN("controlplane/tracing/otlp", FOG_TEST(test_life_cycle), FOG_TEST(test_edges))
