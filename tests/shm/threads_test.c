/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring and snapshot between threads instead of processes, because only so ThreadSanitizer sees both
 * sides. Runs in every build; the numbers shrink under a sanitizer. */
#include "dataplane/abi/attach.h"
#include "tests/shm/scale.h"
#include "tests/unit/fog_test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SLOTS      (50000u * FOG_TEST_SCALE)
#define RING_COUNT 64
#define WORDS      16

struct slot {
	u64 word[WORDS];
};

struct lane {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct slot slots[RING_COUNT];
	int wake_fd;
	u64 sleeps, wakes; /* of the consumer, of the producer */
	u64 wrong;
};

static void wake(int fd)
{
	u64 one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void *producer(void *arg)
{
	struct lane *l = arg;
	struct fog_ring r;
	u64 n = 0;

	fog_ring_producer(&r, &l->head, &l->tail, l->slots, RING_COUNT, sizeof(struct slot));
	while (n < SLOTS) {
		u32 room = fog_ring_free(&r);
		u32 burst = FOG_MIN(FOG_MIN(room, (u32)(1 + n % 7)), SLOTS - (u32)n);

		if (burst == 0) {
			sched_yield();
			continue;
		}
		for (u32 i = 0; i < burst; i++) {
			struct slot *s = fog_ring_slot(&r, i);

			for (unsigned w = 0; w < WORDS; w++)
				s->word[w] = (n + i) * WORDS + w;
		}
		fog_ring_publish(&r, burst);
		n += burst;
		if (fog_ring_wants_wake(&r)) {
			wake(l->wake_fd);
			l->wakes++;
		}
		/* Now and then a pause, so that the consumer really falls asleep. */
		if (n % 4096 < 7)
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	return NULL;
}

static void *consumer(void *arg)
{
	struct lane *l = arg;
	struct fog_ring r;
	struct slot s;
	u64 n = 0;

	fog_ring_consumer(&r, &l->head, &l->tail, l->slots, RING_COUNT, sizeof(struct slot));
	while (n < SLOTS) {
		if (fog_ring_pop(&r, &s) == 0) {
			for (unsigned w = 0; w < WORDS; w++)
				l->wrong += s.word[w] != n * WORDS + w;
			n++;
			continue;
		}
		fog_ring_wait_begin(&r);
		if (fog_ring_ready(&r) == 0) {
			struct pollfd p = {.fd = l->wake_fd, .events = POLLIN};
			u64 v;

			/* The long time limit makes a lost wake-up a failure, not a delay. */
			if (poll(&p, 1, 10000) != 1 || read(l->wake_fd, &v, 8) != 8)
				l->wrong += 1000000;
			l->sleeps++;
		}
		fog_ring_wait_end(&r);
	}
	l->wrong += r.broken;
	return NULL;
}

static void test_ring(void)
{
	static struct lane l;
	pthread_t threads[2];

	l.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CU_ASSERT_EQUAL(pthread_create(&threads[0], NULL, producer, &l), 0);
	CU_ASSERT_EQUAL(pthread_create(&threads[1], NULL, consumer, &l), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	close(l.wake_fd);
	CU_ASSERT_EQUAL(l.wrong, 0);
	CU_ASSERT(l.sleeps > 10);
	printf("%u slots, %llu sleeps, %llu wake-ups ", SLOTS, (unsigned long long)l.sleeps,
	       (unsigned long long)l.wakes);
}

#define READERS      3
#define PUBLICATIONS (5000u * FOG_TEST_SCALE)

static struct fog_snapshot_page page;
static _Atomic bool published_all;
static u64 reader_wrong[READERS], reader_copies[READERS], reader_missed[READERS];

/* Every word of publication n is a function of n, so a torn copy shows. */
static void snapshot_fill(struct fog_snapshot *s, u64 n)
{
	u64 words[sizeof(*s) / 8];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(words); i++)
		words[i] = n * 31 + i;
	memcpy(s, words, sizeof(*s));
}

static void *snapshot_reader(void *arg)
{
	size_t me = (size_t)arg;
	struct fog_snapshot got, want;
	u64 last = 0;

	while (!atomic_load(&published_all)) {
		u64 sequence = fog_snapshot_read(&page, &got);

		if (sequence == 0) {
			reader_missed[me]++;
			continue;
		}
		snapshot_fill(&want, sequence);
		reader_wrong[me] += memcmp(&got, &want, sizeof(got)) != 0;
		reader_wrong[me] += sequence < last;
		last = sequence;
		reader_copies[me]++;
	}
	return NULL;
}

static void test_snapshot(void)
{
	pthread_t readers[READERS];
	struct fog_snapshot s;

	for (size_t i = 0; i < READERS; i++)
		CU_ASSERT_EQUAL(pthread_create(&readers[i], NULL, snapshot_reader, (void *)i), 0);
	/* Bursts without a pause are the hard case: both slots change under a slow reader. */
	for (u64 n = 1; n <= PUBLICATIONS; n++) {
		snapshot_fill(&s, n);
		fog_snapshot_publish(&page, &s);
		if (n % 64 == 0)
			sched_yield();
	}
	atomic_store(&published_all, true);
	u64 copies = 0;
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
		CU_ASSERT_EQUAL(reader_wrong[i], 0);
		copies += reader_copies[i];
	}
	CU_ASSERT(copies > 0);
	CU_ASSERT_EQUAL(fog_snapshot_read(&page, &s), PUBLICATIONS);
	printf("%llu copies ", (unsigned long long)copies);
}

static double ns_per(u64 n, const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from->tv_sec) * 1e9 + (double)(to.tv_nsec - from->tv_nsec)) /
	       (double)n;
}

/* Not a limit, a record: what one operation costs when nobody is in the way. */
static void test_cost(void)
{
	static struct lane l;
	struct fog_ring p, c;
	struct slot s = {{1}};
	struct fog_snapshot snap = {.epoch = 1};
	struct timespec t;
	const u64 rounds = 200000u * FOG_TEST_SCALE;

	fog_ring_producer(&p, &l.head, &l.tail, l.slots, RING_COUNT, sizeof(s));
	fog_ring_consumer(&c, &l.head, &l.tail, l.slots, RING_COUNT, sizeof(s));
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (u64 i = 0; i < rounds; i++) {
		CU_ASSERT_FATAL(fog_ring_push(&p, &s) == 0);
		CU_ASSERT_FATAL(fog_ring_pop(&c, &s) == 0);
	}
	printf("push+pop of 128 bytes %.1f ns, ", ns_per(rounds, &t));
	u64 failures = 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (u64 i = 0; i < rounds; i++) {
		failures += fog_ring_push(&p, &s) != 0;
		failures += fog_ring_pop(&c, &s) != 0;
		__asm__ volatile("" ::: "memory");
	}
	printf("without the checks of this test %.1f ns, ", ns_per(rounds, &t));
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (u64 i = 0; i < rounds; i++) {
		failures += fog_snapshot_read(&page, &snap) == 0;
		__asm__ volatile("" ::: "memory");
	}
	printf("snapshot read %.1f ns ", ns_per(rounds, &t));
	CU_ASSERT_EQUAL(failures, 0);
}

FOG_TEST_MAIN("shm/threads", FOG_TEST(test_ring), FOG_TEST(test_snapshot), FOG_TEST(test_cost))
