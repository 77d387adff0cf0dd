/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

static struct fog_snapshot_page page;

static void test_life_cycle(void)
{
	struct fog_snapshot in = {.lease_ns = 1}, out;

	memset(&page, 0, sizeof(page));
	for (u64 i = 1; i <= 5; i++) {
		in.lease_ns = i * 1000;
		in.pad[sizeof(in.pad) - 1] = (u8)i;
		fog_snapshot_publish(&page, &in);
		memset(&out, 0xff, sizeof(out));
		CU_ASSERT_EQUAL(fog_snapshot_read(&page, &out), i);
		CU_ASSERT_EQUAL(memcmp(&in, &out, sizeof(in)), 0);
	}
}

static void test_nothing_published(void)
{
	struct fog_snapshot out;

	memset(&page, 0, sizeof(page));
	memset(&out, 0x5a, sizeof(out));
	CU_ASSERT_EQUAL(fog_snapshot_read(&page, &out), 0);
	CU_ASSERT_EQUAL(out.lease_ns, 0x5a5a5a5a5a5a5a5aull);
}

/* The slot not pointed at may hold anything: publishing never touches what readers copy. */
static void test_other_slot_is_free(void)
{
	struct fog_snapshot in = {.epoch = 3}, out;

	memset(&page, 0, sizeof(page));
	fog_snapshot_publish(&page, &in);
	memset((void *)page.slot[0], 0xee, sizeof(page.slot[0]));
	CU_ASSERT_EQUAL(fog_snapshot_read(&page, &out), 1);
	CU_ASSERT_EQUAL(out.epoch, 3);
}

FOG_TEST_MAIN("dataplane/abi/snapshot", FOG_TEST(test_life_cycle), FOG_TEST(test_nothing_published),
	      FOG_TEST(test_other_slot_is_free))
