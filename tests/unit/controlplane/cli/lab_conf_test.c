/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "configs/config.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "tests/unit/fog_test.h"

#define HOSTS 8

static char keys[HOSTS][65];
static const char *key_list[HOSTS];

static void keys_fill(void)
{
	for (int i = 0; i < HOSTS; i++) {
		memset(keys[i], '0' + i, 64);
		key_list[i] = keys[i];
	}
}

static void config_check(const json_t *lab, const json_t *host, size_t index)
{
	char path[FOG_LAB_PATH_MAX];
	struct fog_config c;

	snprintf(path, sizeof(path), "%s/fog.conf", fog_pick_text(host, "run_dir", ""));
	CU_ASSERT_EQUAL_FATAL(fog_config_read(&c, path, stdout), 0);
	CU_ASSERT_STRING_EQUAL(c.host_name, fog_pick_text(host, "name", ""));
	CU_ASSERT_STRING_EQUAL(c.host_run_dir, fog_pick_text(host, "run_dir", ""));
	CU_ASSERT_STRING_EQUAL(c.edge_socks, fog_pick_text(host, "socks", ""));
	CU_ASSERT_EQUAL(c.dataplane_workers, 1);
	CU_ASSERT(!c.dataplane_pin);
	CU_ASSERT_EQUAL(c.control_peers.count, 2);
	for (u32 i = 0; i < c.control_peers.count; i++) {
		const char *slash = strchr(c.control_peers.items[i], '/');
		CU_ASSERT_PTR_NOT_NULL_FATAL(slash);
		CU_ASSERT(strcmp(slash + 1, keys[index]) != 0); /* not itself */
	}
	CU_ASSERT(fog_config_list_has(&c.roles_enable, "relay"));
	CU_ASSERT(fog_config_list_has(&c.roles_enable, "worker"));
	bool exit = json_is_true(json_object_get(host, "exit"));
	CU_ASSERT_EQUAL(fog_config_list_has(&c.roles_enable, "exit"), exit);
	CU_ASSERT_EQUAL(c.exit_allow.count, exit ? 2 : 0);
	CU_ASSERT(c.attributes_operator[0] != '\0');
	CU_ASSERT(c.attributes_as > 0);
	fog_config_free(&c);
}

static void mode_check(enum fog_lab_mode mode)
{
	char dir[] = "/tmp/fog-labconf-XXXXXX", why[FOG_LAB_NOTE_MAX], lab_dir[FOG_LAB_DIR_MAX];
	size_t index;
	const json_t *host;
	u32 exits = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(lab_dir, sizeof(lab_dir), "%s/lab", dir);
	CU_ASSERT_EQUAL(fog_lab_dir_prepare(lab_dir, why), 0);
	json_t *lab = fog_lab_plan(lab_dir, "0abc", mode, HOSTS);
	CU_ASSERT_EQUAL(fog_lab_conf_write(lab, NULL), 0);
	CU_ASSERT_EQUAL(fog_lab_conf_write(lab, key_list), 0);
	json_array_foreach(json_object_get(lab, "hosts"), index, host)
	{
		config_check(lab, host, index);
		exits += json_is_true(json_object_get(host, "exit"));
	}
	CU_ASSERT_EQUAL(exits, 3);
	json_decref(lab);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void test_life_cycle(void)
{
	keys_fill();
	mode_check(FOG_LAB_NETNS);
	mode_check(FOG_LAB_LOOPBACK);
}

static void test_bad_arguments(void)
{
	json_t *lab = fog_lab_plan("/nowhere/at/all", "0abc", FOG_LAB_NETNS, 2);

	CU_ASSERT_EQUAL(fog_lab_conf_write(lab, key_list), -ENOENT);
	json_decref(lab);
}

static void test_string(void)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fog_lab_conf_string(out, "a\"b\\c\nd/");
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "\"a\\\"b\\\\c\\x0ad/\"");
	free(text);
}

FOG_TEST_MAIN("controlplane/cli/lab_conf", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_string))
