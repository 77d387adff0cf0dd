/* SPDX-License-Identifier: BSD-3-Clause */
/* Each test in a child: what is given up does not come back. */
#include "dataplane/ctl/harden.h"

#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit status of fn() in a child; 200 when it died otherwise. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 201;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static int process(void)
{
	if (fog_harden_process() != 0)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ? 3 : 0;
}

static int memory(void)
{
	int rc = fog_harden_memory();

	return rc == 0 || rc == -EPERM || rc == -ENOMEM ? 0 : 1;
}

#define UNSUPPORTED 77

static int forbidden(void)
{
	int rc = fog_harden_seccomp(false);

	if (rc == -ENOTSUP)
		return UNSUPPORTED;
	if (rc != 0)
		return 1;
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EPERM)
		return 2;
	if (socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM)
		return 3;
	if (fork() != -1 || errno != EPERM)
		return 4;
	if (execl("/bin/true", "true", NULL) != -1 || errno != EPERM)
		return 5;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != -1 || errno != EPERM)
		return 6;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		    MAP_FAILED ||
	    errno != EPERM)
		return 7;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 8;
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != -1 || errno != EPERM)
		return 9;
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != -1 || errno != EPERM)
		return 10;
	return 0;
}

static int go;
static int opened;

static void *older_thread(void *arg)
{
	u64 v;

	if (read(go, &v, 8) != 8)
		return NULL;
	opened = open("/etc/passwd", O_RDONLY);
	return NULL;
}

/* Threads that were there before are filtered too. */
static int other_threads(void)
{
	pthread_t t;

	go = eventfd(0, 0);
	if (go < 0 || pthread_create(&t, NULL, older_thread, NULL) != 0)
		return 1;
	int rc = fog_harden_seccomp(false);
	u64 one = 1;
	if (write(go, &one, 8) != 8)
		return 2;
	pthread_join(t, NULL);
	if (rc == -ENOTSUP)
		return UNSUPPORTED;
	return rc == 0 && opened == -1 ? 0 : 3;
}

/* What the control thread does all day still works. */
static int allowed(void)
{
	struct fog_region mine, theirs;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0)
		return 1;
	int rc = fog_harden_seccomp(false);
	if (rc == -ENOTSUP)
		return UNSUPPORTED;
	if (fog_region_create(&mine, "t", sizeof(struct fog_edge_rx_region), FOG_REGION_EDGE_RX,
			      1) != 0)
		return 2;
	int fd = fcntl(mine.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fog_region_map_peer(&theirs, fd, mine.size, FOG_REGION_EDGE_RX) != 0)
		return 3;
	struct fog_hello_reply reply = {0};
	if (fog_hello_reply(pair[0], &reply, &mine.fd, 1) != 0)
		return 4;
	struct fog_hello hello;
	char why[72];
	if (fog_hello_receive(pair[1], &hello, &fd, why) != -EBADMSG)
		return 5;
	int e = eventfd(0, EFD_NONBLOCK);
	if (e < 0 || close(e) != 0)
		return 6;
	fog_region_close(&theirs);
	fog_region_close(&mine);
	char *p = malloc(10 << 20);
	if (p == NULL)
		return 7;
	memset(p, 1, 10 << 20);
	free(p);
	return 0;
}

static void test_life_cycle(void)
{
	CU_ASSERT_EQUAL(in_child(process), 0);
	CU_ASSERT_EQUAL(in_child(memory), 0);
	int rc = in_child(allowed);
	CU_ASSERT(rc == 0 || rc == UNSUPPORTED);
}

static void test_forbidden(void)
{
	int rc = in_child(forbidden);

	CU_ASSERT(rc == 0 || rc == UNSUPPORTED);
	rc = in_child(other_threads);
	CU_ASSERT(rc == 0 || rc == UNSUPPORTED);
}

FOG_TEST_MAIN("dataplane/ctl/harden", FOG_TEST(test_life_cycle), FOG_TEST(test_forbidden))
