/* SPDX-License-Identifier: BSD-3-Clause */
/* One mix between hand-made rings: what comes in, what goes out, what is dropped and why, and what
 * a restart keeps. */
#include "dataplane/mix/mix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "dataplane/abi/attach.h"
#include "dataplane/table/arena.h"
#include "tests/unit/fog_test.h"

#define MS    1000000ull
#define EPOCH 100

static struct {
	struct fog_arena arena;
	struct fog_mixnet *mix;
	struct fog_mix_lane *in, *out;
	struct fog_ring to, from;
	struct fog_mix_keys *keys;
	struct fog_rng rng;
	struct fog_mix_policy policy;
	u64 now;
	char dir[64];
} m;

static const u8 self[32] = {1}, next_hop[32] = {2}, stranger[32] = {3};

static void push(u8 type, u64 epoch, const void *body, size_t len, const u8 *id, u32 link, u8 flag)
{
	struct fog_mix_msg msg = {
		.type = type, .epoch = epoch, .at_ns = m.now, .link = link, .flag = flag};

	if (id != NULL)
		memcpy(msg.id, id, 32);
	memcpy(msg.body, body, len);
	CU_ASSERT_EQUAL_FATAL(fog_ring_push(&m.to, &msg), 0);
}

static void run(void)
{
	while (fog_mix_poll(m.mix, m.now) > 0)
		;
}

static void policy_set(void)
{
	push(FOG_MIX_POLICY, 0, &m.policy, sizeof(m.policy), NULL, 0, 0);
	run();
}

static void mix_start(u32 held)
{
	u8 seed[32];
	struct fog_mix_config c = {.workers = 1, .held = held, .tags = 1024, .rng_seed = seed};

	memset(&m.arena, 0, sizeof(m.arena));
	m.mix = fog_arena_alloc(&m.arena, sizeof(*m.mix));
	m.in = fog_arena_alloc(&m.arena, sizeof(*m.in));
	m.out = fog_arena_alloc(&m.arena, sizeof(*m.out));
	m.keys = fog_arena_alloc(&m.arena, sizeof(*m.keys));
	fog_ring_producer(&m.to, &m.in->head, &m.in->tail, m.in->slots, FOG_MIX_RING_COUNT,
			  sizeof(struct fog_mix_msg));
	fog_ring_consumer(&m.from, &m.out->head, &m.out->tail, m.out->slots, FOG_MIX_RING_COUNT,
			  sizeof(struct fog_mix_msg));
	fog_rng_bytes(&m.rng, seed, sizeof(seed));
	c.dir = m.dir;
	c.keys = m.keys;
	c.request[0] = m.in;
	c.result[0] = m.out;
	CU_ASSERT_EQUAL_FATAL(fog_mix_init(m.mix, &m.arena, &c), 0);
	push(FOG_MIX_NEIGHBOUR, 0, "", 0, next_hop, 7, 1);
	policy_set();
}

static void mix_stop(void)
{
	fog_mix_wipe(m.mix);
	fog_arena_free(&m.arena);
}

static void begin(void)
{
	fog_rng_init_u64(&m.rng, 11);
	m.now = 1000 * MS;
	snprintf(m.dir, sizeof(m.dir), "/tmp/fog-mix-test-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(m.dir) != NULL);
	m.policy = (struct fog_mix_policy){.epoch = EPOCH, .oldest = EPOCH};
	memcpy(m.policy.node_id, self, 32);
	mix_start(64);
}

static void end(void)
{
	char path[128];

	mix_stop();
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		snprintf(path, sizeof(path), "%s/mix-%u.epoch", m.dir, i);
		unlink(path);
	}
	rmdir(m.dir);
}

static bool key_of(u64 epoch, u8 key[32])
{
	u64 epochs[FOG_MIX_KEYS];
	u8 keys[FOG_MIX_KEYS][32];

	CU_ASSERT_FATAL(fog_mix_keys_read(m.keys, epochs, keys));
	for (unsigned i = 0; i < FOG_MIX_KEYS; i++)
		if (epochs[i] == epoch) {
			memcpy(key, keys[i], 32);
			return true;
		}
	return false;
}

/* A packet through our mix to `to`, or that ends here. */
static void packet_make(u8 packet[FOG_BODY_SIZE], u64 epoch, u32 delay_us, const u8 *to)
{
	struct fog_sphinx_hop path[2] = {0};
	u8 secret[32] = {9}, payload[FOG_BODY_SIZE] = "text", key[2][32];

	CU_ASSERT_FATAL(key_of(epoch, key[0]));
	path[0].key = key[0];
	memcpy(path[0].id, self, 32);
	path[0].commands.has_delay = to != NULL;
	path[0].commands.delay = delay_us;
	path[to == NULL ? 0 : 1].commands.has_recipient = true;
	if (to != NULL) {
		memcpy(path[1].id, to, 32);
		fog_x25519_base(key[1], secret);
		path[1].key = key[1];
	}
	CU_ASSERT_EQUAL(fog_sphinx_wrap(&m.mix->geometry, &m.rng, path, to != NULL ? 2 : 1, payload,
					packet),
			0);
}

static unsigned results(u8 type)
{
	struct fog_mix_msg msg;
	unsigned count = 0;

	while (fog_ring_pop(&m.from, &msg) == 0)
		count += msg.type == type;
	return count;
}

static u64 drops(enum fog_drop d)
{
	return atomic_load(&m.mix->counts.drops[d]);
}

static u64 drops_all(void)
{
	u64 sum = 0;

	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		sum += drops(d);
	return sum;
}

static void expect_drop(enum fog_drop d, u64 epoch, const u8 *packet)
{
	u64 before = drops(d), all = drops_all();

	push(FOG_MIX_PACKET, epoch, packet, FOG_BODY_SIZE, NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(drops(d), before + 1);
	CU_ASSERT_EQUAL(drops_all(), all + 1);
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND) + results(FOG_MIX_DELIVER), 0);
}

static void test_life_cycle(void)
{
	u8 packet[FOG_BODY_SIZE];

	begin();
	packet_make(packet, EPOCH, 5000, next_hop);
	push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 0);
	CU_ASSERT_EQUAL(fog_mix_next(m.mix), m.now + 5 * MS);
	m.now += 4 * MS;
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 0);
	m.now += 1 * MS;
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	packet_make(packet, EPOCH + 1, 0, NULL);
	push(FOG_MIX_PACKET, EPOCH + 1, packet, sizeof(packet), NULL, 0, 0);
	/* From our own edge, to ourselves and to a neighbour. */
	packet_make(packet, EPOCH, 0, NULL);
	push(FOG_MIX_SUBMIT, EPOCH, packet, sizeof(packet), self, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_DELIVER), 2);
	push(FOG_MIX_SUBMIT, EPOCH, packet, sizeof(packet), next_hop, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	push(FOG_MIX_SUBMIT, EPOCH, packet, sizeof(packet), stranger, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_WANTED), 1);
	CU_ASSERT_EQUAL(drops(FOG_DROP_MIX_NO_LINK), 1);
	CU_ASSERT_EQUAL(m.mix->wheel->used, 0);
	end();
}

/* Each reason once, and nothing else happens. */
static void test_drops(void)
{
	u8 packet[FOG_BODY_SIZE], bad[FOG_BODY_SIZE];

	begin();
	packet_make(packet, EPOCH, 0, next_hop);
	memcpy(bad, packet, sizeof(bad));
	bad[100] ^= 4;
	expect_drop(FOG_DROP_MIX_AUTH, EPOCH, bad);
	expect_drop(FOG_DROP_MIX_AUTH, EPOCH + 1, packet); /* the wrong one of two live epochs */
	expect_drop(FOG_DROP_MIX_EPOCH, EPOCH + 2, packet);
	expect_drop(FOG_DROP_MIX_EPOCH, EPOCH - 1, packet);
	expect_drop(FOG_DROP_MIX_EPOCH, 0, packet);
	memcpy(bad, packet, sizeof(bad));
	bad[1] = 1;
	expect_drop(FOG_DROP_MIX_FORMAT, EPOCH, bad);
	memcpy(bad, packet, sizeof(bad));
	memset(bad + 2, 0, 32);
	expect_drop(FOG_DROP_MIX_POINT, EPOCH, bad);
	push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	expect_drop(FOG_DROP_MIX_REPLAY, EPOCH, packet);
	/* The same one twice in one batch. */
	packet_make(packet, EPOCH, 0, next_hop);
	push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	CU_ASSERT_EQUAL(drops(FOG_DROP_MIX_REPLAY), 2);
	packet_make(packet, EPOCH, 0, NULL);
	packet[1391] ^= 1;
	expect_drop(FOG_DROP_MIX_TAG, EPOCH, packet);
	packet_make(packet, EPOCH, 14000000, next_hop);
	expect_drop(FOG_DROP_MIX_FORMAT, EPOCH, packet);
	packet_make(packet, EPOCH, 0, stranger);
	push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(drops(FOG_DROP_MIX_NO_LINK), 1);
	CU_ASSERT_EQUAL(m.mix->wheel->used, 0);
	end();
}

/* A table of tags that is full, and a disk that is: refused, as nothing could tell a replay then.
 */
static void test_drops_full(void)
{
	u8 packet[FOG_BODY_SIZE], mark[FOG_MIX_MARK_SIZE];

	begin();
	struct fog_mix_epoch *e = fog_mix_epoch_find(m.mix, EPOCH);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	do
		fog_rng_bytes(&m.rng, mark, sizeof(mark));
	while (fog_mix_tags_add(&e->tags, mark) != -ENOSPC);
	packet_make(packet, EPOCH, 0, next_hop);
	expect_drop(FOG_DROP_MIX_TAGS_FULL, EPOCH, packet);
	expect_drop(FOG_DROP_MIX_TAGS_FULL, EPOCH, packet);
	/* The other epoch has room. */
	packet_make(packet, EPOCH + 1, 0, next_hop);
	push(FOG_MIX_PACKET, EPOCH + 1, packet, sizeof(packet), NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(full >= 0);
	CU_ASSERT_FATAL(dup2(full, m.mix->log.fd[(EPOCH + 1) % FOG_MIX_LOGS]) >= 0);
	close(full);
	packet_make(packet, EPOCH + 1, 0, next_hop);
	expect_drop(FOG_DROP_MIX_LOG, EPOCH + 1, packet);
	expect_drop(FOG_DROP_MIX_REPLAY, EPOCH + 1, packet);
	CU_ASSERT_EQUAL(m.mix->wheel->used, 0);
	end();
}

/* More than fit are shed; what is held stays. */
static void test_full(void)
{
	u8 packet[FOG_BODY_SIZE];

	begin();
	for (unsigned i = 0; i < 80; i++) {
		packet_make(packet, EPOCH, 1000, next_hop);
		push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
	}
	run();
	CU_ASSERT_EQUAL(drops(FOG_DROP_MIX_SHED), 80 - 64);
	m.now += 2 * MS;
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 64);
	end();
}

static bool on_file(const u8 needle[32])
{
	char path[128];
	u8 text[8192];

	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		snprintf(path, sizeof(path), "%s/mix-%u.epoch", m.dir, i);
		FILE *f = fopen(path, "r");
		CU_ASSERT_FATAL(f != NULL);
		size_t n = fread(text, 1, sizeof(text), f);
		fclose(f);
		if (memmem(text, n, needle, 32) != NULL)
			return true;
	}
	return false;
}

/* A restart knows what was seen, still opens what is under way, and an ended epoch is gone from
 * memory and file. */
static void test_restart(void)
{
	u8 packet[40][FOG_BODY_SIZE], late[FOG_BODY_SIZE], key[32], after[32], secret[32];
	struct stat st;
	char path[128];

	begin();
	for (unsigned i = 0; i < 40; i++) {
		packet_make(packet[i], EPOCH + i % 2, 0, next_hop);
		push(FOG_MIX_PACKET, EPOCH + i % 2, packet[i], FOG_BODY_SIZE, NULL, 0, 0);
	}
	packet_make(late, EPOCH, 0, next_hop);
	key_of(EPOCH, key);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 40);
	snprintf(path, sizeof(path), "%s/mix-%u.epoch", m.dir, EPOCH % FOG_MIX_LOGS);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(st.st_size, FOG_MIX_LOG_HEADER + 20 * FOG_MIX_MARK_SIZE);
	/* Killed inside of an append: the half mark is no harm. */
	CU_ASSERT_EQUAL(truncate(path, st.st_size + 5), 0);
	mix_stop();
	mix_start(64);
	key_of(EPOCH, after);
	CU_ASSERT_EQUAL(memcmp(key, after, 32), 0);
	for (unsigned i = 0; i < 40; i++)
		expect_drop(FOG_DROP_MIX_REPLAY, EPOCH + i % 2, packet[i]);
	push(FOG_MIX_PACKET, EPOCH, late, FOG_BODY_SIZE, NULL, 0, 0);
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 1);
	mix_stop();
	mix_start(64);
	expect_drop(FOG_DROP_MIX_REPLAY, EPOCH, late);
	memcpy(secret, fog_mix_epoch_find(m.mix, EPOCH)->secret, 32);
	CU_ASSERT(on_file(secret));
	m.policy.epoch = EPOCH + 1;
	m.policy.oldest = EPOCH;
	policy_set();
	CU_ASSERT(key_of(EPOCH, after));
	m.policy.oldest = EPOCH + 1;
	policy_set();
	CU_ASSERT(!key_of(EPOCH, after));
	CU_ASSERT(key_of(EPOCH + 2, after));
	CU_ASSERT(!on_file(secret));
	CU_ASSERT(memmem(m.mix, sizeof(*m.mix), secret, 32) == NULL);
	expect_drop(FOG_DROP_MIX_EPOCH, EPOCH, late);
	end();
}

/* An epoch of another boot of the machine begins anew: its last marks may not be on disk. */
static void test_reboot(void)
{
	u8 packet[FOG_BODY_SIZE], key[32], after[32];
	char path[128];

	begin();
	packet_make(packet, EPOCH, 0, next_hop);
	key_of(EPOCH, key);
	push(FOG_MIX_PACKET, EPOCH, packet, FOG_BODY_SIZE, NULL, 0, 0);
	run();
	mix_stop();
	snprintf(path, sizeof(path), "%s/mix-%u.epoch", m.dir, EPOCH % FOG_MIX_LOGS);
	FILE *f = fopen(path, "r+");
	CU_ASSERT_FATAL(f != NULL);
	fseek(f, 96, SEEK_SET);
	fputc(0x5a, f);
	fputc(0xa5, f);
	fclose(f);
	mix_start(64);
	key_of(EPOCH, after);
	CU_ASSERT_NOT_EQUAL(memcmp(key, after, 32), 0);
	expect_drop(FOG_DROP_MIX_AUTH, EPOCH, packet);
	end();
}

/* The schedule of a link does not depend on what waits for it. */
enum load { IDLE, BUSY, SHEDDING };

static void schedule_record(enum load load, u64 *times, unsigned count)
{
	u8 packet[FOG_BODY_SIZE];

	begin();
	m.policy.link_interval_us = 500;
	m.policy.link_poisson = 1;
	policy_set();
	fog_rng_init_u64(&m.mix->rng, 99);
	for (unsigned i = 0, step = 0; i < count; step++) {
		/* Half of what the link takes, or many times as much. */
		unsigned packets = load == SHEDDING ? 3 : load == BUSY && step % 10 == 0;
		while (packets-- > 0) {
			packet_make(packet, EPOCH, 0, next_hop);
			push(FOG_MIX_PACKET, EPOCH, packet, FOG_BODY_SIZE, NULL, 0, 0);
		}
		m.now += MS / 10;
		run();
		unsigned n = results(FOG_MIX_SEND);
		(void)n;
		u64 sent =
			atomic_load(&m.mix->counts.cover) + atomic_load(&m.mix->counts.forwarded);
		while (i < count && i < sent)
			times[i++] = m.now;
	}
	CU_ASSERT_EQUAL(atomic_load(&m.mix->counts.forwarded) > 0, load != IDLE);
	CU_ASSERT_EQUAL(drops(FOG_DROP_MIX_SHED) > 100, load == SHEDDING);
	end();
}

static void test_cover(void)
{
	static u64 idle[400], busy[400], shedding[400];

	schedule_record(IDLE, idle, 400);
	schedule_record(BUSY, busy, 400);
	schedule_record(SHEDDING, shedding, 400);
	CU_ASSERT_EQUAL(memcmp(idle, busy, sizeof(idle)), 0);
	CU_ASSERT_EQUAL(memcmp(idle, shedding, sizeof(idle)), 0);
	double mean = (double)(idle[399] - idle[0]) / 399 / 1000;
	CU_ASSERT(mean > 400 && mean < 600);
}

static void test_pools(void)
{
	u8 packet[FOG_BODY_SIZE];

	begin();
	m.policy.mode = FOG_MIX_THRESHOLD;
	m.policy.threshold = 10;
	policy_set();
	for (unsigned i = 0; i < 25; i++) {
		packet_make(packet, EPOCH, 0, next_hop);
		push(FOG_MIX_PACKET, EPOCH, packet, sizeof(packet), NULL, 0, 0);
		run();
	}
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 20);
	m.policy.mode = FOG_MIX_POOL;
	m.policy.pool_min = 3;
	m.policy.interval_ms = 50;
	m.policy.threshold = 0;
	policy_set();
	m.now += 60 * MS;
	run();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 2);
	m.policy.mode = FOG_MIX_CONTINUOUS;
	policy_set();
	CU_ASSERT_EQUAL(results(FOG_MIX_SEND), 3);
	end();
}

FOG_TEST_MAIN("dataplane/mix/mix", FOG_TEST(test_life_cycle), FOG_TEST(test_drops),
	      FOG_TEST(test_drops_full), FOG_TEST(test_full), FOG_TEST(test_restart),
	      FOG_TEST(test_reboot), FOG_TEST(test_cover), FOG_TEST(test_pools))
