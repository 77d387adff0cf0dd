/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/confine.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/spec.h"

#define BUNDLE_DIR "engine/bundle"
#define PATH_SIZE  4096
#define TMP_SIZE   "size=67108864"
#define NOT_RUN    125 /* exit status of the process that should have become tar */
#define CLONE_NAMESPACES                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* ---- unpacking ------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void unpack_child(int archive, int dir, u32 uid, u32 gid)
{
	const struct rlimit cpu = {FOG_BUNDLE_UNPACK_S, FOG_BUNDLE_UNPACK_S + 1};
	static const char *const argv[] = {"tar",
					   "--extract",
					   "--no-same-owner",
					   "--no-same-permissions",
					   "--delay-directory-restore",
					   NULL};
	static const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	static const char *const readable[] = {"/usr", "/bin", "/lib", "/lib64",
					       "/etc/ld.so.cache"};
	struct fog_landlock_rule rules[FOG_ARRAY_COUNT(readable) + 1];
	size_t count = 0;
	u32 abi;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setrlimit(RLIMIT_CPU, &cpu) < 0 || dup2(archive, STDIN_FILENO) < 0 || fchdir(dir) < 0)
		_exit(NOT_RUN);
	if (uid != geteuid() && (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
				 setresuid(uid, uid, uid) < 0))
		_exit(NOT_RUN);
	if (fog_privileges_drop() < 0)
		_exit(NOT_RUN);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(readable); i++) {
		rules[count].fd = open(readable[i], O_PATH | O_CLOEXEC);
		rules[count].right = FOG_LANDLOCK_READ;
		count += rules[count].fd >= 0;
	}
	rules[count++] = (struct fog_landlock_rule){.fd = dir, .right = FOG_LANDLOCK_WRITE};
	if (fog_landlock_enter(rules, count, false, &abi) < 0 && fog_landlock_abi() > 0)
		_exit(NOT_RUN);
	if (fog_seccomp_enter(false) < 0)
		_exit(NOT_RUN);
	execve("/usr/bin/tar", (char *const *)argv, (char *const *)env);
	execve("/bin/tar", (char *const *)argv, (char *const *)env);
	_exit(NOT_RUN);
}

/* tar ends with the same status over a bad archive and over a full disk. What it wrote until then
 * is still there. */
static bool disk_full(int archive, int dir)
{
	struct statvfs fs;
	struct stat st;

	if (fstatvfs(dir, &fs) < 0 || fstat(archive, &st) < 0)
		return false;
	return (u64)fs.f_bavail * fs.f_frsize < (u64)st.st_size + fs.f_frsize ||
	       (fs.f_files != 0 && fs.f_favail == 0);
}

int fog_unpack(int archive, int dir, u32 uid, u32 gid)
{
	int status, ret;

	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		unpack_child(archive, dir, uid, gid);
	do
		ret = waitpid(pid, &status, 0);
	while (ret < 0 && errno == EINTR);
	if (ret != pid || (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN))
		return -ECHILD;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGXCPU ? -ETIME : -ECHILD;
	if (WEXITSTATUS(status) == 0)
		return 0;
	return disk_full(archive, dir) ? -ENOSPC : -EBADMSG;
}

int fog_bundle_unpack(struct fog_job *job, const char *name, u32 uid, u32 gid)
{
	char path[FOG_EXECUTOR_NAME_MAX + 8];
	int archive = -1, dir = -1, ret = -EINVAL;

	if (!fog_spec_name_valid(name)) {
		fog_job_fail(job, 0, "oci: argv[0] must name a file of input/");
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "input/%s", name);
	archive = openat(job->spool_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (archive < 0 || (mkdirat(job->spool_fd, "engine", 0755) < 0 && errno != EEXIST) ||
	    mkdirat(job->spool_fd, BUNDLE_DIR, 0700) < 0) {
		ret = -errno;
		fog_job_fail(job, errno, "oci: %s", path);
		goto out;
	}
	dir = openat(job->spool_fd, BUNDLE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0 || fchown(dir, uid, gid) < 0) {
		ret = -errno;
		fog_job_fail(job, errno, "oci: bundle directory");
		goto out;
	}
	ret = fog_unpack(archive, dir, uid, gid);
	if (ret == -EBADMSG)
		fog_job_fail(job, 0, "oci: %s is not a tar archive of a bundle", name);
	else if (ret < 0)
		fog_job_fail(job, -ret, "oci: %s cannot be unpacked", name);
out:
	if (dir >= 0)
		close(dir);
	if (archive >= 0)
		close(archive);
	return ret;
}

/* ---- configuration --------------------------------------------------------------------------- */

static json_t *mount_json(const char *to, const char *type, const char *source,
			  const char *const *options)
{
	json_t *list = json_array();

	for (size_t i = 0; options[i] != NULL; i++)
		json_array_append_new(list, json_string(options[i]));
	return json_pack("{s:s, s:s, s:s, s:o}", "destination", to, "type", type, "source", source,
			 "options", list);
}

static json_t *mounts_json(const struct fog_executor_spec *spec, const char *spool_path)
{
	static const char *const device[] = {"bind", "rw", "nosuid", "noexec", NULL};

	static const char *const proc[] = {"nosuid", "noexec", "nodev", NULL};
	static const char *const dev[] = {"nosuid", "strictatime", "mode=755", "size=65536k", NULL};
	static const char *const tmp[] = {"nosuid", "nodev", "mode=1777", TMP_SIZE, NULL};
	static const char *const in[] = {"rbind", "ro", "nosuid", "nodev", NULL};
	static const char *const out[] = {"rbind", "rw", "nosuid", "nodev", NULL};
	char input[PATH_SIZE], work[PATH_SIZE], kept[PATH_SIZE];
	json_t *list = json_array();

	snprintf(input, sizeof(input), "%s/input", spool_path);
	snprintf(work, sizeof(work), "%s/work", spool_path);
	json_array_append_new(list, mount_json("/proc", "proc", "proc", proc));
	json_array_append_new(list, mount_json("/dev", "tmpfs", "tmpfs", dev));
	json_array_append_new(list, mount_json("/dev/shm", "tmpfs", "shm", tmp));
	json_array_append_new(list, mount_json("/tmp", "tmpfs", "tmpfs", tmp));
	json_array_append_new(list, mount_json("/input", "bind", input, in));
	json_array_append_new(list, mount_json("/work", "bind", work, out));
	for (size_t i = 0; i < spec->device_count; i++)
		json_array_append_new(
			list, mount_json(spec->devices[i], "bind", spec->devices[i], device));
	if (spec->checkpoint.bytes_max != 0) {
		snprintf(kept, sizeof(kept), "%s/checkpoint", spool_path);
		json_array_append_new(list, mount_json("/checkpoint", "bind", kept, out));
	}
	return list;
}

/* One call that is allowed if its first argument, under a mask, has a value. */
static json_t *call_json(const char *name, u64 mask, u64 value)
{
	return json_pack("{s:[s], s:s, s:[{s:i, s:I, s:I, s:s}]}", "names", name, "action",
			 "SCMP_ACT_ALLOW", "args", "index", 0, "value", (json_int_t)mask,
			 "valueTwo", (json_int_t)value, "op", "SCMP_CMP_MASKED_EQ");
}

static json_t *seccomp_json(void)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	const char *const *allowed = fog_seccomp_allowed();
	json_t *names = json_array();

	for (size_t i = 0; allowed[i] != NULL; i++)
		if (strcmp(allowed[i], "clone") != 0)
			json_array_append_new(names, json_string(allowed[i]));
	json_t *calls = json_pack("[{s:o, s:s}]", "names", names, "action", "SCMP_ACT_ALLOW");
	json_array_append_new(calls, call_json("clone", CLONE_NAMESPACES, 0));
	json_array_append_new(calls, call_json("socketpair", 0xffffffffu, AF_UNIX));
	for (size_t i = 0; i < FOG_ARRAY_COUNT(families); i++)
		json_array_append_new(calls, call_json("socket", 0xffffffffu, (u64)families[i]));
	return json_pack("{s:s, s:i, s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet",
			 ENOSYS, "syscalls", calls);
}

static json_t *linux_json(u32 uid, u32 gid)
{
	static const char *const namespaces[] = {"user", "pid", "mount", "network",
						 "ipc",  "uts", "cgroup"};
	json_t *list = json_array();

	for (size_t i = 0; i < FOG_ARRAY_COUNT(namespaces); i++)
		json_array_append_new(list, json_pack("{s:s}", "type", namespaces[i]));
	return json_pack("{s:o, s:[{s:i, s:i, s:i}], s:[{s:i, s:i, s:i}], s:o,"
			 " s:[s,s,s,s,s,s], s:[s,s,s,s]}",
			 "namespaces", list, "uidMappings", "containerID", 0, "hostID", (int)uid,
			 "size", 1, "gidMappings", "containerID", 0, "hostID", (int)gid, "size", 1,
			 "seccomp", seccomp_json(), "maskedPaths", "/proc/kcore", "/proc/keys",
			 "/proc/sysrq-trigger", "/proc/timer_list", "/proc/scsi", "/proc/acpi",
			 "readonlyPaths", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys");
}

static bool path_inside(const char *path)
{
	return path[0] != '/' && path[0] != '\0' && strcmp(path, "..") != 0 &&
	       strncmp(path, "../", 3) != 0 && strstr(path, "/../") == NULL &&
	       (strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

static json_t *strings_json(const char *const *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

/* The job's arguments and variables win over the bundle's. */
static json_t *process_json(struct fog_job *job, const json_t *theirs)
{
	const struct fog_executor_spec *spec = job->spec;
	const char *cwd = json_string_value(json_object_get(theirs, "cwd"));
	json_t *args = spec->argv_count > 1 ? strings_json(spec->argv + 1, spec->argv_count - 1)
					    : json_deep_copy(json_object_get(theirs, "args"));
	json_t *env = json_deep_copy(json_object_get(theirs, "env"));

	if (!json_is_array(args) || json_array_size(args) == 0) {
		json_decref(args);
		json_decref(env);
		fog_job_fail(job, 0, "oci: neither the job nor the bundle says what to run");
		return NULL;
	}
	if (!json_is_array(env)) {
		json_decref(env);
		env = json_array();
	}
	json_t *own = strings_json(spec->env, spec->env_count);
	json_array_extend(env, own);
	json_decref(own);
	return json_pack("{s:b, s:{s:i, s:i}, s:o, s:o, s:s, s:b, s:{}, s:[{s:s,s:i,s:i},"
			 "{s:s,s:i,s:i}]}",
			 "terminal", 0, "user", "uid", 0, "gid", 0, "args", args, "env", env, "cwd",
			 cwd != NULL && cwd[0] == '/' ? cwd : "/", "noNewPrivileges", 1,
			 "capabilities", "rlimits", "type", "RLIMIT_NOFILE", "hard", 1024, "soft",
			 1024, "type", "RLIMIT_CORE", "hard", 0, "soft", 0);
}

static int theirs_read(struct fog_job *job, json_t **theirs)
{
	char *text;
	size_t len;

	int dir = openat(job->spool_fd, BUNDLE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = dir < 0 ? -errno
			  : fog_file_read(dir, "config.json", FOG_BUNDLE_CONFIG_MAX, &text, &len);
	if (dir >= 0)
		close(dir);
	if (ret < 0) {
		fog_job_fail(job, -ret, "oci: config.json of the bundle");
		return ret;
	}
	*theirs = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_object(*theirs))
		return 0;
	json_decref(*theirs);
	fog_job_fail(job, 0, "oci: config.json of the bundle is not a JSON object");
	return -EINVAL;
}

int fog_bundle_config(struct fog_job *job, const char *spool_path, u32 uid, u32 gid,
		      json_t **config)
{
	json_t *theirs;

	int ret = theirs_read(job, &theirs);
	if (ret < 0)
		return ret;
	const char *root =
		json_string_value(json_object_get(json_object_get(theirs, "root"), "path"));
	json_t *process = process_json(job, json_object_get(theirs, "process"));
	if (process == NULL) {
		ret = -EINVAL;
	} else if (root == NULL || !path_inside(root)) {
		fog_job_fail(job, 0, "oci: root.path of the bundle must lie within it");
		json_decref(process);
		ret = -EINVAL;
	} else {
		*config = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o}", "ociVersion",
				    "1.0.2", "process", process, "root", "path", root, "readonly",
				    1, "hostname", "fog-job", "mounts",
				    mounts_json(job->spec, spool_path), "linux",
				    linux_json(uid, gid));
		ret = *config == NULL ? -ENOMEM : 0;
	}
	json_decref(theirs);
	return ret;
}
