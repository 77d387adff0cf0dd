/* SPDX-License-Identifier: BSD-3-Clause */
/* The verify service over two plain regions; the test plays the control plane. */
#include "dataplane/ctl/verify.h"

#include "crypto/cpu.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define WAIT_MS 5000

struct bench {
	struct fog_data_region *data;
	struct fog_control_region *control;
	struct fog_verify *verify;
	struct fog_ring submissions, verdicts;
	int notify;
	u8 pk[32], sk[64];
};

static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void rings_open(struct bench *b)
{
	fog_ring_producer(&b->submissions, &b->control->verify_head, &b->data->verify_tail,
			  b->control->verify, FOG_VERIFY_RING_COUNT,
			  sizeof(struct fog_verify_submit));
	fog_ring_consumer(&b->verdicts, &b->data->verdict_head, &b->control->verdict_tail,
			  b->data->verdicts, FOG_VERIFY_RING_COUNT,
			  sizeof(struct fog_verify_verdict));
}

static void bench_open(struct bench *b)
{
	u8 seed[32];

	memset(b, 0, sizeof(*b));
	if (fog_crypto_init() != 0)
		abort();
	fog_random_bytes(seed, sizeof(seed));
	fog_sign_keypair(b->pk, b->sk, seed);
	b->data = pages(sizeof(*b->data));
	b->control = pages(sizeof(*b->control));
	b->notify = eventfd(0, EFD_NONBLOCK);
	if (fog_verify_start(&b->verify, b->data, b->notify) != 0)
		abort();
}

static void bench_close(struct bench *b)
{
	fog_verify_stop(b->verify);
	munmap(b->data, sizeof(*b->data));
	munmap(b->control, sizeof(*b->control));
	close(b->notify);
}

static void job_fill(const struct bench *b, struct fog_verify_submit *s, u64 tag, u32 length)
{
	memset(s, 0, sizeof(*s));
	s->tag = tag;
	s->algorithm = FOG_VERIFY_ED25519;
	s->length = length;
	memcpy(s->key, b->pk, 32);
	for (u32 i = 0; i < length; i++)
		s->message[i] = (u8)(tag + i);
	fog_sign(s->signature, s->message, length, b->sk);
}

static void submit(struct bench *b, const struct fog_verify_submit *s)
{
	u64 one = 1;

	CU_ASSERT_EQUAL_FATAL(fog_ring_push(&b->submissions, s), 0);
	if (fog_ring_wants_wake(&b->submissions))
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b->verify), &one, 8), 8);
}

/* The next verdict, sleeping on the eventfd as the control plane does. */
static bool verdict(struct bench *b, struct fog_verify_verdict *out)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		struct pollfd p = {.fd = b->notify, .events = POLLIN};
		u64 n;

		if (fog_ring_pop(&b->verdicts, out) == 0)
			return true;
		fog_ring_wait_begin(&b->verdicts);
		if (fog_ring_ready(&b->verdicts) == 0 && poll(&p, 1, WAIT_MS) == 1)
			CU_ASSERT_EQUAL(read(b->notify, &n, 8), 8);
		fog_ring_wait_end(&b->verdicts);
	}
	return false;
}

static void test_life_cycle(void)
{
	static struct fog_verify_submit s;
	struct fog_verify_verdict v;
	struct fog_verify_totals t;
	struct bench b;

	bench_open(&b);
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	static const u32 lengths[] = {0, 1, 63, 64, 1000, FOG_VERIFY_MESSAGE_MAX};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		job_fill(&b, &s, 100 + i, lengths[i]);
		submit(&b, &s);
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.tag, 100 + i);
		CU_ASSERT_EQUAL(v.result, 0);
	}
	fog_verify_totals(b.verify, &t);
	CU_ASSERT_EQUAL(t.taken, FOG_ARRAY_COUNT(lengths));
	CU_ASSERT_EQUAL(t.valid, FOG_ARRAY_COUNT(lengths));
	CU_ASSERT_EQUAL(t.invalid + t.malformed, 0);
	bench_close(&b);
}

static void test_bad_arguments(void)
{
	static struct fog_verify_submit s[8];
	struct fog_verify_verdict v;
	struct bench b;
	i32 want[8] = {-EBADMSG, -EBADMSG, -EBADMSG, -EINVAL, -EINVAL, -EOPNOTSUPP, -EOPNOTSUPP, 0};

	bench_open(&b);
	for (unsigned i = 0; i < 8; i++)
		job_fill(&b, &s[i], i, 100);
	s[0].signature[5] ^= 1;
	s[1].message[99] ^= 1;
	s[2].key[31] ^= 1;
	s[3].length = FOG_VERIFY_MESSAGE_MAX + 1;
	s[4].length = ~0u;
	s[5].algorithm = 0;
	s[6].algorithm = 0xffff;
	s[7].priority = 255; /* the last class */
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	for (unsigned i = 0; i < 8; i++)
		submit(&b, &s[i]);
	bool seen[8] = {false};
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_FATAL(v.tag < 8);
		CU_ASSERT_FALSE(seen[v.tag]);
		seen[v.tag] = true;
		CU_ASSERT_EQUAL(v.result, want[v.tag]);
	}
	bench_close(&b);
}

/* A full ring of class 2 and then one of class 0: it overtakes, and class 2 still moves. */
static void test_classes(void)
{
	static struct fog_verify_submit s;
	struct fog_verify_verdict v;
	struct bench b;
	unsigned place_first = 0, place_last = 0, low_early = 0;

	bench_open(&b);
	/* Fill the ring before the service looks at it, so that the order is certain. */
	rings_open(&b);
	job_fill(&b, &s, 0, 32);
	for (unsigned i = 0; i < FOG_VERIFY_RING_COUNT; i++) {
		s.tag = i;
		s.priority = i < FOG_VERIFY_RING_COUNT / 2 ? 2 : 0;
		CU_ASSERT_EQUAL(fog_ring_push(&b.submissions, &s), 0);
	}
	fog_verify_attach(b.verify, b.control);
	for (unsigned i = 0; i < FOG_VERIFY_RING_COUNT; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.result, 0);
		if (v.tag == FOG_VERIFY_RING_COUNT / 2)
			place_first = i;
		if (v.tag == FOG_VERIFY_RING_COUNT - 1)
			place_last = i;
		low_early += i < FOG_VERIFY_BATCH_MAX && v.tag < FOG_VERIFY_RING_COUNT / 2;
	}
	CU_ASSERT_EQUAL(place_first, 0);
	CU_ASSERT(place_last < 3 * FOG_VERIFY_BATCH_MAX);
	CU_ASSERT_EQUAL(low_early, FOG_VERIFY_SHARE);
	bench_close(&b);
}

/* Thousands of jobs through rings of 256, in bursts, with a consumer that falls behind. */
static void test_flow(void)
{
	static struct fog_verify_submit s;
	struct fog_verify_verdict v;
	struct bench b;
	unsigned sent = 0, got = 0, bad = 0;
	const unsigned total = 1500;

	bench_open(&b);
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	job_fill(&b, &s, 0, 32);
	while (got < total) {
		unsigned burst = 0;

		while (sent < total && burst++ < 200 && fog_ring_free(&b.submissions) != 0) {
			s.tag = sent;
			s.signature[0] ^= 1; /* every other one is wrong */
			submit(&b, &s);
			sent++;
		}
		for (unsigned i = 0; i < 150 && got < sent; i++) {
			CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
			CU_ASSERT_EQUAL_FATAL(v.tag, got);
			CU_ASSERT_EQUAL(v.result, v.tag % 2 == 0 ? -EBADMSG : 0);
			bad += v.result != 0;
			got++;
		}
	}
	CU_ASSERT_EQUAL(bad, total / 2);
	bench_close(&b);
}

/* A new control region every time: nothing of the former one is read or answered. */
static void test_reattach(void)
{
	static struct fog_verify_submit s;
	struct fog_verify_verdict v;
	struct bench b;

	bench_open(&b);
	for (u64 round = 1; round <= 20; round++) {
		struct fog_control_region *former = b.control;

		b.control = pages(sizeof(*b.control));
		fog_verify_attach(b.verify, b.control);
		munmap(former, sizeof(*former));
		rings_open(&b);
		CU_ASSERT_EQUAL(fog_ring_ready(&b.verdicts), 0);
		job_fill(&b, &s, round, 32);
		submit(&b, &s);
		if (round % 2 == 0)
			continue; /* leave it in flight */
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.tag, round);
	}
	fog_verify_attach(b.verify, NULL);
	bench_close(&b);
}

/* Positions no honest control plane publishes. The service drops that attachment, not itself. */
static void test_hostile_rings(void)
{
	static struct fog_verify_submit s;
	struct fog_verify_verdict v;
	struct bench b;
	u64 one = 1;

	bench_open(&b);
	for (unsigned round = 0; round < 4; round++) {
		struct fog_control_region *former = b.control;

		b.control = pages(sizeof(*b.control));
		fog_verify_attach(b.verify, b.control);
		munmap(former, sizeof(*former));
		rings_open(&b);
		job_fill(&b, &s, round, 32);
		if (round == 0)
			atomic_store(&b.control->verify_head.head, ~0ull / 2);
		if (round == 1)
			atomic_store(&b.control->verify_head.head, FOG_VERIFY_RING_COUNT + 1);
		if (round == 2) {
			atomic_store(&b.control->verdict_tail.tail, 12345);
			submit(&b, &s);
		}
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b.verify), &one, 8), 8);
		if (round < 3) {
			usleep(3000);
			CU_ASSERT_EQUAL(atomic_load(&b.data->verdict_head.head),
					round == 2 ? atomic_load(&b.data->verdict_head.head) : 0);
			continue;
		}
		submit(&b, &s);
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.tag, round);
	}
	bench_close(&b);
}

static void test_method_table(void)
{
	unsigned n = 0;

	for (const struct fog_verify_method *m; (m = fog_verify_method_at(n)) != NULL; n++) {
		CU_ASSERT(m->batch_max >= 1 && m->batch_max <= FOG_VERIFY_BATCH_MAX);
		CU_ASSERT(m->algorithm != FOG_VERIFY_INVALID && strlen(m->name) != 0);
	}
	CU_ASSERT(n >= 1);
}

FOG_TEST_MAIN("dataplane/ctl/verify", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_classes), FOG_TEST(test_flow), FOG_TEST(test_reattach),
	      FOG_TEST(test_hostile_rings), FOG_TEST(test_method_table))
