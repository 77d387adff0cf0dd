/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "tests/unit/fog_test.h"

static char base[] = "/tmp/fog-labtest-XXXXXX";

static void folder_remove(const char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void test_life_cycle(void)
{
	char dir[FOG_LAB_DIR_MAX], why[FOG_LAB_NOTE_MAX] = "";
	struct stat st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/lab", base);
	CU_ASSERT_EQUAL(fog_lab_dir_prepare(dir, why), 0);
	CU_ASSERT_EQUAL(stat(dir, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);

	json_t *lab = fog_lab_plan(dir, "0abc", FOG_LAB_NETNS, 9);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	CU_ASSERT_EQUAL(fog_lab_save(lab, dir, "plan.json"), 0);
	json_t *again = fog_lab_load(dir, "plan.json");
	CU_ASSERT(json_equal(lab, again));
	json_decref(again);

	const json_t *host = fog_lab_host(lab, "birch");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(host, "netns", ""), "fog-0abc-birch");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(host, "address", ""), "10.77.0.11");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(host, "processes")), 3);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(fog_lab_host(lab, NULL), "name", ""), "ash");
	CU_ASSERT_PTR_NOT_NULL(fog_lab_host(lab, "host9"));
	CU_ASSERT_PTR_NULL(fog_lab_host(lab, "oak"));
	json_decref(lab);

	/* A second lab in the same folder starts from nothing. */
	char file[128];
	snprintf(file, sizeof(file), "%s/hosts/ash", dir);
	CU_ASSERT_EQUAL(mkdir(file, 0700), 0);
	CU_ASSERT_EQUAL(fog_lab_dir_prepare(dir, why), 0);
	CU_ASSERT_EQUAL(stat(file, &st), -1);
	folder_remove(base);
}

static void test_bad_arguments(void)
{
	char dir[FOG_LAB_DIR_MAX], why[FOG_LAB_NOTE_MAX] = "", file[128];
	char other[] = "/tmp/fog-labtest-XXXXXX";

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(other));
	snprintf(dir, sizeof(dir), "%s/a/b", other);
	CU_ASSERT(fog_lab_dir_prepare(dir, why) != 0);
	snprintf(file, sizeof(file), "%s/precious", other);
	CU_ASSERT_EQUAL(mkdir(file, 0700), 0);
	CU_ASSERT_EQUAL(fog_lab_dir_prepare(other, why), -ENOTEMPTY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "other things"));
	CU_ASSERT_EQUAL(access(file, F_OK), 0);
	snprintf(dir, sizeof(dir), "%s/link", other);
	CU_ASSERT_EQUAL(symlink(file, dir), 0);
	CU_ASSERT_EQUAL(fog_lab_dir_prepare(dir, why), -EPERM);
	CU_ASSERT(!fog_lab_alive(other));
	CU_ASSERT_PTR_NULL(fog_lab_load(other, "plan.json"));
	folder_remove(other);
}

static const char *const wrong_labs[] = {
	/* 1 */ "[]",
	/* 2 */ "{}",
	/* 3 */ "{\"version\":2,\"id\":\"0abc\",\"dir\":\"/x\",\"mode\":\"netns\",\"hosts\":[]}",
	/* 4 */ "{\"version\":1,\"id\":\"0abc\",\"dir\":\"/x\",\"mode\":\"netns\",\"hosts\":[]}",
	/* 5 */ "{\"version\":1,\"id\":\"0abc\",\"dir\":\"/x\",\"mode\":\"netns\",\"hosts\":[1]}",
	/* 6 */ "{\"version\":1,\"id\":\"../..\",\"dir\":\"/x\",\"mode\":\"netns\",\"hosts\":[1]}",
	/* 7 */
	"{\"version\":1,\"id\":\"0abc\",\"dir\":\"/x\",\"mode\":\"netns\",\"hosts\":[{"
	"\"name\":\"a\",\"run_dir\":\"b\",\"api\":\"c\",\"processes\":[{\"name\":\"d\","
	"\"log\":\"e\",\"argv\":[]}]}]}",
	/* 8 */ "{\"version\":1,",
};

static void test_files_of_others(void)
{
	char dir[] = "/tmp/fog-labtest-XXXXXX", file[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/plan.json", dir);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(wrong_labs); i++) {
		FILE *out = fopen(file, "we");
		fputs(wrong_labs[i], out);
		fclose(out);
		CU_ASSERT_PTR_NULL(fog_lab_load(dir, "plan.json"));
	}
	if (geteuid() == 0) { /* a plan names programs to run: somebody else's is not ours */
		json_t *lab = fog_lab_plan(dir, "0abc", FOG_LAB_NETNS, 1);
		CU_ASSERT_EQUAL(fog_lab_save(lab, dir, "plan.json"), 0);
		json_t *again = fog_lab_load(dir, "plan.json");
		CU_ASSERT_PTR_NOT_NULL(again);
		json_decref(again);
		CU_ASSERT_EQUAL(chown(file, 65534, 65534), 0);
		CU_ASSERT_PTR_NULL(fog_lab_load(dir, "plan.json"));
		json_decref(lab);
	}
	folder_remove(dir);
}

static void test_dir(void)
{
	struct fog_cli cli = {0};
	char dir[FOG_LAB_DIR_MAX], long_dir[FOG_LAB_DIR_MAX + 2], expected[64];

	unsetenv("FOG_LAB");
	snprintf(expected, sizeof(expected), "/tmp/fog-lab-%u", (unsigned)geteuid());
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), 0);
	CU_ASSERT_STRING_EQUAL(dir, expected);
	setenv("FOG_LAB", "/tmp/env/", 1);
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), 0);
	CU_ASSERT_STRING_EQUAL(dir, "/tmp/env");
	cli.option[FOG_OPTION_DIR] = "/tmp/dir";
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), 0);
	CU_ASSERT_STRING_EQUAL(dir, "/tmp/dir");
	cli.option[FOG_OPTION_LAB] = "/tmp/lab";
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), 0);
	CU_ASSERT_STRING_EQUAL(dir, "/tmp/lab");
	CU_ASSERT_EQUAL(chdir("/tmp"), 0);
	cli.option[FOG_OPTION_LAB] = "rel";
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), 0);
	CU_ASSERT_STRING_EQUAL(dir, "/tmp/rel");
	memset(long_dir, 'a', sizeof(long_dir));
	long_dir[0] = '/';
	long_dir[sizeof(long_dir) - 1] = '\0';
	cli.option[FOG_OPTION_LAB] = long_dir;
	CU_ASSERT_EQUAL(fog_lab_dir(&cli, dir), -ENAMETOOLONG);
	unsetenv("FOG_LAB");
}

static void test_loopback_ports_differ(void)
{
	json_t *lab = fog_lab_plan("/tmp/x", "1234", FOG_LAB_LOOPBACK, 7);
	bool seen[65536] = {false};
	size_t index;
	const json_t *host;

	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	json_array_foreach(json_object_get(lab, "hosts"), index, host)
	{
		u16 ports[2] = {(u16)fog_pick_number(host, "link_port", 0),
				(u16)fog_pick_number(host, "control_port", 0)};
		for (int i = 0; i < 2; i++) {
			CU_ASSERT(ports[i] >= 20000 && ports[i] < 32768);
			CU_ASSERT(!seen[ports[i]]);
			seen[ports[i]] = true;
		}
		CU_ASSERT_PTR_NOT_NULL(strstr(fog_pick_text(host, "socks", ""), "127.0.0.1:"));
		CU_ASSERT_PTR_NULL(fog_pick_text(host, "netns", NULL));
	}
	json_decref(lab);
}

static void test_alive(void)
{
	char dir[] = "/tmp/fog-labtest-XXXXXX", file[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/lock", dir);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT(!fog_lab_alive(dir));
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT(fog_lab_alive(dir));
	close(fd);
	CU_ASSERT(!fog_lab_alive(dir));
	folder_remove(dir);
}

FOG_TEST_MAIN("controlplane/cli/lab", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_files_of_others), FOG_TEST(test_dir),
	      FOG_TEST(test_loopback_ports_differ), FOG_TEST(test_alive))
