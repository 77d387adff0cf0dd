/* SPDX-License-Identifier: BSD-3-Clause */
/* Straus' method for few points: shared doublings, a table of odd multiples per point (Straus,
 * "Addition chains of vectors", 1964). Pippenger's for many: points are added to one bucket per
 * digit, no tables (Bernstein, Doumen, Lange and Oosterwijk, "Faster batch forgery identification",
 * 2012, section 4). */
#include "crypto/curve/curve.h"

#include "crypto/curve/window.h"

/* Points per pass of Straus' method, by its stack of 1.5 KiB a point. */
#define STRAUS_MAX 16
/* From here on buckets are faster than passes of Straus' method. */
#define BUCKETS_MIN 90
#define WINDOW_MAX  8

struct straus_point {
	struct fog_ge_cached odd[FOG_NAF_TABLE];
	signed char naf[FOG_NAF_DIGITS];
};

static void straus_prepare(struct straus_point *s, const struct fog_ge_niels *point,
			   const struct fog_sc *scalar)
{
	struct fog_ge_ext p, twice;
	struct fog_ge_cached step;

	fog_naf_expand(s->naf, scalar);
	fog_ge_ext_from_niels(&p, point);
	fog_ge_double(&twice, &p, 1);
	fog_ge_cached_from_ext(&step, &twice);
	for (unsigned i = 0; i < FOG_NAF_TABLE; i++) {
		fog_ge_cached_from_ext(&s->odd[i], &p);
		fog_ge_add_cached(&p, &p, &step);
	}
}

static void straus(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		   const struct fog_sc *scalar, unsigned count)
{
	struct straus_point s[STRAUS_MAX];
	struct fog_ge_cached c;
	unsigned pending = 0; /* doublings not done yet: they cost less in a row */

	for (unsigned k = 0; k < count; k++)
		straus_prepare(&s[k], &point[k], &scalar[k]);
	fog_ge_ext_zero(sum);
	for (unsigned i = FOG_NAF_DIGITS; i-- > 0;) {
		pending++;
		for (unsigned k = 0; k < count; k++) {
			int digit = s[k].naf[i];
			if (digit == 0)
				continue;
			if (pending > 0)
				fog_ge_double(sum, sum, pending);
			pending = 0;
			c = s[k].odd[abs(digit) / 2];
			fog_ge_cached_negate(&c, digit < 0);
			fog_ge_add_cached(sum, sum, &c);
		}
	}
	if (pending > 0)
		fog_ge_double(sum, sum, pending);
}

static unsigned window_choose(unsigned count)
{
	return count < 180 ? 6 : count < 500 ? 7 : WINDOW_MAX;
}

/* sum += the sum of j * bucket j, by running sums from the highest. */
static void buckets_sum(struct fog_ge_ext *sum, const struct fog_ge_ext *bucket, unsigned count)
{
	struct fog_ge_ext running, total;

	fog_ge_ext_zero(&running);
	fog_ge_ext_zero(&total);
	for (unsigned j = count; j-- > 0;) {
		fog_ge_add(&running, &running, &bucket[j]);
		fog_ge_add(&total, &total, &running);
	}
	fog_ge_add(sum, sum, &total);
}

static void buckets(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		    const struct fog_sc *scalar, unsigned count)
{
	struct fog_ge_ext bucket[1 << (WINDOW_MAX - 1)];
	unsigned bits = window_choose(count), half = 1u << (bits - 1);

	fog_ge_ext_zero(sum);
	for (unsigned w = window_count(bits); w-- > 0;) {
		fog_ge_double(sum, sum, bits);
		for (unsigned j = 0; j < half; j++)
			fog_ge_ext_zero(&bucket[j]);
		for (unsigned k = 0; k < count; k++) {
			struct fog_sc offset;
			fog_window_offset(&offset, &scalar[k], bits);
			int digit = window_digit(&offset, bits, w);
			if (digit == 0)
				continue;
			struct fog_ge_niels p = point[k];
			struct fog_ge_ext *b = &bucket[abs(digit) - 1];
			fog_ge_niels_negate(&p, digit < 0);
			fog_ge_add_niels(b, b, &p);
		}
		buckets_sum(sum, bucket, half);
	}
}

void fog_portable_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		      const struct fog_sc *scalar, unsigned count, void *scratch)
{
	struct fog_ge_ext part;

	(void)scratch;
	if (count >= BUCKETS_MIN) {
		buckets(sum, point, scalar, count);
		return;
	}
	fog_ge_ext_zero(sum);
	for (unsigned first = 0; first < count; first += STRAUS_MAX) {
		straus(&part, point + first, scalar + first, FOG_MIN(count - first, STRAUS_MAX));
		fog_ge_add(sum, sum, &part);
	}
}
