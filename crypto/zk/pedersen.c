/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/pedersen.h"

#include "crypto/mem.h"

/* The test derives it anew. */
static const u8 blinding_base[FOG_RISTRETTO_SIZE] = {
	0x8c, 0x92, 0x40, 0xb4, 0x56, 0xa9, 0xe6, 0xdc, 0x65, 0xc3, 0x77,
	0xa1, 0x04, 0x8d, 0x74, 0x5f, 0x94, 0xa0, 0x8c, 0xdb, 0x7f, 0x44,
	0xcb, 0xcd, 0x7b, 0x46, 0xf3, 0x40, 0x48, 0x87, 0x11, 0x34};

void fog_pedersen_bases(struct fog_ristretto *base, struct fog_ristretto *blinding)
{
	int rc = fog_ristretto_decode(blinding, blinding_base);

	FOG_ASSERT(rc == 0);
	fog_ristretto_base(base);
}

void fog_pedersen_commit(struct fog_ristretto *out, const struct fog_scalar *value,
			 const struct fog_scalar *blinding)
{
	struct fog_scalar s[2] = {*value, *blinding};
	struct fog_ristretto p[2];

	fog_pedersen_bases(&p[0], &p[1]);
	fog_ristretto_msm(out, s, p, 2);
	fog_wipe(s, sizeof(s));
}
