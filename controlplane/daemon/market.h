/* SPDX-License-Identifier: BSD-3-Clause */
/* The market in the daemon: fed by the directory and the jobs of all hosts, stepped every
 * FOG_MARKET_STEP_MS, stored, asked over the API. Loop thread. */
#ifndef FOG_DAEMON_MARKET_H
#define FOG_DAEMON_MARKET_H

#include "controlplane/daemon/host.h"
#include "controlplane/market/auction.h"
#include "controlplane/market/terms.h"
#include "controlplane/scheduler/keep.h"

#define FOG_AUCTIONS_OPEN_MAX    16  /* not cleared; more are refused */
#define FOG_AUCTIONS_KEEP_MAX    256 /* cleared ones in the store; the oldest goes */
#define FOG_AUCTION_PHASE_MS_MAX 86400000ull

/* A sealed-bid auction for reservations of S class. */
struct fog_host_auction {
	enum fog_lane lane;
	u64 created_ms;
	struct fog_auction a;
};

/* Who asks for the same within this time gets the same signed quote. */
#define FOG_QUOTE_AGAIN_MS 1000
#define FOG_QUOTES_KEPT    64
#define FOG_QUOTE_KEY_SIZE 256 /* bytes of what was asked; longer: not kept */

struct fog_quote_kept {
	u64 at_ms; /* monotonic; 0: none */
	char key[FOG_QUOTE_KEY_SIZE];
	char *data; /* JSON text; malloc */
};

struct fog_host_market {
	struct fog_market m;
	struct ev_timer timer;
	struct fog_tickets tickets;
	struct fog_quote_kept quotes[FOG_QUOTES_KEPT];
	u32 auction_count;
	struct fog_host_auction *auction[FOG_AUCTIONS_OPEN_MAX];
};

/* What a worker of this host asks at the moment, and the least that is still honoured. */
void fog_host_price(const struct fog_host *h, struct fog_tariff *out);
void fog_host_price_least(const struct fog_host *h, struct fog_tariff *out);

int fog_host_market_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_market_stop(struct fog_host *h);
void fog_host_market_routes(struct fog_host *h); /* once the gateway is there */

/* GET /v1/fog/pricing/analytics: as its data. */
json_t *fog_host_market_json(const struct fog_host *h);
json_t *fog_host_market_alert_json(const struct fog_alert *a);

/* auction.c */
int fog_host_auctions_load(struct fog_host *h);
void fog_host_auctions_clear(struct fog_host *h, u64 now_ms); /* those whose time has come */
void fog_host_auctions_free(struct fog_host *h);
void fog_host_auction_routes(struct fog_host *h);
int fog_host_auction_store(struct fog_host *h, const struct fog_host_auction *x);

/* auction_money.c */
/* What so many units of the lane are; false: the lane cannot be reserved. */
bool fog_host_lane_amount(enum fog_lane lane, i64 units, struct fog_amount *out);
/* Holds the deposit of the last entry, and stores the auction. 0, -ENOSPC: the user lacks it,
 * -EAGAIN.
 */
int fog_host_auction_hold(struct fog_host *h, struct fog_host_auction *x);
/* Deposits and sales of a cleared auction, and stores it. 0 or -EAGAIN. */
int fog_host_auction_settle(struct fog_host *h, struct fog_host_auction *x);
/* Looks after what was sold; at its end sellers are paid. Every FOG_MARKET_STEP_MS. */
void fog_host_sales_step(struct fog_host *h, u64 now_ms);
json_t *fog_host_sales_json(struct fog_host *h, u64 id); /* new */

#endif
