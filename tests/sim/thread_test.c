/* SPDX-License-Identifier: BSD-3-Clause */
/* Real threads, real sockets on loopback: cells through three hosts, bit for bit and at most once.
 * FOG_CELLS changes how many, FOG_BENCH=1 prints the rate and the ticks of each stage. */
#include <time.h>

#include "dataplane/io/io_udp.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#define CELLS_MAX 2000000
#define WINDOW    512
#define PAYLOAD   1200

static struct tb tb;
static u8 seen[CELLS_MAX];
static u32 arrived, wrong, twice, cells;

static void fill(u8 *p, u32 number)
{
	fog_store_u32(p, number);
	for (u32 i = 4; i + 8 <= PAYLOAD; i += 8)
		fog_store_u64(p + i, (number + 1ull) * 0x9e3779b97f4a7c15ull + i);
}

static void check(struct tb *t, struct tb_host *h, struct tb_circuit *c, u32 handle, const u8 *data,
		  u32 length)
{
	u8 want[PAYLOAD] = {0};
	u32 number = fog_load_u32(data);

	(void)t;
	(void)h;
	(void)handle;
	if (c != NULL)
		return;
	arrived++;
	if (number >= cells || length != PAYLOAD) {
		wrong++;
		return;
	}
	fill(want, number);
	wrong += memcmp(want, data, PAYLOAD) != 0;
	twice += seen[number] != 0;
	seen[number] = 1;
}

static void print_bench(const char *name, double seconds)
{
	printf("\n%s: %u cells in %.2f s, %.0f cells/s\n", name, cells, seconds, cells / seconds);
	for (u32 i = 0; i < tb.hosts; i++) {
		for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
			if (tb_drops(&tb, i, d) != 0)
				printf("host %u dropped %llu: %s\n", i,
				       (unsigned long long)tb_drops(&tb, i, d), fog_drop_text(d));
		u64 n = tb_counter(&tb, i, cells_forward);
		u64 batches = tb_counter(&tb, i, batches);
		if (n == 0 || batches == 0)
			continue;
		clockid_t clock;
		struct timespec t = {0};
		if (pthread_getcpuclockid(tb.host[i].dp->worker[0]->thread, &clock) == 0)
			clock_gettime(clock, &t);
		double cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
		printf("host %u worker 0: %.2f s of CPU, %.0f cells/s if it had nothing else\n", i,
		       cpu, n / cpu);
		printf("host %u ticks/cell: rx %.0f open %.0f lookup %.0f crypt %.0f seal %.0f "
		       "tx %.0f; cells/batch %.1f; sleeps %llu\n",
		       i, (double)tb_counter(&tb, i, cycles_rx) / n,
		       (double)tb_counter(&tb, i, cycles_open) / n,
		       (double)tb_counter(&tb, i, cycles_lookup) / n,
		       (double)tb_counter(&tb, i, cycles_crypt) / n,
		       (double)tb_counter(&tb, i, cycles_seal) / n,
		       (double)tb_counter(&tb, i, cycles_tx) / n, (double)n / batches,
		       (unsigned long long)tb_counter(&tb, i, sleeps));
	}
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool all_closed(struct tb *t)
{
	return tb_halves(t, 0) + tb_halves(t, 1) + tb_halves(t, 2) == 0;
}

static void pass(const struct fog_io_ops *io, u32 workers, u32 count)
{
	const u32 path[] = {1, 2};
	struct tb_circuit *c;
	u8 payload[PAYLOAD] = {0};
	u32 sent = 0;

	cells = count;
	arrived = wrong = twice = 0;
	memset(seen, 0, sizeof(seen));
	tb_init_threaded(&tb, io, 7, 3, workers, 1024);
	tb.on_datagram = check;
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	CU_ASSERT_TRUE_FATAL(tb_open_wait(&tb, &c, 0, path, 2));
	double start = seconds_now(), last = start;
	u32 before = 0;
	while (arrived < count && seconds_now() - last < 5) {
		while (sent < count && sent - arrived < WINDOW) {
			fill(payload, sent);
			if (tb_send(&tb, c, payload, PAYLOAD) < 0)
				break;
			sent++;
		}
		tb_run(&tb, 0);
		if (arrived != before) {
			before = arrived;
			last = seconds_now();
		}
	}
	double seconds = seconds_now() - start;
	CU_ASSERT_EQUAL(arrived, count);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(twice, 0);
	tb_run(&tb, 100 * TB_MS); /* counters are published at housekeeping */
	if (getenv("FOG_BENCH") != NULL)
		print_bench(io->name, seconds);
	tb_close(&tb, c);
	(void)tb_run_until(&tb, all_closed, 5 * TB_S);
	for (u32 i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(tb_halves(&tb, i), 0);
	tb_free(&tb);
}

static u32 wanted(u32 otherwise)
{
	const char *text = getenv("FOG_CELLS");
	u32 n = text != NULL ? (u32)strtoul(text, NULL, 10) : otherwise;

	return n == 0 || n > CELLS_MAX ? otherwise : n;
}

static void test_io_uring(void)
{
	if (fog_io_find("auto") != &fog_io_uring) {
		printf("io_uring is not allowed here; ");
		return;
	}
	pass(&fog_io_uring, 1, wanted(100000));
}

static void test_io_uring_two_workers(void)
{
	if (fog_io_find("auto") == &fog_io_uring)
		pass(&fog_io_uring, 2, wanted(20000));
}

static void test_socket(void)
{
	pass(&fog_io_socket, 1, wanted(20000));
}

FOG_TEST_MAIN("sim/thread", FOG_TEST(test_io_uring), FOG_TEST(test_io_uring_two_workers),
	      FOG_TEST(test_socket))
