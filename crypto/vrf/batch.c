/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs in batch form: with U and V at hand a proof is two linear equations, and the sum of many
 * equations with random factors is one (Badertscher, Gazi, Querejeta-Azurmendi and Russell, "On UC-
 * secure range extension and batch verification for ECVRF", 2022). */
#include "crypto/vrf/internal.h"

#include "crypto/curve/batch.h"
#include "crypto/curve/curve.h"
#include "crypto/random/random.h"

#include <errno.h>

/* The points of a place, in this order. H is computed, the others come encoded. */
enum { KEY, U, GAMMA, V, ENCODED, H = ENCODED, POINTS };

struct batch {
	struct fog_ge_niels *point; /* POINTS * capacity + 1 */
	struct fog_sc *factor;      /* the same */
	struct fog_sc *base;        /* factor of the base point, per place */
	struct fog_sc *s;
	struct fog_ge_ext *ext; /* H, then 8 Gamma */
	struct fog_ge_affine *affine;
	struct fog_ge_niels *decoded; /* ENCODED * capacity */
	const u8 **encoding;          /* ENCODED * capacity */
	bool *good;                   /* the same; of points, then of places */
	u8 (*bytes)[32];
	const struct fog_vrf_item **item;
	unsigned *pending; /* places without H yet */
	void *scratch;
	unsigned count;
};

static size_t batch_init(struct batch *b, void *memory, unsigned capacity)
{
	uintptr_t base = (uintptr_t)memory;
	size_t at = 0, n = capacity, points = POINTS * n + 1;

	b->point = (void *)(base + fog_batch_take(&at, points * sizeof(*b->point)));
	b->factor = (void *)(base + fog_batch_take(&at, points * sizeof(*b->factor)));
	b->base = (void *)(base + fog_batch_take(&at, n * sizeof(*b->base)));
	b->s = (void *)(base + fog_batch_take(&at, n * sizeof(*b->s)));
	b->ext = (void *)(base + fog_batch_take(&at, n * sizeof(*b->ext)));
	b->affine = (void *)(base + fog_batch_take(&at, n * sizeof(*b->affine)));
	b->decoded = (void *)(base + fog_batch_take(&at, ENCODED * n * sizeof(*b->decoded)));
	b->encoding = (void *)(base + fog_batch_take(&at, ENCODED * n * sizeof(*b->encoding)));
	b->good = (void *)(base + fog_batch_take(&at, ENCODED * n * sizeof(*b->good)));
	b->bytes = (void *)(base + fog_batch_take(&at, n * sizeof(*b->bytes)));
	b->item = (void *)(base + fog_batch_take(&at, n * sizeof(*b->item)));
	b->pending = (void *)(base + fog_batch_take(&at, n * sizeof(*b->pending)));
	b->scratch = (void *)(base + at);
	fog_batch_take(&at, fog_msm_scratch_size((unsigned)points));
	b->count = 0;
	return at;
}

static struct fog_vrf_input input(const struct fog_vrf_item *item)
{
	return (struct fog_vrf_input){item->suite, item->pk, item->alpha, item->len};
}

/* What the bytes alone tell. */
static int item_check(const struct fog_vrf_item *item)
{
	const struct fog_vrf_input in = input(item);
	int rc = fog_vrf_input_check(&in);

	if (rc < 0)
		return rc;
	return item->proof[0] == FOG_VRF_BATCH_VERSION && fog_sc_is_canonical(item->proof + 97) &&
			       !fog_ge_is_small_order(item->pk)
		       ? 0
		       : -EBADMSG;
}

/* Gives a place to each item whose encodings are good; result[] becomes an error for all. */
static void batch_fill(struct batch *b, const struct fog_vrf_item *item, unsigned count,
		       int *result)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (item[i].beta != NULL)
			memset(item[i].beta, 0, FOG_VRF_OUTPUT_SIZE);
		result[i] = item_check(&item[i]);
		if (result[i] < 0)
			continue;
		result[i] = -EBADMSG;
		b->item[n] = &item[i];
		b->encoding[ENCODED * n + KEY] = item[i].pk;
		b->encoding[ENCODED * n + GAMMA] = item[i].proof + 1;
		b->encoding[ENCODED * n + U] = item[i].proof + 33;
		b->encoding[ENCODED * n + V] = item[i].proof + 65;
		n++;
	}
	fog_curve->decode_many(b->decoded, b->good, b->encoding, ENCODED * n);
	b->count = 0;
	for (unsigned i = 0; i < n; i++) {
		const bool *good = b->good + ENCODED * i;
		if (!good[KEY] || !good[U] || !good[GAMMA] || !good[V])
			continue;
		unsigned place = b->count++;
		b->item[place] = b->item[i];
		memcpy(&b->point[POINTS * place], &b->decoded[ENCODED * i],
		       ENCODED * sizeof(*b->point));
		fog_sc_load(&b->s[place], b->item[place]->proof + 97);
	}
}

/* Try number ctr of TAI for all places in pending[]; returns how many are still left. */
static unsigned batch_try(struct batch *b, unsigned pending, unsigned ctr)
{
	unsigned left = 0;

	for (unsigned i = 0; i < pending; i++) {
		const struct fog_vrf_input in = input(b->item[b->pending[i]]);
		fog_vrf_try(b->bytes[i], &in, ctr);
		b->encoding[i] = b->bytes[i];
	}
	fog_curve->decode_many(b->decoded, b->good, b->encoding, pending);
	for (unsigned i = 0; i < pending; i++) {
		struct fog_ge_ext *h = &b->ext[b->pending[i]];
		if (b->good[i]) {
			fog_ge_ext_from_niels(h, &b->decoded[i]);
			fog_ge_double(h, h, 3);
		}
		if (!b->good[i] || fog_ge_is_zero(h))
			b->pending[left++] = b->pending[i];
	}
	return left;
}

/* H of all places. One for which TAI finds none - a chance of 2^-256 - has the neutral element, and
 * nobody can prove that his key gave it. */
static void batch_hash(struct batch *b)
{
	unsigned pending = 0;

	for (unsigned i = 0; i < b->count; i++) {
		const struct fog_vrf_input in = input(b->item[i]);
		fog_ge_ext_zero(&b->ext[i]);
		if (in.suite == FOG_VRF_TAI)
			b->pending[pending++] = i;
		else
			(void)fog_vrf_hash_point(&b->ext[i], &in); /* ELL2 cannot fail */
	}
	for (unsigned ctr = 0; pending > 0 && ctr < FOG_VRF_TRIES_MAX; ctr++)
		pending = batch_try(b, pending, ctr);
	fog_ge_normalize(b->affine, b->ext, b->count);
	for (unsigned i = 0; i < b->count; i++) {
		fog_ge_niels_from_affine(&b->point[POINTS * i + H], &b->affine[i]);
		fog_ge_affine_to_bytes(b->bytes[i], &b->affine[i]);
	}
}

/* Challenges, and from them all factors: the first equation times y, the second times z. */
static void batch_factors(struct batch *b)
{
	u8 seed[FOG_RNG_SEED_SIZE];
	struct fog_rng rng;

	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&rng, seed);
	for (unsigned i = 0; i < b->count; i++) {
		const struct fog_vrf_item *item = b->item[i];
		struct fog_sc c = {{0}}, y = {{0}}, z = {{0}}, *f = b->factor + POINTS * i;
		u8 bytes[FOG_VRF_CHALLENGE_SIZE];
		fog_vrf_challenge(bytes, item->suite, item->pk, b->bytes[i], item->proof + 1,
				  item->proof + 33, item->proof + 65);
		memcpy(c.w, bytes, sizeof(bytes));
		fog_rng_bytes(&rng, y.w, 16);
		fog_rng_bytes(&rng, z.w, 16);
		f[U] = y;
		f[V] = z;
		fog_sc_mul(&f[KEY], &y, &c);
		fog_sc_mul(&f[GAMMA], &z, &c);
		fog_sc_mul(&f[H], &z, &b->s[i]);
		fog_sc_negate(&f[H], &f[H]);
		fog_sc_mul(&b->base[i], &y, &b->s[i]);
	}
}

/* The base point takes the place behind the range meanwhile. */
static bool range_holds(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;
	unsigned start = POINTS * first, end = POINTS * (first + count);
	struct fog_ge_niels point = b->point[end];
	struct fog_sc factor = b->factor[end], base = {{0}};
	struct fog_ge_ext sum;

	for (unsigned i = first; i < first + count; i++)
		fog_sc_add(&base, &base, &b->base[i]);
	fog_sc_negate(&b->factor[end], &base);
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

	for (unsigned i = first; i < first + count; i++)
		b->good[i] = range_holds(b, i, 1);
}

/* Writes beta of the good places that want it. */
static void batch_output(struct batch *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->count; i++) {
		if (!b->good[i] || b->item[i]->beta == NULL)
			continue;
		fog_ge_ext_from_niels(&b->ext[n], &b->point[POINTS * i + GAMMA]);
		fog_ge_double(&b->ext[n], &b->ext[n], 3);
		b->item[n++] = b->item[i];
	}
	fog_ge_normalize(b->affine, b->ext, n);
	for (unsigned i = 0; i < n; i++) {
		fog_ge_affine_to_bytes(b->bytes[i], &b->affine[i]);
		fog_vrf_output(b->item[i]->beta, b->item[i]->suite, b->bytes[i]);
	}
}

static void batch_run(struct batch *b, const struct fog_vrf_item *item, unsigned count, int *result)
{
	const struct fog_batch_solver solver = {b, 2, range_holds, range_good, range_check};

	batch_fill(b, item, count, result);
	batch_hash(b);
	batch_factors(b);
	fog_batch_solve(&solver, b->count);
	for (unsigned i = 0; i < b->count; i++)
		if (b->good[i])
			result[b->item[i] - item] = 0;
	batch_output(b);
}

size_t fog_vrf_memory_size(unsigned batch)
{
	struct batch b;

	FOG_ASSERT(batch > 0);
	FOG_ASSERT(batch <= FOG_VRF_BATCH_MAX);
	return batch_init(&b, NULL, batch);
}
_Static_assert(POINTS *FOG_VRF_BATCH_MAX + 1 <= FOG_MSM_POINTS_MAX, "one sum");

void fog_vrf_verify_in(void *memory, unsigned batch, const struct fog_vrf_item *item,
		       unsigned count, int *result)
{
	struct batch b;

	FOG_ASSERT(batch > 0);
	FOG_ASSERT(batch <= FOG_VRF_BATCH_MAX);
	FOG_ASSERT((uintptr_t)memory % 64 == 0);
	batch_init(&b, memory, batch);
	for (unsigned first = 0; first < count; first += batch)
		batch_run(&b, item + first, FOG_MIN(batch, count - first), result + first);
}
