/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread with a recorder in place of the workers (fog_dp_*): every region it is handed
 * is touched from first to last page, so that an early unmap crashes here. */
#include "dataplane/ctl/ctl.h"

#include "crypto/cpu.h"
#include "dataplane/ctl/verify.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKERS 3

struct fog_dp {
	struct fog_data_region *data;
	const struct fog_control_region *control;
	const struct fog_edge_tx_region *tx;
	struct fog_edge_rx_region *rx;
	int wake[WORKERS];
	unsigned control_attaches, edge_attaches, edge_detaches;
	int fail; /* what the next attach returns */
};

static u8 touch_sum;

static void touch(const void *base, size_t size)
{
	for (size_t i = 0; base != NULL && i < size; i += 4096)
		touch_sum = (u8)(touch_sum + ((const volatile u8 *)base)[i]);
}

int fog_dp_attach_control(struct fog_dp *dp, const struct fog_control_region *region,
			  u64 attachment)
{
	touch(dp->control, sizeof(*dp->control)); /* the former is still there */
	touch(region, sizeof(*region));
	if (dp->fail != 0)
		return dp->fail;
	dp->control = region;
	dp->control_attaches++;
	for (unsigned w = 0; w < WORKERS; w++)
		atomic_store(&dp->data->status[w].attachment, attachment);
	return 0;
}

int fog_dp_attach_edge(struct fog_dp *dp, const struct fog_edge_tx_region *tx,
		       struct fog_edge_rx_region *rx, int notify_fd, u64 attachment)
{
	touch(dp->tx, sizeof(*dp->tx));
	touch(dp->rx, sizeof(*dp->rx));
	touch(tx, sizeof(*tx));
	touch(rx, sizeof(*rx));
	if (dp->fail != 0)
		return dp->fail;
	dp->tx = tx;
	dp->rx = rx;
	dp->edge_attaches += tx != NULL;
	dp->edge_detaches += tx == NULL;
	if (rx != NULL)
		rx->slots[0].handle = (u32)attachment;
	return 0;
}

int fog_dp_wake_fd(const struct fog_dp *dp, u32 worker)
{
	return dp->wake[worker];
}

int fog_dp_steer_fd(const struct fog_dp *dp, u32 worker)
{
	return -1;
}

u32 fog_dp_edge_worker(const struct fog_dp *dp)
{
	return WORKERS - 1;
}

struct bench {
	char dir[64];
	char path[96];
	struct fog_region data;
	struct fog_dp dp;
	struct fog_verify *verify;
	struct fog_ctl *ctl;
	int notify;
	unsigned fds_before;
};

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static void bench_open(struct bench *b)
{
	if (fog_crypto_init() != 0)
		abort();
	memset(b, 0, sizeof(*b));
	b->fds_before = open_fds();
	snprintf(b->dir, sizeof(b->dir), "/tmp/fog-ctl-XXXXXX");
	if (mkdtemp(b->dir) == NULL)
		abort();
	snprintf(b->path, sizeof(b->path), "%s/dataplane.sock", b->dir);
	if (fog_region_create(&b->data, "fog-data", sizeof(struct fog_data_region), FOG_REGION_DATA,
			      9) != 0)
		abort();
	b->dp.data = b->data.base;
	for (unsigned w = 0; w < WORKERS; w++)
		b->dp.wake[w] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	b->notify = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fog_verify_start(&b->verify, b->data.base, 1, NULL, b->notify) != 0)
		abort();
	struct fog_ctl_config config = {
		.socket_path = b->path,
		.dp = &b->dp,
		.verify = b->verify,
		.data = &b->data,
		.workers = WORKERS,
		.boot_id = 9,
		.notify_fd = b->notify,
	};
	if (fog_ctl_open(&b->ctl, &config) != 0)
		abort();
}

static void bench_close(struct bench *b)
{
	fog_ctl_close(b->ctl);
	fog_verify_stop(b->verify);
	for (unsigned w = 0; w < WORKERS; w++)
		close(b->dp.wake[w]);
	close(b->notify);
	fog_region_close(&b->data);
	CU_ASSERT_EQUAL(rmdir(b->dir), 0);
	CU_ASSERT_EQUAL(open_fds(), b->fds_before);
}

static struct fog_ctl_status status(const struct bench *b)
{
	struct fog_ctl_status s;

	fog_ctl_status(b->ctl, &s);
	return s;
}

static void steps(struct bench *b)
{
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(fog_ctl_step(b->ctl, -1, 0), 0);
}

static int attach(struct bench *b, struct fog_attachment *a, enum fog_hello_role role, char *why)
{
	int rc = fog_attach_start(a, b->path, role, 1234, why);

	if (rc != 0)
		return rc;
	steps(b);
	return fog_attach_finish(a, why);
}

static void test_life_cycle(void)
{
	struct fog_attachment control, edge;
	struct bench b;
	char why[256];

	bench_open(&b);
	CU_ASSERT_EQUAL_FATAL(attach(&b, &control, FOG_HELLO_CONTROL, why), 0);
	CU_ASSERT_EQUAL_FATAL(attach(&b, &edge, FOG_HELLO_EDGE, why), 0);
	CU_ASSERT_TRUE(fog_attachment_ready(&control));
	CU_ASSERT_TRUE(fog_attachment_ready(&edge));
	CU_ASSERT_EQUAL(control.workers, WORKERS);
	CU_ASSERT_EQUAL(control.number, 1);
	CU_ASSERT_EQUAL(((const struct fog_edge_rx_region *)edge.peer.base)->slots[0].handle, 1);
	CU_ASSERT(status(&b).control && status(&b).edge);

	/* The fds are the right ones. */
	u64 v;
	fog_attachment_wake(&control, 1);
	CU_ASSERT_EQUAL(read(b.dp.wake[1], &v, 8), 8);
	fog_attachment_wake(&edge, 0);
	CU_ASSERT_EQUAL(read(b.dp.wake[WORKERS - 1], &v, 8), 8);
	v = 1;
	CU_ASSERT_EQUAL(write(b.notify, &v, 8), 8);
	CU_ASSERT_EQUAL(read(control.notify, &v, 8), 8);
	/* What the client writes, the workers see. */
	((struct fog_control_region *)control.own.base)->commands[0][5].seq = 77;
	CU_ASSERT_EQUAL(b.dp.control->commands[0][5].seq, 77);

	fog_detach(&edge);
	steps(&b);
	CU_ASSERT_EQUAL(b.dp.edge_detaches, 1);
	CU_ASSERT_PTR_NULL(b.dp.tx);
	CU_ASSERT_FALSE(status(&b).edge);

	/* The control plane goes: its region stays, the snapshot in it stays readable. */
	struct fog_snapshot snap = {.lease_ns = 5}, got;
	fog_snapshot_publish(&((struct fog_control_region *)control.own.base)->snapshot, &snap);
	fog_detach(&control);
	steps(&b);
	CU_ASSERT_FALSE(status(&b).control);
	CU_ASSERT_EQUAL(fog_snapshot_read(&b.dp.control->snapshot, &got), 1);
	CU_ASSERT_EQUAL(got.lease_ns, 5);

	CU_ASSERT_EQUAL(attach(&b, &control, FOG_HELLO_CONTROL, why), 0);
	CU_ASSERT_EQUAL(control.number, 2);
	fog_detach(&control);
	bench_close(&b);
}

static void test_bad_arguments(void)
{
	struct bench b;
	struct fog_ctl *other;

	bench_open(&b);
	const struct fog_ctl_config good = {
		.socket_path = "/nonexistent/fog/x",
		.dp = &b.dp,
		.verify = b.verify,
		.data = &b.data,
		.workers = WORKERS,
	};
	struct fog_ctl_config c[6] = {good, good, good, good, good, good};
	c[0].socket_path = NULL;
	c[1].dp = NULL;
	c[2].verify = NULL;
	c[3].data = NULL;
	c[4].workers = 0;
	c[5].workers = FOG_WORKERS_MAX + 1;
	for (unsigned i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(fog_ctl_open(&other, &c[i]), -EINVAL);
		CU_ASSERT_PTR_NULL(other);
	}
	CU_ASSERT_EQUAL(fog_ctl_open(&other, &good), -ENOENT);
	c[0] = good;
	c[0].socket_path = b.path;
	CU_ASSERT_EQUAL(fog_ctl_open(&other, &c[0]), -EADDRINUSE);
	fog_ctl_close(NULL);

	int stop = eventfd(1, EFD_CLOEXEC);
	CU_ASSERT_EQUAL(fog_ctl_step(b.ctl, stop, -1), 1);
	close(stop);
	bench_close(&b);
}

/* A newer client of a role replaces the older one, whose socket is closed. */
static void test_replacement(void)
{
	struct fog_attachment a[4], e[4];
	struct bench b;
	char why[256];

	bench_open(&b);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL_FATAL(attach(&b, &a[i], FOG_HELLO_CONTROL, why), 0);
		CU_ASSERT_EQUAL_FATAL(attach(&b, &e[i], FOG_HELLO_EDGE, why), 0);
		CU_ASSERT_EQUAL(a[i].number, i + 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		char byte;
		ssize_t n = recv(a[i].sock, &byte, 1, MSG_DONTWAIT);

		CU_ASSERT(i < 3 ? n == 0 : n == -1 && errno == EAGAIN);
		n = recv(e[i].sock, &byte, 1, MSG_DONTWAIT);
		CU_ASSERT(i < 3 ? n == 0 : n == -1 && errno == EAGAIN);
		CU_ASSERT_EQUAL(fog_attachment_ready(&a[i]), i == 3);
	}
	CU_ASSERT_EQUAL(b.dp.control_attaches, 4);
	CU_ASSERT_EQUAL(b.dp.edge_attaches, 4);
	/* The late death of a replaced client does not touch its successor. */
	fog_detach(&a[0]);
	fog_detach(&e[0]);
	steps(&b);
	CU_ASSERT(status(&b).control && status(&b).edge);
	for (unsigned i = 1; i < 4; i++) {
		fog_detach(&a[i]);
		fog_detach(&e[i]);
	}
	bench_close(&b);
}

static int raw_connect(const struct bench *b)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, b->path, strlen(b->path) + 1);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0)
		abort();
	return fd;
}

static void raw_send(int sock, const void *data, size_t len, const int *fds, unsigned count)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count != 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	CU_ASSERT_EQUAL(sendmsg(sock, &msg, MSG_NOSIGNAL), (ssize_t)len);
}

struct refusal {
	unsigned number;
	struct fog_hello hello;
	size_t len;
	int fd;
	unsigned fds;
	int status;
	const char *text;
};

static void refusal_check(struct bench *b, const struct refusal *c)
{
	struct fog_hello_reply reply = {0};
	int fds[3] = {c->fd, c->fd, c->fd};
	int sock = raw_connect(b);

	steps(b);
	raw_send(sock, &c->hello, c->len, fds, c->fds);
	steps(b);
	CU_ASSERT_EQUAL(recv(sock, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	reply.text[sizeof(reply.text) - 1] = '\0';
	if (reply.status != c->status || strstr(reply.text, c->text) == NULL)
		printf("case %u: %d %s\n", c->number, reply.status, reply.text);
	CU_ASSERT_EQUAL(reply.status, c->status);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply.text, c->text));
	CU_ASSERT_EQUAL(recv(sock, &reply, 1, MSG_DONTWAIT), 0);
	close(sock);
}

/* Every wrong HELLO gets words; the attached control plane does not notice. */
static void test_refusals(void)
{
	struct fog_attachment control;
	struct fog_region region, wrong_kind;
	struct bench b;
	char why[256];

	bench_open(&b);
	CU_ASSERT_EQUAL_FATAL(attach(&b, &control, FOG_HELLO_CONTROL, why), 0);
	CU_ASSERT_EQUAL(fog_region_create(&region, "t", sizeof(struct fog_control_region),
					  FOG_REGION_CONTROL, 1),
			0);
	CU_ASSERT_EQUAL(fog_region_create(&wrong_kind, "t", sizeof(struct fog_control_region),
					  FOG_REGION_DATA, 1),
			0);
	int unsealed = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CU_ASSERT_EQUAL(ftruncate(unsealed, sizeof(struct fog_control_region)), 0);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct fog_hello good = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.role = FOG_HELLO_CONTROL,
		.layout_hash = fog_abi_layout_hash(),
		.region_size = region.size,
	};
	struct refusal cases[] = {
		{1, good, 63, region.fd, 1, -EBADMSG, "63 bytes"},
		{2, good, 64, region.fd, 1, -EBADMSG, "magic"},
		{3, good, 64, region.fd, 1, -EPROTO, "here, 9999 there"},
		{4, good, 64, region.fd, 1, -EPROTO, "layout hash"},
		{5, good, 64, region.fd, 1, -EPROTO, "role 3"},
		{6, good, 64, region.fd, 0, -EPROTO, "0 fds"},
		{7, good, 64, region.fd, 3, -EPROTO, "3 fds"},
		{8, good, 64, unsealed, 1, -EPROTO, "not sealed"},
		{9, good, 64, null, 1, -EPROTO, "not sealed"},
		{10, good, 64, wrong_kind.fd, 1, -EPROTO, "kind"},
		{11, good, 64, region.fd, 1, -EPROTO, "announced"},
		{12, good, 64, region.fd, 1, -EPROTO, "announced"}, /* role edge, control region */
	};
	cases[1].hello.magic ^= 1;
	cases[2].hello.abi = 9999;
	cases[3].hello.layout_hash ^= 1;
	cases[4].hello.role = 3;
	cases[10].hello.region_size += 4096;
	cases[11].hello.role = FOG_HELLO_EDGE;
	cases[11].hello.region_size = sizeof(struct fog_edge_tx_region);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		refusal_check(&b, &cases[i]);
	}
	CU_ASSERT_EQUAL(status(&b).refused, FOG_ARRAY_COUNT(cases));
	CU_ASSERT_EQUAL(b.dp.control_attaches, 1);
	CU_ASSERT_TRUE(status(&b).control);
	close(unsealed);
	close(null);
	fog_region_close(&region);
	fog_region_close(&wrong_kind);
	fog_detach(&control);
	bench_close(&b);
}

/* Clients that connect and say nothing: bounded, timed out, and nobody waits for them. */
static void test_silent_clients(void)
{
	struct fog_attachment control;
	int silent[FOG_CTL_PENDING_MAX + 4];
	struct bench b;
	char why[256], byte;

	bench_open(&b);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(silent); i++) {
		silent[i] = raw_connect(&b);
		steps(&b);
	}
	CU_ASSERT_EQUAL(status(&b).pending, FOG_CTL_PENDING_MAX);
	/* The oldest made way. */
	CU_ASSERT_EQUAL(recv(silent[0], &byte, 1, MSG_DONTWAIT), 0);
	CU_ASSERT_EQUAL(recv(silent[FOG_ARRAY_COUNT(silent) - 1], &byte, 1, MSG_DONTWAIT), -1);
	CU_ASSERT_EQUAL(attach(&b, &control, FOG_HELLO_CONTROL, why), 0);
	/* The deadline ends the wait by itself. */
	for (unsigned i = 0; i < 40 && status(&b).pending != 0; i++)
		CU_ASSERT_EQUAL(fog_ctl_step(b.ctl, -1, 100), 0);
	CU_ASSERT_EQUAL(status(&b).pending, 0);
	CU_ASSERT_TRUE(status(&b).control);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(silent); i++) {
		CU_ASSERT_EQUAL(recv(silent[i], &byte, 1, MSG_DONTWAIT), 0);
		close(silent[i]);
	}
	fog_detach(&control);
	bench_close(&b);
}

/* Anything said after HELLO ends the attachment; so does leaving before the answer. */
static void test_rude_clients(void)
{
	struct fog_attachment a;
	struct bench b;
	char why[256];

	bench_open(&b);
	CU_ASSERT_EQUAL_FATAL(attach(&b, &a, FOG_HELLO_EDGE, why), 0);
	CU_ASSERT_EQUAL(send(a.sock, "hi", 2, MSG_NOSIGNAL), 2);
	steps(&b);
	CU_ASSERT_FALSE(status(&b).edge);
	CU_ASSERT_EQUAL(b.dp.edge_detaches, 1);
	fog_detach(&a);

	for (unsigned role = FOG_HELLO_CONTROL; role <= FOG_HELLO_EDGE; role++) {
		CU_ASSERT_EQUAL(fog_attach_start(&a, b.path, role, 1, why), 0);
		fog_detach(&a);
		steps(&b);
	}
	CU_ASSERT_FALSE(status(&b).edge || status(&b).control);
	CU_ASSERT_PTR_NULL(b.dp.tx);
	bench_close(&b);
}

/* Workers that do not answer: both regions stay mapped, and at some point HELLO is refused. */
static void test_stuck_workers(void)
{
	struct fog_attachment a;
	struct bench b;
	char why[256];
	int rc = 0;
	unsigned refused = 0;

	bench_open(&b);
	CU_ASSERT_EQUAL_FATAL(attach(&b, &a, FOG_HELLO_CONTROL, why), 0);
	fog_detach(&a);
	b.dp.fail = -ETIMEDOUT;
	for (unsigned i = 0; i < 12; i++) {
		rc = attach(&b, &a, i % 2 == 0 ? FOG_HELLO_CONTROL : FOG_HELLO_EDGE, why);
		CU_ASSERT(rc == -ETIMEDOUT || rc == -EBUSY);
		refused += rc == -EBUSY;
	}
	CU_ASSERT(refused >= 6 && refused < 12);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "stuck"));
	CU_ASSERT(status(&b).limbo <= 2 * FOG_CTL_LIMBO_MAX);
	touch(b.dp.control, sizeof(*b.dp.control));
	bench_close(&b);
}

FOG_TEST_MAIN("dataplane/ctl/ctl", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_replacement), FOG_TEST(test_refusals), FOG_TEST(test_silent_clients),
	      FOG_TEST(test_rude_clients), FOG_TEST(test_stuck_workers))
