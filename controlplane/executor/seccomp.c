/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of allowed calls is what ordinary programs (shells, compilers, interpreters, threads,
 * IPC among a job's own processes) need. What is missing from both lists is answered ENOSYS: a call
 * newer than this list then looks like an older kernel, and libraries fall back. */
#include "controlplane/executor/confine.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#define FAMILY_MAX 64 /* past the last address family of any kernel so far (AF_MCTP 45) */

static const char *const allowed[] = {
	/* files */
	"read",
	"write",
	"open",
	"openat",
	"openat2",
	"close",
	"close_range",
	"creat",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"lseek",
	"pread64",
	"pwrite64",
	"readv",
	"writev",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"access",
	"faccessat",
	"faccessat2",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"ioctl",
	"flock",
	"fsync",
	"fdatasync",
	"truncate",
	"ftruncate",
	"getdents",
	"getdents64",
	"getcwd",
	"chdir",
	"fchdir",
	"rename",
	"renameat",
	"renameat2",
	"mkdir",
	"mkdirat",
	"rmdir",
	"link",
	"linkat",
	"unlink",
	"unlinkat",
	"symlink",
	"symlinkat",
	"readlink",
	"readlinkat",
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"chown",
	"fchown",
	"lchown",
	"fchownat",
	"umask",
	"utime",
	"utimes",
	"utimensat",
	"futimesat",
	"mknod",
	"mknodat",
	"getxattr",
	"lgetxattr",
	"fgetxattr",
	"listxattr",
	"llistxattr",
	"flistxattr",
	"setxattr",
	"lsetxattr",
	"fsetxattr",
	"removexattr",
	"lremovexattr",
	"fremovexattr",
	"fadvise64",
	"fallocate",
	"readahead",
	"sendfile",
	"copy_file_range",
	"splice",
	"tee",
	"sync",
	"syncfs",
	"sync_file_range",
	"inotify_init",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"cachestat",
	/* memory */
	"mmap",
	"mprotect",
	"munmap",
	"mremap",
	"brk",
	"madvise",
	"msync",
	"mincore",
	"mlock",
	"mlock2",
	"munlock",
	"mlockall",
	"munlockall",
	"memfd_create",
	"membarrier",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"mseal",
	/* processes and threads; personality has a rule of its own */
	"clone",
	"fork",
	"vfork",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"wait4",
	"waitid",
	"kill",
	"tkill",
	"tgkill",
	"getpid",
	"getppid",
	"gettid",
	"getpgid",
	"getpgrp",
	"setpgid",
	"getsid",
	"setsid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setfsuid",
	"setfsgid",
	"setgroups",
	"capget",
	"capset",
	"prctl",
	"arch_prctl",
	"set_tid_address",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"futex",
	"futex_waitv",
	"futex_wake",
	"futex_wait",
	"futex_requeue",
	"set_thread_area",
	"get_thread_area",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_getparam",
	"sched_setparam",
	"sched_getscheduler",
	"sched_setscheduler",
	"sched_getattr",
	"sched_setattr",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_rr_get_interval",
	"getpriority",
	"setpriority",
	"ioprio_get",
	"ioprio_set",
	"getcpu",
	"getrlimit",
	"setrlimit",
	"prlimit64",
	"getrusage",
	"times",
	"pidfd_open",
	"pidfd_send_signal",
	"restart_syscall",
	"seccomp",
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
	"alarm",
	"pause",
	"sysinfo",
	"uname",
	"getrandom",
	"ugetrlimit",
	/* signals */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigreturn",
	/* time */
	"time",
	"gettimeofday",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"getitimer",
	"setitimer",
	"timer_create",
	"timer_settime",
	"timer_gettime",
	"timer_getoverrun",
	"timer_delete",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	/* waiting and talking; socket has rules of its own */
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd",
	"eventfd2",
	"pipe",
	"pipe2",
	"connect",
	"accept",
	"accept4",
	"sendto",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	"sendmmsg",
	"recvmmsg",
	"shutdown",
	"bind",
	"listen",
	"getsockname",
	"getpeername",
	"setsockopt",
	"getsockopt",
	"shmget",
	"shmat",
	"shmctl",
	"shmdt",
	"semget",
	"semop",
	"semctl",
	"semtimedop",
	"msgget",
	"msgsnd",
	"msgrcv",
	"msgctl",
	"mq_open",
	"mq_unlink",
	"mq_timedsend",
	"mq_timedreceive",
	"mq_notify",
	"mq_getsetattr",
	"io_setup",
	"io_destroy",
	"io_submit",
	"io_cancel",
	"io_getevents",
	"io_pgetevents",
	NULL,
};

/* Known and refused: EPERM says "not here" to a program that would otherwise think of an old
 * kernel. */
static const char *const denied[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"process_mrelease",
	"kcmp",
	"pidfd_getfd",
	"mount",
	"umount",
	"umount2",
	"mount_setattr",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"bpf",
	"keyctl",
	"add_key",
	"request_key",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"perf_event_open",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"query_module",
	"get_kernel_syms",
	"iopl",
	"ioperm",
	"modify_ldt",
	"vm86",
	"vm86old",
	"swapon",
	"swapoff",
	"reboot",
	"sethostname",
	"setdomainname",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"stime",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"vhangup",
	"name_to_handle_at",
	"open_by_handle_at",
	"fanotify_init",
	"fanotify_mark",
	"lookup_dcookie",
	"nfsservctl",
	"uselib",
	"ustat",
	"sysfs",
	"_sysctl",
	"vmsplice",
	"remap_file_pages",
	"mbind",
	"migrate_pages",
	"move_pages",
	"set_mempolicy",
	"get_mempolicy",
	"set_mempolicy_home_node",
	"memfd_secret",
};

/* AF_VSOCK and others ignore network namespaces, AF_ALG and AF_PACKET open deep kernel code. */
static int sockets_add(scmp_filter_ctx ctx, bool inet)
{
	static const int inet_families[] = {AF_INET, AF_INET6};

	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				   SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	for (size_t i = 0; ret == 0 && inet && i < FOG_ARRAY_COUNT(inet_families); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)inet_families[i]));
	// The C library asks for the interfaces over it.
	if (ret == 0 && inet)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				       SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
	return ret;
}

/* Only an ordinary personality, with or without address randomisation, and asking for it. */
static int personality_add(scmp_filter_ctx ctx)
{
	int ret = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu & ~(u32)ADDR_NO_RANDOMIZE, PER_LINUX));

	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0xffffffffu));
	return ret;
}

static int list_add(scmp_filter_ctx ctx, u32 action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		// Not on this architecture, or newer than the library.
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		int ret = seccomp_rule_add(ctx, action, nr, 0);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int list_load(bool inet)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (ctx == NULL)
		return -ENOMEM;
	// no_new_privs is set already, by a caller that checks it.
	int ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	// A binary tree over the numbers instead of a chain of 300 comparisons per call.
	if (ret == 0)
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (ret == 0)
		ret = list_add(ctx, SCMP_ACT_ALLOW, allowed, FOG_ARRAY_COUNT(allowed) - 1);
	if (ret == 0)
		ret = list_add(ctx, SCMP_ACT_ERRNO(EPERM), denied, FOG_ARRAY_COUNT(denied));
	if (ret == 0)
		ret = personality_add(ctx);
	if (ret == 0)
		ret = sockets_add(ctx, inet);
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

/* Arguments are compared as the kernel reads them, in their low 32 bits. */
static int low_add(scmp_filter_ctx ctx, int error, int nr, unsigned arg, u32 mask, u32 value)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(error), nr, 1,
				SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

/* Second filter, over allowed calls: the arguments that are not. Of two filters the kernel takes
 * the stricter answer; one filter cannot hold "all but" for an argument. */
static int arguments_load(bool inet)
{
	static const u32 spaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				     CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (ctx == NULL)
		return -ENOMEM;
	int ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	// clone3 hides its flags behind a pointer: the list's ENOSYS makes libraries use clone.
	for (size_t i = 0; ret == 0 && i < FOG_ARRAY_COUNT(spaces); i++)
		ret = low_add(ctx, EPERM, SCMP_SYS(clone), 0, spaces[i], spaces[i]);
	// Typing into a terminal is how a job would speak for whoever started it.
	if (ret == 0)
		ret = low_add(ctx, EPERM, SCMP_SYS(ioctl), 1, 0xffffffffu, TIOCSTI);
	if (ret == 0)
		ret = low_add(ctx, EPERM, SCMP_SYS(ioctl), 1, 0xffffffffu, TIOCLINUX);
	// Refused by the list too; programs understand this error better than a missing call.
	for (u32 family = 0; ret == 0 && family < FAMILY_MAX; family++) {
		bool listed =
			family == AF_UNIX ||
			(inet && (family == AF_INET || family == AF_INET6 || family == AF_NETLINK));
		if (!listed)
			ret = low_add(ctx, EAFNOSUPPORT, SCMP_SYS(socket), 0, 0xffffffffu, family);
	}
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

const char *const *fog_seccomp_allowed(void)
{
	return allowed;
}

int fog_seccomp_enter(bool inet)
{
	// This order: of two filters that give an error, the later one's is returned. The list
	// allows what loading another takes.
	int ret = list_load(inet);

	return ret < 0 ? ret : arguments_load(inet);
}
