/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay that gets twice what it can take, from memory: it forwards at its maximum in every turn,
 * and what it does not forward is counted, each by its reason. Links, circuit and cells are real.
 */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#define CELLS   8192
#define QUEUE   256 /* of the device */
#define TURN_NS 50000
#define RELAY   1

static struct tb tb;
static u8 (*kept)[FOG_DGRAM_SIZE];
static u32 kept_count;

static struct {
	u32 queue[QUEUE]; /* numbers of kept cells */
	u32 head, tail;
	u32 next;    /* kept cell to arrive */
	u32 tx_room; /* of this turn */
	u32 sent;
	u64 lost;
	u8 out[FOG_IO_BURST_MAX][FOG_DGRAM_SIZE];
} device;

/* ---- the device ----------------------------------------------------------------------------- */

static void arrive(u32 count)
{
	for (u32 i = 0; i < count; i++, device.next++) {
		if (device.tail - device.head == QUEUE)
			device.lost++;
		else
			device.queue[device.tail++ % QUEUE] = device.next;
	}
}

static unsigned device_rx(struct fog_io *io, u64 now_ns, struct fog_frame *f, unsigned max)
{
	unsigned n = FOG_MIN(max, device.tail - device.head);

	(void)io;
	(void)now_ns;
	for (unsigned i = 0; i < n; i++)
		f[i] = (struct fog_frame){.data = kept[device.queue[device.head++ % QUEUE]],
					  .length = FOG_DGRAM_SIZE,
					  .peer = tb.host[0].address};
	return n;
}

static void device_release(struct fog_io *io, const struct fog_frame *f, unsigned count)
{
	(void)io;
	(void)f;
	(void)count;
}

static unsigned device_reserve(struct fog_io *io, struct fog_frame *f, unsigned want)
{
	unsigned n = FOG_MIN(want, device.tx_room);

	(void)io;
	for (unsigned i = 0; i < n; i++)
		f[i].data = device.out[i];
	device.tx_room -= n;
	return n;
}

static void device_submit(struct fog_io *io, u64 now_ns, const struct fog_frame *f, unsigned count)
{
	(void)io;
	(void)now_ns;
	for (unsigned i = 0; i < count; i++)
		device.sent += f[i].length != 0;
}

static void device_drops(struct fog_io *io, u64 *drops)
{
	(void)io;
	drops[FOG_DROP_RX_FULL] = device.lost;
}

static const struct fog_io_ops device_ops = {
	.name = "memory",
	.rx = device_rx,
	.release = device_release,
	.tx_reserve = device_reserve,
	.tx_submit = device_submit,
	.drops = device_drops,
};

/* ---- the cells ------------------------------------------------------------------------------ */

static bool keep(void *arg, const struct fog_address *from, const struct fog_address *to, u8 *data,
		 u32 *length)
{
	(void)arg;
	if (!fog_address_equal(from, &tb.host[0].address) ||
	    !fog_address_equal(to, &tb.host[RELAY].address) || *length != FOG_DGRAM_SIZE ||
	    fog_load_u32(data) != FOG_DGRAM_DATA)
		return true;
	if (kept_count < CELLS)
		memcpy(kept[kept_count++], data, FOG_DGRAM_SIZE);
	return false;
}

static void begin(void)
{
	static const u32 path[] = {RELAY, 2};
	struct tb_circuit *c;
	u8 payload[64] = {0};

	memset(&device, 0, sizeof(device));
	kept_count = 0;
	kept = calloc(CELLS, sizeof(kept[0]));
	FOG_ASSERT(kept != NULL);
	tb_init(&tb, 1, 3, 1, 64);
	FOG_ASSERT(tb_mesh(&tb) && tb_open_wait(&tb, &c, 0, path, 2));
	fog_sim_set_tap(tb.sim, keep, NULL);
	while (kept_count < CELLS) {
		for (u32 i = 0; i < FOG_BATCH_MAX; i++)
			FOG_ASSERT(tb_send(&tb, c, payload, sizeof(payload)) == 0);
		tb_run(&tb, TB_MS / 10);
	}
	fog_sim_set_tap(tb.sim, NULL, NULL);
}

/* Turns of `offered` arrivals and room for `room` to leave. After the first, each sends `want`. */
static void overload(u32 offered, u32 room, u32 want)
{
	struct fog_worker *w = tb.host[RELAY].dp->worker[0];
	const struct fog_io_ops *real = w->ops;
	u64 now = tb.now, before[FOG_DROP_COUNT], got[FOG_DROP_COUNT], counted = 0;

	memcpy(before, w->counts.drops, sizeof(before));
	w->ops = &device_ops;
	for (u32 i = 0; device.next + offered <= CELLS; i++) {
		u32 sent = device.sent;
		arrive(offered);
		device.tx_room = room;
		(void)fog_worker_turn(w, now += TURN_NS);
		if (i > 0)
			CU_ASSERT_EQUAL(device.sent - sent, want);
	}
	for (u32 i = 0; i < 2 * QUEUE / FOG_BATCH_MAX; i++) { /* what waits, and housekeeping */
		device.tx_room = room;
		(void)fog_worker_turn(w, now += FOG_TICK_MAX_NS);
	}
	w->ops = real;
	tb.now = now;
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		counted += got[d] = w->counts.drops[d] - before[d];
	CU_ASSERT_EQUAL(device.sent + counted, device.next);
	CU_ASSERT_EQUAL(got[FOG_DROP_RX_FULL], device.lost);
	CU_ASSERT_EQUAL(got[FOG_DROP_RX_FULL] + got[FOG_DROP_TX_FULL], counted);
	CU_ASSERT_EQUAL(tb_slots_out(&tb, RELAY), 0);
}

static void end(void)
{
	tb_free(&tb);
	free(kept);
}

static void test_life_cycle(void)
{
	begin();
	overload(FOG_BATCH_MAX, FOG_BATCH_MAX, FOG_BATCH_MAX); /* as much as it can take */
	CU_ASSERT_EQUAL(device.sent, device.next);
	end();
}

static void test_receive(void)
{
	begin();
	overload(2 * FOG_BATCH_MAX, FOG_BATCH_MAX, FOG_BATCH_MAX);
	CU_ASSERT_EQUAL(device.lost, CELLS / 2 - (QUEUE - FOG_BATCH_MAX));
	end();
}

static void test_transmit(void)
{
	begin();
	overload(FOG_BATCH_MAX, FOG_BATCH_MAX / 2, FOG_BATCH_MAX / 2);
	CU_ASSERT_EQUAL(device.lost, 0);
	CU_ASSERT_TRUE(device.sent < device.next * 11 / 20);
	end();
}

FOG_TEST_MAIN("sim/overload", FOG_TEST(test_life_cycle), FOG_TEST(test_receive),
	      FOG_TEST(test_transmit))
