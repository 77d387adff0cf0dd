/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/bundle.h"

#include <sched.h>
#include <sys/mount.h>

#include "tests/unit/controlplane/executor/shell.h"
#include "tests/unit/controlplane/executor/bundle.h"
#include "tests/unit/fog_test.h"

static struct run r;
static struct fog_job job;

/* A spool with the bundle unpacked; what unpacking said. */
static int unpacked(const char *config, const char *extra)
{
	char path[160];

	run_begin(&r, "");
	memset(&job, 0, sizeof(job));
	r.argv[0] = "bundle.tar";
	r.spec.argv_count = 1;
	job.spec = &r.spec;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE_FATAL(bundle_make(r.base, config, extra));
	snprintf(path, sizeof(path), "%s/bundle.tar", r.base);
	CU_ASSERT_TRUE_FATAL(run_input_copy(&r, path, "bundle.tar"));
	job.spool_fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fog_bundle_unpack(&job, "bundle.tar", geteuid(), getegid());
}

static void end(void)
{
	close(job.spool_fd);
	run_end(&r);
}

static void test_life_cycle(void)
{
	json_t *config = NULL;

	CU_ASSERT_EQUAL_FATAL(unpacked(BUNDLE_CONFIG, "true"), 0);
	CU_ASSERT_EQUAL_FATAL(fog_bundle_config(&job, r.spool, 4000, 5000, &config), 0);
	json_t *process = json_object_get(config, "process");
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_array_get(json_object_get(process, "args"), 0)), "/probe");
	CU_ASSERT_TRUE(json_is_true(json_object_get(process, "noNewPrivileges")));
	CU_ASSERT_EQUAL(json_object_size(json_object_get(process, "capabilities")), 0);
	json_t *linux_part = json_object_get(config, "linux");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(linux_part, "namespaces")), 7);
	CU_ASSERT_EQUAL(
		json_integer_value(json_object_get(
			json_array_get(json_object_get(linux_part, "uidMappings"), 0), "hostID")),
		4000);
	CU_ASSERT_TRUE(json_is_object(json_object_get(linux_part, "seccomp")));
	json_decref(config);
	end();
}

/* What a bundle asks for beyond its program changes nothing. */
static void test_greedy(void)
{
	json_t *config = NULL;

	CU_ASSERT_EQUAL_FATAL(
		unpacked("{\"process\":{\"args\":[\"/probe\"],\"user\":{\"uid\":0},"
			 "\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}},"
			 "\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":\"/host\","
			 "\"source\":\"/\",\"type\":\"bind\",\"options\":[\"rbind\"]}],"
			 "\"hooks\":{\"prestart\":[{\"path\":\"/bin/sh\"}]},\"linux\":{}}",
			 "true"),
		0);
	CU_ASSERT_EQUAL_FATAL(fog_bundle_config(&job, r.spool, 1, 1, &config), 0);
	CU_ASSERT_PTR_NULL(json_object_get(config, "hooks"));
	char *text = json_dumps(config, 0);
	CU_ASSERT_PTR_NULL(strstr(text, "/host"));
	CU_ASSERT_PTR_NULL(strstr(text, "CAP_SYS_ADMIN"));
	free(text);
	json_decref(config);
	end();
}

static void test_bad_arguments(void)
{
	static const struct {
		int number;
		const char *config;
		const char *says;
	} cases[] = {
		{1, "[]", "is not a JSON object"},
		{2, "{", "is not a JSON object"},
		{3, "{\"process\":{},\"root\":{\"path\":\"rootfs\"}}", "says what to run"},
		{4, "{\"process\":{\"args\":[\"a\"]},\"root\":{\"path\":\"/\"}}", "within it"},
		{5, "{\"process\":{\"args\":[\"a\"]},\"root\":{\"path\":\"a/../..\"}}",
		 "within it"},
		{6, "{\"process\":{\"args\":[\"a\"]}}", "within it"},
	};
	json_t *config;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(unpacked(cases[i].config, "true"), 0);
		CU_ASSERT_EQUAL(fog_bundle_config(&job, r.spool, 1, 1, &config), -EINVAL);
		if (strstr(job.error, cases[i].says) == NULL)
			printf("\n  case %d: %s\n", cases[i].number, job.error);
		CU_ASSERT_PTR_NOT_NULL(strstr(job.error, cases[i].says));
		end();
	}
}

/* Archives that reach out: what they hold outside the bundle is not written. */
static void test_hostile_archive(void)
{
	(void)unpacked(BUNDLE_CONFIG,
		       "ln -s ../../../ up && tar -cf ../evil.tar up && rm up && mkdir up && "
		       "echo x > up/escaped && tar -rf ../evil.tar up/escaped && cp ../evil.tar "
		       "rootfs/ && rm -r up");
	end();
	run_begin(&r, "");
	memset(&job, 0, sizeof(job));
	job.spec = &r.spec;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE(bundle_make(r.base, BUNDLE_CONFIG,
				   "ln -s ../../../ up && tar -cf ../evil.tar up && rm up && mkdir "
				   "up && echo x > up/escaped && tar -rf ../evil.tar up/escaped"));
	char path[160];
	snprintf(path, sizeof(path), "%s/evil.tar", r.base);
	CU_ASSERT_TRUE(run_input_copy(&r, path, "evil.tar"));
	job.spool_fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)fog_bundle_unpack(&job, "evil.tar", geteuid(), getegid());
	CU_ASSERT_EQUAL(faccessat(job.spool_fd, "escaped", F_OK, 0), -1);
	CU_ASSERT_EQUAL(faccessat(job.spool_fd, "engine/escaped", F_OK, 0), -1);
	end();
	CU_ASSERT_EQUAL(fog_bundle_unpack(&job, "../x", 0, 0), -EINVAL);
}

/* Whose fault it is: the archive's, or ours. In a mount namespace of its own. */
static int blame(const char *dir, int good, int bad)
{
	const u32 uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=64k") < 0)
		return 77;
	int small = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fog_unpack(bad, small, uid, gid) != -EBADMSG)
		return 1;
	if (fog_unpack(good, small, uid, gid) != -ENOSPC)
		return 2;
	return fog_unpack(-1, small, uid, gid) == -ECHILD ? 0 : 3;
}

static void test_blame(void)
{
	char path[160];
	int status = -1;

	run_begin(&r, "");
	CU_ASSERT_EQUAL_FATAL(shell_run(r.base,
					"mkdir small && head -c 200000 /dev/urandom > f && "
					"tar -cf good.tar f && printf noise > bad.tar",
					NULL, 0),
			      0);
	snprintf(path, sizeof(path), "%s/good.tar", r.base);
	int good = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/bad.tar", r.base);
	int bad = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/small", r.base);
	pid_t pid = fork();
	if (pid == 0)
		_exit(blame(path, good, bad));
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("\n  skipped: no mounts for us here\n");
	else
		CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	close(good);
	close(bad);
	run_end(&r);
}

FOG_TEST_MAIN("controlplane/executor/bundle", FOG_TEST(test_life_cycle), FOG_TEST(test_greedy),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_hostile_archive), FOG_TEST(test_blame))
