/* SPDX-License-Identifier: BSD-3-Clause */
/* The checker against brute force, of small random systems of both kinds. */
#include "controlplane/quorum/intersect.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#define NODES 7

static u64 seed(void)
{
	const char *s = getenv("FOG_SEED");

	return s != NULL ? strtoull(s, NULL, 0) : 1;
}

/* Each node: k of some, sometimes one of these being k of an inner set. */
static void random_system(struct fog_rng *rng, struct fog_fbas *f)
{
	f->node_count = NODES;
	f->set_count = 0;
	for (u32 i = 0; i < NODES; i++) {
		bool inner = fog_rng_below(rng, 3) == 0;
		f->first[i] = f->set_count;
		for (u32 k = 0; k <= inner; k++) {
			struct fog_fbas_set *s = &f->set[f->set_count];
			memset(s, 0, sizeof(*s));
			s->parent = f->first[i];
			for (u32 j = 0; j < NODES; j++)
				if (fog_rng_below(rng, 2) == 0)
					fog_fbas_bit(&s->members, j);
			s->threshold = 1 + fog_rng_below(rng, 4);
			f->set_count++;
		}
		f->last[i] = f->set_count - 1;
	}
}

static bool plain_satisfied(const struct fog_fbas *f, u32 node, u64 in)
{
	const struct fog_fbas_set *top = &f->set[f->first[node]];
	u64 count = (u64)__builtin_popcountll(top->members.w[0] & in);

	for (u32 i = f->first[node] + 1; i <= f->last[node]; i++)
		count += (u64)__builtin_popcountll(f->set[i].members.w[0] & in) >=
			 f->set[i].threshold;
	return count >= top->threshold;
}

static bool plain_quorum(const struct fog_fbas *f, u64 q, u64 faulty)
{
	for (u32 i = 0; i < NODES; i++)
		if ((q >> i & 1) != 0 && !plain_satisfied(f, i, q | faulty))
			return false;
	return q != 0;
}

static enum fog_intersection plain_check(const struct fog_fbas *f, u64 faulty)
{
	u64 all = ((1ull << NODES) - 1) & ~faulty;
	bool any = false;

	for (u64 a = 1; a <= all; a++) {
		if ((a & ~all) != 0 || !plain_quorum(f, a, faulty))
			continue;
		any = true;
		for (u64 b = a + 1; b <= all; b++)
			if ((b & ~all) == 0 && (a & b) == 0 && plain_quorum(f, b, faulty))
				return FOG_INTERSECTION_SPLIT;
	}
	return any ? FOG_INTERSECTION_HOLDS : FOG_INTERSECTION_NONE;
}

static void test_federated(void)
{
	struct fog_rng rng;
	struct fog_fbas f;
	struct fog_fbas_mask faulty = {0}, a, b;
	u32 seen[5] = {0};

	fog_rng_init_u64(&rng, seed());
	CU_ASSERT_EQUAL_FATAL(fog_fbas_new(&f), 0);
	for (u32 round = 0; round < 600; round++) {
		random_system(&rng, &f);
		faulty.w[0] = round % 3 == 0 ? 1ull << fog_rng_below(&rng, NODES) : 0;
		enum fog_intersection want = plain_check(&f, faulty.w[0]);
		enum fog_intersection got = fog_fbas_check(&f, &faulty, &a, &b);
		CU_ASSERT_EQUAL(got, want);
		if (got == FOG_INTERSECTION_SPLIT)
			CU_ASSERT(plain_quorum(&f, a.w[0], faulty.w[0]) &&
				  plain_quorum(&f, b.w[0], faulty.w[0]) && (a.w[0] & b.w[0]) == 0);
		seen[got]++;
	}
	CU_ASSERT(seen[FOG_INTERSECTION_HOLDS] > 20 && seen[FOG_INTERSECTION_SPLIT] > 20);
	fog_fbas_free(&f);
}

static void test_weighted(void)
{
	struct fog_rng rng;

	fog_rng_init_u64(&rng, seed() + 1);
	for (u32 round = 0; round < 100; round++) {
		static struct fog_validators s;
		u64 a, b, bad = 0;
		bool split = false;

		memset(&s, 0, sizeof(s));
		s.epoch = 1;
		s.rules.profile = FOG_PROFILE_NONE;
		s.count = 4 + (u32)fog_rng_below(&rng, 5);
		for (u32 i = 0; i < s.count; i++) {
			s.v[i].node_id[0] = (u8)(i + 1);
			s.v[i].weight = 1 + fog_rng_below(&rng, 30);
		}
		CU_ASSERT_EQUAL_FATAL(fog_validators_finish(&s, NULL), 0);
		bad = fog_rng_below(&rng, 1ull << s.count);
		for (u64 x = 0; x < 1ull << s.count && !split; x++)
			for (u64 y = 0; y < 1ull << s.count && !split; y++)
				split = fog_validators_quorum(&s, x) &&
					fog_validators_quorum(&s, y) && (x & y & ~bad) == 0;
		enum fog_intersection got = fog_validators_check(&s, bad, &a, &b);
		CU_ASSERT_EQUAL(got, split ? FOG_INTERSECTION_SPLIT : FOG_INTERSECTION_HOLDS);
		if (split)
			CU_ASSERT((a & b & ~bad) == 0);
	}
}

FOG_TEST_MAIN("controlplane/quorum/intersect", FOG_TEST(test_federated), FOG_TEST(test_weighted))
