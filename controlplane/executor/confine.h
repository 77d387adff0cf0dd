/* SPDX-License-Identifier: BSD-3-Clause */
/* The walls around a job's process, built by the process itself: each call confines the caller and
 * cannot be undone. Order matters and is inside.c's business. */
#ifndef FOG_EXECUTOR_CONFINE_H
#define FOG_EXECUTOR_CONFINE_H

#include "controlplane/executor/executor.h"

#define FOG_LANDLOCK_RULES_MAX 128

enum fog_landlock_right {
	FOG_LANDLOCK_READ = 1,   /* read files, list directories, execute */
	FOG_LANDLOCK_WRITE = 2,  /* and everything else but device nodes */
	FOG_LANDLOCK_DEVICE = 3, /* read and write, no execute */
	FOG_LANDLOCK_LIST = 4,   /* list directories */
};

struct fog_landlock_rule {
	int fd; /* O_PATH of the file or directory; borrowed */
	enum fog_landlock_right right;
};

/* Highest Landlock ABI of the kernel, 0 if it has none or it is off. */
u32 fog_landlock_abi(void);

/* Deny every file below none of the rules; from ABI 4 TCP too unless tcp; from ABI 6 signals and
 * abstract sockets out of the domain. Needs no_new_privs. *abi is what is in force. */
int fog_landlock_enter(const struct fog_landlock_rule *rules, size_t count, bool tcp, u32 *abi);

/* Install the system call filter: a list of what is allowed, dangerous calls fail with EPERM,
 * unknown ones with ENOSYS so that libraries fall back, another architecture's kill the process.
 * inet: whether AF_INET and AF_INET6 sockets may be made, for a job without a network namespace. */
int fog_seccomp_enter(bool inet);

/* The calls it allows whatever their arguments, of clone those without new namespaces; NULL at the
 * end. For a container runtime that installs its own filter. */
const char *const *fog_seccomp_allowed(void);

/* Give up every capability, for good, and set no_new_privs. */
int fog_privileges_drop(void);

/* Bounds per process. Where no control group holds memory or processes, rlimits stand in. */
int fog_rlimits_set(const struct fog_executor_limits *limits, u32 cgroup_limits);

#endif
