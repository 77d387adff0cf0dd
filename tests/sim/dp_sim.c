/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight data planes under everything at once: a bad network, hosts that die and come back, links
 *cut and deleted, control planes and edges that come and go, circuits all the time.
 *
 *	dp_sim [--seed N] [--seeds M] [--seconds S]
 *
 * Whatever happens: what is delivered is what was sent, at most once; no circuit is blamed on a
 * relay; every datagram is accounted for; and when all circuits are closed nothing of them is left.
 * A run is a function of its seed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/testbed.h"

#define HOSTS       8
#define SERIALS_MAX 4096 /* circuits of one run */
#define NUMBERS_MAX 512  /* datagrams of one circuit */
#define SETTLE_NS   (30 * TB_S)

static struct tb tb;
static struct fog_rng rng;
static u8 there[SERIALS_MAX][NUMBERS_MAX], back[SERIALS_MAX][NUMBERS_MAX];
static u32 next_number[TB_CIRCUITS_MAX], serials;
static u64 sent, arrived, returned, built, failures;
static u64 dead_tx, dead_rx; /* of instances that were killed */
static bool deleted[HOSTS][HOSTS];
static char what[256];

#define EXPECT(cond, ...)                                                              \
	do {                                                                           \
		if (!(cond)) {                                                         \
			snprintf(what, sizeof(what), __VA_ARGS__);                     \
			printf("\nfailed: %s: %s (line %d)\n", #cond, what, __LINE__); \
			failures++;                                                    \
		}                                                                      \
	} while (0)

static u64 below(u64 bound)
{
	return fog_rng_below(&rng, bound);
}

static u32 fill(u8 *p, u32 serial, u32 number)
{
	u32 length = 8 + (serial * 131 + number * 7919) % (FOG_MSG_PAYLOAD_MAX - 7);

	fog_store_u32(p, serial);
	fog_store_u32(p + 4, number);
	for (u32 i = 8; i < length; i++)
		p[i] = (u8)((number * 31 + serial * 7 + i) * 2654435761u >> 24);
	return length;
}

static void arrive(struct tb *t, struct tb_host *h, struct tb_circuit *c, u32 handle,
		   const u8 *data, u32 length)
{
	u8 want[FOG_MSG_PAYLOAD_MAX];
	u32 serial = SERIALS_MAX, number = NUMBERS_MAX;

	if (length >= 8) {
		serial = fog_load_u32(data);
		number = fog_load_u32(data + 4);
	}
	bool same = serial < SERIALS_MAX && number < NUMBERS_MAX &&
		    fill(want, serial, number) == length && memcmp(want, data, length) == 0;
	EXPECT(same, "host %u got something nobody sent", h->index);
	if (!same)
		return;
	EXPECT(c == NULL || c->tag == serial, "datagram of circuit %u on %u", serial, c->tag);
	u8 *seen = c == NULL ? &there[serial][number] : &back[serial][number];
	EXPECT(*seen == 0, "datagram %u of circuit %u twice", number, serial);
	*seen = 1;
	if (c != NULL) {
		returned++;
		return;
	}
	arrived++;
	if (below(4) != 0)
		(void)tb_reply(t, h->index, handle, data, length);
}

/* ---- things that happen ------------------------------------------------------------------- */

static void open_circuit(void)
{
	u32 path[HOSTS], hops = 1 + (u32)below(4), self = (u32)below(HOSTS);

	if (!tb.host[self].alive || serials == SERIALS_MAX)
		return;
	for (u32 i = 0; i < HOSTS; i++)
		path[i] = i;
	for (u32 i = HOSTS; i > 1; i--) {
		u32 j = (u32)below(i), t = path[i - 1];
		path[i - 1] = path[j];
		path[j] = t;
	}
	for (u32 i = 0; i < HOSTS; i++)
		if (path[i] == self) {
			path[i] = path[HOSTS - 1];
			break;
		}
	struct tb_circuit *c = tb_open(&tb, self, path, hops);
	if (c == NULL)
		return;
	c->tag = serials++;
	next_number[c - tb.circuit] = 0;
}

static void use_circuits(void)
{
	u8 p[FOG_MSG_PAYLOAD_MAX];

	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++) {
		struct tb_circuit *c = &tb.circuit[k];
		if (!c->used)
			continue;
		if (c->closed) {
			built += c->built;
			tb_forget(c);
			continue;
		}
		if (!c->built)
			continue;
		for (u32 n = (u32)below(6); n > 0 && next_number[k] < NUMBERS_MAX; n--) {
			u32 length = fill(p, c->tag, next_number[k]);
			if (tb_send(&tb, c, p, length) < 0)
				break;
			next_number[k]++;
			sent++;
		}
		if (below(60) == 0)
			tb_close(&tb, c);
	}
}

static void set_links(u32 i)
{
	tb_generation_begin(&tb, i);
	for (u32 b = 0; b < HOSTS; b++)
		if (b != i && !deleted[i][b])
			tb_link(&tb, i, b);
	tb_generation_end(&tb, i);
}

static void kill_host(u32 i)
{
	dead_tx += tb_counter(&tb, i, dgrams_tx);
	dead_rx += tb_counter(&tb, i, dgrams_rx);
	tb_host_kill(&tb, i);
}

static void start_host(u32 i)
{
	tb_host_start(&tb, i);
	set_links(i);
}

static void weather(bool good)
{
	struct fog_sim_path p = {.delay_ns = TB_MS + below(30) * TB_MS};

	if (!good) {
		p.jitter_ns = below(3) * 20 * TB_MS;
		p.loss = (u32)below(3) * 20000;
		p.duplicate = (u32)below(3) * 50000;
		p.corrupt = (u32)below(3) * 10000;
	}
	fog_sim_set_default(tb.sim, &p);
}

static void cut(u32 a, u32 b, bool off)
{
	struct fog_sim_path p = {.delay_ns = 5 * TB_MS, .cut = off};

	fog_sim_set_path(tb.sim, tb.host[a].address.port, tb.host[b].address.port, &p);
	if (below(3) != 0 || !off)
		fog_sim_set_path(tb.sim, tb.host[b].address.port, tb.host[a].address.port, &p);
}

static void toggle_edge(u32 i)
{
	if (tb.host[i].tx != NULL && below(2) == 0)
		tb_edge_detach(&tb, i);
	else
		tb_edge_attach(&tb, i);
}

static void toggle_control(u32 i)
{
	if (tb.host[i].control != NULL && below(2) == 0) {
		tb_control_detach(&tb, i);
		return;
	}
	tb_control_attach(&tb, i);
	set_links(i);
}

static void toggle_policy(u32 i)
{
	struct tb_host *h = &tb.host[i];

	if (h->control == NULL)
		return;
	h->policy.features ^= below(3) == 0 ? FOG_FEATURE_DRAIN : 0;
	h->policy.creates_per_second = below(2) == 0 ? 0 : 5;
	h->policy.creates_burst = 5;
	h->policy.rekey_ms = below(2) == 0 ? 0 : 3000;
	tb_policy(&tb, i);
}

static void event(void)
{
	u32 a = (u32)below(HOSTS), b = (a + 1 + (u32)below(HOSTS - 1)) % HOSTS;

	if (!tb.host[a].alive) {
		if (below(3) == 0)
			start_host(a);
		return;
	}
	switch (below(9)) {
	case 0:
		kill_host(a);
		break;
	case 1:
		weather(false);
		break;
	case 2:
		cut(a, b, true);
		break;
	case 3:
	case 4:
		cut(a, b, false);
		break;
	case 5:
		toggle_edge(a);
		break;
	case 6:
		toggle_control(a);
		break;
	case 7:
		toggle_policy(a);
		break;
	default:
		if (tb.host[a].control == NULL)
			break;
		deleted[a][b] = !deleted[a][b];
		set_links(a);
		break;
	}
}

/* ---- one run ------------------------------------------------------------------------------ */

static void heal(void)
{
	const struct fog_sim_path good = {.delay_ns = TB_MS};

	fog_sim_set_default(tb.sim, &good);
	memset(deleted, 0, sizeof(deleted));
	for (u32 i = 0; i < HOSTS; i++) {
		for (u32 b = 0; b < HOSTS; b++)
			fog_sim_set_path(tb.sim, tb.host[i].address.port, tb.host[b].address.port,
					 &good);
		if (!tb.host[i].alive)
			tb_host_start(&tb, i);
		if (tb.host[i].control == NULL)
			tb_control_attach(&tb, i);
		if (tb.host[i].tx == NULL)
			tb_edge_attach(&tb, i);
		tb.host[i].policy.features = 0;
		tb.host[i].policy.creates_per_second = 0;
		tb.host[i].policy.circuit_idle_ms = 3000;
		tb_policy(&tb, i);
		set_links(i);
	}
	for (u32 k = 0; k < TB_CIRCUITS_MAX; k++)
		if (tb.circuit[k].used)
			tb_close(&tb, &tb.circuit[k]);
}

static void check_end(void)
{
	struct fog_sim_stats s;
	u64 tx = dead_tx, rx = dead_rx;

	for (u32 i = 0; i < HOSTS; i++) {
		EXPECT(tb_halves(&tb, i) == 0, "host %u keeps %" PRIu64 " halves", i,
		       tb_halves(&tb, i));
		EXPECT(tb_slots_out(&tb, i) == 0, "host %u keeps %" PRIu64 " cells", i,
		       tb_slots_out(&tb, i));
		EXPECT(tb_pending(&tb, i) == 0, "host %u keeps %" PRIu64 " builds", i,
		       tb_pending(&tb, i));
		EXPECT(tb_counter(&tb, i, circuits_opened) == tb_counter(&tb, i, circuits_closed),
		       "host %u", i);
		EXPECT(tb_drops(&tb, i, FOG_DROP_INTEGRITY) == 0, "host %u", i);
		EXPECT(tb.host[i].event_count[FOG_EVENT_CIRCUIT_TAGGED] == 0, "host %u", i);
		for (u32 b = 0; b < HOSTS; b++)
			EXPECT(i == b || tb_link_up(&tb, i, b), "link %u-%u is down", i, b);
		tx += tb_counter(&tb, i, dgrams_tx);
		rx += tb_counter(&tb, i, dgrams_rx);
	}
	/* What is still under way: pings. */
	u64 wait = 0;
	while (fog_sim_next(tb.sim) != UINT64_MAX && wait < 100) {
		u64 one = fog_sim_next(tb.sim) - tb.now;
		tb_run(&tb, one);
		wait++;
	}
	fog_sim_stats(tb.sim, &s);
	tx = dead_tx;
	rx = dead_rx;
	for (u32 i = 0; i < HOSTS; i++) {
		tx += tb_counter(&tb, i, dgrams_tx);
		rx += tb_counter(&tb, i, dgrams_rx);
	}
	EXPECT(tx == s.sent, "%" PRIu64 " sent, %" PRIu64 " counted", s.sent, tx);
	EXPECT(rx == s.delivered, "%" PRIu64 " delivered, %" PRIu64 " counted", s.delivered, rx);
	EXPECT(s.sent + s.duplicated == s.delivered + s.lost + s.cut + s.overflow + s.unreachable,
	       "of %" PRIu64, s.sent);
}

static void run(u64 seed, u32 seconds)
{
	fog_rng_init_u64(&rng, seed);
	memset(there, 0, sizeof(there));
	memset(back, 0, sizeof(back));
	memset(deleted, 0, sizeof(deleted));
	serials = 0;
	sent = arrived = returned = built = dead_tx = dead_rx = 0;
	tb_init(&tb, seed, HOSTS, 1 + (u32)(seed % 3), 256);
	tb.on_datagram = arrive;
	fog_sim_set_spray(tb.sim, below(2) == 0);
	EXPECT(tb_mesh(&tb), "no mesh at the start");
	u64 end = tb.now + seconds * TB_S;
	while (tb.now < end) {
		if (below(3) != 0)
			open_circuit();
		use_circuits();
		if (below(12) == 0)
			event();
		tb_run(&tb, (1 + below(100)) * TB_MS);
	}
	use_circuits();
	heal();
	tb_run(&tb, SETTLE_NS);
	check_end();
	tb_free(&tb);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"seeds", required_argument, NULL, 'n'},
						{"seconds", required_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	u64 seed = 1, seeds = 5;
	u32 seconds = 20;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			seeds = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = (u32)strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: dp_sim [--seed N] [--seeds M] [--seconds S]\n");
			return 2;
		}
	}
	for (u64 s = seed; s < seed + seeds; s++) {
		run(s, seconds);
		printf("seed %" PRIu64 ": %u circuits, %" PRIu64 " built; %" PRIu64
		       " sent, %" PRIu64 " arrived, %" PRIu64 " returned\n",
		       s, serials, built, sent, arrived, returned);
		if (failures != 0) {
			printf("failed; again with --seed %" PRIu64 " --seeds 1\n", s);
			return 1;
		}
		/* A simulation in which nothing works would prove nothing. */
		if (built < 3 || arrived < 50) {
			printf("too little happened\n");
			return 1;
		}
	}
	if (seeds > 1) {
		/* The same seed, the same run. */
		u64 first[2];
		for (u32 i = 0; i < 2; i++) {
			run(seed, seconds);
			first[i] = sent * 1000003 + arrived * 1009 + returned;
		}
		if (first[0] != first[1]) {
			printf("seed %" PRIu64 " does not repeat\n", seed);
			return 1;
		}
	}
	printf("all seeds passed\n");
	return 0;
}
