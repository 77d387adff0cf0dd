/* SPDX-License-Identifier: BSD-3-Clause */
/* Quotes, steps and auctions. The bar is a million quotes a second on one core; the limit measured
 * beside them is the hash of a record of the size of a quote, the least a signed quote costs. */
#include "bench/bench.h"

#include <time.h>

#include "controlplane/market/auction.h"
#include "controlplane/market/terms.h"
#include "crypto/hash/hash.h"
#include "crypto/random/random.h"

#define UNIT       1000000ull
#define QUOTES     1024
#define BAR_NS     1000.0 /* a million a second */
#define STEP_BAR   (30e9) /* a step has to be done before the next: ns */
#define ORDERS_BAR 1e8    /* of an auction of 1,024 orders: a tenth of a second */

static u64 cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

struct state {
	struct fog_market m;
	struct fog_rng rng;
	struct {
		enum fog_lane lane;
		u64 quantity, duration;
		i32 trust_ppm;
	} ask[QUOTES];
	i64 sum; /* so that nothing is left out */
};

static void market_fill(struct state *s)
{
	u64 now_ms = 1;

	fog_rng_init_u64(&s->rng, 1);
	FOG_ASSERT(fog_market_init(&s->m, FOG_STRATEGY_DYNAMIC, now_ms) == 0);
	/* A day of history in every lane. */
	for (u32 i = 0; i < FOG_HISTORY_SAMPLES_MAX; i++) {
		for (u32 l = 0; l < FOG_LANE_COUNT; l++)
			FOG_ASSERT(fog_market_observe(&s->m, (enum fog_lane)l, 1000 * UNIT,
						      fog_rng_below(&s->rng, 1500) * UNIT, 10,
						      200000) == 0);
		now_ms += FOG_MARKET_STEP_MS;
		FOG_ASSERT(fog_market_step(&s->m, now_ms) == 0);
	}
	for (u32 i = 0; i < QUOTES; i++) {
		s->ask[i].lane = (enum fog_lane)fog_rng_below(&s->rng, FOG_LANE_COUNT);
		s->ask[i].quantity = 1 + fog_rng_below(&s->rng, 2000 * UNIT);
		s->ask[i].duration = 24 * UNIT + fog_rng_below(&s->rng, 300 * UNIT);
		s->ask[i].trust_ppm = (i32)fog_rng_below(&s->rng, 1000001);
	}
}

static void quotes(void *arg, u64 rounds)
{
	struct state *s = arg;
	struct fog_quote q;
	u32 term, class;

	for (u64 i = 0; i < rounds; i++) {
		u32 k = (u32)(i % QUOTES);
		FOG_ASSERT(fog_market_quote(&s->m, s->ask[k].lane, s->ask[k].quantity,
					    s->ask[k].duration, s->ask[k].trust_ppm, i, &q) == 0);
		FOG_ASSERT(fog_market_terms(&q, FOG_TERM_RESERVED, FOG_SLA_S, &term, &class) == 0);
		s->sum += q.final_price;
	}
}

static void quote_hash(void *arg, u64 rounds)
{
	struct state *s = arg;
	u8 record[sizeof(struct fog_quote)] = {1}, hash[32];

	for (u64 i = 0; i < rounds; i++) {
		fog_store_u64(record, i);
		fog_hash_sha256(hash, record, sizeof(record));
		s->sum += hash[0];
	}
}

static void suite_step(struct bench *b, struct state *s)
{
	struct bench_case c = {.name = "market.step",
			       .unit = "ns/step",
			       .peer = "the time until the next step, 30 s"};
	double took[BENCH_SAMPLES_MAX];
	u64 now_ms = s->m.stepped_ms;

	for (unsigned i = 0; i < b->samples; i++) {
		u64 begin = cpu_ns();
		now_ms += FOG_MARKET_STEP_MS;
		FOG_ASSERT(fog_market_step(&s->m, now_ms) == 0);
		took[i] = (double)(cpu_ns() - begin);
	}
	bench_record(b, &c, took, b->samples, STEP_BAR);
}

static void suite_auction(struct bench *b, struct state *s)
{
	static struct fog_auction_entry entries[FOG_AUCTION_ORDERS_MAX];
	struct bench_case c = {.name = "market.auction_clear_1024",
			       .unit = "ns/auction",
			       .peer = "a tenth of a second"};
	double took[BENCH_SAMPLES_MAX];
	i64 price, volume = 0;

	for (unsigned i = 0; i < b->samples; i++) {
		for (u32 k = 0; k < FOG_AUCTION_ORDERS_MAX; k++) {
			entries[k] = (struct fog_auction_entry){.state = FOG_AUCTION_REVEALED,
								.sequence = k + 1};
			entries[k].order.side = k % 2 == 0 ? FOG_AUCTION_BID : FOG_AUCTION_ASK;
			entries[k].order.price = 100000 + (i64)fog_rng_below(&s->rng, 100000);
			entries[k].order.quantity = 1 + (i64)fog_rng_below(&s->rng, 100);
		}
		u64 begin = cpu_ns();
		fog_auction_match(entries, FOG_AUCTION_ORDERS_MAX, &price, &volume);
		took[i] = (double)(cpu_ns() - begin);
		FOG_ASSERT(volume > 0);
	}
	bench_record(b, &c, took, b->samples, ORDERS_BAR);
}

void bench_suite_market(struct bench *b)
{
	struct bench_case c = {.name = "market.quote",
			       .unit = "ns/quote",
			       .peer = "the bar: a million quotes a second"};
	double took[BENCH_SAMPLES_MAX];

	if (!bench_wanted(b, "market"))
		return;
	struct state *s = calloc(1, sizeof(*s));
	FOG_ASSERT(s != NULL);
	market_fill(s);
	for (unsigned i = 0; i < b->samples; i++) {
		u64 begin = cpu_ns();
		quotes(s, 1000000);
		took[i] = (double)(cpu_ns() - begin) / 1e6;
	}
	bench_record(b, &c, took, b->samples, BAR_NS);
	c = (struct bench_case){.name = "market.quote_limit",
				.unit = "ns/quote",
				.peer = "SHA-256 of a record of its size: the least of signing it",
				.ours = quotes,
				.theirs = quote_hash,
				.ours_arg = s,
				.theirs_arg = s};
	bench_run(b, &c);
	suite_step(b, s);
	suite_auction(b, s);
	free(s);
}
