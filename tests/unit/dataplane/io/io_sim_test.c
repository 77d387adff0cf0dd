/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/io_sim.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static struct fog_address addr(u16 port)
{
	struct fog_address a = {.port = port};

	a.ip[15] = 1;
	return a;
}

static struct fog_io *open_at(struct fog_sim *s, u16 port, u32 worker, u32 workers, int *rc)
{
	struct fog_address a = addr(port);
	const struct fog_io_open o = {.arg = s, .worker = worker, .workers = workers, .listen = &a};
	struct fog_io *io;

	*rc = fog_io_sim.open(&io, &o);
	return io;
}

static void send(struct fog_io *io, u64 now, u16 to, u8 first, u32 length)
{
	struct fog_frame f;

	CU_ASSERT_EQUAL_FATAL(fog_io_sim.tx_reserve(io, &f, 1), 1);
	memset(f.data, first, FOG_DGRAM_SIZE);
	f.length = length;
	f.peer = addr(to);
	fog_io_sim.tx_submit(io, now, &f, 1);
}

static void test_life_cycle(void)
{
	const struct fog_sim_path path = {.delay_ns = 100};
	struct fog_sim *s;
	struct fog_sim_stats st;
	struct fog_frame f[4];
	int rc;

	CU_ASSERT_EQUAL(fog_sim_create(&s, 1), 0);
	fog_sim_set_default(s, &path);
	struct fog_io *a = open_at(s, 1, 0, 1, &rc), *b = open_at(s, 2, 0, 1, &rc);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(fog_sim_next(s), UINT64_MAX);
	send(a, 1000, 2, 7, FOG_DGRAM_SIZE);
	CU_ASSERT_EQUAL(fog_sim_next(s), 1100);
	CU_ASSERT_EQUAL(fog_io_sim.rx(b, 1099, f, 4), 0);
	CU_ASSERT_EQUAL(fog_io_sim.rx(b, 1100, f, 4), 1);
	CU_ASSERT_EQUAL(f[0].length, FOG_DGRAM_SIZE);
	CU_ASSERT_EQUAL(f[0].data[0], 7);
	CU_ASSERT_EQUAL(f[0].peer.port, 1);
	fog_io_sim.release(b, f, 1);
	/* Length 0 gives the buffer back, nothing is sent. */
	send(a, 1000, 2, 7, 0);
	fog_sim_stats(s, &st);
	CU_ASSERT_EQUAL(st.sent, 1);
	CU_ASSERT_EQUAL(st.delivered, 1);
	fog_io_sim.close(a);
	fog_io_sim.close(b);
	fog_sim_free(s);
}

static void test_bad_arguments(void)
{
	struct fog_sim *s;
	struct fog_sim_stats st;
	struct fog_io *io[FOG_SIM_HOSTS_MAX], *more;
	int rc;

	CU_ASSERT_EQUAL(fog_sim_create(&s, 1), 0);
	for (u32 i = 0; i < FOG_SIM_HOSTS_MAX; i++)
		io[i] = open_at(s, (u16)(i + 1), 0, 1, &rc);
	CU_ASSERT_EQUAL(rc, 0);
	more = open_at(s, 1, 0, 1, &rc);
	CU_ASSERT_EQUAL(rc, -EADDRINUSE);
	CU_ASSERT_PTR_NULL(more);
	more = open_at(s, 999, 0, 1, &rc);
	CU_ASSERT_EQUAL(rc, -ENOSPC);
	CU_ASSERT_PTR_NULL(more);
	send(io[0], 0, 999, 1, FOG_DGRAM_SIZE); /* nobody there */
	fog_io_sim.close(io[1]);
	send(io[0], 0, 2, 1, FOG_DGRAM_SIZE); /* nobody there any more */
	fog_sim_stats(s, &st);
	CU_ASSERT_EQUAL(st.unreachable, 2);
	io[1] = open_at(s, 2, 0, 1, &rc);
	CU_ASSERT_EQUAL(rc, 0);
	for (u32 i = 0; i < FOG_SIM_HOSTS_MAX; i++)
		fog_io_sim.close(io[i]);
	fog_sim_free(s);
}

/* Every effect happens about as often as asked, and every datagram is accounted for. */
static void test_effects(void)
{
	const struct fog_sim_path path = {.delay_ns = 1000,
					  .jitter_ns = 100000,
					  .loss = 100000,
					  .duplicate = 200000,
					  .corrupt = 50000};
	struct fog_sim *s;
	struct fog_sim_stats st;
	struct fog_frame f[64];
	u32 changed = 0, shorter = 0, got = 0, disorder = 0;
	u8 last = 0;
	int rc;

	CU_ASSERT_EQUAL(fog_sim_create(&s, 77), 0);
	struct fog_io *a = open_at(s, 1, 0, 1, &rc), *b = open_at(s, 2, 0, 1, &rc);
	CU_ASSERT_EQUAL(fog_sim_set_path(s, 1, 2, &path), 0);
	CU_ASSERT_EQUAL(fog_sim_set_path(s, 1, 2, &path), 0);
	for (u32 i = 0; i < 10000; i++) {
		send(a, i * 1000ull, 2, (u8)(i / 40), FOG_DGRAM_SIZE);
		unsigned n = fog_io_sim.rx(b, i * 1000ull, f, 64);
		for (unsigned k = 0; k < n; k++) {
			got++;
			shorter += f[k].length != FOG_DGRAM_SIZE;
			if (f[k].length > 1)
				changed += memcmp(f[k].data, f[k].data + 1, f[k].length - 1) != 0;
			disorder += f[k].data[0] < last;
			last = f[k].data[0];
		}
		fog_io_sim.release(b, f, n);
	}
	for (unsigned n; (n = fog_io_sim.rx(b, UINT64_MAX, f, 64)) > 0;) {
		got += n;
		fog_io_sim.release(b, f, n);
	}
	fog_sim_stats(s, &st);
	CU_ASSERT_EQUAL(st.sent, 10000);
	CU_ASSERT_EQUAL(st.sent - st.lost + st.duplicated, st.delivered);
	CU_ASSERT_EQUAL(st.delivered, got);
	CU_ASSERT_TRUE(st.lost > 800 && st.lost < 1200);
	CU_ASSERT_TRUE(st.duplicated > 1500 && st.duplicated < 2200);
	CU_ASSERT_TRUE(st.corrupted > 400 && st.corrupted < 700);
	CU_ASSERT_TRUE(changed > 300 && changed <= st.corrupted);
	CU_ASSERT_TRUE(shorter > 30);
	CU_ASSERT_TRUE(disorder > 100);
	const struct fog_sim_path cut = {.cut = true};
	fog_sim_set_path(s, 1, 2, &cut);
	send(a, 0, 2, 1, FOG_DGRAM_SIZE);
	fog_sim_stats(s, &st);
	CU_ASSERT_EQUAL(st.cut, 1);
	CU_ASSERT_EQUAL(fog_sim_next(s), UINT64_MAX);
	fog_io_sim.close(a);
	fog_io_sim.close(b);
	fog_sim_free(s);
}

static void test_overflow(void)
{
	struct fog_sim *s;
	struct fog_sim_stats st;
	int rc;

	CU_ASSERT_EQUAL(fog_sim_create(&s, 1), 0);
	struct fog_io *a = open_at(s, 1, 0, 1, &rc), *b = open_at(s, 2, 0, 1, &rc);
	for (u32 i = 0; i < FOG_SIM_QUEUE_MAX + 10; i++)
		send(a, 0, 2, 1, FOG_DGRAM_SIZE);
	fog_sim_stats(s, &st);
	CU_ASSERT_EQUAL(st.overflow, 10);
	fog_io_sim.close(a);
	fog_io_sim.close(b);
	fog_sim_free(s);
}

/* The same seed, the same fate. */
static void test_repeatable(void)
{
	const struct fog_sim_path path = {.jitter_ns = 1000, .loss = 300000, .corrupt = 300000};
	u64 sum[2] = {0, 0};
	struct fog_frame f[64];
	int rc;

	for (u32 round = 0; round < 2; round++) {
		struct fog_sim *s;
		CU_ASSERT_EQUAL(fog_sim_create(&s, 5), 0);
		fog_sim_set_default(s, &path);
		struct fog_io *a = open_at(s, 1, 0, 1, &rc), *b = open_at(s, 2, 0, 1, &rc);
		for (u32 i = 0; i < 1000; i++)
			send(a, 0, 2, (u8)i, FOG_DGRAM_SIZE);
		for (unsigned n; (n = fog_io_sim.rx(b, 1000, f, 64)) > 0;) {
			for (unsigned k = 0; k < n; k++)
				for (u32 i = 0; i < f[k].length; i++)
					sum[round] = sum[round] * 31 + f[k].data[i];
			fog_io_sim.release(b, f, n);
		}
		fog_io_sim.close(a);
		fog_io_sim.close(b);
		fog_sim_free(s);
	}
	CU_ASSERT_EQUAL(sum[0], sum[1]);
	CU_ASSERT_NOT_EQUAL(sum[0], 0);
}

FOG_TEST_MAIN("dataplane/io/io_sim", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_effects), FOG_TEST(test_overflow), FOG_TEST(test_repeatable))
