/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/harden.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BUILT_WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define BUILT_WITH_SANITIZER 1
#endif
#endif
#ifndef BUILT_WITH_SANITIZER
#define BUILT_WITH_SANITIZER 0
#endif

static const int syscalls_allowed[] = {
	/* cells */
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	/* waiting and waking */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(futex),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(lseek),
	SCMP_SYS(fsync),
	SCMP_SYS(writev),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	/* HELLO */
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(close),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(eventfd2),
	SCMP_SYS(madvise),
	SCMP_SYS(munmap),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(geteuid),
	/* the C library: memory, threads that start and end, a dying assertion */
	SCMP_SYS(brk),
	SCMP_SYS(mremap),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

int fog_harden_process(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

int fog_harden_memory(void)
{
	/* Not MCL_FUTURE: where RLIMIT_MEMLOCK is near, it would make the region of the next client
	 * fail to map. ONFAULT: the tables are sized for the worst day; the pages that are used are
	 * the ones to keep. */
	return mlockall(MCL_CURRENT | MCL_ONFAULT) == 0 ? 0 : -errno;
}

/* A call this machine does not have needs no rule. */
static int allow(scmp_filter_ctx ctx, int syscall_number)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, syscall_number, 0);

	return rc == -EDOM ? 0 : rc;
}

/* memif waits for its other end and connects again; tap and vfio are asked for their link. */
static const int syscalls_device[] = {
	SCMP_SYS(connect),         SCMP_SYS(bind),           SCMP_SYS(listen),
	SCMP_SYS(getpeername),     SCMP_SYS(setsockopt),     SCMP_SYS(shutdown),
	SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_create), SCMP_SYS(ioctl),
	SCMP_SYS(epoll_create),    SCMP_SYS(epoll_create1),  SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
};

static int rules_add_device(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				  SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

	for (unsigned i = 0; rc == 0 && i < FOG_ARRAY_COUNT(syscalls_device); i++)
		rc = allow(ctx, syscalls_device[i]);
	return rc;
}

static int rules_add(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < FOG_ARRAY_COUNT(syscalls_allowed); i++)
		rc = allow(ctx, syscalls_allowed[i]);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
	/* A thread that has just started names itself and sets its timer slack. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				      SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				      SCMP_A0(SCMP_CMP_EQ, PR_SET_TIMERSLACK));
	return rc;
}

int fog_harden_seccomp(bool device_library)
{
	if (BUILT_WITH_SANITIZER)
		return -ENOTSUP;
	/* EPERM and a line in the audit log rather than death: cells of others are in flight, and
	 * an attacker gains nothing from the difference. */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (ctx == NULL)
		return -ENOMEM;
	int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = rules_add(ctx);
	if (rc == 0 && device_library)
		rc = rules_add_device(ctx);
	/* Best effort: kernels before 4.14 cannot log. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}
