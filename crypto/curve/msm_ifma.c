/* SPDX-License-Identifier: BSD-3-Clause */
/* Pippenger's method in lanes of eight. For one window of all scalars at a time the points are
 * sorted by digit, and then a lane belongs to a bucket: it adds that bucket's points in registers,
 * so that a point is read once and nothing is written until the bucket is full. Buckets of nearly
 * equal size share a group of lanes, which leaves few lanes idle. Lanes that belong to windows
 * instead would need no sorting, but load and store a bucket for every point. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/lanes.h"
#include "crypto/curve/straus.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

#define BUCKETS_MAX (1 << (FOG_MSM_WINDOW_MAX - 1))
#define BITS_MIN    5
#define WINDOWS_MAX 52
#define NEGATIVE    (1u << 31)
/* Sizes of buckets that the sort by size tells apart. */
#define SIZES 128

/* Points up to which Straus' method is asked, and half scalars up to which it is faster. */
#define STRAUS_MAX    192
#define STRAUS_HALVES 280

/* The sums that a window leaves in each lane, whose buckets are a run of 1/8 of all. */
struct window_sums {
	struct fog_ge_row3 plain[FE8_LANES];    /* of the buckets */
	struct fog_ge_row3 weighted[FE8_LANES]; /* of j times bucket j of the run, j from 1 */
};

struct msm {
	struct fog_ge_row3 window[WINDOWS_MAX + FE8_LANES];
	struct window_sums sums[FE8_LANES]; /* of eight windows at a time */
	_Alignas(64) struct fog_ge_niels zero;
	const struct fog_ge_niels *point;
	unsigned count;
	unsigned bits;
	unsigned buckets;
	u32 start[BUCKETS_MAX + 1]; /* of each bucket's run in order[] */
	u16 by_size[BUCKETS_MAX + FE8_LANES];
	/* Behind this struct: */
	struct fog_ge_row3 *bucket; /* one per size of digit */
	u64 *word[4];               /* the points' scalars, offset, by word */
	u32 *digit;                 /* point and sign of those not zero */
	u16 *size;                  /* the digit's size */
	u32 *order;                 /* the same sorted */
};

static unsigned bits_choose(unsigned count)
{
	static const struct {
		unsigned count, bits;
	} table[] = {{120, 5}, {400, 6}, {1000, 7}, {3500, 8}, {9000, 9}, {20000, 10}};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++)
		if (count < table[i].count)
			return table[i].bits;
	return FOG_MSM_WINDOW_MAX;
}

static size_t padded(unsigned count)
{
	return (count + 15) & ~15u;
}

size_t fog_ifma_msm_scratch_size(unsigned count)
{
	size_t size = sizeof(struct msm) +
		      (sizeof(struct fog_ge_row3) << (bits_choose(count) - 1)) +
		      padded(count) * (4 * sizeof(u64) + 2 * sizeof(u32) + sizeof(u16));

	/* Memory for many points also serves fewer. */
	return FOG_MAX(size, fog_ifma_straus_scratch_size(FOG_MIN(count, STRAUS_MAX)));
}

static struct msm *msm_init(void *scratch, const struct fog_ge_niels *point,
			    const struct fog_sc *scalar, unsigned count)
{
	struct msm *m = scratch;
	u8 *behind = (u8 *)(m + 1);
	size_t n = padded(count);

	m->point = point;
	m->count = count;
	m->bits = bits_choose(count);
	m->buckets = 1u << (m->bits - 1);
	fog_ge_niels_zero(&m->zero);
	m->bucket = (void *)behind;
	behind += m->buckets * sizeof(*m->bucket);
	for (unsigned i = 0; i < 4; i++, behind += n * sizeof(u64))
		m->word[i] = (void *)behind;
	m->digit = (void *)behind;
	m->order = m->digit + n;
	m->size = (void *)(m->order + n);
	for (unsigned k = 0; k < n; k++) {
		struct fog_sc t = {{0}};
		/* Those past the end count as zero. */
		fog_window_offset(&t, k < count ? &scalar[k] : &(struct fog_sc){{0}}, m->bits);
		for (unsigned i = 0; i < 4; i++)
			m->word[i][k] = t.w[i];
	}
	return m;
}

/* Writes the digits of window w that are not zero to digit[] and size[]; returns their count. */
FOG_IFMA static unsigned digits_collect(struct msm *m, unsigned w)
{
	unsigned at = w * m->bits, word = at / 64, shift = at % 64, n = 0;
	bool straddles = shift + m->bits > 64 && word < 3;
	const __m512i mask = _mm512_set1_epi64((1 << m->bits) - 1);
	const __m512i half = _mm512_set1_epi64(at + m->bits <= 256 ? 1 << (m->bits - 1) : 0);
	const __m128i right = _mm_cvtsi32_si128((int)shift);
	const __m128i left = _mm_cvtsi32_si128((int)(64 - shift));
	__m512i index = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);

	for (unsigned k = 0; k < m->count; k += 8) {
		__m512i v = _mm512_srl_epi64(_mm512_loadu_si512(m->word[word] + k), right);
		if (straddles)
			v = _mm512_or_si512(
				v,
				_mm512_sll_epi64(_mm512_loadu_si512(m->word[word + 1] + k), left));
		v = _mm512_sub_epi64(_mm512_and_si512(v, mask), half);
		__mmask8 some = _mm512_test_epi64_mask(v, v);
		__m512i sign = _mm512_slli_epi64(_mm512_srli_epi64(v, 63), 31);
		__m512i size = _mm512_maskz_compress_epi64(some, _mm512_abs_epi64(v));
		__m512i digit = _mm512_maskz_compress_epi64(some, _mm512_or_si512(index, sign));
		_mm256_storeu_si256((__m256i *)(m->digit + n), _mm512_cvtepi64_epi32(digit));
		_mm_storeu_si128((__m128i *)(m->size + n), _mm512_cvtepi64_epi16(size));
		n += (unsigned)__builtin_popcount(some);
		index = _mm512_add_epi64(index, _mm512_set1_epi64(8));
	}
	return n;
}

/* Sorts the n digits by size: those of bucket j are order[start[j]] to order[start[j + 1] - 1]. */
static void digits_sort(struct msm *m, unsigned n)
{
	u32 next[BUCKETS_MAX];
	u32 at = 0;

	memset(next, 0, m->buckets * sizeof(*next));
	for (unsigned i = 0; i < n; i++)
		next[m->size[i] - 1]++;
	for (unsigned j = 0; j < m->buckets; j++) {
		u32 size = next[j];
		m->start[j] = next[j] = at;
		at += size;
	}
	m->start[m->buckets] = at;
	for (unsigned i = 0; i < n; i++)
		m->order[next[m->size[i] - 1]++] = m->digit[i];
}

/* Lists the buckets by falling size. */
static void buckets_sort(struct msm *m)
{
	unsigned next[SIZES] = {0}, at = 0;

	for (unsigned j = 0; j < m->buckets; j++)
		next[FOG_MIN(m->start[j + 1] - m->start[j], SIZES - 1)]++;
	for (unsigned s = SIZES; s-- > 0;) {
		unsigned size = next[s];
		next[s] = at;
		at += size;
	}
	for (unsigned j = 0; j < m->buckets; j++)
		m->by_size[next[FOG_MIN(m->start[j + 1] - m->start[j], SIZES - 1)]++] = (u16)j;
}

/* Fills the eight buckets id[]. */
FOG_IFMA static void group_fill(struct msm *m, const u16 id[8])
{
	const u32 *next[8], *end[8];
	struct fog_ge8_niels n;
	struct fog_ge8_ext sum;
	unsigned steps = 0;
	const void *p[8];
	void *to[8];

	for (unsigned k = 0; k < FE8_LANES; k++) {
		next[k] = m->order + m->start[id[k]];
		end[k] = m->order + m->start[id[k] + 1];
		steps = FOG_MAX(steps, (unsigned)(end[k] - next[k]));
		to[k] = &m->bucket[id[k]];
	}
	fog_ge8_ext_zero(&sum);
	for (unsigned i = 0; i < steps; i++) {
		__mmask8 negative = 0;
		for (unsigned k = 0; k < FE8_LANES; k++) {
			u32 d = next[k] < end[k] ? *next[k] : NEGATIVE - 1;
			p[k] = d == NEGATIVE - 1 ? &m->zero : &m->point[d & ~NEGATIVE];
			negative |= (d >> 31) << k;
			next[k]++;
		}
		lanes_load_niels(&n, p);
		fog_ge8_niels_negate(&n, negative);
		if (i == 0)
			fog_ge8_ext_from_niels(&sum, &n);
		else
			fog_ge8_add_niels(&sum, &sum, &n);
	}
	lanes_store_ext(to, &sum);
}

/* Running sums over the buckets; lane k has the k-th run of 1/8 of them. */
FOG_IFMA static void buckets_sum(struct msm *m, struct window_sums *out)
{
	unsigned run = m->buckets / FE8_LANES;
	struct fog_ge8_ext bucket, plain, weighted;
	const void *p[8];
	void *to[8];

	fog_ge8_ext_zero(&plain);
	fog_ge8_ext_zero(&weighted);
	for (unsigned j = run; j-- > 0;) {
		for (unsigned k = 0; k < FE8_LANES; k++)
			p[k] = &m->bucket[k * run + j];
		lanes_load_ext(&bucket, p);
		fog_ge8_add(&plain, &plain, &bucket);
		fog_ge8_add(&weighted, &weighted, &plain);
	}
	for (unsigned k = 0; k < FE8_LANES; k++)
		to[k] = &out->plain[k];
	lanes_store_ext(to, &plain);
	for (unsigned k = 0; k < FE8_LANES; k++)
		to[k] = &out->weighted[k];
	lanes_store_ext(to, &weighted);
}

/* Joins the lanes' sums of eight windows, now one window per lane: bucket k * run + j weighs k *
 * run more than the j of its run. Writes windows first to first + 7. */
FOG_IFMA static void windows_join(struct msm *m, unsigned first)
{
	struct fog_ge8_ext part, plain, above, sum;
	unsigned run_bits = m->bits - 1 - 3;
	const void *p[8];
	void *to[8];

	fog_ge8_ext_zero(&plain);
	fog_ge8_ext_zero(&above);
	fog_ge8_ext_zero(&sum);
	for (unsigned k = FE8_LANES; k-- > 0;) {
		for (unsigned w = 0; w < FE8_LANES; w++)
			p[w] = &m->sums[w].weighted[k];
		lanes_load_ext(&part, p);
		fog_ge8_add(&sum, &sum, &part);
		if (k == 0)
			break;
		for (unsigned w = 0; w < FE8_LANES; w++)
			p[w] = &m->sums[w].plain[k];
		lanes_load_ext(&part, p);
		fog_ge8_add(&plain, &plain, &part);
		fog_ge8_add(&above, &above, &plain);
	}
	if (run_bits > 0)
		fog_ge8_double(&above, &above, run_bits);
	fog_ge8_add(&sum, &sum, &above);
	for (unsigned w = 0; w < FE8_LANES; w++)
		to[w] = &m->window[first + w];
	lanes_store_ext(to, &sum);
}

FOG_IFMA static void window_sum(struct msm *m, unsigned w)
{
	unsigned n = digits_collect(m, w);

	digits_sort(m, n);
	buckets_sort(m);
	for (unsigned j = 0; j < m->buckets; j += FE8_LANES)
		group_fill(m, m->by_size + j);
	buckets_sum(m, &m->sums[w % FE8_LANES]);
}

/* By what was measured: one doubling row and tables for few points, buckets for many. Short
 * scalars make half the work there. */
static bool is_for_straus(const struct fog_sc *scalar, unsigned count)
{
	unsigned halves = 0;

	if (count > STRAUS_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		halves += (scalar[i].w[2] | scalar[i].w[3]) != 0 ? 2 : 1;
	return halves <= STRAUS_HALVES;
}

void fog_ifma_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		  const struct fog_sc *scalar, unsigned count, void *scratch)
{
	if (is_for_straus(scalar, count)) {
		const struct fog_straus s = {
			.sums = 1, .point = point, .scalar = scalar, .count = count};
		fog_ifma_straus(sum, &s, scratch);
		return;
	}
	struct msm *m = msm_init(scratch, point, scalar, count);
	unsigned windows = window_count(m->bits);
	struct fog_ge_ext part;

	for (unsigned w = 0; w < windows; w++) {
		window_sum(m, w);
		if (w % FE8_LANES == FE8_LANES - 1 || w + 1 == windows)
			windows_join(m, w - w % FE8_LANES);
	}
	fog_ge_ext_zero(sum);
	for (unsigned w = windows; w-- > 0;) {
		fog_ge_double(sum, sum, m->bits);
		lanes_get_ext(&part, &m->window[w]);
		fog_ge_add(sum, sum, &part);
	}
}

#endif
