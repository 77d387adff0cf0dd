/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64    /* the kernel's two words; it knows about 41 */
#define FILES_MAX        1024  /* open files per process: FD_SETSIZE, what old programs stand */
#define MEMLOCK_MAX      65536 /* enough for keys in memory */

int fog_privileges_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	// Dropping from the bounding set needs CAP_SETPCAP; without it no_new_privs and the empty
	// sets below are what holds, and they suffice: nothing can be regained through an exec.
	for (unsigned long cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1)
			(void)prctl(PR_CAPBSET_DROP, cap);
	(void)prctl(PR_SET_SECUREBITS,
		    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int limit_set(int resource, u64 value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -errno;
	// Ours may be lower already, and raising it is a privilege.
	rlim_t max = now.rlim_max == RLIM_INFINITY ? (rlim_t)value : FOG_MIN(now.rlim_max, value);
	struct rlimit next = {.rlim_cur = max, .rlim_max = max};
	return setrlimit(resource, &next) < 0 ? -errno : 0;
}

int fog_rlimits_set(const struct fog_executor_limits *l, u32 cgroup_limits)
{
	int ret = limit_set(RLIMIT_CORE, 0);

	if (ret == 0)
		ret = limit_set(RLIMIT_NOFILE, FILES_MAX);
	if (ret == 0)
		ret = limit_set(RLIMIT_MEMLOCK, MEMLOCK_MAX);
	if (ret == 0 && l->disk_bytes > 0)
		ret = limit_set(RLIMIT_FSIZE, l->disk_bytes);
	// A backstop: one process alone over the whole job's CPU limit.
	if (ret == 0 && l->cpu_ms > 0)
		ret = limit_set(RLIMIT_CPU, l->cpu_ms / 1000 + 2);
	if (ret == 0 && !(cgroup_limits & FOG_EXECUTOR_CGROUP_MEMORY))
		ret = limit_set(RLIMIT_DATA, l->memory_bytes);
	// Counted per user and user namespace: the job's own where it has one.
	if (ret == 0 && !(cgroup_limits & FOG_EXECUTOR_CGROUP_PIDS))
		ret = limit_set(RLIMIT_NPROC, (u64)l->pids + 1);
	return ret;
}
