/* SPDX-License-Identifier: BSD-3-Clause */
/* Auctions of this control plane: opened, fed and read over the API, in the store before anybody is
 * answered. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/market.h"
#include "controlplane/jobs/runtime.h"
#include "crypto/mem.h"

#define PHASE_DEFAULT_MS 60000

static size_t data_size(const struct fog_auction *a)
{
	return offsetof(struct fog_auction, entry) + a->count * sizeof(a->entry[0]);
}

/* ---- store ---------------------------------------------------------------------------------- */

int fog_host_auction_store(struct fog_host *h, const struct fog_host_auction *x)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "INSERT INTO market_auction(id, lane, created_ms, cleared, data)"
				   " VALUES(?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
				   " cleared = excluded.cleared, data = excluded.data");

	fog_bind_u64(q, x->a.id);
	fog_bind_text(q, fog_lane_name(x->lane));
	fog_bind_u64(q, x->created_ms);
	fog_bind_int(q, x->a.cleared);
	fog_bind_blob(q, &x->a, data_size(&x->a));
	return fog_stmt_run(q);
}

static struct fog_host_auction *row_read(struct fog_stmt *q)
{
	size_t len;
	const void *data = fog_column_blob(q, 4, &len);
	enum fog_lane lane = fog_lane_parse(fog_column_text(q, 1));
	struct fog_host_auction *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->lane = lane;
	x->created_ms = fog_column_u64(q, 2);
	if (len >= offsetof(struct fog_auction, entry) && len <= sizeof(x->a))
		memcpy(&x->a, data, len);
	if (lane < FOG_LANE_COUNT && x->a.count <= FOG_AUCTION_ORDERS_MAX && x->a.id != 0 &&
	    len == data_size(&x->a))
		return x;
	free(x);
	return NULL;
}

int fog_host_auctions_load(struct fog_host *h)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id, lane, created_ms, cleared, data"
						" FROM market_auction WHERE cleared = 0");
	int rc;

	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_host_auction *x = row_read(q);
		if (x != NULL && h->market->auction_count < FOG_AUCTIONS_OPEN_MAX)
			h->market->auction[h->market->auction_count++] = x;
		else
			free(x);
	}
	return rc;
}

void fog_host_auctions_free(struct fog_host *h)
{
	for (u32 i = 0; i < h->market->auction_count; i++)
		free(h->market->auction[i]);
	h->market->auction_count = 0;
}

static void old_forget(struct fog_host *h)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "DELETE FROM market_auction WHERE cleared = 1 AND id NOT IN"
				   " (SELECT id FROM market_auction WHERE cleared = 1"
				   " ORDER BY id DESC LIMIT ?)");

	fog_bind_int(q, FOG_AUCTIONS_KEEP_MAX);
	(void)fog_stmt_run(q);
}

void fog_host_auctions_clear(struct fog_host *h, u64 now_ms)
{
	struct fog_host_market *m = h->market;

	for (u32 i = m->auction_count; i-- > 0;) {
		struct fog_host_auction *x = m->auction[i];
		if (fog_auction_clear(&x->a, now_ms) != 0)
			continue;
		int rc = fog_host_auction_settle(h, x);
		fog_log(FOG_LOG_NOTICE, "market",
			"auction cleared lane=%s price=%lld volume=%lld%s", fog_lane_name(x->lane),
			(long long)x->a.price, (long long)x->a.volume,
			rc != 0 ? " settled=no" : "");
		if (rc != 0) {
			x->a.cleared = false; /* again at the next step: the result is the same */
			continue;
		}
		free(x);
		m->auction[i] = m->auction[--m->auction_count];
		old_forget(h);
	}
}

/* ---- views ---------------------------------------------------------------------------------- */

static json_t *hex_json(const u8 *data, size_t len)
{
	char hex[65];

	fog_hex_encode(data, len, hex, sizeof(hex));
	return json_string(hex);
}

static json_t *entry_json(const struct fog_auction_entry *e)
{
	static const char *const sides[] = {"", "bid", "ask"};
	json_t *o =
		json_pack("{s:o, s:o, s:b, s:s, s:I}", "account", hex_json(e->account, 32), "hash",
			  hex_json(e->hash, 32), "revealed", e->state == FOG_AUCTION_REVEALED,
			  "user", e->payer, "deposit_mfog", (json_int_t)e->deposit);

	if (e->state != FOG_AUCTION_REVEALED)
		return o;
	json_object_set_new(o, "side", json_string(sides[e->order.side]));
	json_object_set_new(o, "price_ufog", json_integer(e->order.price));
	json_object_set_new(o, "quantity", json_integer(e->order.quantity));
	json_object_set_new(o, "filled", json_integer(e->filled));
	if (e->order.side == FOG_AUCTION_BID)
		json_object_set_new(o, "namespace", json_string(e->space));
	return o;
}

static json_t *auction_json(const struct fog_host_auction *x, bool entries, u64 now_ms)
{
	static const char *const phases[] = {"", "commit", "reveal", "cleared"};
	enum fog_auction_phase phase = fog_auction_phase(&x->a, now_ms);
	json_t *o = json_pack("{s:I, s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:o, s:o}",
			      "auction_id", (json_int_t)x->a.id, "hours", (int)x->a.hours, "lane",
			      fog_lane_name(x->lane), "job_class", "S", "phase",
			      phase == FOG_AUCTION_PHASE_CLEARED && !x->a.cleared ? "clearing"
										  : phases[phase],
			      "created_ms", (json_int_t)x->created_ms, "commit_until_ms",
			      (json_int_t)x->a.commit_until_ms, "reveal_until_ms",
			      (json_int_t)x->a.reveal_until_ms, "orders", (int)x->a.count,
			      "price_ufog", x->a.cleared ? json_integer(x->a.price) : json_null(),
			      "volume", x->a.cleared ? json_integer(x->a.volume) : json_null());
	if (!entries)
		return o;
	json_t *list = json_array();
	for (u32 i = 0; i < x->a.count; i++)
		json_array_append_new(list, entry_json(&x->a.entry[i]));
	json_object_set_new(o, "entries", list);
	return o;
}

/* ---- API ------------------------------------------------------------------------------------ */

static struct fog_host_auction *auction_find(struct fog_host *h, const char *text)
{
	char *end;
	u64 id = strtoull(text, &end, 10);

	for (u32 i = 0; *end == '\0' && i < h->market->auction_count; i++)
		if (h->market->auction[i]->a.id == id)
			return h->market->auction[i];
	return NULL;
}

static int auctions_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u64 now_ms = fog_loop_now_ms(h->loop);
	json_t *list = json_array();
	int rc;

	fog_host_auctions_clear(h, now_ms);
	for (u32 i = 0; i < h->market->auction_count; i++)
		json_array_append_new(list, auction_json(h->market->auction[i], false, now_ms));
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id, lane, created_ms, cleared, data"
						" FROM market_auction WHERE cleared = 1"
						" ORDER BY id DESC LIMIT 50");
	while ((rc = fog_stmt_step(q)) == 1) {
		struct fog_host_auction *a = row_read(q);
		if (a != NULL)
			json_array_append_new(list, auction_json(a, false, now_ms));
		free(a);
	}
	return fog_envelope(x, json_pack("{s:o}", "auctions", list), "auctions");
}

/* Whose an order is, is told to him alone. */
static void users_hide(const struct fog_exchange *x, json_t *list)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		if (fog_exchange_owns(x, json_string_value(json_object_get(e, "user"))))
			continue;
		json_object_set_new(e, "user", json_string(""));
		if (json_object_get(e, "namespace") != NULL)
			json_object_set_new(e, "namespace", json_string(""));
		if (json_object_get(e, "reservation") != NULL)
			json_object_set_new(e, "reservation", json_string(""));
	}
}

static int auction_answer(struct fog_exchange *x, json_t *o)
{
	users_hide(x, json_object_get(o, "entries"));
	users_hide(x, json_object_get(o, "sales"));
	return fog_envelope(x, o, "auction");
}

static int auction_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_param(x, "id");
	u64 now_ms = fog_loop_now_ms(h->loop);

	fog_host_auctions_clear(h, now_ms);
	const struct fog_host_auction *open = auction_find(h, text);
	if (open != NULL)
		return auction_answer(x, auction_json(open, true, now_ms));
	struct fog_stmt *q = fog_stmt(h->store, "SELECT id, lane, created_ms, cleared, data"
						" FROM market_auction WHERE id = ?");
	fog_bind_u64(q, strtoull(text, NULL, 10));
	struct fog_host_auction *done = fog_stmt_step(q) == 1 ? row_read(q) : NULL;
	fog_stmt_reset(q);
	if (done == NULL)
		return fog_exchange_problem(x, 404, "no auction \"%s\"", text);
	json_t *o = auction_json(done, true, now_ms);
	json_object_set_new(o, "sales", fog_host_sales_json(h, done->a.id));
	free(done);
	return auction_answer(x, o);
}

static u64 seconds_ms(const json_t *body, const char *key)
{
	const json_t *v = json_object_get(body, key);

	return v != NULL ? 1000 * (u64)json_integer_value(v) : PHASE_DEFAULT_MS;
}

static int auction_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x), *hours = json_object_get(body, "hours");
	enum fog_lane lane = fog_lane_parse(json_string_value(json_object_get(body, "lane")));
	u64 now_ms = fog_loop_now_ms(h->loop), commit_ms = seconds_ms(body, "commit_seconds");
	struct fog_amount amount;

	if (lane == FOG_LANE_COUNT || !fog_host_lane_amount(lane, 1, &amount))
		return fog_exchange_problem(x, 400, "lane: must be cpu, memory, gpu or tee_secure");
	if (h->market->auction_count == FOG_AUCTIONS_OPEN_MAX)
		return fog_exchange_problem(x, 503, "%d auctions are open already",
					    FOG_AUCTIONS_OPEN_MAX);
	struct fog_host_auction *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	a->lane = lane;
	a->created_ms = now_ms;
	/* The time makes a good id: it grows, over restarts too. */
	u64 id = now_ms;
	for (u32 i = 0; i < h->market->auction_count; i++)
		id = FOG_MAX(id, h->market->auction[i]->a.id + 1);
	int rc = fog_auction_open(&a->a, id, hours != NULL ? (u32)json_integer_value(hours) : 1,
				  now_ms + commit_ms,
				  now_ms + commit_ms + seconds_ms(body, "reveal_seconds"), now_ms);
	if (rc == 0)
		rc = fog_host_auction_store(h, a);
	if (rc != 0) {
		free(a);
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	}
	h->market->auction[h->market->auction_count++] = a;
	return fog_envelope(x, auction_json(a, false, now_ms), "auction opened");
}

static bool bytes_read(const json_t *body, const char *key, u8 out[32])
{
	const char *hex = json_string_value(json_object_get(body, key));

	return hex != NULL && strlen(hex) == 64 && fog_hex_decode(hex, out, 32) == 0;
}

static int order_failed(struct fog_exchange *x, int rc)
{
	switch (rc) {
	case -ETIME:
		return fog_exchange_problem(x, 409, "the auction is not in this phase");
	case -ENOSPC:
		return fog_exchange_problem(x, 503, "the auction is full");
	case -EEXIST:
	case -EALREADY:
		return fog_exchange_problem(x, 409, "that order was handed in before");
	case -ENOENT:
		return fog_exchange_problem(x, 404, "nobody committed to this order");
	case -EINVAL:
		return fog_exchange_problem(x, 400, "the order is out of range");
	case -ERANGE:
		return fog_exchange_problem(x, 409, "the deposit does not cover the order");
	case -EDQUOT:
		return fog_exchange_problem(x, 409, "the user cannot hold the deposit");
	default:
		return fog_exchange_problem(x, 503, "not stored: %s", strerror(-rc));
	}
}

/* rc: of the change. Undone when the store, or the book, does not take it. */
static int order_done(struct fog_exchange *x, struct fog_host_auction *a,
		      const struct fog_auction *before, int rc, const char *message)
{
	struct fog_host *h = fog_exchange_ctx(x);

	if (rc == 0)
		return fog_envelope(x, auction_json(a, false, fog_loop_now_ms(h->loop)), message);
	memcpy(&a->a, before, sizeof(a->a));
	return order_failed(x, rc);
}

static int auction_commit(struct fog_exchange *x)
{
	static struct fog_auction before;
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_host_auction *a = auction_find(h, fog_exchange_param(x, "id"));
	const json_t *body = fog_exchange_body(x);
	const char *user = json_string_value(json_object_get(body, "user"));
	u8 account[32], hash[32];

	if (a == NULL)
		return fog_exchange_problem(x, 404, "no open auction \"%s\"",
					    fog_exchange_param(x, "id"));
	if (!bytes_read(body, "account", account) || !bytes_read(body, "hash", hash))
		return fog_exchange_problem(x, 400, "account and hash are 64 hex digits each");
	if (user != NULL && !fog_job_id_valid(user))
		return fog_exchange_problem(x, 400, "user: must be 1 to 64 of [A-Za-z0-9._-]");
	if (user != NULL && strcmp(user, fog_exchange_subject(x)) != 0 &&
	    fog_exchange_scope(x) != FOG_SCOPE_ADMIN)
		return fog_exchange_problem(x, 403,
					    "user: another's account wants the scope admin");
	memcpy(&before, &a->a, sizeof(before));
	int rc = fog_auction_commit(&a->a, account, hash,
				    user != NULL ? user : fog_exchange_subject(x),
				    json_integer_value(json_object_get(body, "deposit_mfog")),
				    fog_loop_now_ms(h->loop));
	if (rc != 0)
		return order_failed(x, rc);
	rc = fog_host_auction_hold(h, a);
	return order_done(x, a, &before, rc == -ENOSPC ? -EDQUOT : rc, "committed");
}

struct order_body {
	struct fog_auction_order order;
	u8 account[32], nonce[32], signature[64];
	bool is_signed;
	const char *space;
};

static bool order_read(const json_t *body, struct order_body *o)
{
	const char *side = json_string_value(json_object_get(body, "side"));
	const char *hex = json_string_value(json_object_get(body, "signature"));
	const char *space = json_string_value(json_object_get(body, "namespace"));

	o->order = (struct fog_auction_order){
		.side = side != NULL && side[0] == 'b' ? FOG_AUCTION_BID : FOG_AUCTION_ASK,
		.price = json_integer_value(json_object_get(body, "price_ufog")),
		.quantity = json_integer_value(json_object_get(body, "quantity"))};
	o->is_signed = hex != NULL && strlen(hex) == 128 &&
		       fog_hex_decode(hex, o->signature, sizeof(o->signature)) == 0;
	o->space = space != NULL ? space : "default";
	return bytes_read(body, "account", o->account) && bytes_read(body, "nonce", o->nonce) &&
	       fog_job_id_valid(o->space);
}

/* An ask is a worker's: it signed it, and is large enough. NULL, or what is wrong. */
static const char *ask_wrong(const struct fog_host *h, const struct fog_host_auction *a,
			     const struct order_body *o)
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, o->account);
	char text[FOG_AUCTION_TEXT_SIZE];
	struct fog_amount amount;
	u8 hash[32];

	if (s == NULL || (s->d.roles & FOG_ROLE_WORKER) == 0)
		return "account: an ask's is the node id of a worker that is known here";
	fog_auction_hash(a->a.id, o->account, &o->order, o->nonce, hash);
	fog_auction_ask_text(a->a.id, a->a.hours, hash, text);
	if (!o->is_signed || fog_signature_verify(o->account, FOG_AUCTION_ASK_LABEL, text,
						  strlen(text), o->signature) != 0)
		return "signature: an ask is signed by its worker";
	(void)fog_host_lane_amount(a->lane, o->order.quantity, &amount);
	if (amount.cpu_milli > s->d.cpu_millicores || amount.memory_bytes > s->d.memory_bytes)
		return "quantity: more than the worker has";
	return NULL;
}

static int auction_reveal(struct fog_exchange *x)
{
	static struct fog_auction before;
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_host_auction *a = auction_find(h, fog_exchange_param(x, "id"));
	struct order_body o;

	if (a == NULL)
		return fog_exchange_problem(x, 404, "no open auction \"%s\"",
					    fog_exchange_param(x, "id"));
	if (!order_read(fog_exchange_body(x), &o))
		return fog_exchange_problem(
			x, 400, "account and nonce are 64 hex digits, namespace a name");
	const char *wrong = o.order.side == FOG_AUCTION_ASK && o.order.quantity > 0 &&
					    o.order.quantity <= FOG_AUCTION_QUANTITY_MAX
				    ? ask_wrong(h, a, &o)
				    : NULL;
	if (wrong != NULL)
		return fog_exchange_problem(x, 400, "%s", wrong);
	memcpy(&before, &a->a, sizeof(before));
	int rc = fog_auction_reveal(&a->a, o.account, &o.order, o.nonce, o.space,
				    fog_loop_now_ms(h->loop));
	return rc != 0 ? order_failed(x, rc)
		       : order_done(x, a, &before, fog_host_auction_store(h, a), "revealed");
}

/* A worker's own ask, to be committed and revealed at the host that holds the auction. */
static int ask_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x);
	const struct fog_auction_order order = {
		.side = FOG_AUCTION_ASK,
		.price = json_integer_value(json_object_get(body, "price_ufog")),
		.quantity = json_integer_value(json_object_get(body, "quantity"))};
	u64 id = (u64)json_integer_value(json_object_get(body, "auction_id"));
	u32 hours = (u32)json_integer_value(json_object_get(body, "hours"));
	char text[FOG_AUCTION_TEXT_SIZE];
	u8 nonce[32], hash[32], signature[64];

	if ((h->roles & FOG_ROLE_WORKER) == 0)
		return fog_exchange_problem(x, 409, "this host is no worker");
	if (!bytes_read(body, "nonce", nonce))
		return fog_exchange_problem(x, 400, "nonce is 64 hex digits");
	fog_auction_hash(id, h->id.node_id, &order, nonce, hash);
	fog_auction_ask_text(id, hours, hash, text);
	int rc = fog_identity_sign(&h->id, FOG_AUCTION_ASK_LABEL, text, strlen(text), signature);
	if (rc != 0)
		return fog_exchange_problem(x, 500, "the ask cannot be signed");
	return fog_envelope(x,
			    json_pack("{s:o, s:o, s:s, s:s, s:o, s:I}", "account",
				      fog_json_hex_new(h->id.node_id, 32), "hash",
				      fog_json_hex_new(hash, 32), "label", FOG_AUCTION_ASK_LABEL,
				      "text", text, "signature", fog_json_hex_new(signature, 64),
				      "deposit_mfog",
				      (json_int_t)fog_auction_deposit(&order, hours)),
			    "ask signed");
}

#define ORDER "price_ufog: integer 0.. (a unit and hour), quantity: integer 1.."
#define AUCTION                                                                        \
	"{auction_id: integer, hours: integer, lane: string, job_class: S,"            \
	" phase: commit|reveal|clearing|cleared, created_ms: ms, commit_until_ms: ms," \
	" reveal_until_ms: ms, orders: integer, price_ufog: integer|null,"             \
	" volume: integer|null, ...}"

static const struct fog_route routes[] = {
	{"GET", "/v1/fog/pricing/auctions", auctions_get,
	 FOG_DESCRIBE("Auctions of this host", .answer = "{auctions: [" AUCTION "]}")},
	{"POST", "/v1/fog/pricing/auctions", auction_post,
	 FOG_DESCRIBE("Open an auction of reservations", .creates = true,
		      .request = "{lane: string (cpu, memory, gpu or tee_secure),"
				 " hours?: integer 1..720 = 1 (a unit is held for),"
				 " commit_seconds?: integer 1..86400 = 60,"
				 " reveal_seconds?: integer 1..86400 = 60}",
		      .answer = AUCTION)},
	{"GET", "/v1/fog/pricing/auctions/{id}", auction_get,
	 FOG_DESCRIBE("An auction, its orders and sales", .answer = AUCTION)},
	{"POST", "/v1/fog/pricing/auctions/{id}/commit", auction_commit,
	 FOG_DESCRIBE("Commit to an order by its hash",
		      .request =
			      "{account: hex64, hash: hex64, deposit_mfog: integer 1.. (held, and"
			      " lost if the order is not revealed), user?: string 1..64 = local}",
		      .answer = AUCTION)},
	{"POST", "/v1/fog/pricing/auctions/{id}/reveal", auction_reveal,
	 FOG_DESCRIBE("Reveal the order",
		      .request = "{account: hex64, side: bid|ask, " ORDER ", nonce: hex64,"
				 " namespace?: string 1..64 = default (of a bid: who gets it),"
				 " signature?: hex (of an ask: its worker's)}",
		      .answer = AUCTION)},
	{"POST", "/v1/fog/pricing/asks", ask_post,
	 FOG_DESCRIBE("Sign an ask of this worker, for an auction at any host",
		      .scope = FOG_SCOPE_ADMIN,
		      .request = "{auction_id: integer 1.., hours: integer 1..720, " ORDER
				 ", nonce: hex64}",
		      .answer = "{account: hex64, hash: hex64, label: string, text: string,"
				" signature: hex, deposit_mfog: integer}")},
};

void fog_host_auction_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
