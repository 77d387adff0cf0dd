/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of validators: what a quorum is, caps, tolerance, bytes. */
#include "controlplane/quorum/validators.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static void member(struct fog_validators *s, u64 weight, const char *operator_name, u32 as,
		   const char *country, const char *power, const char *tee)
{
	struct fog_app_validator *v = &s->v[s->count++];

	memset(v, 0, sizeof(*v));
	v->node_id[0] = (u8)s->count;
	v->weight = weight;
	v->as = as;
	snprintf(v->operator_name, sizeof(v->operator_name), "%s", operator_name);
	snprintf(v->country, sizeof(v->country), "%s", country);
	snprintf(v->power_region, sizeof(v->power_region), "%s", power);
	snprintf(v->tee_vendor, sizeof(v->tee_vendor), "%s", tee);
}

static void start(struct fog_validators *s, enum fog_profile profile)
{
	memset(s, 0, sizeof(*s));
	s->epoch = 1;
	s->rules.profile = profile;
}

static void four(struct fog_validators *s, enum fog_profile profile)
{
	start(s, profile);
	member(s, 10, "a", 1, "DE", "p1", "snp");
	member(s, 10, "b", 2, "FR", "p2", "tdx");
	member(s, 10, "c", 3, "IE", "p3", "");
	member(s, 10, "d", 4, "NO", "p4", "");
}

static void test_life_cycle(void)
{
	struct fog_validators s;
	char why[FOG_APP_WHY_SIZE];

	four(&s, FOG_PROFILE_NONE);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), 0);
	CU_ASSERT_FALSE(s.capped || s.flagged);
	CU_ASSERT_EQUAL(s.total, 1000000);
	CU_ASSERT_TRUE(fog_validators_quorum(&s, 7));
	CU_ASSERT_FALSE(fog_validators_quorum(&s, 3));
	CU_ASSERT_TRUE(fog_validators_quorum(&s, ~0ull));
	fog_validators_explain(&s, 3, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(why, "weight 500000 of 666667");
	fog_validators_explain(&s, 15, why, sizeof(why));
	CU_ASSERT_STRING_EQUAL(why, "");
	CU_ASSERT_EQUAL(fog_validators_find(&s, s.v[2].node_id), 2);
}

static void test_bad(void)
{
	struct fog_validators s;
	char why[FOG_APP_WHY_SIZE];

	start(&s, FOG_PROFILE_NONE);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -EINVAL);
	four(&s, FOG_PROFILE_NONE);
	s.v[1] = s.v[0];
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -EINVAL);
	four(&s, FOG_PROFILE_NONE);
	s.v[1].weight = 0;
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -EINVAL);
	four(&s, 7);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -EINVAL);
	four(&s, FOG_PROFILE_NONE);
	s.rules.residual_ppm = FOG_RESIDUAL_PPM_MAX + 1;
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -EINVAL);
	/* Two countries at all are more than one. */
	start(&s, FOG_PROFILE_BASIC);
	for (u32 i = 0; i < 4; i++)
		member(&s, 1, "x", i + 1, "DE", "", "");
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -ENOTSUP);
	/* Three operators can never each have less than a third. */
	start(&s, FOG_PROFILE_NONE);
	s.rules.strict = true;
	for (u32 i = 0; i < 6; i++)
		member(&s, 1, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c", i + 1, "DE", "", "");
	CU_ASSERT_EQUAL(fog_validators_finish(&s, why), -ERANGE);
}

static void test_profiles(void)
{
	struct fog_validators s;

	/* 0 1 2: weight enough, and one country for two of them. */
	start(&s, FOG_PROFILE_BASIC);
	member(&s, 30, "a", 1, "DE", "p1", "");
	member(&s, 30, "b", 2, "DE", "p2", "");
	member(&s, 30, "c", 3, "DE", "p3", "");
	member(&s, 10, "d", 4, "FR", "p4", "");
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_TRUE(s.flagged);
	CU_ASSERT_FALSE(fog_validators_quorum(&s, 7));
	CU_ASSERT_TRUE(fog_validators_quorum(&s, 15));
	four(&s, FOG_PROFILE_GOLD);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_TRUE(fog_validators_quorum(&s, 7));
	CU_ASSERT_FALSE(fog_validators_quorum(&s, 13)); /* one TEE vendor */
	/* Enhanced: of one AS two members count. */
	start(&s, FOG_PROFILE_ENHANCED);
	for (u32 i = 0; i < 8; i++)
		member(&s, 1, "o", i < 4 ? 7 : 10 + i, i % 2 ? "DE" : "FR", "p", "");
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_FALSE(fog_validators_diverse(&s, 0x0f));
	CU_ASSERT_TRUE(fog_validators_diverse(&s, 0x1f));
}

/* Vendors that nobody has seen count as none. */
static void test_span(void)
{
	struct fog_validators s;
	char why[FOG_APP_WHY_SIZE];

	four(&s, FOG_PROFILE_GOLD);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_TRUE(fog_validators_span(&s, ~0ull, why, sizeof(why)));
	CU_ASSERT_STRING_EQUAL(why, "");
	CU_ASSERT_TRUE(fog_validators_span(&s, 3, why, sizeof(why)));
	CU_ASSERT_FALSE(fog_validators_span(&s, 1, why, sizeof(why)));
	CU_ASSERT_STRING_EQUAL(why, "1 of 2 TEE vendors");
	CU_ASSERT_FALSE(fog_validators_span(&s, 0, why, sizeof(why)));
	CU_ASSERT_TRUE(fog_validators_diverse(&s, 15)); /* the set itself is as it was */
	four(&s, FOG_PROFILE_BASIC);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_TRUE(fog_validators_span(&s, 0, why, sizeof(why)));
}

static void test_caps(void)
{
	struct fog_validators s;
	struct fog_tolerance *t = malloc(sizeof(*t));

	/* One operator asks for most of the weight, in two validators. */
	start(&s, FOG_PROFILE_NONE);
	s.rules.residual_ppm = 20000;
	member(&s, 400, "whale", 1, "DE", "p1", "");
	member(&s, 300, "whale", 2, "FR", "p2", "");
	for (u32 i = 0; i < 5; i++) {
		char name[8] = {(char)('a' + i), 0};
		member(&s, 50 + 10 * i, name, 10 + i, name, name, "");
	}
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_TRUE(s.capped);
	CU_ASSERT_FALSE(s.flagged);
	CU_ASSERT(3 * (fog_validators_weight(&s, 3) + s.total / 50) < s.total);
	CU_ASSERT(3 * (fog_validators_weight(&s, 3) + s.total / 40) > s.total - s.total / 50);
	fog_validators_tolerance(&s, t);
	for (u32 i = 0; i < t->class_count; i++) {
		const struct fog_class_tolerance *c = &t->classes[i];
		if (strcmp(c->value, "whale") == 0) {
			CU_ASSERT(c->mask == 3 && c->residual >= 0 && c->live);
		}
	}
	free(t);
}

/* Brute force: the tolerance told is the tolerance there is, of weights and classes. */
static void test_tolerance(void)
{
	struct fog_rng rng;
	struct fog_tolerance *t = malloc(sizeof(*t));

	const char *seed = getenv("FOG_SEED");
	fog_rng_init_u64(&rng, seed != NULL ? strtoull(seed, NULL, 0) : 1);
	for (u32 round = 0; round < 40; round++) {
		struct fog_validators s;
		u32 n = 4 + (u32)fog_rng_below(&rng, 5);
		start(&s, FOG_PROFILE_NONE);
		for (u32 i = 0; i < n; i++) {
			char op[4] = {(char)('a' + (char)fog_rng_below(&rng, 5)), 0};
			member(&s, 1 + fog_rng_below(&rng, 50), op, 1 + i, op, op, "");
		}
		CU_ASSERT_EQUAL_FATAL(fog_validators_finish(&s, NULL), 0);
		fog_validators_tolerance(&s, t);
		for (u64 q1 = 1; q1 < 1ull << n; q1++)
			for (u64 q2 = q1; q2 < 1ull << n; q2++) {
				if (!fog_validators_quorum(&s, q1) ||
				    !fog_validators_quorum(&s, q2))
					continue;
				CU_ASSERT(fog_validators_weight(&s, q1 & q2) > t->weight);
				for (u32 i = 0; i < t->class_count; i++)
					if (t->classes[i].residual >= 0)
						CU_ASSERT((q1 & q2 & ~t->classes[i].mask) != 0);
			}
		if (!s.flagged)
			for (u32 i = 0; i < t->class_count; i++)
				CU_ASSERT(t->classes[i].residual >= 0 && t->classes[i].live);
	}
	free(t);
}

static void test_change(void)
{
	struct fog_validators s, out;
	struct fog_app_validator change[2];
	char why[FOG_APP_WHY_SIZE];

	four(&s, FOG_PROFILE_NONE);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	change[0] = s.v[0];
	change[0].node_id[0] = 99;
	change[1] = s.v[1];
	change[1].weight = 0;
	CU_ASSERT_TRUE(fog_validators_change(&out, &s, 2, NULL, change, 2, why));
	CU_ASSERT(out.count == 4 && out.epoch == 2);
	CU_ASSERT(fog_validators_find(&out, s.v[1].node_id) < 0);
	CU_ASSERT(fog_validators_find(&out, change[0].node_id) >= 0);
	/* Everybody leaves: refused. */
	for (u32 i = 0; i < 2; i++) {
		change[i] = s.v[i];
		change[i].weight = 0;
	}
	s.count = 2;
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_FALSE(fog_validators_change(&out, &s, 2, NULL, change, 2, why));
	CU_ASSERT(out.count == 2 && out.epoch == 2);
}

static void test_rules(void)
{
	struct fog_validators s, out;
	struct fog_app_validator change;
	struct fog_app_rules rules = {FOG_PROFILE_GOLD, 5000};
	char why[FOG_APP_WHY_SIZE];

	four(&s, FOG_PROFILE_NONE);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	CU_ASSERT_EQUAL(s.rules.epoch_ms, FOG_QUORUM_EPOCH_MS);
	CU_ASSERT_TRUE(fog_validators_change(&out, &s, 2, &rules, NULL, 0, why));
	CU_ASSERT(out.rules.profile == FOG_PROFILE_GOLD && out.rules.epoch_ms == 5000);
	CU_ASSERT_NOT_EQUAL(memcmp(out.hash, s.hash, 32), 0);
	rules.epoch_ms = 5001; /* the hash is over all of them */
	struct fog_validators other;
	CU_ASSERT_TRUE(fog_validators_change(&other, &s, 2, &rules, NULL, 0, why));
	CU_ASSERT_NOT_EQUAL(memcmp(out.hash, other.hash, 32), 0);
	rules.profile = 0; /* as they are */
	CU_ASSERT_TRUE(fog_validators_change(&out, &s, 2, &rules, NULL, 0, why));
	CU_ASSERT(out.rules.profile == FOG_PROFILE_NONE &&
		  out.rules.epoch_ms == FOG_QUORUM_EPOCH_MS);
	/* All of one country: the members change, the rules have to wait for better ones. */
	for (u32 i = 0; i < s.count; i++)
		memcpy(s.v[i].country, "XX", 3);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	change = s.v[0];
	change.weight += 7;
	rules.profile = FOG_PROFILE_BASIC;
	CU_ASSERT_FALSE(fog_validators_change(&out, &s, 2, &rules, &change, 1, why));
	CU_ASSERT_STRING_NOT_EQUAL(why, "");
	CU_ASSERT_EQUAL(out.v[0].weight, change.weight);
	CU_ASSERT_EQUAL(out.rules.profile, FOG_PROFILE_NONE);
	rules.profile = 99;
	CU_ASSERT_FALSE(fog_validators_change(&out, &s, 2, &rules, &change, 1, why));
	CU_ASSERT_EQUAL(out.v[0].weight, change.weight);
}

static void test_bytes(void)
{
	struct fog_validators s, back;
	u8 bytes[FOG_VALIDATORS_SIZE_MAX], order[FOG_VALIDATORS_MAX], seed[32] = {5};
	u64 mask = 0;

	four(&s, FOG_PROFILE_GOLD);
	CU_ASSERT_EQUAL(fog_validators_finish(&s, NULL), 0);
	u32 len = fog_validators_encode(&s, bytes);
	CU_ASSERT_EQUAL(fog_validators_decode(&back, bytes, len), 0);
	CU_ASSERT(memcmp(back.hash, s.hash, 32) == 0 && back.quorum == s.quorum);
	CU_ASSERT_EQUAL(fog_validators_decode(&back, bytes, len - 1), -EBADMSG);
	CU_ASSERT_EQUAL(fog_validators_decode(&back, bytes, 10), -EBADMSG);
	memmove(bytes + FOG_VALIDATORS_HEAD, bytes + FOG_VALIDATORS_HEAD + FOG_VALIDATOR_SIZE,
		FOG_VALIDATOR_SIZE);
	CU_ASSERT_EQUAL(fog_validators_decode(&back, bytes, len), -EBADMSG); /* twice one */
	fog_validators_order(&s, seed, order);
	for (u32 i = 0; i < s.count; i++)
		mask |= 1ull << order[i];
	CU_ASSERT_EQUAL(mask, 15);
}

FOG_TEST_MAIN("controlplane/quorum/validators", FOG_TEST(test_life_cycle), FOG_TEST(test_bad),
	      FOG_TEST(test_profiles), FOG_TEST(test_span), FOG_TEST(test_caps),
	      FOG_TEST(test_tolerance), FOG_TEST(test_change), FOG_TEST(test_rules),
	      FOG_TEST(test_bytes))
