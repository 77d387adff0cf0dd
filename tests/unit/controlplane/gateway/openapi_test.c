/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/openapi.h"

#include "tests/unit/fog_test.h"

static int nothing(struct fog_exchange *x)
{
	return fog_exchange_problem(x, 500, "not called");
}

static const struct fog_route routes[] = {
	{"GET", "/v1/things/{id}", nothing,
	 FOG_DESCRIBE("A thing", .path = "id: integer 0.. (its number)", .answer = "@Thing",
		      .query = "after?: integer = 0")},
	{"POST", "/v1/things", nothing,
	 FOG_DESCRIBE("Make a thing", .text = "At length.", .creates = true, .status = 201,
		      .request = "{name: string}", .answer = "@Thing")},
	{"DELETE", "/v1/things/{id}", nothing,
	 FOG_DESCRIBE("Forget a thing", .scope = FOG_SCOPE_ADMIN)},
	{"GET", "/v1/fog/pricing/quote", nothing,
	 FOG_DESCRIBE("A price", .scope = FOG_SCOPE_NONE, .answer = "{price: number}")},
	{"GET", "/metrics", nothing, FOG_DESCRIBE("Metrics", .type = "text/plain")},
	{"GET", "/v1/silent", nothing},
};

/* The text at a path of names and indexes, separated by spaces; "" when there is none. */
static const char *at(const json_t *o, const char *path)
{
	static char text[1024];
	char word[128];

	for (int n; sscanf(path, "%127s%n", word, &n) == 1; path += n)
		o = json_is_array(o) ? json_array_get(o, strtoul(word, NULL, 10))
				     : json_object_get(o, word);
	char *all = o != NULL ? json_dumps(o, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	snprintf(text, sizeof(text), "%s", all != NULL ? all : "");
	free(all);
	return text;
}

static const struct {
	const char *path, *value;
} cases[] = {
	{"openapi", "\"3.1.0\""},
	{"paths /v1/silent", ""},
	{"paths /v1/things/{id} get summary", "\"A thing\""},
	{"paths /v1/things/{id} get operationId", "\"get_v1_things_id\""},
	{"paths /v1/things/{id} get tags", "[\"things\"]"},
	{"paths /v1/things/{id} get parameters 0",
	 "{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"description\":\"its number\","
	 "\"schema\":{\"type\":\"integer\",\"minimum\":0}}"},
	{"paths /v1/things/{id} get parameters 1 schema", "{\"type\":\"integer\",\"default\":0}"},
	{"paths /v1/things/{id} get parameters 1 required", "false"},
	{"paths /v1/things/{id} get security", "[{\"token\":[\"read\"]},{\"key\":[\"read\"]}]"},
	{"paths /v1/things/{id} get responses 200 content application/json schema $ref",
	 "\"#/components/schemas/Thing\""},
	{"paths /v1/things/{id} get responses default $ref", "\"#/components/responses/Problem\""},
	{"paths /v1/things/{id} delete security 0 token 0", "\"admin\""},
	{"paths /v1/things/{id} delete parameters 0 schema", "{\"type\":\"string\"}"},
	{"paths /v1/things post security 1 key 0", "\"write\""},
	{"paths /v1/things post description", "\"At length.\""},
	{"paths /v1/things post parameters 0 $ref", "\"#/components/parameters/IdempotencyKey\""},
	{"paths /v1/things post requestBody required", "true"},
	{"paths /v1/things post responses 201 description", "\"Make a thing\""},
	{"paths /v1/fog/pricing/quote get tags", "[\"pricing\"]"},
	{"paths /v1/fog/pricing/quote get security", "[]"},
	{"paths /v1/fog/pricing/quote get responses 200 content application/json schema allOf 0",
	 "{\"$ref\":\"#/components/schemas/Envelope\"}"},
	{"paths /v1/fog/pricing/quote get responses 422 $ref",
	 "\"#/components/responses/Invalid\""},
	{"paths /metrics get responses 200 content text/plain schema", "{\"type\":\"string\"}"},
	{"paths /metrics get tags", "[\"metrics\"]"},
	{"components schemas Thing required", "[\"name\"]"},
	{"components schemas Envelope required", "[\"success\",\"data\",\"timestamp\"]"},
	{"components schemas Problem properties status type", "\"integer\""},
	{"components responses Problem content application/problem+json schema $ref",
	 "\"#/components/schemas/Problem\""},
	{"components securitySchemes key",
	 "{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}"},
};

static void test_document(void)
{
	static struct fog_routes r;

	fog_routes_define(&r, "Thing", "{name: string, of?: @Thing|null}");
	fog_routes_add(&r, routes, FOG_ARRAY_COUNT(routes), NULL);
	json_t *document = fog_openapi(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		const char *text = at(document, cases[i].path);
		if (strcmp(text, cases[i].value) != 0)
			printf("case %u: %s\n", i, text);
		CU_ASSERT_STRING_EQUAL(text, cases[i].value);
	}
	json_decref(document);
	fog_routes_clear(&r);
}

FOG_TEST_MAIN("controlplane/gateway/openapi", FOG_TEST(test_document))
