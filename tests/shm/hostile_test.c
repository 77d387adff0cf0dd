/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer process that scribbles over all it may write, all the time: headers, cursors, slots,
 * snapshot. Ours must neither crash nor hang nor believe it, and must go on with the next peer. The
 * other way round: with our fd in hand, a peer cannot write our memory by any call. */
#include "controlplane/core/dpclient.h"
#include "dataplane/abi/attach.h"
#include "dataplane/ctl/log.h"
#include "dataplane/abi/feed.h"
#include "dataplane/ctl/verify.h"
#include "tests/shm/scale.h"
#include "tests/unit/fog_test.h"

#include "crypto/cpu.h"
#include "crypto/sign/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS 700

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static u64 random_next(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static u64 seed_get(void)
{
	const char *env = getenv("FOG_SEED");
	u64 seed = env != NULL ? strtoull(env, NULL, 0) : 5;

	printf("seed %llu ", (unsigned long long)seed);
	return seed * 2654435761u + 88172645463325252ull;
}

/* Values that mean something somewhere, and noise. */
static u64 random_value(u64 *x)
{
	static const u64 special[] = {0, 1, 2, 63, 64, 256, 257, 1024, 1025, 4096, 4097};
	u64 r = random_next(x);

	switch (r % 4) {
	case 0:
		return special[(r >> 8) % FOG_ARRAY_COUNT(special)];
	case 1:
		return ~special[(r >> 8) % FOG_ARRAY_COUNT(special)];
	default:
		return random_next(x);
	}
}

/* Half of the strikes hit the first pages, where header, cursors and snapshot lie. */
static void scribble(volatile u64 *base, size_t size, u64 *x, unsigned strikes)
{
	while (strikes-- != 0) {
		u64 r = random_next(x);
		size_t words = (r & 1) != 0 ? FOG_MIN(size, (size_t)16384) / 8 : size / 8;

		base[(r >> 8) % words] = random_value(x);
	}
}

static void fd_send(int sock, int fd)
{
	char byte = 'f';
	struct iovec iov = {&byte, 1};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) != 1)
		abort();
}

static int fd_receive(int sock)
{
	char byte;
	struct iovec iov = {&byte, 1};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&msg) == NULL)
		abort();
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* A child with its own control region, whose fd it sends, scribbling until it is killed. */
static pid_t hostile_control(int sock, u64 seed)
{
	pid_t pid = fork();
	struct fog_region r;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fog_region_create(&r, "bad", sizeof(struct fog_control_region), FOG_REGION_CONTROL,
			      1) != 0)
		abort();
	fd_send(sock, r.fd);
	char byte;
	if (read(sock, &byte, 1) != 1)
		_exit(1);
	for (;;)
		scribble(r.base, r.size, &seed, 1000);
}

static void child_end(pid_t pid)
{
	int status;

	CU_ASSERT_EQUAL(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

struct ring_tally {
	u64 broken, copied, events;
};

/* One turn of what a worker does with a control region. */
static void worker_turn(struct fog_control_region *c, struct fog_data_region *d,
			struct ring_tally *t)
{
	struct fog_ring commands, events;
	struct fog_command command;
	struct fog_event event = {.type = FOG_EVENT_LINK_UP};

	fog_ring_consumer(&commands, &c->command_head[0], &d->command_tail[0], c->commands[0],
			  FOG_COMMAND_RING_COUNT, sizeof(command));
	fog_ring_producer(&events, &d->event_head[0], &c->event_tail[0], d->events[0],
			  FOG_EVENT_RING_COUNT, sizeof(event));
	for (unsigned i = 0; i < 64; i++) {
		u32 ready = fog_ring_ready(&commands);
		u32 room = fog_ring_free(&events);

		CU_ASSERT(ready <= FOG_COMMAND_RING_COUNT && room <= FOG_EVENT_RING_COUNT);
		t->copied += fog_ring_pop(&commands, &command) == 0;
		t->events += fog_ring_push(&events, &event) == 0;
		(void)fog_ring_wants_wake(&events);
	}
	t->broken += commands.broken + events.broken;
}

/* The same service then serves an honest control plane. */
static void honest_after(struct fog_verify *verify, struct fog_region *theirs,
			 struct fog_data_region *d)
{
	static struct fog_control_region honest;
	static struct fog_feed feed;
	struct fog_ring verdicts;
	struct fog_verify_verdict v;
	u8 payload[96], sk[64], key_seed[32] = {1};

	fog_verify_attach(verify, &honest);
	fog_region_close(theirs);
	fog_feed_producer(&feed, &honest.verify_head[0][2], &d->verify_tail[0][2],
			  &honest.verify[0][2]);
	fog_ring_consumer(&verdicts, &d->verdict_head[0], &honest.verdict_tail[0], d->verdicts[0],
			  FOG_VERDICT_RING_COUNT, sizeof(v));
	fog_sign_keypair(payload, sk, key_seed);
	fog_sign(payload + 32, NULL, 0, sk);
	struct fog_verify_submit job = {.tag = 3, .kind = FOG_CHECK_ED25519};
	CU_ASSERT_EQUAL(fog_feed_push(&feed, job, payload, sizeof(payload)), 0);
	u64 one = 1;
	CU_ASSERT_EQUAL(write(fog_verify_wake_fd(verify, 0), &one, 8), 8);
	for (unsigned i = 0; i < 5000 && fog_ring_ready(&verdicts) == 0; i++)
		usleep(1000);
	CU_ASSERT_EQUAL_FATAL(fog_ring_pop(&verdicts, &v), 0);
	CU_ASSERT(v.tag == 3 && v.result == 0);
}

static void test_hostile_control_plane(void)
{
	struct fog_region theirs, ours;
	struct fog_snapshot s;
	struct ring_tally tally = {0};
	u64 seed = seed_get(), stable = 0, refused = 0, turns = 0;
	int pair[2], notify = eventfd(0, EFD_NONBLOCK);
	struct fog_verify *verify;

	fog_dplog_set_level(FOG_DPLOG_ERROR); /* it would complain thousands of times */
	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL_FATAL(fog_region_create(&ours, "data", sizeof(struct fog_data_region),
						FOG_REGION_DATA, 1),
			      0);
	CU_ASSERT_EQUAL_FATAL(fog_verify_start(&verify, ours.base, 1, NULL, notify), 0);
	pid_t pid = hostile_control(pair[1], seed);
	int fd = fd_receive(pair[0]);
	CU_ASSERT_EQUAL_FATAL(fog_region_map_peer(&theirs, fd, sizeof(struct fog_control_region),
						  FOG_REGION_CONTROL),
			      0);
	CU_ASSERT_EQUAL(write(pair[0], "g", 1), 1);

	for (u64 end = clock_ns() + RUN_MS * 1000000ull; clock_ns() < end; turns++) {
		struct fog_region again;
		int copy = dup(theirs.fd);
		int rc = fog_region_map_peer(&again, copy, theirs.size, FOG_REGION_CONTROL);

		CU_ASSERT(rc == 0 || rc == -EPROTO);
		refused += rc != 0;
		if (rc == 0)
			fog_region_close(&again);
		else
			close(copy);
		stable += fog_snapshot_read(&((struct fog_control_region *)theirs.base)->snapshot,
					    &s) != 0;
		worker_turn(theirs.base, ours.base, &tally);
		if (turns % 16 == 0)
			fog_verify_attach(verify, theirs.base);
		if (turns % 16 == 8) {
			u64 one = 1;
			CU_ASSERT_EQUAL(write(fog_verify_wake_fd(verify, 0), &one, 8), 8);
		}
	}
	child_end(pid);
	CU_ASSERT(tally.broken > 0 && refused > 0 && stable > 0);
	printf("%llu turns: %llu broken rings, %llu garbage commands, %llu refused headers ",
	       (unsigned long long)turns, (unsigned long long)tally.broken,
	       (unsigned long long)tally.copied, (unsigned long long)refused);

	honest_after(verify, &theirs, ours.base);
	fog_verify_stop(verify);
	fog_region_close(&ours);
	close(pair[0]);
	close(pair[1]);
	close(notify);
}

/* A child that answers HELLO as it should and scribbles over its data region after that. */
static pid_t hostile_plane(int listener, u64 seed)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (u64 number = 1;; number++) {
		struct fog_hello hello;
		struct fog_region own;
		char why[72];
		int fd, sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		int fds[5];
		struct pollfd p = {.fd = sock, .events = POLLIN};

		if (poll(&p, 1, 1000) != 1 || fog_hello_receive(sock, &hello, &fd, why) != 0) {
			close(sock);
			continue;
		}
		close(fd);
		if (fog_region_create(&own, "d", sizeof(struct fog_data_region), FOG_REGION_DATA,
				      1) != 0)
			abort();
		struct fog_data_region *d = own.base;
		for (u32 w = 0; w < 2; w++)
			atomic_store(&d->status[w].attachment, number);
		struct fog_hello_reply reply = {
			.magic = FOG_ABI_MAGIC,
			.abi = FOG_ABI,
			.layout_hash = fog_abi_layout_hash(),
			.region_size = own.size,
			.attachment = number,
			.workers = 2,
		};
		fds[0] = own.fd;
		for (unsigned i = 1; i < 5; i++)
			fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		(void)fog_hello_reply(sock, &reply, fds, 5);
		char byte;
		while (recv(sock, &byte, 1, MSG_DONTWAIT) != 0) {
			scribble(own.base, own.size, &seed, 200);
			/* The wake-up too is at its mercy. */
			u64 one = 1;
			if ((random_next(&seed) & 7) == 0 && write(fds[1], &one, 8) < 0)
				continue;
		}
		for (unsigned i = 1; i < 5; i++)
			close(fds[i]);
		fog_region_close(&own);
		close(sock);
	}
}

static u64 answered, downs;

static void on_verdict(void *arg, int result)
{
	unsigned *calls = arg;

	(*calls)++;
	answered++;
	CU_ASSERT(result == 0 || result == -EBADMSG || result == -EINVAL || result == -EOPNOTSUPP ||
		  result == -EPROTO || result == -ECONNRESET || result == -ETIMEDOUT ||
		  result == -ECANCELED);
}

static void on_state(void *arg, enum fog_dpclient_state state, const char *why)
{
	downs += state == FOG_DPCLIENT_DOWN;
}

static void on_event(void *arg, u32 worker, const struct fog_event *e)
{
	CU_ASSERT(e->type >= FOG_EVENT_LINK_UP && e->type <= FOG_EVENT_LINK_BANDWIDTH);
	CU_ASSERT(e->link_id <= FOG_LINKS_MAX + 1);
}

#define CALLS 100000

static void test_hostile_data_plane(void)
{
	static unsigned calls[CALLS];
	static struct fog_dpclient_counters counters;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	u64 seed = seed_get(), submitted = 0;
	struct fog_dpclient *c;
	struct fog_dpclient_info info;
	struct fog_snapshot policy = {0};
	u8 zero[64] = {0};
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/fog-hostile-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", dir);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 4), 0);
	pid_t pid = hostile_plane(listener, seed);
	struct fog_dpclient_config config = {
		.socket_path = un.sun_path,
		.boot_id = 1,
		.state = on_state,
		.event = on_event,
	};
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_open(&c, &config), 0);
	fog_dpclient_policy(c, &policy, clock_ns());
	for (u64 end = clock_ns() + RUN_MS * 1000000ull; clock_ns() < end;) {
		u64 r = random_next(&seed);
		struct fog_dpclient_link l = {.port = (u16)(1 + r % 9)};
		struct pollfd p = {.fd = fog_dpclient_fd(c), .events = POLLIN};

		l.node_id[0] = (u8)(r >> 8);
		if ((r & 1) != 0)
			(void)fog_dpclient_link_set(c, &l);
		else
			(void)fog_dpclient_link_delete(c, l.node_id);
		if (submitted < CALLS &&
		    fog_dpclient_verify(c, zero, zero, zero, r % 65, 0, on_verdict,
					&calls[submitted], clock_ns()) == 0)
			submitted++;
		(void)fog_dpclient_circuit_close(c, 1, 1);
		(void)fog_dpclient_info(c, &info);
		(void)fog_dpclient_counters(c, &counters);
		(void)fog_dpclient_synced(c);
		(void)poll(&p, 1, 0);
		(void)fog_dpclient_step(c, clock_ns());
	}
	fog_dpclient_close(c);
	child_end(pid);
	CU_ASSERT(downs >= 2);
	/* Whatever it wrote: each callback ran once. */
	CU_ASSERT_EQUAL(answered, submitted);
	for (u64 i = 0; i < submitted; i++)
		CU_ASSERT_EQUAL(calls[i], 1);
	printf("%llu losses, %llu verifications ", (unsigned long long)downs,
	       (unsigned long long)submitted);
	close(listener);
	unlink(un.sun_path);
	rmdir(dir);
}

/* In the peer: the number of the first call that could write, 0 when none. */
static int try_to_write(int fd, size_t size)
{
	char path[64];

	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 1;
	if (mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 2;
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 3;
	if (mprotect(p, size, PROT_READ | PROT_WRITE) == 0)
		return 4;
	if (pwrite(fd, "x", 1, 0) >= 0 || write(fd, "x", 1) >= 0)
		return 5;
	if (ftruncate(fd, 0) == 0 || ftruncate(fd, (off_t)size * 2) == 0)
		return 6;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0)
		return 7;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0)
		return 8;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int again = open(path, O_RDWR);
	if (again >= 0 && mmap(NULL, size, PROT_WRITE, MAP_SHARED, again, 0) != MAP_FAILED)
		return 9;
	return madvise(p, size, MADV_REMOVE) == 0 ? 10 : 0;
}

static void test_peer_cannot_write(void)
{
	struct fog_region ours;
	int pair[2], status = -1;

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL_FATAL(fog_region_create(&ours, "data", sizeof(struct fog_data_region),
						FOG_REGION_DATA, 1),
			      0);
	pid_t pid = fork();
	if (pid == 0) {
		/* The child forgets what it inherited; all it has is the fd it is sent. */
		munmap(ours.base, ours.size);
		close(ours.fd);
		_exit(try_to_write(fd_receive(pair[1]), sizeof(struct fog_data_region)));
	}
	fd_send(pair[0], ours.fd);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	CU_ASSERT_EQUAL(((struct fog_data_region *)ours.base)->header.magic, FOG_ABI_MAGIC);
	fog_region_close(&ours);
	close(pair[0]);
	close(pair[1]);
}

FOG_TEST_MAIN("shm/hostile", FOG_TEST(test_hostile_control_plane),
	      FOG_TEST(test_hostile_data_plane), FOG_TEST(test_peer_cannot_write))
