/* SPDX-License-Identifier: BSD-3-Clause */
/* Verification by the rule of sign.h, in batches. */
#include "crypto/sign/sign.h"

#include "crypto/curve/curve.h"
#include "crypto/random/random.h"

#include <errno.h>

/* Of fog_sign_verify_many() and fog_sign_verify(), checked against every path where they run. */
#define STACK_SIZE     (96 * 1024)
#define STACK_SIZE_ONE (2 * 1024)

/* A batch under work: those items that have passed points 1 to 3 of the rule, in `count` places of
 * the arrays. Point 2 i is the key of place i, point 2 i + 1 its R. */
struct batch {
	struct fog_ge_niels *point; /* 2 * capacity + 1 */
	struct fog_sc *factor;      /* 2 * capacity + 1, of the points */
	struct fog_sc *s;
	struct fog_sc *k;
	struct fog_sc *zs; /* random factor times s */
	const struct fog_sign_item **item;
	const u8 **encoding; /* 2 * capacity */
	bool *good;          /* 2 * capacity; of points, then of places */
	void *scratch;
	unsigned count;
};

static size_t take(size_t *at, size_t size)
{
	size_t start = *at;

	*at = (start + size + 63) & ~(size_t)63;
	return start;
}

/* Lays the arrays out and returns their size; memory may be NULL when only that is asked for. */
static size_t batch_init(struct batch *b, void *memory, unsigned capacity)
{
	uintptr_t base = (uintptr_t)memory;
	size_t at = 0, points = 2 * (size_t)capacity + 1;

	b->point = (void *)(base + take(&at, points * sizeof(*b->point)));
	b->factor = (void *)(base + take(&at, points * sizeof(*b->factor)));
	b->s = (void *)(base + take(&at, capacity * sizeof(*b->s)));
	b->k = (void *)(base + take(&at, capacity * sizeof(*b->k)));
	b->zs = (void *)(base + take(&at, capacity * sizeof(*b->zs)));
	b->item = (void *)(base + take(&at, capacity * sizeof(*b->item)));
	b->encoding = (void *)(base + take(&at, points * sizeof(*b->encoding)));
	b->good = (void *)(base + take(&at, points * sizeof(*b->good)));
	b->scratch = (void *)(base + at);
	if (capacity >= fog_curve->batch_min)
		take(&at, fog_msm_scratch_size((unsigned)points));
	b->count = 0;
	return (at + 63) & ~(size_t)63;
}

/* Points 1 and 3 of the rule, which need the bytes only. */
static bool is_plausible(const struct fog_sign_item *item)
{
	return fog_sc_is_canonical(item->sig + 32) && !fog_ge_is_small_order(item->pk) &&
	       !fog_ge_is_small_order(item->sig);
}

/* Fills the batch from `count` items, at most its capacity; result[] becomes -EBADMSG for all. */
static void batch_fill(struct batch *b, const struct fog_sign_item *item, unsigned count,
		       int *result)
{
	unsigned n = 0;

	b->count = 0;
	for (unsigned i = 0; i < count; i++) {
		result[i] = -EBADMSG;
		if (!is_plausible(&item[i]))
			continue;
		b->item[n] = &item[i];
		b->encoding[2 * n] = item[i].pk;
		b->encoding[2 * n + 1] = item[i].sig;
		n++;
	}
	fog_curve->decode_many(b->point, b->good, b->encoding, 2 * n);
	for (unsigned i = 0; i < n; i++) {
		if (!b->good[2 * i] || !b->good[2 * i + 1])
			continue;
		unsigned place = b->count++;
		b->item[place] = b->item[i];
		b->point[2 * place] = b->point[2 * i];
		b->point[2 * place + 1] = b->point[2 * i + 1];
		fog_sc_load(&b->s[place], b->item[place]->sig + 32);
	}
	fog_curve->challenge_many(b->k, b->item, b->count);
}

/* Draws the random factors: z for R, z k for the key, z s for the base point. */
static void batch_randomize(struct batch *b)
{
	u8 seed[FOG_RNG_SEED_SIZE];
	struct fog_rng rng;

	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&rng, seed);
	for (unsigned i = 0; i < b->count; i++) {
		struct fog_sc z = {{0}};
		fog_rng_bytes(&rng, z.w, 16);
		b->factor[2 * i + 1] = z;
		fog_sc_mul(&b->factor[2 * i], &z, &b->k[i]);
		fog_sc_mul(&b->zs[i], &z, &b->s[i]);
	}
}

/* One equation for places first to first + count - 1. The base point takes the place behind them
 * meanwhile. */
static bool range_holds(struct batch *b, unsigned first, unsigned count)
{
	unsigned start = 2 * first, end = 2 * (first + count);
	struct fog_ge_niels point = b->point[end];
	struct fog_sc factor = b->factor[end], zs = {{0}};
	struct fog_ge_ext sum;

	for (unsigned i = first; i < first + count; i++)
		fog_sc_add(&zs, &zs, &b->zs[i]);
	fog_sc_negate(&b->factor[end], &zs);
	b->point[end] = fog_ge_base_multiple[0];
	fog_msm(&sum, b->point + start, b->factor + start, end - start + 1, b->scratch);
	fog_ge_double(&sum, &sum, 3);
	b->point[end] = point;
	b->factor[end] = factor;
	return fog_ge_is_zero(&sum);
}

/* Halves ranges that fail until they are small enough to be checked one by one. A flood of false
 * signatures makes every sum fail, so the sums are limited to FOG_SIGN_RETRY_FACTOR times the
 * batch. Open ranges are disjoint and each half the one below, so their stack is bounded. */
#define RANGES_MAX 16

static void batch_solve(struct batch *b)
{
	struct range {
		unsigned first, count;
	} open[RANGES_MAX] = {{0, b->count}};
	unsigned depth = 1, work = 0;

	while (depth > 0) {
		struct range r = open[--depth];
		if (r.count < fog_curve->batch_min ||
		    work + r.count > FOG_SIGN_RETRY_FACTOR * b->count) {
			fog_curve->check_many(b->good + r.first, b->point + 2 * r.first,
					      b->s + r.first, b->k + r.first, r.count);
			continue;
		}
		work += r.count;
		if (range_holds(b, r.first, r.count)) {
			memset(b->good + r.first, 1, r.count);
			continue;
		}
		FOG_ASSERT(depth + 2 <= RANGES_MAX);
		open[depth++] = (struct range){r.first, r.count / 2};
		open[depth++] = (struct range){r.first + r.count / 2, r.count - r.count / 2};
	}
}

static void batch_run(struct batch *b, const struct fog_sign_item *item, unsigned count,
		      int *result)
{
	batch_fill(b, item, count, result);
	if (b->count >= fog_curve->batch_min)
		batch_randomize(b);
	batch_solve(b);
	for (unsigned i = 0; i < b->count; i++)
		if (b->good[i])
			result[b->item[i] - item] = 0;
}

size_t fog_sign_memory_size(unsigned batch)
{
	struct batch b;

	FOG_ASSERT(batch > 0);
	FOG_ASSERT(batch <= FOG_SIGN_BATCH_MAX);
	return batch_init(&b, NULL, batch);
}

void fog_sign_verify_in(void *memory, unsigned batch, const struct fog_sign_item *item,
			unsigned count, int *result)
{
	struct batch b;

	FOG_ASSERT(batch > 0);
	FOG_ASSERT(batch <= FOG_SIGN_BATCH_MAX);
	FOG_ASSERT((uintptr_t)memory % 64 == 0);
	batch_init(&b, memory, batch);
	for (unsigned first = 0; first < count; first += batch)
		batch_run(&b, item + first, FOG_MIN(batch, count - first), result + first);
}

void fog_sign_verify_many(const struct fog_sign_item *item, unsigned count, int *result)
{
	_Alignas(64) u8 memory[STACK_SIZE];

	FOG_ASSERT(fog_sign_memory_size(FOG_SIGN_BATCH) <= sizeof(memory));
	fog_sign_verify_in(memory, FOG_SIGN_BATCH, item, count, result);
}

int fog_sign_verify(const u8 sig[FOG_SIGN_SIZE], const void *msg, size_t len,
		    const u8 pk[FOG_SIGN_PUBLIC_SIZE])
{
	const struct fog_sign_item item = {sig, pk, msg, len};
	_Alignas(64) u8 memory[STACK_SIZE_ONE];
	int result;

	FOG_ASSERT(fog_sign_memory_size(1) <= sizeof(memory));
	fog_sign_verify_in(memory, 1, &item, 1, &result);
	return result;
}
