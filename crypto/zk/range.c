/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/range.h"

#include <errno.h>

#include "crypto/hash/keccak.h"
#include "crypto/mem.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range_internal.h"

/* SHAKE256("GeneratorsChain" | 'G' or 'H' | party, 32 bits): 64 bytes make one generator. */
static void chain(struct fog_ge_niels *out, char which, u32 party)
{
	struct fog_ristretto point[FOG_RANGE_BITS_MAX];
	u8 wide[FOG_UNIFORM_SIZE];
	struct fog_keccak k;

	fog_keccak_init(&k);
	fog_keccak_update(&k, "GeneratorsChain", 15);
	fog_keccak_update(&k, &which, 1);
	fog_keccak_update(&k, &party, sizeof(party));
	for (unsigned i = 0; i < FOG_RANGE_BITS_MAX; i++) {
		fog_shake256_squeeze(&k, wide, sizeof(wide));
		fog_ristretto_from_uniform(&point[i], wide);
	}
	fog_ristretto_to_niels(out, point, FOG_RANGE_BITS_MAX);
}

static void fixed_init(struct fog_fixed *fixed, const struct fog_ge_niels *point)
{
	struct fog_ge_ext p;

	fog_ge_ext_from_niels(&p, point);
	fog_fixed_init(fixed, &p);
}

void fog_range_gens_init(struct fog_range_gens *gens)
{
	struct fog_ristretto base, blinding;

	for (u32 party = 0; party < FOG_RANGE_COUNT_MAX; party++) {
		chain(gens->g[party], 'G', party);
		chain(gens->h[party], 'H', party);
	}
	for (unsigned i = 0; i < FOG_RANGE_BITS_MAX; i++) {
		fixed_init(&gens->g_fixed[i], &gens->g[0][i]);
		fixed_init(&gens->h_fixed[i], &gens->h[0][i]);
	}
	fog_pedersen_bases(&base, &blinding);
	fog_fixed_init(&gens->base_fixed, &base.point);
	fog_fixed_init(&gens->blinding_fixed, &blinding.point);
	fog_known_table_init(&gens->base_known, &base.point);
	fog_known_table_init(&gens->blinding_known, &blinding.point);
}

unsigned fog_range_rounds(unsigned bits, unsigned count)
{
	return __builtin_ctz(bits) + __builtin_ctz(count);
}

static bool is_power_of_two(unsigned n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

size_t fog_range_proof_len(unsigned bits, unsigned count)
{
	if (!is_power_of_two(bits) || bits < 8 || bits > FOG_RANGE_BITS_MAX)
		return 0;
	if (!is_power_of_two(count) || count > FOG_RANGE_COUNT_MAX)
		return 0;
	return 32 * (9 + 2 * fog_range_rounds(bits, count));
}

void fog_range_domain(struct fog_merlin *t, unsigned bits, unsigned count)
{
	fog_merlin_append(t, "dom-sep", "rangeproof v1", 13);
	fog_merlin_append_u64(t, "n", bits);
	fog_merlin_append_u64(t, "m", count);
}

void fog_range_challenge(struct fog_merlin *t, const char *label, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_challenge(t, label, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

void fog_range_random(struct fog_merlin_rng *rng, struct fog_scalar *out, unsigned count)
{
	u8 wide[FOG_RANGE_BITS_MAX][FOG_UNIFORM_SIZE];

	FOG_ASSERT(count <= FOG_RANGE_BITS_MAX);
	fog_merlin_rng_bytes(rng, wide[0], count * sizeof(*wide));
	for (unsigned i = 0; i < count; i++)
		fog_scalar_reduce(&out[i], wide[i]);
	fog_wipe(wide, count * sizeof(*wide));
}
