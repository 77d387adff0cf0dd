/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs in batch form: with U and V at hand a proof is two linear equations, and the sum of many
 * equations with random factors is one (Badertscher, Gazi, Querejeta-Azurmendi and Russell, "On UC-
 * secure range extension and batch verification for ECVRF", 2022). */
#include "crypto/vrf/internal.h"

#include "crypto/curve/batch.h"
#include "crypto/curve/curve.h"
#include "crypto/random/random.h"

#include <errno.h>

/* The points of a place, in this order, beside its key. H is computed, the others come encoded. */
enum { U, GAMMA, V, ENCODED, H = ENCODED, POINTS };

/* Digests at a time. */
#define HASHES 8
#define NONE   UINT32_MAX

struct batch {
	struct fog_ge_niels *point; /* POINTS * capacity */
	struct fog_sc *factor;      /* the same */
	struct fog_ge_niels *key;   /* the different ones */
	u32 *key_of;                /* place's index in key[] */
	struct fog_sc *key_factor;  /* of places */
	struct fog_sc *base;        /* factor of the base point, of places */
	struct fog_sc *s;           /* of places */
	/* Input of a sum, put together for each range: */
	struct fog_ge_niels *sum_point; /* (POINTS + 1) * capacity + 1 */
	struct fog_sc *sum_factor;      /* the same */
	u32 *term;                      /* of key[]: its index in sum_point[], or NONE */
	struct fog_ge_ext *ext;         /* H, then 8 Gamma */
	struct fog_ge_affine *affine;
	struct fog_ge_niels *decoded; /* (ENCODED + 1) * capacity: of places, then the keys */
	const u8 **encoding;          /* the same */
	bool *good;                   /* the same; of points, then of places */
	u8 (*bytes)[32];
	const struct fog_vrf_item **item;
	unsigned *pending; /* places without H yet */
	struct fog_batch_keys keys;
	void *scratch;
	unsigned count;
};

static size_t batch_init(struct batch *b, void *memory, unsigned capacity)
{
	uintptr_t base = (uintptr_t)memory;
	size_t at = 0, n = capacity, sum = (POINTS + 1) * n + 1, decoded = (ENCODED + 1) * n;

	b->point = (void *)(base + fog_batch_take(&at, POINTS * n * sizeof(*b->point)));
	b->factor = (void *)(base + fog_batch_take(&at, POINTS * n * sizeof(*b->factor)));
	b->key = (void *)(base + fog_batch_take(&at, n * sizeof(*b->key)));
	b->key_of = (void *)(base + fog_batch_take(&at, n * sizeof(*b->key_of)));
	b->key_factor = (void *)(base + fog_batch_take(&at, n * sizeof(*b->key_factor)));
	b->base = (void *)(base + fog_batch_take(&at, n * sizeof(*b->base)));
	b->s = (void *)(base + fog_batch_take(&at, n * sizeof(*b->s)));
	b->sum_point = (void *)(base + fog_batch_take(&at, sum * sizeof(*b->sum_point)));
	b->sum_factor = (void *)(base + fog_batch_take(&at, sum * sizeof(*b->sum_factor)));
	b->term = (void *)(base + fog_batch_take(&at, n * sizeof(*b->term)));
	b->ext = (void *)(base + fog_batch_take(&at, n * sizeof(*b->ext)));
	b->affine = (void *)(base + fog_batch_take(&at, n * sizeof(*b->affine)));
	b->decoded = (void *)(base + fog_batch_take(&at, decoded * sizeof(*b->decoded)));
	b->encoding = (void *)(base + fog_batch_take(&at, decoded * sizeof(*b->encoding)));
	b->good = (void *)(base + fog_batch_take(&at, decoded * sizeof(*b->good)));
	b->bytes = (void *)(base + fog_batch_take(&at, n * sizeof(*b->bytes)));
	b->item = (void *)(base + fog_batch_take(&at, n * sizeof(*b->item)));
	b->pending = (void *)(base + fog_batch_take(&at, n * sizeof(*b->pending)));
	fog_batch_keys_init(&b->keys, memory, &at, capacity);
	b->scratch = (void *)(base + at);
	fog_batch_take(&at, fog_msm_scratch_size((unsigned)sum));
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

/* Lists the items whose bytes are good, their points and their different keys; result[] becomes an
 * error for all. Returns how many there are. */
static unsigned batch_list(struct batch *b, const struct fog_vrf_item *item, unsigned count,
			   int *result)
{
	unsigned n = 0;

	fog_batch_keys_clear(&b->keys, b->encoding + (size_t)ENCODED * count);
	for (unsigned i = 0; i < count; i++) {
		if (item[i].beta != NULL)
			memset(item[i].beta, 0, FOG_VRF_OUTPUT_SIZE);
		result[i] = item_check(&item[i]);
		if (result[i] < 0)
			continue;
		result[i] = -EBADMSG;
		b->item[n] = &item[i];
		b->key_of[n] = fog_batch_keys_find(&b->keys, item[i].pk);
		b->encoding[ENCODED * n + GAMMA] = item[i].proof + 1;
		b->encoding[ENCODED * n + U] = item[i].proof + 33;
		b->encoding[ENCODED * n + V] = item[i].proof + 65;
		n++;
	}
	memmove(b->encoding + (size_t)ENCODED * n, b->keys.encoding,
		b->keys.count * sizeof(*b->encoding));
	return n;
}

/* Gives a place to each item whose encodings are good. */
static void batch_fill(struct batch *b, const struct fog_vrf_item *item, unsigned count,
		       int *result)
{
	unsigned n = batch_list(b, item, count, result);
	const bool *key_good = b->good + (size_t)ENCODED * n;

	fog_curve->decode_many(b->decoded, b->good, b->encoding, ENCODED * n + b->keys.count);
	memcpy(b->key, b->decoded + (size_t)ENCODED * n, b->keys.count * sizeof(*b->key));
	memset(b->term, 0xff, b->keys.count * sizeof(*b->term));
	b->count = 0;
	for (unsigned i = 0; i < n; i++) {
		const bool *good = b->good + (size_t)ENCODED * i;
		if (!key_good[b->key_of[i]] || !good[U] || !good[GAMMA] || !good[V])
			continue;
		unsigned place = b->count++;
		b->item[place] = b->item[i];
		b->key_of[place] = b->key_of[i];
		memcpy(&b->point[POINTS * place], &b->decoded[ENCODED * i],
		       ENCODED * sizeof(*b->point));
		fog_sc_load(&b->s[place], b->item[place]->proof + 97);
	}
}

/* Try number ctr of TAI for up to HASHES places. Long texts would keep the others waiting. */
static void tries_hash(const struct batch *b, const unsigned *place, unsigned count, unsigned ctr,
		       u8 (*out)[32])
{
	u8 text[HASHES][FOG_VRF_TRY_TEXT_MAX], digest[HASHES][64];
	unsigned to[HASHES], n = 0;
	const u8 *from[HASHES];
	size_t len[HASHES];

	for (unsigned i = 0; i < count; i++) {
		const struct fog_vrf_input in = input(b->item[place[i]]);
		if (in.len > FOG_VRF_TRY_ALPHA_MAX) {
			fog_vrf_try(out[i], &in, ctr);
			continue;
		}
		len[n] = fog_vrf_try_text(text[n], &in, ctr);
		from[n] = text[n];
		to[n++] = i;
	}
	fog_curve->digest_many(digest, from, len, n);
	for (unsigned i = 0; i < n; i++)
		memcpy(out[to[i]], digest[i], 32);
}

/* Try number ctr of TAI for all places in pending[]; returns how many are still left. */
static unsigned batch_try(struct batch *b, unsigned pending, unsigned ctr)
{
	unsigned left = 0;

	for (unsigned i = 0; i < pending; i += HASHES)
		tries_hash(b, b->pending + i, FOG_MIN(pending - i, HASHES), ctr, b->bytes + i);
	for (unsigned i = 0; i < pending; i++)
		b->encoding[i] = b->bytes[i];
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

/* Of up to HASHES places. */
static void challenges_hash(const struct batch *b, unsigned first, unsigned count, struct fog_sc *c)
{
	u8 text[HASHES][FOG_VRF_CHALLENGE_TEXT], digest[HASHES][64];
	const u8 *from[HASHES];
	size_t len[HASHES];

	for (unsigned i = 0; i < count; i++) {
		const struct fog_vrf_item *item = b->item[first + i];
		fog_vrf_challenge_text(text[i], item->suite, item->pk, b->bytes[first + i],
				       item->proof + 1, item->proof + 33, item->proof + 65);
		from[i] = text[i];
		len[i] = sizeof(text[i]);
	}
	fog_curve->digest_many(digest, from, len, count);
	for (unsigned i = 0; i < count; i++) {
		c[i] = (struct fog_sc){{0}};
		memcpy(c[i].w, digest[i], FOG_VRF_CHALLENGE_SIZE);
	}
}

/* Challenges, and from them all factors: the first equation times y, the second times z. */
static void batch_factors(struct batch *b)
{
	u8 seed[FOG_RNG_SEED_SIZE];
	struct fog_sc c[HASHES];
	struct fog_rng rng;

	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&rng, seed);
	for (unsigned i = 0; i < b->count; i++) {
		struct fog_sc y = {{0}}, z = {{0}}, *f = b->factor + (size_t)POINTS * i;
		if (i % HASHES == 0)
			challenges_hash(b, i, FOG_MIN(b->count - i, HASHES), c);
		fog_rng_bytes(&rng, y.w, 16);
		fog_rng_bytes(&rng, z.w, 16);
		f[U] = y;
		f[V] = z;
		fog_sc_mul(&b->key_factor[i], &y, &c[i % HASHES]);
		fog_sc_mul(&f[GAMMA], &z, &c[i % HASHES]);
		fog_sc_mul(&f[H], &z, &b->s[i]);
		fog_sc_negate(&f[H], &f[H]);
		fog_sc_mul(&b->base[i], &y, &b->s[i]);
	}
}

/* Each key has one term, however often it is met. */
static bool range_holds(void *batch, unsigned first, unsigned count)
{
	struct batch *b = batch;
	unsigned n = POINTS * count;
	struct fog_sc base = {{0}};
	struct fog_ge_ext sum;

	memcpy(b->sum_point, b->point + (size_t)POINTS * first, n * sizeof(*b->point));
	memcpy(b->sum_factor, b->factor + (size_t)POINTS * first, n * sizeof(*b->factor));
	for (unsigned i = first; i < first + count; i++) {
		u32 *term = &b->term[b->key_of[i]];
		fog_sc_add(&base, &base, &b->base[i]);
		if (*term != NONE) {
			fog_sc_add(&b->sum_factor[*term], &b->sum_factor[*term], &b->key_factor[i]);
			continue;
		}
		*term = n;
		b->sum_point[n] = b->key[b->key_of[i]];
		b->sum_factor[n++] = b->key_factor[i];
	}
	for (unsigned i = first; i < first + count; i++)
		b->term[b->key_of[i]] = NONE;
	b->sum_point[n] = fog_ge_base_multiple[0];
	fog_sc_negate(&b->sum_factor[n++], &base);
	fog_msm(&sum, b->sum_point, b->sum_factor, n, b->scratch);
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
_Static_assert((POINTS + 1) * FOG_VRF_BATCH_MAX + 1 <= FOG_MSM_POINTS_MAX, "one sum");

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
