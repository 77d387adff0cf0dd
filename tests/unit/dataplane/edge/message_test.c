/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <jansson.h>

#include "dataplane/edge/message.h"
#include "tests/unit/fog_test.h"

#define A       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C       "CCCCcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define HOP(id) "{\"node_id\":\"" id "\",\"onion_pk\":\"" A "\"}"
#define END(id) "\"terminus\":{\"node_id\":\"" id "\",\"quic_pk\":\"" B "\"}"

static struct fog_control_message m;
static char why[FOG_ERROR_TEXT_MAX];

static int parse(const char *line)
{
	return fog_message_parse(&m, line, strlen(line), why);
}

static void test_life_cycle(void)
{
	CU_ASSERT_EQUAL_FATAL(
		parse("{\"op\":\"config\",\"node_id\":\"" A
		      "\",\"socks\":\"127.0.0.1:9050\",\"exit\":{\"enabled\":true,"
		      "\"allow\":[\"10.0.0.0/8:80\",\"[fd00::]/8:1-65535\"],\"deny\":[]},"
		      "\"hops\":3,\"later\":[1,2]}"),
		0);
	CU_ASSERT_EQUAL(m.op, FOG_CONTROL_CONFIG);
	CU_ASSERT_EQUAL(m.config.node_id[0], 0xaa);
	CU_ASSERT_STRING_EQUAL(m.config.socks, "127.0.0.1:9050");
	CU_ASSERT_EQUAL(m.config.hops, 3);
	CU_ASSERT_TRUE(m.config.policy.enabled);
	CU_ASSERT_EQUAL(m.config.policy.allow_count, 2);
	CU_ASSERT_EQUAL(m.config.policy.deny_count, 0);
	CU_ASSERT_EQUAL_FATAL(parse("{\"op\":\"config\",\"node_id\":\"" A
				    "\",\"socks\":null,\"exit\":null,\"hops\":1}"),
			      0);
	CU_ASSERT_STRING_EQUAL(m.config.socks, "");
	CU_ASSERT_FALSE(m.config.policy.enabled);
	CU_ASSERT_EQUAL_FATAL(parse("{\"op\":\"route\",\"id\":7,\"ok\":true,\"path\":[" HOP(
				      A) "," HOP(B) "," HOP(C) "]," END(C) "}"),
			      0);
	CU_ASSERT_EQUAL(m.op, FOG_CONTROL_ROUTE);
	CU_ASSERT_EQUAL(m.route.id, 7);
	CU_ASSERT_TRUE(m.route.ok);
	CU_ASSERT_EQUAL(m.route.hops, 3);
	CU_ASSERT_EQUAL(m.route.path[1].node_id[5], 0xbb);
	CU_ASSERT_EQUAL(m.route.terminus[0], 0xcc);
	CU_ASSERT_EQUAL(m.route.quic_pk[31], 0xbb);
	CU_ASSERT_EQUAL_FATAL(
		parse("{\"op\":\"route\",\"id\":8,\"ok\":false,\"error\":\"no exit\"}"), 0);
	CU_ASSERT_FALSE(m.route.ok);
	CU_ASSERT_STRING_EQUAL(m.route.error, "no exit");
	CU_ASSERT_EQUAL_FATAL(parse("{\"op\":\"circuits\",\"id\":0}"), 0);
	CU_ASSERT_EQUAL(m.op, FOG_CONTROL_CIRCUITS);
	CU_ASSERT_EQUAL_FATAL(parse("{\"op\":\"ping\",\"id\":9}"), 0);
	CU_ASSERT_EQUAL(m.op, FOG_CONTROL_PING);
	CU_ASSERT_EQUAL(m.id, 9);
	CU_ASSERT_EQUAL_FATAL(parse("{\"op\":\"close\",\"id\":3,\"handle\":4294967295}"), 0);
	CU_ASSERT_EQUAL(m.handle, 4294967295u);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"\"op\"",
		"{}",
		"{\"op\":7}",
		"{\"op\":\"nothing\"}",
		"{\"op\":\"nothing\",\"id\":1}",
		"{\"op\":\"route\",\"op\":\"close\",\"id\":1}",
		"{\"op\":\"circuits\"}",
		"{\"op\":\"circuits\",\"id\":-1}",
		"{\"op\":\"circuits\",\"id\":1.5}",
		"{\"op\":\"circuits\",\"id\":\"1\"}",
		"{\"op\":\"close\",\"id\":1}",
		"{\"op\":\"close\",\"id\":1,\"handle\":0}",
		"{\"op\":\"close\",\"id\":1,\"handle\":4294967296}",
		"{\"op\":\"config\"}",
		"{\"op\":\"config\",\"node_id\":\"aa\",\"hops\":3}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":0}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":9}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":3,\"socks\":9050}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":3,\"exit\":[]}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":3,\"exit\":{}}",
		"{\"op\":\"config\",\"node_id\":\"" A "\",\"hops\":3,\"exit\":{\"enabled\":1}}",
		"{\"op\":\"config\",\"node_id\":\"" A
		"\",\"hops\":3,\"exit\":{\"enabled\":true,\"allow\":\"10.0.0.0/8:80\"}}",
		"{\"op\":\"config\",\"node_id\":\"" A
		"\",\"hops\":3,\"exit\":{\"enabled\":true,\"allow\":[\"10.0.0.0/8\"]}}",
		"{\"op\":\"config\",\"node_id\":\"" A
		"\",\"hops\":3,\"exit\":{\"enabled\":true,\"deny\":[7]}}",
		"{\"op\":\"route\",\"id\":1}",
		"{\"op\":\"route\",\"id\":1,\"ok\":1}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[]," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":{}," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[7]," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[{}]," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[" HOP(A) "]}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[" HOP(A) "]," END(B) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[" HOP(A) "," HOP(B) "," HOP(
			A) "]," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[" HOP(
			A) "],\"terminus\":{\"node_id\":\"" A "\"}}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[" HOP("zz") "]," END(A) "}",
		"{\"op\":\"route\",\"id\":1,\"ok\":true,\"path\":[1,2,3,4,5,6,7,8,9]," END(A) "}",
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		why[0] = '\0';
		if (parse(bad[i]) != -EPROTO || why[0] == '\0')
			CU_FAIL(bad[i]);
	}
	/* too long, deeply nested, embedded zero */
	static char big[FOG_MESSAGE_LINE_MAX + 2];
	memset(big, ' ', sizeof(big));
	CU_ASSERT_EQUAL(fog_message_parse(&m, big, FOG_MESSAGE_LINE_MAX + 1, why), -EPROTO);
	memset(big, '[', sizeof(big));
	CU_ASSERT_EQUAL(fog_message_parse(&m, big, FOG_MESSAGE_LINE_MAX, why), -EPROTO);
	CU_ASSERT_EQUAL(fog_message_parse(&m, "{\"op\":\"circuits\",\"id\":1}\0x", 26, why),
			-EPROTO);
}

static void test_requests(void)
{
	struct fog_route_request r = {.id = 9,
				      .purpose = FOG_PURPOSE_EXIT,
				      .host = "quote\"d",
				      .port = 80,
				      .hops = 3,
				      .exclude_count = 2};
	char text[80];

	memset(r.exclude[1], 0xee, 32);
	char *line = fog_message_route(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_EQUAL(strchr(line, '\n'), line + strlen(line) - 1);
	json_t *root = json_loads(line, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "host")), "quote\"d");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "purpose")), "exit");
	CU_ASSERT_TRUE(json_is_null(json_object_get(root, "target")));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "exclude")), 2);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "id")), 9);
	json_decref(root);
	free(line);
	line = fog_message_hello(r.exclude[1], NULL);
	snprintf(text, sizeof(text), "%.12s", line);
	CU_ASSERT_STRING_EQUAL(text, "{\"op\":\"hello");
	free(line);
}

static void test_headers(void)
{
	static const char *const bad[] = {
		"{\"service\":\"udp\",\"host\":\"x\",\"port\":1}",
		"{\"service\":\"tcp\",\"host\":\"x\"}",
		"{\"service\":\"tcp\",\"port\":1}",
		"{\"service\":\"tcp\",\"host\":\"\",\"port\":1}",
		"{\"service\":\"tcp\",\"host\":\"x y\",\"port\":1}",
		"{\"service\":\"tcp\",\"host\":\"x\",\"port\":0}",
		"{\"service\":\"tcp\",\"host\":\"x\",\"port\":65536}",
		"{\"service\":\"tcp\",\"host\":\"x\",\"port\":\"80\"}",
		"{\"service\":7}",
		"service",
		"",
	};
	struct fog_stream_header h, back;
	char line[FOG_HEADER_LINE_MAX + 1];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		if (fog_header_parse(&h, bad[i], strlen(bad[i])) != -EPROTO)
			CU_FAIL(bad[i]);
	}
	memset(&h, 0, sizeof(h));
	h.service = FOG_SERVICE_TCP;
	memset(h.host, '"', 255); /* doubles when escaped */
	h.port = 65535;
	size_t n = fog_header_format(&h, line);
	CU_ASSERT_EQUAL(line[n - 1], '\n');
	CU_ASSERT_EQUAL(fog_header_parse(&back, line, n - 1), 0);
	CU_ASSERT_EQUAL(memcmp(&h, &back, sizeof(h)), 0);
	h = (struct fog_stream_header){.service = FOG_SERVICE_JOB};
	n = fog_header_format(&h, line);
	CU_ASSERT_EQUAL(n, strlen("{\"service\":\"job\"}\n"));
	CU_ASSERT_EQUAL(memcmp(line, "{\"service\":\"job\"}\n", n), 0);
	CU_ASSERT_EQUAL(fog_open_parse(&h, "{\"op\":\"open\",\"service\":\"job\"}", 29), -EPROTO);
	static const char open[] = "{\"op\":\"open\",\"service\":\"job\",\"target\":\"" C "\"}";
	CU_ASSERT_EQUAL(fog_open_parse(&h, open, sizeof(open) - 1), 0);
	CU_ASSERT_EQUAL(h.target[3], 0xcc);
	CU_ASSERT_STRING_EQUAL(h.owner, "");
}

/* For whom a circuit is. */
static void test_owners(void)
{
	struct fog_stream_header h;
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"op\":\"open\",\"service\":\"circuit\",\"target\":\"" C
		 "\",\"owner\":\"ann\"}");
	CU_ASSERT_EQUAL(fog_open_parse(&h, line, strlen(line)), 0);
	CU_ASSERT_STRING_EQUAL(h.owner, "ann");
	snprintf(line, sizeof(line),
		 "{\"op\":\"open\",\"service\":\"circuit\",\"target\":\"" C
		 "\",\"owner\":\"%080d\"}",
		 0);
	CU_ASSERT_EQUAL(fog_open_parse(&h, line, strlen(line)), -EPROTO);
	snprintf(line, sizeof(line), "{\"op\":\"close\",\"id\":1,\"handle\":2}");
	CU_ASSERT_EQUAL(fog_message_parse(&m, line, strlen(line), why), 0);
	CU_ASSERT_FALSE(m.has_owner);
	snprintf(line, sizeof(line), "{\"op\":\"close\",\"id\":1,\"handle\":2,\"owner\":\"ann\"}");
	CU_ASSERT_EQUAL(fog_message_parse(&m, line, strlen(line), why), 0);
	CU_ASSERT(m.has_owner && strcmp(m.owner, "ann") == 0);
	snprintf(line, sizeof(line), "{\"op\":\"close\",\"id\":1,\"handle\":2,\"owner\":7}");
	CU_ASSERT_EQUAL(fog_message_parse(&m, line, strlen(line), why), -EPROTO);
}

static int open_parse(struct fog_stream_header *h, const char *line)
{
	return fog_open_parse(h, line, strlen(line));
}

/* edge.sock: more services than travel, and what the circuit shall be like. */
static void test_openings(void)
{
	static const char *const bad[] = {
		"{\"op\":\"open\",\"service\":\"circuit\"}",
		"{\"op\":\"open\",\"service\":\"circuit\",\"purpose\":\"exit\",\"host\":\"a\"}",
		"{\"op\":\"open\",\"service\":\"tcp\",\"host\":\"a\",\"port\":0}",
		"{\"op\":\"open\",\"service\":\"data\",\"target\":\"" C "\",\"hops\":9}",
		"{\"op\":\"open\",\"service\":\"data\",\"target\":\"" C "\",\"hops\":0}",
		"{\"op\":\"open\",\"service\":\"news\",\"target\":\"" C "\"}",
		"{\"op\":\"shut\",\"service\":\"data\",\"target\":\"" C "\"}",
	};
	static const char circuit[] = "{\"service\":\"circuit\"}";
	struct fog_stream_header h;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		if (open_parse(&h, bad[i]) != -EPROTO)
			CU_FAIL(bad[i]);
	CU_ASSERT_EQUAL(fog_header_parse(&h, circuit, sizeof(circuit) - 1), -EPROTO);
	CU_ASSERT_EQUAL(open_parse(&h, "{\"op\":\"open\",\"service\":\"data\",\"target\":\"" C
				       "\",\"hops\":4,\"fresh\":true}"),
			0);
	CU_ASSERT_EQUAL(h.service, FOG_SERVICE_DATA);
	CU_ASSERT_EQUAL(h.hops, 4);
	CU_ASSERT_TRUE(h.fresh);
	CU_ASSERT_EQUAL(open_parse(&h,
				   "{\"op\":\"open\",\"service\":\"circuit\",\"purpose\":\"exit\","
				   "\"host\":\"a\",\"port\":80}"),
			0);
	CU_ASSERT_EQUAL(h.purpose, FOG_PURPOSE_EXIT);
	CU_ASSERT_EQUAL(h.port, 80);
	CU_ASSERT_EQUAL(
		open_parse(&h, "{\"op\":\"open\",\"service\":\"circuit\",\"target\":\"" C "\"}"),
		0);
	CU_ASSERT_EQUAL(h.purpose, FOG_PURPOSE_JOB);
	CU_ASSERT_FALSE(h.fresh);
}

static void test_answers(void)
{
	enum fog_open_code code;
	char error[FOG_ERROR_TEXT_MAX], line[FOG_HEADER_LINE_MAX + 1];

	for (unsigned i = FOG_OPEN_OK; i <= FOG_OPEN_PROTOCOL; i++) {
		size_t n = fog_answer_format(i, "bad \x01 text \xff", true, line);

		CU_ASSERT_EQUAL_FATAL(fog_answer_parse(&code, error, line, n - 1), 0);
		CU_ASSERT_EQUAL(code, i <= FOG_OPEN_RESOLVE ? i : FOG_OPEN_UNREACHABLE);
		CU_ASSERT_STRING_EQUAL(error, i == FOG_OPEN_OK ? "" : "bad ? text ?");
	}
	(void)fog_answer_format(FOG_OPEN_NO_ROUTE, "few", false, line);
	CU_ASSERT_EQUAL(strncmp(line, "{\"ok\":false,\"error\":\"few\",\"code\":\"no route\"}", 44),
			0);
	CU_ASSERT_EQUAL(fog_answer_parse(&code, error, "{\"ok\":false}", 12), 0);
	CU_ASSERT_EQUAL(code, FOG_OPEN_UNREACHABLE);
	CU_ASSERT_EQUAL(fog_answer_parse(&code, error, "{\"ok\":0}", 8), -EPROTO);
	CU_ASSERT_EQUAL(fog_answer_parse(&code, error, "{}", 2), -EPROTO);
	CU_ASSERT_EQUAL(fog_answer_parse(&code, error, "ok", 2), -EPROTO);
}

FOG_TEST_MAIN("dataplane/edge/message", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_requests), FOG_TEST(test_headers), FOG_TEST(test_owners),
	      FOG_TEST(test_openings), FOG_TEST(test_answers))
