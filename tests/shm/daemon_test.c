/* SPDX-License-Identifier: BSD-3-Clause */
/* The real fog-dataplane: two of them on loopback, this process as the control plane of both. A
 * link comes up between them, signatures are checked, kill -9 of one is survived by everybody else,
 * and SIGTERM ends them in order. FOG_DATAPLANE names the program. */
#include "configs/service.h"
#include "controlplane/core/dpclient.h"
#include "dataplane/mix/log.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS        1000000ull
#define WAIT_MS   30000 /* for anything to happen; sanitizers and busy machines are slow */
#define EXIT_NONE (-1)

struct host {
	char dir[64];
	char socket_path[96];
	u16 port;
	u8 node_id[32];
	pid_t pid;
	struct fog_dpclient *client;
	unsigned ups, downs, link_ups;
};

static int ready_sock = -1;
static char ready_path[64];

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static u16 free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		abort();
	close(fd);
	return ntohs(in.sin_port);
}

static void ready_open(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(ready_path, sizeof(ready_path), "/tmp/fog-daemon-ready-%d", getpid());
	unlink(ready_path);
	memcpy(un.sun_path, ready_path, strlen(ready_path) + 1);
	ready_sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(ready_sock, (struct sockaddr *)&un, sizeof(un)) != 0)
		abort();
	setenv("NOTIFY_SOCKET", ready_path, 1);
}

/* The next word a daemon sends to systemd. */
static bool ready_wait(const char *want)
{
	struct pollfd p = {.fd = ready_sock, .events = POLLIN};
	char got[64] = "";

	if (poll(&p, 1, WAIT_MS) != 1 || recv(ready_sock, got, sizeof(got) - 1, 0) <= 0)
		return false;
	return strcmp(got, want) == 0;
}

static pid_t spawn(const struct host *h, const char *extra)
{
	const char *program = getenv("FOG_DATAPLANE");
	char listen_at[64];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(listen_at, sizeof(listen_at), "127.0.0.1:%u", h->port);
	execl(program, program, "--listen", listen_at, "--run-dir", h->dir, "--state-dir", h->dir,
	      "--workers", "2", "--no-pin", "--log-level", "warning", extra, (char *)NULL);
	_exit(127);
}

static int exit_wait(pid_t pid)
{
	int status;

	for (u64 end = clock_ns() + WAIT_MS * MS; clock_ns() < end; usleep(2000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return EXIT_NONE;
}

static void on_state(void *arg, enum fog_dpclient_state state, const char *why)
{
	struct host *h = arg;

	h->ups += state == FOG_DPCLIENT_UP;
	h->downs += state == FOG_DPCLIENT_DOWN;
}

static void on_event(void *arg, u32 worker, const struct fog_event *e)
{
	struct host *h = arg;

	h->link_ups += e->type == FOG_EVENT_LINK_UP;
	CU_ASSERT_NOT_EQUAL(e->type, FOG_EVENT_COMMAND_REJECTED);
}

static void host_open(struct host *h, u8 number)
{
	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "/tmp/fog-daemon-XXXXXX");
	if (mkdtemp(h->dir) == NULL)
		abort();
	snprintf(h->socket_path, sizeof(h->socket_path), "%s/dataplane.sock", h->dir);
	h->port = free_port();
	memset(h->node_id, number, 32);
	h->pid = spawn(h, NULL);
	CU_ASSERT_TRUE_FATAL(ready_wait("READY=1"));
	struct fog_dpclient_config config = {
		.socket_path = h->socket_path,
		.boot_id = number,
		.state = on_state,
		.event = on_event,
		.arg = h,
	};
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_open(&h->client, &config), 0);
	struct fog_snapshot policy = {.handshakes_per_second = 1000};
	memcpy(policy.node_id, h->node_id, 32);
	fog_dpclient_policy(h->client, &policy, clock_ns());
}

/* Serve both clients as an event loop would, until done() or the limit. */
static bool run_until(struct host *a, struct host *b,
		      bool (*done)(const struct host *, const struct host *))
{
	for (u64 end = clock_ns() + WAIT_MS * MS; clock_ns() < end;) {
		struct pollfd p[2] = {{fog_dpclient_fd(a->client), POLLIN, 0},
				      {fog_dpclient_fd(b->client), POLLIN, 0}};
		u64 next_a = fog_dpclient_step(a->client, clock_ns());
		u64 next = FOG_MIN(next_a, fog_dpclient_step(b->client, clock_ns()));
		u64 now = clock_ns();

		if (done(a, b))
			return true;
		(void)poll(p, 2, next > now ? (int)((next - now) / MS) + 1 : 0);
	}
	return done(a, b);
}

static bool both_up(const struct host *a, const struct host *b)
{
	return fog_dpclient_state(a->client) == FOG_DPCLIENT_UP &&
	       fog_dpclient_state(b->client) == FOG_DPCLIENT_UP;
}

static bool both_synced(const struct host *a, const struct host *b)
{
	return fog_dpclient_synced(a->client) && fog_dpclient_synced(b->client);
}

static bool linked(const struct host *a, const struct host *b)
{
	return a->link_ups != 0 && b->link_ups != 0;
}

static bool a_is_down(const struct host *a, const struct host *b)
{
	return fog_dpclient_state(a->client) == FOG_DPCLIENT_DOWN;
}

static void neighbour_set(struct host *h, const struct host *n)
{
	struct fog_dpclient_link l = {.port = n->port};
	struct fog_dpclient_info info;

	CU_ASSERT_EQUAL_FATAL(fog_dpclient_info(n->client, &info), 0);
	memcpy(l.node_id, n->node_id, 32);
	memcpy(l.link_pk, info.link_pk, 32);
	l.address[10] = l.address[11] = 0xff;
	l.address[12] = 127;
	l.address[15] = 1;
	CU_ASSERT(fog_dpclient_link_set(h->client, &l) > 0);
}

/* RFC 8032, 7.1, test 2: one byte 0x72. */
static const u8 good_key[32] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a,
				0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4,
				0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
static const u8 good_signature[64] = {
	0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f,
	0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76,
	0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99,
	0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae,
	0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static unsigned verdicts_good, verdicts_bad;

static void on_verdict(void *arg, int result)
{
	verdicts_good += result == 0;
	verdicts_bad += result == -EBADMSG;
}

static bool verdicts_are_in(const struct host *a, const struct host *b)
{
	return verdicts_good + verdicts_bad == 100;
}

/* What the mix keeps from one start to the next. */
static void epochs_remove(const char *dir)
{
	char path[128];

	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		snprintf(path, sizeof(path), "%s/mix-%u.epoch", dir, i);
		(void)unlink(path);
	}
}

static void host_close(struct host *h)
{
	char path[128];

	fog_dpclient_close(h->client);
	snprintf(path, sizeof(path), "%s/dataplane.key", h->dir);
	CU_ASSERT_EQUAL(unlink(path), 0);
	epochs_remove(h->dir);
	/* The rest the daemon has removed itself. */
	CU_ASSERT_EQUAL(rmdir(h->dir), 0);
}

static void test_life_cycle(void)
{
	struct host a, b;
	struct fog_dpclient_info before, after;
	static struct fog_dpclient_counters counters;

	ready_open();
	host_open(&a, 1);
	host_open(&b, 2);
	CU_ASSERT_TRUE_FATAL(run_until(&a, &b, both_up));
	neighbour_set(&a, &b);
	neighbour_set(&b, &a);
	CU_ASSERT_TRUE(run_until(&a, &b, both_synced));
	CU_ASSERT_TRUE_FATAL(run_until(&a, &b, linked));
	CU_ASSERT_EQUAL(fog_dpclient_info(a.client, &before), 0);
	CU_ASSERT_EQUAL(before.workers, 2);
	CU_ASSERT(before.io_name[0] != '\0' && before.crypto_name[0] != '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(before.pin_reason, "not pinned"));

	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(fog_dpclient_verify(a.client, good_key, good_signature,
						    i % 2 == 0 ? "\x72" : "\x73", 1, (u8)(i % 3),
						    on_verdict, NULL, clock_ns()),
				0);
	CU_ASSERT_TRUE(run_until(&a, &b, verdicts_are_in));
	CU_ASSERT_EQUAL(verdicts_good, 50);

	/* kill -9: its successor takes over the socket, has the same keys, and is told everything.
	 */
	a.link_ups = b.link_ups = 0;
	CU_ASSERT_EQUAL(kill(a.pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(exit_wait(a.pid), 128 + SIGKILL);
	CU_ASSERT_TRUE(run_until(&a, &b, a_is_down));
	a.pid = spawn(&a, NULL);
	CU_ASSERT_TRUE_FATAL(ready_wait("READY=1"));
	CU_ASSERT_TRUE_FATAL(run_until(&a, &b, both_synced));
	CU_ASSERT_TRUE_FATAL(run_until(&a, &b, linked));
	CU_ASSERT_EQUAL(fog_dpclient_info(a.client, &after), 0);
	CU_ASSERT_EQUAL(memcmp(before.link_pk, after.link_pk, 32), 0);
	CU_ASSERT_EQUAL(memcmp(before.onion_pk, after.onion_pk, 32), 0);
	CU_ASSERT_NOT_EQUAL(before.boot_id, after.boot_id);
	CU_ASSERT_EQUAL(fog_dpclient_counters(a.client, &counters), 0);
	CU_ASSERT(counters.counter_sum[0] > 0);
	CU_ASSERT_EQUAL(b.downs, 0);

	CU_ASSERT_EQUAL(kill(a.pid, SIGTERM), 0);
	CU_ASSERT_TRUE(ready_wait("STOPPING=1"));
	CU_ASSERT_EQUAL(exit_wait(a.pid), 0);
	CU_ASSERT_EQUAL(kill(b.pid, SIGINT), 0);
	CU_ASSERT_EQUAL(exit_wait(b.pid), 0);
	host_close(&a);
	host_close(&b);
	close(ready_sock);
	unlink(ready_path);
	unsetenv("NOTIFY_SOCKET");
}

/* What it refuses, and with which exit status. */
static void test_bad_arguments(void)
{
	struct host h = {.port = free_port()};
	char path[128];

	snprintf(h.dir, sizeof(h.dir), "/tmp/fog-daemon-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(h.dir));
	printf("\n");
	fflush(stdout);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--check")), 0);
	snprintf(path, sizeof(path), "%s/dataplane.key", h.dir);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--version")), 0);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--help")), 0);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--bogus")), 2);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--state-dir=/nonexistent")), 1);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--run-dir=/nonexistent")), 1);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--listen=203.0.113.1:9")), 1);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--config=/nonexistent")), FOG_SERVICE_EXIT_CONFIG);
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, NULL)), 1);
	CU_ASSERT_EQUAL(exit_wait(spawn(&h, "--check")), 1);
	unlink(path);
	epochs_remove(h.dir);
	CU_ASSERT_EQUAL(rmdir(h.dir), 0);
}

FOG_TEST_MAIN("shm/daemon", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
