/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only, and a template: X25519 in lanes, the Montgomery ladder of RFC 7748
 * section 5 with one scalar and one point per lane. Constant time. Before including, define
 *
 *	LANES			a number of lanes
 *	LANES_ATTR		attribute of every function
 *	LANES_FE		struct of an element per lane
 *	LANES_WORD		a 64-bit word per lane
 *	LANES_MASK		a mask of lanes, as F(swap) and F(select) take it
 *	LANES_BIT(word, i)	the mask of the lanes where bit i of the word is set
 *	LANES_GROUPS		groups of lanes that share one inversion
 *	LANES_FEWEST		points for which lanes are faster than libsodium one by one
 *	LANES_X25519		the name of the function defined here
 *	F(name)			an inline function of the field, as fe8_ ## name
 *	F_LOOSE(name)		add and sub whose result need only be good for a product
 *	P(name)			a function of the field, as fog_fe8_ ## name
 */

/* x2/z2 and x3/z3 are the two neighbouring multiples of the point x1. */
struct ladder {
	LANES_FE x1, x2, z2, x3, z3;
	LANES_WORD scalar[4];
};

/* Products come in independent pairs, so that one fills the other's latency. */
LANES_ATTR static inline void ladder_step(struct ladder *s)
{
	LANES_FE a, b, c, d, e;

	F_LOOSE(add)(&a, &s->x2, &s->z2);
	F_LOOSE(sub)(&b, &s->x2, &s->z2);
	F_LOOSE(add)(&c, &s->x3, &s->z3);
	F_LOOSE(sub)(&d, &s->x3, &s->z3);
	F(mul)(&d, &d, &a);
	F(mul)(&c, &c, &b);
	F(sqr)(&a, &a);
	F(sqr)(&b, &b);
	F_LOOSE(sub)(&e, &a, &b);
	F_LOOSE(add)(&s->x3, &d, &c);
	F_LOOSE(sub)(&s->z3, &d, &c);
	F(sqr)(&s->x3, &s->x3);
	F(sqr)(&s->z3, &s->z3);
	F(mul)(&s->x2, &a, &b);
	F(mul_small_add)(&b, &b, &e, 121666);
	F(mul)(&s->z3, &s->z3, &s->x1);
	F(mul)(&s->z2, &b, &e);
}

LANES_ATTR static void ladder_run(struct ladder *s)
{
	LANES_MASK last = {0};

	for (int i = 254; i >= 0; i--) {
		LANES_MASK now = LANES_BIT(s->scalar[i >> 6], i & 63);
		LANES_MASK differ = now ^ last;
		F(swap)(&s->x2, &s->x3, differ);
		F(swap)(&s->z2, &s->z3, differ);
		last = now;
		ladder_step(s);
	}
	/* Clamping cleared bit 0: the last swap would exchange nothing. */
}

LANES_ATTR static void words_load(LANES_WORD out[4], const u8 (*in)[32], const unsigned *lane)
{
	u64 word[LANES];

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < LANES; k++)
			word[k] = fog_load_u64(in[lane[k]] + 8 * i);
		memcpy(&out[i], word, sizeof(word));
	}
	fog_wipe(word, sizeof(word));
}

LANES_ATTR static void ladder_load(struct ladder *s, const u8 (*scalar)[32], const u8 (*point)[32],
				   const unsigned *lane)
{
	LANES_WORD words[4];

	words_load(words, point, lane);
	F(from_words)(&s->x1, words);
	words_load(s->scalar, scalar, lane);
	/* The clamp of RFC 7748 section 5; bit 255 is never looked at. */
	s->scalar[0] &= ~7ll;
	s->scalar[3] |= 1ll << 62;
	F(set)(&s->x2, 1);
	F(set)(&s->z2, 0);
	s->x3 = s->x1;
	F(set)(&s->z3, 1);
}

/* Divides each x by its z with one inversion (Montgomery's trick). A zero z, which low-order points
 * give, would spoil its lane of every group: it counts as one, and x becomes zero instead. */
LANES_ATTR static void divide_all(LANES_FE *x, LANES_FE *z, unsigned groups)
{
	LANES_FE before[LANES_GROUPS], zero, one, t;

	F(set)(&zero, 0);
	F(set)(&one, 1);
	for (unsigned g = 0; g < groups; g++) {
		LANES_MASK is_zero = F(is_zero)(&z[g]);
		F(select)(&z[g], &one, is_zero);
		F(select)(&x[g], &zero, is_zero);
		before[g] = one;
		if (g > 0)
			F(mul)(&before[g], &before[g - 1], &z[g - 1]);
	}
	F(mul)(&t, &before[groups - 1], &z[groups - 1]);
	P(invert)(&t, &t);
	for (unsigned g = groups; g-- > 0;) {
		F(mul)(&before[g], &before[g], &t);
		F(mul)(&x[g], &x[g], &before[g]);
		F(mul)(&t, &t, &z[g]);
	}
	fog_wipe(before, sizeof(before));
}

LANES_ATTR static void results_store(u8 (*out)[32], int *result, const LANES_FE *x, unsigned count)
{
	u64 word[4][LANES];
	LANES_WORD w[4];

	F(to_words)(w, x);
	memcpy(word, w, sizeof(word));
	for (unsigned k = 0; k < count; k++) {
		for (unsigned i = 0; i < 4; i++)
			fog_store_u64(out[k] + 8 * i, word[i][k]);
		u64 any = word[0][k] | word[1][k] | word[2][k] | word[3][k];
		/* Without a branch: all ones when nothing is set. */
		result[k] = -EBADMSG & (int)(((any | -any) >> 63) - 1);
	}
	fog_wipe(word, sizeof(word));
	fog_wipe(w, sizeof(w));
}

/* Up to LANES_GROUPS groups of lanes. A last group with lanes to spare repeats its first one there.
 */
LANES_ATTR static void x25519_groups(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32],
				     int *result, unsigned count)
{
	unsigned groups = (count + LANES - 1) / LANES;
	LANES_FE x[LANES_GROUPS], z[LANES_GROUPS];
	struct ladder s;

	for (unsigned g = 0; g < groups; g++) {
		unsigned lane[LANES];
		for (unsigned k = 0; k < LANES; k++)
			lane[k] = g * LANES + (g * LANES + k < count ? k : 0);
		ladder_load(&s, scalar, point, lane);
		ladder_run(&s);
		x[g] = s.x2;
		z[g] = s.z2;
	}
	divide_all(x, z, groups);
	for (unsigned g = 0; g < groups; g++) {
		unsigned first = g * LANES;
		results_store(out + first, result + first, &x[g], FOG_MIN(count - first, LANES));
	}
	fog_wipe(&s, sizeof(s));
	fog_wipe(x, sizeof(x));
	fog_wipe(z, sizeof(z));
}

/* Lanes cost the same empty or full. */
void LANES_X25519(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
		  unsigned count)
{
	while (count > 0) {
		unsigned n = FOG_MIN(count, LANES_GROUPS * LANES);
		if (n < LANES_FEWEST)
			fog_curve_portable.x25519_many(out, scalar, point, result, n);
		else
			x25519_groups(out, scalar, point, result, n);
		out += n;
		scalar += n;
		point += n;
		result += n;
		count -= n;
	}
}
