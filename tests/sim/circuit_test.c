/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits over several hosts, on good networks and bad ones: what arrives is what was sent, at
 * most once; what closes leaves nothing behind. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#define NUMBERS_MAX 4096

static struct tb tb;
static const u32 path3[] = {1, 2, 3};

/* Numbered payloads of every length; filled from number and tag. */
static u8 there[TB_CIRCUITS_MAX][NUMBERS_MAX], back[TB_CIRCUITS_MAX][NUMBERS_MAX];
static u32 there_count, back_count, wrong, twice;
static bool reply_too;

static u32 fill(u8 *p, u32 tag, u32 number)
{
	u32 length = 8 + number * 7919 % (FOG_MSG_PAYLOAD_MAX - 7);

	fog_store_u32(p, tag);
	fog_store_u32(p + 4, number);
	for (u32 i = 8; i < length; i++)
		p[i] = (u8)((number * 31 + tag * 7 + i) * 2654435761u >> 24);
	return length;
}

static void arrive(struct tb *t, struct tb_host *h, struct tb_circuit *c, u32 handle,
		   const u8 *data, u32 length)
{
	u8 want[FOG_MSG_PAYLOAD_MAX];
	u32 tag = fog_load_u32(data), number = length >= 8 ? fog_load_u32(data + 4) : NUMBERS_MAX;

	if (length < 8 || tag >= TB_CIRCUITS_MAX || number >= NUMBERS_MAX ||
	    fill(want, tag, number) != length || memcmp(want, data, length) != 0) {
		wrong++;
		return;
	}
	u8 *seen = c == NULL ? &there[tag][number] : &back[tag][number];
	twice += *seen;
	*seen = 1;
	if (c != NULL) {
		back_count++;
		return;
	}
	there_count++;
	if (reply_too)
		(void)tb_reply(t, h->index, handle, data, length);
}

static void begin(u64 seed, u32 hosts, u32 workers)
{
	memset(there, 0, sizeof(there));
	memset(back, 0, sizeof(back));
	there_count = back_count = wrong = twice = 0;
	reply_too = true;
	tb_init(&tb, seed, hosts, workers, 256);
	tb.on_datagram = arrive;
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 500 * TB_MS); /* until the sweep is over */
}

static void send_numbers(struct tb_circuit *c, u32 first, u32 count)
{
	u8 p[FOG_MSG_PAYLOAD_MAX];

	for (u32 n = first; n < first + count; n++) {
		u32 length = fill(p, c->tag, n);
		CU_ASSERT_EQUAL(tb_send(&tb, c, p, length), 0);
		if (n % 32 == 31)
			tb_run(&tb, TB_MS);
	}
}

static void expect_clean(void)
{
	for (u32 i = 0; i < tb.hosts; i++) {
		if (!tb.host[i].alive)
			continue;
		CU_ASSERT_EQUAL(tb_halves(&tb, i), 0);
		CU_ASSERT_EQUAL(tb_slots_out(&tb, i), 0);
		CU_ASSERT_EQUAL(tb_pending(&tb, i), 0);
	}
}

static void expect_no_drops(void)
{
	for (u32 i = 0; i < tb.hosts; i++)
		for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
			if (tb_drops(&tb, i, d) != 0) {
				printf("host %u: %s\n", i, fog_drop_name(d));
				CU_ASSERT_EQUAL(tb_drops(&tb, i, d), 0);
			}
}

static void test_life_cycle(void)
{
	struct tb_circuit *c;

	for (u32 workers = 1; workers <= 3; workers++)
		for (u32 hops = 1; hops <= 3; hops++) {
			begin(1, 4, workers);
			CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, hops));
			send_numbers(c, 0, 200);
			tb_run(&tb, TB_S);
			CU_ASSERT_EQUAL(there_count, 200);
			CU_ASSERT_EQUAL(back_count, 200);
			CU_ASSERT_EQUAL(wrong + twice, 0);
			CU_ASSERT_EQUAL(tb.host[hops].event_count[FOG_EVENT_CIRCUIT_OPENED], 1);
			tb_close(&tb, c);
			tb_run(&tb, TB_S);
			expect_clean();
			expect_no_drops();
			CU_ASSERT_EQUAL(tb.host[hops].closes, 1);
			CU_ASSERT_EQUAL(tb.host[hops].last_reason, FOG_REASON_REQUESTED);
			CU_ASSERT_EQUAL(tb.host[hops].event_count[FOG_EVENT_CIRCUIT_CLOSED], 1);
			tb_free(&tb);
		}
}

static void test_spray(void)
{
	struct tb_circuit *c;

	/* Datagrams reach workers that do not own their session. */
	begin(2, 4, 3);
	fog_sim_set_spray(tb.sim, true);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
	send_numbers(c, 0, 300);
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(there_count, 300);
	CU_ASSERT_EQUAL(back_count, 300);
	CU_ASSERT_EQUAL(wrong + twice, 0);
	tb_close(&tb, c);
	tb_run(&tb, TB_S);
	expect_clean();
	tb_free(&tb);
}

static void bad_network(u64 seed, u32 workers, const struct fog_sim_path *path, u32 least)
{
	struct tb_circuit *c[8];
	u32 open = 0;

	begin(seed, 4, workers);
	fog_sim_set_default(tb.sim, path);
	for (u32 i = 0; i < 8; i++) {
		const u32 p[] = {(i + 1) % 4, (i + 2) % 4, (i + 3) % 4};
		if (tb_open_wait(&tb, &c[open], i % 4, p, 3)) {
			c[open]->tag = open;
			open++;
		}
	}
	CU_ASSERT_TRUE(open >= 2);
	for (u32 n = 0; n < 200; n += 10) {
		for (u32 i = 0; i < open; i++)
			if (!c[i]->closed)
				send_numbers(c[i], n, 10);
		tb_run(&tb, 5 * TB_MS);
	}
	tb_run(&tb, 2 * TB_S);
	CU_ASSERT_EQUAL(wrong + twice, 0);
	CU_ASSERT_TRUE(there_count > least * open);
	CU_ASSERT_TRUE(back_count > least * open / 2);
	/* The link rejects what the network spoilt; no circuit ever notices. */
	for (u32 i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(tb_drops(&tb, i, FOG_DROP_INTEGRITY), 0);
		CU_ASSERT_EQUAL(tb.host[i].event_count[FOG_EVENT_CIRCUIT_TAGGED], 0);
	}
	const struct fog_sim_path good = {.delay_ns = TB_MS};
	fog_sim_set_default(tb.sim, &good);
	for (u32 i = 0; i < open; i++)
		tb_close(&tb, c[i]);
	/* A DESTROY may have been lost: the rest goes when it is idle. */
	for (u32 i = 0; i < 4; i++) {
		tb.host[i].policy.circuit_idle_ms = 2000;
		tb_policy(&tb, i);
	}
	tb_run(&tb, 20 * TB_S);
	expect_clean();
	tb_free(&tb);
}

static void test_bad_networks(void)
{
	static const struct fog_sim_path paths[] = {
		{.delay_ns = 20 * TB_MS, .loss = 50000},
		{.delay_ns = 5 * TB_MS, .duplicate = 300000},
		{.delay_ns = 5 * TB_MS, .jitter_ns = 50 * TB_MS},
		{.delay_ns = 5 * TB_MS, .corrupt = 50000},
		{.delay_ns = 10 * TB_MS,
		 .jitter_ns = 30 * TB_MS,
		 .loss = 20000,
		 .duplicate = 50000,
		 .corrupt = 20000},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(paths); i++)
		bad_network(10 + i, 1 + i % 3, &paths[i], 120);
}

/* Forward and backward over the edge of a key generation. */
static void test_ratchet(void)
{
	struct tb_circuit *c;

	begin(3, 4, 2);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
	send_numbers(c, 0, 10);
	tb_run(&tb, TB_S);
	for (u32 g = 1; g <= 3; g++) {
		u64 edge = (u64)g << FOG_RATCHET_SHIFT;
		c->state.forward_sequence = edge - 20;
		for (u32 w = 0; w < 2; w++) {
			struct fog_half_table *t = &tb.host[3].dp->worker[w]->halves;
			for (u32 i = 0; i < t->fresh; i++)
				if (t->halves[i].link == FOG_LINK_TERMINUS)
					t->halves[i].sequence = edge - 20;
		}
		send_numbers(c, g * 100, 40);
		tb_run(&tb, TB_S);
	}
	CU_ASSERT_EQUAL(there_count, 130);
	CU_ASSERT_EQUAL(back_count, 130);
	CU_ASSERT_EQUAL(wrong + twice, 0);
	expect_no_drops();
	tb_free(&tb);
}

static void test_build_failures(void)
{
	struct tb_circuit *c;
	const u32 to_unknown[] = {1, 2, 3};
	const u32 back_again[] = {1, 2, 1};

	begin(4, 4, 2);
	/* 1: host 2 has no link to host 3 */
	tb_link_delete(&tb, 2, 3);
	tb_run(&tb, TB_S);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, to_unknown, 3));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_NO_LINK);
	CU_ASSERT_EQUAL(tb.host[2].event_count[FOG_EVENT_LINK_WANTED], 1);
	/* 2: the first hop is unknown to our own data plane */
	tb_link_delete(&tb, 0, 3);
	tb_run(&tb, TB_S);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3 + 2, 1));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_NO_LINK);
	/* 3: not back where it came from (the client library refuses to ask) */
	struct fog_circuit_hop hop[3];
	memset(hop, 0, sizeof(hop));
	for (u32 i = 0; i < 3; i++)
		memcpy(hop[i].node_id, tb.host[back_again[i]].node_id, 32);
	struct fog_circuit own;
	CU_ASSERT_EQUAL(fog_circuit_init(&own, 1, hop, 3, &tb.rng), -EINVAL);
	/* 4: the last hop is dead but its link not yet known to be */
	tb_host_kill(&tb, 3);
	u64 start = tb.now;
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, (const u32[]){1, 3}, 2));
	CU_ASSERT_TRUE(c->reason == FOG_REASON_TIMEOUT || c->reason == FOG_REASON_LINK_LOST);
	CU_ASSERT_TRUE(tb.now - start < 6 * TB_S);
	tb_run(&tb, TB_S);
	expect_clean();
	tb_free(&tb);
}

static struct tb_circuit *watched;

static u16 lose_from, lose_to;
static u32 lose_count;

/* Lose the first cells between two hosts once the first hop is there. */
static bool lose(void *arg, const struct fog_address *from, const struct fog_address *to, u8 *data,
		 u32 *length)
{
	(void)arg;
	(void)data;
	(void)length;
	if (watched == NULL || watched->state.ready < 1 || from->port != lose_from ||
	    to->port != lose_to || lose_count == 0)
		return true;
	lose_count--;
	return false;
}

static bool is_built(struct tb *t)
{
	(void)t;
	return watched->built || watched->closed;
}

/* EXTEND or EXTENDED is lost, or late: the client asks again, the hop answers again, once. */
static void test_lost_extend(void)
{
	const struct fog_sim_path far = {.delay_ns = 700 * TB_MS, .jitter_ns = 100 * TB_MS};

	for (u32 k = 0; k < 3; k++) {
		begin(40 + k, 4, 1 + k);
		if (k == 2)
			fog_sim_set_default(tb.sim, &far);
		watched = NULL;
		lose_from = k == 0 ? 4000 : 4001;
		lose_to = k == 0 ? 4001 : 4000;
		lose_count = k == 2 ? 0 : 2;
		fog_sim_set_tap(tb.sim, lose, NULL);
		watched = tb_open(&tb, 0, path3, 3);
		CU_ASSERT_TRUE(tb_run_until(&tb, is_built, 12 * TB_S));
		CU_ASSERT_TRUE(watched->built);
		CU_ASSERT_EQUAL(lose_count, 0);
		if (k == 2) /* answers to the copies came, too late to matter */
			CU_ASSERT_TRUE(watched->state.drops.replay > 0);
		send_numbers(watched, 0, 20);
		tb_run(&tb, 6 * TB_S);
		CU_ASSERT_EQUAL(back_count, 20);
		CU_ASSERT_FALSE(watched->closed);
		/* Nobody keeps answers longer than needed. */
		for (u32 i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(tb_pending(&tb, i), 0);
		CU_ASSERT_EQUAL(tb_halves(&tb, 1), 2);
		tb_close(&tb, watched);
		tb_run(&tb, 5 * TB_S);
		expect_clean();
		tb_free(&tb);
	}
}

static void test_wrong_onion_key(void)
{
	struct tb_circuit *c;

	begin(5, 3, 1);
	u8 right[32];
	memcpy(right, tb.host[2].onion_pk, 32);
	memcpy(tb.host[2].onion_pk, tb.host[1].onion_pk, 32);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3, 2));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_HANDSHAKE);
	CU_ASSERT_EQUAL(tb_drops(&tb, 2, FOG_DROP_CREATE_AUTH), 1);
	memcpy(tb.host[2].onion_pk, right, 32);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 2));
	tb_close(&tb, c);
	tb_run(&tb, TB_S);
	expect_clean();
	tb_free(&tb);
}

static void test_policy(void)
{
	struct tb_circuit *c;
	struct fog_snapshot good;

	begin(6, 3, 1);
	good = tb.host[1].policy;
	/* 1: draining */
	tb.host[1].policy.features = FOG_FEATURE_DRAIN;
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3, 2));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_DRAINING);
	CU_ASSERT_EQUAL(tb_drops(&tb, 1, FOG_DROP_CREATE_REFUSED), 1);
	/* 2: the lease ran out */
	tb.host[1].policy = good;
	tb.host[1].policy.lease_ns = tb.now - 1;
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3, 2));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_DRAINING);
	/* 3: no room: one circuit needs two halves */
	tb.host[1].policy = good;
	tb.host[1].policy.circuits_max = 1;
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3, 2));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_RESOURCE);
	CU_ASSERT_EQUAL(tb_drops(&tb, 1, FOG_DROP_CIRCUIT_FULL), 1);
	/* 4: two a second and no more */
	tb.host[1].policy = good;
	tb.host[1].policy.creates_per_second = 2;
	tb.host[1].policy.creates_burst = 2;
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 1));
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 1));
	CU_ASSERT_FALSE(tb_open_wait(&tb, &c, 0, path3, 1));
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_RESOURCE);
	tb_run(&tb, TB_S);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 1));
	/* 5: what exists goes on while draining */
	tb.host[1].policy.features = FOG_FEATURE_DRAIN;
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	send_numbers(c, 0, 10);
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(back_count, 10);
	tb_free(&tb);
}

static void test_idle(void)
{
	struct tb_circuit *c, *busy;

	for (u32 workers = 1; workers <= 2; workers++) {
		begin(7, 4, workers);
		for (u32 i = 0; i < 4; i++) {
			tb.host[i].policy.circuit_idle_ms = 3000;
			tb_policy(&tb, i);
		}
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &busy, 0, path3, 3));
		busy->tag = 1;
		reply_too = false; /* one way only: the other half is idle all the time */
		for (u32 n = 0; n < 10; n++) {
			send_numbers(busy, n, 1);
			tb_run(&tb, TB_S);
		}
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_EQUAL(c->reason, FOG_REASON_IDLE);
		CU_ASSERT_FALSE(busy->closed);
		CU_ASSERT_EQUAL(there_count, 10);
		tb_run(&tb, 10 * TB_S);
		CU_ASSERT_TRUE(busy->closed);
		expect_clean();
		tb_free(&tb);
	}
}

static void test_terminus_closes(void)
{
	struct tb_circuit *c;

	for (u32 workers = 1; workers <= 3; workers++) {
		begin(8, 4, workers);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		send_numbers(c, 0, 1);
		tb_run(&tb, TB_S);
		tb_terminus_close(&tb, 3, tb.host[3].last_handle);
		tb_run(&tb, TB_S);
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_EQUAL(c->reason, FOG_REASON_REQUESTED);
		CU_ASSERT_EQUAL(tb.host[3].closes, 0);
		expect_clean();
		/* What comes too late is dropped and counted. */
		CU_ASSERT_EQUAL(tb_reply(&tb, 3, tb.host[3].last_handle, "late", 4), 0);
		tb_run(&tb, 100 * TB_MS);
		CU_ASSERT_EQUAL(tb_drops(&tb, 3, FOG_DROP_CIRCUIT), 1);
		tb_free(&tb);
	}
}

static void test_edge_detach(void)
{
	struct tb_circuit *c, *d, *other;

	for (u32 workers = 1; workers <= 3; workers++) {
		begin(9, 4, workers);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &d, 3, (const u32[]){2, 1}, 2));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &other, 1, (const u32[]){3, 0}, 2));
		d->tag = 1;
		other->tag = 2;
		send_numbers(c, 0, 1);
		send_numbers(d, 0, 1);
		tb_run(&tb, TB_S);
		/* Host 3 loses its edge: c ends there, d starts there, other only passes. */
		tb_edge_detach(&tb, 3);
		tb_run(&tb, TB_S);
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_EQUAL(c->reason, FOG_REASON_NO_EDGE);
		CU_ASSERT_EQUAL(tb.host[1].closes, 1);
		CU_ASSERT_EQUAL(tb.host[3].event_count[FOG_EVENT_EDGE_DOWN], 1);
		send_numbers(other, 0, 5);
		tb_run(&tb, TB_S);
		CU_ASSERT_FALSE(other->closed);
		CU_ASSERT_EQUAL(other->received, 5);
		/* A circuit to a host without an edge is built, but its first datagram ends it. */
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		send_numbers(c, 1, 1);
		tb_run(&tb, TB_S);
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_EQUAL(c->reason, FOG_REASON_NO_EDGE);
		CU_ASSERT_EQUAL(tb_drops(&tb, 3, FOG_DROP_NO_EDGE), 1);
		tb_edge_attach(&tb, 3);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		send_numbers(c, 2, 1);
		tb_run(&tb, TB_S);
		CU_ASSERT_EQUAL(c->received, 1);
		/* A new edge in place of the old, without a pause. */
		tb_edge_attach(&tb, 3);
		tb_run(&tb, TB_S);
		CU_ASSERT_TRUE(c->closed);
		tb_close(&tb, other);
		tb_run(&tb, TB_S);
		expect_clean();
		tb_free(&tb);
	}
}

static void test_restart(void)
{
	struct tb_circuit *c, *safe;

	for (u32 victim = 0; victim < 4; victim++) {
		begin(20 + victim, 5, 1 + victim % 3);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &safe, 4, (const u32[]){(victim + 1) % 4}, 1));
		safe->tag = 1;
		tb_host_kill(&tb, victim);
		tb_run(&tb, 300 * TB_MS);
		tb_host_start(&tb, victim);
		tb_generation_begin(&tb, victim);
		for (u32 b = 0; b < 5; b++)
			if (b != victim)
				tb_link(&tb, victim, b);
		tb_generation_end(&tb, victim);
		/* The neighbours still have sessions; they learn of the new boot id at once. */
		tb_run(&tb, 4 * TB_S);
		for (u32 b = 0; b < 5; b++)
			if (b != victim) {
				CU_ASSERT_TRUE(tb_link_up(&tb, victim, b));
				CU_ASSERT_TRUE(tb_link_up(&tb, b, victim));
			}
		CU_ASSERT_TRUE(c->closed);
		if (victim != 0)
			CU_ASSERT_EQUAL(c->reason, FOG_REASON_LINK_LOST);
		CU_ASSERT_FALSE(safe->closed);
		send_numbers(safe, 0, 5);
		tb_run(&tb, TB_S);
		CU_ASSERT_EQUAL(safe->received, 5);
		tb_close(&tb, safe);
		tb_forget(c);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		c->tag = 2;
		send_numbers(c, 0, 5);
		tb_run(&tb, TB_S);
		CU_ASSERT_EQUAL(c->received, 5);
		tb_close(&tb, c);
		tb_run(&tb, TB_S);
		expect_clean();
		tb_free(&tb);
	}
}

static void test_dead_link(void)
{
	struct tb_circuit *c;
	const struct fog_sim_path cut = {.cut = true}, good = {.delay_ns = TB_MS};

	begin(30, 4, 2);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
	fog_sim_set_path(tb.sim, 4001, 4002, &cut);
	fog_sim_set_path(tb.sim, 4002, 4001, &cut);
	tb_run(&tb, 7 * TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 1, 2));
	CU_ASSERT_FALSE(tb_link_up(&tb, 2, 1));
	CU_ASSERT_TRUE(c->closed);
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_LINK_LOST);
	expect_clean();
	fog_sim_set_path(tb.sim, 4001, 4002, &good);
	fog_sim_set_path(tb.sim, 4002, 4001, &good);
	tb_run(&tb, 7 * TB_S);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 2));
	CU_ASSERT_TRUE(tb_link_up(&tb, 2, 1));
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
	tb_free(&tb);
}

static void test_rekey(void)
{
	struct tb_circuit *c;

	begin(31, 4, 2);
	for (u32 i = 0; i < 4; i++) {
		tb.host[i].policy.rekey_ms = 1000;
		tb_policy(&tb, i);
	}
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
	/* Sessions that are up got their times before. */
	for (u32 i = 0; i < 4; i++)
		for (u32 b = 0; b < 4; b++)
			if (i != b) {
				struct fog_worker *w = tb.host[i].dp->worker[(b + 1) % 2];
				w->links[b + 1].session[FOG_SESSION_CURRENT].rekey_ns = tb.now;
			}
	for (u32 n = 0; n < 200; n++) {
		send_numbers(c, n, 1);
		tb_run(&tb, 50 * TB_MS);
	}
	tb_run(&tb, TB_S);
	/* Ten seconds, a handshake each: nothing was lost, nobody went down. */
	CU_ASSERT_EQUAL(back_count, 200);
	for (u32 i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(tb.host[i].event_count[FOG_EVENT_LINK_DOWN], 0);
		CU_ASSERT_TRUE(tb_counter(&tb, i, handshakes_link) > 3 * 7);
		CU_ASSERT_EQUAL(tb_drops(&tb, i, FOG_DROP_NO_SESSION), 0);
		CU_ASSERT_EQUAL(tb_drops(&tb, i, FOG_DROP_LINK_EXPIRED), 0);
	}
	tb_free(&tb);
}

static void test_commands(void)
{
	struct tb_circuit *c, *d;

	for (u32 workers = 1; workers <= 3; workers++) {
		begin(32, 4, workers);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, path3, 3));
		CU_ASSERT_TRUE(tb_open_wait(&tb, &d, 0, (const u32[]){2, 3}, 2));
		/* The control plane of host 2 comes back and no longer wants host 1. */
		u64 opened = tb.host[2].event_count[FOG_EVENT_CIRCUIT_OPENED];
		tb_control_attach(&tb, 2);
		tb_generation_begin(&tb, 2);
		tb_link(&tb, 2, 0);
		tb_link(&tb, 2, 3);
		tb_generation_end(&tb, 2);
		u64 swept = tb.host[2].event_count[FOG_EVENT_SWEPT];
		/* Host 1 is not told; it notices the silence. */
		tb_run(&tb, 7 * TB_S);
		CU_ASSERT_EQUAL(tb.host[2].event_count[FOG_EVENT_SWEPT], swept + workers);
		CU_ASSERT_TRUE(tb_link_up(&tb, 2, 0));
		CU_ASSERT_FALSE(tb_link_up(&tb, 2, 1));
		CU_ASSERT_TRUE(tb_link_up(&tb, 2, 3));
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_FALSE(d->closed);
		/* The circuit that lives is announced again. */
		CU_ASSERT_EQUAL(tb.host[2].event_count[FOG_EVENT_CIRCUIT_OPENED], opened + 1);
		const struct fog_event *e = NULL;
		for (u32 i = 0; i < tb.host[2].event_total; i++)
			if (tb.host[2].event[i].type == FOG_EVENT_CIRCUIT_OPENED)
				e = &tb.host[2].event[i];
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		d->tag = 1;
		send_numbers(d, 0, 5);
		tb_run(&tb, TB_S);
		CU_ASSERT_EQUAL(d->received, 5);
		/* Closed by name. */
		struct fog_command k = {.type = FOG_COMMAND_CIRCUIT_CLOSE,
					.link_id = e->link_id,
					.circuit_id = e->circuit_id};
		tb_command(&tb, 2, e->link_id % workers, &k);
		tb_run(&tb, TB_S);
		CU_ASSERT_TRUE(d->closed);
		CU_ASSERT_EQUAL(d->reason, FOG_REASON_REQUESTED);
		expect_clean();
		/* Nobody there: traffic goes on, events are lost and counted. */
		tb_control_detach(&tb, 2);
		CU_ASSERT_TRUE(tb_open_wait(&tb, &d, 0, (const u32[]){2, 3}, 2));
		CU_ASSERT_TRUE(tb_counter(&tb, 2, events_lost) > 0);
		tb_free(&tb);
	}
}

static void test_bad_commands(void)
{
	begin(33, 3, 2);
	const u8 *n1 = tb.host[1].node_id, *k1 = tb.host[1].link_pk;
	const struct fog_command good = {.type = FOG_COMMAND_LINK_SET,
					 .link_id = 8,
					 .generation = 1,
					 .address = {[10] = 0xff, [11] = 0xff, [12] = 10},
					 .port = 1};
	struct {
		int no;
		struct fog_command c;
		u8 node; /* filler of node_id, 0 = zero */
		u8 key;  /* filler of link_pk */
		u64 seq_add;
		int want;
	} cases[] = {
		{1, good, 0, 2, 0, EINVAL},     {2, good, 2, 0, 0, EINVAL},
		{3, good, 2, 2, 5, EBADMSG},    {4, good, 2, 2, 0, EINVAL},
		{5, good, 2, 2, 0, ENOSPC},     {6, good, 2, 2, 0, EINVAL},
		{7, good, 2, 2, 0, EINVAL},     {8, good, 2, 2, 0, ESTALE},
		{9, good, 2, 2, 0, EOPNOTSUPP}, {10, good, 2, 2, 0, EBADMSG},
		{11, good, 1, 2, 0, EEXIST},    {12, good, 9, 1, 0, EEXIST},
		{13, good, 3, 2, 0, EINVAL},    {14, good, 2, 3, 0, EINVAL},
		{15, good, 2, 2, 0, ENOENT},    {16, good, 2, 2, 0, ENOENT},
		{17, good, 2, 2, 0, EINVAL},    {18, good, 2, 2, 0, EINVAL},
	};
	cases[3].c.link_id = 7;                     /* another worker's */
	cases[4].c.link_id = FOG_LINKS_MAX + 2;     /* too many */
	cases[5].c.port = 0;                        /* no port */
	memset(cases[6].c.address, 0, 16);          /* no address */
	cases[7].c.generation = 77;                 /* not the one begun */
	cases[8].c.type = 99;                       /* unknown */
	cases[9].c.flags = 1;                       /* reserved */
	cases[11].c.link_id = 2;                    /* in use by another node */
	cases[14].c.type = FOG_COMMAND_LINK_DELETE; /* no such link */
	cases[15].c.type = FOG_COMMAND_CIRCUIT_CLOSE;
	cases[15].c.circuit_id = 5;
	cases[16].c.type = FOG_COMMAND_GENERATION_END;
	cases[16].c.generation = 9; /* never begun */
	cases[17].c.type = FOG_COMMAND_GENERATION_BEGIN;
	cases[17].c.generation = 0;
	u64 applied = tb_counter(&tb, 0, commands_applied);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_command c = cases[i].c;
		memset(c.node_id, cases[i].node, 32);
		memset(c.link_pk, cases[i].key, 32);
		if (cases[i].node == 1)
			memcpy(c.node_id, n1, 32);
		if (cases[i].node == 3)
			memcpy(c.node_id, tb.host[0].node_id, 32);
		if (cases[i].key == 1)
			memcpy(c.link_pk, k1, 32);
		if (cases[i].key == 3)
			memcpy(c.link_pk, tb.host[0].link_pk, 32);
		tb_command(&tb, 0, 0, &c);
		/* Break the number after the fixture set it. */
		u64 head = atomic_load(&tb.host[0].control->command_head[0].head);
		tb.host[0].control->commands[0][(head - 1) % FOG_COMMAND_RING_COUNT].seq +=
			cases[i].seq_add;
		u64 rejected = tb.host[0].event_count[FOG_EVENT_COMMAND_REJECTED];
		tb_run(&tb, 20 * TB_MS);
		const struct fog_event *e =
			&tb.host[0].event[(tb.host[0].event_total - 1) % TB_EVENTS_MAX];
		CU_ASSERT_EQUAL(tb.host[0].event_count[FOG_EVENT_COMMAND_REJECTED], rejected + 1);
		if (e->reason != cases[i].want)
			printf("case %d: %d, not %d\n", cases[i].no, e->reason, cases[i].want);
		CU_ASSERT_EQUAL(e->reason, cases[i].want);
		CU_ASSERT_EQUAL(e->value, c.seq);
	}
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, commands_applied), applied);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, commands_rejected), FOG_ARRAY_COUNT(cases));
	/* A cursor that cannot be reads as an empty ring. */
	atomic_store(&tb.host[0].control->command_head[0].head, ~0ull / 2);
	tb_run(&tb, 100 * TB_MS);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, commands_rejected), FOG_ARRAY_COUNT(cases));
	tb_free(&tb);
}

static void test_bad_edge_slots(void)
{
	static const struct {
		int no;
		u32 handle;
		u8 kind;
		u16 length;
		u32 id;
		u8 command;
		u8 flags;
		u16 zero;
		enum fog_drop want;
	} cases[] = {
		{1, 5, 0, FOG_CELL_SIZE, 5, FOG_CELL_DATA, 0, 0, FOG_DROP_EDGE_FORMAT},
		{2, 5, 9, FOG_CELL_SIZE, 5, FOG_CELL_DATA, 0, 0, FOG_DROP_EDGE_FORMAT},
		{3, 5, FOG_EDGE_CELL, FOG_CELL_SIZE - 1, 5, FOG_CELL_DATA, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{4, 5, FOG_EDGE_CELL, 65535, 5, FOG_CELL_DATA, 0, 0, FOG_DROP_EDGE_FORMAT},
		{5, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 6, FOG_CELL_DATA, 0, 0, FOG_DROP_EDGE_FORMAT},
		{6, 0, FOG_EDGE_CELL, FOG_CELL_SIZE, 0, FOG_CELL_DATA, 0, 0, FOG_DROP_EDGE_FORMAT},
		{7, 0x80000005, FOG_EDGE_CELL, FOG_CELL_SIZE, 0x80000005, FOG_CELL_DATA, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{8, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_CREATE, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{9, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_KEEPALIVE, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{10, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_DATA, 1, 0, FOG_DROP_EDGE_FORMAT},
		{11, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_DATA, 0, 1, FOG_DROP_EDGE_FORMAT},
		{12, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_DATA, 0, 0, FOG_DROP_CIRCUIT},
		{13, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_DESTROY, 0, 0, FOG_DROP_CIRCUIT},
		{14, 5, FOG_EDGE_CELL, FOG_CELL_SIZE, 5, FOG_CELL_CREATE_VIA, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{15, 16, FOG_EDGE_DATAGRAM, 5, 0, 0, 0, 0, FOG_DROP_CIRCUIT},
		{16, 16, FOG_EDGE_DATAGRAM, 0, 0, 0, 0, 0, FOG_DROP_EDGE_FORMAT},
		{17, 16, FOG_EDGE_DATAGRAM, FOG_MSG_PAYLOAD_MAX + 1, 0, 0, 0, 0,
		 FOG_DROP_EDGE_FORMAT},
		{18, 31, FOG_EDGE_DATAGRAM, 5, 0, 0, 0, 0, FOG_DROP_CIRCUIT},
	};

	begin(34, 2, 1);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		const struct fog_cell_head head = {.id = cases[i].id,
						   .command = cases[i].command,
						   .flags = cases[i].flags,
						   .zero = cases[i].zero,
						   .sequence = 1};
		struct fog_edge_slot s = {.handle = cases[i].handle,
					  .kind = cases[i].kind,
					  .length = cases[i].length};
		memcpy(s.data, &head, sizeof(head));
		u64 before = tb_drops(&tb, 0, cases[i].want), all = tb_drops_all(&tb, 0);
		CU_ASSERT_EQUAL(tb_edge_slot(&tb, 0, &s), 0);
		tb_run(&tb, 20 * TB_MS);
		if (tb_drops(&tb, 0, cases[i].want) != before + 1)
			printf("case %d\n", cases[i].no);
		CU_ASSERT_EQUAL(tb_drops(&tb, 0, cases[i].want), before + 1);
		CU_ASSERT_EQUAL(tb_drops_all(&tb, 0), all + 1);
	}
	expect_clean();
	tb_free(&tb);
}

/* The edge does not read: datagrams are dropped and counted, closings are kept for it. */
static void test_slow_edge(void)
{
	struct tb_circuit *c;

	begin(35, 2, 1);
	CU_ASSERT_TRUE(tb_open_wait(&tb, &c, 0, (const u32[]){1}, 1));
	reply_too = false;
	send_numbers(c, 0, 1);
	tb_run(&tb, 100 * TB_MS);
	/* Block the fixture's reading by pretending the ring is elsewhere. */
	struct fog_ring from_dp = tb.host[1].from_dp;
	struct fog_ring_head still = {.head = from_dp.pos};
	tb.host[1].from_dp.head = &still;
	for (u32 n = 0; n < FOG_EDGE_RING_COUNT + 10; n += 32) {
		u8 p[FOG_MSG_PAYLOAD_MAX];
		for (u32 k = 0; k < 32; k++) {
			u32 length = fill(p, 1, (n + k) % NUMBERS_MAX);
			CU_ASSERT_EQUAL(tb_send(&tb, c, p, length), 0);
		}
		tb_run(&tb, 5 * TB_MS);
	}
	u64 full = tb_drops(&tb, 1, FOG_DROP_EDGE_FULL);
	CU_ASSERT_TRUE(full >= 10);
	tb_close(&tb, c);
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 0);
	from_dp.cached = from_dp.pos;
	tb.host[1].from_dp = from_dp;
	tb.on_datagram = NULL;
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(tb.host[1].closes, 1);
	CU_ASSERT_EQUAL(tb_drops(&tb, 1, FOG_DROP_EDGE_FULL), full);
	expect_clean();
	tb_free(&tb);
}

FOG_TEST_MAIN("sim/circuit", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_commands),
	      FOG_TEST(test_bad_edge_slots), FOG_TEST(test_spray), FOG_TEST(test_bad_networks),
	      FOG_TEST(test_ratchet), FOG_TEST(test_build_failures), FOG_TEST(test_lost_extend),
	      FOG_TEST(test_wrong_onion_key), FOG_TEST(test_policy), FOG_TEST(test_idle),
	      FOG_TEST(test_terminus_closes), FOG_TEST(test_edge_detach), FOG_TEST(test_restart),
	      FOG_TEST(test_dead_link), FOG_TEST(test_rekey), FOG_TEST(test_commands),
	      FOG_TEST(test_slow_edge))
