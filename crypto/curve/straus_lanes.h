/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only, and a template: straus.h in lanes. Each lane sums its share of the
 * products, all lanes double at once, and at the end the lanes' sums are added. Before including,
 * define
 *
 *	LANES			a number of lanes
 *	LANES_ATTR		attribute of every function
 *	G(name)			a function or struct of points, as fog_ge8_ ## name
 *	LANES_LOAD(form, r, p)	the points of a form, niels or cached, at p[0] .. p[LANES - 1]
 *	LANES_STORE(form, p, r)	the other way round; forms ext and cached
 *	LANES_MASK(bits)	the mask of G() of which bit k says lane k
 *	LANES_STRAUS		the name of the function defined here
 *	LANES_SCRATCH		that of the one that tells its scratch memory
 */

/* Points without tables have signed windows of four bits: multiples 0 to 8 are made for each. */
#define POINT_BITS  4
#define POINT_TABLE ((1 << (POINT_BITS - 1)) + 1)
/* Windows of a scalar below 2^128, whose carry may reach one more, and of any. */
#define WINDOWS_SHORT 33
#define WINDOWS_ALL   64
#define AHEAD         6

struct point_group {
	struct fog_ge_row3 multiple[LANES][POINT_TABLE];
	struct fog_sc scalar[LANES]; /* offset, see window.h */
	_Alignas(64) unsigned windows;
};

struct fixed_group {
	const struct fog_ge_niels *multiple[LANES];
	struct fog_sc scalar[LANES]; /* offset */
};

static const struct fog_ge_niels straus_zero = {.ypx = {{1}}, .ymx = {{1}}};

static inline unsigned groups_of(unsigned count, unsigned lanes)
{
	return (count + lanes - 1) / lanes;
}

size_t LANES_SCRATCH(unsigned count)
{
	return groups_of(count, LANES) * sizeof(struct point_group) + count * sizeof(u32);
}

/* Up to LANES of the points that order[] names. */
LANES_ATTR static void point_group_init(struct point_group *g, const struct fog_straus *s,
					const u32 *order, unsigned count)
{
	struct fog_sc zero = {{0}};
	struct G(cached) cached;
	struct G(niels) niels;
	struct G(ext) sum;
	const void *from[LANES];
	void *to[LANES];

	g->windows = WINDOWS_SHORT;
	for (unsigned k = 0; k < LANES; k++) {
		const struct fog_sc *scalar = k < count ? &s->scalar[order[k]] : &zero;
		from[k] = k < count ? &s->point[order[k]] : &straus_zero;
		fog_window_offset(&g->scalar[k], scalar, POINT_BITS);
		if ((scalar->w[2] | scalar->w[3]) != 0)
			g->windows = WINDOWS_ALL;
	}
	LANES_LOAD(niels, &niels, from);
	G(ext_zero)(&sum);
	for (unsigned j = 0; j < POINT_TABLE; j++) {
		if (j == 1)
			G(ext_from_niels)(&sum, &niels);
		else if (j > 1)
			G(add_niels)(&sum, &sum, &niels);
		G(cached_from_ext)(&cached, &sum);
		for (unsigned k = 0; k < LANES; k++)
			to[k] = &g->multiple[k][j];
		LANES_STORE(cached, to, &cached);
	}
}

LANES_ATTR static void point_group_add(struct G(ext) * sum, const struct point_group *g, unsigned i)
{
	struct G(cached) cached;
	const void *p[LANES];
	unsigned negative = 0;

	for (unsigned k = 0; k < LANES; k++) {
		int digit = window_digit(&g->scalar[k], POINT_BITS, i);

		p[k] = &g->multiple[k][digit < 0 ? -digit : digit];
		negative |= (unsigned)(digit < 0) << k;
	}
	LANES_LOAD(cached, &cached, p);
	G(cached_negate)(&cached, LANES_MASK(negative));
	G(add_cached)(sum, sum, &cached);
}

/* The terms of group `number`; each sum has its share of the lanes. */
static void fixed_group_init(struct fixed_group *g, const struct fog_straus *s, unsigned number)
{
	const struct fog_sc zero = {{0}};
	unsigned share = LANES / s->sums;

	for (unsigned k = 0; k < LANES; k++) {
		unsigned sum = k / share, i = number * share + k % share;
		bool some = i < s->terms[sum];

		g->multiple[k] = some ? s->fixed[sum][i].fixed->multiple : &straus_zero;
		fog_window_offset(&g->scalar[k], some ? &s->fixed[sum][i].scalar : &zero,
				  FOG_FIXED_BITS);
	}
}

static inline const struct fog_ge_niels *fixed_at(const struct fixed_group *g, unsigned lane,
						  unsigned i, unsigned *negative)
{
	/* As window_digit() has it. */
	int digit = ((const u8 *)g->scalar[lane].w)[i] - (1 << (FOG_FIXED_BITS - 1));

	*negative |= (unsigned)(digit < 0) << lane;
	return &g->multiple[lane][digit < 0 ? -digit : digit];
}

/* Asks for the points of a group in advance: the tables are larger than the nearer caches. gcc
 * drops calls of functions that do nothing but prefetch, so this one is no call. */
LANES_ATTR __attribute__((always_inline)) static inline void fixed_group_prefetch(
	const struct fixed_group *g, unsigned i)
{
	unsigned negative = 0;

	for (unsigned k = 0; k < LANES; k++) {
		const char *p = (const char *)fixed_at(g, k, i, &negative);

		__builtin_prefetch(p);
		__builtin_prefetch(p + 64);
	}
}

LANES_ATTR static void fixed_group_add(struct G(ext) * sum, const struct fixed_group *g, unsigned i)
{
	struct G(niels) niels;
	const void *p[LANES];
	unsigned negative = 0;

	for (unsigned k = 0; k < LANES; k++)
		p[k] = fixed_at(g, k, i, &negative);
	LANES_LOAD(niels, &niels, p);
	G(niels_negate)(&niels, LANES_MASK(negative));
	G(add_niels)(sum, sum, &niels);
}

/* The points with short scalars first, so that they share groups. */
static void points_order(u32 *order, const struct fog_straus *s)
{
	unsigned n = 0;

	for (unsigned wide = 0; wide < 2; wide++)
		for (unsigned i = 0; i < s->count; i++)
			if (((s->scalar[i].w[2] | s->scalar[i].w[3]) != 0) == wide)
				order[n++] = i;
}

/* Window i of the fixed terms is windows 2 i and 2 i + 1 of the points. */
LANES_ATTR static void windows_run(struct G(ext) * sum, const struct fixed_group *fixed,
				   unsigned fixed_groups, const struct point_group *point,
				   unsigned point_groups)
{
	G(ext_zero)(sum);
	if (fixed_groups + point_groups == 0)
		return;
	for (unsigned i = FOG_FIXED_WINDOWS; i-- > 0;) {
		if (point_groups == 0) {
			G(double)(sum, sum, FOG_FIXED_BITS);
		} else {
			for (unsigned w = 2 * i + 2; w-- > 2 * i;) {
				G(double)(sum, sum, POINT_BITS);
				for (unsigned k = 0; k < point_groups; k++)
					if (w < point[k].windows)
						point_group_add(sum, &point[k], w);
			}
		}
		for (unsigned k = 0; k < fixed_groups; k++) {
			if (k + AHEAD < fixed_groups)
				fixed_group_prefetch(&fixed[k + AHEAD], i);
			else if (i > 0)
				fixed_group_prefetch(&fixed[(k + AHEAD) % fixed_groups], i - 1);
			fixed_group_add(sum, &fixed[k], i);
		}
	}
}

LANES_ATTR void LANES_STRAUS(struct fog_ge_ext out[], const struct fog_straus *s, void *scratch)
{
	struct fixed_group fixed[FOG_STRAUS_FIXED_MAX / (LANES / 2)];
	unsigned fixed_groups = 0, point_groups = groups_of(s->count, LANES);
	struct point_group *point = scratch;
	u32 *order = (u32 *)(point + point_groups);
	struct fog_ge_row3 row[LANES];
	struct fog_ge_ext part;
	struct G(ext) sum;
	void *to[LANES];

	FOG_ASSERT(s->sums == 1 || (s->sums == 2 && s->count == 0));
	for (unsigned j = 0; j < s->sums; j++) {
		FOG_ASSERT(s->terms[j] <= FOG_STRAUS_FIXED_MAX);
		fixed_groups = FOG_MAX(fixed_groups, groups_of(s->terms[j], LANES / s->sums));
	}
	for (unsigned k = 0; k < fixed_groups; k++)
		fixed_group_init(&fixed[k], s, k);
	points_order(order, s);
	for (unsigned k = 0; k < point_groups; k++)
		point_group_init(&point[k], s, order + k * LANES,
				 FOG_MIN(s->count - k * LANES, LANES));
	windows_run(&sum, fixed, fixed_groups, point, point_groups);
	for (unsigned k = 0; k < LANES; k++)
		to[k] = &row[k];
	LANES_STORE(ext, to, &sum);
	for (unsigned j = 0; j < s->sums; j++)
		fog_ge_ext_zero(&out[j]);
	for (unsigned k = 0; k < LANES; k++) {
		unsigned j = k / (LANES / s->sums);
		lanes_get_ext(&part, &row[k]);
		fog_ge_add(&out[j], &out[j], &part);
	}
}
