/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/fe8.h"

#ifdef __x86_64__

FOG_IFMA static void multiply(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	fe8_mul(r, a, b);
}

FOG_IFMA static void square(struct fe8 *r, const struct fe8 *a, unsigned times)
{
	struct fe8 t = *a;

	for (unsigned i = 0; i < times; i++)
		fe8_sqr(&t, &t);
	*r = t;
}

/* r = a^(2^250 - 1), a11 = a^11. Each line's comment is the exponent of r, as 2^n - 1. */
FOG_IFMA static void power_250(struct fe8 *r, struct fe8 *a11, const struct fe8 *a)
{
	struct fe8 t, u;

	square(&t, a, 1);
	square(&u, &t, 2);
	multiply(&u, &u, a); /* a^9 */
	multiply(a11, &u, &t);
	square(&t, a11, 1);
	multiply(&u, &t, &u); /* 5 */
	square(&t, &u, 5);
	multiply(r, &t, &u); /* 10 */
	square(&t, r, 10);
	multiply(&t, &t, r); /* 20 */
	square(&u, &t, 20);
	multiply(&t, &u, &t); /* 40 */
	square(&t, &t, 10);
	multiply(r, &t, r); /* 50 */
	square(&t, r, 50);
	multiply(&t, &t, r); /* 100 */
	square(&u, &t, 100);
	multiply(&t, &u, &t); /* 200 */
	square(&t, &t, 50);
	multiply(r, &t, r);
}

FOG_IFMA void fog_fe8_invert(struct fe8 *r, const struct fe8 *a)
{
	struct fe8 t, a11;

	power_250(&t, &a11, a);
	square(&t, &t, 5);
	multiply(r, &t, &a11);
}

FOG_IFMA void fog_fe8_power_p58(struct fe8 *r, const struct fe8 *a)
{
	struct fe8 t, a11, base = *a;

	power_250(&t, &a11, a);
	square(&t, &t, 2);
	multiply(r, &t, &base);
}

#endif
