/* SPDX-License-Identifier: BSD-3-Clause */
/* Mixed batches of every kind, on every CPU path; mutated ones, which must all be refused. */
#include "crypto/check/check.h"

#include "crypto/cpu.h"
#include "tests/unit/crypto/check/proofs.h"
#include "tests/unit/fog_test.h"

#define ITEMS 300 /* more than one batch */

struct item {
	u32 len;
	u8 payload[2048];
};

static struct fog_checker *checker_open(void)
{
	void *memory = aligned_alloc(64, (fog_checker_size() + 63) & ~(size_t)63);

	if (memory == NULL)
		abort();
	return fog_checker_init(memory);
}

static u64 seed_get(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 20261128;

	printf("FOG_SEED=%llu ", (unsigned long long)seed);
	return seed;
}

static void item_make(struct proof_maker *m, enum proof_form form, struct item *out)
{
	static u8 payload[FOG_CHECK_PAYLOAD_MAX];

	out->len = proof_make(m, form, payload);
	if (out->len > sizeof(out->payload))
		abort();
	memcpy(out->payload, payload, out->len);
}

static void test_life_cycle(void)
{
	static u8 payload[FOG_CHECK_PAYLOAD_MAX];
	struct proof_maker *m = proof_maker_open(1);
	struct fog_checker *c = checker_open();

	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		struct fog_check check = {.payload = payload, .kind = proof_kind[form]};
		i32 result = 1;

		check.len = proof_make(m, form, payload);
		fog_check_many(c, &check, 1, &result);
		CU_ASSERT_EQUAL(result, 0);
		CU_ASSERT_PTR_NOT_NULL(fog_check_kind_name(check.kind));
		CU_ASSERT(fog_check_cost_ns(check.kind, payload, check.len) >= 100);
	}
	fog_check_many(c, NULL, 0, NULL);
	free(c);
	free(m);
}

/* Every length from nothing to one byte more than is right. */
static void test_bad_arguments(void)
{
	static u8 payload[FOG_CHECK_PAYLOAD_MAX + 1], message[FOG_CHECK_PAYLOAD_MAX];
	struct proof_maker *m = proof_maker_open(2);
	struct fog_checker *c = checker_open();
	u8 small[40], zero[64] = {0};
	i32 result;

	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		u32 len = proof_make(m, form, payload);

		for (u32 cut = 0; cut <= len + 1; cut += cut + 8 < len ? 7 : 1) {
			struct fog_check check = {
				.payload = payload, .len = cut, .kind = proof_kind[form]};

			(void)fog_check_cost_ns(check.kind, payload, cut);
			fog_check_many(c, &check, 1, &result);
			CU_ASSERT(cut == len ? result == 0
					     : result == -EINVAL || result == -EBADMSG);
		}
	}
	for (unsigned kind = 0; kind < 300; kind++) {
		struct fog_check check = {.payload = zero, .len = 64, .kind = (u16)kind};

		if (fog_check_kind_name((u16)kind) != NULL)
			continue;
		fog_check_many(c, &check, 1, &result);
		CU_ASSERT_EQUAL(result, -EOPNOTSUPP);
	}
	CU_ASSERT_EQUAL(fog_check_put_ed25519(small, 40, zero, zero, zero, 1), -ENOSPC);
	CU_ASSERT_EQUAL(fog_check_put_ed25519(payload, sizeof(payload), zero, zero, message,
					      FOG_CHECK_PAYLOAD_MAX - 95),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(fog_check_put_vrf(payload, 100, 3, 9, zero, zero, zero, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_check_put_range(payload, sizeof(payload), 8, 1, message,
					    FOG_CHECK_CONTEXT_MAX + 1, NULL, NULL, 0),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(fog_check_put_sigma(payload, sizeof(payload), NULL, 0, NULL, 0, NULL, 0),
			-EINVAL);
	free(c);
	free(m);
}

/* Kinds shuffled, every third item damaged: each gets its own answer, on every path. */
static void test_mixed(void)
{
	struct proof_maker *m = proof_maker_open(seed_get());
	struct item *item = calloc(ITEMS, sizeof(*item));
	struct fog_check *check = calloc(ITEMS, sizeof(*check));
	i32 *result = calloc(ITEMS, sizeof(*result));
	bool *damaged = calloc(ITEMS, sizeof(*damaged));

	for (unsigned i = 0; i < ITEMS; i++) {
		unsigned form = (unsigned)fog_rng_below(&m->rng, PROOF_FORMS);

		item_make(m, form, &item[i]);
		damaged[i] = fog_rng_below(&m->rng, 3) == 0;
		if (damaged[i])
			item[i].payload[proof_damage_at(m, form, item[i].len)] ^= 1u << i % 8;
		check[i] = (struct fog_check){
			.payload = item[i].payload, .len = item[i].len, .kind = proof_kind[form]};
	}
	for (unsigned path = 0; fog_crypto_path(path) != NULL; path++) {
		if (fog_crypto_select(fog_crypto_path(path)) != 0)
			continue;
		struct fog_checker *c = checker_open();

		memset(result, 0xff, ITEMS * sizeof(*result));
		fog_check_many(c, check, ITEMS, result);
		for (unsigned i = 0; i < ITEMS; i++)
			CU_ASSERT(damaged[i] ? result[i] == -EBADMSG || result[i] == -EINVAL
					     : result[i] == 0);
		free(c);
	}
	CU_ASSERT_EQUAL(fog_crypto_init(), 0);
	free(damaged);
	free(result);
	free(check);
	free(item);
	free(m);
}

/* One bit of a good payload changed, FOG_MUTATIONS times of each kind (10000 for the record),
 * checked in batches among good ones: all refused, and none of the good ones with them. */
static void test_mutations(void)
{
	const char *many = getenv("FOG_MUTATIONS");
	u64 rounds = many != NULL ? strtoull(many, NULL, 10) : 256, accepted = 0, lost = 0;
	struct proof_maker *m = proof_maker_open(4);
	struct fog_checker *c = checker_open();
	struct item *item = calloc(32, sizeof(*item));
	struct fog_check check[32];
	i32 result[32];

	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		static struct item good;

		item_make(m, form, &good);
		for (u64 done = 0; done < rounds; done += 31) {
			for (unsigned i = 0; i < 32; i++) {
				item[i] = good;
				if (i != 5)
					item[i].payload[proof_damage_at(m, form, good.len)] ^=
						(u8)(1u << fog_rng_below(&m->rng, 8));
				check[i] = (struct fog_check){.payload = item[i].payload,
							      .len = item[i].len,
							      .kind = proof_kind[form]};
			}
			fog_check_many(c, check, 32, result);
			for (unsigned i = 0; i < 32; i++)
				accepted += i != 5 && result[i] == 0;
			lost += result[5] != 0;
		}
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(lost, 0);
	free(item);
	free(c);
	free(m);
}

FOG_TEST_MAIN("crypto/check/check", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_mixed), FOG_TEST(test_mutations))
