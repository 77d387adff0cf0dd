/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/file.h"

#define CPU_PERIOD_US    100000 /* the kernel's own default */
#define CPU_QUOTA_US_MIN 1000   /* the kernel refuses less */
#define FILE_MAX         4096   /* of a control file we read */
#define LINE_MAX_BYTES   4096   /* of /proc/self/mountinfo and cgroup */
#define REMOVE_TRIES     200
#define REMOVE_WAIT_NS   5000000

static int file_write(const char *leaf, const char *name, const char *value)
{
	char path[FOG_EXECUTOR_LEAF_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", leaf, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int file_write_u64(const char *leaf, const char *name, u64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return file_write(leaf, name, text);
}

static int file_get(const char *leaf, const char *name, char text[FILE_MAX])
{
	char path[FOG_EXECUTOR_LEAF_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", leaf, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, FILE_MAX - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	return 0;
}

/* The number after "key " at the start of a line, or the whole file if key is NULL. */
static bool file_get_u64(const char *leaf, const char *name, const char *key, u64 *value)
{
	char text[FILE_MAX];
	size_t len = key == NULL ? 0 : strlen(key);

	if (file_get(leaf, name, text) < 0)
		return false;
	for (char *line = text; line != NULL && *line != '\0';) {
		if (len == 0 || (strncmp(line, key, len) == 0 && line[len] == ' ')) {
			char *end;
			errno = 0;
			*value = strtoull(line + len, &end, 10);
			return errno == 0 && end != line + len;
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return false;
}

/* Is word one of the comma or space separated words of list? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
		bool begins = at == list || strchr(", \n", at[-1]) != NULL;
		if (begins && (at[len] == '\0' || strchr(", \n", at[len]) != NULL))
			return true;
	}
	return false;
}

struct mount {
	char point[LINE_MAX_BYTES];
	char root[LINE_MAX_BYTES]; /* of the hierarchy, as mounted here */
};

/* Where controller ("" for v2) is mounted. A line of mountinfo:
 * 36 35 98:0 /root /point rw,noatime master:1 - type source super,options */
static bool mount_find(const char *controller, struct mount *m)
{
	const char *type = controller[0] == '\0' ? "cgroup2" : "cgroup";
	char line[LINE_MAX_BYTES];
	bool found = false;

	FILE *f = fopen("/proc/self/mountinfo", "re");
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char fstype[32], options[1024];
		const char *dash = strstr(line, " - ");
		if (dash == NULL ||
		    sscanf(line, "%*s %*s %*s %4095s %4095s", m->root, m->point) != 2)
			continue;
		if (sscanf(dash, " - %31s %*s %1023s", fstype, options) != 2)
			continue;
		found = strcmp(fstype, type) == 0 &&
			(controller[0] == '\0' || has_word(options, controller));
	}
	fclose(f);
	return found;
}

/* Our own group in the hierarchy of controller, from "9:memory,x:/path". */
static bool own_path(const char *controller, char path[LINE_MAX_BYTES])
{
	char line[LINE_MAX_BYTES];
	bool found = false;

	FILE *f = fopen("/proc/self/cgroup", "re");
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char *names = strchr(line, ':');
		char *at = names == NULL ? NULL : strchr(names + 1, ':');
		if (at == NULL)
			continue;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		found = controller[0] == '\0' ? names[1] == '\0' : has_word(names + 1, controller);
		if (found)
			snprintf(path, LINE_MAX_BYTES, "%s", at);
	}
	fclose(f);
	return found;
}

/* Directory of the group that leaves are made in. */
static bool parent_dir(const char *controller, const char *parent, char dir[FOG_EXECUTOR_LEAF_MAX])
{
	char own[LINE_MAX_BYTES];
	struct mount m;

	if (!mount_find(controller, &m))
		return false;
	const char *below = parent;
	if (parent == NULL) {
		if (!own_path(controller, own))
			return false;
		// In a container the mount shows only a part of the hierarchy, and paths start
		// above it.
		size_t len = strlen(m.root);
		below = strcmp(m.root, "/") != 0 && strncmp(own, m.root, len) == 0 ? own + len
										   : own;
	}
	while (*below == '/')
		below++;
	int n = snprintf(dir, FOG_EXECUTOR_LEAF_MAX, "%s%s%s", m.point, *below == '\0' ? "" : "/",
			 below);
	return n > 0 && n < FOG_EXECUTOR_LEAF_MAX - FOG_EXECUTOR_JOB_MAX - 32;
}

/* Make dir/fog-exec.JOB.PID; a leaf that we made already (co-mounted controllers) is shared. */
static int leaf_make(struct fog_cgroup *g, const char *dir, const char *job)
{
	char path[FOG_EXECUTOR_LEAF_MAX];

	FOG_ASSERT(g->leaves < FOG_EXECUTOR_LEAVES_MAX);
	int n = snprintf(path, sizeof(path), "%s/%s%s.%d", dir, FOG_EXECUTOR_LEAF_PREFIX, job,
			 (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	for (u32 i = 0; i < g->leaves; i++)
		if (strcmp(g->leaf[i], path) == 0)
			return (int)i;
	if (mkdir(path, 0755) < 0)
		return -1;
	memcpy(g->leaf[g->leaves], path, (size_t)n + 1);
	return (int)g->leaves++;
}

static u64 cpu_quota_us(const struct fog_executor_limits *limits)
{
	return FOG_MAX((u64)(limits->cpu_cores * CPU_PERIOD_US), (u64)CPU_QUOTA_US_MIN);
}

static int v1_leaf(struct fog_cgroup *g, const char *controller, const char *parent,
		   const char *job)
{
	char dir[FOG_EXECUTOR_LEAF_MAX];

	return parent_dir(controller, parent, dir) ? leaf_make(g, dir, job) : -1;
}

static void v1_create(struct fog_cgroup *g, const char *parent, const char *job,
		      const struct fog_executor_limits *l)
{
	g->memory = v1_leaf(g, "memory", parent, job);
	g->pids = v1_leaf(g, "pids", parent, job);
	g->cpu = v1_leaf(g, "cpu", parent, job);
	g->cpuacct = v1_leaf(g, "cpuacct", parent, job);
	if (g->memory >= 0 &&
	    file_write_u64(g->leaf[g->memory], "memory.limit_in_bytes", l->memory_bytes) == 0) {
		g->limits |= FOG_EXECUTOR_CGROUP_MEMORY;
		// No swap: a job over its limit ends, it does not grind the host's disk. The file
		// is missing where swap is not accounted; then swappiness alone says it.
		(void)file_write_u64(g->leaf[g->memory], "memory.memsw.limit_in_bytes",
				     l->memory_bytes);
		(void)file_write(g->leaf[g->memory], "memory.swappiness", "0");
	}
	// One more for the job's init.
	if (g->pids >= 0 && file_write_u64(g->leaf[g->pids], "pids.max", (u64)l->pids + 1) == 0)
		g->limits |= FOG_EXECUTOR_CGROUP_PIDS;
	if (g->cpu >= 0 &&
	    file_write_u64(g->leaf[g->cpu], "cpu.cfs_period_us", CPU_PERIOD_US) == 0 &&
	    file_write_u64(g->leaf[g->cpu], "cpu.cfs_quota_us", cpu_quota_us(l)) == 0)
		g->limits |= FOG_EXECUTOR_CGROUP_CPU;
	if (g->leaves > 0)
		g->version = 1;
}

/* Have dir hand the controllers to its children. */
static bool v2_delegate(const char *dir)
{
	static const char *const wanted[] = {"memory", "pids", "cpu"};
	char have[FILE_MAX];
	bool any = false;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(wanted); i++) {
		char enable[16];
		if (file_get(dir, "cgroup.subtree_control", have) < 0)
			return false;
		snprintf(enable, sizeof(enable), "+%s", wanted[i]);
		any |= has_word(have, wanted[i]) ||
		       file_write(dir, "cgroup.subtree_control", enable) == 0;
	}
	return any;
}

static void v2_create(struct fog_cgroup *g, const char *parent, const char *job,
		      const struct fog_executor_limits *l)
{
	char dir[FOG_EXECUTOR_LEAF_MAX];
	char above[FOG_EXECUTOR_LEAF_MAX];
	char quota[64];

	if (!parent_dir("", parent, dir))
		return;
	bool delegated = v2_delegate(dir);
	if (!delegated && parent == NULL) {
		memcpy(above, dir, sizeof(above));
		char *slash = strrchr(above, '/');
		if (slash != NULL && slash != above) {
			*slash = '\0';
			if (v2_delegate(above))
				memcpy(dir, above, sizeof(dir));
		}
	}
	int leaf = leaf_make(g, dir, job);
	if (leaf < 0)
		return;
	g->version = 2;
	g->memory = g->pids = g->cpu = g->cpuacct = leaf;
	if (file_write_u64(g->leaf[leaf], "memory.max", l->memory_bytes) == 0) {
		g->limits |= FOG_EXECUTOR_CGROUP_MEMORY;
		(void)file_write(g->leaf[leaf], "memory.swap.max", "0");
		(void)file_write(g->leaf[leaf], "memory.oom.group", "1");
	}
	if (file_write_u64(g->leaf[leaf], "pids.max", (u64)l->pids + 1) == 0)
		g->limits |= FOG_EXECUTOR_CGROUP_PIDS;
	snprintf(quota, sizeof(quota), "%llu %d", (unsigned long long)cpu_quota_us(l),
		 CPU_PERIOD_US);
	if (file_write(g->leaf[leaf], "cpu.max", quota) == 0)
		g->limits |= FOG_EXECUTOR_CGROUP_CPU;
}

void fog_cgroup_create(struct fog_cgroup *g, const char *parent, const char *job,
		       const struct fog_executor_limits *limits)
{
	memset(g, 0, sizeof(*g));
	g->memory = g->cpu = g->cpuacct = g->pids = -1;
	// A hybrid host has its controllers in v1 and an empty v2 beside them.
	v1_create(g, parent, job, limits);
	if (g->limits != 0)
		return;
	fog_cgroup_remove(g);
	v2_create(g, parent, job, limits);
}

int fog_cgroup_attach(const struct fog_cgroup *g, pid_t pid)
{
	for (u32 i = 0; i < g->leaves; i++) {
		int ret = file_write_u64(g->leaf[i], "cgroup.procs", (u64)pid);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void fog_cgroup_usage(const struct fog_cgroup *g, struct fog_executor_usage *usage)
{
	u64 user, system, peak;

	if (g->version == 1 && g->cpuacct >= 0 &&
	    file_get_u64(g->leaf[g->cpuacct], "cpuacct.usage_user", NULL, &user) &&
	    file_get_u64(g->leaf[g->cpuacct], "cpuacct.usage_sys", NULL, &system)) {
		usage->cpu_user_ms = user / 1000000;
		usage->cpu_system_ms = system / 1000000;
	}
	if (g->version == 2 && file_get_u64(g->leaf[g->cpu], "cpu.stat", "user_usec", &user) &&
	    file_get_u64(g->leaf[g->cpu], "cpu.stat", "system_usec", &system)) {
		usage->cpu_user_ms = user / 1000;
		usage->cpu_system_ms = system / 1000;
	}
	if (g->memory >= 0 &&
	    file_get_u64(g->leaf[g->memory],
			 g->version == 1 ? "memory.max_usage_in_bytes" : "memory.peak", NULL,
			 &peak))
		usage->memory_peak_bytes = peak;
}

u64 fog_cgroup_oom_count(const struct fog_cgroup *g)
{
	u64 count = 0;

	if (g->memory < 0 || !file_get_u64(g->leaf[g->memory],
					   g->version == 1 ? "memory.oom_control" : "memory.events",
					   "oom_kill", &count))
		return 0;
	return count;
}

static void leaf_kill(const char *leaf)
{
	char text[FILE_MAX];

	if (file_write(leaf, "cgroup.kill", "1") == 0 || file_get(leaf, "cgroup.procs", text) < 0)
		return;
	for (char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
		long pid = strtol(at, NULL, 10);
		if (pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
		if (strchr(at, '\n') == NULL)
			break;
	}
}

void fog_cgroup_remove(struct fog_cgroup *g)
{
	const struct timespec wait = {.tv_nsec = REMOVE_WAIT_NS};

	for (u32 i = 0; i < g->leaves; i++) {
		for (int n = 0; n < REMOVE_TRIES; n++) {
			if (rmdir(g->leaf[i]) == 0 || errno != EBUSY)
				break;
			// A process that exits leaves its group a moment after it has been reaped.
			leaf_kill(g->leaf[i]);
			nanosleep(&wait, NULL);
		}
	}
	g->leaves = 0;
	g->version = 0;
	g->limits = 0;
	g->memory = g->cpu = g->cpuacct = g->pids = -1;
}
