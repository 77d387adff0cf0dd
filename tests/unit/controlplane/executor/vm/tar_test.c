/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/vm/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/controlplane/executor/shell.h"
#include "tests/unit/fog_test.h"

static const struct fog_tar_limits none = {UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX};
static char dir[64];

static int shell(const char *script)
{
	return shell_run(dir, script, NULL, 0);
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-tar-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_EQUAL_FATAL(shell("mkdir out"), 0);
}

static int at(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int unpack(const char *archive)
{
	int fd = at(archive, O_RDONLY), out = at("out", O_RDONLY | O_DIRECTORY);
	int ret = fog_tar_unpack(fd, out);

	close(fd);
	close(out);
	return ret;
}

/* Ours against Debian's tar, both ways. */
static void test_life_cycle(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(shell("mkdir -p in/a/b && head -c 1300 /dev/urandom > in/a/b/c && "
				    "ln -s b/c in/a/l && : > in/empty && chmod 750 in/empty && "
				    "tar -C in --format=ustar -cf x.tar ."),
			      0);
	CU_ASSERT_EQUAL(unpack("x.tar"), 0);
	CU_ASSERT_EQUAL(shell("diff -r in out && test -L out/a/l"), 0);
	int fd = at("y.tar", O_WRONLY | O_CREAT);
	CU_ASSERT_EQUAL(fog_tar_pack(fd, at("in", O_RDONLY | O_DIRECTORY), &none), 0);
	close(fd);
	CU_ASSERT_EQUAL(shell("mkdir again && tar -C again -xf y.tar && diff -r in again"), 0);
	shell("rm -rf ../$(basename $PWD)");
}

static void test_bad_arguments(void)
{
	begin();
	CU_ASSERT_EQUAL(shell("head -c 2000 /dev/urandom > noise && : > empty"), 0);
	CU_ASSERT_EQUAL(unpack("noise"), -EINVAL);
	CU_ASSERT_EQUAL(unpack("empty"), -ENODATA);
	CU_ASSERT_EQUAL(shell("mkdir in && echo x > up && tar -C in -P --format=ustar -cf up.tar "
			      "../up && tar -P --format=ustar -cf abs.tar $PWD/up && "
			      "head -c 700 up.tar > cut.tar"),
			0);
	CU_ASSERT_EQUAL(unpack("up.tar"), -EINVAL);
	CU_ASSERT_EQUAL(unpack("abs.tar"), -EINVAL);
	CU_ASSERT_EQUAL(shell("echo x > in/f && tar -C in --format=ustar -cf f.tar f && "
			      "head -c 600 f.tar > cut.tar"),
			0);
	CU_ASSERT_EQUAL(unpack("cut.tar"), -ENODATA);
	shell("rm -rf ../$(basename $PWD)");
}

static int packed(struct fog_tar_limits limits)
{
	int fd = at("x.tar", O_WRONLY | O_CREAT | O_TRUNC);
	int ret = fog_tar_pack(fd, at("in", O_RDONLY | O_DIRECTORY), &limits);

	close(fd);
	return ret;
}

/* Where it stops, however much more there is. */
static void test_limits(void)
{
	struct fog_tar_limits limits = none;

	begin();
	CU_ASSERT_EQUAL(shell("mkdir in && cd in && mkfifo $(seq 40) && mkdir d && "
			      "head -c 1000 /dev/zero > f"),
			0);
	CU_ASSERT_EQUAL(packed(limits), 40);
	limits.omitted = 3;
	CU_ASSERT_EQUAL(packed(limits), 4);
	limits.omitted = 0;
	CU_ASSERT_EQUAL(packed(limits), 1);
	limits = none;
	limits.entries = 42;
	CU_ASSERT_EQUAL(packed(limits), 40);
	limits.entries = 41;
	CU_ASSERT_EQUAL(packed(limits), -E2BIG);
	limits = none;
	limits.end_ns = 1;
	CU_ASSERT_EQUAL(packed(limits), -ETIME);
	limits = none;
	limits.bytes = 2000;
	CU_ASSERT_EQUAL(packed(limits), -EFBIG);
	shell("rm -rf ../$(basename $PWD)");
}

FOG_TEST_MAIN("controlplane/executor/vm/tar", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_limits))
