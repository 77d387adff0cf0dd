/* SPDX-License-Identifier: BSD-3-Clause */
/* Variation operators, see nsga2_variation.h. */
#include "controlplane/scheduler/nsga2_variation.h"

#include <math.h>

#define SAME 1e-14 /* parents nearer than this are one: the spread would divide by nothing */

void fog_random_seed(struct fog_random *r, u64 seed)
{
	for (u32 i = 0; i < 4; i++) {
		u64 z = seed += 0x9e3779b97f4a7c15ull;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		r->s[i] = z ^ (z >> 31);
	}
}

static u64 rotate(u64 v, u32 by)
{
	return v << by | v >> (64 - by);
}

u64 fog_random_next(struct fog_random *r)
{
	u64 result = rotate(r->s[0] + r->s[3], 23) + r->s[0];
	u64 t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotate(r->s[3], 45);
	return result;
}

double fog_random_unit(struct fog_random *r)
{
	return (double)(fog_random_next(r) >> 11) * 0x1p-53;
}

u32 fog_random_below(struct fog_random *r, u32 bound)
{
	FOG_ASSERT(bound >= 1);
	return (u32)((unsigned __int128)fog_random_next(r) * bound >> 64);
}

static double power(double x, u32 n)
{
	double result = 1;

	for (; n != 0; n >>= 1) {
		if (n & 1)
			result *= x;
		x *= x;
	}
	return result;
}

/* x^(1/n). Square roots are several times cheaper than pow(), and 16 (eta = 15) is the usual n. */
static double root(double x, u32 n)
{
	if ((n & (n - 1)) != 0)
		return pow(x, 1.0 / n);
	for (; n > 1; n >>= 1)
		x = sqrt(x);
	return x;
}

/* How far beyond the parents, whose distance is 1, a child may land: a draw u of the polynomial
 * distribution cut off where the bound lies, at `room` beyond the nearer parent. */
static double spread(double u, double room, u32 eta)
{
	double alpha = 2 - 1 / power(1 + 2 * room, eta + 1);
	double x = u * alpha;

	return root(x <= 1 ? x : 1 / (2 - x), eta + 1);
}

void fog_cross_real(struct fog_random *r, const double *lower, const double *upper, u32 genes,
		    u32 eta, const double *a, const double *b, double *child_a, double *child_b)
{
	for (u32 i = 0; i < genes; i++) {
		double low = FOG_MIN(a[i], b[i]);
		double high = FOG_MAX(a[i], b[i]);
		double distance = high - low;
		u64 coin = fog_random_next(r);
		if ((coin & 1) || !(distance > SAME)) {
			double keep = a[i];
			child_b[i] = b[i];
			child_a[i] = keep;
			continue;
		}
		double u = fog_random_unit(r);
		double middle = low + high;
		double c = (middle - spread(u, (low - lower[i]) / distance, eta) * distance) / 2;
		double d = (middle + spread(u, (upper[i] - high) / distance, eta) * distance) / 2;
		c = FOG_MIN(FOG_MAX(c, lower[i]), upper[i]);
		d = FOG_MIN(FOG_MAX(d, lower[i]), upper[i]);
		child_a[i] = (coin & 2) ? c : d;
		child_b[i] = (coin & 2) ? d : c;
	}
}

void fog_mutate_real(struct fog_random *r, const double *lower, const double *upper, u32 genes,
		     u32 eta, double probability, double *gene)
{
	for (u32 i = 0; i < genes; i++) {
		double width = upper[i] - lower[i];
		if (fog_random_unit(r) >= probability || !(width > 0))
			continue;
		double u = fog_random_unit(r);
		double delta;
		if (u < 0.5) {
			double away = power(1 - (gene[i] - lower[i]) / width, eta + 1);
			delta = root(2 * u + (1 - 2 * u) * away, eta + 1) - 1;
		} else {
			double away = power(1 - (upper[i] - gene[i]) / width, eta + 1);
			delta = 1 - root(2 * (1 - u) + (2 * u - 1) * away, eta + 1);
		}
		double v = gene[i] + delta * width;
		gene[i] = FOG_MIN(FOG_MAX(v, lower[i]), upper[i]);
	}
}

static void gene_swap(u32 *a, u32 *b)
{
	u32 gene = *a;

	*a = *b;
	*b = gene;
}

/* Between two cuts on a ring. */
void fog_cross_choice(struct fog_random *r, u32 genes, u32 *a, u32 *b)
{
	u32 at = fog_random_below(r, genes), left = fog_random_below(r, genes);

	for (; left > 0; left--) {
		gene_swap(&a[at], &b[at]);
		at = at + 1 < genes ? at + 1 : 0;
	}
}

void fog_mutate_choice(struct fog_random *r, const u32 *choices, u32 genes, double probability,
		       u32 *gene)
{
	for (u32 i = 0; i < genes; i++) {
		if (fog_random_unit(r) >= probability || choices[i] < 2)
			continue;
		u32 v = fog_random_below(r, choices[i] - 1);
		gene[i] = v + (v >= gene[i]);
	}
}

/* The segment [from, to) of `own`, the rest in the order of `other` beginning after the segment. */
static void order_child(u32 genes, u32 from, u32 to, const u32 *own, const u32 *other, u32 *child,
			u8 *mark)
{
	u32 at = to % genes;

	memset(mark, 0, genes);
	for (u32 i = from; i < to; i++) {
		child[i] = own[i];
		mark[own[i]] = 1;
	}
	for (u32 n = 0; n < genes; n++) {
		u32 v = other[(to + n) % genes];
		if (mark[v])
			continue;
		child[at] = v;
		at = at + 1 == genes ? 0 : at + 1;
	}
}

void fog_cross_order(struct fog_random *r, u32 genes, const u32 *a, const u32 *b, u32 *child_a,
		     u32 *child_b, u8 *mark)
{
	u32 from = fog_random_below(r, genes);
	u32 to = fog_random_below(r, genes);

	if (from > to) {
		u32 swap = from;
		from = to;
		to = swap;
	}
	order_child(genes, from, to + 1, a, b, child_a, mark);
	order_child(genes, from, to + 1, b, a, child_b, mark);
}

void fog_mutate_order(struct fog_random *r, u32 genes, double probability, u32 *gene)
{
	for (u32 i = 0; i < genes; i++) {
		if (fog_random_unit(r) >= probability)
			continue;
		u32 other = fog_random_below(r, genes);
		u32 swap = gene[i];
		gene[i] = gene[other];
		gene[other] = swap;
	}
}
