/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/keys.h"

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[96];

static void folder_make(void)
{
	if (fog_crypto_init() != 0)
		abort();
	snprintf(dir, sizeof(dir), "/tmp/fog-keys-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/dataplane.key", dir);
}

static unsigned folder_count(void)
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

static void folder_remove(void)
{
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void test_life_cycle(void)
{
	struct fog_keys made, again;
	struct stat st;
	char why[256];

	folder_make();
	mode_t old = umask(0); /* the mode must not depend on it */
	CU_ASSERT_EQUAL_FATAL(fog_keys_load(&made, path, why), 0);
	umask(old);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(st.st_size, FOG_KEYS_FILE_SIZE);
	CU_ASSERT_EQUAL(st.st_nlink, 1);
	CU_ASSERT_EQUAL(folder_count(), 1);
	CU_ASSERT_FALSE(fog_is_zero(made.link_sk, 32));
	CU_ASSERT_NOT_EQUAL(memcmp(made.link_sk, made.onion_sk, 32), 0);

	CU_ASSERT_EQUAL(fog_keys_load(&again, path, why), 0);
	CU_ASSERT_EQUAL(memcmp(&made, &again, sizeof(made)), 0);
	fog_keys_wipe(&again);
	CU_ASSERT_TRUE(fog_is_zero(&again, sizeof(again)));
	folder_remove();
}

static void write_file(const void *data, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static void test_bad_arguments(void)
{
	static const struct {
		unsigned number;
		size_t len;
		int flip; /* byte to spoil, -1 = none */
		mode_t mode;
		int rc;
		const char *why;
	} cases[] = {
		{1, 80, -1, 0600, 0, ""},
		{2, 80, -1, 0400, 0, ""},
		{3, 80, -1, 0640, -EPERM, "0640"},
		{4, 80, -1, 0604, -EPERM, "chmod"},
		{5, 80, -1, 0620, -EPERM, "mode"},
		{6, 80, -1, 0601, -EPERM, "mode"},
		{7, 0, -1, 0600, -EINVAL, "0 bytes"},
		{8, 79, -1, 0600, -EINVAL, "79 bytes"},
		{9, 81, -1, 0600, -EINVAL, "81 bytes"},
		{10, 80, 0, 0600, -EINVAL, "not a key"},
		{11, 80, 15, 0600, -EINVAL, "not a key"},
	};
	u8 good[96] = "fog-dataplane-1\n";
	struct fog_keys k;
	char why[256];

	folder_make();
	for (unsigned i = 16; i < sizeof(good); i++)
		good[i] = (u8)i;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		u8 data[96];

		memcpy(data, good, sizeof(data));
		if (cases[i].flip >= 0)
			data[cases[i].flip] ^= 0x40;
		unlink(path);
		write_file(data, cases[i].len, cases[i].mode);
		memset(&k, 0xff, sizeof(k));
		int rc = fog_keys_load(&k, path, why);
		if (rc != cases[i].rc || strstr(why, cases[i].why) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		CU_ASSERT_EQUAL(fog_is_zero(&k, sizeof(k)), rc != 0);
	}

	/* A zero secret, a folder, a link, a pipe, no folder at all. */
	memset(good + 48, 0, 32);
	unlink(path);
	write_file(good, 80, 0600);
	CU_ASSERT_EQUAL(fog_keys_load(&k, path, why), -EINVAL);
	unlink(path);
	CU_ASSERT_EQUAL(fog_keys_load(&k, dir, why), -EINVAL);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	CU_ASSERT_EQUAL(fog_keys_load(&k, path, why), -ELOOP);
	unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(fog_keys_load(&k, path, why), -EINVAL);
	unlink(path);
	CU_ASSERT_EQUAL(fog_keys_load(&k, "/nonexistent/fog/key", why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "cannot create"));
	folder_remove();
}

/* Processes that create at once end up with the same keys. */
static void test_creation_race(void)
{
	int pipes[2];
	u8 first[64], got[64];

	folder_make();
	CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
	for (unsigned i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct fog_keys k;
			char why[256];
			int rc = fog_keys_load(&k, path, why);

			if (rc != 0)
				memset(&k, 0xee, sizeof(k));
			_exit(write(pipes[1], &k, sizeof(k)) != sizeof(k));
		}
		CU_ASSERT(pid > 0);
	}
	CU_ASSERT_EQUAL(read(pipes[0], first, 64), 64);
	for (unsigned i = 1; i < 8; i++) {
		CU_ASSERT_EQUAL(read(pipes[0], got, 64), 64);
		CU_ASSERT_EQUAL(memcmp(first, got, 64), 0);
	}
	CU_ASSERT_NOT_EQUAL(first[0] == 0xee && first[63] == 0xee, true);
	while (wait(NULL) > 0)
		;
	close(pipes[0]);
	close(pipes[1]);
	CU_ASSERT_EQUAL(folder_count(), 1);
	folder_remove();
}

FOG_TEST_MAIN("dataplane/ctl/keys", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_creation_race))
