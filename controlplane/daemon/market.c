/* SPDX-License-Identifier: BSD-3-Clause */
/* Supply and demand from what hosts report, steps, and the store. */
#include "controlplane/daemon/market.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/jobs/runtime.h"

#define GIB             (1ull << 30)
#define OBSERVE_FIRST_S 1.0 /* so that there is something to see soon after a start */

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE market_sample("
	    " lane TEXT NOT NULL, time_ms INTEGER NOT NULL, price INTEGER NOT NULL,"
	    " pressure INTEGER NOT NULL, utilization_ppm INTEGER NOT NULL,"
	    " PRIMARY KEY(lane, time_ms));"
	    "CREATE TABLE market_breaker("
	    " lane TEXT PRIMARY KEY, state INTEGER NOT NULL, manipulated INTEGER NOT NULL,"
	    " until_ms INTEGER NOT NULL, open_ms INTEGER NOT NULL);"
	    "CREATE TABLE market_auction("
	    " id INTEGER PRIMARY KEY, lane TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	    " cleared INTEGER NOT NULL, data BLOB NOT NULL)"},
	/* Auctions before there was money in them are forgotten. paid < 0: not yet. */
	{2, "DELETE FROM market_auction;"
	    "CREATE TABLE market_sale("
	    " auction INTEGER NOT NULL, number INTEGER NOT NULL, payer TEXT NOT NULL,"
	    " space TEXT NOT NULL, seller BLOB NOT NULL, units INTEGER NOT NULL,"
	    " amount INTEGER NOT NULL, reservation TEXT NOT NULL, start_ms INTEGER NOT NULL,"
	    " end_ms INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,"
	    " paid INTEGER NOT NULL, PRIMARY KEY(auction, number));"
	    "CREATE INDEX market_sale_open ON market_sale(auction) WHERE paid < 0"},
};

/* ---- what there is and what is asked for ---------------------------------------------------- */

struct side {
	u64 cpu, memory, disk, tee, gpu; /* millionths of a unit */
};

static u64 gib(u64 bytes)
{
	return (u64)((unsigned __int128)bytes * FOG_MARKET_PPM / GIB);
}

struct crowd {
	u32 accounts;
	u64 largest; /* millicores of the largest account of any host, at least */
	u64 total;
};

static void demand_add(const struct fog_load *l, struct side *demand, struct crowd *crowd)
{
	demand->cpu += (u64)l->cpu_millicores * 1000;
	demand->memory += gib(l->memory_bytes);
	demand->disk += gib(l->disk_bytes);
	demand->tee += l->attested_millicores * 1000;
	demand->gpu += (u64)l->accelerators * FOG_MARKET_PPM;
	crowd->accounts += l->accounts;
	crowd->total += l->cpu_millicores;
	crowd->largest =
		FOG_MAX(crowd->largest, (u64)l->cpu_millicores * l->largest_ppm / FOG_MARKET_PPM);
}

static void observe(struct fog_host *h)
{
	struct side supply = {0}, demand = {0};
	struct crowd crowd = {0};

	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (d->roles & FOG_ROLE_WORKER) {
			supply.cpu += (u64)d->cpu_millicores * 1000;
			supply.memory += gib(d->memory_bytes);
			supply.disk += gib(d->disk_bytes);
			supply.gpu += (u64)d->accelerator_count * FOG_MARKET_PPM;
			if (d->tee_vendor[0] != '\0' &&
			    fog_host_tee_shown(h, d->node_id, d->tee_vendor))
				supply.tee += (u64)d->cpu_millicores * 1000;
		}
		if (d->report.has_load)
			demand_add(&d->report.load, &demand, &crowd);
	}
	u32 largest = crowd.total != 0 ? (u32)FOG_MIN(crowd.largest * FOG_MARKET_PPM / crowd.total,
						      FOG_MARKET_PPM)
				       : 0;
	const struct {
		enum fog_lane lane;
		u64 supply, demand;
	} told[] = {
		{FOG_LANE_CPU, supply.cpu, demand.cpu},
		{FOG_LANE_MEMORY, supply.memory, demand.memory},
		{FOG_LANE_STORAGE, supply.disk, demand.disk},
		{FOG_LANE_TEE_SECURE, supply.tee, demand.tee},
		{FOG_LANE_GPU, supply.gpu, demand.gpu},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(told); i++) {
		int rc = fog_market_observe(&h->market->m, told[i].lane, told[i].supply,
					    told[i].demand, crowd.accounts, largest);
		FOG_ASSERT(rc == 0);
	}
}

/* ---- store ---------------------------------------------------------------------------------- */

static int lane_store(struct fog_host *h, u32 i, u64 now_ms)
{
	const struct fog_market_lane *l = &h->market->m.lane[i];
	const struct fog_sample *s = fog_history_get(&l->history, 0);
	struct fog_stmt *q;

	/* A lane nobody offers or asks for stands still: its price is the published one. */
	if (s == NULL || s->time_ms != now_ms || (l->supply == 0 && l->demand == 0))
		return 0;
	q = fog_stmt(h->store, "INSERT INTO market_sample(lane, time_ms, price, pressure,"
			       " utilization_ppm) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	fog_bind_text(q, fog_lane_name((enum fog_lane)i));
	fog_bind_u64(q, s->time_ms);
	fog_bind_int(q, s->price);
	fog_bind_int(q, s->pressure);
	fog_bind_int(q, s->utilization_ppm);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(h->store,
		     "INSERT INTO market_breaker(lane, state, manipulated, until_ms, open_ms)"
		     " VALUES(?, ?, ?, ?, ?) ON CONFLICT(lane) DO UPDATE SET"
		     " state = excluded.state, manipulated = excluded.manipulated,"
		     " until_ms = excluded.until_ms, open_ms = excluded.open_ms");
	fog_bind_text(q, fog_lane_name((enum fog_lane)i));
	fog_bind_int(q, l->breaker);
	fog_bind_int(q, l->manipulated);
	fog_bind_u64(q, l->breaker_until_ms);
	fog_bind_u64(q, l->open_ms);
	return fog_stmt_run(q);
}

static int samples_store(struct fog_host *h, u64 now_ms)
{
	int rc = fog_store_begin(h->store);

	if (rc != 0)
		return rc;
	for (u32 i = 0; i < FOG_LANE_COUNT && rc == 0; i++)
		rc = lane_store(h, i, now_ms);
	if (rc == 0) {
		struct fog_stmt *q =
			fog_stmt(h->store, "DELETE FROM market_sample WHERE time_ms < ?");
		fog_bind_u64(q, now_ms - FOG_MIN(now_ms, FOG_HISTORY_DAY_MS));
		rc = fog_stmt_run(q);
	}
	return fog_store_end(h->store, rc);
}

static int samples_load(struct fog_host *h)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "SELECT lane, time_ms, price, pressure, utilization_ppm"
				   " FROM market_sample ORDER BY time_ms");
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_sample s = {.time_ms = fog_column_u64(q, 1),
				       .price = fog_column_int(q, 2),
				       .pressure = fog_column_int(q, 3),
				       .utilization_ppm = (u32)fog_column_u64(q, 4)};
		/* A row that does not fit (a band has changed since) is left out. */
		(void)fog_market_restore(&h->market->m, fog_lane_parse(fog_column_text(q, 0)), &s);
	}
	if (rc != 0)
		return rc;
	q = fog_stmt(h->store, "SELECT lane, state, manipulated, until_ms, open_ms"
			       " FROM market_breaker");
	while ((rc = fog_stmt_step(q)) == 1) {
		enum fog_lane lane = fog_lane_parse(fog_column_text(q, 0));
		i64 state = fog_column_int(q, 1);
		if (lane == FOG_LANE_COUNT || state < 0 || state > FOG_BREAKER_TRIAL)
			continue;
		struct fog_market_lane *l = &h->market->m.lane[lane];
		l->breaker = (enum fog_breaker)state;
		l->manipulated = fog_column_int(q, 2) != 0;
		l->breaker_until_ms = fog_column_u64(q, 3);
		l->open_ms = FOG_MIN(FOG_MAX(fog_column_u64(q, 4), FOG_MARKET_OPEN_MS),
				     FOG_MARKET_OPEN_MAX_MS);
	}
	return rc;
}

/* ---- prices of this host's worker ----------------------------------------------------------- */

/* What the operator says, or the first price of their kind. */
static u64 accelerator_price(const struct fog_host *h)
{
	struct fog_host_offer offer;

	if (h->config.worker_price_accelerator_hour != 0)
		return (u64)h->config.worker_price_accelerator_hour;
	fog_host_offer(h, &offer);
	return (u64)fog_kind_factor(fog_kind_of(offer.accelerators.memory_bytes)) *
	       FOG_ACCELERATOR_FIRST_MFOG;
}

void fog_host_price(const struct fog_host *h, struct fog_tariff *out)
{
	*out = (struct fog_tariff){
		.cpu_hour = (u64)h->config.worker_price_cpu_hour,
		.memory_gb_hour = (u64)h->config.worker_price_memory_gb_hour,
		.accelerator_hour = accelerator_price(h),
	};
	if (!h->config.market_follow || h->market == NULL)
		return;
	const struct fog_market *m = &h->market->m;
	out->cpu_hour = fog_market_follow(m, FOG_LANE_CPU, out->cpu_hour);
	out->memory_gb_hour = fog_market_follow(m, FOG_LANE_MEMORY, out->memory_gb_hour);
	out->accelerator_hour = fog_market_follow(m, FOG_LANE_GPU, out->accelerator_hour);
}

void fog_host_price_least(const struct fog_host *h, struct fog_tariff *out)
{
	if (h->market == NULL || h->market->tickets.at == 0)
		fog_host_price(h, out);
	else
		fog_tickets_least(&h->market->tickets, fog_loop_now_ms(h->loop), out);
}

static void ticket_add(struct fog_host *h, u64 now_ms)
{
	struct fog_tariff price;

	fog_host_price(h, &price);
	fog_tickets_add(&h->market->tickets, &price, now_ms);
}

static void on_step(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	u64 now_ms = fog_loop_now_ms(loop);

	observe(h);
	fog_host_auctions_clear(h, now_ms);
	fog_host_sales_step(h, now_ms);
	if (fog_market_step(&h->market->m, now_ms) != 0)
		return; /* the first look, or the clock went back */
	int rc = samples_store(h, now_ms);
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "market", "prices not stored reason=\"%s\"",
			strerror(-rc));
	ticket_add(h, now_ms);
	fog_host_jobs_reload(h);
	fog_host_publish_soon(h);
}

int fog_host_market_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	u64 now_ms = fog_loop_now_ms(h->loop);

	_Static_assert(FOG_STORE_WHY_SIZE <= FOG_HOST_WHY_SIZE, "one buffer for both");
	h->market = calloc(1, sizeof(*h->market));
	if (h->market == NULL)
		return -ENOMEM;
	int rc =
		fog_store_migrate(h->store, "market", migrations, FOG_ARRAY_COUNT(migrations), why);
	if (rc == 0)
		rc = fog_market_init(&h->market->m, fog_strategy_parse(h->config.market_strategy),
				     now_ms);
	if (rc == 0)
		rc = samples_load(h);
	if (rc == 0)
		rc = fog_host_auctions_load(h);
	if (rc != 0) {
		if (why[0] == '\0')
			snprintf(why, FOG_HOST_WHY_SIZE, "market: %s", strerror(-rc));
		return rc;
	}
	ticket_add(h, now_ms);
	ev_timer_init(&h->market->timer, on_step, OBSERVE_FIRST_S, FOG_MARKET_STEP_MS / 1000.0);
	h->market->timer.data = h;
	ev_timer_start(h->loop, &h->market->timer);
	return 0;
}

void fog_host_market_stop(struct fog_host *h)
{
	if (h->market == NULL)
		return;
	ev_timer_stop(h->loop, &h->market->timer);
	fog_host_auctions_free(h);
	for (u32 i = 0; i < FOG_QUOTES_KEPT; i++)
		free(h->market->quotes[i].data);
	free(h->market);
	h->market = NULL;
}
