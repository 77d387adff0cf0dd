/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings under every interleaving of their atomic steps and every value a load may see: nothing
 * is lost, doubled, torn or misattributed, and no wake-up is missed. */
#include "tests/shm/model.h"

/* The same code with an arena and rings small enough to run full within a few steps. */
#include "dataplane/abi/abi.h"
#undef FOG_VERIFY_RING_COUNT
#undef FOG_VERIFY_ARENA_SIZE
#define FOG_VERIFY_RING_COUNT 2u
#define FOG_VERIFY_ARENA_SIZE 48u
#include "dataplane/abi/feed.h"

#undef memcpy
#include "tests/unit/fog_test.h"
#define memcpy model_memcpy

#define ITEMS_MAX 4

static struct {
	struct fog_ring_head head, verdict_head;
	struct fog_ring_tail tail, verdict_tail;
	_Alignas(64) u8 memory[MODEL_BYTES]; /* plain: slots, arena */
	struct fog_ring producer, consumer, answers_out, answers_in;
	struct fog_feed feed;
	u32 items, count;
} s;

static void setup_ring(void)
{
	model.plain = s.memory;
	model.plain_size = sizeof(s.memory);
	memset(s.memory, 0, sizeof(s.memory));
	/* Cursors as zero memory has them, without asking the model. */
	s.producer = (struct fog_ring){.head = &s.head,
				       .tail = &s.tail,
				       .slots = s.memory,
				       .count = s.count,
				       .slot_size = 8};
	s.consumer = s.producer;
}

static void ring_put(void)
{
	for (u64 i = 1; i <= s.items; i++) {
		while (fog_ring_push(&s.producer, &i) != 0)
			model_await(&s.tail.tail);
		if (fog_ring_wants_wake(&s.producer))
			model_wake();
	}
}

static void ring_take(void)
{
	for (u64 i = 1, got; i <= s.items; i++) {
		while (fog_ring_pop(&s.consumer, &got) != 0) {
			fog_ring_wait_begin(&s.consumer);
			if (fog_ring_ready(&s.consumer) == 0)
				model_sleep();
			fog_ring_wait_end(&s.consumer);
		}
		if (got != i)
			model_fail("lost, doubled or torn");
	}
	if (s.producer.broken || s.consumer.broken)
		model_fail("broken");
}

static const char *ring_check(enum model_weakness weakness, u32 count, u32 items,
			      unsigned preemptions)
{
	s.count = count;
	s.items = items;
	const char *why = model_check(weakness, preemptions, setup_ring, ring_put, ring_take);
	printf("%llu runs%s%s; ", (unsigned long long)model.runs, why != NULL ? ": " : "",
	       why != NULL ? why : "");
	return why;
}

static void test_ring(void)
{
	CU_ASSERT_PTR_NULL(ring_check(MODEL_SOUND, 1, 1, 64));
	CU_ASSERT_PTR_NULL(ring_check(MODEL_SOUND, 1, 2, 3));
	CU_ASSERT_PTR_NULL(ring_check(MODEL_SOUND, 2, 3, 3));
}

/* A checker that finds nothing proves nothing: each of these is a real bug. */
static void test_bugs_are_found(void)
{
	CU_ASSERT_PTR_NOT_NULL(ring_check(MODEL_RELEASE_RELAXED, 2, 2, 3));
	CU_ASSERT_PTR_NOT_NULL(ring_check(MODEL_NO_FENCE, 2, 2, 3));
}

/* ---- submissions with payloads -------------------------------------------------------------- */

#define SLOTS 64 /* bytes of two submissions, in front of the arena */

static void setup_feed(void)
{
	setup_ring();
	s.producer.slot_size = s.consumer.slot_size = sizeof(struct fog_verify_submit);
	memset(&s.feed, 0, sizeof(s.feed));
	s.feed.ring = s.producer;
	s.feed.arena = s.memory + SLOTS;
}

/* Payloads of 16 bytes and then 24: the third goes round the end of the arena. */
static u32 feed_length(u64 i)
{
	return i == 1 ? 16 : 24;
}

static void feed_put(void)
{
	u8 payload[24];

	for (u64 i = 1; i <= s.items; i++) {
		struct fog_verify_submit submit = {.tag = i};

		memset(payload, (int)i, sizeof(payload));
		while (fog_feed_push(&s.feed, submit, payload, feed_length(i)) != 0)
			model_await(&s.tail.tail);
	}
}

static void feed_take(void)
{
	for (u64 i = 1; i <= s.items; i++) {
		struct fog_verify_submit submit;
		u8 payload[24];

		while (fog_ring_ready(&s.consumer) == 0)
			model_await(&s.head.head);
		memcpy(&submit, fog_ring_peek(&s.consumer, 0), sizeof(submit));
		if (submit.tag != i || submit.length != feed_length(i) ||
		    submit.offset + submit.length > FOG_VERIFY_ARENA_SIZE) {
			model_fail("a wrong submission");
			return;
		}
		memcpy(payload, s.feed.arena + submit.offset, submit.length);
		fog_ring_release(&s.consumer, 1);
		for (u32 k = 0; k < submit.length; k++)
			if (payload[k] != i)
				model_fail("the payload of another");
	}
}

static void test_feed(void)
{
	s.count = 2;
	s.items = 4;
	CU_ASSERT_PTR_NULL(model_check(MODEL_SOUND, 4, setup_feed, feed_put, feed_take));
	printf("%llu runs; ", (unsigned long long)model.runs);
	CU_ASSERT_PTR_NOT_NULL(
		model_check(MODEL_RELEASE_RELAXED, 4, setup_feed, feed_put, feed_take));
}

/* ---- questions and answers ------------------------------------------------------------------ */

static void setup_pair(void)
{
	setup_ring();
	s.answers_out = (struct fog_ring){.head = &s.verdict_head,
					  .tail = &s.verdict_tail,
					  .slots = s.memory + 64,
					  .count = s.count,
					  .slot_size = sizeof(struct fog_verify_verdict)};
	s.answers_in = s.answers_out;
}

static i32 answer_of(u64 tag)
{
	return tag % 2 == 0 ? 0 : -EBADMSG;
}

/* As dpclient: push what fits, take what is there, sleep when there is nothing to do. */
static void client(void)
{
	u64 asked = 0, answered[ITEMS_MAX + 1] = {0}, answers = 0;

	while (answers < s.items) {
		bool moved = false;

		while (asked < s.items) {
			u64 tag = asked + 1;

			if (fog_ring_push(&s.producer, &tag) != 0)
				break;
			asked++;
			moved = true;
		}
		if (moved && fog_ring_wants_wake(&s.producer))
			model_wake();
		struct fog_verify_verdict v;
		while (fog_ring_pop(&s.answers_in, &v) == 0) {
			if (v.tag == 0 || v.tag > asked || answered[v.tag]++ != 0 ||
			    v.result != answer_of(v.tag)) {
				model_fail("a misattributed answer");
				return;
			}
			answers++;
			moved = true;
		}
		if (!moved)
			model_await(&s.verdict_head.head);
	}
}

static void verifier(void)
{
	for (u32 done = 0; done < s.items;) {
		u64 tag;

		if (fog_ring_free(&s.answers_out) == 0) {
			model_await(&s.verdict_tail.tail);
			continue;
		}
		if (fog_ring_pop(&s.consumer, &tag) != 0) {
			fog_ring_wait_begin(&s.consumer);
			if (fog_ring_ready(&s.consumer) == 0)
				model_sleep();
			fog_ring_wait_end(&s.consumer);
			continue;
		}
		struct fog_verify_verdict v = {.tag = tag, .result = answer_of(tag)};
		(void)fog_ring_push(&s.answers_out, &v);
		done++;
	}
}

static void test_questions_and_answers(void)
{
	s.count = 2;
	s.items = 3;
	CU_ASSERT_PTR_NULL(model_check(MODEL_SOUND, 2, setup_pair, client, verifier));
	printf("%llu runs; ", (unsigned long long)model.runs);
	CU_ASSERT_PTR_NOT_NULL(model_check(MODEL_RELEASE_RELAXED, 2, setup_pair, client, verifier));
}

FOG_TEST_MAIN("shm/model", FOG_TEST(test_ring), FOG_TEST(test_bugs_are_found), FOG_TEST(test_feed),
	      FOG_TEST(test_questions_and_answers))
