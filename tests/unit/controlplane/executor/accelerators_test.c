/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/accelerators.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB (1ull << 30)

static char root[] = "/tmp/fog-accelerators-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(path, 0755);
		*at = '/';
	}
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void render(u32 n, const char *vendor, const char *device, const char *memory)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/drm/renderD%u/device/vendor", n);
	put(path, vendor);
	snprintf(path, sizeof(path), "/sys/class/drm/renderD%u/device/device", n);
	put(path, device);
	snprintf(path, sizeof(path), "/sys/class/drm/renderD%u/device/mem_info_vram_total", n);
	if (memory != NULL)
		put(path, memory);
}

/* A machine with a chip for the screen and two that compute. */
static void test_life_cycle(void)
{
	struct fog_accelerators a;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	fog_accelerators_find(root, &a);
	CU_ASSERT_EQUAL(a.count, 0);
	CU_ASSERT_EQUAL(a.type[0], '\0');
	render(128, "0x8086\n", "0x56a0\n", NULL);
	fog_accelerators_find(root, &a);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(strcmp(a.type, "intel-56a0"), 0);
	CU_ASSERT_EQUAL(strcmp(a.device[0], "/dev/dri/renderD128"), 0);
	render(130, "0x1002\n", "0x73bf\n", "17179869184\n");
	render(129, "0x1002\n", "0x73bf\n", "17179869184\n");
	render(131, "0x10de\n", "0x1eb8\n", NULL); /* NVIDIA's are found elsewhere */
	fog_accelerators_find(root, &a);
	CU_ASSERT_EQUAL(a.count, 2);
	CU_ASSERT_EQUAL(strcmp(a.type, "amd-73bf"), 0);
	CU_ASSERT_EQUAL(a.memory_bytes, 16 * GIB);
	CU_ASSERT_EQUAL(strcmp(a.device[0], "/dev/dri/renderD129"), 0);
	for (u32 i = 0; i < 3; i++) {
		char path[128], text[256];
		snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/0000:0%u:00.0/information",
			 i);
		snprintf(text, sizeof(text),
			 "Model: \t\t Tesla T4\nIRQ:   \t\t 24\nDevice Minor: \t %u\n", i);
		put(path, text);
	}
	put("/proc/driver/nvidia/gpus/0000:09:00.0/information", "no line that we know");
	fog_accelerators_find(root, &a);
	CU_ASSERT_EQUAL(a.count, 3);
	CU_ASSERT_EQUAL(strcmp(a.type, "tesla-t4"), 0);
	CU_ASSERT_EQUAL(a.memory_bytes, 0);
	CU_ASSERT_EQUAL(strcmp(a.device[2], "/dev/nvidia2"), 0);
	CU_ASSERT_EQUAL(fog_test_tree_remove(root), 0);
}

static void test_bad_arguments(void)
{
	static const char *const wrong[] = {"t4",   "t4:0",  "t4:65",   "t4:x",
					    ":2",   "t4:2:", "t4:2:x",  "t4:2:5x",
					    "T4:2", "t 4:2", "t4:2:1:1"};
	struct fog_accelerators found = {.count = 1, .type = "tesla-t4"}, a;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(wrong); i++)
		CU_ASSERT_EQUAL(fog_accelerators_configure(wrong[i], &found, &a), -EINVAL);
	CU_ASSERT_EQUAL(fog_accelerators_configure("auto", &found, &a), 0);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(fog_accelerators_configure("", &found, &a), 0);
	CU_ASSERT_EQUAL(a.count, 1);
	CU_ASSERT_EQUAL(fog_accelerators_configure("none", &found, &a), 0);
	CU_ASSERT_EQUAL(a.count, 0);
	CU_ASSERT_EQUAL(fog_accelerators_configure("v100:4:16384", &found, &a), 0);
	CU_ASSERT_EQUAL(a.count, 4);
	CU_ASSERT_EQUAL(a.memory_bytes, 16 * GIB);
	CU_ASSERT_EQUAL(fog_accelerators_configure("v100:4", &found, &a), 0);
	CU_ASSERT_EQUAL(a.memory_bytes, 0);
	CU_ASSERT(fog_accelerator_type_valid("amd-73bf"));
	CU_ASSERT_FALSE(fog_accelerator_type_valid(""));
	CU_ASSERT_FALSE(fog_accelerator_type_valid("A100"));
}

/* Only those of the mask, and only what exists. */
static void test_devices(void)
{
	struct fog_accelerators a = {.count = 3, .device = {"/dev/null", "/dev/zero", "/dev/gone"}};
	const char *out[FOG_ACCELERATOR_DEVICES_MAX];

	CU_ASSERT_EQUAL(fog_accelerators_devices(&a, 6, out), 1);
	CU_ASSERT_EQUAL(strcmp(out[0], "/dev/zero"), 0);
	CU_ASSERT_EQUAL(fog_accelerators_devices(&a, 0, out), 0);
}

FOG_TEST_MAIN("controlplane/executor/accelerators", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_devices))
