/* SPDX-License-Identifier: BSD-3-Clause */
/* The Beta distribution: regularised incomplete beta function and its inverse. Pure; any thread.
 * Source: the continued fraction DLMF 8.17.22, evaluated by the modified Lentz method; the symmetry
 * I_x(a,b) = 1 - I_{1-x}(b,a) keeps it in the fast-converging half. Relative error below 1e-9 for
 * a, b up to FOG_BETA_PARAM_MAX. */
#ifndef FOG_BETA_H
#define FOG_BETA_H

#include "crypto/types.h"

#define FOG_BETA_PARAM_MAX     1e7   /* larger evidence is clamped by the reputation policy */
#define FOG_BETA_FRACTION_MAX  20000 /* terms; about sqrt(max(a,b)) are needed */
#define FOG_BETA_BISECTION_MAX 200   /* halvings of [0,1]; 1074 would exhaust a double */

/* I_x(a,b), the probability that a Beta(a,b) variable is at most x. a, b > 0, x clamped to [0,1].
 * NaN when an argument is out of range or NaN. About 1 us. */
double fog_beta_cdf(double a, double b, double x);

/* The x with I_x(a,b) = p. p in [0,1]. NaN for bad arguments. About 60 us (bisection, then nothing
 * cleverer: it cannot diverge). */
double fog_beta_quantile(double a, double b, double p);

#endif
