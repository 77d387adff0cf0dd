/* SPDX-License-Identifier: BSD-3-Clause */
/* Two processes and two sealed regions: slots of the edge rings in both directions, while kill -9
 * takes now one side, now the other. The survivor notices, a successor attaches with fresh memory,
 * and no slot that anybody takes out is ever other than what was put in, in order.
 *
 * The server plays the data plane, the client the edge; the test process only kills, restarts and
 * watches. Their counts lie in a page all three share. */
#include "dataplane/abi/attach.h"
#include "tests/shm/scale.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
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

#define SLOTS_WANTED \
	(200000u * FOG_TEST_SCALE) /* taken out and checked, both directions together */
#define KILLS      12u
#define TIME_MAX_S 40
#define BURST      64

struct shared {
	_Atomic u64 checked[2]; /* by server, by client */
	_Atomic u64 wrong;      /* a slot was not what it should be */
	_Atomic u64 broken;     /* an honest peer looked impossible */
	_Atomic u64 attachments[2];
	_Atomic u64 sleeps;
};

static struct shared *shared;
static char dir[64];
static char path[96];

/* One end of a lane pair: what this process sends and what it receives. */
struct end {
	struct fog_ring out, in;
	u32 sent, taken; /* sequence numbers of this attachment */
	int wake_fd;     /* to write when the other side sleeps */
	int notify_fd;   /* to sleep on */
	int sock;
	unsigned who;
};

static void slot_fill(struct fog_edge_slot *s, u32 n)
{
	s->handle = n;
	s->kind = FOG_EDGE_CELL;
	s->length = FOG_CELL_SIZE;
	for (unsigned i = 0; i < FOG_CELL_SIZE; i += 64)
		fog_store_u32(s->data + i, n * 2654435761u + i);
}

static bool slot_good(const struct fog_edge_slot *s, u32 n)
{
	for (unsigned i = 0; i < FOG_CELL_SIZE; i += 64)
		if (fog_load_u32(s->data + i) != n * 2654435761u + i)
			return false;
	return s->handle == n && s->kind == FOG_EDGE_CELL && s->length == FOG_CELL_SIZE;
}

static u32 end_send(struct end *e)
{
	u32 n = FOG_MIN(fog_ring_free(&e->out), (u32)BURST);

	for (u32 i = 0; i < n; i++)
		slot_fill(fog_ring_slot(&e->out, i), e->sent + i);
	if (n != 0) {
		fog_ring_publish(&e->out, n);
		e->sent += n;
	}
	return n;
}

static u32 end_take(struct end *e)
{
	struct fog_edge_slot s;
	u32 n = FOG_MIN(fog_ring_ready(&e->in), (u32)BURST);

	for (u32 i = 0; i < n; i++) {
		memcpy(&s, fog_ring_peek(&e->in, i), sizeof(s));
		if (!slot_good(&s, e->taken + i))
			atomic_fetch_add(&shared->wrong, 1);
	}
	if (n != 0) {
		fog_ring_release(&e->in, n);
		e->taken += n;
		atomic_fetch_add(&shared->checked[e->who], n);
	}
	return n;
}

static bool hung_up(int sock)
{
	char byte;

	return recv(sock, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Until the other side is gone. Sleeps like a worker: announce, look again, block. */
static void end_run(struct end *e)
{
	u64 v, one = 1;

	for (;;) {
		u32 moved = end_send(e);

		if (moved != 0 && fog_ring_wants_wake(&e->out) && write(e->wake_fd, &one, 8) != 8 &&
		    errno != EAGAIN)
			return;
		moved += end_take(e);
		if (e->out.broken || e->in.broken) {
			atomic_fetch_add(&shared->broken, 1);
			return;
		}
		if (moved != 0)
			continue;
		fog_ring_wait_begin(&e->in);
		if (fog_ring_ready(&e->in) == 0) {
			struct pollfd p[2] = {{e->notify_fd, POLLIN, 0}, {e->sock, POLLIN, 0}};

			/* The other side does not tell when it made room: look again soon. */
			if (poll(p, 2, 2) > 0 && p[1].revents != 0 && hung_up(e->sock))
				return;
			if (p[0].revents != 0 && read(e->notify_fd, &v, 8) != 8 && errno != EAGAIN)
				return;
			atomic_fetch_add(&shared->sleeps, 1);
		}
		fog_ring_wait_end(&e->in);
	}
}

static void server_serve(int sock, const struct fog_hello *hello, int fd, u64 number)
{
	struct fog_region tx, rx;
	struct end e = {.sock = sock, .who = 0};

	if (fog_region_map_peer(&tx, fd, hello->region_size, FOG_REGION_EDGE_TX) != 0) {
		close(fd);
		return;
	}
	if (fog_region_create(&rx, "rx", sizeof(struct fog_edge_rx_region), FOG_REGION_EDGE_RX,
			      1) != 0)
		abort();
	struct fog_edge_tx_region *t = tx.base;
	struct fog_edge_rx_region *r = rx.base;
	e.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	e.notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fog_ring_producer(&e.out, &r->rx_head, &t->rx_tail, r->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
	fog_ring_consumer(&e.in, &t->tx_head, &r->tx_tail, t->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
	struct fog_hello_reply reply = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.layout_hash = fog_abi_layout_hash(),
		.region_size = rx.size,
		.attachment = number,
		.workers = 1,
	};
	int fds[3] = {rx.fd, e.wake_fd, e.notify_fd};
	if (fog_hello_reply(sock, &reply, fds, 3) == 0) {
		atomic_fetch_add(&shared->attachments[0], 1);
		end_run(&e);
	}
	close(e.wake_fd);
	close(e.notify_fd);
	fog_region_close(&rx);
	fog_region_close(&tx);
}

static void server_main(int listener)
{
	for (u64 number = 1;; number++) {
		struct fog_hello hello;
		char why[72];
		int fd, sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		struct pollfd p = {.fd = sock, .events = POLLIN};

		if (sock < 0 || poll(&p, 1, 1000) != 1 ||
		    fog_hello_receive(sock, &hello, &fd, why) != 0) {
			if (sock >= 0)
				close(sock);
			continue;
		}
		server_serve(sock, &hello, fd, number);
		close(sock);
	}
}

static void client_main(void)
{
	for (;;) {
		struct fog_attachment a;
		char why[256];

		if (fog_attach(&a, path, FOG_HELLO_EDGE, 1, 1000, why) != 0)
			continue;
		struct fog_edge_tx_region *t = a.own.base;
		struct fog_edge_rx_region *r = a.peer.base;
		struct end e = {
			.wake_fd = a.wake[0],
			.notify_fd = a.notify,
			.sock = a.sock,
			.who = 1,
		};
		fog_ring_producer(&e.out, &t->tx_head, &r->tx_tail, t->slots, FOG_EDGE_RING_COUNT,
				  sizeof(struct fog_edge_slot));
		fog_ring_consumer(&e.in, &r->rx_head, &t->rx_tail, r->slots, FOG_EDGE_RING_COUNT,
				  sizeof(struct fog_edge_slot));
		atomic_fetch_add(&shared->attachments[1], 1);
		end_run(&e);
		fog_detach(&a);
	}
}

static pid_t child_start(bool server, int listener)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (server)
		server_main(listener);
	close(listener); /* only servers accept */
	client_main();
	_exit(0);
}

static int listener_open(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(dir, sizeof(dir), "/tmp/fog-shm-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/dataplane.sock", dir);
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 || listen(fd, 16) != 0)
		abort();
	return fd;
}

static u64 checked_total(void)
{
	return atomic_load(&shared->checked[0]) + atomic_load(&shared->checked[1]);
}

/* Wait for `slots` more; false when the time is over. */
static bool progress_wait(u64 slots, time_t deadline)
{
	u64 goal = checked_total() + slots;

	while (checked_total() < goal) {
		if (time(NULL) > deadline)
			return false;
		usleep(500);
	}
	return true;
}

static void test_kill_and_reattach(void)
{
	const char *env = getenv("FOG_SEED");
	u64 x = env != NULL ? strtoull(env, NULL, 0) : 97;
	int listener = listener_open();
	time_t deadline = time(NULL) + TIME_MAX_S;
	pid_t pid[2];

	printf("seed %llu ", (unsigned long long)x);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CU_ASSERT_FATAL(shared != MAP_FAILED);
	pid[0] = child_start(true, listener);
	pid[1] = child_start(false, listener);
	for (unsigned k = 0; k < KILLS; k++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		/* From "just attached" to "many times round the ring". */
		CU_ASSERT_TRUE(progress_wait(1 + (x >> 40) % (6000 * FOG_TEST_SCALE), deadline));
		unsigned victim = (unsigned)(x >> 63);

		CU_ASSERT_EQUAL(kill(pid[victim], SIGKILL), 0);
		CU_ASSERT_EQUAL(waitpid(pid[victim], NULL, 0), pid[victim]);
		pid[victim] = child_start(victim == 0, listener);
	}
	u64 so_far = checked_total();
	if (so_far < SLOTS_WANTED)
		CU_ASSERT_TRUE(progress_wait(SLOTS_WANTED - so_far, deadline));
	for (unsigned i = 0; i < 2; i++) {
		int status;

		/* Neither side ever died by itself. */
		CU_ASSERT_EQUAL(waitpid(pid[i], &status, WNOHANG), 0);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		CU_ASSERT(atomic_load(&shared->attachments[i]) >= KILLS / 2);
		CU_ASSERT(atomic_load(&shared->checked[i]) > SLOTS_WANTED / 20);
	}
	CU_ASSERT_EQUAL(atomic_load(&shared->wrong), 0);
	CU_ASSERT_EQUAL(atomic_load(&shared->broken), 0);
	printf("%llu slots, %llu attachments, %llu sleeps ", (unsigned long long)checked_total(),
	       (unsigned long long)atomic_load(&shared->attachments[0]),
	       (unsigned long long)atomic_load(&shared->sleeps));
	close(listener);
	unlink(path);
	rmdir(dir);
	munmap(shared, sizeof(*shared));
}

FOG_TEST_MAIN("shm/process", FOG_TEST(test_kill_and_reattach))
