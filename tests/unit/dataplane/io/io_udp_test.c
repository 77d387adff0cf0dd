/* SPDX-License-Identifier: BSD-3-Clause */
/* Both back ends over kernel sockets, by the same tests. */
#include "dataplane/io/io_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

static const u8 v4_loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
static const u8 v6_loopback[16] = {[15] = 1};

struct end {
	const struct fog_io_ops *ops;
	struct fog_io *io;
	struct fog_address address;
	int rc;
};

static struct end end_open(const struct fog_io_ops *ops, const u8 ip[16], u16 port, u32 worker,
			   u32 workers)
{
	struct end e = {.ops = ops, .address = {.port = port}};

	memcpy(e.address.ip, ip, 16);
	const struct fog_io_open o = {.worker = worker, .workers = workers, .listen = &e.address};
	e.rc = ops->open(&e.io, &o);
	return e;
}

/* Frames until `want` came or 2 s passed; checked and counted by the first byte. */
static u32 collect(struct end *e, u32 want, u32 *seen, const struct fog_address *from)
{
	struct fog_frame f[64];
	u32 got = 0;

	int never = eventfd(0, EFD_CLOEXEC);
	for (u32 tries = 0; got < want && tries < 200; tries++) {
		unsigned n = e->ops->rx(e->io, 0, f, 64);
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT_EQUAL(f[i].length, FOG_DGRAM_SIZE);
			CU_ASSERT_TRUE(fog_address_equal(&f[i].peer, from));
			for (u32 k = 1; k < f[i].length; k++)
				if (f[i].data[k] != (u8)(f[i].data[0] + k)) {
					CU_FAIL("changed on the way");
					break;
				}
			seen[f[i].data[0]]++;
		}
		got += n;
		e->ops->release(e->io, f, n);
		if (n == 0)
			CU_ASSERT_EQUAL(e->ops->wait(e->io, 10000000, never), 0);
	}
	close(never);
	return got;
}

static u32 send_some(struct end *e, u32 first, u32 count, const struct fog_address *to)
{
	struct fog_frame f[64];
	unsigned n = e->ops->tx_reserve(e->io, f, count);

	for (unsigned i = 0; i < n; i++) {
		for (u32 k = 0; k < FOG_DGRAM_SIZE; k++)
			f[i].data[k] = (u8)(first + i + k);
		f[i].length = FOG_DGRAM_SIZE;
		f[i].peer = *to;
	}
	e->ops->tx_submit(e->io, 0, f, n);
	(void)e->ops->rx(e->io, 0, f, 0); /* io_uring submits at the next turn */
	return n;
}

static void pass(const struct fog_io_ops *ops, const u8 ip[16])
{
	struct end a = end_open(ops, ip, 0, 0, 1), b = end_open(ops, ip, 0, 0, 1);
	u32 seen[256] = {0};

	CU_ASSERT_EQUAL_FATAL(a.rc, 0);
	CU_ASSERT_EQUAL_FATAL(b.rc, 0);
	CU_ASSERT_NOT_EQUAL(a.address.port, 0);
	for (u32 round = 0; round < 20; round++) {
		memset(seen, 0, sizeof(seen));
		u32 sent = 0;
		while (sent < 200) {
			u32 n = send_some(&a, sent, FOG_MIN(200 - sent, 64u), &b.address);
			if (n == 0) {
				/* Completions of what is in flight give buffers back. */
				struct fog_frame f;
				(void)ops->rx(a.io, 0, &f, 1);
			}
			sent += n;
		}
		CU_ASSERT_EQUAL(collect(&b, 200, seen, &a.address), 200);
		for (u32 i = 0; i < 200; i++)
			CU_ASSERT_EQUAL(seen[i], 1);
	}
	a.ops->close(a.io);
	b.ops->close(b.io);
}

static const struct fog_io_ops *backends[2];
static u32 backend_count;

static void find_backends(void)
{
	backend_count = 0;
	if (fog_io_find("auto") == &fog_io_uring)
		backends[backend_count++] = &fog_io_uring;
	backends[backend_count++] = &fog_io_socket;
}

static bool has_ipv6(void)
{
	struct end e = end_open(&fog_io_socket, v6_loopback, 0, 0, 1);

	if (e.rc == 0)
		e.ops->close(e.io);
	return e.rc == 0;
}

static void test_life_cycle(void)
{
	find_backends();
	for (u32 i = 0; i < backend_count; i++) {
		pass(backends[i], v4_loopback);
		if (has_ipv6())
			pass(backends[i], v6_loopback);
	}
}

static void test_bad_arguments(void)
{
	static const u8 elsewhere[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1};

	CU_ASSERT_PTR_NULL(fog_io_find("tape"));
	CU_ASSERT_PTR_EQUAL(fog_io_find("socket"), &fog_io_socket);
	CU_ASSERT_PTR_EQUAL(fog_io_find("io_uring"), &fog_io_uring);
	find_backends();
	for (u32 i = 0; i < backend_count; i++) {
		struct end e = end_open(backends[i], elsewhere, 0, 0, 1);
		CU_ASSERT_EQUAL(e.rc, -EADDRNOTAVAIL);
		CU_ASSERT_PTR_NULL(e.io);
		struct end a = end_open(backends[i], v4_loopback, 0, 0, 1);
		struct end b = end_open(backends[i], v4_loopback, a.address.port, 0, 1);
		CU_ASSERT_EQUAL(b.rc, -EADDRINUSE);
		/* Sharing among workers does not mean sharing with a stranger. */
		struct end c = end_open(backends[i], v4_loopback, 0, 0, 2);
		struct end d = end_open(backends[i], v4_loopback, c.address.port, 1, 2);
		CU_ASSERT_EQUAL(d.rc, 0);
		CU_ASSERT_EQUAL(d.address.port, c.address.port);
		struct end f = end_open(backends[i], v4_loopback, c.address.port, 0, 2);
		CU_ASSERT_EQUAL(f.rc, -EADDRINUSE);
		/* To an address this socket cannot reach: lost, not stuck. */
		struct fog_address v6 = {.port = 9};
		memcpy(v6.ip, v6_loopback, 16);
		for (u32 k = 0; k < 50; k++)
			CU_ASSERT_TRUE(send_some(&a, 0, 16, &v6) > 0);
		a.ops->close(a.io);
		c.ops->close(c.io);
		d.ops->close(d.io);
	}
}

/* Datagrams of every size, from a plain socket: all but 1440 arrive recognizably wrong. */
static void test_sizes(void)
{
	static const u32 sizes[] = {0, 1, 15, 100, 1439, 1440, 1441, 1456, 1457, 2000, 9000, 60000};
	static u8 data[65536];
	struct fog_frame f[64];

	find_backends();
	for (u32 i = 0; i < backend_count; i++) {
		struct end e = end_open(backends[i], v4_loopback, 0, 0, 1);
		CU_ASSERT_EQUAL_FATAL(e.rc, 0);
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in to = {.sin_family = AF_INET,
					 .sin_port = htons(e.address.port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		for (u32 k = 0; k < FOG_ARRAY_COUNT(sizes); k++) {
			CU_ASSERT_EQUAL(sendto(fd, data, sizes[k], 0, (void *)&to, sizeof(to)),
					sizes[k]);
			unsigned n = 0;
			for (u32 tries = 0; n == 0 && tries < 1000; tries++) {
				const struct timespec pause = {.tv_nsec = 100000};
				n = e.ops->rx(e.io, 0, f, 64);
				if (n == 0)
					nanosleep(&pause, NULL);
			}
			CU_ASSERT_EQUAL(n, 1);
			CU_ASSERT_EQUAL(f[0].length == FOG_DGRAM_SIZE, sizes[k] == 1440);
			CU_ASSERT_TRUE(f[0].length <= FOG_FRAME_MAX);
			e.ops->release(e.io, f, n);
		}
		close(fd);
		e.ops->close(e.io);
	}
}

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static void test_wait(void)
{
	const u64 one = 1;

	find_backends();
	for (u32 i = 0; i < backend_count; i++) {
		struct end e = end_open(backends[i], v4_loopback, 0, 0, 1);
		CU_ASSERT_EQUAL_FATAL(e.rc, 0);
		int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		u64 start = now_ns();
		CU_ASSERT_EQUAL(e.ops->wait(e.io, 20000000, wake), 0);
		CU_ASSERT_TRUE(now_ns() - start >= 15000000);
		for (u32 k = 0; k < 3; k++) {
			CU_ASSERT_EQUAL(write(wake, &one, sizeof(one)), sizeof(one));
			start = now_ns();
			struct fog_frame f;
			(void)e.ops->rx(e.io, 0, &f, 1);
			CU_ASSERT_EQUAL(e.ops->wait(e.io, 5000000000ull, wake), 0);
			CU_ASSERT_TRUE(now_ns() - start < 4000000000ull);
			u64 value;
			CU_ASSERT_EQUAL(read(wake, &value, sizeof(value)), sizeof(value));
			(void)e.ops->rx(e.io, 0, &f, 1);
		}
		close(wake);
		e.ops->close(e.io);
	}
}

static void test_addresses(void)
{
	struct sockaddr_in6 sa;
	struct fog_address a = {.port = 0x1234}, b;

	memcpy(a.ip, v4_loopback, 16);
	CU_ASSERT_EQUAL(fog_udp_to_sockaddr(&a, AF_INET, &sa), sizeof(struct sockaddr_in));
	fog_udp_from_sockaddr(&sa, sizeof(sa), &b);
	CU_ASSERT_TRUE(fog_address_equal(&a, &b));
	CU_ASSERT_EQUAL(fog_udp_to_sockaddr(&a, AF_INET6, &sa), sizeof(sa));
	fog_udp_from_sockaddr(&sa, sizeof(sa), &b);
	CU_ASSERT_TRUE(fog_address_equal(&a, &b));
	memcpy(a.ip, v6_loopback, 16);
	CU_ASSERT_EQUAL(fog_udp_to_sockaddr(&a, AF_INET, &sa), 0);
	fog_udp_from_sockaddr(&sa, 1, &b);
	CU_ASSERT_EQUAL(b.port, 0);
}

FOG_TEST_MAIN("dataplane/io/io_udp", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_sizes), FOG_TEST(test_wait), FOG_TEST(test_addresses))
