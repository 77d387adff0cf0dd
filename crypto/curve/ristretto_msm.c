/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums of products over ristretto255: points are those of edwards25519, so its sums serve. */
#include "crypto/curve/ristretto.h"

#include "crypto/curve/curve.h"
#include "crypto/curve/ristretto_ifma.h"
#include "crypto/curve/window.h"
#include "crypto/mem.h"

#include <errno.h>

/* Points per pass in constant time, by a stack of 1.5 KiB a point: doublings are shared by them. */
#define SECRET_MAX 16
#define BITS       4
#define WINDOWS    64
#define TABLE      (1 << (BITS - 1))

/* From these counts on lanes of eight are faster, even where some stay empty. */
#define SECRET_LANES_MIN 3
#define DECODE_LANES_MIN 3

/* What the lanes decode at a time: a few over that are decoded one by one. */
#define DECODE_MAX 16

/* Points per pass in variable time, by the stack again. */
#define PUBLIC_MAX         FOG_RISTRETTO_NIELS_MAX
#define PUBLIC_SCRATCH_MAX (384 * 1024)
/* Below this no lanes are faster. */
#define LANES_MIN 5

struct secret_point {
	struct fog_ge_cached multiple[TABLE + 1];
	struct fog_sc scalar;
};

/* 1 when a = b, for small numbers. */
static u8 is_equal(u32 a, u32 b)
{
	return (u8)(((a ^ b) - 1) >> 31);
}

/* Looks at every entry. */
static void table_select(struct fog_ge_cached *r, const struct fog_ge_cached *table, int digit)
{
	u32 negative = (u32)digit >> 31;
	u32 size = ((u32)digit ^ -negative) + negative;

	*r = table[0];
	for (u32 j = 1; j <= TABLE; j++) {
		u8 here = is_equal(j, size);
		fe_select(&r->ypx, &table[j].ypx, here);
		fe_select(&r->ymx, &table[j].ymx, here);
		fe_select(&r->z2, &table[j].z2, here);
		fe_select(&r->t2d, &table[j].t2d, here);
	}
	fog_ge_cached_negate(r, (u8)negative);
}

static void secret_prepare(struct secret_point *s, const struct fog_ge_ext *p,
			   const struct fog_scalar *scalar)
{
	struct fog_ge_ext multiple;

	fog_ge_ext_zero(&multiple);
	fog_ge_cached_from_ext(&s->multiple[0], &multiple);
	multiple = *p;
	for (unsigned j = 1; j <= TABLE; j++) {
		fog_ge_cached_from_ext(&s->multiple[j], &multiple);
		if (j < TABLE)
			fog_ge_add_cached(&multiple, &multiple, &s->multiple[1]);
	}
	fog_sc_load(&s->scalar, scalar->byte);
	fog_window_offset(&s->scalar, &s->scalar, BITS);
}

static void secret_pass(struct fog_ge_ext *sum, const struct fog_scalar *s,
			const struct fog_ristretto *p, unsigned count)
{
	struct secret_point work[SECRET_MAX];
	struct fog_ge_cached term;

	for (unsigned k = 0; k < count; k++)
		secret_prepare(&work[k], &p[k].point, &s[k]);
	fog_ge_ext_zero(sum);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge_double(sum, sum, BITS);
		for (unsigned k = 0; k < count; k++) {
			table_select(&term, work[k].multiple,
				     window_digit(&work[k].scalar, BITS, i));
			fog_ge_add_cached(sum, sum, &term);
		}
	}
	fog_wipe(work, count * sizeof(*work));
	fog_wipe(&term, sizeof(term));
}

void fog_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p, unsigned count)
{
	struct fog_ge_ext sum, part;

	if (fog_curve == &fog_curve_ifma && count >= SECRET_LANES_MIN) {
		fog_ifma_ristretto_msm(out, s, p, count);
		return;
	}
	fog_ge_ext_zero(&sum);
	for (unsigned first = 0; first < count; first += SECRET_MAX) {
		secret_pass(&part, s + first, p + first, FOG_MIN(count - first, SECRET_MAX));
		fog_ge_add(&sum, &sum, &part);
	}
	out->point = sum;
	fog_wipe(&sum, sizeof(sum));
	fog_wipe(&part, sizeof(part));
}

void fog_ristretto_to_niels(struct fog_ge_niels *out, const struct fog_ristretto *p, unsigned count)
{
	struct fog_ge_affine affine[FOG_RISTRETTO_NIELS_MAX];

	FOG_ASSERT(count <= FOG_RISTRETTO_NIELS_MAX);
	fog_ge_normalize(affine, &p->point, count);
	for (unsigned k = 0; k < count; k++)
		fog_ge_niels_from_affine(&out[k], &affine[k]);
}
_Static_assert(sizeof(struct fog_ristretto) == sizeof(struct fog_ge_ext), "arrays alike");

int fog_ristretto_decode_many(struct fog_ge_niels *out, const u8 *const *in, unsigned count)
{
	struct fog_ge_affine affine;
	struct fog_ristretto point;
	bool good[DECODE_MAX];
	int rc = 0;

	for (unsigned first = 0; first < count; first += DECODE_MAX) {
		unsigned here = FOG_MIN(count - first, DECODE_MAX);
		if (fog_curve == &fog_curve_ifma && here >= DECODE_LANES_MIN)
			fog_ifma_ristretto_decode_many(out + first, good, in + first, here);
		else
			for (unsigned i = 0; i < here; i++) {
				good[i] = fog_ristretto_decode(&point, in[first + i]) == 0;
				affine = (struct fog_ge_affine){point.point.x, point.point.y};
				fog_ge_niels_from_affine(&out[first + i], &affine); /* Z is 1 */
			}
		for (unsigned i = 0; i < here; i++)
			rc = good[i] ? rc : -EBADMSG;
	}
	return rc;
}

/* Sums the first terms, leaving out those of factor zero, until `count` were looked at or the pass
 * is full; returns how many were looked at. */
static unsigned public_pass(struct fog_ge_ext *sum, const struct fog_scalar *s,
			    const struct fog_ristretto *p, unsigned count)
{
	_Alignas(64) u8 scratch[PUBLIC_SCRATCH_MAX];
	struct fog_ge_niels niels[PUBLIC_MAX];
	struct fog_ristretto point[PUBLIC_MAX];
	struct fog_sc scalar[PUBLIC_MAX];
	unsigned used = 0, i;

	for (i = 0; i < count && used < PUBLIC_MAX; i++) {
		if (fog_scalar_is_zero(&s[i]))
			continue;
		fog_sc_load(&scalar[used], s[i].byte);
		point[used++] = p[i];
	}
	fog_ge_ext_zero(sum);
	if (used == 0)
		return i;
	fog_ristretto_to_niels(niels, point, used);
	if (used < LANES_MIN) {
		fog_portable_msm(sum, niels, scalar, used, NULL);
		return i;
	}
	FOG_ASSERT(fog_msm_scratch_size(used) <= sizeof(scratch));
	fog_msm(sum, niels, scalar, used, scratch);
	return i;
}

void fog_ristretto_msm_vartime(struct fog_ristretto *out, const struct fog_scalar *s,
			       const struct fog_ristretto *p, unsigned count)
{
	struct fog_ge_ext sum, part;

	fog_ge_ext_zero(&sum);
	while (count > 0) {
		unsigned taken = public_pass(&part, s, p, count);
		fog_ge_add(&sum, &sum, &part);
		s += taken;
		p += taken;
		count -= taken;
	}
	out->point = sum;
}
