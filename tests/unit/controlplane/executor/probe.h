/* SPDX-License-Identifier: BSD-3-Clause */
/* System calls that no job may make. Arguments are such that each does nothing when it is let
 * through, and then gives another errno than the one the filter gives. */
#ifndef FOG_TEST_EXECUTOR_PROBE_H
#define FOG_TEST_EXECUTOR_PROBE_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct probe {
	int number;
	const char *name;
	long nr;
	long arg[5];
	int want; /* errno under the filter */
};

static const struct probe probes[] = {
	{1, "ptrace", SYS_ptrace, {16 /* attach */, 0x7fffffff}, EPERM},
	{2, "process_vm_readv", SYS_process_vm_readv, {0x7fffffff}, EPERM},
	{3, "process_vm_writev", SYS_process_vm_writev, {0x7fffffff}, EPERM},
	{4, "pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}, EPERM},
	{5, "kcmp", SYS_kcmp, {0x7fffffff, 0x7fffffff, 99}, EPERM},
	{6, "mount", SYS_mount, {0, 0, 0, 0, 0}, EPERM},
	{7, "umount2", SYS_umount2, {0, 0}, EPERM},
	{8, "pivot_root", SYS_pivot_root, {0, 0}, EPERM},
	{9, "open_tree", SYS_open_tree, {-1, 0, -1}, EPERM},
	{10, "move_mount", SYS_move_mount, {-1, 0, -1, 0, -1}, EPERM},
	{11, "fsopen", SYS_fsopen, {0, -1}, EPERM},
	{12, "mount_setattr", SYS_mount_setattr, {-1, 0, -1, 0, 0}, EPERM},
	{13, "chroot", SYS_chroot, {0}, EPERM},
	{14, "unshare", SYS_unshare, {0}, EPERM},
	{15, "setns", SYS_setns, {-1, 0}, EPERM},
	{16, "clone new user", SYS_clone, {CLONE_NEWUSER | CLONE_FS | SIGCHLD}, EPERM},
	{17, "clone new net", SYS_clone, {CLONE_NEWNET | CLONE_THREAD}, EPERM},
	{18, "clone3", SYS_clone3, {0, 0}, ENOSYS},
	{19, "bpf", SYS_bpf, {-1, 0, 0}, EPERM},
	{20, "perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}, EPERM},
	{21, "userfaultfd", SYS_userfaultfd, {-1}, EPERM},
	{22, "io_uring_setup", SYS_io_uring_setup, {0, 0}, EPERM},
	{23, "io_uring_enter", SYS_io_uring_enter, {-1}, EPERM},
	{24, "io_uring_register", SYS_io_uring_register, {-1}, EPERM},
	{25, "keyctl", SYS_keyctl, {-1}, EPERM},
	{26, "add_key", SYS_add_key, {0}, EPERM},
	{27, "request_key", SYS_request_key, {0}, EPERM},
	{28, "kexec_load", SYS_kexec_load, {0, 0, 0, -1}, EPERM},
	{29, "kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, -1}, EPERM},
	{30, "init_module", SYS_init_module, {0, 0, 0}, EPERM},
	{31, "finit_module", SYS_finit_module, {-1, 0, -1}, EPERM},
	{32, "delete_module", SYS_delete_module, {0, 0}, EPERM},
	{33, "reboot", SYS_reboot, {0, 0, 0, 0}, EPERM},
	{34, "swapon", SYS_swapon, {0, -1}, EPERM},
	{35, "open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}, EPERM},
	{36, "name_to_handle_at", SYS_name_to_handle_at, {-1, 0, 0, 0, -1}, EPERM},
	{37, "fanotify_init", SYS_fanotify_init, {-1, 0}, EPERM},
	{38, "quotactl", SYS_quotactl, {-1, 0, 0, 0}, EPERM},
	{39, "syslog", SYS_syslog, {-1, 0, 0}, EPERM},
	{40, "sethostname", SYS_sethostname, {0, -1}, EPERM},
	{41, "clock_settime", SYS_clock_settime, {-1, 0}, EPERM},
	{42, "personality", SYS_personality, {0x0400000 /* READ_IMPLIES_EXEC */}, ENOSYS},
	{43, "TIOCSTI", SYS_ioctl, {-1, TIOCSTI, 0}, EPERM},
	{44, "TIOCSTI, high bits set", SYS_ioctl, {-1, TIOCSTI | 1l << 32, 0}, EPERM},
	{45, "TIOCLINUX", SYS_ioctl, {-1, 0x541c, 0}, EPERM},
	{46, "AF_VSOCK", SYS_socket, {40, SOCK_STREAM, 0}, EAFNOSUPPORT},
	{47, "AF_PACKET", SYS_socket, {17, SOCK_RAW, 0}, EAFNOSUPPORT},
	{48, "AF_ALG", SYS_socket, {38, SOCK_SEQPACKET, 0}, EAFNOSUPPORT},
	{49, "AF_NETLINK audit", SYS_socket, {16, SOCK_RAW, 9}, ENOSYS},
	{50, "AF_INET, high bits set", SYS_socket, {AF_INET | 1l << 32, SOCK_STREAM, 0}, ENOSYS},
	{51, "unknown call", 4095, {0}, ENOSYS},
	{52, "memfd_secret", 447, {-1}, EPERM},
#ifdef SYS_iopl
	{53, "iopl", SYS_iopl, {4}, EPERM},
	{54, "modify_ldt", SYS_modify_ldt, {-1}, EPERM},
#endif
};

/* errno of a probe, 0 if it succeeded. A clone that succeeds ends its child. */
__attribute__((unused)) static int probe_run(const struct probe *p)
{
	errno = 0;
	long ret = syscall(p->nr, p->arg[0], p->arg[1], p->arg[2], p->arg[3], p->arg[4]);
	int err = errno;

	if (p->nr == SYS_clone && ret == 0)
		_exit(0);
	return ret < 0 ? err : 0;
}

#endif
