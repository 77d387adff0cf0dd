/* SPDX-License-Identifier: BSD-3-Clause */
/* Regularised incomplete beta function, see beta.h. */
#include "controlplane/reputation/beta.h"

#include <math.h>

#define FRACTION_EPSILON 1e-15
#define FRACTION_TINY    1e-300

static bool params_ok(double a, double b, double x)
{
	return a > 0 && b > 0 && a <= FOG_BETA_PARAM_MAX && b <= FOG_BETA_PARAM_MAX && !isnan(x);
}

static double away_from_zero(double v)
{
	return fabs(v) < FRACTION_TINY ? FRACTION_TINY : v;
}

/* DLMF 8.17.22 without its leading factor; converges quickly for x < (a+1)/(a+b+2). */
static double fraction(double a, double b, double x)
{
	double c = 1;
	double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
	double value = d;

	for (u32 m = 1; m <= FOG_BETA_FRACTION_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		d = 1 / away_from_zero(1 + even * d);
		c = away_from_zero(1 + even / c);
		value *= d * c;
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 / away_from_zero(1 + odd * d);
		c = away_from_zero(1 + odd / c);
		value *= d * c;
		if (fabs(d * c - 1) < FRACTION_EPSILON)
			break;
	}
	return value;
}

static double log_gamma(double v)
{
	int sign;

	return lgamma_r(v, &sign);
}

double fog_beta_cdf(double a, double b, double x)
{
	if (!params_ok(a, b, x))
		return NAN;
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	double log_front =
		log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x);
	double front = exp(log_front);
	if (x < (a + 1) / (a + b + 2))
		return fmin(1, front * fraction(a, b, x) / a);
	return fmax(0, 1 - front * fraction(b, a, 1 - x) / b);
}

double fog_beta_quantile(double a, double b, double p)
{
	if (!params_ok(a, b, p) || p < 0 || p > 1)
		return NAN;
	if (p == 0 || p == 1)
		return p;
	double low = 0, high = 1;
	for (u32 i = 0; i < FOG_BETA_BISECTION_MAX && high - low > 1e-15; i++) {
		double middle = low + (high - low) / 2;
		if (fog_beta_cdf(a, b, middle) < p)
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}
