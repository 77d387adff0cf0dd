/* SPDX-License-Identifier: BSD-3-Clause */
/* Verification by the rule of sign.h, in batches. Signatures of one signer share the decoding of
 * their key and its term of the sum. */
#include "crypto/sign/sign.h"

#include "crypto/curve/batch.h"
#include "crypto/curve/curve.h"
#include "crypto/random/random.h"

#include <errno.h>

/* Of fog_sign_verify_many() and fog_sign_verify(), checked against every path where they run. */
#define STACK_SIZE     (352 * 1024)
#define STACK_SIZE_ONE (3 * 1024)

#define NONE UINT32_MAX

/* A batch under work. A place is an item that has passed points 1 to 3 of the rule. */
struct batch {
	struct fog_ge_niels *r;   /* 2 * capacity: of places, then those of key[] */
	struct fog_ge_niels *key; /* the different ones */
	bool *good;               /* of places; while decoding, of points */
	u32 *key_of;              /* place's index in key[] */
	struct fog_sc *s;         /* of places, as are k, z, z k and z s */
	struct fog_sc *k;
	struct fog_sc *z;
	struct fog_sc *zk;
	struct fog_sc *zs;
	const struct fog_sign_item **item;
	/* Input of a sum or check, put together for each range: */
	struct fog_ge_niels *point; /* 2 * capacity + 1 */
	struct fog_sc *factor;      /* the same */
	u32 *term;                  /* of key[]: its index in point[], or NONE */
	/* While decoding: */
	const u8 **encoding; /* 2 * capacity: every R, then the keys */
	struct fog_batch_keys keys;
	void *scratch;
	unsigned count; /* of places */
};

/* Lays the arrays out and returns their size; memory may be NULL when only that is asked for. */
static size_t batch_init(struct batch *b, void *memory, unsigned capacity)
{
	uintptr_t base = (uintptr_t)memory;
	size_t at = 0, n = capacity, points = 2 * n + 1;

	b->r = (void *)(base + fog_batch_take(&at, 2 * n * sizeof(*b->r)));
	b->good = (void *)(base + fog_batch_take(&at, 2 * n * sizeof(*b->good)));
	b->key_of = (void *)(base + fog_batch_take(&at, n * sizeof(*b->key_of)));
	b->s = (void *)(base + fog_batch_take(&at, n * sizeof(*b->s)));
	b->k = (void *)(base + fog_batch_take(&at, n * sizeof(*b->k)));
	b->z = (void *)(base + fog_batch_take(&at, n * sizeof(*b->z)));
	b->zk = (void *)(base + fog_batch_take(&at, n * sizeof(*b->zk)));
	b->zs = (void *)(base + fog_batch_take(&at, n * sizeof(*b->zs)));
	b->item = (void *)(base + fog_batch_take(&at, n * sizeof(*b->item)));
	b->point = (void *)(base + fog_batch_take(&at, points * sizeof(*b->point)));
	b->factor = (void *)(base + fog_batch_take(&at, points * sizeof(*b->factor)));
	b->term = (void *)(base + fog_batch_take(&at, n * sizeof(*b->term)));
	b->encoding = (void *)(base + fog_batch_take(&at, 2 * n * sizeof(*b->encoding)));
	fog_batch_keys_init(&b->keys, memory, &at, capacity);
	b->scratch = (void *)(base + at);
	if (capacity >= fog_curve->batch_min)
		fog_batch_take(&at, fog_msm_scratch_size((unsigned)points));
	b->key = NULL;
	return at;
}

/* Points 1 and 3 of the rule, which need the bytes only. */
static bool is_plausible(const struct fog_sign_item *item)
{
	return fog_sc_is_canonical(item->sig + 32) && !fog_ge_is_small_order(item->pk) &&
	       !fog_ge_is_small_order(item->sig);
}

/* Lists the plausible of `count` items and their different keys; result[] becomes -EBADMSG for all.
 * Returns how many there are. */
static unsigned batch_list(struct batch *b, const struct fog_sign_item *item, unsigned count,
			   int *result)
{
	unsigned n = 0;

	fog_batch_keys_clear(&b->keys, b->encoding + count);
	for (unsigned i = 0; i < count; i++) {
		result[i] = -EBADMSG;
		if (!is_plausible(&item[i]))
			continue;
		b->item[n] = &item[i];
		b->encoding[n] = item[i].sig;
		b->key_of[n++] = fog_batch_keys_find(&b->keys, item[i].pk);
	}
	return n;
}

/* Decodes and gives a place to each item whose points are good. count is at most the capacity. */
static void batch_fill(struct batch *b, const struct fog_sign_item *item, unsigned count,
		       int *result)
{
	unsigned n = batch_list(b, item, count, result);
	bool *key_good = b->good + n;

	b->key = b->r + n;
	memmove(b->encoding + n, b->encoding + count, b->keys.count * sizeof(*b->encoding));
	fog_curve->decode_many(b->r, b->good, b->encoding, n + b->keys.count);
	b->count = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!b->good[i] || !key_good[b->key_of[i]])
			continue;
		unsigned place = b->count++;
		b->item[place] = b->item[i];
		b->r[place] = b->r[i];
		b->key_of[place] = b->key_of[i];
		fog_sc_load(&b->s[place], b->item[place]->sig + 32);
	}
	fog_curve->challenge_many(b->k, b->item, b->count);
	memset(b->term, 0xff, b->keys.count * sizeof(*b->term));
}

/* Draws the random factors z. */
static void batch_randomize(struct batch *b)
{
	u8 seed[FOG_RNG_SEED_SIZE];
	struct fog_rng rng;

	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&rng, seed);
	for (unsigned i = 0; i < b->count; i++) {
		b->z[i] = (struct fog_sc){{0}};
		fog_rng_bytes(&rng, b->z[i].w, 16);
		fog_sc_mul(&b->zk[i], &b->z[i], &b->k[i]);
		fog_sc_mul(&b->zs[i], &b->z[i], &b->s[i]);
	}
}

/* One equation for a range: the sum of z R and z k A, the latter once per key, less that of z s
 * times the base point. */
static bool range_holds(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;
	struct fog_sc zs = {{0}};
	struct fog_ge_ext sum;
	unsigned n = 0;

	for (unsigned i = first; i < first + count; i++) {
		u32 *term = &b->term[b->key_of[i]];
		fog_sc_add(&zs, &zs, &b->zs[i]);
		b->point[n] = b->r[i];
		b->factor[n++] = b->z[i];
		if (*term != NONE) {
			fog_sc_add(&b->factor[*term], &b->factor[*term], &b->zk[i]);
			continue;
		}
		*term = n;
		b->point[n] = b->key[b->key_of[i]];
		b->factor[n++] = b->zk[i];
	}
	for (unsigned i = first; i < first + count; i++)
		b->term[b->key_of[i]] = NONE;
	b->point[n] = fog_ge_base_multiple[0];
	fog_sc_negate(&b->factor[n++], &zs);
	fog_msm(&sum, b->point, b->factor, n, b->scratch);
	fog_ge_double(&sum, &sum, 3);
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

	for (unsigned i = 0; i < count; i++) {
		b->point[2 * i] = b->key[b->key_of[first + i]];
		b->point[2 * i + 1] = b->r[first + i];
	}
	fog_curve->check_many(b->good + first, b->point, b->s + first, b->k + first, count);
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
