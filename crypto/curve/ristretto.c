/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/ristretto.h"

#include <sodium.h>

#include <errno.h>

#include "crypto/mem.h"

_Static_assert(FOG_RISTRETTO_SIZE == crypto_core_ristretto255_BYTES, "element");
_Static_assert(FOG_SCALAR_SIZE == crypto_core_ristretto255_SCALARBYTES, "scalar");
_Static_assert(FOG_UNIFORM_SIZE == crypto_core_ristretto255_HASHBYTES, "uniform element");
_Static_assert(FOG_UNIFORM_SIZE == crypto_core_ristretto255_NONREDUCEDSCALARBYTES,
	       "uniform scalar");

const struct fog_scalar fog_scalar_zero, fog_scalar_one = {{1}};

static const struct fog_ristretto base = {{0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71,
					   0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
					   0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d,
					   0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76}};

/* Reducing leaves a canonical scalar as it is and changes every other. */
int fog_scalar_decode(struct fog_scalar *out, const u8 in[FOG_SCALAR_SIZE])
{
	u8 wide[FOG_UNIFORM_SIZE] = {0};
	u8 copy[FOG_SCALAR_SIZE];
	int rc = 0;

	memcpy(copy, in, sizeof(copy));
	memcpy(wide, in, FOG_SCALAR_SIZE);
	fog_scalar_reduce(out, wide);
	if (!fog_equal(out->byte, copy, FOG_SCALAR_SIZE)) {
		*out = fog_scalar_zero;
		rc = -EBADMSG;
	}
	fog_wipe(wide, sizeof(wide));
	fog_wipe(copy, sizeof(copy));
	return rc;
}

void fog_scalar_reduce(struct fog_scalar *out, const u8 in[FOG_UNIFORM_SIZE])
{
	crypto_core_ristretto255_scalar_reduce(out->byte, in);
}

void fog_scalar_from_u64(struct fog_scalar *out, u64 value)
{
	memset(out->byte, 0, sizeof(out->byte));
	fog_store_u64(out->byte, value);
}

void fog_scalar_add(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	crypto_core_ristretto255_scalar_add(out->byte, a->byte, b->byte);
}

void fog_scalar_sub(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	crypto_core_ristretto255_scalar_sub(out->byte, a->byte, b->byte);
}

void fog_scalar_mul(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	crypto_core_ristretto255_scalar_mul(out->byte, a->byte, b->byte);
}

void fog_scalar_muladd(struct fog_scalar *out, const struct fog_scalar *a,
		       const struct fog_scalar *b, const struct fog_scalar *c)
{
	struct fog_scalar product;

	fog_scalar_mul(&product, a, b);
	fog_scalar_add(out, &product, c);
	fog_wipe(&product, sizeof(product));
}

void fog_scalar_neg(struct fog_scalar *out, const struct fog_scalar *a)
{
	crypto_core_ristretto255_scalar_negate(out->byte, a->byte);
}

/* The library raises to the power L - 2, which leaves zero at zero, and reports that: not needed.
 */
void fog_scalar_invert(struct fog_scalar *out, const struct fog_scalar *a)
{
	(void)crypto_core_ristretto255_scalar_invert(out->byte, a->byte);
}

/* scratch[i] is the product of all before i; the inverse of the whole is then unwound. */
int fog_scalar_invert_many(struct fog_scalar *s, struct fog_scalar *scratch, unsigned count)
{
	struct fog_scalar all = fog_scalar_one, next;
	int rc = 0;

	for (unsigned i = 0; i < count; i++) {
		scratch[i] = all;
		fog_scalar_mul(&all, &all, &s[i]);
	}
	if (fog_scalar_is_zero(&all)) {
		rc = -EDOM;
		goto out;
	}
	fog_scalar_invert(&all, &all);
	for (unsigned i = count; i-- > 0;) {
		fog_scalar_mul(&next, &all, &s[i]);
		fog_scalar_mul(&s[i], &all, &scratch[i]);
		all = next;
	}
out:
	fog_wipe(scratch, count * sizeof(*scratch));
	fog_wipe(&all, sizeof(all));
	fog_wipe(&next, sizeof(next));
	return rc;
}

static void bytes_select(u8 *out, bool picked, const u8 *a, const u8 *b, size_t len)
{
	u8 mask = -(u8)picked;

	for (size_t i = 0; i < len; i++)
		out[i] = (a[i] & mask) | (b[i] & ~mask);
}

void fog_scalar_select(struct fog_scalar *out, bool picked, const struct fog_scalar *a,
		       const struct fog_scalar *b)
{
	bytes_select(out->byte, picked, a->byte, b->byte, FOG_SCALAR_SIZE);
}

bool fog_scalar_is_zero(const struct fog_scalar *a)
{
	return fog_is_zero(a->byte, FOG_SCALAR_SIZE);
}

bool fog_scalar_equal(const struct fog_scalar *a, const struct fog_scalar *b)
{
	return fog_equal(a->byte, b->byte, FOG_SCALAR_SIZE);
}

int fog_ristretto_decode(struct fog_ristretto *out, const u8 in[FOG_RISTRETTO_SIZE])
{
	if (crypto_core_ristretto255_is_valid_point(in) != 1) {
		fog_ristretto_identity(out);
		return -EBADMSG;
	}
	memmove(out->byte, in, FOG_RISTRETTO_SIZE);
	return 0;
}

void fog_ristretto_encode(u8 out[FOG_RISTRETTO_SIZE], const struct fog_ristretto *p)
{
	memmove(out, p->byte, FOG_RISTRETTO_SIZE);
}

void fog_ristretto_from_uniform(struct fog_ristretto *out, const u8 in[FOG_UNIFORM_SIZE])
{
	int rc = crypto_core_ristretto255_from_hash(out->byte, in);
	FOG_ASSERT(rc == 0);
}

void fog_ristretto_identity(struct fog_ristretto *out)
{
	memset(out->byte, 0, sizeof(out->byte));
}

void fog_ristretto_base(struct fog_ristretto *out)
{
	*out = base;
}

bool fog_ristretto_is_identity(const struct fog_ristretto *p)
{
	return fog_is_zero(p->byte, FOG_RISTRETTO_SIZE);
}

bool fog_ristretto_equal(const struct fog_ristretto *a, const struct fog_ristretto *b)
{
	return fog_equal(a->byte, b->byte, FOG_RISTRETTO_SIZE);
}

void fog_ristretto_add(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b)
{
	int rc = crypto_core_ristretto255_add(out->byte, a->byte, b->byte);
	FOG_ASSERT(rc == 0); /* only for inputs that are no elements */
}

void fog_ristretto_sub(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b)
{
	int rc = crypto_core_ristretto255_sub(out->byte, a->byte, b->byte);
	FOG_ASSERT(rc == 0); /* only for inputs that are no elements */
}

void fog_ristretto_select(struct fog_ristretto *out, bool picked, const struct fog_ristretto *a,
			  const struct fog_ristretto *b)
{
	bytes_select(out->byte, picked, a->byte, b->byte, FOG_RISTRETTO_SIZE);
}

/* The library reports a result that is the identity as an error, having written it: no error here.
 */
void fog_ristretto_mul(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p)
{
	int rc = crypto_scalarmult_ristretto255(out->byte, s->byte, p->byte);
	(void)rc;
}

void fog_ristretto_mul_base(struct fog_ristretto *out, const struct fog_scalar *s)
{
	int rc = crypto_scalarmult_ristretto255_base(out->byte, s->byte);
	(void)rc;
}

void fog_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p, unsigned count)
{
	struct fog_ristretto sum, term;

	fog_ristretto_identity(&sum);
	for (unsigned i = 0; i < count; i++) {
		fog_ristretto_mul(&term, &s[i], &p[i]);
		fog_ristretto_add(&sum, &sum, &term);
	}
	*out = sum;
	fog_wipe(&sum, sizeof(sum));
	fog_wipe(&term, sizeof(term));
}

void fog_ristretto_msm_vartime(struct fog_ristretto *out, const struct fog_scalar *s,
			       const struct fog_ristretto *p, unsigned count)
{
	struct fog_ristretto sum, term;

	fog_ristretto_identity(&sum);
	for (unsigned i = 0; i < count; i++) {
		if (fog_scalar_is_zero(&s[i]) || fog_ristretto_is_identity(&p[i]))
			continue;
		fog_ristretto_mul(&term, &s[i], &p[i]);
		fog_ristretto_add(&sum, &sum, &term);
	}
	*out = sum;
}
