/* SPDX-License-Identifier: BSD-3-Clause */
/* The meter against made-up sys and proc folders. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/directory/energy.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

static char root[] = "/tmp/fog-energy-XXXXXX";
static struct fog_energy_meter m;
static struct fog_energy e;

static void put(const char *path, const char *text)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		CU_ASSERT_TRUE(mkdir(full, 0700) == 0 || errno == EEXIST);
		*p = '/';
	}
	FILE *f = fopen(full, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void stat_put(u64 busy, u64 idle)
{
	char text[128];

	snprintf(text, sizeof(text), "cpu %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 1 1 1 1\n",
		 (unsigned long long)busy, (unsigned long long)idle);
	put("proc/stat", text);
}

/* Nothing to read, nothing declared: unknown, not zero watts. */
static void test_unknown(void)
{
	stat_put(100, 100);
	fog_energy_open(&m, root, 0, 0);
	CU_ASSERT_EQUAL(m.zone_count, 0);
	fog_energy_read(&m, 1000, &e);
	stat_put(200, 200);
	fog_energy_read(&m, 11000, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_UNKNOWN);
	CU_ASSERT_EQUAL(e.milliwatts, 0);
}

static void test_declared(void)
{
	stat_put(1000, 1000);
	fog_energy_open(&m, root, 100000, 300000);
	fog_energy_read(&m, 1000, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_UNKNOWN);
	stat_put(1250, 1750); /* a quarter of the time busy */
	fog_energy_read(&m, 1500, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_UNKNOWN); /* too soon */
	fog_energy_read(&m, 11000, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_DECLARED);
	CU_ASSERT_EQUAL(e.milliwatts, 150000);
	CU_ASSERT_EQUAL(e.idle_milliwatts, 100000);
	CU_ASSERT_EQUAL(e.full_milliwatts, 300000);
}

static void test_rapl(void)
{
	put("sys/class/powercap/intel-rapl:0/name", "package-0\n");
	put("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000000000\n");
	put("sys/class/powercap/intel-rapl:0/energy_uj", "900000000\n");
	put("sys/class/powercap/intel-rapl:0:0/name", "core\n"); /* within the package */
	put("sys/class/powercap/intel-rapl:0:0/energy_uj", "5\n");
	put("sys/class/powercap/intel-rapl:0:1/name", "dram\n");
	put("sys/class/powercap/intel-rapl:0:1/energy_uj", "1000000\n");
	fog_energy_open(&m, root, 100000, 300000);
	CU_ASSERT_EQUAL(m.zone_count, 2);
	fog_energy_read(&m, 1000, &e);
	/* 400 J of the package, over the end of its counter, and 50 J of memory in 10 s. */
	put("sys/class/powercap/intel-rapl:0/energy_uj", "300000000\n");
	put("sys/class/powercap/intel-rapl:0:1/energy_uj", "51000000\n");
	fog_energy_read(&m, 11000, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_RAPL);
	CU_ASSERT_EQUAL(e.milliwatts, 45000);
	CU_ASSERT_EQUAL(e.idle_milliwatts, 45000); /* the least so far */
	put("sys/class/powercap/intel-rapl:0/energy_uj", "garbage\n");
	stat_put(5000, 1750);
	fog_energy_read(&m, 21000, &e);
	CU_ASSERT_EQUAL(e.source, FOG_ENERGY_DECLARED); /* and says so */
}

static void test_clean(void)
{
	CU_ASSERT_EQUAL(fog_test_tree_remove(root), 0);
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_unknown), FOG_TEST(test_declared),
						FOG_TEST(test_rapl), FOG_TEST(test_clean)};

	if (mkdtemp(root) == NULL)
		return 2;
	return fog_test_run("controlplane/directory/energy", tests, FOG_ARRAY_COUNT(tests));
}
