/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/vm/initrd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

static char path[64];

static int begin(struct fog_initrd *r)
{
	snprintf(path, sizeof(path), "/tmp/fog-initrd-test.XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	fog_initrd_begin(r, fd);
	return fd;
}

/* The kernel's reader is the judge in engine_microvm_test; here the format, byte for byte. */
static void test_life_cycle(void)
{
	static const char want[] = "070701"
				   "00000001"
				   "000041ed"
				   "00000000"
				   "00000000"
				   "00000001"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000002"
				   "00000000"
				   "d\0"
				   "070701"
				   "00000002"
				   "000081a4"
				   "00000000"
				   "00000000"
				   "00000001"
				   "00000000"
				   "00000005"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000004"
				   "00000000"
				   "d/f\0"
				   "\0\0"
				   "hello"
				   "\0\0\0"
				   "070701"
				   "00000003"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000001"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "00000000"
				   "0000000b"
				   "00000000"
				   "TRAILER!!!\0"
				   "\0\0\0";
	char got[1024];
	struct fog_initrd r;

	int fd = begin(&r);
	fog_initrd_dir(&r, "d");
	fog_initrd_data(&r, "d/f", 0644, "hello", 5);
	CU_ASSERT_EQUAL(fog_initrd_end(&r), 0);
	ssize_t n = pread(fd, got, sizeof(got), 0);
	CU_ASSERT_EQUAL(n, sizeof(want) - 1);
	CU_ASSERT_EQUAL(memcmp(got, want, sizeof(want) - 1), 0);
	close(fd);
	unlink(path);
}

static void test_bad_arguments(void)
{
	struct fog_initrd r;

	int fd = begin(&r);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fog_initrd_file(&r, "x", 0644, null, 100);
	CU_ASSERT_EQUAL(fog_initrd_end(&r), -EFBIG);
	close(null);
	fog_initrd_begin(&r, -1);
	fog_initrd_dir(&r, "d");
	CU_ASSERT_EQUAL(fog_initrd_end(&r), -EBADF);
	int big = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	fog_initrd_begin(&r, fd);
	fog_initrd_file(&r, "x", 0644, big, 10);
	CU_ASSERT_EQUAL(fog_initrd_end(&r), -EFBIG);
	close(big);
	close(fd);
	unlink(path);
}

FOG_TEST_MAIN("controlplane/executor/vm/initrd", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
