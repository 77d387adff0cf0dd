/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits over several hosts, on a good network and a bad one. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static void echo(struct tb *t, struct tb_host *h, struct tb_circuit *c, u32 handle, const u8 *data,
		 u32 length)
{
	if (c == NULL)
		(void)tb_reply(t, h->index, handle, data, length);
}

static void test_life_cycle(void)
{
	const u32 path[] = {1, 2, 3};
	struct tb_circuit *c;

	for (u32 workers = 1; workers <= 3; workers++) {
		tb_init(&tb, 1, 4, workers, 256);
		CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path, 3));
		tb.on_datagram = echo;
		for (u32 i = 0; i < 100; i++) {
			CU_ASSERT_EQUAL(tb_send(&tb, c, "hello", 5), 0);
		}
		tb_run(&tb, TB_S);
		CU_ASSERT_EQUAL(c->received, 100);
		tb_close(&tb, c);
		tb_run(&tb, TB_S);
		for (u32 i = 0; i < 4; i++) {
			CU_ASSERT_EQUAL(tb_halves(&tb, i), 0);
			CU_ASSERT_EQUAL(tb_slots_out(&tb, i), 0);
			CU_ASSERT_EQUAL(tb_pending(&tb, i), 0);
			CU_ASSERT_EQUAL(tb_drops_all(&tb, i), 0);
		}
		CU_ASSERT_EQUAL(tb.host[3].closes, 1);
		tb_free(&tb);
	}
}

FOG_TEST_MAIN("sim/circuit", FOG_TEST(test_life_cycle))
