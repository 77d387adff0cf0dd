/* SPDX-License-Identifier: BSD-3-Clause */
/* Verification by the rule of sign.h, in batches. */
#include "crypto/sign/sign.h"

#include "crypto/curve/batch.h"
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

/* Lays the arrays out and returns their size; memory may be NULL when only that is asked for. */
static size_t batch_init(struct batch *b, void *memory, unsigned capacity)
{
	uintptr_t base = (uintptr_t)memory;
	size_t at = 0, points = 2 * (size_t)capacity + 1;

	b->point = (void *)(base + fog_batch_take(&at, points * sizeof(*b->point)));
	b->factor = (void *)(base + fog_batch_take(&at, points * sizeof(*b->factor)));
	b->s = (void *)(base + fog_batch_take(&at, capacity * sizeof(*b->s)));
	b->k = (void *)(base + fog_batch_take(&at, capacity * sizeof(*b->k)));
	b->zs = (void *)(base + fog_batch_take(&at, capacity * sizeof(*b->zs)));
	b->item = (void *)(base + fog_batch_take(&at, capacity * sizeof(*b->item)));
	b->encoding = (void *)(base + fog_batch_take(&at, points * sizeof(*b->encoding)));
	b->good = (void *)(base + fog_batch_take(&at, points * sizeof(*b->good)));
	b->scratch = (void *)(base + at);
	if (capacity >= fog_curve->batch_min)
		fog_batch_take(&at, fog_msm_scratch_size((unsigned)points));
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
static bool range_holds(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;
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

static void range_good(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;

	memset(b->good + first, 1, count * sizeof(*b->good));
}

static void range_check(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;

	fog_curve->check_many(b->good + first, b->point + 2 * first, b->s + first, b->k + first,
			      count);
}

static void batch_run(struct batch *b, const struct fog_sign_item *item, unsigned count,
		      int *result)
{
	const struct fog_batch_solver solver = {b, fog_curve->batch_min, range_holds, range_good,
						range_check};

	batch_fill(b, item, count, result);
	if (b->count >= fog_curve->batch_min)
		batch_randomize(b);
	fog_batch_solve(&solver, b->count);
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
