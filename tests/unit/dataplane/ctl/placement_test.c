/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement over synthetic machines. hwloc numbers their PUs in logical order: with "pu:2" the
 * siblings of core c are CPUs 2c and 2c + 1. */
#include "dataplane/ctl/placement.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static hwloc_topology_t machine(const char *description)
{
	hwloc_topology_t t;

	if (hwloc_topology_init(&t) != 0 || hwloc_topology_set_synthetic(t, description) != 0 ||
	    hwloc_topology_load(t) != 0)
		abort();
	return t;
}

/* The CPUs as "1 3 5", or "-" when not pinned. */
static const char *cpus(const struct fog_placement *p)
{
	static char text[128];
	size_t n = 0;

	text[0] = '\0';
	for (u32 w = 0; w < p->workers; w++) {
		if (p->cpu[w] < 0)
			return "-";
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", n != 0 ? " " : "",
				      p->cpu[w]);
	}
	return text;
}

static unsigned rest_count(const struct fog_placement *p)
{
	return (unsigned)CPU_COUNT(&p->rest);
}

struct placement_case {
	unsigned number;
	const char *machine;
	const char *allowed; /* hwloc list, or NULL */
	u32 workers;
	bool pin;
	u32 want_workers;
	const char *want_cpus;
	unsigned want_rest;
	const char *want_reason; /* a part of it */
	int want_mix;            /* 0 = not pinned */
};

static const struct placement_case cases[] = {
	{1, "core:1 pu:1", NULL, 0, true, 1, "-", 1, "one core"},
	{2, "core:1 pu:2", NULL, 0, true, 1, "-", 2, "one core"},
	{3, "core:2 pu:1", NULL, 0, true, 1, "-", 2, "two cores"},
	{4, "core:2 pu:2", NULL, 2, true, 2, "-", 4, "two cores"},
	{5, "core:4 pu:1", NULL, 0, true, 2, "1 2", 2, "the mix on CPU 3", 3},
	{6, "core:4 pu:1", NULL, 1, true, 1, "1", 3, "one core left", 2},
	{7, "core:4 pu:1", NULL, 3, true, 3, "1 2 3", 1, "the mix not pinned"},
	{8, "core:4 pu:1", NULL, 4, true, 4, "1 2 3 0", 4, "shared with interrupts"},
	{9, "core:4 pu:1", NULL, 5, true, 5, "-", 4, "more than the 4"},
	{10, "core:4 pu:1", NULL, 0, false, 2, "-", 4, "configuration"},
	/* SMT: cores first, the whole core is the worker's; siblings only when cores run out. */
	{11, "core:4 pu:2", NULL, 0, true, 2, "2 4", 4, "core of its own", 6},
	{12, "core:4 pu:2", NULL, 3, true, 3, "2 4 6", 2, "one core left"},
	{13, "core:4 pu:2", NULL, 6, true, 6, "2 4 6 0 3 5", 8, "SMT siblings"},
	{14, "core:4 pu:2", NULL, 8, true, 8, "2 4 6 0 3 5 7 1", 8, "SMT siblings"},
	{15, "core:4 pu:2", NULL, 9, true, 9, "-", 8, "more than the 8"},
	{16, "core:32 pu:2", NULL, 0, true, 16, "2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32", 32,
	 "16 workers on CPU", 34},
	{17, "core:64 pu:1", NULL, 0, true, 16, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 48,
	 "CPU 1-16", 17},
	/* Two nodes of four cores: node 0 has CPU 0, so four workers fit only on node 1. */
	{18, "numa:2 core:4 pu:1", NULL, 3, true, 3, "1 2 3", 5, "own", 4},
	{19, "numa:2 core:4 pu:1", NULL, 4, true, 4, "4 5 6 7", 4, "own", 1},
	{20, "numa:2 core:4 pu:1", NULL, 6, true, 6, "1 2 3 4 5 6", 2, "own", 7},
	{21, "numa:2 core:4 pu:2", NULL, 4, true, 4, "8 10 12 14", 8, "own", 2},
	/* Less than the machine: only the allowed CPUs count, in every rule. */
	{22, "core:8 pu:1", "0", 0, true, 1, "-", 1, "one core"},
	{23, "core:8 pu:1", "5", 0, true, 1, "-", 1, "one core"},
	{24, "core:8 pu:1", "5,6", 0, true, 1, "-", 2, "two cores"},
	{25, "core:8 pu:1", "4-7", 0, true, 2, "4 5", 2, "one core left", 6},
	{26, "core:8 pu:1", "4-7", 4, true, 4, "4 5 6 7", 4, "shared"},
	{27, "core:8 pu:2", "1,3,5,7", 0, true, 2, "3 5", 2, "own", 7},
	{28, "core:8 pu:1", "1-3", 0, true, 1, "1", 2, "own", 2},
	{29, "numa:2 core:4 pu:1", "2-7", 4, true, 4, "2 3 4 5", 2, "own", 6},
	/* No cores in the topology: a PU is a core. */
	{30, "pu:4", NULL, 2, true, 2, "1 2", 2, "own", 3},
};

static void test_life_cycle(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		const struct placement_case *c = &cases[i];
		hwloc_topology_t t = machine(c->machine);
		hwloc_bitmap_t allowed = NULL;
		struct fog_placement p;

		if (c->allowed != NULL) {
			allowed = hwloc_bitmap_alloc();
			hwloc_bitmap_list_sscanf(allowed, c->allowed);
		}
		CU_ASSERT_EQUAL(fog_placement_choose(&p, t, allowed, c->workers, c->pin), 0);
		bool good = p.workers == c->want_workers && strcmp(cpus(&p), c->want_cpus) == 0 &&
			    rest_count(&p) == c->want_rest &&
			    strstr(p.reason, c->want_reason) != NULL &&
			    p.mix_cpu == (c->want_mix != 0 ? c->want_mix : -1);
		if (!good)
			printf("case %u: %u workers on %s, rest %u: %s\n", c->number, p.workers,
			       cpus(&p), rest_count(&p), p.reason);
		CU_ASSERT_TRUE(good);
		CU_ASSERT(strlen(p.reason) < sizeof(p.reason) - 1);
		CU_ASSERT_EQUAL(p.pinned, strcmp(c->want_cpus, "-") != 0);
		hwloc_bitmap_free(allowed);
		hwloc_topology_destroy(t);
	}
}

/* Verify workers get cores of their own from what the workers and the mix leave. */
static void test_verify_workers(void)
{
	static const struct {
		const char *machine;
		u32 workers;
		int want[FOG_VERIFY_WORKERS_MAX];
	} list[] = {
		{"core:1 pu:2", 0, {-1, -1, -1, -1}},      {"core:2 pu:1", 1, {-1, -1, -1, -1}},
		{"core:4 pu:1", 1, {3, -1, -1, -1}},       {"core:4 pu:1", 2, {-1, -1, -1, -1}},
		{"core:4 pu:2", 1, {6, -1, -1, -1}},       {"core:8 pu:1", 2, {4, 5, 6, 7}},
		{"numa:2 core:4 pu:1", 4, {2, 3, -1, -1}},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(list); i++) {
		hwloc_topology_t t = machine(list[i].machine);
		struct fog_placement p;

		CU_ASSERT_EQUAL(fog_placement_choose(&p, t, NULL, list[i].workers, true), 0);
		for (unsigned v = 0; v < FOG_VERIFY_WORKERS_MAX; v++)
			CU_ASSERT_EQUAL(p.verify_cpu[v], list[i].want[v]);
		CU_ASSERT_EQUAL(fog_placement_choose(&p, t, NULL, list[i].workers, false), 0);
		CU_ASSERT_EQUAL(p.verify_cpu[0], -1);
		hwloc_topology_destroy(t);
	}
}

static void test_bad_arguments(void)
{
	hwloc_topology_t t = machine("core:4 pu:1");
	hwloc_bitmap_t none = hwloc_bitmap_alloc();
	struct fog_placement p;

	CU_ASSERT_EQUAL(fog_placement_choose(&p, t, NULL, FOG_WORKERS_MAX + 1, true), -EINVAL);
	CU_ASSERT_EQUAL(fog_placement_choose(&p, t, NULL, ~0u, true), -EINVAL);
	CU_ASSERT_EQUAL(fog_placement_choose(&p, t, none, 1, true), -ENODEV);
	hwloc_bitmap_set(none, 100);
	CU_ASSERT_EQUAL(fog_placement_choose(&p, t, none, 1, true), -ENODEV);
	CU_ASSERT_EQUAL(p.cpu[0], -1);
	hwloc_bitmap_free(none);
	hwloc_topology_destroy(t);
}

/* Whatever the machine and the wish: CPUs are allowed, distinct, and named in one line. */
static void test_random_machines(void)
{
	const char *env = getenv("FOG_SEED");
	unsigned seed = env != NULL ? (unsigned)strtoul(env, NULL, 0) : 31337;
	u64 x = seed * 2654435761u + 1;

	printf("seed %u ", seed);
	for (unsigned round = 0; round < 60; round++) {
		char text[64];
		struct fog_placement p;
		hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
		unsigned numa, core, pu;

		x = x * 6364136223846793005ull + 1442695040888963407ull;
		numa = 1 + (x >> 33) % 3;
		core = 1 + (x >> 37) % 12;
		pu = 1 + (x >> 41) % 4;
		snprintf(text, sizeof(text), "numa:%u core:%u pu:%u", numa, core, pu);
		for (unsigned cpu = 0; cpu < numa * core * pu; cpu++) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			if ((x >> 60) < 11)
				hwloc_bitmap_set(allowed, cpu);
		}
		hwloc_topology_t t = machine(text);
		int rc = fog_placement_choose(&p, t, allowed, (u32)(x >> 20) % 17, true);
		CU_ASSERT_EQUAL(rc == -ENODEV, hwloc_bitmap_iszero(allowed) != 0);
		for (u32 w = 0; rc == 0 && w < p.workers && p.pinned; w++) {
			CU_ASSERT(hwloc_bitmap_isset(allowed, (unsigned)p.cpu[w]));
			for (u32 k = 0; k < w; k++)
				CU_ASSERT_NOT_EQUAL(p.cpu[w], p.cpu[k]);
		}
		if (rc == 0 && p.mix_cpu >= 0)
			CU_ASSERT(CPU_ISSET((size_t)p.mix_cpu, &p.rest));
		if (rc == 0)
			CU_ASSERT(p.workers != 0 && rest_count(&p) != 0 && p.reason[0] != '\0');
		hwloc_topology_destroy(t);
		hwloc_bitmap_free(allowed);
	}
}

static void test_this_machine(void)
{
	struct fog_placement p;

	CU_ASSERT_EQUAL_FATAL(fog_placement_detect(&p, 0, true), 0);
	CU_ASSERT(p.workers >= 1 && p.workers <= FOG_WORKERS_MAX);
	CU_ASSERT(rest_count(&p) != 0);
	printf("here: %s ", p.reason);
	CU_ASSERT_EQUAL(fog_placement_detect(&p, 17, true), -EINVAL);
}

FOG_TEST_MAIN("dataplane/ctl/placement", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_verify_workers), FOG_TEST(test_random_machines),
	      FOG_TEST(test_this_machine))
