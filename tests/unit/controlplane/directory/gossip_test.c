/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/directory/gossip.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_test.h"

/* One side with the queue of messages on the way to it. */
#define QUEUE_MAX 64

struct side {
	struct fog_directory *dir;
	struct fog_gossip *g;
	struct side *other;
	char *queue[QUEUE_MAX];
	u32 queued;
	u32 room; /* messages the other's queue takes before -EAGAIN */
};

static char why[FOG_GOSSIP_WHY_SIZE];

static int on_send(void *ctx, const char *text, u32 len)
{
	struct side *to = ((struct side *)ctx)->other;

	if (to->queued >= to->room)
		return -EAGAIN;
	CU_ASSERT(len <= FOG_GOSSIP_MESSAGE_MAX);
	to->queue[to->queued++] = strndup(text, len);
	return 0;
}

static void side_start(struct side *s, struct side *other, u32 room)
{
	memset(s, 0, sizeof(*s));
	s->other = other;
	s->room = room;
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&s->dir), 0);
	CU_ASSERT_EQUAL_FATAL(fog_gossip_new(&s->g, s->dir, on_send, s), 0);
}

static void side_stop(struct side *s)
{
	for (u32 i = 0; i < s->queued; i++)
		free(s->queue[i]);
	fog_gossip_free(s->g);
	fog_directory_free(s->dir);
}

/* Deliver one message to s. 0 or the error. */
static int deliver(struct side *s)
{
	char *text = s->queue[0];

	memmove(&s->queue[0], &s->queue[1], sizeof(s->queue[0]) * --s->queued);
	int rc = fog_gossip_message(s->g, (u8 *)text, (u32)strlen(text), TEST_NOW_MS, why);
	free(text);
	return rc;
}

/* Run both until they have finished; returns the messages it took. */
static u32 run(struct side *a, struct side *b)
{
	u32 steps = 0;

	CU_ASSERT_EQUAL(fog_gossip_pump(a->g), 0);
	for (; steps < 100000; steps++) {
		if (a->queued != 0)
			CU_ASSERT_EQUAL(deliver(a), 0);
		if (b->queued != 0)
			CU_ASSERT_EQUAL(deliver(b), 0);
		CU_ASSERT_EQUAL(fog_gossip_pump(a->g), 0);
		CU_ASSERT_EQUAL(fog_gossip_pump(b->g), 0);
		if (fog_gossip_finished(a->g) && fog_gossip_finished(b->g))
			break;
	}
	CU_ASSERT(fog_gossip_finished(a->g));
	CU_ASSERT(fog_gossip_finished(b->g));
	return steps;
}

static void check_same(struct side *a, struct side *b)
{
	u32 differ = 0;

	CU_ASSERT_EQUAL(fog_directory_count(a->dir), fog_directory_count(b->dir));
	for (u32 i = 0; i < fog_directory_count(a->dir); i++) {
		const struct fog_signed_descriptor *s = fog_directory_at(a->dir, i);
		const struct fog_signed_descriptor *t = fog_directory_find(b->dir, s->d.node_id);
		differ += t == NULL || strcmp(s->text, t->text) != 0;
	}
	CU_ASSERT_EQUAL(differ, 0);
}

static void test_life_cycle(void)
{
	struct side a, b;

	side_start(&a, &b, QUEUE_MAX);
	side_start(&b, &a, QUEUE_MAX);
	test_offer(a.dir, 1, 1, TEST_NOW_MS);
	test_offer(a.dir, 2, 7, TEST_NOW_MS);
	test_offer(b.dir, 2, 5, TEST_NOW_MS);
	test_offer(b.dir, 3, 1, TEST_NOW_MS);
	run(&a, &b);
	CU_ASSERT_EQUAL(fog_directory_count(a.dir), 3);
	check_same(&a, &b);
	CU_ASSERT_EQUAL(fog_gossip_result(a.g)->accepted, 1);
	CU_ASSERT_EQUAL(fog_gossip_result(b.g)->accepted, 2);
	CU_ASSERT_EQUAL(fog_gossip_result(a.g)->sent, 2);
	side_stop(&a);
	side_stop(&b);
	fog_gossip_free(NULL);
}

static void test_many_hosts(void)
{
	static const struct {
		u32 a, b, room;
	} cases[] = {{0, 0, 64}, {0, 1, 1}, {500, 0, 2}, {501, 3, 1}, {1300, 1200, 3}};
	struct side a, b;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		side_start(&a, &b, cases[i].room);
		side_start(&b, &a, cases[i].room);
		for (u32 n = 0; n < cases[i].a; n++)
			test_offer(a.dir, n, 1, TEST_NOW_MS);
		for (u32 n = 0; n < cases[i].b; n++)
			test_offer(b.dir, 5000 + n, 1, TEST_NOW_MS);
		run(&a, &b);
		CU_ASSERT_EQUAL(fog_directory_count(a.dir), cases[i].a + cases[i].b);
		check_same(&a, &b);
		side_stop(&a);
		side_stop(&b);
	}
}

/* What one side receives first; the reason why it leaves. */
static void test_bad_messages(void)
{
	static const struct {
		const char *text;
		int rc;
		const char *says;
	} cases[] = {
		{"", -EPROTO, "no JSON object"},
		{"[]", -EPROTO, "no JSON object"},
		{"{\"op\":\"digest\"", -EPROTO, "no JSON object"},
		{"{}", -EPROTO, "without op"},
		{"{\"op\":7}", -EPROTO, "without op"},
		{"{\"op\":\"shout\"}", -EPROTO, "unknown op"},
		{"{\"op\":\"digest\"}", -EPROTO, "malformed digest"},
		{"{\"op\":\"digest\",\"hosts\":[],\"last\":1}", -EPROTO, "malformed digest"},
		{"{\"op\":\"digest\",\"hosts\":[7],\"last\":true}", -EPROTO, "digest entry"},
		{"{\"op\":\"digest\",\"hosts\":[[\"00\",1]],\"last\":true}", -EPROTO,
		 "digest entry"},
		{"{\"op\":\"want\"}", -EPROTO, "malformed want"},
		{"{\"op\":\"want\",\"hosts\":[]}", -EPROTO, "malformed want"},
		{"{\"op\":\"want\",\"hosts\":[\"xy\"]}", -EPROTO, "malformed node id"},
		{"{\"op\":\"descriptors\",\"descriptors\":[],\"last\":true}", -EPROTO,
		 "nobody asked"},
		{"{\"op\":\"descriptors\"}", -EPROTO, "malformed descriptors"},
		{"{\"op\":\"done\"}", -EPROTO, "done too early"},
		{"{\"op\":\"digest\",\"hosts\":[],\"last\":false}", 0, ""},
	};
	struct side a, b;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		side_start(&a, &b, QUEUE_MAX);
		side_start(&b, &a, QUEUE_MAX);
		int rc = fog_gossip_message(a.g, (const u8 *)cases[i].text,
					    (u32)strlen(cases[i].text), TEST_NOW_MS, why);
		if (rc != cases[i].rc || strstr(why, cases[i].says) == NULL)
			printf("case %u: %d %s\n", i, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].says));
		side_stop(&a);
		side_stop(&b);
	}
}

static int say(struct side *s, const char *text)
{
	return fog_gossip_message(s->g, (const u8 *)text, (u32)strlen(text), TEST_NOW_MS, why);
}

#define ID_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_2 "2222222222222222222222222222222222222222222222222222222222222222"

/* A neighbour that keeps to the form but not to the order, or gives rubbish for descriptors. */
static void test_bad_order(void)
{
	struct side a, b;

	side_start(&a, &b, QUEUE_MAX);
	side_start(&b, &a, QUEUE_MAX);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"digest\",\"hosts\":[[\"" ID_1 "\",5],[\"" ID_2
				"\",5]],\"last\":true}"),
			0);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"digest\",\"hosts\":[],\"last\":true}"), -EPROTO);
	/* It asked for two: one malformed, one that does not verify. */
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"descriptors\",\"descriptors\":[{\"text\":\"{}\"}],"
				"\"last\":false}"),
			-EPROTO);
	char text[512];
	snprintf(text, sizeof(text),
		 "{\"op\":\"descriptors\",\"descriptors\":[{\"text\":\"{}\",\"signature\":\"%s%s\"}"
		 "],"
		 "\"last\":false}",
		 ID_1, ID_2);
	CU_ASSERT_EQUAL(say(&a, text), 0);
	CU_ASSERT_EQUAL(fog_gossip_result(a.g)->offered, 1);
	CU_ASSERT_EQUAL(fog_gossip_result(a.g)->accepted, 0);
	CU_ASSERT_EQUAL(say(&a, text), -EPROTO); /* the last one, and says more will come */
	/* Wants must wait for their answer; queue full keeps the answer back. */
	a.other->room = 0;
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"want\",\"hosts\":[\"" ID_1 "\"]}"), 0);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"want\",\"hosts\":[\"" ID_1 "\"]}"), -EPROTO);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"done\"}"), -EPROTO);
	a.other->room = QUEUE_MAX;
	CU_ASSERT_EQUAL(fog_gossip_pump(a.g), 0);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"done\"}"), 0);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"done\"}"), -EPROTO);
	CU_ASSERT_EQUAL(say(&a, "{\"op\":\"want\",\"hosts\":[\"" ID_1 "\"]}"), -EPROTO);
	side_stop(&a);
	side_stop(&b);
}

static void test_endless_messages(void)
{
	struct side a, b;
	int rc = 0;
	u32 n = 0;

	side_start(&a, &b, QUEUE_MAX);
	side_start(&b, &a, QUEUE_MAX);
	for (; rc == 0 && n < 10 * FOG_GOSSIP_MESSAGES_MAX; n++)
		rc = say(&a, "{\"op\":\"digest\",\"hosts\":[],\"last\":false}");
	CU_ASSERT_EQUAL(rc, -EOVERFLOW);
	CU_ASSERT_EQUAL(n, FOG_GOSSIP_MESSAGES_MAX + 1);
	side_stop(&a);
	side_stop(&b);
}

/* A digest of more hosts than a directory holds. */
static void test_too_long_digest(void)
{
	struct side a, b;
	char *text = NULL;
	size_t len;
	int rc = 0;
	u32 pages = 0;

	side_start(&a, &b, QUEUE_MAX);
	side_start(&b, &a, QUEUE_MAX);
	for (u32 id = 0; rc == 0 && pages < 20; pages++) {
		FILE *out = open_memstream(&text, &len);
		fputs("{\"op\":\"digest\",\"hosts\":[", out);
		for (u32 i = 0; i < FOG_GOSSIP_PAGE; i++)
			fprintf(out, "%s[\"%064x\",1]", i != 0 ? "," : "", ++id);
		fputs("],\"last\":false}", out);
		fclose(out);
		rc = say(&a, text);
		free(text);
	}
	CU_ASSERT_EQUAL(rc, -EPROTO);
	CU_ASSERT_EQUAL(pages, FOG_DIRECTORY_HOSTS_MAX / FOG_GOSSIP_PAGE + 1);
	side_stop(&a);
	side_stop(&b);
}

FOG_TEST_MAIN("controlplane/directory/gossip", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_messages), FOG_TEST(test_bad_order), FOG_TEST(test_many_hosts),
	      FOG_TEST(test_endless_messages), FOG_TEST(test_too_long_digest))
