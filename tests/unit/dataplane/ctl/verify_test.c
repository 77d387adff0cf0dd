/* SPDX-License-Identifier: BSD-3-Clause */
/* The verify service over two plain regions; the test plays the control plane. */
#include "dataplane/ctl/verify.h"

#include "crypto/cpu.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "dataplane/abi/feed.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 30000

struct bench {
	struct fog_data_region *data;
	struct fog_control_region *control;
	struct fog_verify *verify;
	struct fog_feed feed[FOG_VERIFY_CLASSES];
	struct fog_ring verdicts;
	int notify;
	u8 pk[32], sk[64];
};

/* One submission of the test. */
struct job {
	struct fog_verify_submit submit;
	u32 length;
	u8 payload[FOG_CHECK_PAYLOAD_MAX];
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
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		fog_feed_producer(&b->feed[c], &b->control->verify_head[0][c],
				  &b->data->verify_tail[0][c], &b->control->verify[0][c]);
	fog_ring_consumer(&b->verdicts, &b->data->verdict_head[0], &b->control->verdict_tail[0],
			  b->data->verdicts[0], FOG_VERDICT_RING_COUNT,
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
	if (fog_verify_start(&b->verify, b->data, 1, NULL, b->notify) != 0)
		abort();
}

static void bench_close(struct bench *b)
{
	fog_verify_stop(b->verify);
	munmap(b->data, sizeof(*b->data));
	munmap(b->control, sizeof(*b->control));
	close(b->notify);
}

static void job_fill(const struct bench *b, struct job *j, u64 tag, u32 length)
{
	u8 *message = j->payload + 96;

	j->submit = (struct fog_verify_submit){.tag = tag, .kind = FOG_CHECK_ED25519};
	j->length = 96 + length;
	memcpy(j->payload, b->pk, 32);
	for (u32 i = 0; i < length; i++)
		message[i] = (u8)(tag + i);
	fog_sign(j->payload + 32, message, length, b->sk);
}

static void submit(struct bench *b, unsigned class, const struct job *j)
{
	struct fog_feed *f = &b->feed[class];
	u64 one = 1;

	CU_ASSERT_EQUAL_FATAL(fog_feed_push(f, j->submit, j->payload, j->length), 0);
	if (fog_ring_wants_wake(&f->ring))
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b->verify, 0), &one, 8), 8);
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
	static struct job j;
	struct fog_verify_verdict v;
	struct fog_verify_totals t;
	struct bench b;

	bench_open(&b);
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	static const u32 lengths[] = {0, 1, 63, 64, 1000, FOG_CHECK_PAYLOAD_MAX - 96};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		job_fill(&b, &j, 100 + i, lengths[i]);
		submit(&b, i % FOG_VERIFY_CLASSES, &j);
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.tag, 100 + i);
		CU_ASSERT_EQUAL(v.result, 0);
	}
	fog_verify_totals(b.verify, &t);
	CU_ASSERT_EQUAL(t.taken, FOG_ARRAY_COUNT(lengths));
	CU_ASSERT_EQUAL(t.valid, FOG_ARRAY_COUNT(lengths));
	CU_ASSERT_EQUAL(t.invalid + t.malformed + t.late, 0);
	CU_ASSERT(t.cpu_ns > 0);
	CU_ASSERT_EQUAL(fog_verify_workers(b.verify), 1);
	bench_close(&b);
}

static void test_bad_arguments(void)
{
	static struct job j[8];
	static const i32 want[8] = {-EBADMSG, -EBADMSG, -EBADMSG,    -EINVAL,
				    -EINVAL,  -EINVAL,  -EOPNOTSUPP, -EOPNOTSUPP};
	struct fog_verify *none;
	struct fog_verify_verdict v;
	struct bench b;

	bench_open(&b);
	CU_ASSERT_EQUAL(fog_verify_start(&none, b.data, 0, NULL, -1), -EINVAL);
	CU_ASSERT_EQUAL(fog_verify_start(&none, b.data, FOG_VERIFY_WORKERS_MAX + 1, NULL, -1),
			-EINVAL);
	for (unsigned i = 0; i < 8; i++)
		job_fill(&b, &j[i], i, 100);
	j[0].payload[32 + 5] ^= 1;
	j[1].payload[96 + 99] ^= 1;
	j[2].payload[31] ^= 1;
	j[5].length = 95;
	j[6].submit.kind = 0;
	j[7].submit.kind = 0xffff;
	rings_open(&b);
	for (unsigned i = 0; i < 8; i++)
		submit(&b, 1, &j[i]);
	/* What no honest submitter writes: payloads that run out of the arena. */
	b.control->verify[0][1].submit[3].length = FOG_CHECK_PAYLOAD_MAX + 1;
	b.control->verify[0][1].submit[4].offset = FOG_VERIFY_ARENA_SIZE - 195;
	fog_verify_attach(b.verify, b.control);
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL_FATAL(v.tag, i);
		CU_ASSERT_EQUAL(v.result, want[i]);
	}
	bench_close(&b);
}

/* All four rings full before the service looks: each class has its share of the first batches, in
 * its own order, and the first class is through first. */
static void test_classes(void)
{
	static struct job j;
	struct fog_verify_verdict v;
	struct bench b;
	unsigned first_batch[FOG_VERIFY_CLASSES] = {0}, done[FOG_VERIFY_CLASSES] = {0};
	unsigned last[FOG_VERIFY_CLASSES] = {0};

	bench_open(&b);
	rings_open(&b);
	job_fill(&b, &j, 0, 32);
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		for (unsigned i = 0; i < FOG_VERIFY_RING_COUNT; i++) {
			j.submit.tag = c << 16 | i;
			submit(&b, c, &j);
		}
	CU_ASSERT_EQUAL(fog_feed_push(&b.feed[0], j.submit, j.payload, 1), -EAGAIN);
	fog_verify_attach(b.verify, b.control);
	for (unsigned i = 0; i < FOG_VERIFY_CLASSES * FOG_VERIFY_RING_COUNT; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		unsigned c = (unsigned)(v.tag >> 16);
		CU_ASSERT_FATAL(c < FOG_VERIFY_CLASSES);
		CU_ASSERT_EQUAL(v.tag & 0xffff, done[c]);
		CU_ASSERT_EQUAL(v.result, 0);
		done[c]++;
		first_batch[c] += i < FOG_VERIFY_BATCH_MAX;
		last[c] = i;
	}
	CU_ASSERT(first_batch[3] >= 1);
	CU_ASSERT(first_batch[0] >= first_batch[1] && first_batch[1] >= first_batch[2] &&
		  first_batch[2] >= first_batch[3]);
	CU_ASSERT(last[0] < last[1] && last[1] < last[2] && last[2] < last[3]);
	bench_close(&b);
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static void test_deadlines(void)
{
	static struct job j;
	struct fog_verify_totals t;
	struct fog_verify_verdict v;
	struct bench b;
	const u64 deadline[4] = {1, now_ns(), now_ns() + 60000000000ull, 0};

	bench_open(&b);
	rings_open(&b);
	job_fill(&b, &j, 0, 32);
	for (unsigned i = 0; i < 4; i++) {
		j.submit.tag = i;
		j.submit.deadline_ns = deadline[i];
		submit(&b, 0, &j);
	}
	fog_verify_attach(b.verify, b.control);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL_FATAL(v.tag, i);
		CU_ASSERT_EQUAL(v.result, i < 2 ? -ETIMEDOUT : 0);
	}
	fog_verify_totals(b.verify, &t);
	CU_ASSERT_EQUAL(t.late, 2);
	bench_close(&b);
}

/* Thousands of jobs of all sizes, in bursts, with a consumer that falls behind: arena and rings run
 * full and wrap, and every answer belongs to its question. */
static void test_flow(void)
{
	static struct job pool[21];
	struct fog_verify_verdict v;
	struct bench b;
	unsigned sent = 0, got = 0, bad = 0, refused = 0;
	const unsigned total = 3000, jobs = FOG_ARRAY_COUNT(pool);

	bench_open(&b);
	for (unsigned i = 0; i < jobs; i++) {
		job_fill(&b, &pool[i], i, i % 7 == 0 ? 9000 + i : i * 3);
		if (i % 3 == 0)
			pool[i].payload[40] ^= 1;
	}
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	while (got < total) {
		while (sent < total) {
			struct fog_feed *f = &b.feed[2];
			struct job *j = &pool[sent % jobs];
			u64 one = 1;

			j->submit.tag = sent;
			if (fog_feed_push(f, j->submit, j->payload, j->length) != 0) {
				refused++;
				break;
			}
			if (fog_ring_wants_wake(&f->ring))
				CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b.verify, 0), &one, 8), 8);
			sent++;
		}
		for (unsigned i = 0; i < 150 && got < sent; i++) {
			CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
			CU_ASSERT_EQUAL_FATAL(v.tag, got);
			CU_ASSERT_EQUAL(v.result, v.tag % 3 == 0 ? -EBADMSG : 0);
			bad += v.result != 0;
			got++;
		}
	}
	CU_ASSERT_EQUAL(bad, total / 3);
	CU_ASSERT(refused > 0);
	bench_close(&b);
}

/* A verdict ring nobody drains stops the intake; nothing is lost or overwritten. */
static void test_back_pressure(void)
{
	static struct job j;
	struct fog_verify_verdict v;
	struct fog_verify_totals t = {0};
	struct bench b;
	unsigned sent = 0;

	bench_open(&b);
	fog_verify_attach(b.verify, b.control);
	rings_open(&b);
	job_fill(&b, &j, 0, 8);
	j.submit.deadline_ns = 1; /* answered unseen: this is about the rings */
	for (u64 end = now_ns() + 20000000000ull; now_ns() < end;) {
		u64 one = 1;

		j.submit.tag = sent;
		if (fog_feed_push(&b.feed[3], j.submit, j.payload, j.length) == 0)
			sent++;
		else if (t.taken == FOG_VERDICT_RING_COUNT)
			break;
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b.verify, 0), &one, 8), 8);
		fog_verify_totals(b.verify, &t);
	}
	CU_ASSERT_EQUAL(t.taken, FOG_VERDICT_RING_COUNT);
	CU_ASSERT_EQUAL(sent, FOG_VERDICT_RING_COUNT + FOG_VERIFY_RING_COUNT);
	for (unsigned i = 0; i < sent; i++) {
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL_FATAL(v.tag, i);
	}
	bench_close(&b);
}

/* A new control region every time: nothing of the former one is read or answered. */
static void test_reattach(void)
{
	static struct job j;
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
		job_fill(&b, &j, round, 32);
		submit(&b, 0, &j);
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
	static struct job j;
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
		job_fill(&b, &j, round, 32);
		if (round == 0)
			atomic_store(&b.control->verify_head[0][0].head, ~0ull / 2);
		if (round == 1)
			atomic_store(&b.control->verify_head[0][3].head, FOG_VERIFY_RING_COUNT + 1);
		if (round == 2) {
			atomic_store(&b.control->verdict_tail[0].tail, 12345);
			submit(&b, 0, &j);
		}
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(b.verify, 0), &one, 8), 8);
		if (round < 3) {
			usleep(3000);
			if (round < 2)
				CU_ASSERT_EQUAL(atomic_load(&b.data->verdict_head[0].head), 0);
			continue;
		}
		submit(&b, 0, &j);
		CU_ASSERT_TRUE_FATAL(verdict(&b, &v));
		CU_ASSERT_EQUAL(v.tag, round);
	}
	bench_close(&b);
}

static int first_cpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			return cpu;
	return -1;
}

/* Threads of this process that run on one CPU, and only there. */
static unsigned pinned_count(int cpu)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	unsigned count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((e = readdir(dir)) != NULL) {
		pid_t id = (pid_t)strtol(e->d_name, NULL, 10);
		cpu_set_t set;
		if (id > 0 && sched_getaffinity(id, sizeof(set), &set) == 0)
			count += CPU_COUNT(&set) == 1 && CPU_ISSET((size_t)cpu, &set);
	}
	closedir(dir);
	return count;
}

/* Each worker serves its own rings, and only those. Two have a CPU, one wants one that is not
 * there. */
static void test_workers(void)
{
	const int cpu[FOG_VERIFY_WORKERS_MAX] = {first_cpu(), -1, first_cpu(), CPU_SETSIZE - 1};
	unsigned before = pinned_count(cpu[0]);
	struct fog_data_region *data = pages(sizeof(*data));
	struct fog_control_region *control = pages(sizeof(*control));
	static struct job j;
	struct fog_verify *verify;
	struct bench b;

	bench_open(&b);
	job_fill(&b, &j, 0, 10);
	CU_ASSERT_EQUAL_FATAL(fog_verify_start(&verify, data, FOG_VERIFY_WORKERS_MAX, cpu, -1), 0);
	fog_verify_attach(verify, control);
	for (u32 w = 0; w < FOG_VERIFY_WORKERS_MAX; w++) {
		struct fog_feed f;
		u64 one = 1;

		fog_feed_producer(&f, &control->verify_head[w][1], &data->verify_tail[w][1],
				  &control->verify[w][1]);
		j.submit.tag = 40 + w;
		CU_ASSERT_EQUAL(fog_feed_push(&f, j.submit, j.payload, j.length), 0);
		CU_ASSERT_EQUAL(write(fog_verify_wake_fd(verify, w), &one, 8), 8);
	}
	for (u32 w = 0; w < FOG_VERIFY_WORKERS_MAX; w++) {
		for (unsigned i = 0; i < WAIT_MS && atomic_load(&data->verdict_head[w].head) == 0;
		     i++)
			usleep(1000);
		CU_ASSERT_EQUAL(atomic_load(&data->verdict_head[w].head), 1);
		CU_ASSERT_EQUAL(data->verdicts[w][0].tag, 40 + w);
		CU_ASSERT_EQUAL(data->verdicts[w][0].result, 0);
	}
	/* On a machine of one CPU all threads are pinned to begin with. */
	CU_ASSERT_EQUAL(pinned_count(cpu[0]), before > 0 ? before + 4 : 2);
	fog_verify_stop(verify);
	munmap(data, sizeof(*data));
	munmap(control, sizeof(*control));
	bench_close(&b);
}

FOG_TEST_MAIN("dataplane/ctl/verify", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_classes), FOG_TEST(test_deadlines), FOG_TEST(test_flow),
	      FOG_TEST(test_back_pressure), FOG_TEST(test_reattach), FOG_TEST(test_hostile_rings),
	      FOG_TEST(test_workers))
