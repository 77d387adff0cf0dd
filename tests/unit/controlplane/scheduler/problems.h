/* SPDX-License-Identifier: BSD-3-Clause */
/* Published test problems: ZDT1-6 (Zitzler, Deb, Thiele 2000) and DTLZ1-7 with three objectives
 * (Deb, Thiele, Laumanns, Zitzler 2002), and two measures of a front: exact hypervolume and IGD. */
#ifndef FOG_SCHEDULER_PROBLEMS_H
#define FOG_SCHEDULER_PROBLEMS_H

#include "controlplane/scheduler/nsga2.h"

#include <math.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

#define GENES_MAX 80

struct problem {
	const char *name; /* of the reference front's file too */
	u32 genes;
	u32 objectives;
	u32 number;          /* what evaluate() switches over: 1x ZDT, 2x DTLZ */
	double lower, upper; /* of all genes but the first, which is in [0,1] */
};

static const struct problem problems[] = {
	{"ZDT1", 30, 2, 11, 0, 1},     {"ZDT2", 30, 2, 12, 0, 1},     {"ZDT3", 30, 2, 13, 0, 1},
	{"ZDT4", 10, 2, 14, -5, 5},    {"ZDT6", 10, 2, 16, 0, 1},     {"DTLZ1.3D", 7, 3, 21, 0, 1},
	{"DTLZ2.3D", 12, 3, 22, 0, 1}, {"DTLZ3.3D", 12, 3, 23, 0, 1}, {"DTLZ4.3D", 12, 3, 24, 0, 1},
	{"DTLZ5.3D", 12, 3, 25, 0, 1}, {"DTLZ6.3D", 12, 3, 26, 0, 1}, {"DTLZ7.3D", 22, 3, 27, 0, 1},
	{"ZDT5", 80, 2, 15, 0, 1},
};

static inline double zdt_g(const struct problem *p, const double *x)
{
	double sum = 0;

	for (u32 i = 1; i < p->genes; i++)
		sum += p->number == 14 ? x[i] * x[i] - 10 * cos(4 * M_PI * x[i]) : x[i];
	if (p->number == 14)
		return 1 + 10.0 * (p->genes - 1) + sum;
	if (p->number == 16)
		return 1 + 9 * pow(sum / (p->genes - 1), 0.25);
	return 1 + 9 * sum / (p->genes - 1);
}

/* ZDT5: a number of 30 bits and ten of 5, of which only how many are set counts; each of the ten
 * misleads: five set are best, none is second best. */
#define ZDT5_FIRST 30
#define ZDT5_OTHER 5

static inline void zdt5(const struct problem *p, const u32 *bit, double *f)
{
	double g = 0;

	f[0] = 1;
	for (u32 i = 0; i < ZDT5_FIRST; i++)
		f[0] += bit[i];
	for (u32 i = ZDT5_FIRST; i < p->genes; i += ZDT5_OTHER) {
		u32 set = 0;
		for (u32 k = 0; k < ZDT5_OTHER; k++)
			set += bit[i + k];
		g += set == ZDT5_OTHER ? 1 : 2 + set;
	}
	f[1] = g / f[0];
}

static inline void zdt(const struct problem *p, const double *x, double *f)
{
	double g = zdt_g(p, x);

	f[0] = p->number == 16 ? 1 - exp(-4 * x[0]) * pow(sin(6 * M_PI * x[0]), 6) : x[0];
	double ratio = f[0] / g;
	switch (p->number) {
	case 12:
	case 16:
		f[1] = g * (1 - ratio * ratio);
		break;
	case 13:
		f[1] = g * (1 - sqrt(ratio) - ratio * sin(10 * M_PI * f[0]));
		break;
	default:
		f[1] = g * (1 - sqrt(ratio));
	}
}

static inline double dtlz_g(const struct problem *p, const double *x)
{
	u32 k = p->genes - 2;
	double sum = 0;

	for (u32 i = 2; i < p->genes; i++) {
		double d = x[i] - 0.5;
		switch (p->number) {
		case 21:
		case 23:
			sum += d * d - cos(20 * M_PI * d);
			break;
		case 26:
			sum += pow(x[i], 0.1);
			break;
		case 27:
			sum += x[i];
			break;
		default:
			sum += d * d;
		}
	}
	if (p->number == 21 || p->number == 23)
		return 100 * (k + sum);
	return p->number == 27 ? 1 + 9 * sum / k : sum;
}

static inline void dtlz(const struct problem *p, const double *x, double *f)
{
	double g = dtlz_g(p, x);
	double a = x[0], b = x[1];

	if (p->number == 21) {
		f[0] = 0.5 * a * b * (1 + g);
		f[1] = 0.5 * a * (1 - b) * (1 + g);
		f[2] = 0.5 * (1 - a) * (1 + g);
		return;
	}
	if (p->number == 27) {
		double h = 3;
		for (u32 i = 0; i < 2; i++) {
			f[i] = x[i];
			h -= f[i] / (1 + g) * (1 + sin(3 * M_PI * f[i]));
		}
		f[2] = (1 + g) * h;
		return;
	}
	if (p->number == 24) {
		a = pow(a, 100);
		b = pow(b, 100);
	}
	if (p->number == 25 || p->number == 26)
		b = (1 + 2 * g * b) / (2 * (1 + g));
	f[0] = (1 + g) * cos(a * M_PI / 2) * cos(b * M_PI / 2);
	f[1] = (1 + g) * cos(a * M_PI / 2) * sin(b * M_PI / 2);
	f[2] = (1 + g) * sin(a * M_PI / 2);
}

static inline void problem_evaluate(void *context, const struct fog_nsga2_individual *base,
				    struct fog_nsga2_individual *x)
{
	const struct problem *p = context;

	(void)base;
	if (p->number == 15)
		zdt5(p, x->choice, x->value);
	else if (p->number < 20)
		zdt(p, x->real, x->value);
	else
		dtlz(p, x->real, x->value);
}

/* lower, upper: [GENES_MAX], kept by the caller. */
static inline struct fog_nsga2_problem problem_make(const struct problem *p, double *lower,
						    double *upper)
{
	static u32 two[GENES_MAX];

	for (u32 i = 0; i < p->genes; i++) {
		two[i] = 2;
		lower[i] = i == 0 ? 0 : p->lower;
		upper[i] = i == 0 ? 1 : p->upper;
	}
	return (struct fog_nsga2_problem){.kind = p->number == 15 ? FOG_GENE_CHOICE : FOG_GENE_REAL,
					  .choices = p->number == 15 ? two : NULL,
					  .genes = p->genes,
					  .objectives = p->objectives,
					  .lower = lower,
					  .upper = upper,
					  .context = (void *)p,
					  .evaluate = problem_evaluate};
}

struct vec {
	double f[3];
};

static inline int vec_compare(const void *a, const void *b)
{
	const struct vec *x = a, *y = b;

	for (u32 k = 3; k > 0; k--)
		if (x->f[k - 1] != y->f[k - 1])
			return x->f[k - 1] < y->f[k - 1] ? -1 : 1;
	return 0;
}

/* Area under reference (r,r) dominated by points sorted by f[1]: a sweep. */
static inline double hypervolume2(const struct vec *sorted, u32 count, double r)
{
	double area = 0;
	double low = r;

	for (u32 i = 0; i < count; i++) {
		if (sorted[i].f[0] >= low || sorted[i].f[1] >= r)
			continue;
		area += (low - sorted[i].f[0]) * (r - sorted[i].f[1]);
		low = sorted[i].f[0];
	}
	return area;
}

/* Exact; HSO (While et al. 2006) for three objectives: slices by the last one, each an area. The
 * points are reordered. spare: [count]. */
static inline double hypervolume(struct vec *points, u32 count, u32 objectives, double r,
				 struct vec *spare)
{
	double volume = 0;
	u32 seen = 0;

	for (u32 i = 0; objectives == 2 && i < count; i++)
		points[i].f[2] = 0;
	qsort(points, count, sizeof(*points), vec_compare);
	if (objectives == 2)
		return hypervolume2(points, count, r);
	for (u32 i = 0; i < count && points[i].f[2] < r; i++) {
		double above = i + 1 < count ? FOG_MIN(points[i + 1].f[2], r) : r;
		u32 at = seen++;
		for (; at > 0 && spare[at - 1].f[1] > points[i].f[1]; at--)
			spare[at] = spare[at - 1];
		spare[at] = points[i];
		if (above > points[i].f[2])
			volume += (above - points[i].f[2]) * hypervolume2(spare, seen, r);
	}
	return volume;
}

/* Mean distance from the points of the reference front to the nearest of ours. */
static inline double igd(const struct vec *reference, u32 reference_count, const struct vec *points,
			 u32 count, u32 objectives)
{
	double sum = 0;

	for (u32 i = 0; i < reference_count; i++) {
		double nearest = INFINITY;
		for (u32 j = 0; j < count; j++) {
			double d = 0;
			for (u32 k = 0; k < objectives; k++) {
				double e = reference[i].f[k] - points[j].f[k];
				d += e * e;
			}
			nearest = FOG_MIN(nearest, d);
		}
		sum += sqrt(nearest);
	}
	return sum / reference_count;
}

/* The first front's values. out: [population]. */
static inline u32 problem_front(const struct fog_nsga2 *n, u32 objectives, struct vec *out)
{
	u32 count = fog_nsga2_front(n);

	for (u32 i = 0; i < count; i++)
		for (u32 k = 0; k < objectives; k++)
			out[i].f[k] = fog_nsga2_get(n, i)->value[k];
	return count;
}

/* Reads a reference front: numbers separated by commas, a point a line. Returns the count, 0 when
 * the file cannot be read. */
static inline u32 front_read(const char *path, u32 objectives, struct vec *out, u32 cap)
{
	FILE *in = fopen(path, "r");
	u32 count = 0;
	bool ok = in != NULL;

	while (ok && count < cap && fscanf(in, " %lf", &out[count].f[0]) == 1) {
		for (u32 k = 1; k < objectives; k++)
			ok &= fscanf(in, " , %lf", &out[count].f[k]) == 1;
		count += ok;
	}
	if (in != NULL)
		fclose(in);
	return ok ? count : 0;
}

#endif
