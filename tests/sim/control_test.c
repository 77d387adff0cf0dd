/* SPDX-License-Identifier: BSD-3-Clause */
/* A control plane process is killed and replaced while a circuit carries datagrams through the host
 * it controls. The network is simulated, the data planes are polled in virtual time; the control
 * plane of host 1, the relay in the middle, is a real child process behind a real dataplane.sock.
 */
#include "controlplane/core/dpclient.h"
#include "dataplane/ctl/ctl.h"
#include "dataplane/ctl/log.h"
#include "dataplane/ctl/verify.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RELAY       1u
#define WORKERS     2u
#define REAL_MAX_MS 20000 /* for anything to happen */

/* What the child tells the test. */
struct shared {
	_Atomic u64 synced; /* the number of the child that is in sync; it stays so */
	_Atomic u64 link_ups, opened, swept, rejected;
	_Atomic u64 verdicts_good, verdicts_bad;
};

struct bench {
	struct tb tb;
	struct fog_region data; /* host[RELAY].data, sealed */
	struct fog_ctl *ctl;
	struct fog_verify *verify;
	int notify;
	char dir[64];
	char path[96];
	struct shared *shared;
	struct tb_circuit *circuit;
	u64 arrived; /* datagrams at the terminus */
	u64 sent;
};

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * TB_S + (u64)ts.tv_nsec;
}

/* ---- the child ---------------------------------------------------------------------------- */

static void on_event(void *arg, u32 worker, const struct fog_event *e)
{
	struct shared *s = arg;

	atomic_fetch_add(&s->link_ups, e->type == FOG_EVENT_LINK_UP);
	atomic_fetch_add(&s->opened, e->type == FOG_EVENT_CIRCUIT_OPENED);
	atomic_fetch_add(&s->swept, e->type == FOG_EVENT_SWEPT);
	atomic_fetch_add(&s->rejected, e->type == FOG_EVENT_COMMAND_REJECTED);
}

static void on_verdict(void *arg, int result)
{
	struct shared *s = arg;

	atomic_fetch_add(result == 0 ? &s->verdicts_good : &s->verdicts_bad, 1);
}

static void child_link(struct fog_dpclient *c, const struct tb_host *h)
{
	struct fog_dpclient_link l = {.port = h->address.port};

	memcpy(l.node_id, h->node_id, 32);
	memcpy(l.link_pk, h->link_pk, 32);
	memcpy(l.address, h->address.ip, 16);
	if (fog_dpclient_link_set(c, &l) <= 0)
		_exit(3);
}

/* A whole control plane, as far as the data plane sees: policy, links, some signatures to check. */
static void child_main(const struct bench *b, u64 number, bool both_links)
{
	struct fog_dpclient *c;
	struct fog_dpclient_config config = {
		.socket_path = b->path,
		.boot_id = number,
		.event = on_event,
		.arg = b->shared,
	};
	u8 seed[32] = {7}, pk[32], sk[64], signature[64];
	bool said = false;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fog_dpclient_open(&c, &config) != 0)
		_exit(1);
	fog_dpclient_policy(c, &b->tb.host[RELAY].policy, clock_ns());
	child_link(c, &b->tb.host[0]);
	if (both_links)
		child_link(c, &b->tb.host[2]);
	fog_sign_keypair(pk, sk, seed);
	fog_sign(signature, "receipt", 7, sk);
	for (unsigned i = 0; i < 20; i++)
		(void)fog_dpclient_verify(c, pk, signature, i % 4 == 0 ? "forgery" : "receipt", 7,
					  (u8)(i % 3), on_verdict, b->shared, clock_ns());
	for (;;) {
		u64 next = fog_dpclient_step(c, clock_ns());
		u64 now = clock_ns();
		struct pollfd p = {.fd = fog_dpclient_fd(c), .events = POLLIN};

		if (fog_dpclient_synced(c) && !said) {
			atomic_store(&b->shared->synced, number);
			said = true;
		}
		(void)poll(&p, 1, next > now ? (int)FOG_MIN((next - now) / TB_MS + 1, 5ull) : 0);
	}
}

static pid_t child_start(struct bench *b, u64 number, bool both_links)
{
	pid_t pid = fork();

	if (pid == 0)
		child_main(b, number, both_links);
	CU_ASSERT_FATAL(pid > 0);
	return pid;
}

static void child_kill(pid_t pid)
{
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

/* ---- the hosts ---------------------------------------------------------------------------- */

static void on_datagram(struct tb *tb, struct tb_host *host, struct tb_circuit *circuit, u32 handle,
			const u8 *data, u32 length)
{
	struct bench *b = tb->arg;

	b->arrived += circuit == NULL && host->index == 2;
}

/* Put the data region of the relay into a sealed memfd, at the same address: the workers know only
 * that. */
static void region_seal(struct bench *b)
{
	struct tb_host *h = &b->tb.host[RELAY];
	struct fog_region *r = &b->data;

	if (fog_region_create(r, "fog-data", sizeof(*h->data), FOG_REGION_DATA, h->boot_id) != 0)
		abort();
	struct fog_region_header header = *(struct fog_region_header *)r->base;
	header.workers = WORKERS;
	memcpy(r->base, h->data, r->size);
	*(struct fog_region_header *)r->base = header;
	if (mremap(r->base, r->size, r->size, MREMAP_MAYMOVE | MREMAP_FIXED, h->data) != h->data)
		abort();
	r->base = h->data;
}

static void bench_open(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->shared = mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->shared == MAP_FAILED)
		abort();
	tb_init(&b->tb, 11, 3, WORKERS, 256);
	b->tb.on_datagram = on_datagram;
	b->tb.arg = b;
	tb_control_detach(&b->tb, RELAY);
	region_seal(b);
	snprintf(b->dir, sizeof(b->dir), "/tmp/fog-control-XXXXXX");
	if (mkdtemp(b->dir) == NULL)
		abort();
	snprintf(b->path, sizeof(b->path), "%s/dataplane.sock", b->dir);
	b->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fog_verify_start(&b->verify, b->data.base, 1, NULL, b->notify) != 0)
		abort();
	struct fog_ctl_config config = {
		.socket_path = b->path,
		.dp = b->tb.host[RELAY].dp,
		.verify = b->verify,
		.data = &b->data,
		.workers = WORKERS,
		.boot_id = b->tb.host[RELAY].boot_id,
		.notify_fd = b->notify,
	};
	if (fog_ctl_open(&b->ctl, &config) != 0)
		abort();
	fog_dplog_set_level(FOG_DPLOG_WARNING);
}

static void bench_close(struct bench *b)
{
	/* The workers let go of the region before it is unmapped. */
	CU_ASSERT_EQUAL(fog_dp_attach_control(b->tb.host[RELAY].dp, NULL, 1000), 0);
	fog_ctl_close(b->ctl);
	fog_verify_stop(b->verify);
	close(b->notify);
	tb_free(&b->tb); /* unmaps the region */
	close(b->data.fd);
	munmap(b->shared, sizeof(*b->shared));
	CU_ASSERT_EQUAL(rmdir(b->dir), 0);
}

/* Some virtual time with traffic, one look at the socket, a little real time for the child. */
static void turn(struct bench *b)
{
	u8 data[100] = {1};

	if (b->circuit != NULL && !b->circuit->closed &&
	    tb_send(&b->tb, b->circuit, data, sizeof(data)) == 0)
		b->sent++;
	tb_run(&b->tb, 2 * TB_MS);
	CU_ASSERT_EQUAL(fog_ctl_step(b->ctl, -1, 0), 0);
	usleep(200);
}

static bool turn_until(struct bench *b, bool (*done)(const struct bench *b, u64 arg), u64 arg)
{
	u64 end = clock_ns() + REAL_MAX_MS * TB_MS;

	while (!done(b, arg) && clock_ns() < end)
		turn(b);
	return done(b, arg);
}

static bool is_synced(const struct bench *b, u64 number)
{
	return atomic_load(&b->shared->synced) == number;
}

static bool has_arrived(const struct bench *b, u64 count)
{
	return b->arrived >= count;
}

static bool is_closed(const struct bench *b, u64 arg)
{
	return b->circuit->closed;
}

static bool verdicts_are_in(const struct bench *b, u64 count)
{
	return atomic_load(&b->shared->verdicts_good) + atomic_load(&b->shared->verdicts_bad) >=
	       count;
}

static bool relay_links_up(const struct bench *b, u64 count)
{
	u64 up = 0;

	for (u32 w = 0; w < WORKERS; w++)
		for (u32 id = 1; id <= FOG_LINKS_MAX; id++)
			up += b->tb.host[RELAY].dp->worker[w]->links[id].up;
	return up == count;
}

static u64 handshakes(const struct bench *b)
{
	const struct fog_data_region *d = b->data.base;

	return atomic_load(&d->counters[0].links_up) + atomic_load(&d->counters[1].links_up);
}

static void test_kill_and_replay(void)
{
	static struct bench b;
	const u32 path[2] = {RELAY, 2};

	bench_open(&b);
	for (u32 i = 0; i < 3; i += 2) {
		tb_generation_begin(&b.tb, i);
		tb_link(&b.tb, i, RELAY);
		tb_generation_end(&b.tb, i);
	}
	pid_t pid = child_start(&b, 1, true);
	CU_ASSERT_TRUE_FATAL(turn_until(&b, is_synced, 1));
	CU_ASSERT_TRUE_FATAL(turn_until(&b, relay_links_up, 2));
	CU_ASSERT_TRUE_FATAL(tb_open_wait(&b.tb, &b.circuit, 0, path, 2));
	CU_ASSERT_TRUE_FATAL(turn_until(&b, has_arrived, 50));
	CU_ASSERT_TRUE(turn_until(&b, verdicts_are_in, 20));
	CU_ASSERT_EQUAL(atomic_load(&b.shared->verdicts_good), 15);
	u64 links = handshakes(&b);
	u64 generation =
		atomic_load(&((struct fog_data_region *)b.data.base)->status[0].generation);

	for (u64 number = 2; number <= 4; number++) {
		/* Nobody in control: traffic goes on. */
		child_kill(pid);
		u64 before = b.arrived, sent = b.sent;
		CU_ASSERT_TRUE(turn_until(&b, has_arrived, before + 200));
		CU_ASSERT(b.sent - sent < 260); /* and hardly anything is lost on the way */

		/* A successor replays the same links under a new generation. */
		atomic_store(&b.shared->link_ups, 0);
		atomic_store(&b.shared->opened, 0);
		atomic_store(&b.shared->swept, 0);
		pid = child_start(&b, number, true);
		CU_ASSERT_TRUE_FATAL(turn_until(&b, is_synced, number));
		before = b.arrived;
		CU_ASSERT_TRUE(turn_until(&b, has_arrived, before + 100));
		CU_ASSERT_FALSE(b.circuit->closed);
		CU_ASSERT_EQUAL(handshakes(&b), links);
		u64 now =
			atomic_load(&((struct fog_data_region *)b.data.base)->status[1].generation);
		CU_ASSERT(now > generation);
		generation = now;
		/* It is told what lives. */
		CU_ASSERT_EQUAL(atomic_load(&b.shared->link_ups), 2);
		CU_ASSERT_EQUAL(atomic_load(&b.shared->swept), WORKERS);
		CU_ASSERT(atomic_load(&b.shared->opened) >= 1);
	}
	CU_ASSERT_EQUAL(atomic_load(&b.shared->rejected), 0);

	/* A successor that does not name host 2: the sweep takes the link and the circuit with it.
	 */
	child_kill(pid);
	pid = child_start(&b, 5, false);
	CU_ASSERT_TRUE_FATAL(turn_until(&b, is_synced, 5));
	CU_ASSERT_TRUE(turn_until(&b, is_closed, 0));
	CU_ASSERT_TRUE(turn_until(&b, relay_links_up, 1));
	printf("%llu of %llu datagrams arrived ", (unsigned long long)b.arrived,
	       (unsigned long long)b.sent);
	child_kill(pid);
	bench_close(&b);
}

FOG_TEST_MAIN("sim/control", FOG_TEST(test_kill_and_replay))
