/* SPDX-License-Identifier: BSD-3-Clause */
/* Opinions of subjective logic (Josang 2016): how far something is believed, disbelieved, and not
 * known, with b + d + u = 1. A Beta distribution's evidence (r good, s bad) is the same thing:
 *
 *	b = r / (r + s + 2)    d = s / (r + s + 2)    u = 2 / (r + s + 2)
 *
 * The base rate is 1/2 throughout. Pure; any thread. */
#ifndef FOG_OPINION_H
#define FOG_OPINION_H

#include "crypto/types.h"

struct fog_opinion {
	double belief, disbelief, uncertainty;
};

/* good, bad >= 0. */
struct fog_opinion fog_opinion_of(double good, double bad);
/* Back; uncertainty 0 reads as FOG_OPINION_EVIDENCE_MAX pieces. */
#define FOG_OPINION_EVIDENCE_MAX 1e9
void fog_opinion_evidence(const struct fog_opinion *o, double *good, double *bad);
/* b + u / 2: the mean of the Beta distribution. */
double fog_opinion_expectation(const struct fog_opinion *o);

/* Cumulative fusion of two independent opinions: adds their evidence. Two dogmatic ones (u = 0) are
 * averaged. */
struct fog_opinion fog_opinion_fuse(const struct fog_opinion *a, const struct fog_opinion *b);
/* What we may think when `rater` tells us `told`: as much of it as we expect the rater to be right,
 * the rest unknown (trust discounting). Never more certain than `told`. */
struct fog_opinion fog_opinion_discount(const struct fog_opinion *rater,
					const struct fog_opinion *told);

#endif
