/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/verify.h"

#include "crypto/sign/sign.h"
#include "dataplane/ctl/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define JOBS_MAX      FOG_VERIFY_RING_COUNT
#define STALL_POLL_MS 5   /* verdict ring full: nobody wakes us when it drains */
#define IDLE_POLL_MS  500 /* in case a wake-up is lost with a dying control plane */

static void ed25519_check(const struct fog_verify_submit *const job[], i32 result[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		result[i] = fog_sign_verify(job[i]->signature, job[i]->message, job[i]->length,
					    job[i]->key);
}

static const struct fog_verify_method methods[] = {
	{"ed25519", FOG_VERIFY_ED25519, FOG_VERIFY_BATCH_MAX, ed25519_check},
};

/* A class queue holds indices of jobs in order of arrival. */
struct class_queue {
	u16 slot[JOBS_MAX];
	u32 first, count;
};

struct totals {
	_Atomic u64 taken, valid, invalid, malformed, batches; /* verify thread: wo, others: ro */
};

struct fog_verify {
	struct fog_data_region *data;
	int notify_fd;
	int wake_fd;
	pthread_t thread;

	pthread_mutex_t lock; /* guards the next five */
	pthread_cond_t adopted_cond;
	const struct fog_control_region *wanted;
	u64 wanted_number, adopted_number;
	bool stop;

	/* Verify thread only. */
	const struct fog_control_region *region;
	struct fog_ring submissions, verdicts;
	bool mad; /* a ring of this attachment broke; said so once */
	struct class_queue queue[FOG_VERIFY_CLASSES];
	u16 free_slot[JOBS_MAX];
	u32 free_count;
	struct totals totals;
	struct fog_verify_submit job[JOBS_MAX];
};

const struct fog_verify_method *fog_verify_method_at(unsigned i)
{
	return i < FOG_ARRAY_COUNT(methods) ? &methods[i] : NULL;
}

static void count_up(_Atomic u64 *counter, u64 n)
{
	u64 v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

static void queue_put(struct class_queue *q, u16 slot)
{
	q->slot[(q->first + q->count++) % JOBS_MAX] = slot;
}

static u16 queue_take(struct class_queue *q)
{
	u16 slot = q->slot[q->first];

	q->first = (q->first + 1) % JOBS_MAX;
	q->count--;
	return slot;
}

static u32 queued(const struct fog_verify *v)
{
	return JOBS_MAX - v->free_count;
}

static void jobs_reset(struct fog_verify *v)
{
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		v->queue[c].first = v->queue[c].count = 0;
	for (unsigned i = 0; i < JOBS_MAX; i++)
		v->free_slot[i] = (u16)i;
	v->free_count = JOBS_MAX;
}

/* Take up what the control thread wants. Returns false when it wants an end. */
static bool adopt(struct fog_verify *v)
{
	struct fog_data_region *data = v->data;

	pthread_mutex_lock(&v->lock);
	bool go_on = !v->stop;
	if (v->adopted_number != v->wanted_number) {
		v->region = v->wanted;
		v->mad = false;
		jobs_reset(v);
		atomic_store_explicit(&data->verify_tail.tail, 0, memory_order_relaxed);
		atomic_store_explicit(&data->verify_tail.waiting, 0, memory_order_relaxed);
		atomic_store_explicit(&data->verdict_head.head, 0, memory_order_release);
		if (v->region != NULL) {
			/* The other side's lines and slots are only read: the map is read-only. */
			struct fog_control_region *r = (struct fog_control_region *)v->region;

			fog_ring_consumer(&v->submissions, &r->verify_head, &data->verify_tail,
					  r->verify, FOG_VERIFY_RING_COUNT,
					  sizeof(struct fog_verify_submit));
			fog_ring_producer(&v->verdicts, &data->verdict_head, &r->verdict_tail,
					  data->verdicts, FOG_VERIFY_RING_COUNT,
					  sizeof(struct fog_verify_verdict));
		}
		v->adopted_number = v->wanted_number;
		pthread_cond_broadcast(&v->adopted_cond);
	}
	pthread_mutex_unlock(&v->lock);
	return go_on;
}

/* Copy submissions out of the ring into free slots. */
static void jobs_take(struct fog_verify *v)
{
	u32 n = FOG_MIN(fog_ring_ready(&v->submissions), v->free_count);

	for (u32 i = 0; i < n; i++) {
		u16 slot = v->free_slot[--v->free_count];
		struct fog_verify_submit *job = &v->job[slot];

		memcpy(job, fog_ring_peek(&v->submissions, i), sizeof(*job));
		queue_put(&v->queue[FOG_MIN(job->priority, FOG_VERIFY_CLASSES - 1)], slot);
	}
	if (n != 0) {
		fog_ring_release(&v->submissions, n);
		count_up(&v->totals.taken, n);
	}
}

/* Pick the next batch: the first waiting class, less the share of the later ones. */
static unsigned batch_pick(struct fog_verify *v, u16 slot[FOG_VERIFY_BATCH_MAX], u32 max)
{
	u32 waiting = queued(v);
	u32 n = FOG_MIN(FOG_MIN(waiting, max), (u32)FOG_VERIFY_BATCH_MAX);
	unsigned picked = 0;

	for (unsigned c = 0; c < FOG_VERIFY_CLASSES && picked < n; c++) {
		struct class_queue *q = &v->queue[c];
		u32 later = waiting - q->count;
		u32 room = n - picked;
		u32 share = FOG_MIN(FOG_MIN(later, (u32)FOG_VERIFY_SHARE), room - 1);
		u32 take = FOG_MIN(q->count, room - share);

		waiting = later;
		while (take-- > 0)
			slot[picked++] = queue_take(q);
	}
	return picked;
}

/* Check one run of jobs of the same algorithm. */
static void run_check(const struct fog_verify_method *m,
		      const struct fog_verify_submit *const job[], i32 result[], unsigned count)
{
	for (unsigned i = 0; i < count; i += m->batch_max)
		m->check(job + i, result + i, FOG_MIN(count - i, (unsigned)m->batch_max));
}

/* Results of the batch in its order. Jobs of one algorithm are gathered, so that a batch verifier
 * sees as many as there are. */
static void batch_check(struct fog_verify *v, const u16 slot[], i32 result[], unsigned count)
{
	const struct fog_verify_submit *gathered[FOG_VERIFY_BATCH_MAX];
	i32 gathered_result[FOG_VERIFY_BATCH_MAX];
	unsigned place[FOG_VERIFY_BATCH_MAX];

	for (unsigned i = 0; i < count; i++) {
		const struct fog_verify_submit *job = &v->job[slot[i]];

		result[i] = job->length > FOG_VERIFY_MESSAGE_MAX ? -EINVAL : -EOPNOTSUPP;
	}
	for (unsigned m = 0; m < FOG_ARRAY_COUNT(methods); m++) {
		unsigned n = 0;

		for (unsigned i = 0; i < count; i++) {
			if (result[i] != -EOPNOTSUPP ||
			    v->job[slot[i]].algorithm != methods[m].algorithm)
				continue;
			gathered[n] = &v->job[slot[i]];
			place[n++] = i;
		}
		run_check(&methods[m], gathered, gathered_result, n);
		for (unsigned i = 0; i < n; i++)
			result[place[i]] = gathered_result[i];
	}
}

static void totals_add(struct fog_verify *v, const i32 result[], unsigned count)
{
	u64 valid = 0, invalid = 0;

	for (unsigned i = 0; i < count; i++) {
		valid += result[i] == 0;
		invalid += result[i] == -EBADMSG;
	}
	count_up(&v->totals.valid, valid);
	count_up(&v->totals.invalid, invalid);
	count_up(&v->totals.malformed, count - valid - invalid);
	count_up(&v->totals.batches, 1);
}

/* One batch. Returns how many verdicts were published. */
static unsigned serve(struct fog_verify *v)
{
	u16 slot[FOG_VERIFY_BATCH_MAX];
	i32 result[FOG_VERIFY_BATCH_MAX];

	jobs_take(v);
	unsigned n = batch_pick(v, slot, fog_ring_free(&v->verdicts));
	if (n == 0)
		return 0;
	batch_check(v, slot, result, n);
	for (unsigned i = 0; i < n; i++) {
		struct fog_verify_verdict verdict = {
			.tag = v->job[slot[i]].tag,
			.result = result[i],
		};
		memcpy(fog_ring_slot(&v->verdicts, i), &verdict, sizeof(verdict));
		v->free_slot[v->free_count++] = slot[i];
	}
	fog_ring_publish(&v->verdicts, n);
	totals_add(v, result, n);
	if (fog_ring_wants_wake(&v->verdicts) && v->notify_fd >= 0) {
		u64 one = 1;
		/* Fails only when the counter is full: then it is readable anyway. */
		if (write(v->notify_fd, &one, sizeof(one)) < 0)
			return n;
	}
	return n;
}

static void sleep_until_woken(struct fog_verify *v, int timeout_ms)
{
	struct pollfd p = {.fd = v->wake_fd, .events = POLLIN};
	u64 count;

	if (poll(&p, 1, timeout_ms) > 0 && read(v->wake_fd, &count, sizeof(count)) < 0)
		return; /* somebody else emptied it: a wake-up all the same */
}

static void idle(struct fog_verify *v)
{
	if (v->region == NULL || v->mad) {
		sleep_until_woken(v, -1);
		return;
	}
	if (v->submissions.broken || v->verdicts.broken) {
		v->mad = true;
		fog_dplog(FOG_DPLOG_WARNING, "verify",
			  "the control plane published an impossible ring position; its "
			  "submissions are ignored until it attaches again");
		return;
	}
	if (queued(v) != 0) {
		sleep_until_woken(v, STALL_POLL_MS);
		return;
	}
	fog_ring_wait_begin(&v->submissions);
	if (fog_ring_ready(&v->submissions) == 0 && !v->submissions.broken)
		sleep_until_woken(v, IDLE_POLL_MS);
	fog_ring_wait_end(&v->submissions);
}

static void *verify_main(void *arg)
{
	struct fog_verify *v = arg;

	while (adopt(v))
		if (v->region == NULL || v->mad || serve(v) == 0)
			idle(v);
	return NULL;
}

int fog_verify_start(struct fog_verify **out, struct fog_data_region *data, int notify_fd)
{
	/* Jobs hold public data only, but a page of them is worth no core file either. */
	struct fog_verify *v =
		mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	*out = NULL;
	if (v == MAP_FAILED)
		return -errno;
	v->data = data;
	v->notify_fd = notify_fd;
	jobs_reset(v);
	v->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->wake_fd < 0) {
		rc = -errno;
		goto err_unmap;
	}
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->adopted_cond, NULL);
	rc = -pthread_create(&v->thread, NULL, verify_main, v);
	if (rc != 0)
		goto err_close;
	pthread_setname_np(v->thread, "fog-verify");
	*out = v;
	return 0;

err_close:
	pthread_cond_destroy(&v->adopted_cond);
	pthread_mutex_destroy(&v->lock);
	close(v->wake_fd);
err_unmap:
	munmap(v, sizeof(*v));
	return rc;
}

static void verify_wake(struct fog_verify *v)
{
	u64 one = 1;

	if (write(v->wake_fd, &one, sizeof(one)) < 0)
		return; /* full counter: readable */
}

void fog_verify_stop(struct fog_verify *v)
{
	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_mutex_unlock(&v->lock);
	verify_wake(v);
	pthread_join(v->thread, NULL);
	pthread_cond_destroy(&v->adopted_cond);
	pthread_mutex_destroy(&v->lock);
	close(v->wake_fd);
	munmap(v, sizeof(*v));
}

void fog_verify_attach(struct fog_verify *v, const struct fog_control_region *region)
{
	pthread_mutex_lock(&v->lock);
	v->wanted = region;
	u64 number = ++v->wanted_number;
	verify_wake(v);
	while (v->adopted_number != number)
		pthread_cond_wait(&v->adopted_cond, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

int fog_verify_wake_fd(const struct fog_verify *v)
{
	return v->wake_fd;
}

void fog_verify_totals(const struct fog_verify *v, struct fog_verify_totals *out)
{
	const struct totals *t = &v->totals;

	*out = (struct fog_verify_totals){
		.taken = atomic_load_explicit(&t->taken, memory_order_relaxed),
		.valid = atomic_load_explicit(&t->valid, memory_order_relaxed),
		.invalid = atomic_load_explicit(&t->invalid, memory_order_relaxed),
		.malformed = atomic_load_explicit(&t->malformed, memory_order_relaxed),
		.batches = atomic_load_explicit(&t->batches, memory_order_relaxed),
	};
}
