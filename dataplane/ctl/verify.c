/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/verify.h"

#include "crypto/check/check.h"
#include "dataplane/abi/feed.h"
#include "dataplane/ctl/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STALL_POLL_MS 5   /* verdict ring full: nobody wakes us when it drains */
#define IDLE_POLL_MS  500 /* in case a wake-up is lost with a dying control plane */
#define PACE_ONE      256 /* of the measured cost over the estimate */
#define PACE_MAX      (64 * PACE_ONE)
#define PACE_WEIGHT   8 /* the newest batch counts for one in so many */

_Static_assert(FOG_VERIFY_BATCH_BYTES >= FOG_CHECK_PAYLOAD_MAX, "any one payload fits a batch");
_Static_assert(FOG_VERDICT_RING_COUNT >= FOG_VERIFY_BATCH_MAX, "");

static const u8 class_weight[FOG_VERIFY_CLASSES] = {8, 4, 2, 1};
#define WEIGHT_SUM 15

struct totals {
	/* verify thread: wo, others: ro */
	_Atomic u64 taken, valid, invalid, malformed, late, batches, cpu_ns;
};

/* Items of a batch in order of intake; those that are to be checked once more in check[]. */
struct batch {
	u32 count, checks;
	size_t bytes_used;
	u64 cost_ns, limit_ns; /* scaled by the pace */
	u64 estimate_ns;       /* not scaled */
	u64 now_ns;
	u64 tag[FOG_VERIFY_BATCH_MAX];
	i32 result[FOG_VERIFY_BATCH_MAX];
	u16 place[FOG_VERIFY_BATCH_MAX]; /* of check[i] among the items */
	i32 answer[FOG_VERIFY_BATCH_MAX];
	struct fog_check check[FOG_VERIFY_BATCH_MAX];
	u8 bytes[FOG_VERIFY_BATCH_BYTES];
};

struct worker {
	struct fog_verify *service;
	u32 index;
	int wake_fd;
	int cpu; /* to pin to, or -1 */
	pthread_t thread;
	bool started;
	u64 adopted_number; /* guarded by service->lock */

	/* The thread's own. */
	const struct fog_control_region *region;
	struct fog_ring submissions[FOG_VERIFY_CLASSES];
	struct fog_ring verdicts;
	bool mad; /* a ring of this attachment broke; said so once */
	u32 pace; /* PACE_ONE = batches cost what was estimated */
	struct fog_checker *checker;
	struct totals totals;
	struct batch batch;
};

struct fog_verify {
	struct fog_data_region *data;
	int notify_fd;
	u32 workers;
	size_t size; /* of this mapping */

	pthread_mutex_t lock; /* guards the next three */
	pthread_cond_t adopted_cond;
	const struct fog_control_region *wanted;
	u64 wanted_number;
	bool stop;

	struct worker worker[];
};

static u64 clock_read(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static void count_up(_Atomic u64 *counter, u64 n)
{
	u64 v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

static void rings_zero(struct worker *w)
{
	struct fog_data_region *data = w->service->data;

	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++) {
		struct fog_ring_tail *tail = &data->verify_tail[w->index][c];

		atomic_store_explicit(&tail->tail, 0, memory_order_relaxed);
		atomic_store_explicit(&tail->waiting, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&data->verdict_head[w->index].head, 0, memory_order_release);
}

static void rings_attach(struct worker *w)
{
	struct fog_data_region *data = w->service->data;
	/* The other side's lines and slots are only read: the map is read-only. */
	struct fog_control_region *r = (struct fog_control_region *)w->region;

	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		fog_ring_consumer(&w->submissions[c], &r->verify_head[w->index][c],
				  &data->verify_tail[w->index][c], r->verify[w->index][c].submit,
				  FOG_VERIFY_RING_COUNT, sizeof(struct fog_verify_submit));
	fog_ring_producer(&w->verdicts, &data->verdict_head[w->index], &r->verdict_tail[w->index],
			  data->verdicts[w->index], FOG_VERDICT_RING_COUNT,
			  sizeof(struct fog_verify_verdict));
}

/* Take up what the control thread wants. Returns false when it wants an end. */
static bool adopt(struct worker *w)
{
	struct fog_verify *v = w->service;

	pthread_mutex_lock(&v->lock);
	bool go_on = !v->stop;
	if (w->adopted_number != v->wanted_number) {
		w->region = v->wanted;
		w->mad = false;
		rings_zero(w);
		if (w->region != NULL)
			rings_attach(w);
		w->adopted_number = v->wanted_number;
		pthread_cond_broadcast(&v->adopted_cond);
	}
	pthread_mutex_unlock(&v->lock);
	return go_on;
}

/* Judge one copied submission; what is worth a check is entered for it. */
static void item_admit(struct worker *w, const struct fog_verify_submit *s, const u8 *arena)
{
	struct batch *b = &w->batch;
	u32 i = b->count++;

	b->tag[i] = s->tag;
	if (!fog_feed_valid(s)) {
		b->result[i] = -EINVAL;
		return;
	}
	if (s->deadline_ns != 0 && s->deadline_ns <= b->now_ns) {
		b->result[i] = -ETIMEDOUT;
		return;
	}
	u8 *payload = b->bytes + b->bytes_used;
	memcpy(payload, arena + s->offset, s->length);
	b->bytes_used += s->length;
	u64 estimate = fog_check_cost_ns(s->kind, payload, s->length);
	b->estimate_ns += estimate;
	b->cost_ns += estimate * w->pace / PACE_ONE;
	if (s->deadline_ns != 0)
		b->limit_ns = FOG_MIN(b->limit_ns, s->deadline_ns - b->now_ns);
	b->place[b->checks] = (u16)i;
	b->check[b->checks++] =
		(struct fog_check){.payload = payload, .len = s->length, .kind = s->kind};
}

/* Take items of a class while the batch costs less than `until_ns`, at least `least` of them. */
static void class_take(struct worker *w, unsigned class, u64 until_ns, u32 least, u32 room)
{
	struct fog_ring *ring = &w->submissions[class];
	const u8 *arena = w->region->verify[w->index][class].arena;
	struct batch *b = &w->batch;
	u32 taken = 0, ready = fog_ring_ready(ring);

	while (taken < ready && b->count < room) {
		struct fog_verify_submit s;

		if (taken >= least && b->cost_ns >= FOG_MIN(until_ns, b->limit_ns))
			break;
		memcpy(&s, fog_ring_peek(ring, taken), sizeof(s));
		if (b->bytes_used + FOG_MIN(s.length, (u32)FOG_CHECK_PAYLOAD_MAX) >
		    FOG_VERIFY_BATCH_BYTES)
			break;
		item_admit(w, &s, arena);
		taken++;
	}
	if (taken != 0)
		fog_ring_release(ring, taken);
}

/* First everybody's share, then what is left, in order of class. */
static void batch_fill(struct worker *w)
{
	struct batch *b = &w->batch;
	u32 room = FOG_MIN(fog_ring_room(&w->verdicts, FOG_VERIFY_BATCH_MAX),
			   (u32)FOG_VERIFY_BATCH_MAX);

	b->count = b->checks = 0;
	b->bytes_used = 0;
	b->cost_ns = b->estimate_ns = 0;
	b->limit_ns = FOG_VERIFY_BATCH_NS;
	b->now_ns = clock_read(CLOCK_MONOTONIC);
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++) {
		u64 share = (u64)FOG_VERIFY_BATCH_NS * class_weight[c] / WEIGHT_SUM;
		u32 slots = FOG_VERIFY_BATCH_MAX * class_weight[c] / WEIGHT_SUM;

		class_take(w, c, b->cost_ns + share, 1, FOG_MIN(room, b->count + slots));
	}
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		class_take(w, c, FOG_VERIFY_BATCH_NS, 0, room);
}

static void batch_check(struct worker *w)
{
	struct batch *b = &w->batch;
	u64 begin = clock_read(CLOCK_THREAD_CPUTIME_ID);

	fog_check_many(w->checker, b->check, b->checks, b->answer);
	for (u32 i = 0; i < b->checks; i++)
		b->result[b->place[i]] = b->answer[i];
	u64 spent = clock_read(CLOCK_THREAD_CPUTIME_ID) - begin;
	if (b->estimate_ns != 0) {
		u64 pace = FOG_MIN(spent * PACE_ONE / b->estimate_ns, (u64)PACE_MAX);

		w->pace = (u32)((w->pace * (PACE_WEIGHT - 1ull) + pace) / PACE_WEIGHT) + 1;
	}
	count_up(&w->totals.cpu_ns, spent);
}

static void totals_add(struct worker *w)
{
	const struct batch *b = &w->batch;
	u64 valid = 0, invalid = 0, late = 0;

	for (u32 i = 0; i < b->count; i++) {
		valid += b->result[i] == 0;
		invalid += b->result[i] == -EBADMSG;
		late += b->result[i] == -ETIMEDOUT;
	}
	count_up(&w->totals.taken, b->count);
	count_up(&w->totals.valid, valid);
	count_up(&w->totals.invalid, invalid);
	count_up(&w->totals.late, late);
	count_up(&w->totals.malformed, b->count - valid - invalid - late);
	count_up(&w->totals.batches, 1);
}

/* One batch. Returns how many verdicts were published. */
static u32 serve(struct worker *w)
{
	struct batch *b = &w->batch;

	batch_fill(w);
	if (b->count == 0)
		return 0;
	batch_check(w);
	for (u32 i = 0; i < b->count; i++) {
		struct fog_verify_verdict verdict = {.tag = b->tag[i], .result = b->result[i]};

		memcpy(fog_ring_slot(&w->verdicts, i), &verdict, sizeof(verdict));
	}
	totals_add(w);
	fog_ring_publish(&w->verdicts, b->count);
	if (fog_ring_wants_wake(&w->verdicts) && w->service->notify_fd >= 0) {
		u64 one = 1;
		/* Fails only when the counter is full: then it is readable anyway. */
		if (write(w->service->notify_fd, &one, sizeof(one)) < 0)
			return b->count;
	}
	return b->count;
}

static void sleep_until_woken(struct worker *w, int timeout_ms)
{
	struct pollfd p = {.fd = w->wake_fd, .events = POLLIN};
	u64 count;

	if (poll(&p, 1, timeout_ms) > 0 && read(w->wake_fd, &count, sizeof(count)) < 0)
		return; /* somebody else emptied it: a wake-up all the same */
}

static bool rings_broken(const struct worker *w)
{
	bool broken = w->verdicts.broken;

	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		broken |= w->submissions[c].broken;
	return broken;
}

static bool rings_ready(struct worker *w)
{
	bool ready = false;

	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		ready |= fog_ring_ready(&w->submissions[c]) != 0;
	return ready;
}

static void idle(struct worker *w)
{
	if (w->region == NULL || w->mad) {
		sleep_until_woken(w, -1);
		return;
	}
	if (rings_broken(w)) {
		w->mad = true;
		fog_dplog(FOG_DPLOG_WARNING, "verify",
			  "the control plane published an impossible ring position; its "
			  "submissions are ignored until it attaches again");
		return;
	}
	if (rings_ready(w)) {
		sleep_until_woken(w, STALL_POLL_MS);
		return;
	}
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		fog_ring_wait_begin(&w->submissions[c]);
	if (!rings_ready(w) && !rings_broken(w))
		sleep_until_woken(w, IDLE_POLL_MS);
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		fog_ring_wait_end(&w->submissions[c]);
}

/* Not fatal: a container may forbid it. */
static void pin(const struct worker *w)
{
	cpu_set_t set;

	if (w->cpu < 0 || w->cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)w->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		fog_dplog(FOG_DPLOG_WARNING, "verify", "cannot run worker %u on CPU %d", w->index,
			  w->cpu);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	pin(w);
	while (adopt(w))
		if (w->region == NULL || w->mad || serve(w) == 0)
			idle(w);
	return NULL;
}

static void *pages(size_t size)
{
	/* Public data only, but pages of it are worth no core file either. */
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int worker_start(struct fog_verify *v, struct worker *w)
{
	void *memory = pages(fog_checker_size());

	if (memory == NULL)
		return -ENOMEM;
	w->service = v;
	w->pace = PACE_ONE;
	w->checker = fog_checker_init(memory);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0)
		return -errno;
	int rc = -pthread_create(&w->thread, NULL, worker_main, w);
	if (rc != 0)
		return rc;
	w->started = true;
	pthread_setname_np(w->thread, "fog-verify");
	return 0;
}

static void worker_wake(struct worker *w)
{
	u64 one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return; /* full counter: readable */
}

static void worker_stop(struct worker *w)
{
	if (w->started) {
		worker_wake(w);
		pthread_join(w->thread, NULL);
	}
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->checker != NULL)
		munmap(w->checker, fog_checker_size());
}

int fog_verify_start(struct fog_verify **out, struct fog_data_region *data, u32 workers,
		     const int *cpu, int notify_fd)
{
	size_t size = sizeof(struct fog_verify) + workers * sizeof(struct worker);

	*out = NULL;
	if (workers == 0 || workers > FOG_VERIFY_WORKERS_MAX)
		return -EINVAL;
	struct fog_verify *v = pages(size);
	if (v == NULL)
		return -ENOMEM;
	v->size = size;
	v->data = data;
	v->notify_fd = notify_fd;
	v->workers = workers;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->adopted_cond, NULL);
	for (u32 i = 0; i < workers; i++) {
		v->worker[i].index = i;
		v->worker[i].wake_fd = -1;
		v->worker[i].cpu = cpu != NULL ? cpu[i] : -1;
	}
	for (u32 i = 0; i < workers; i++) {
		int rc = worker_start(v, &v->worker[i]);

		if (rc != 0) {
			fog_verify_stop(v);
			return rc;
		}
	}
	*out = v;
	return 0;
}

void fog_verify_stop(struct fog_verify *v)
{
	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_mutex_unlock(&v->lock);
	for (u32 i = 0; i < v->workers; i++)
		worker_stop(&v->worker[i]);
	pthread_cond_destroy(&v->adopted_cond);
	pthread_mutex_destroy(&v->lock);
	munmap(v, v->size);
}

void fog_verify_attach(struct fog_verify *v, const struct fog_control_region *region)
{
	pthread_mutex_lock(&v->lock);
	v->wanted = region;
	u64 number = ++v->wanted_number;
	for (u32 i = 0; i < v->workers; i++)
		worker_wake(&v->worker[i]);
	for (u32 i = 0; i < v->workers; i++)
		while (v->worker[i].adopted_number != number)
			pthread_cond_wait(&v->adopted_cond, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

u32 fog_verify_workers(const struct fog_verify *v)
{
	return v->workers;
}

int fog_verify_wake_fd(const struct fog_verify *v, u32 worker)
{
	FOG_ASSERT(worker < v->workers);
	return v->worker[worker].wake_fd;
}

void fog_verify_totals(const struct fog_verify *v, struct fog_verify_totals *out)
{
	*out = (struct fog_verify_totals){0};
	for (u32 i = 0; i < v->workers; i++) {
		const struct totals *t = &v->worker[i].totals;

		out->taken += atomic_load_explicit(&t->taken, memory_order_relaxed);
		out->valid += atomic_load_explicit(&t->valid, memory_order_relaxed);
		out->invalid += atomic_load_explicit(&t->invalid, memory_order_relaxed);
		out->malformed += atomic_load_explicit(&t->malformed, memory_order_relaxed);
		out->late += atomic_load_explicit(&t->late, memory_order_relaxed);
		out->batches += atomic_load_explicit(&t->batches, memory_order_relaxed);
		out->cpu_ns += atomic_load_explicit(&t->cpu_ns, memory_order_relaxed);
	}
}
