/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl market: prices, quotes, history and auctions. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/market/auction.h"
#include "crypto/mem.h"

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)
#define CANDLES    24

static const struct fog_column quote_sheet[] = {
	{"lane", "lane", FOG_FORMAT_TEXT, false},
	{"accelerators", "accelerator", FOG_FORMAT_TEXT, false},
	{"price per unit hour", "base_price_per_unit_per_hour", FOG_FORMAT_TEXT, false},
	{"quantity", "quantity", FOG_FORMAT_TEXT, false},
	{"hours", "duration_hours", FOG_FORMAT_TEXT, false},
	{"base cost", "base_cost", FOG_FORMAT_TEXT, false},
	{"x volume", "volume_multiplier", FOG_FORMAT_TEXT, false},
	{"x duration", "duration_multiplier", FOG_FORMAT_TEXT, false},
	{"x supply and demand", "supply_demand_multiplier", FOG_FORMAT_TEXT, false},
	{"x reputation", "reputation_multiplier", FOG_FORMAT_TEXT, false},
	{"x term", "term_multiplier", FOG_FORMAT_TEXT, false},
	{"  term", "term", FOG_FORMAT_TEXT, false},
	{"x class", "class_multiplier", FOG_FORMAT_TEXT, false},
	{"  class", "job_class", FOG_FORMAT_TEXT, false},
	{"final price", "final_price", FOG_FORMAT_TEXT, false},
	{"  as paid, fog", "final_price_mfog", FOG_FORMAT_MFOG, false},
	{"frozen by breaker", "frozen", FOG_FORMAT_TEXT, false},
	{"signed by", "node_id", FOG_FORMAT_ID, false},
};

static const struct fog_column bulk_columns[] = {
	{"LANE", "lane", FOG_FORMAT_TEXT, false},
	{"QUANTITY", "quantity", FOG_FORMAT_TEXT, true},
	{"HOURS", "duration_hours", FOG_FORMAT_TEXT, true},
	{"PRICE", "final_price", FOG_FORMAT_TEXT, true},
};

static const struct fog_column bulk_sheet[] = {
	{"subtotal", "subtotal", FOG_FORMAT_TEXT, false},
	{"x discount", "bulk_discount_multiplier", FOG_FORMAT_TEXT, false},
	{"total", "total_cost", FOG_FORMAT_TEXT, false},
	{"  as paid, fog", "total_cost_mfog", FOG_FORMAT_MFOG, false},
	{"market", "market_condition", FOG_FORMAT_TEXT, false},
};

static const struct fog_column lane_columns[] = {
	{"LANE", "lane", FOG_FORMAT_TEXT, false},
	{"MEASURED", "measured", FOG_FORMAT_TEXT, false},
	{"PRICE", "current_price", FOG_FORMAT_TEXT, true},
	{"WANTED", "target_price", FOG_FORMAT_TEXT, true},
	{"FLOOR", "floor_price", FOG_FORMAT_TEXT, true},
	{"CEILING", "ceiling_price", FOG_FORMAT_TEXT, true},
	{"SUPPLY", "supply_units", FOG_FORMAT_TEXT, true},
	{"DEMAND", "demand_units", FOG_FORMAT_TEXT, true},
	{"USED", "utilization_rate", FOG_FORMAT_FIXED3, true},
	{"VOLATILITY", "volatility_24h", FOG_FORMAT_FIXED3, true},
	{"TREND", "price_trend", FOG_FORMAT_TEXT, false},
	{"BREAKER", "circuit_breaker", FOG_FORMAT_TEXT, false},
};

static const struct fog_column overview_sheet[] = {
	{"market", "market_overview.market_condition", FOG_FORMAT_TEXT, false},
	{"strategy", "market_overview.pricing_strategy", FOG_FORMAT_TEXT, false},
	{"health", "market_overview.health_score", FOG_FORMAT_FIXED3, false},
	{"alerts, last hour", "anomaly_alerts.active_alerts", FOG_FORMAT_TEXT, false},
	{"manipulation risk", "pricing_metrics.manipulation_risk_score", FOG_FORMAT_FIXED3, false},
};

static const struct fog_column candle_columns[] = {
	{"AGE", "time_ms", FOG_FORMAT_AGE, true},
	{"OPEN", "open", FOG_FORMAT_TEXT, true},
	{"HIGH", "high", FOG_FORMAT_TEXT, true},
	{"LOW", "low", FOG_FORMAT_TEXT, true},
	{"CLOSE", "close", FOG_FORMAT_TEXT, true},
	{"USED", "utilization_rate", FOG_FORMAT_FIXED3, true},
	{"SAMPLES", "samples", FOG_FORMAT_TEXT, true},
};

static const struct fog_column alert_columns[] = {
	{"AGE", "time_ms", FOG_FORMAT_AGE, true},    {"LANE", "lane", FOG_FORMAT_TEXT, false},
	{"KIND", "kind", FOG_FORMAT_TEXT, false},    {"LEVEL", "level", FOG_FORMAT_STATE, false},
	{"VALUE", "value", FOG_FORMAT_FIXED3, true},
};

static const struct fog_column auction_columns[] = {
	{"AUCTION", "auction_id", FOG_FORMAT_TEXT, true},
	{"LANE", "lane", FOG_FORMAT_TEXT, false},
	{"PHASE", "phase", FOG_FORMAT_STATE, false},
	{"HOURS", "hours", FOG_FORMAT_TEXT, true},
	{"ORDERS", "orders", FOG_FORMAT_TEXT, true},
	{"PRICE FOG", "price_ufog", FOG_FORMAT_UFOG, true},
	{"VOLUME", "volume", FOG_FORMAT_TEXT, true},
	{"OPENED", "created_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column order_columns[] = {
	{"ACCOUNT", "account", FOG_FORMAT_ID, false},
	{"REVEALED", "revealed", FOG_FORMAT_TEXT, false},
	{"SIDE", "side", FOG_FORMAT_TEXT, false},
	{"PRICE FOG", "price_ufog", FOG_FORMAT_UFOG, true},
	{"QUANTITY", "quantity", FOG_FORMAT_TEXT, true},
	{"FILLED", "filled", FOG_FORMAT_TEXT, true},
	{"USER", "user", FOG_FORMAT_TEXT, false},
	{"DEPOSIT FOG", "deposit_mfog", FOG_FORMAT_MFOG, true},
	{"FOR", "namespace", FOG_FORMAT_TEXT, false},
};

/* One call; *data is the envelope's data, borrowed from *answer, which is the caller's to free. */
static int market_call(const struct fog_cli *cli, const char *method, const char *path,
		       const json_t *body, json_t **answer, const json_t **data)
{
	struct fog_client client;
	int rc = fog_api_open(cli, &client);

	*answer = NULL;
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_call(cli, &client, method, path, body, answer);
	fog_client_close(&client);
	*data = json_object_get(*answer, "data");
	if (rc == FOG_CLI_OK && !json_is_object(*data)) {
		json_decref(*answer);
		*answer = NULL;
		rc = fog_cli_fail(cli, "the answer has no data");
	}
	return rc;
}

static int query_add(char *path, size_t size, const char *name, const char *value)
{
	size_t used = strlen(path);

	used += (size_t)snprintf(path + used, size - used,
				 "%c%s=", strchr(path, '?') != NULL ? '&' : '?', name);
	return used < size ? fog_path_append(path, size, value) : -ENAMETOOLONG;
}

/* LANE [QUANTITY [HOURS]] [name=value ..] */
int fog_cmd_market_quote(struct fog_cli *cli)
{
	static const char *const places[] = {"resource_lane", "quantity", "duration_hours"};
	static const char *const names[] = {"term", "class", "node", "accelerator"};
	static const char *const keys[] = {"term", "job_class", "node_id", "accelerator"};
	char path[FOG_CLIENT_PATH_MAX] = "/v1/fog/pricing/quote";
	const json_t *data;
	json_t *answer;
	u32 place = 0;
	int rc = 0;

	for (u32 i = 0; i < cli->args_count && rc == 0; i++) {
		const char *equal = strchr(cli->args[i], '=');
		if (equal == NULL && place < FOG_ARRAY_COUNT(places)) {
			rc = query_add(path, sizeof(path), places[place++], cli->args[i]);
			continue;
		}
		u32 k = 0;
		while (k < FOG_ARRAY_COUNT(names) && equal != NULL &&
		       (strlen(names[k]) != (size_t)(equal - cli->args[i]) ||
			strncmp(names[k], cli->args[i], strlen(names[k])) != 0))
			k++;
		if (equal == NULL || k == FOG_ARRAY_COUNT(names))
			return fog_cli_usage(
				cli,
				"\"%s\": wants term=, class=, node= or accelerator=", cli->args[i]);
		rc = query_add(path, sizeof(path), keys[k], equal + 1);
	}
	if (rc != 0)
		return fog_cli_usage(cli, "the arguments are too long");
	rc = market_call(cli, "GET", path, NULL, &answer, &data);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, data);
	else
		fog_sheet_print(cli, data, COLUMNS(quote_sheet));
	json_decref(answer);
	return rc;
}

/* LANE=QUANTITY:HOURS .. */
static json_t *bulk_body(const struct fog_cli *cli)
{
	json_t *body = json_object();
	char lane[64];
	double quantity, hours;
	int end;

	for (u32 i = 0; i < cli->args_count; i++) {
		if (sscanf(cli->args[i], "%63[a-z_]=%lf:%lf%n", lane, &quantity, &hours, &end) ==
			    3 &&
		    cli->args[i][end] == '\0') {
			json_object_set_new(body, lane, json_pack("[f, f]", quantity, hours));
			continue;
		}
		json_decref(body);
		return NULL;
	}
	return body;
}

int fog_cmd_market_bulk(struct fog_cli *cli)
{
	json_t *answer, *body = bulk_body(cli), *rows = json_array(), *v;
	const json_t *data;
	const char *name;

	if (body == NULL) {
		json_decref(rows);
		return fog_cli_usage(cli,
				     "wants LANE=QUANTITY:HOURS, such as cpu=4:24 memory=8:24");
	}
	int rc = market_call(cli, "POST", "/v1/fog/pricing/bulk", body, &answer, &data);
	json_decref(body);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, data);
	else if (rc == FOG_CLI_OK) {
		json_object_foreach(json_object_get(data, "lane_quotes"), name, v)
			json_array_append(rows, v);
		fog_table_print(cli, rows, COLUMNS(bulk_columns), "nothing");
		fog_sheet_print(cli, data, COLUMNS(bulk_sheet));
	}
	json_decref(rows);
	json_decref(answer);
	return rc;
}

int fog_cmd_market_show(struct fog_cli *cli)
{
	json_t *answer, *rows = json_array(), *v;
	const json_t *data;
	const char *name;
	int rc = market_call(cli, "GET", "/v1/fog/pricing/analytics", NULL, &answer, &data);

	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, data);
	else if (rc == FOG_CLI_OK) {
		json_object_foreach(json_object_get(data, "lane_analytics"), name, v)
		{
			json_object_set_new(v, "lane", json_string(name));
			json_array_append(rows, v);
		}
		fog_table_print(cli, rows, COLUMNS(lane_columns), "no lanes");
		fog_sheet_print(cli, data, COLUMNS(overview_sheet));
	}
	json_decref(rows);
	json_decref(answer);
	return rc;
}

static int rows_show(const struct fog_cli *cli, const char *path, const char *key,
		     const struct fog_column *columns, u32 count, const char *empty)
{
	json_t *answer;
	const json_t *data;
	int rc = market_call(cli, "GET", path, NULL, &answer, &data);

	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, data);
	else if (rc == FOG_CLI_OK)
		fog_table_print(cli, json_object_get(data, key), columns, count, empty);
	json_decref(answer);
	return rc;
}

/* LANE [HOURS] */
int fog_cmd_market_history(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX], text[32];
	u64 hours = 24;

	if (cli->args_count > 1 && fog_count_parse(cli->args[1], 1, 24, &hours) != 0)
		return fog_cli_usage(cli, "HOURS is a number from 1 to 24");
	snprintf(path, sizeof(path), "/v1/fog/pricing/history?points=%d", CANDLES);
	snprintf(text, sizeof(text), "%u", (u32)hours);
	if (query_add(path, sizeof(path), "lane", cli->args[0]) != 0 ||
	    query_add(path, sizeof(path), "hours", text) != 0)
		return fog_cli_usage(cli, "the name of the lane is too long");
	return rows_show(cli, path, "candles", COLUMNS(candle_columns), "no samples yet");
}

int fog_cmd_market_alerts(struct fog_cli *cli)
{
	return rows_show(cli, "/v1/fog/pricing/alerts", "alerts", COLUMNS(alert_columns),
			 "nothing unusual");
}

/* ---- auctions ------------------------------------------------------------------------------- */

#define AUCTIONS "/v1/fog/pricing/auctions"

static int auction_list(const struct fog_cli *cli)
{
	return rows_show(cli, AUCTIONS, "auctions", COLUMNS(auction_columns), "no auctions");
}

static int auction_show(const struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = AUCTIONS "/";

	if (fog_path_append(path, sizeof(path), cli->args[1]) != 0)
		return fog_cli_usage(cli, "AUCTION is a number of fogctl market auction list");
	return rows_show(cli, path, "entries", COLUMNS(order_columns), "no orders");
}

/* Prints what a call that changes an auction answers. */
static int auction_call(const struct fog_cli *cli, const char *path, json_t *body)
{
	json_t *answer;
	const json_t *data;
	int rc = market_call(cli, "POST", path, body, &answer, &data);

	json_decref(body);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, data);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "auction %lld: %s, %lld orders\n",
			(long long)fog_pick_number(data, "auction_id", 0),
			fog_pick_text(data, "phase", ""),
			(long long)fog_pick_number(data, "orders", 0));
	json_decref(answer);
	return rc;
}

/* LANE [HOURS [COMMIT_SECONDS [REVEAL_SECONDS]]] */
static int auction_open(const struct fog_cli *cli)
{
	u64 number[3] = {1, 60, 60};

	for (u32 i = 2; i < cli->args_count; i++)
		if (fog_count_parse(cli->args[i], 1, i == 2 ? FOG_AUCTION_HOURS_MAX : 86400,
				    &number[i - 2]) != 0)
			return fog_cli_usage(cli,
					     "HOURS are 1 to %d, seconds numbers from 1 to 86400",
					     FOG_AUCTION_HOURS_MAX);
	return auction_call(cli, AUCTIONS,
			    json_pack("{s:s, s:I, s:I, s:I}", "lane", cli->args[1], "hours",
				      (json_int_t)number[0], "commit_seconds",
				      (json_int_t)number[1], "reveal_seconds",
				      (json_int_t)number[2]));
}

struct order_args {
	u64 id, price, quantity;
	u32 hours;
	bool bid;
	u8 account[32], nonce[32];
};

static int auction_path(char path[FOG_CLIENT_PATH_MAX], u64 id, const char *action)
{
	return snprintf(path, FOG_CLIENT_PATH_MAX, AUCTIONS "/%llu%s", (unsigned long long)id,
			action);
}

/* AUCTION bid|ask PRICE QUANTITY ACCOUNT NONCE; how long its units are held is asked for. */
static int order_read(const struct fog_cli *cli, struct order_args *o)
{
	char path[FOG_CLIENT_PATH_MAX];
	const json_t *data;
	json_t *answer;

	o->bid = strcmp(cli->args[2], "bid") == 0;
	if (fog_count_parse(cli->args[1], 1, INT64_MAX, &o->id) != 0 ||
	    (!o->bid && strcmp(cli->args[2], "ask") != 0) ||
	    fog_amount_parse(cli->args[3], &o->price) != 0 || o->price > FOG_AUCTION_PRICE_MAX ||
	    fog_count_parse(cli->args[4], 1, FOG_AUCTION_QUANTITY_MAX, &o->quantity) != 0)
		return fog_cli_usage(cli, "wants AUCTION bid|ask PRICE QUANTITY ACCOUNT NONCE");
	if (strlen(cli->args[5]) != 64 || fog_hex_decode(cli->args[5], o->account, 32) != 0 ||
	    strlen(cli->args[6]) != 64 || fog_hex_decode(cli->args[6], o->nonce, 32) != 0)
		return fog_cli_usage(cli, "ACCOUNT and NONCE are 64 hex digits each");
	auction_path(path, o->id, "");
	int rc = market_call(cli, "GET", path, NULL, &answer, &data);
	if (rc == FOG_CLI_OK)
		o->hours = (u32)fog_pick_number(data, "hours", 1);
	json_decref(answer);
	return rc;
}

static struct fog_auction_order order_of(const struct order_args *o)
{
	return (struct fog_auction_order){.side = o->bid ? FOG_AUCTION_BID : FOG_AUCTION_ASK,
					  .price = (i64)o->price,
					  .quantity = (i64)o->quantity};
}

static int auction_commit(const struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX], hex[65];
	struct order_args o;
	u8 hash[32];
	int rc = order_read(cli, &o);

	if (rc != FOG_CLI_OK)
		return rc;
	const struct fog_auction_order order = order_of(&o);
	i64 deposit = fog_auction_deposit(&order, o.hours);
	if (deposit < 0)
		return fog_cli_fail(cli, "the order is worth more than can be held");
	fog_auction_hash(o.id, o.account, &order, o.nonce, hash);
	fog_hex_encode(hash, 32, hex, sizeof(hex));
	auction_path(path, o.id, "/commit");
	return auction_call(cli, path,
			    json_pack("{s:s, s:s, s:I}", "account", cli->args[5], "hash", hex,
				      "deposit_mfog", (json_int_t)deposit));
}

/* [namespace=NAME] of a bid, [signature=HEX] of an ask */
static int auction_reveal(const struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	struct order_args o;
	int rc = order_read(cli, &o);

	if (rc != FOG_CLI_OK)
		return rc;
	json_t *body = json_pack("{s:s, s:s, s:I, s:I, s:s}", "account", cli->args[5], "side",
				 cli->args[2], "price_ufog", (json_int_t)o.price, "quantity",
				 (json_int_t)o.quantity, "nonce", cli->args[6]);
	for (u32 i = 7; i < cli->args_count; i++) {
		const char *value = strchr(cli->args[i], '=');
		bool space = strncmp(cli->args[i], "namespace=", 10) == 0;
		if (!space && strncmp(cli->args[i], "signature=", 10) != 0) {
			json_decref(body);
			return fog_cli_usage(cli, "may end with namespace=NAME or signature=HEX");
		}
		json_object_set_new(body, space ? "namespace" : "signature",
				    json_string(value + 1));
	}
	auction_path(path, o.id, "/reveal");
	return auction_call(cli, path, body);
}

/* AUCTION HOURS PRICE QUANTITY NONCE: of the worker that answers. */
static int auction_ask(const struct fog_cli *cli)
{
	u64 id, hours, price, quantity;
	const json_t *data;
	json_t *answer;

	if (fog_count_parse(cli->args[1], 1, INT64_MAX, &id) != 0 ||
	    fog_count_parse(cli->args[2], 1, FOG_AUCTION_HOURS_MAX, &hours) != 0 ||
	    fog_amount_parse(cli->args[3], &price) != 0 || price > FOG_AUCTION_PRICE_MAX ||
	    fog_count_parse(cli->args[4], 1, FOG_AUCTION_QUANTITY_MAX, &quantity) != 0)
		return fog_cli_usage(cli, "wants AUCTION HOURS PRICE QUANTITY NONCE");
	json_t *body = json_pack("{s:I, s:I, s:I, s:I, s:s}", "auction_id", (json_int_t)id, "hours",
				 (json_int_t)hours, "price_ufog", (json_int_t)price, "quantity",
				 (json_int_t)quantity, "nonce", cli->args[5]);
	int rc = market_call(cli, "POST", "/v1/fog/pricing/asks", body, &answer, &data);
	json_decref(body);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, data);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "account %s\nsignature %s\n", fog_pick_text(data, "account", ""),
			fog_pick_text(data, "signature", ""));
	json_decref(answer);
	return rc;
}

int fog_cmd_market_auction(struct fog_cli *cli)
{
	static const struct {
		const char *name;
		u32 min, max; /* words after it */
		int (*run)(const struct fog_cli *cli);
	} actions[] = {{"list", 0, 0, auction_list},     {"show", 1, 1, auction_show},
		       {"open", 1, 4, auction_open},     {"ask", 5, 5, auction_ask},
		       {"commit", 6, 6, auction_commit}, {"reveal", 6, 7, auction_reveal}};

	if (cli->args_count == 0)
		return auction_list(cli);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(actions); i++) {
		if (strcmp(cli->args[0], actions[i].name) != 0)
			continue;
		u32 words = cli->args_count - 1;
		if (words < actions[i].min || words > actions[i].max)
			return fog_cli_usage(cli, "%s: wrong number of words", actions[i].name);
		return actions[i].run(cli);
	}
	return fog_cli_usage(cli, "wants list, show, open, commit or reveal");
}
