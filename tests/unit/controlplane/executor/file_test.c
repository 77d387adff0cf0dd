/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "tests/unit/fog_test.h"

#define DEEP 3000 /* past PATH_MAX and past any limit on open files */

static char base[64];
static int base_fd;

static void setup(void)
{
	snprintf(base, sizeof(base), "/tmp/fog-file-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(base_fd >= 0);
}

static void teardown(void)
{
	close(base_fd);
	CU_ASSERT_EQUAL(fog_tree_remove(AT_FDCWD, base), 0);
	CU_ASSERT_EQUAL(access(base, F_OK), -1);
}

static void test_life_cycle(void)
{
	char *text = NULL;
	size_t len = 0;

	setup();
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "a", 100, &text, &len), -ENOENT);
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "a", "one", 3), 0);
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "a", "second", 6), 0);
	CU_ASSERT_EQUAL_FATAL(fog_file_read(base_fd, "a", 100, &text, &len), 0);
	CU_ASSERT_EQUAL(len, 6);
	CU_ASSERT_STRING_EQUAL(text, "second");
	free(text);
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "a", 6, &text, &len), 0);
	free(text);
	CU_ASSERT_EQUAL(faccessat(base_fd, ".a.tmp", F_OK, 0), -1);
	teardown();
}

static void test_bad_arguments(void)
{
	char *text = NULL;
	size_t len = 0;

	setup();
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "a", "123456", 6), 0);
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "a", 5, &text, &len), -EFBIG);
	CU_ASSERT_EQUAL(symlinkat("/etc/passwd", base_fd, "link"), 0);
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "link", 1 << 20, &text, &len), -ELOOP);
	CU_ASSERT_EQUAL(mkdirat(base_fd, "dir", 0700), 0);
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "dir", 100, &text, &len), -EINVAL);
	CU_ASSERT_EQUAL(mkfifoat(base_fd, "fifo", 0600), 0);
	CU_ASSERT_EQUAL(fog_file_read(base_fd, "fifo", 100, &text, &len), -EINVAL);
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "dir", "x", 1), -EISDIR);
	CU_ASSERT_EQUAL(faccessat(base_fd, ".dir.tmp", F_OK, 0), -1);
	CU_ASSERT_EQUAL(fog_tree_remove(base_fd, "missing"), 0);
	teardown();
}

/* A leftover temporary file, even a link planted in its place, is no hindrance and is not followed.
 */
static void test_replace_over_leftover(void)
{
	setup();
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "target", "keep", 4), 0);
	CU_ASSERT_EQUAL(symlinkat("target", base_fd, ".a.tmp"), 0);
	CU_ASSERT_EQUAL(fog_file_replace(base_fd, "a", "new", 3), 0);
	char *text = NULL;
	size_t len = 0;
	CU_ASSERT_EQUAL_FATAL(fog_file_read(base_fd, "target", 10, &text, &len), 0);
	CU_ASSERT_STRING_EQUAL(text, "keep");
	free(text);
	teardown();
}

static void deep_make(int levels)
{
	int fd = dup(base_fd);

	for (int i = 0; i < levels; i++) {
		CU_ASSERT_EQUAL_FATAL(mkdirat(fd, "d", 0700), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CU_ASSERT_FATAL(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

static void test_remove_deep(void)
{
	setup();
	deep_make(DEEP);
	teardown();
}

static void test_remove_hostile(void)
{
	setup();
	CU_ASSERT_EQUAL(mkdirat(base_fd, "keep", 0700), 0);
	int keep = openat(base_fd, "keep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_replace(keep, "me", "x", 1), 0);
	CU_ASSERT_EQUAL(mkdirat(base_fd, "t", 0700), 0);
	int t = openat(base_fd, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(symlinkat("../keep", t, "link"), 0);
	CU_ASSERT_EQUAL(mkdirat(t, "fog.rm.1", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(t, "a", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(t, "a/b", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(t, "a/b/c", 0700), 0);
	CU_ASSERT_EQUAL(symlinkat("../../../keep", t, "a/b/up"), 0);
	CU_ASSERT_EQUAL(mkfifoat(t, "a/b/fifo", 0), 0);
	CU_ASSERT_EQUAL(fchmodat(t, "a/b/c", 0, 0), 0);
	CU_ASSERT_EQUAL(fchmodat(t, "a/b", 0, 0), 0);
	CU_ASSERT_EQUAL(fchmodat(t, "a", 0500, 0), 0);
	close(t);
	CU_ASSERT_EQUAL(fog_tree_remove(base_fd, "t"), 0);
	CU_ASSERT_EQUAL(faccessat(base_fd, "t", F_OK, 0), -1);
	CU_ASSERT_EQUAL(faccessat(keep, "me", F_OK, 0), 0);
	close(keep);
	teardown();
}

/* The same by a user whom modes bind. */
static void test_remove_unprivileged(void)
{
	if (geteuid() != 0) {
		test_remove_hostile();
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(3);
		unsigned before = CU_get_number_of_failures();
		test_remove_hostile();
		_exit(CU_get_number_of_failures() != before);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void test_measure(void)
{
	static char block[8192];
	u64 bytes = 1;

	setup();
	CU_ASSERT_EQUAL(fog_tree_measure(base_fd, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	memset(block, 1, sizeof(block));
	CU_ASSERT_EQUAL(mkdirat(base_fd, "d", 0700), 0);
	int d = openat(base_fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_replace(d, "f", block, sizeof(block)), 0);
	// Not followed, not counted.
	CU_ASSERT_EQUAL(symlinkat("/usr", d, "link"), 0);
	close(d);
	CU_ASSERT_EQUAL(fog_tree_measure(base_fd, &bytes), 0);
	CU_ASSERT_TRUE(bytes >= sizeof(block) && bytes < 4 * sizeof(block));
	teardown();
}

static void test_measure_depth(void)
{
	u64 bytes;

	setup();
	deep_make(FOG_TREE_DEPTH_MAX - 1);
	CU_ASSERT_EQUAL(fog_tree_measure(base_fd, &bytes), 0);
	teardown();
	setup();
	deep_make(FOG_TREE_DEPTH_MAX);
	CU_ASSERT_EQUAL(fog_tree_measure(base_fd, &bytes), -E2BIG);
	teardown();
}

static void test_clear(void)
{
	char at[] = "/tmp/fog-clear-test.XXXXXX";

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(at));
	int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(mkdirat(fd, "a", 0), 0);
	CU_ASSERT_EQUAL(symlinkat("/etc", fd, "link"), 0);
	close(openat(fd, ".hidden", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CU_ASSERT_EQUAL(fog_tree_clear(fd), 0);
	CU_ASSERT_EQUAL(access("/etc/passwd", F_OK), 0);
	close(fd);
	CU_ASSERT_EQUAL(rmdir(at), 0);
	CU_ASSERT_EQUAL(fog_tree_clear(-1), -EBADF);
}

FOG_TEST_MAIN("controlplane/executor/file", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_replace_over_leftover), FOG_TEST(test_remove_deep),
	      FOG_TEST(test_remove_hostile), FOG_TEST(test_remove_unprivileged),
	      FOG_TEST(test_measure), FOG_TEST(test_clear), FOG_TEST(test_measure_depth))
