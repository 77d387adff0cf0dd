/* SPDX-License-Identifier: BSD-3-Clause */
/* Run as a job by the tests: tries what it should not get and prints what it got.
 *	probe calls    one line per forbidden system call: number, errno
 *	probe net      what sockets can do
 *	probe bomb N   how many children can be forked, up to N
 *	probe eat MIB  touch that much memory
 *	probe foreign  a 32-bit system call
 *	probe read F   how many bytes of the file it gets
 *	probe save F   write "saved" to the file
 *	probe cat      standard input to standard output, "end" to standard error
 *	probe exit N   end with that status
 *	probe abort
 *	probe spin     never end */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/controlplane/executor/probe.h"

static void calls(void)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		printf("%d %d\n", probes[i].number, probe_run(&probes[i]));
}

static void net_try(const char *what, int type, bool use_connect, const char *address)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(9)};

	int fd = socket(AF_INET, type, 0);
	inet_pton(AF_INET, address, &sin.sin_addr);
	if (!use_connect)
		sin.sin_port = 0;
	int ret = use_connect ? connect(fd, (struct sockaddr *)&sin, sizeof(sin))
			      : bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	printf("%s %d\n", what, ret < 0 ? errno : 0);
	close(fd);
}

static void net(void)
{
	net_try("udp-out", SOCK_DGRAM, true, "192.0.2.1");
	net_try("udp-loopback", SOCK_DGRAM, true, "127.0.0.1");
	net_try("tcp-out", SOCK_STREAM, true, "192.0.2.1");
	net_try("tcp-loopback", SOCK_STREAM, true, "127.0.0.1");
	net_try("tcp-bind", SOCK_STREAM, false, "127.0.0.1");
}

static void bomb(int wanted)
{
	int got = 0;

	while (got < wanted) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		got++;
	}
	printf("forked %d errno %d\n", got, got < wanted ? errno : 0);
}

static void eat(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
		if (p == MAP_FAILED) {
			printf("refused at %zu\n", i);
			return;
		}
		memset(p, 1, 1 << 20);
	}
	printf("ate %zu\n", mib);
}

static void file_read(const char *path)
{
	char buf[256];

	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));
	printf("read %zd errno %d\n", n, n < 0 ? errno : 0);
}

static void file_save(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, "saved", 5);

	printf("saved %zd errno %d\n", n, n < 0 ? errno : 0);
}

/* Says what an earlier run left, and leaves something for the next and for whoever asked. */
static int leave(void)
{
	char buf[16] = "nothing";
	int fd = open("/checkpoint/state", O_RDONLY);

	if (fd >= 0 && read(fd, buf, sizeof(buf)) < 0)
		return 1;
	printf("%.5s errno 0\n", buf);
	file_save("/checkpoint/state");
	file_save("/work/result");
	return 85;
}

static void cat(void)
{
	char buf[256];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)n) < 0)
			break;
	fputs("end\n", stderr);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *path = argc > 2 ? argv[2] : "";
	int number = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(what, "calls") == 0)
		calls();
	else if (strcmp(what, "net") == 0)
		net();
	else if (strcmp(what, "bomb") == 0)
		bomb(number);
	else if (strcmp(what, "eat") == 0)
		eat((size_t)number);
	else if (strcmp(what, "read") == 0)
		file_read(path);
	else if (strcmp(what, "save") == 0)
		file_save(path);
	else if (strcmp(what, "cat") == 0)
		cat();
	else if (strcmp(what, "leave") == 0)
		return leave();
	else if (strcmp(what, "exit") == 0)
		return number;
	else if (strcmp(what, "abort") == 0)
		abort();
	else if (strcmp(what, "spin") == 0)
		for (;;)
			pause();
	else if (strcmp(what, "foreign") == 0) {
#ifdef __x86_64__
		long ret;
		__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20l /* getpid */) : "memory");
		printf("foreign %ld\n", ret);
#endif
	} else
		return 2;
	return 0;
}
