/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/dp.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/curve/x25519.h"
#include "dataplane/io/io_udp.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct fog_data_region *data;
static struct fog_sim *sim;

static struct fog_dp_config config_of(u32 workers)
{
	struct fog_dp_config c = {.workers = workers,
				  .boot_id = 5,
				  .circuits_max = 64,
				  .io = &fog_io_sim,
				  .io_arg = sim,
				  .mix_cpu = -1};

	for (u32 i = 0; i < FOG_WORKERS_MAX; i++)
		c.cpu[i] = -1;
	memset(c.link_sk, 1, 32);
	memset(c.onion_sk, 2, 32);
	memset(c.rng_seed, 3, 32);
	c.listen.ip[15] = 1;
	c.listen.port = 9;
	return c;
}

static void begin(void)
{
	data = mmap(NULL, sizeof(*data), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	FOG_ASSERT(data != MAP_FAILED);
	FOG_ASSERT(fog_sim_create(&sim, 1) == 0);
}

static void end(void)
{
	fog_sim_free(sim);
	munmap(data, sizeof(*data));
}

static void test_life_cycle(void)
{
	static const u32 workers[] = {1, 2, FOG_WORKERS_MAX};
	u8 pk[32];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(workers); i++) {
		begin();
		struct fog_dp_config c = config_of(workers[i]);
		struct fog_dp *dp;
		CU_ASSERT_EQUAL_FATAL(fog_dp_init(&dp, &c, data), 0);
		CU_ASSERT_EQUAL(data->header.workers, workers[i]);
		fog_x25519_base(pk, c.link_sk);
		CU_ASSERT_EQUAL(memcmp(data->link_pk, pk, 32), 0);
		fog_x25519_base(pk, c.onion_sk);
		CU_ASSERT_EQUAL(memcmp(data->onion_pk, pk, 32), 0);
		CU_ASSERT_STRING_EQUAL(data->io_name, "sim");
		CU_ASSERT_EQUAL(fog_dp_address(dp).port, 9);
		CU_ASSERT_EQUAL(fog_dp_edge_worker(dp), 0);
		for (u32 w = 0; w < workers[i]; w++)
			CU_ASSERT_TRUE(fog_dp_wake_fd(dp, w) >= 0);
		/* Housekeeping comes on time and not all the time. */
		u64 now = TB_S;
		u32 ticks = 0;
		(void)fog_dp_poll(dp, now);
		while (now < 2 * TB_S) {
			u64 next = fog_dp_next_deadline(dp);
			CU_ASSERT_TRUE_FATAL(next > now);
			CU_ASSERT_TRUE_FATAL(next - now <= FOG_TICK_MAX_NS);
			now = next;
			ticks++;
			CU_ASSERT_EQUAL(fog_dp_poll(dp, now), 0);
			CU_ASSERT_TRUE(data->status[0].heartbeat_ns <= now);
		}
		CU_ASSERT_TRUE(ticks >= 90 && ticks <= 600 * workers[i]);
		/* Stopping what was never started is fine; so is freeing nothing. */
		fog_dp_stop(dp);
		CU_ASSERT_EQUAL(fog_dp_start(dp), -EOPNOTSUPP); /* the simulator only polls */
		fog_dp_free(dp);
		fog_dp_free(NULL);
		end();
	}
}

static void test_bad_arguments(void)
{
	struct fog_dp *dp = (void *)1, *other;

	begin();
	struct {
		int no;
		struct fog_dp_config c;
		int want;
	} cases[] = {
		{1, config_of(0), -EINVAL},     {2, config_of(FOG_WORKERS_MAX + 1), -EINVAL},
		{3, config_of(1), -EINVAL},     {4, config_of(1), -EINVAL},
		{5, config_of(1), -EINVAL},     {6, config_of(1), -EINVAL},
		{7, config_of(1), -EADDRINUSE},
	};
	cases[2].c.io = NULL;
	cases[3].c.circuits_max = 100;                  /* no power of two */
	cases[4].c.circuits_max = FOG_HALVES_MIN / 2;   /* too small */
	cases[5].c.circuits_max = FOG_HALVES_LIMIT * 2; /* too large */
	struct fog_dp_config good = config_of(1);
	CU_ASSERT_EQUAL(fog_dp_init(&other, &good, data), 0);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(fog_dp_init(&dp, &cases[i].c, data), cases[i].want);
		CU_ASSERT_PTR_NULL(dp);
	}
	CU_ASSERT_EQUAL(fog_dp_init(&dp, &good, NULL), -EINVAL);
	/* An edge needs both regions or none. */
	CU_ASSERT_EQUAL(fog_dp_attach_edge(other, NULL, (void *)data, -1, 1), -EINVAL);
	fog_dp_free(other);
	end();
}

/* Keys and random seeds do not stay in the configuration of the instance. */
static void test_wiped(void)
{
	struct fog_dp *dp;

	begin();
	struct fog_dp_config c = config_of(1);
	CU_ASSERT_EQUAL_FATAL(fog_dp_init(&dp, &c, data), 0);
	const u8 zero[32] = {0};
	CU_ASSERT_EQUAL(memcmp(dp->config.link_sk, zero, 32), 0);
	CU_ASSERT_EQUAL(memcmp(dp->config.onion_sk, zero, 32), 0);
	CU_ASSERT_EQUAL(memcmp(dp->config.rng_seed, zero, 32), 0);
	/* And none of them in what others can map. */
	const u8 *region = (const u8 *)data;
	for (size_t i = 0; i + 32 <= sizeof(*data); i += 8) {
		CU_ASSERT_NOT_EQUAL_FATAL(memcmp(region + i, c.link_sk, 32), 0);
		CU_ASSERT_NOT_EQUAL_FATAL(memcmp(region + i, c.onion_sk, 32), 0);
	}
	fog_dp_free(dp);
	end();
}

/* Attaching while threads run: everybody has the new region when the call returns. */
static void test_attach_threads(void)
{
	struct fog_dp *dp;

	begin();
	struct fog_dp_config c = config_of(3);
	c.io = &fog_io_socket;
	memset(c.listen.ip, 0, 16);
	c.listen.ip[10] = c.listen.ip[11] = 0xff;
	c.listen.ip[12] = 127;
	c.listen.ip[15] = 1;
	c.listen.port = 0;
	CU_ASSERT_EQUAL_FATAL(fog_dp_init(&dp, &c, data), 0);
	CU_ASSERT_EQUAL_FATAL(fog_dp_start(dp), 0);
	for (u64 k = 1; k <= 20; k++) {
		struct fog_control_region *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CU_ASSERT_EQUAL(fog_dp_attach_control(dp, r, k), 0);
		for (u32 w = 0; w < 3; w++)
			CU_ASSERT_EQUAL(atomic_load(&data->status[w].attachment), k);
		CU_ASSERT_EQUAL(fog_dp_attach_control(dp, NULL, k), 0);
		munmap(r, sizeof(*r)); /* nobody reads it any more */
	}
	fog_dp_stop(dp);
	CU_ASSERT_EQUAL(atomic_load(&data->status[2].state), 2);
	fog_dp_free(dp);
	end();
}

FOG_TEST_MAIN("dataplane/worker/dp", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wiped), FOG_TEST(test_attach_threads))
