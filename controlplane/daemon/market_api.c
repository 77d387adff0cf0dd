/* SPDX-License-Identifier: BSD-3-Clause */
/* The market over the API: quotes, bulk quotes, analytics, history, alerts; field names are those
 * of the published contract. Decimals are for people and pages; beside each stands the exact amount
 * in ufog (1 fog = 1,000,000 ufog), which is what is computed with. */
#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/market.h"
#include "crypto/mem.h"

#define QUOTE_LABEL    "fog quote 1"
#define CURRENCY       "FOG"
#define POINTS_DEFAULT 96
#define HOURS_MAX      24

static json_t *millionths(i64 v)
{
	return json_real((double)v / 1e6);
}

/* "1.5" -> 1500000, exactly; more than six decimals are refused. */
static int amount_parse(const char *text, u64 *out)
{
	u64 v = 0, scale = 0;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text == '.' && scale == 0) {
			scale = 1;
			continue;
		}
		if (!isdigit((unsigned char)*text) || scale > 100000 ||
		    v > FOG_MARKET_AMOUNT_MAX * 1000)
			return -EINVAL;
		v = v * 10 + (u64)(*text - '0');
		scale *= 10;
	}
	*out = v * (FOG_MARKET_PPM / FOG_MAX(scale, 1));
	return 0;
}

/* A quantity of JSON: no money, so its double is rounded to the millionth it stands for. */
static int amount_read(const json_t *v, u64 *out)
{
	double n = json_number_value(v);

	if (!json_is_number(v) || !(n > 0) || n > 1e9)
		return -EINVAL;
	*out = (u64)llround(n * 1e6);
	return 0;
}

/* ---- quotes --------------------------------------------------------------------------------- */

static json_t *quote_json(const struct fog_quote *q)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s,"
		" s:{s:o, s:o, s:o, s:o, s:o}, s:I, s:I, s:I, s:I, s:b, s:I}",
		"lane", fog_lane_name(q->lane), "base_price_per_unit_per_hour",
		millionths(q->price), "quantity", millionths((i64)q->quantity), "duration_hours",
		millionths((i64)q->duration), "base_cost", millionths(q->base_cost),
		"volume_multiplier", millionths(q->volume_ppm), "duration_multiplier",
		millionths(q->duration_ppm), "supply_demand_multiplier", millionths(q->balance_ppm),
		"reputation_multiplier", millionths(q->reputation_ppm), "trust_score",
		millionths(q->trust_ppm), "final_price", millionths(q->final_price), "currency",
		CURRENCY, "price_band_info", "floor_price", millionths(q->floor), "ceiling_price",
		millionths(q->ceiling), "volatility", millionths(q->volatility_ppm),
		"utilization_rate", millionths(q->utilization_ppm), "supply_demand_ratio",
		millionths((i64)q->ratio_ppm), "base_price_ufog", (json_int_t)q->price,
		"base_cost_ufog", (json_int_t)q->base_cost, "final_price_ufog",
		(json_int_t)q->final_price, "final_price_mfog", (json_int_t)q->final_mfog, "frozen",
		(int)q->frozen, "valid_until_ms", (json_int_t)q->valid_until_ms);
}

/* Adds id, signer, the signed text and the signature: who holds it can hold us to it until
 * valid_until_ms. */
static int quote_sign(struct fog_host *h, json_t *quote)
{
	char id[33], node[65], hex[129];
	u8 random[16], signature[64];

	fog_rng_bytes(&h->rng, random, sizeof(random));
	fog_hex_encode(random, sizeof(random), id, sizeof(id));
	fog_hex_encode(h->id.node_id, 32, node, sizeof(node));
	json_object_set_new(quote, "quote_id", json_string(id));
	json_object_set_new(quote, "node_id", json_string(node));
	char *text = json_dumps(quote, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
	if (text == NULL)
		return -ENOMEM;
	int rc = fog_identity_sign(&h->id, QUOTE_LABEL, text, strlen(text), signature);
	fog_hex_encode(signature, sizeof(signature), hex, sizeof(hex));
	json_object_set_new(
		quote, "signed",
		json_pack("{s:s, s:s, s:s}", "label", QUOTE_LABEL, "text", text, "signature", hex));
	free(text);
	return rc;
}

static int quote_answer(struct fog_exchange *x, json_t *quote, const char *message)
{
	if (quote == NULL || quote_sign(fog_exchange_ctx(x), quote) != 0) {
		json_decref(quote);
		return fog_exchange_problem(x, 500, "the quote cannot be signed");
	}
	return fog_envelope(x, quote, message);
}

/* Trust of the host named, in ppm; -1 when none is; -2: answered, no such host. */
static i32 trust_read(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_query(x, "node_id");
	const struct fog_signed_descriptor *s;

	if (text == NULL || text[0] == '\0')
		return -1;
	if (fog_directory_lookup(h->directory, text, &s) != 0) {
		fog_exchange_problem(x, 404, "node_id: no host \"%s\" is known", text);
		return -2;
	}
	return (i32)(fog_host_weight(h, s->d.node_id) * FOG_MARKET_PPM);
}

/* A kind, or a type that a host of the directory offers. false: answered. */
static bool kind_read(struct fog_exchange *x, enum fog_lane lane, enum fog_kind *out)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_query(x, "accelerator");

	if (text == NULL || text[0] == '\0')
		return true;
	*out = fog_kind_parse(text);
	for (u32 i = 0; *out == 0 && i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (d->accelerator_count != 0 && strcmp(d->accelerator_type, text) == 0)
			*out = fog_kind_of(d->accelerator_memory_bytes);
	}
	if (lane != FOG_LANE_GPU)
		fog_exchange_problem(x, 400, "accelerator: only of lane gpu");
	else if (*out == 0)
		fog_exchange_problem(x, 404,
				     "accelerator: small, medium, large or a type that some host "
				     "offers");
	return lane == FOG_LANE_GPU && *out != 0;
}

/* false: answered. */
static bool terms_read(struct fog_exchange *x, enum fog_term *term, enum fog_sla_class *class)
{
	const char *t = fog_exchange_query(x, "term"), *c = fog_exchange_query(x, "job_class");

	*term = t != NULL ? fog_term_parse(t) : FOG_TERM_ON_DEMAND;
	*class = c != NULL ? fog_sla_class_parse(c) : FOG_SLA_B;
	if (*term == 0)
		fog_exchange_problem(x, 400, "term: on_demand, spot or reserved");
	else if (*class == 0)
		fog_exchange_problem(x, 400, "job_class: S, A or B");
	return *term != 0 && *class != 0;
}

/* Where the quote of what is asked for is kept, with the key written; NULL: it is too long. */
static struct fog_quote_kept *kept_find(struct fog_exchange *x, char key[FOG_QUOTE_KEY_SIZE])
{
	static const char *const names[] = {"resource_lane", "quantity", "duration_hours",
					    "node_id",       "term",     "job_class",
					    "accelerator"};
	struct fog_host *h = fog_exchange_ctx(x);
	size_t used = 0;
	u32 hash = 2166136261u;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++) {
		const char *v = fog_exchange_query(x, names[i]);
		int n = snprintf(key + used, FOG_QUOTE_KEY_SIZE - used, "%s\n", v != NULL ? v : "");
		if (n < 0 || (size_t)n >= FOG_QUOTE_KEY_SIZE - used)
			return NULL;
		used += (size_t)n;
	}
	for (size_t i = 0; i < used; i++)
		hash = (hash ^ (u8)key[i]) * 16777619u;
	return &h->market->quotes[hash % FOG_QUOTES_KEPT];
}

static int quote_keep(struct fog_exchange *x, json_t *quote, struct fog_quote_kept *k,
		      const char key[FOG_QUOTE_KEY_SIZE])
{
	if (k == NULL)
		return quote_answer(x, quote, "quote");
	if (quote == NULL || quote_sign(fog_exchange_ctx(x), quote) != 0) {
		json_decref(quote);
		return fog_exchange_problem(x, 500, "the quote cannot be signed");
	}
	free(k->data);
	k->data = json_dumps(quote, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(quote);
	k->at_ms = k->data != NULL ? fog_monotonic_ms() : 0;
	memcpy(k->key, key, FOG_QUOTE_KEY_SIZE);
	if (k->data == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	return fog_envelope_text(x, k->data, "quote");
}

static int quote_make(struct fog_exchange *x, struct fog_quote_kept *k,
		      const char key[FOG_QUOTE_KEY_SIZE])
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *lane_text = fog_exchange_query(x, "resource_lane"),
		   *quantity_text = fog_exchange_query(x, "quantity"),
		   *hours_text = fog_exchange_query(x, "duration_hours");
	u64 quantity = FOG_MARKET_PPM, duration = FOG_MARKET_PPM;
	u32 term_ppm, class_ppm;
	enum fog_sla_class class;
	enum fog_term term;
	struct fog_quote q;

	if (lane_text == NULL || fog_lane_parse(lane_text) == FOG_LANE_COUNT)
		return fog_exchange_problem(x, 400, "resource_lane: no such lane");
	if ((quantity_text != NULL && amount_parse(quantity_text, &quantity) != 0) ||
	    (hours_text != NULL && amount_parse(hours_text, &duration) != 0))
		return fog_exchange_problem(
			x, 400, "quantity and duration_hours are numbers of at most six decimals");
	i32 trust = trust_read(x);
	if (trust == -2 || !terms_read(x, &term, &class))
		return 0;
	u64 now_ms = fog_loop_now_ms(h->loop);
	enum fog_lane lane = fog_lane_parse(lane_text);
	enum fog_kind kind = 0;
	if (!kind_read(x, lane, &kind))
		return 0;
	int rc = kind != 0 ? fog_market_quote_kind(&h->market->m, kind, quantity, duration, trust,
						   now_ms, &q)
			   : fog_market_quote(&h->market->m, lane, quantity, duration, trust,
					      now_ms, &q);
	if (rc != 0)
		return fog_exchange_problem(x, 400, "quantity or duration_hours is out of range");
	if (fog_market_terms(&q, term, class, &term_ppm, &class_ppm) != 0)
		return fog_exchange_problem(x, 400, "a reservation lasts a day or more");
	json_t *o = quote_json(&q);
	json_object_set_new(o, "term", json_string(fog_term_name(term)));
	json_object_set_new(o, "term_multiplier", millionths(term_ppm));
	json_object_set_new(o, "job_class", json_string(fog_sla_class_name(class)));
	json_object_set_new(o, "class_multiplier", millionths(class_ppm));
	if (kind != 0)
		json_object_set_new(o, "accelerator", json_string(fog_kind_name(kind)));
	json_object_set_new(o, "preemptible", json_boolean(term == FOG_TERM_SPOT));
	return quote_keep(x, o, k, key);
}

static int quote_get(struct fog_exchange *x)
{
	char key[FOG_QUOTE_KEY_SIZE];
	struct fog_quote_kept *k = kept_find(x, key);

	if (k != NULL && k->at_ms != 0 && fog_monotonic_ms() - k->at_ms < FOG_QUOTE_AGAIN_MS &&
	    strcmp(k->key, key) == 0)
		return fog_envelope_text(x, k->data, "quote");
	return quote_make(x, k, key);
}

/* {lane: [quantity, hours]}. NULL, or what is wrong. */
static const char *bulk_read(const json_t *body, struct fog_bulk_item *items, u32 *count)
{
	const char *name;
	json_t *v;

	*count = 0;
	if (!json_is_object(body) || json_object_size(body) == 0)
		return "the body wants {lane: [quantity, duration_hours], ..}";
	json_object_foreach((json_t *)body, name, v)
	{
		struct fog_bulk_item *item = &items[*count];
		if (fog_lane_parse(name) == FOG_LANE_COUNT)
			return "no such lane";
		if (*count == FOG_LANE_COUNT)
			return "a lane is named twice";
		if (json_array_size(v) != 2 ||
		    amount_read(json_array_get(v, 0), &item->quantity) != 0 ||
		    amount_read(json_array_get(v, 1), &item->duration) != 0)
			return "each lane wants [quantity, duration_hours]";
		item->lane = fog_lane_parse(name);
		(*count)++;
	}
	return NULL;
}

static int bulk_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_bulk_item items[FOG_LANE_COUNT];
	struct fog_bulk_quote b;
	u32 count;
	const char *error = bulk_read(fog_exchange_body(x), items, &count);

	if (error != NULL)
		return fog_exchange_problem(x, 400, "%s", error);
	if (fog_market_bulk(&h->market->m, items, count, fog_loop_now_ms(h->loop), &b) != 0)
		return fog_exchange_problem(x, 400, "an amount is out of range");
	json_t *lanes = json_object();
	for (u32 i = 0; i < b.count; i++)
		json_object_set_new(lanes, fog_lane_name(b.quote[i].lane), quote_json(&b.quote[i]));
	json_t *o =
		json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:s, s:I, s:I, s:I}", "lane_quotes",
			  lanes, "subtotal", millionths(b.subtotal), "bulk_discount_multiplier",
			  millionths(b.discount_ppm), "total_cost", millionths(b.total), "currency",
			  CURRENCY, "quote_valid_until", (json_int_t)b.valid_until_ms,
			  "market_condition", fog_market_condition_name(b.condition),
			  "subtotal_ufog", (json_int_t)b.subtotal, "total_cost_ufog",
			  (json_int_t)b.total, "total_cost_mfog", (json_int_t)b.total_mfog);
	return quote_answer(x, o, "bulk quote");
}

/* ---- analytics ------------------------------------------------------------------------------ */

static json_t *lane_json(const struct fog_lane_view *l)
{
	static const char *const breakers[] = {"closed", "open", "trial"};

	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:s, "
			 "s:I}",
			 "measured", (int)l->measured, "current_price", millionths(l->price),
			 "target_price", millionths(l->wanted), "floor_price", millionths(l->floor),
			 "ceiling_price", millionths(l->ceiling), "supply_units",
			 millionths((i64)l->supply), "demand_units", millionths((i64)l->demand),
			 "utilization_rate", millionths(l->utilization_ppm), "supply_demand_ratio",
			 millionths((i64)l->ratio_ppm), "volatility_24h",
			 millionths(l->volatility_ppm), "is_volatile", (int)l->is_volatile,
			 "price_trend", fog_trend_name(l->trend), "health_score",
			 millionths(l->health_ppm), "circuit_breaker", breakers[l->breaker],
			 "current_price_ufog", (json_int_t)l->price);
}

/* Accelerators by their memory: the lane's price and band, times the kind's factor. */
static json_t *kinds_json(const struct fog_lane_view *l)
{
	json_t *o = json_object();

	for (u32 k = FOG_KIND_SMALL; k < FOG_KIND_COUNT; k++) {
		i64 factor = fog_kind_factor(k);
		json_object_set_new(o, fog_kind_name(k),
				    json_pack("{s:o, s:o, s:o, s:I}", "current_price",
					      millionths(factor * l->price), "floor_price",
					      millionths(factor * l->floor), "ceiling_price",
					      millionths(factor * l->ceiling), "current_price_ufog",
					      (json_int_t)(factor * l->price)));
	}
	return o;
}

json_t *fog_host_market_json(const struct fog_host *h)
{
	struct fog_market_view v;
	json_t *lanes = json_object();
	u64 now_ms = fog_loop_now_ms(h->loop);

	fog_market_view(&h->market->m, now_ms, &v);
	for (u32 i = 0; i < FOG_LANE_COUNT; i++)
		json_object_set_new(lanes, fog_lane_name((enum fog_lane)i), lane_json(&v.lane[i]));
	json_object_set_new(json_object_get(lanes, fog_lane_name(FOG_LANE_GPU)), "kinds",
			    kinds_json(&v.lane[FOG_LANE_GPU]));
	return json_pack("{s:I, s:{s:o, s:o, s:o, s:s, s:s, s:o}, s:o, s:{s:I, s:I, s:I},"
			 " s:{s:o, s:s, s:s, s:o}, s:s}",
			 "timestamp", (json_int_t)now_ms, "market_overview", "total_supply",
			 millionths((i64)v.supply), "total_demand", millionths((i64)v.demand),
			 "overall_utilization", millionths(v.utilization_ppm), "market_condition",
			 fog_market_condition_name(v.condition), "pricing_strategy",
			 fog_strategy_name(v.strategy), "health_score", millionths(v.health_ppm),
			 "lane_analytics", lanes, "anomaly_alerts", "active_alerts",
			 (json_int_t)v.alerts_active, "critical_alerts",
			 (json_int_t)v.alerts_critical, "total_alerts_24h",
			 (json_int_t)v.alerts_day, "pricing_metrics", "average_price_across_lanes",
			 millionths(v.price_mean), "most_volatile_lane",
			 fog_lane_name(v.most_volatile), "highest_demand_lane",
			 fog_lane_name(v.highest_demand), "manipulation_risk_score",
			 millionths(v.risk_ppm), "currency", CURRENCY);
}

static int analytics_get(struct fog_exchange *x)
{
	return fog_envelope(x, fog_host_market_json(fog_exchange_ctx(x)), "pricing analytics");
}

static json_t *candle_json(const struct fog_candle *c)
{
	return json_pack("{s:I, s:i, s:o, s:o, s:o, s:o, s:o}", "time_ms", (json_int_t)c->time_ms,
			 "samples", (int)c->count, "open", millionths(c->open), "high",
			 millionths(c->high), "low", millionths(c->low), "close",
			 millionths(c->close), "utilization_rate", millionths(c->utilization_ppm));
}

static int history_get(struct fog_exchange *x)
{
	static struct fog_candle candles[FOG_HISTORY_CANDLES_MAX];
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_query(x, "lane");
	enum fog_lane lane = text != NULL ? fog_lane_parse(text) : FOG_LANE_COUNT;
	u64 hours, points, now_ms = fog_loop_now_ms(h->loop);

	if (lane == FOG_LANE_COUNT)
		return fog_exchange_problem(x, 400, "lane: no such lane");
	if (fog_exchange_query_u64(x, "hours", HOURS_MAX, HOURS_MAX, &hours) != 0 ||
	    fog_exchange_query_u64(x, "points", POINTS_DEFAULT, FOG_HISTORY_CANDLES_MAX, &points) !=
		    0)
		return 0;
	const struct fog_history *history = &h->market->m.lane[lane].history;
	if (fog_history_candles(history, now_ms - hours * FOG_HISTORY_HOUR_MS, now_ms + 1, candles,
				(u32)points) != 0)
		return fog_exchange_problem(x, 400, "hours and points are 1 or more");
	json_t *list = json_array();
	for (u32 i = 0; i < points; i++)
		if (candles[i].count != 0)
			json_array_append_new(list, candle_json(&candles[i]));
	return fog_envelope(x,
			    json_pack("{s:s, s:s, s:o}", "lane", fog_lane_name(lane), "currency",
				      CURRENCY, "candles", list),
			    "price history");
}

json_t *fog_host_market_alert_json(const struct fog_alert *a)
{
	static const char *const kinds[] = {"", "volatility", "spike", "manipulation"};
	static const char *const levels[] = {"", "medium", "high", "critical"};

	return json_pack("{s:I, s:s, s:s, s:s, s:o}", "time_ms", (json_int_t)a->time_ms, "lane",
			 fog_lane_name(a->lane), "kind", kinds[a->kind], "level", levels[a->level],
			 "value", millionths(a->value_ppm));
}

static int alerts_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_alert *a;
	json_t *list = json_array();

	for (u32 i = 0; (a = fog_market_alert(&h->market->m, i)) != NULL; i++)
		json_array_append_new(list, fog_host_market_alert_json(a));
	return fog_envelope(x, json_pack("{s:o}", "alerts", list), "pricing alerts");
}

static const struct fog_route routes[] = {
	{"GET", "/v1/fog/pricing/quote", quote_get,
	 FOG_DESCRIBE("A signed price",
		      .query = "resource_lane: string 1..32 (cpu, memory, ..), quantity?:"
			       " number >0..1e9 = 1, duration_hours?: number >0..1e6 = 1,"
			       " node_id?: string ..64 (whose reputation counts), term?:"
			       " on_demand|spot|reserved = on_demand, job_class?:"
			       " S|A|B|S_CLASS|A_CLASS|B_CLASS = B, accelerator?: string ..31"
			       " (of lane gpu: small, medium, large, or a type some host offers)",
		      .answer = "@Quote")},
	{"POST", "/v1/fog/pricing/bulk", bulk_post,
	 FOG_DESCRIBE("Prices of several lanes at once", .scope = FOG_SCOPE_READ,
		      .request = "{*: [number] 2..2 (quantity and hours of a lane)}",
		      .answer = "{lane_quotes: {*: @Quote}, subtotal: number,"
				" bulk_discount_multiplier: number, total_cost: number,"
				" currency: string, quote_valid_until: ms, market_condition:"
				" string, ...}")},
	{"GET", "/v1/fog/pricing/analytics", analytics_get,
	 FOG_DESCRIBE("The market", .scope = FOG_SCOPE_ADMIN,
		      .answer = "{timestamp: ms, market_overview: object, lane_analytics:"
				" object, anomaly_alerts: object, pricing_metrics: object, ...}")},
	{"GET", "/v1/fog/pricing/history", history_get,
	 FOG_DESCRIBE("Prices over time",
		      .query = "lane: string 1..32, hours?: integer 1..24 = 24, points?:"
			       " integer 1..1000 = 96",
		      .answer = "{lane: string, currency: string, candles: [{time_ms: ms,"
				" samples: integer, open: number, high: number, low: number,"
				" close: number, utilization_rate: number}]}")},
	{"GET", "/v1/fog/pricing/alerts", alerts_get,
	 FOG_DESCRIBE("Alerts of the market",
		      .answer = "{alerts: [{time_ms: ms, lane: string, kind: string, level:"
				" string, value: number}]}")},
};

void fog_host_market_routes(struct fog_host *h)
{
	fog_gateway_define(h->gateway, "Quote",
			   "{lane: string, base_price_per_unit_per_hour: number,"
			   " quantity: number, duration_hours: number, base_cost: number,"
			   " volume_multiplier: number, duration_multiplier: number,"
			   " supply_demand_multiplier: number, reputation_multiplier:"
			   " number, trust_score: number, final_price: number, currency:"
			   " string, price_band_info: {floor_price: number,"
			   " ceiling_price: number, volatility: number, utilization_rate:"
			   " number, supply_demand_ratio: number}, ...}");
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	fog_host_auction_routes(h);
}
