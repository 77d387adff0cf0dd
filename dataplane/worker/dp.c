/* SPDX-License-Identifier: BSD-3-Clause */
/* One instance: memory, wiring, polling, and the control thread's side of attachments. */
#include "dataplane/worker/dp.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "dataplane/worker/worker.h"

#define TAKE_UP_TIMEOUT_MS 2000

static int check_config(const struct fog_dp_config *c)
{
	u32 n = c->circuits_max;

	if (c->workers == 0 || c->workers > FOG_WORKERS_MAX || c->io == NULL)
		return -EINVAL;
	if (n != 0 && ((n & (n - 1)) != 0 || n < FOG_HALVES_MIN || n > FOG_HALVES_LIMIT))
		return -EINVAL;
	return 0;
}

static int alloc_workers(struct fog_dp *dp)
{
	for (u32 i = 0; i < dp->workers; i++) {
		dp->worker[i] = fog_arena_alloc(&dp->arena, sizeof(*dp->worker[i]));
		dp->slow_request[i] = fog_arena_alloc(&dp->arena, sizeof(*dp->slow_request[i]));
		dp->slow_result[i] = fog_arena_alloc(&dp->arena, sizeof(*dp->slow_result[i]));
		if (dp->worker[i] == NULL || dp->slow_request[i] == NULL ||
		    dp->slow_result[i] == NULL)
			return -ENOMEM;
		dp->worker[i]->wake_fd = -1;
	}
	return 0;
}

/* The four rings of a pair of workers: a -> b and b -> a happen in two calls. */
static int wire_pair(struct fog_dp *dp, u32 from, u32 to)
{
	struct fog_lane *out = fog_arena_alloc(&dp->arena, sizeof(*out));
	struct fog_lane *home = fog_arena_alloc(&dp->arena, sizeof(*home));
	struct fog_worker *a = dp->worker[from], *b = dp->worker[to];

	if (out == NULL || home == NULL)
		return -ENOMEM;
	fog_ring_producer(&a->out[to].ring, &out->head, &out->tail, out->slots, FOG_HANDOFF_COUNT,
			  sizeof(out->slots[0]));
	fog_ring_consumer(&b->in[from], &out->head, &out->tail, out->slots, FOG_HANDOFF_COUNT,
			  sizeof(out->slots[0]));
	fog_ring_producer(&a->home[to].ring, &home->head, &home->tail, home->slots,
			  FOG_HANDOFF_COUNT, sizeof(home->slots[0]));
	fog_ring_consumer(&b->back[from], &home->head, &home->tail, home->slots, FOG_HANDOFF_COUNT,
			  sizeof(home->slots[0]));
	return 0;
}

static int wire(struct fog_dp *dp)
{
	for (u32 i = 0; i < dp->workers; i++) {
		struct fog_slow_lane *request = dp->slow_request[i], *result = dp->slow_result[i];
		fog_ring_producer(&dp->worker[i]->slow_request, &request->head, &request->tail,
				  request->slots, FOG_SLOW_RING_COUNT, sizeof(request->slots[0]));
		fog_ring_consumer(&dp->worker[i]->slow_result, &result->head, &result->tail,
				  result->slots, FOG_SLOW_RING_COUNT, sizeof(result->slots[0]));
		for (u32 k = 0; k < dp->workers; k++) {
			int rc = wire_pair(dp, i, k);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int init_slow(struct fog_dp *dp, struct fog_rng *rng)
{
	u8 seed[32];
	struct fog_slow_config c = {
		.workers = dp->workers,
		.boot_id = dp->config.boot_id,
		.link_sk = dp->config.link_sk,
		.onion_sk = dp->config.onion_sk,
		.rng_seed = seed,
	};

	memcpy(c.request, dp->slow_request, sizeof(c.request));
	memcpy(c.result, dp->slow_result, sizeof(c.result));
	fog_rng_bytes(rng, seed, sizeof(seed));
	int rc = fog_slow_init(&dp->slow, &dp->arena, &c);
	fog_wipe(seed, sizeof(seed));
	if (rc < 0)
		return rc;
	memcpy(dp->link_pk, dp->slow.link_pk, 32);
	memcpy(dp->index_key, dp->slow.index_key, sizeof(dp->index_key));
	return 0;
}

static void fill_region(struct fog_dp *dp)
{
	struct fog_data_region *r = dp->region;

	memcpy(r->link_pk, dp->slow.link_pk, 32);
	memcpy(r->onion_pk, dp->slow.onion_pk, 32);
	const struct fog_worker *w = dp->worker[0];
	const char *detail = w->ops->detail != NULL ? w->ops->detail(w->io) : "";
	snprintf(r->io_name, sizeof(r->io_name), "%s%s%s", w->ops->name, *detail ? " " : "",
		 detail);
	snprintf(r->crypto_name, sizeof(r->crypto_name), "%s", fog_crypto_cpu());
	r->header.workers = dp->workers;
}

static int init_all(struct fog_dp *dp)
{
	struct fog_rng rng;
	u8 seed[32];

	int rc = alloc_workers(dp);
	if (rc < 0)
		return rc;
	fog_rng_init(&rng, dp->config.rng_seed);
	rc = init_slow(dp, &rng);
	if (rc == 0)
		rc = fog_mixport_init(dp, &dp->arena, &rng);
	if (rc == 0)
		rc = wire(dp);
	for (u32 i = 0; rc == 0 && i < dp->workers; i++) {
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_rng_init(&dp->worker[i]->rng, seed);
		rc = fog_worker_init(dp->worker[i], dp, i);
	}
	fog_wipe(seed, sizeof(seed));
	fog_rng_wipe(&rng);
	if (rc < 0)
		return rc;
	dp->slow_wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	dp->mix_wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (dp->slow_wake_fd < 0 || dp->mix_wake_fd < 0)
		return -errno;
	fill_region(dp);
	fog_arena_seal(&dp->arena);
	return 0;
}

int fog_dp_init(struct fog_dp **out, const struct fog_dp_config *config,
		struct fog_data_region *region)
{
	*out = NULL;
	if (region == NULL)
		return -EINVAL;
	int rc = check_config(config);
	if (rc < 0)
		return rc;
	rc = fog_crypto_init();
	if (rc < 0)
		return rc;
	struct fog_arena arena = {0};
	struct fog_dp *dp = fog_arena_alloc(&arena, sizeof(*dp));
	if (dp == NULL)
		return -ENOMEM;
	dp->arena = arena;
	dp->config = *config;
	dp->workers = config->workers;
	dp->region = region;
	dp->listen = config->listen;
	dp->slow_wake_fd = -1;
	dp->mix_wake_fd = -1;
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++)
		dp->mixnet.log.fd[i] = -1;
	rc = init_all(dp);
	/* The slow path and the generators have what they need. */
	fog_wipe(dp->config.link_sk, sizeof(dp->config.link_sk));
	fog_wipe(dp->config.onion_sk, sizeof(dp->config.onion_sk));
	fog_wipe(dp->config.rng_seed, sizeof(dp->config.rng_seed));
	if (rc < 0) {
		fog_dp_free(dp);
		return rc;
	}
	*out = dp;
	return 0;
}

void fog_dp_free(struct fog_dp *dp)
{
	if (dp == NULL)
		return;
	fog_dp_stop(dp);
	for (u32 i = 0; i < dp->workers; i++)
		if (dp->worker[i] != NULL)
			fog_worker_wipe(dp->worker[i]);
	if (dp->slow_wake_fd >= 0)
		close(dp->slow_wake_fd);
	if (dp->mix_wake_fd >= 0)
		close(dp->mix_wake_fd);
	fog_mix_wipe(&dp->mixnet);
	fog_slow_wipe(&dp->slow);
	struct fog_arena arena = dp->arena; /* dp itself lies in it */
	fog_arena_free(&arena);
}

unsigned fog_dp_poll(struct fog_dp *dp, u64 now_ns)
{
	unsigned work = 0;

	FOG_ASSERT(!dp->threaded);
	for (u32 i = 0; i < dp->workers; i++)
		work += fog_worker_turn(dp->worker[i], now_ns);
	work += fog_slow_poll(&dp->slow, now_ns);
	work += fog_mix_poll(&dp->mixnet, now_ns);
	for (u32 i = 0; i < dp->workers; i++) {
		atomic_store_explicit(&dp->worker[i]->status->state, 1, memory_order_relaxed);
		fog_counts_publish(dp->worker[i]);
	}
	return work;
}

u64 fog_dp_next_deadline(const struct fog_dp *dp)
{
	u64 next = fog_mix_next(&dp->mixnet);

	for (u32 i = 0; i < dp->workers; i++)
		next = FOG_MIN(next, dp->worker[i]->tick_ns);
	return next;
}

static void wake_all(struct fog_dp *dp)
{
	const u64 one = 1;

	for (u32 i = 0; i < dp->workers; i++) {
		ssize_t n = write(dp->worker[i]->wake_fd, &one, sizeof(one));
		(void)n; /* EAGAIN: readable already */
	}
}

/* taken: offset of the field of struct fog_worker that must reach `offer`. */
static int wait_taken(struct fog_dp *dp, size_t taken, u64 offer)
{
	const struct timespec pause = {.tv_nsec = 200000};

	if (!dp->threaded) {
		for (u32 i = 0; i < dp->workers; i++)
			fog_take_offers(dp->worker[i]);
		return 0;
	}
	wake_all(dp);
	for (unsigned ms5 = 0; ms5 < 5 * TAKE_UP_TIMEOUT_MS; ms5++) {
		u32 done = 0;
		for (u32 i = 0; i < dp->workers; i++) {
			_Atomic u64 *t = (void *)((u8 *)dp->worker[i] + taken);
			/* pairs with the release in fog_take_offers() */
			done += atomic_load_explicit(t, memory_order_acquire) == offer;
		}
		if (done == dp->workers)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

int fog_dp_attach_control(struct fog_dp *dp, const struct fog_control_region *region,
			  u64 attachment)
{
	dp->control_region = region;
	dp->control_attachment = attachment;
	u64 offer = atomic_load_explicit(&dp->control_offer, memory_order_relaxed) + 1;
	/* pairs with the acquire in fog_take_offers() */
	atomic_store_explicit(&dp->control_offer, offer, memory_order_release);
	return wait_taken(dp, offsetof(struct fog_worker, control_taken), offer);
}

int fog_dp_attach_edge(struct fog_dp *dp, const struct fog_edge_tx_region *tx,
		       struct fog_edge_rx_region *rx, int notify_fd, u64 attachment)
{
	(void)attachment; /* the edge gets fresh regions every time */
	if ((tx == NULL) != (rx == NULL))
		return -EINVAL;
	dp->edge_tx = tx;
	dp->edge_rx = rx;
	dp->edge_notify_fd = notify_fd;
	u64 offer = atomic_load_explicit(&dp->edge_offer, memory_order_relaxed) + 1;
	atomic_store_explicit(&dp->edge_offer, offer, memory_order_release);
	return wait_taken(dp, offsetof(struct fog_worker, edge_taken), offer);
}

int fog_dp_wake_fd(const struct fog_dp *dp, u32 worker)
{
	FOG_ASSERT(worker < dp->workers);
	return dp->worker[worker]->wake_fd;
}

int fog_dp_steer_fd(const struct fog_dp *dp, u32 worker)
{
	const struct fog_worker *w = dp->worker[worker];

	FOG_ASSERT(worker < dp->workers);
	return w->ops->steer_fd != NULL ? w->ops->steer_fd(w->io) : -1;
}

u32 fog_dp_edge_worker(const struct fog_dp *dp)
{
	(void)dp;
	return FOG_EDGE_WORKER;
}

struct fog_address fog_dp_address(const struct fog_dp *dp)
{
	return dp->listen;
}

static int mix_start(struct fog_dp *dp)
{
	struct fog_mix_thread *t = &dp->mix_thread;

	t->mixnet = &dp->mixnet;
	t->cpu = dp->config.mix_cpu;
	t->wake_fd = dp->mix_wake_fd;
	for (u32 i = 0; i < dp->workers; i++)
		t->worker_fd[i] = dp->worker[i]->wake_fd;
	return fog_mix_thread_start(t);
}

int fog_dp_start(struct fog_dp *dp)
{
	struct timespec real, mono;

	FOG_ASSERT(!dp->threaded);
	if (dp->config.io->wait == NULL)
		return -EOPNOTSUPP;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	dp->slow.stamp_offset =
		(real.tv_sec - mono.tv_sec) * (i64)FOG_NS_PER_S + (real.tv_nsec - mono.tv_nsec);
	dp->threaded = true;
	int rc = -pthread_create(&dp->slow_thread, NULL, fog_slow_loop, dp);
	if (rc < 0)
		goto err;
	dp->slow_running = true;
	rc = mix_start(dp);
	if (rc < 0)
		goto err;
	for (u32 i = 0; i < dp->workers; i++) {
		rc = -pthread_create(&dp->worker[i]->thread, NULL, fog_worker_loop, dp->worker[i]);
		if (rc < 0)
			goto err;
		dp->worker[i]->running = true;
	}
	return 0;
err:
	fog_dp_stop(dp);
	return rc;
}

void fog_dp_stop(struct fog_dp *dp)
{
	const u64 one = 1;

	if (!dp->threaded)
		return;
	atomic_store_explicit(&dp->stop, true, memory_order_relaxed);
	wake_all(dp);
	for (u32 i = 0; i < dp->workers; i++) {
		if (!dp->worker[i]->running)
			continue;
		pthread_join(dp->worker[i]->thread, NULL);
		dp->worker[i]->running = false;
	}
	if (dp->slow_running) {
		ssize_t n = write(dp->slow_wake_fd, &one, sizeof(one));
		(void)n;
		pthread_join(dp->slow_thread, NULL);
		dp->slow_running = false;
	}
	fog_mix_thread_stop(&dp->mix_thread);
	atomic_store_explicit(&dp->stop, false, memory_order_relaxed);
	dp->threaded = false;
}
