/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared ledger over HTTP: state, accounts with proofs, proposals, offers, transactions.
 * Amounts are ufog. docs/API.md. */
#include <errno.h>

#include "controlplane/daemon/chain.h"
#include "controlplane/governance/governance.h"
#include "controlplane/ledger/engine.h"
#include "controlplane/market/market.h"
#include "crypto/mem.h"

#define LISTED_MAX 1000 /* rows of one answer */

static const struct fog_chain *chain_of(const struct fog_host *h)
{
	return fog_ledger_app_chain(fog_host_chain_app(h->chain));
}

static const struct fog_state *state_of(const struct fog_host *h)
{
	return fog_chain_state(chain_of(h));
}

static json_t *hex(const void *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (text == NULL)
		return NULL;
	(void)fog_hex_encode(data, len, text, 2 * len + 1);
	json_t *out = json_string(text);
	free(text);
	return out;
}

static json_t *number(u64 v)
{
	return json_integer((json_int_t)v);
}

/* ---- ledger --------------------------------------------------------------------------------- */

static int ledger_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_state *s = state_of(h);
	const struct fog_rec_global *g = &s->global;
	u8 root[32];
	u64 height;
	struct fog_application i;

	fog_ledger_app_interface(fog_host_chain_app(h->chain), &i);
	i.info(i.context, &height, root);
	return fog_exchange_json(
		x, 200,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o}",
			  "chain", hex(g->chain, 32), "height", number(g->height), "time_ms",
			  number(g->time_ms), "root", hex(root, 32), "issued", number(g->issued),
			  "treasury", number(g->treasury), "rewards", number(g->rewards),
			  "base_fee", number(g->base_fee), "vote_locked", number(g->vote_locked),
			  "records", number(fog_tree_count(s->tree)), "conserved",
			  fog_state_conserved(s), "order", h->config.ledger_chain, "host",
			  hex(h->id.node_id, 32)));
}

static int validators_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	static const char *const states[] = {"?", "active", "jailed", "banned"};
	struct fog_rec_validators list;
	struct fog_rec_validator v;
	json_t *rows = json_array();

	fog_state_get(state_of(h), FOG_RECORD_VALIDATORS, NULL, &list);
	for (u32 n = 0; n < list.count; n++) {
		fog_state_get(state_of(h), FOG_RECORD_VALIDATOR, list.pk[n], &v);
		json_array_append_new(
			rows,
			json_pack("{s:o, s:s, s:o, s:o, s:o, s:i, s:s, s:s, s:s, s:s, s:I}",
				  "account", hex(list.pk[n], 32), "state",
				  states[FOG_MIN(v.state, 3u)], "tokens", number(v.tokens),
				  "rewards", number(v.rewards), "slashed", number(v.slashed),
				  "commission_ppm", (int)v.commission_ppm, "operator",
				  v.attributes.operator_name, "country", v.attributes.country,
				  "power_region", v.attributes.power_region, "tee_vendor",
				  v.attributes.tee_vendor, "as", (json_int_t)v.attributes.as));
	}
	return fog_exchange_json(x, 200, json_pack("{s:o}", "validators", rows));
}

static int parameters_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *rows = json_array();

	for (u32 n = 0; n < fog_parameters_count; n++) {
		const struct fog_parameter_info *p = &fog_parameters[n];
		json_array_append_new(
			rows,
			json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:s}", "number", (int)p->number,
				  "name", p->name, "value",
				  (json_int_t)fog_parameter_get(state_of(h), p->number), "default",
				  (json_int_t)p->initial, "least", (json_int_t)p->least, "most",
				  (json_int_t)p->most, "help", p->help));
	}
	return fog_exchange_json(x, 200, json_pack("{s:o}", "parameters", rows));
}

/* ---- accounts ------------------------------------------------------------------------------- */

static json_t *proof_json(struct fog_host *h, const u8 pk[32])
{
	u8 question[33] = {FOG_RECORD_ACCOUNT}, *answer, *proof, root[32];
	u32 answer_len, proof_len;
	u64 height;
	struct fog_application i;

	memcpy(question + 1, pk, 32);
	fog_ledger_app_interface(fog_host_chain_app(h->chain), &i);
	int rc = i.query(i.context, "record", (struct fog_app_bytes){question, 33}, &answer,
			 &answer_len, &proof, &proof_len, &height, root);
	if (rc != 0 && rc != -ENOENT)
		return NULL;
	json_t *out =
		json_pack("{s:o, s:o, s:o, s:o}", "height", number(height), "root", hex(root, 32),
			  "record", hex(answer, answer_len), "proof", hex(proof, proof_len));
	free(answer);
	free(proof);
	return out;
}

static json_t *delegations_json(const struct fog_host *h, const u8 pk[32])
{
	struct fog_rec_validators list;
	json_t *rows = json_array();
	u64 tokens, rewards;

	fog_state_get(state_of(h), FOG_RECORD_VALIDATORS, NULL, &list);
	for (u32 n = 0; n < list.count; n++)
		if (fog_chain_delegation(chain_of(h), pk, list.pk[n], &tokens, &rewards))
			json_array_append_new(rows, json_pack("{s:o, s:o, s:o}", "validator",
							      hex(list.pk[n], 32), "tokens",
							      number(tokens), "rewards",
							      number(rewards)));
	return rows;
}

static int account_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_param(x, "key");
	const struct fog_state *s = state_of(h);
	struct fog_rec_account a;
	struct fog_rec_voter v;
	u8 pk[32];

	if (strcmp(text, "host") == 0)
		memcpy(pk, h->id.node_id, 32);
	else if (strlen(text) != 64 || fog_hex_decode(text, pk, 32) != 0)
		return fog_exchange_problem(x, 400, "an account is a key of 64 hex digits");
	fog_state_get(s, FOG_RECORD_ACCOUNT, pk, &a);
	fog_state_get(s, FOG_RECORD_VOTER, pk, &v);
	return fog_exchange_json(
		x, 200,
		json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "account",
			  hex(pk, 32), "balance", number(a.balance), "nonce", number(a.nonce),
			  "vote_locked", number(v.locked), "rank", fog_rank_name(v.rank),
			  "delegate", hex(v.delegate, 32), "votes",
			  number(fog_governance_votes(s, pk, s->global.time_ms)), "delegations",
			  delegations_json(h, pk), "chain", hex(s->global.chain, 32), "base_fee",
			  number(s->global.base_fee), "proof", proof_json(h, pk)));
}

/* ---- proposals ------------------------------------------------------------------------------ */

static json_t *motion_json(const struct fog_motion *m)
{
	const struct fog_parameter_info *p = fog_parameter_find(m->target);

	switch (m->kind) {
	case FOG_MOTION_PARAMETER:
		return json_pack("{s:s, s:s, s:I}", "kind", "parameter", "parameter",
				 p != NULL ? p->name : "?", "value", (json_int_t)m->value);
	case FOG_MOTION_PAY:
		return json_pack("{s:s, s:o, s:I}", "kind", "pay", "account", hex(m->account, 32),
				 "value", (json_int_t)m->value);
	default:
		return json_pack("{s:s, s:o, s:s}", "kind", "rank", "account", hex(m->account, 32),
				 "rank", fog_rank_name((u32)m->value));
	}
}

static json_t *proposal_json(const struct fog_host *h, u64 n, const struct fog_rec_proposal *p)
{
	u64 now = FOG_MAX(fog_loop_now_ms(h->loop), state_of(h)->global.time_ms);
	json_t *motions = json_array();

	for (u32 i = 0; i < p->motion_count; i++)
		json_array_append_new(motions, motion_json(&p->motion[i]));
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}",
			 "id", number(n), "title", p->title, "state",
			 fog_proposal_state_name(fog_proposal_state(p, now)), "proposer",
			 hex(p->proposer, 32), "created_ms", number(p->created_ms), "start_ms",
			 number(p->start_ms), "end_ms", number(p->end_ms), "eta_ms",
			 number(p->eta_ms), "against", number(p->votes[0]), "for",
			 number(p->votes[1]), "abstain", number(p->votes[2]), "quorum",
			 number(p->quorum), "approval_ppm", (int)p->approval_ppm, "motions",
			 motions);
}

static int proposals_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_state *s = state_of(h);
	struct fog_rec_proposal p;
	json_t *rows = json_array();
	u64 last = s->global.proposal_next;

	for (u64 n = last > LISTED_MAX ? last - LISTED_MAX : 1; n < last; n++)
		if (fog_state_get(s, FOG_RECORD_PROPOSAL, &n, &p))
			json_array_append_new(rows, proposal_json(h, n, &p));
	return fog_exchange_list(x, json_pack("{s:o}", "proposals", rows), "proposals");
}

static int proposal_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_rec_proposal p;
	u64 n = strtoull(fog_exchange_param(x, "id"), NULL, 10);

	if (!fog_state_get(state_of(h), FOG_RECORD_PROPOSAL, &n, &p))
		return fog_exchange_problem(x, 404, "there is no proposal \"%s\"",
					    fog_exchange_param(x, "id"));
	return fog_exchange_json(x, 200, proposal_json(h, n, &p));
}

/* ---- offers --------------------------------------------------------------------------------- */

static void lane_list(const struct fog_state *s, u64 lane, json_t *orders, json_t *lanes)
{
	struct fog_rec_lane l;
	struct fog_rec_order o;

	if (!fog_state_get(s, FOG_RECORD_LANE, &lane, &l))
		return;
	json_array_append_new(lanes, json_pack("{s:s, s:o, s:o, s:o, s:o}", "lane",
					       fog_lane_name((u32)lane), "orders", number(l.count),
					       "price", number(l.price), "volume", number(l.volume),
					       "time_ms", number(l.time_ms)));
	for (u64 n = l.head; n != 0 && json_array_size(orders) < LISTED_MAX; n = o.next) {
		if (!fog_state_get(s, FOG_RECORD_ORDER, &n, &o))
			return;
		json_array_append_new(
			orders, json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
					  number(n), "lane", fog_lane_name((u32)lane), "side",
					  o.side == FOG_ORDER_BID ? "bid" : "ask", "account",
					  hex(o.owner, 32), "price", number(o.price), "quantity",
					  number(o.quantity), "remaining", number(o.remaining),
					  "expires_ms", number(o.expires_ms)));
	}
}

static int offers_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *orders = json_array(), *lanes = json_array();

	for (u64 lane = 0; lane < FOG_LANE_COUNT; lane++)
		lane_list(state_of(h), lane, orders, lanes);
	return fog_exchange_list(x, json_pack("{s:o, s:o}", "offers", orders, "lanes", lanes),
				 "offers");
}

/* Escrows an account pays or is paid by. A walk over the state: for people, not for programs. */
static int escrows_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *account = fog_exchange_query(x, "account");
	json_t *rows = json_array();
	u8 key[32], pk[32];
	const void *value, *id, *body;
	enum fog_record kind;
	u32 len;

	if (account != NULL && (strlen(account) != 64 || fog_hex_decode(account, pk, 32) != 0)) {
		json_decref(rows);
		return fog_exchange_problem(x, 400, "an account is a key of 64 hex digits");
	}
	for (bool first = true;
	     fog_tree_next(state_of(h)->tree, first ? NULL : key, key, &value, &len);
	     first = false) {
		if (fog_record_read(value, len, &kind, &id, &body) != 0 ||
		    kind != FOG_RECORD_ESCROW || json_array_size(rows) == LISTED_MAX)
			continue;
		const struct fog_rec_escrow *e = body;
		if (account != NULL && memcmp(e->payer, pk, 32) != 0 &&
		    memcmp(e->payee, pk, 32) != 0)
			continue;
		json_array_append_new(
			rows, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "escrow",
					hex(id, 32), "payer", hex(e->payer, 32), "payee",
					hex(e->payee, 32), "held", number(e->held), "claimed",
					number(e->claimed), "due_ms", number(e->due_ms), "state",
					e->state == FOG_ESCROW_CLAIMED ? "claimed" : "open", "lane",
					e->lane != 0 ? fog_lane_name(e->lane - 1) : ""));
	}
	return fog_exchange_list(x, json_pack("{s:o}", "escrows", rows), "escrows");
}

/* ---- transactions --------------------------------------------------------------------------- */

static json_t *verdict_json(const u8 id[32], u64 height, enum fog_tx_error error)
{
	return json_pack("{s:o, s:o, s:s, s:s}", "transaction", hex(id, 32), "height",
			 number(height), "result", fog_tx_error_name(error), "detail",
			 fog_tx_error_text(error));
}

static int refusal_answer(struct fog_exchange *x, enum fog_tx_error error, int result)
{
	int status;
	const char *why = fog_chain_why(error, result, &status);

	return fog_exchange_problem(x, status, "%s", why);
}

static void on_done(void *ctx, const u8 id[32], u64 height, enum fog_tx_error error, int result)
{
	struct fog_exchange *x = ctx;

	if (error == FOG_TX_OK)
		fog_exchange_json(x, 200, verdict_json(id, height, error));
	else
		refusal_answer(x, error, result);
}

/* {"transaction": hex} signed by its sender, or {"kind": number, "body": hex} for this host's
 * account. */
static int transaction_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x);
	const char *text = json_string_value(json_object_get(body, "transaction"));
	const char *own = json_string_value(json_object_get(body, "body"));
	u8 data[FOG_TX_SIZE_MAX];
	enum fog_tx_error error = FOG_TX_ERROR_MALFORMED;
	struct fog_tx tx = {.kind = (u32)json_integer_value(json_object_get(body, "kind"))};
	int rc = -EINVAL;

	if (text == NULL && fog_exchange_scope(x) != FOG_SCOPE_ADMIN)
		return fog_exchange_problem(x, 403,
					    "the account of this host wants the scope "
					    "admin; send a transaction you signed");
	if (text != NULL && strlen(text) / 2 <= sizeof(data) &&
	    fog_hex_decode(text, data, strlen(text) / 2) == 0)
		rc = fog_host_chain_submit(h->chain, data, (u32)(strlen(text) / 2), &error, on_done,
					   x);
	else if (own != NULL && strlen(own) / 2 <= sizeof(tx.body) &&
		 strcmp(fog_tx_kind_name(tx.kind), "?") != 0 && tx.kind != FOG_TX_ESCROW_CLAIM &&
		 fog_hex_decode(own, (u8 *)&tx.body, strlen(own) / 2) == 0)
		rc = fog_host_chain_send(h->chain, &tx, &error, on_done, x);
	return rc == 0 ? 0 : refusal_answer(x, error, rc);
}

static int transaction_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_param(x, "id");
	enum fog_tx_error error;
	u64 height;
	u8 id[32];

	if (strlen(text) != 64 || fog_hex_decode(text, id, 32) != 0)
		return fog_exchange_problem(x, 400, "a transaction's id is 64 hex digits");
	if (fog_ledger_app_verdict(fog_host_chain_app(h->chain), id, &error, &height) != 0)
		return fog_exchange_problem(x, 404, "not among the last %u transactions",
					    FOG_LEDGER_VERDICTS);
	return fog_exchange_json(x, 200, verdict_json(id, height, error));
}

#define LEDGER                                                                                  \
	"{chain: hex64, height: integer, time_ms: ms (of the last block), root: hex64, issued:" \
	" integer (ufog), treasury: integer, rewards: integer, base_fee: integer, vote_locked:" \
	" integer, records: integer, conserved: boolean (no money is missing), order: string"   \
	" (ledger.chain), host: hex64}"
#define VALIDATORS                                                                         \
	"{validators: [{account: hex64, state: string (active, jailed or banned), tokens:" \
	" integer, rewards: integer, slashed: integer, commission_ppm: integer, operator:" \
	" string, country: string, power_region: string, tee_vendor: string, as: integer}]}"
#define PARAMETERS                                                                        \
	"{parameters: [{number: integer, name: string, value: integer, default: integer," \
	" least: integer, most: integer, help: string}]}"
#define ACCOUNT                                                                            \
	"{account: hex64, balance: integer (ufog), nonce: integer, vote_locked: integer,"  \
	" rank: string, delegate: hex64, votes: integer, delegations: [{validator: hex64," \
	" tokens: integer, rewards: integer}], chain: hex64, base_fee: integer, proof:"    \
	" {height: integer, root: hex64, record: hex, proof: hex}}"
#define ESCROWS                                                                       \
	"{escrows: [{escrow: hex64, payer: hex64, payee: hex64, held: integer (ufog)" \
	", claimed: integer, due_ms: ms, state: open|claimed, lane: string}], next: integer|null}"
#define PROPOSAL                                                                       \
	"{id: integer, title: string, state: string, proposer: hex64, created_ms: ms," \
	" start_ms: ms, end_ms: ms, eta_ms: ms, against: integer, for: integer,"       \
	" abstain: integer, quorum: integer, approval_ppm: integer, motions: [{kind:"  \
	" parameter|pay|rank, parameter?: string, account?: hex64, value?: integer,"   \
	" rank?: string}]}"
#define OFFERS                                                                                     \
	"{offers: [{id: integer, lane: string, side: bid|ask, account: hex64, price:"              \
	" integer (ufog), quantity: integer, remaining: integer, expires_ms: ms}], lanes:"         \
	" [{lane: string, orders: integer, price: integer, volume: integer, time_ms: ms}], next: " \
	"integer|null}"
#define VERDICT "{transaction: hex64, height: integer, result: string, detail: string}"

static const struct fog_route routes[] = {
	{"GET", "/v1/ledger", ledger_get, FOG_DESCRIBE("The shared ledger", .answer = LEDGER)},
	{"GET", "/v1/ledger/validators", validators_get,
	 FOG_DESCRIBE("Validators", .answer = VALIDATORS)},
	{"GET", "/v1/ledger/parameters", parameters_get,
	 FOG_DESCRIBE("What may be voted on", .answer = PARAMETERS)},
	{"GET", "/v1/ledger/accounts/{key}", account_get,
	 FOG_DESCRIBE("An account with its proof",
		      .path = "key: string 1..64 (key, or host for this one)", .answer = ACCOUNT)},
	{"GET", "/v1/ledger/escrows", escrows_get,
	 FOG_DESCRIBE("Escrows",
		      .query = "account?: string ..64 (key of payer or payee), " FOG_PAGE_QUERY,
		      .answer = ESCROWS)},
	{"GET", "/v1/proposals", proposals_get,
	 FOG_DESCRIBE("Proposals", .query = FOG_PAGE_QUERY,
		      .answer = "{proposals: [@Proposal], next: integer|null}")},
	{"GET", "/v1/proposals/{id}", proposal_get,
	 FOG_DESCRIBE("A proposal", .answer = "@Proposal")},
	{"GET", "/v1/offers", offers_get,
	 FOG_DESCRIBE("Offers on the exchange", .query = FOG_PAGE_QUERY, .answer = OFFERS)},
	{"POST", "/v1/transactions", transaction_post,
	 FOG_DESCRIBE("Submit a transaction",
		      .text = "Signed by its sender, or, for the account of this host (scope"
			      " admin), kind and body.",
		      .creates = true,
		      .request = "{transaction?: hex, kind?: integer 0..255, body?: hex}",
		      .answer = VERDICT)},
	{"GET", "/v1/transactions/{id}", transaction_get,
	 FOG_DESCRIBE("What became of a transaction", .answer = VERDICT)},
};

void fog_host_chain_routes(struct fog_host *h)
{
	fog_gateway_define(h->gateway, "Proposal", PROPOSAL);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
