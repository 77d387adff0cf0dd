/* SPDX-License-Identifier: BSD-3-Clause */
/* The book of a whole control plane while an auction passes through it. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/market.h"
#include "controlplane/jobs/reserve.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/ledger/ledger.h"
#include "crypto/mem.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#define HOUR 3600000ull

static struct ev_loop *loop;
static struct fog_host *h;
static char dir[64], conf[96];
static struct fog_host_auction x;
static const u8 nonce[32] = "not very secret, but 32 bytes ..";

static void start(void)
{
	char why[FOG_HOST_WHY_SIZE];
	struct fog_config config;

	snprintf(dir, sizeof(dir), "/tmp/fog-auction-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s/fog.conf", dir);
	FILE *f = fopen(conf, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"host = { name = \"alpha\"; run_dir = \"%s\"; state_dir = \"%s/state\"; };\n"
		"dataplane = { listen = \"127.0.0.1:9\"; };\n"
		"control = { listen = \"127.0.0.1:%u\"; };\n",
		dir, dir, fog_test_free_port());
	fclose(f);
	loop = ev_loop_new(EVFLAG_AUTO);
	fog_log_set_level(FOG_LOG_ERROR);
	CU_ASSERT_EQUAL_FATAL(fog_config_read(&config, conf, stdout), 0);
	int rc = fog_host_start(&h, loop, &config, conf, why);
	fog_config_free(&config);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void stop(void)
{
	fog_host_stop(h);
	ev_loop_destroy(loop);
	CU_ASSERT_EQUAL(fog_test_tree_remove(dir), 0);
}

static i64 balance(const char *account)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "SELECT balance FROM ledger_account WHERE name = ?");
	i64 v = 0;

	fog_bind_text(q, account);
	if (fog_stmt_step(q) == 1) {
		v = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return v;
}

static i64 escrow(void)
{
	char name[FOG_LEDGER_ACCOUNT_SIZE];

	snprintf(name, sizeof(name), "escrow:auction-%llu", (unsigned long long)x.a.id);
	return balance(name);
}

/* Commits by `who` with what the order needs; later revealed. */
static int order(const u8 who[32], struct fog_auction_order o, const char *user, u64 now_ms)
{
	u8 hash[32];

	fog_auction_hash(x.a.id, who, &o, nonce, hash);
	CU_ASSERT_EQUAL(fog_auction_commit(&x.a, who, hash, user,
					   fog_auction_deposit(&o, x.a.hours), now_ms),
			0);
	int rc = fog_host_auction_hold(h, &x);
	if (rc != 0)
		x.a.count--;
	return rc;
}

static void reveal(const u8 who[32], struct fog_auction_order o, u64 now_ms)
{
	CU_ASSERT_EQUAL(fog_auction_reveal(&x.a, who, &o, nonce, "film", now_ms), 0);
}

/* Two sellers, one of whom is never there; a winner, a loser and one who keeps silent. */
static void test_life_cycle(void)
{
	const u8 gone[32] = {1}, winner[32] = {2}, loser[32] = {3}, silent[32] = {4};
	const struct fog_auction_order ask = {FOG_AUCTION_ASK, 1000, 1};
	const struct fog_auction_order two = {FOG_AUCTION_BID, 3000, 2};
	const struct fog_auction_order low = {FOG_AUCTION_BID, 500, 1};
	char host[FOG_LEDGER_ACCOUNT_SIZE];

	start();
	u64 t0 = fog_loop_now_ms(loop);
	memset(&x, 0, sizeof(x));
	x.lane = FOG_LANE_CPU;
	CU_ASSERT_EQUAL(fog_auction_open(&x.a, t0, 10, t0 + 1000, t0 + 2000, t0), 0);
	CU_ASSERT_EQUAL(order(h->id.node_id, ask, "seller", t0), 0);
	CU_ASSERT_EQUAL(order(gone, ask, "seller", t0), 0);
	CU_ASSERT_EQUAL(order(winner, two, "ann", t0), 0);
	CU_ASSERT_EQUAL(order(loser, low, "ben", t0), 0);
	CU_ASSERT_EQUAL(order(silent, low, "eve", t0), 0);
	i64 grant = balance("user:ben") + 5, fees = balance("fees");
	CU_ASSERT_EQUAL(escrow(), 1 + 1 + 60 + 5 + 5);
	CU_ASSERT_EQUAL(balance("user:ann"), grant - 60);
	reveal(h->id.node_id, ask, t0 + 1500);
	reveal(gone, ask, t0 + 1500);
	reveal(winner, two, t0 + 1500);
	reveal(loser, low, t0 + 1500);
	CU_ASSERT_EQUAL(fog_auction_clear(&x.a, t0 + 2000), 0);
	CU_ASSERT_EQUAL(x.a.price, 2000);
	CU_ASSERT_EQUAL(fog_host_auction_settle(h, &x), 0);
	CU_ASSERT_EQUAL(fog_host_auction_settle(h, &x), -EAGAIN); /* not twice */
	fog_jobs_tick(fog_jobs_runtime_engine(h->jobs), t0 + 5000);
	CU_ASSERT_EQUAL(escrow(), 40);
	CU_ASSERT_EQUAL(balance("user:ann"), grant - 40);
	CU_ASSERT_EQUAL(balance("user:ben"), grant);
	CU_ASSERT_EQUAL(balance("user:seller"), grant);
	CU_ASSERT_EQUAL(balance("user:eve"), grant - 5);
	CU_ASSERT_EQUAL(balance("fees"), fees + 5);
	const struct fog_reservation *r = fog_jobs_reservation(fog_jobs_runtime_engine(h->jobs), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(strcmp(r->space, "film"), 0);
	CU_ASSERT_EQUAL(r->amount.cpu_milli, 1000);
	CU_ASSERT_EQUAL(r->duration_ms, 10 * HOUR);
	/* Looked at while it lasts, then paid for the time in which each was there. */
	fog_host_sales_step(h, t0 + HOUR);
	CU_ASSERT_EQUAL(escrow(), 40);
	fog_host_sales_step(h, t0 + 11 * HOUR);
	fog_host_sales_step(h, t0 + 11 * HOUR);
	snprintf(host, sizeof(host), "host:");
	fog_hex_encode(h->id.node_id, 32, host + 5, sizeof(host) - 5);
	CU_ASSERT_EQUAL(balance(host), 20);
	CU_ASSERT_EQUAL(escrow(), 0);
	CU_ASSERT_EQUAL(balance("user:ann"), grant - 20);
	char why[FOG_STORE_WHY_SIZE];
	CU_ASSERT_EQUAL(fog_jobs_audit(h->store, why), 0);
	stop();
}

/* Nobody can promise what he does not have, and nothing is left of the try. */
static void test_poor(void)
{
	const struct fog_auction_order dear = {FOG_AUCTION_BID, FOG_AUCTION_PRICE_MAX, 1};
	const u8 who[32] = {9};

	start();
	u64 t0 = fog_loop_now_ms(loop);
	memset(&x, 0, sizeof(x));
	x.lane = FOG_LANE_CPU;
	CU_ASSERT_EQUAL(fog_auction_open(&x.a, t0, 100, t0 + 1000, t0 + 2000, t0), 0);
	CU_ASSERT_EQUAL(order(who, dear, "ann", t0), -ENOSPC);
	CU_ASSERT_EQUAL(escrow(), 0);
	struct fog_amount amount;
	CU_ASSERT(fog_host_lane_amount(FOG_LANE_MEMORY, 2, &amount));
	CU_ASSERT_EQUAL(amount.memory_bytes, 2ull << 30);
	CU_ASSERT_FALSE(fog_host_lane_amount(FOG_LANE_BANDWIDTH, 2, &amount));
	stop();
}

FOG_TEST_MAIN("controlplane/daemon/auction_money", FOG_TEST(test_life_cycle), FOG_TEST(test_poor))
