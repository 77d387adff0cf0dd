/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/scheduler.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define GIB  (1ull << 30)
#define HOUR 3600000ull

static struct fog_placement_host host_make(u8 n)
{
	struct fog_placement_host h = {
		.roles = FOG_PLACEMENT_ROLE_WORKER,
		.alive = true,
		.cpu_milli = 4000,
		.memory_bytes = 8 * GIB,
		.price.cpu_hour = 150,
		.price.memory_gb_hour = 50,
		.latency_ms = 50,
		.reputation_lower = 0.5,
	};

	memset(h.id, n, sizeof(h.id));
	snprintf(h.name, sizeof(h.name), "h%u", n);
	snprintf(h.attribute[FOG_PLACEMENT_KEY_COUNTRY], FOG_PLACEMENT_VALUE_SIZE, "DE");
	return h;
}

static struct fog_placement_request request_make(void)
{
	return (struct fog_placement_request){
		.cpu_milli = 1000, .memory_bytes = GIB, .wall_ms = HOUR, .seed = 7};
}

static void test_life_cycle(void)
{
	struct fog_placement_host h[3] = {host_make(1), host_make(2), host_make(3)};
	struct fog_placement_request r = request_make();
	struct fog_placement p;

	h[1].price.cpu_hour = 50;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 3, NULL, &p), 0);
	CU_ASSERT_TRUE(p.found);
	CU_ASSERT_EQUAL(p.index, 1);
	CU_ASSERT_EQUAL(p.price, 100);
	CU_ASSERT_EQUAL(p.feasible, 3);
}

static void test_bad_arguments(void)
{
	struct fog_placement_host h = host_make(1);
	struct fog_placement_request r;
	struct fog_placement p;

	r = request_make();
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, FOG_PLACEMENT_HOSTS_MAX + 1, NULL, &p),
			-EINVAL);
	r.exclude_count = FOG_PLACEMENT_EXCLUDE_MAX + 1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	r = request_make();
	r.equality_count = FOG_PLACEMENT_ATTRIBUTES_MAX + 1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	r = request_make();
	r.equality_count = 1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	r = request_make();
	r.reputation_min = 1.5;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	r = request_make();
	r.price_cap = -1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	r = request_make();
	r.wall_ms = FOG_PLACEMENT_WALL_MS_MAX + 1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), -EINVAL);
	CU_ASSERT_EQUAL(fog_placement_key_parse("colour"), FOG_PLACEMENT_KEY_INVALID);
	CU_ASSERT_EQUAL(fog_placement_key_parse("as"), FOG_PLACEMENT_KEY_AS);
}

/* One host, one change; the reason it is refused for. */
static void mutate(u32 n, struct fog_placement_host *h, struct fog_placement_request *r)
{
	static struct fog_keep keep;

	switch (n) {
	case FOG_PLACEMENT_TARGET:
		r->target_set = true;
		memset(r->target, 9, sizeof(r->target));
		break;
	case FOG_PLACEMENT_LOCAL:
		h->local = true;
		break;
	case FOG_PLACEMENT_ROLE:
		h->roles = 0;
		break;
	case FOG_PLACEMENT_DEAD:
		h->alive = false;
		break;
	case FOG_PLACEMENT_EXCLUDED:
		r->exclude_count = 1;
		memcpy(r->exclude[0], h->id, sizeof(h->id));
		break;
	case FOG_PLACEMENT_ATTRIBUTE:
		r->equality_count = 1;
		r->equality[0].key = FOG_PLACEMENT_KEY_COUNTRY;
		snprintf(r->equality[0].value, FOG_PLACEMENT_VALUE_SIZE, "FR");
		break;
	case FOG_PLACEMENT_ATTESTED:
		r->attested = true;
		break;
	case FOG_PLACEMENT_CPU:
		h->cpu_milli_committed = 3001;
		break;
	case FOG_PLACEMENT_MEMORY:
		h->memory_bytes_committed = 9 * GIB;
		break;
	case FOG_PLACEMENT_CORDONED:
		h->cordoned = true;
		break;
	case FOG_PLACEMENT_APART:
		h->mark = FOG_PLACEMENT_MARK_APART;
		break;
	case FOG_PLACEMENT_AWAY:
		h->mark = FOG_PLACEMENT_MARK_AWAY;
		break;
	case FOG_PLACEMENT_KIND:
		r->gpu_milli = 1;
		break;
	case FOG_PLACEMENT_GPU:
		h->gpu_milli = h->gpu_milli_committed = 1000;
		r->gpu_milli = 1;
		break;
	case FOG_PLACEMENT_RESERVED:
		h->reserved_ms = 1;
		break;
	case FOG_PLACEMENT_KEPT:
		keep = (struct fog_keep){0};
		fog_keep_add(&keep, 1, 0, 1, &(struct fog_amount){.cpu_milli = 4000});
		h->keep = &keep;
		break;
	case FOG_PLACEMENT_REPUTATION:
		r->reputation_min = 0.51;
		break;
	case FOG_PLACEMENT_PRICE:
		r->price_cap = 199;
		break;
	default:
		CU_FAIL("reason without a case");
	}
}

static void test_filter(void)
{
	for (u32 n = 1; n < FOG_PLACEMENT_REASON_COUNT; n++) {
		struct fog_placement_host h = host_make(1);
		struct fog_placement_request r = request_make();
		struct fog_placement p;
		mutate(n, &h, &r);
		CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), 0);
		CU_ASSERT_FALSE(p.found);
		CU_ASSERT_EQUAL(p.rejected[n], 1);
	}
}

static void test_edges_fit(void)
{
	struct fog_placement_host h = host_make(1);
	struct fog_placement_request r = request_make();
	struct fog_placement p;

	h.cpu_milli_committed = 3000;
	h.memory_bytes_committed = 7 * GIB;
	r.reputation_min = 0.5;
	r.price_cap = 200;
	h.local = true;
	r.target_set = true;
	memcpy(r.target, h.id, sizeof(h.id));
	CU_ASSERT_EQUAL(fog_placement_choose(&r, &h, 1, NULL, &p), 0);
	CU_ASSERT_TRUE(p.found);
	CU_ASSERT_EQUAL(p.price, 200);
}

static void test_explain(void)
{
	struct fog_placement_host h[5];
	struct fog_placement_request r = request_make();
	struct fog_placement p;
	char text[FOG_PLACEMENT_EXPLAIN_SIZE];

	for (u32 i = 0; i < 5; i++)
		h[i] = host_make((u8)i);
	h[0].memory_bytes = h[1].memory_bytes = h[2].memory_bytes = GIB - 1;
	h[3].reputation_lower = 0.1;
	h[4].alive = false;
	r.reputation_min = 0.3;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 5, NULL, &p), 0);
	fog_placement_explain(&r, &p, text);
	CU_ASSERT_STRING_EQUAL(text, "of 5 hosts: 1 not alive, 3 without enough memory, "
				     "1 below the minimum reputation 0.30");
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 0, NULL, &p), 0);
	fog_placement_explain(&r, &p, text);
	CU_ASSERT_STRING_EQUAL(text, "no host is known");
}

static void test_price(void)
{
	static const struct {
		u64 cpu, memory, wall, price_cpu, price_memory;
		i64 want;
		u64 gpu, price_gpu;
	} cases[] = {
		{0, 0, HOUR, 150, 50, 4000, 2000, 2000},
		{1000, GIB, HOUR / 2, 150, 50, 1100, 1000, 2000},
		{1000, GIB, HOUR, 150, 50, 201, 1, 1},
		{0, 0, HOUR, 1, 1, -1, 1000, FOG_PLACEMENT_PRICE_MAX + 1},
		{1000, 0, HOUR, 150, 50, 150},
		{1000, GIB, HOUR, 150, 50, 200},
		{2000, GIB / 2, HOUR / 2, 150, 50, 163},
		{1, 1, 1, 1, 1, 2},
		{0, 0, HOUR, 150, 50, 0},
		{1000, GIB, 0, 150, 50, 0},
		{1000, GIB, HOUR, 0, 0, 0},
		{1ull << 50, 1ull << 50, FOG_PLACEMENT_WALL_MS_MAX, FOG_PLACEMENT_PRICE_MAX, 1, -1},
		{1000, GIB, FOG_PLACEMENT_WALL_MS_MAX + 1, 1, 1, -1},
		{~0ull, GIB, HOUR, 1, 1, -1},
		{1000, GIB, HOUR, FOG_PLACEMENT_PRICE_MAX + 1, 1, -1},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++)
		CU_ASSERT_EQUAL(
			fog_price(cases[i].cpu, cases[i].memory, cases[i].gpu, cases[i].wall,
				  &(struct fog_tariff){cases[i].price_cpu, cases[i].price_memory,
						       cases[i].price_gpu}),
			cases[i].want);
}

/* Same seed, same answer; different seeds spread over equal hosts; better terms win. */
static void test_deterministic(void)
{
	struct fog_placement_host h[8];
	struct fog_placement_request r = request_make();
	struct fog_placement p, q;
	u32 chosen[8] = {0};

	for (u32 i = 0; i < 8; i++)
		h[i] = host_make((u8)(i + 1));
	for (u64 seed = 0; seed < 400; seed++) {
		r.seed = seed;
		CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 8, NULL, &p), 0);
		CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 8, NULL, &q), 0);
		CU_ASSERT_EQUAL(memcmp(&p, &q, sizeof(p)), 0);
		chosen[p.index]++;
	}
	for (u32 i = 0; i < 8; i++)
		CU_ASSERT(chosen[i] > 10);
	h[5].reputation_lower = 0.9;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 8, NULL, &p), 0);
	CU_ASSERT_EQUAL(p.index, 5);
	h[5].jobs_committed = 20;
	h[5].cpu_milli_committed = 3000;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 8, NULL, &p), 0);
	CU_ASSERT_NOT_EQUAL(p.index, 5);
	h[2].latency_ms = 1;
	CU_ASSERT_EQUAL(fog_placement_choose(&r, h, 8, NULL, &p), 0);
	CU_ASSERT_EQUAL(p.index, 2);
}

FOG_TEST_MAIN("controlplane/scheduler", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_filter), FOG_TEST(test_edges_fit), FOG_TEST(test_explain),
	      FOG_TEST(test_price), FOG_TEST(test_deterministic))
