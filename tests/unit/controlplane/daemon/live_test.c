/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/live.h"

#include "tests/unit/fog_test.h"

#include <errno.h>

/* A peer with a queue of `room` messages; the newest are kept. */
struct peer {
	u32 room, sent;
	bool everything; /* may have any topic */
	const char *name;
	json_t *last[8];
};

static struct fog_live *live;
static u32 states; /* asked for */

static json_t *state(void *ctx, enum fog_live_topic t)
{
	states++;
	return json_pack("{s:s, s:I}", "state", fog_live_topic_name(t), "number",
			 (json_int_t)states);
}

static int send(void *ctx, const char *text, size_t len)
{
	struct peer *p = ctx;

	if (p->room == 0)
		return -ENOBUFS;
	p->room--;
	json_decref(p->last[7]);
	memmove(p->last + 1, p->last, 7 * sizeof(p->last[0]));
	p->last[0] = json_loadb(text, len, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(p->last[0]);
	CU_ASSERT_TRUE(json_is_string(json_object_get(p->last[0], "timestamp")));
	p->sent++;
	return 0;
}

static bool may(void *ctx, enum fog_live_topic t)
{
	return ((struct peer *)ctx)->everything || t != FOG_LIVE_LOG;
}

static bool owns(void *ctx, const char *owner)
{
	const struct peer *p = ctx;

	return p->everything || (p->name != NULL && strcmp(p->name, owner) == 0);
}

static void start(void)
{
	const struct fog_live_ports ports = {
		.state = state, .send = send, .may = may, .owns = owns};

	CU_ASSERT_EQUAL_FATAL(fog_live_new(&live, &ports), 0);
}

static void leave(struct fog_live_client *c, struct peer *p)
{
	fog_live_leave(c);
	for (u32 i = 0; i < 8; i++)
		json_decref(p->last[i]);
}

/* The i-th newest message's member. */
static const char *said(const struct peer *p, u32 i, const char *name)
{
	const char *text = json_string_value(json_object_get(p->last[i], name));

	return text != NULL ? text : "";
}

static void tell(struct fog_live_client *c, const char *text)
{
	fog_live_message(c, text, strlen(text));
}

static void test_life_cycle(void)
{
	struct peer p = {.room = 100};

	start();
	struct fog_live_client *c = fog_live_join(live, &p);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "fog_connection_established");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(p.last[0], "capabilities")), 9);
	CU_ASSERT_EQUAL(fog_live_clients(live), 1);
	tell(c, "{\"type\":\"ping\"}");
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "pong");
	tell(c, "{\"type\":\"get_fog_status\"}");
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "fog_status_update");
	CU_ASSERT_TRUE(json_is_object(json_object_get(p.last[0], "data")));
	CU_ASSERT_FALSE(fog_live_wanted(live, FOG_LIVE_STATUS));
	tell(c, "{\"type\":\"subscribe_pricing\"}");
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "pricing_update");
	u32 before = p.sent;
	fog_live_publish(live, FOG_LIVE_PRICING, NULL, NULL);
	CU_ASSERT_EQUAL(p.sent, before + 1);
	tell(c, "{\"type\":\"unsubscribe_pricing\"}");
	fog_live_publish(live, FOG_LIVE_PRICING, NULL, NULL);
	CU_ASSERT_EQUAL(p.sent, before + 1);
	leave(c, &p);
	CU_ASSERT_EQUAL(fog_live_clients(live), 0);
	fog_live_free(live);
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
		{"", "JSON_DECODE_ERROR"},
		{"{", "JSON_DECODE_ERROR"},
		{"{\"type\":\"ping\",\"type\":\"ping\"}", "JSON_DECODE_ERROR"},
		{"[]", "PROCESSING_ERROR"},
		{"null", "PROCESSING_ERROR"},
		{"\"ping\"", "PROCESSING_ERROR"},
		{"{}", "INVALID_MESSAGE_TYPE"},
		{"{\"type\":1}", "INVALID_MESSAGE_TYPE"},
		{"{\"type\":\"PING\"}", "INVALID_MESSAGE_TYPE"},
		{"{\"type\":\"subscribe\"}", "INVALID_MESSAGE_FORMAT"},
		{"{\"type\":\"subscribe\",\"topics\":[]}", "INVALID_MESSAGE_FORMAT"},
		{"{\"type\":\"subscribe\",\"topics\":[\"jobs\",\"weather\"]}", "INVALID_TOPIC"},
		{"{\"type\":\"unsubscribe\",\"topics\":[1]}", "INVALID_TOPIC"},
		{"{\"type\":\"subscribe\",\"topics\":[\"jobs\",\"log\"]}", "FORBIDDEN"},
	};
	struct peer p = {.room = 100};

	start();
	struct fog_live_client *c = fog_live_join(live, &p);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		tell(c, cases[i].text);
		CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "error");
		CU_ASSERT_STRING_EQUAL(said(&p, 0, "code"), cases[i].code);
		CU_ASSERT_FALSE(fog_live_wanted(live, FOG_LIVE_JOBS));
	}
	tell(c, "{}");
	CU_ASSERT(json_array_size(json_object_get(p.last[0], "allowed_types")) >= 4);
	leave(c, &p);
	fog_live_free(live);
}

/* 1,048,576 characters are fine, whatever their bytes; one more is not. */
static void test_size(void)
{
	struct peer p = {.room = 100};
	size_t len = 2 * FOG_LIVE_TEXT_MAX + 8;
	char *text = malloc(len);

	start();
	struct fog_live_client *c = fog_live_join(live, &p);
	memset(text, ' ', len);
	fog_live_message(c, text, FOG_LIVE_TEXT_MAX + 1);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "code"), "MESSAGE_TOO_LARGE");
	fog_live_message(c, text, FOG_LIVE_TEXT_MAX);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "code"), "JSON_DECODE_ERROR");
	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	fog_live_message(c, text, 2 * (size_t)FOG_LIVE_TEXT_MAX);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "code"), "JSON_DECODE_ERROR");
	fog_live_message(c, text, 2 * (size_t)FOG_LIVE_TEXT_MAX + 2);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "code"), "MESSAGE_TOO_LARGE");
	free(text);
	leave(c, &p);
	fog_live_free(live);
}

/* Each gets what it asked for. */
static void test_topics(void)
{
	struct peer one = {.room = 100, .everything = true}, two = {.room = 100, .name = "bob"};

	start();
	struct fog_live_client *a = fog_live_join(live, &one), *b = fog_live_join(live, &two);
	tell(a, "{\"type\":\"subscribe\",\"topics\":[\"jobs\",\"log\",\"status\"]}");
	CU_ASSERT_STRING_EQUAL(said(&one, 1, "type"), "subscribed");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(one.last[1], "topics")), 3);
	CU_ASSERT_STRING_EQUAL(said(&one, 0, "type"), "fog_status_update");
	tell(b, "{\"type\":\"subscribe\",\"topics\":[\"jobs\"]}");
	tell(b, "{\"type\":\"subscribe\",\"topics\":[\"jobs\"]}");
	fog_live_publish(live, FOG_LIVE_JOBS, NULL, json_pack("{s:s}", "job", "x"));
	CU_ASSERT_STRING_EQUAL(said(&one, 0, "type"), "job_update");
	CU_ASSERT_STRING_EQUAL(said(&two, 0, "topic"), "jobs");
	u32 before = two.sent;
	fog_live_publish(live, FOG_LIVE_JOBS, "bob", json_pack("{s:s}", "job", "y"));
	CU_ASSERT_EQUAL(two.sent, before + 1);
	fog_live_publish(live, FOG_LIVE_JOBS, "alice", json_pack("{s:s}", "job", "z"));
	fog_live_publish(live, FOG_LIVE_JOBS, "", json_pack("{s:s}", "job", "z"));
	CU_ASSERT_EQUAL(two.sent, before + 1);
	CU_ASSERT_EQUAL(one.sent, 7);
	fog_live_publish(live, FOG_LIVE_LOG, NULL, json_pack("{s:s}", "text", "x"));
	CU_ASSERT_STRING_EQUAL(said(&one, 0, "type"), "log");
	CU_ASSERT_STRING_EQUAL(said(&two, 0, "type"), "job_update");
	tell(a, "{\"type\":\"unsubscribe\",\"topics\":[\"jobs\"]}");
	CU_ASSERT_TRUE(fog_live_wanted(live, FOG_LIVE_JOBS));
	leave(b, &two);
	CU_ASSERT_FALSE(fog_live_wanted(live, FOG_LIVE_JOBS));
	fog_live_publish(live, FOG_LIVE_JOBS, NULL, json_object());
	CU_ASSERT_STRING_EQUAL(said(&one, 0, "type"), "unsubscribed");
	leave(a, &one);
	CU_ASSERT_FALSE(fog_live_wanted(live, FOG_LIVE_STATUS));
	fog_live_free(live);
}

/* A client that does not read: states are made up for, events are counted. */
static void test_back_pressure(void)
{
	struct peer p = {.room = 100};

	start();
	struct fog_live_client *c = fog_live_join(live, &p);
	tell(c, "{\"type\":\"subscribe\",\"topics\":[\"jobs\",\"pricing\"]}");
	p.room = 0;
	for (u32 i = 0; i < 10; i++) {
		fog_live_publish(live, FOG_LIVE_JOBS, NULL, json_pack("{s:i}", "i", (int)i));
		fog_live_publish(live, FOG_LIVE_PRICING, NULL, NULL);
	}
	u32 before = p.sent;
	p.room = 100;
	fog_live_writable(c);
	CU_ASSERT_EQUAL(p.sent, before + 1);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "pricing_update");
	CU_ASSERT_EQUAL(
		json_integer_value(json_object_get(json_object_get(p.last[0], "data"), "number")),
		states);
	fog_live_writable(c);
	CU_ASSERT_EQUAL(p.sent, before + 1);
	fog_live_publish(live, FOG_LIVE_JOBS, NULL, json_pack("{s:i}", "i", 10));
	CU_ASSERT_STRING_EQUAL(said(&p, 1, "type"), "events_lost");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(p.last[1], "count")), 10);
	CU_ASSERT_STRING_EQUAL(said(&p, 0, "type"), "job_update");
	fog_live_publish(live, FOG_LIVE_JOBS, NULL, json_pack("{s:i}", "i", 11));
	CU_ASSERT_STRING_EQUAL(said(&p, 1, "type"), "job_update");
	leave(c, &p);
	fog_live_free(live);
	fog_live_free(NULL);
}

FOG_TEST_MAIN("controlplane/daemon/live", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_size), FOG_TEST(test_topics), FOG_TEST(test_back_pressure))
