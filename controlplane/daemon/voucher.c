/* SPDX-License-Identifier: BSD-3-Clause */
/* Vouchers in the daemon: a mint where there is a shared ledger, and the service "pay", by which
 *the wallets and relays of other hosts reach it, and payers a relay, through circuits of their own.
 *
 *	wallet --api.sock--> control plane --circuit, service "pay"--> mint   keys, issue, swap,
 *redeem
 *	                          `--------circuit, service "pay"--> relay: pay --redeem--> mint
 *
 * One request and one answer a stream, both one JSON frame. Who pays a relay is as hidden as who
 *uses a circuit; what the relay gets are vouchers, which nobody can tell from others of their
 *amount. */
#include "controlplane/voucher/mint.h"

#include <errno.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define CALLS_MAX   64    /* streams in and out; more are refused */
#define CALL_MS     30000 /* for an answer, circuit included */
#define PAYMENT_MS  500   /* between looks for redemptions to pay */
#define ANNOUNCE_MS 30000 /* a keyset is not announced again before */
#define TOKEN_MINT  "fog:"

typedef void (*answer_fn)(void *ctx, json_t *answer); /* takes it over; NULL: no memory */

struct fog_host_voucher {
	struct fog_host *host;
	struct fog_mint *mint; /* NULL: this host is none */
	struct fog_acceptor *acceptor;
	struct ev_timer payment_timer;
	u64 paying; /* number of the payment under way, 0 = none */
	u64 announced_ms;
	u32 calls;
	struct call *first;
};

/* One stream: ours to somebody (answer is set) or somebody's to us. */
struct call {
	struct fog_host_voucher *v;
	struct call *next, *prev;
	struct fog_opening *opening;
	struct fog_framed *stream;
	struct ev_timer timer;
	json_t *request;
	answer_fn answer;
	void *ctx;
	bool inbound, working; /* working: the answer is being made, maybe far away */
};

static json_t *problem(int rc, const char *text)
{
	return json_pack("{s:i, s:s}", "errno", -rc, "error", text);
}

static void handle(struct fog_host_voucher *v, const json_t *request, answer_fn answer, void *ctx);

/* ---- streams -------------------------------------------------------------------------------- */

static void call_free(struct call *c)
{
	ev_timer_stop(c->v->host->loop, &c->timer);
	if (c->opening != NULL)
		fog_opening_cancel(c->opening);
	fog_framed_close(c->stream);
	json_decref(c->request);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->v->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->v->calls--;
	free(c);
}

/* Tells the caller of an outbound call, once. */
static void call_end(struct call *c, json_t *answer)
{
	answer_fn fn = c->inbound ? NULL : c->answer;
	void *ctx = c->ctx;

	call_free(c);
	if (fn != NULL)
		fn(ctx, answer);
	else
		json_decref(answer);
}

static void on_call_timer(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct call *c = t->data;

	if (c->inbound && c->working) /* its own call will time out and say so */
		return;
	call_end(c, problem(-ETIMEDOUT, "no answer in time"));
}

static struct call *call_new(struct fog_host_voucher *v, bool inbound)
{
	struct call *c = v->calls < CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL)
		return NULL;
	c->v = v;
	c->inbound = inbound;
	c->next = v->first;
	if (v->first != NULL)
		v->first->prev = c;
	v->first = c;
	v->calls++;
	ev_timer_init(&c->timer, on_call_timer, CALL_MS / 1000.0, 0);
	c->timer.data = c;
	ev_timer_start(v->host->loop, &c->timer);
	return c;
}

static void inbound_answer(void *ctx, json_t *answer)
{
	struct call *c = ctx;

	c->working = false;
	if (c->stream == NULL) { /* the caller has gone; what was done is done */
		json_decref(answer);
		call_free(c);
		return;
	}
	if (answer != NULL)
		(void)fog_framed_send_json(c->stream, answer);
	json_decref(answer);
	fog_framed_finish(c->stream);
}

static void on_frame(void *ctx, struct fog_framed *s, enum fog_framed_type type, const u8 *payload,
		     u32 len)
{
	struct call *c = ctx;
	json_t *value = type == FOG_FRAMED_JSON ? json_loadb((const char *)payload, len,
							     JSON_REJECT_DUPLICATES, NULL)
						: NULL;

	if (!c->inbound) {
		call_end(c, value != NULL ? value : problem(-EPROTO, "the answer is no JSON"));
		return;
	}
	if (c->request != NULL || value == NULL) {
		json_decref(value);
		fog_framed_finish(s);
		return;
	}
	c->request = value;
	c->working = true;
	handle(c->v, c->request, inbound_answer, c);
}

static void on_end(void *ctx, struct fog_framed *s, int error)
{
	struct call *c = ctx;

	if (!c->inbound) {
		call_end(c, problem(-ECONNRESET, "the other side hung up without an answer"));
	} else if (c->working) {
		if (error != 0) {
			fog_framed_close(c->stream);
			c->stream = NULL;
		}
	} else if (error != 0 || c->request == NULL) {
		call_free(c);
	}
}

static const struct fog_framed_events stream_events = {.frame = on_frame, .end = on_end};

static void on_opened(void *ctx, int rc, int fd, const char *error, const json_t *answer)
{
	struct call *c = ctx;

	c->opening = NULL;
	if (rc == 0 &&
	    (rc = fog_framed_new(&c->stream, c->v->host->loop, fd, &stream_events, c)) != 0)
		close(fd);
	if (rc == 0)
		rc = fog_framed_send_json(c->stream, c->request);
	if (rc != 0)
		call_end(c, problem(rc, error != NULL && error[0] != '\0' ? error : strerror(-rc)));
}

/* Asks the service "pay" of a host, through a circuit. */
static void call_out(struct fog_host_voucher *v, const u8 node[32], const json_t *request,
		     answer_fn answer, void *ctx)
{
	char edge_sock[128], target[65];
	struct call *c = call_new(v, false);

	if (c == NULL) {
		answer(ctx, problem(-EBUSY, "too many payments at once"));
		return;
	}
	c->answer = answer;
	c->ctx = ctx;
	c->request = json_deep_copy(request);
	json_object_del(c->request, "host");
	snprintf(edge_sock, sizeof(edge_sock), "%s/edge.sock", v->host->config.host_run_dir);
	(void)fog_hex_encode(node, 32, target, sizeof(target));
	int rc = fog_opening_start(&c->opening, v->host->loop, edge_sock, "pay", target,
				   CALL_MS / 2, on_opened, c);
	if (rc != 0)
		call_end(c, problem(rc, strerror(-rc)));
}

static int on_admit(void *ctx, char error[128])
{
	struct fog_host_voucher *v = ctx;

	if (v->calls < CALLS_MAX)
		return 0;
	snprintf(error, 128, "too many payments at once");
	return -EBUSY;
}

static void on_accepted(void *ctx, int fd)
{
	struct fog_host_voucher *v = ctx;
	struct call *c = call_new(v, true);

	if (c == NULL || fog_framed_new(&c->stream, v->host->loop, fd, &stream_events, c) != 0) {
		if (c != NULL)
			call_free(c);
		close(fd);
		return;
	}
	fog_framed_set_idle(c->stream, CALL_MS);
}

/* ---- what is asked -------------------------------------------------------------------------- */

/* A relay is paid: the vouchers are redeemed at their mint, for this host's account. */
struct payment {
	answer_fn answer;
	void *ctx;
};

static void on_redeemed(void *ctx, json_t *answer)
{
	struct payment *p = ctx;
	json_t *amount = json_object_get(answer, "amount");

	if (json_is_integer(amount)) {
		fog_log(FOG_LOG_INFO, "voucher", "paid by vouchers");
		p->answer(p->ctx, json_pack("{s:O}", "paid", amount));
		json_decref(answer);
	} else {
		p->answer(p->ctx, answer);
	}
	free(p);
}

static void pay(struct fog_host_voucher *v, const json_t *request, answer_fn answer, void *ctx)
{
	const char *text = json_string_value(json_object_get(request, "token")), *why = "no token";
	struct fog_token *t = malloc(sizeof(*t));
	struct payment *p = malloc(sizeof(*p));
	char account[65];
	u8 mint[32];

	if (t == NULL || p == NULL || text == NULL || fog_token_read(t, text, &why) != 0 ||
	    strncmp(t->mint, TOKEN_MINT, strlen(TOKEN_MINT)) != 0 ||
	    strlen(t->mint) != strlen(TOKEN_MINT) + 64 ||
	    fog_hex_decode(t->mint + strlen(TOKEN_MINT), mint, 32) != 0) {
		free(t);
		free(p);
		answer(ctx, problem(-EINVAL, why));
		return;
	}
	json_t *inputs = json_array();
	for (u32 i = 0; i < t->count; i++)
		json_array_append_new(inputs, fog_voucher_json(&t->proof[i]));
	free(t);
	(void)fog_hex_encode(v->host->id.node_id, 32, account, sizeof(account));
	json_t *redeem =
		json_pack("{s:s, s:o, s:s}", "op", "redeem", "inputs", inputs, "account", account);
	*p = (struct payment){answer, ctx};
	if (memcmp(mint, v->host->id.node_id, 32) == 0)
		handle(v, redeem, on_redeemed, p);
	else
		call_out(v, mint, redeem, on_redeemed, p);
	json_decref(redeem);
}

static void handle(struct fog_host_voucher *v, const json_t *request, answer_fn answer, void *ctx)
{
	const char *op = json_string_value(json_object_get(request, "op"));
	u64 now_ms = fog_loop_now_ms(v->host->loop);
	char why[FOG_MINT_WHY_SIZE] = "", account[65];
	json_t *out = NULL;
	int rc;

	if (op != NULL && strcmp(op, "pay") == 0) {
		pay(v, request, answer, ctx);
		return;
	}
	if (v->mint == NULL)
		rc = -EOPNOTSUPP;
	else if (op != NULL && strcmp(op, "keys") == 0)
		rc = (out = fog_mint_keys(v->mint, now_ms)) != NULL ? 0 : -ENOMEM;
	else if (op != NULL && strcmp(op, "issue") == 0)
		rc = fog_mint_issue(v->mint, request, now_ms, &out, why);
	else if (op != NULL && strcmp(op, "swap") == 0)
		rc = fog_mint_swap(v->mint, request, now_ms, &out, why);
	else if (op != NULL && strcmp(op, "redeem") == 0)
		rc = fog_mint_redeem(v->mint, request, now_ms, &out, why);
	else
		rc = -EINVAL;
	if (rc != 0) {
		answer(ctx,
		       problem(rc, why[0] != '\0'      ? why
				   : rc == -EOPNOTSUPP ? "this host runs no mint"
						       : "op is keys, issue, swap, redeem or pay"));
		return;
	}
	(void)fog_hex_encode(v->host->id.node_id, 32, account, sizeof(account));
	json_object_set_new(out, "mint", json_string(account));
	answer(ctx, out);
}

/* ---- the API -------------------------------------------------------------------------------- */

static void api_answer(void *ctx, json_t *answer)
{
	struct fog_exchange *x = ctx;
	const char *error = json_string_value(json_object_get(answer, "error"));
	int rc = -(int)json_integer_value(json_object_get(answer, "errno"));

	if (error == NULL) {
		fog_exchange_json(x, 200, answer);
		return;
	}
	fog_exchange_problem(x, rc == -EACCES ? 403 : fog_status_of_errno(rc), "%s", error);
	json_decref(answer);
}

/* {"op", .., "host": name or node id} */
static int vouchers_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *request = fog_exchange_body(x);
	const char *host = json_string_value(json_object_get(request, "host"));
	const struct fog_signed_descriptor *s = NULL;

	char own[65];

	(void)fog_hex_encode(h->id.node_id, 32, own, sizeof(own));
	if (host == NULL || strcmp(host, own) == 0 || strcmp(host, h->config.host_name) == 0) {
		handle(h->voucher, request, api_answer, x);
		return 0;
	}
	if (fog_directory_lookup(h->directory, host, &s) != 0)
		return fog_exchange_problem(
			x, 404, "no host \"%s\" is known, or several are called so", host);
	call_out(h->voucher, s->d.node_id, request, api_answer, x);
	return 0;
}

static const struct fog_route routes[] = {
	{"POST", "/v1/vouchers", vouchers_post,
	 FOG_DESCRIBE("Vouchers: keys, issue, swap, redeem, pay", .scope = FOG_SCOPE_ADMIN,
		      .request = "{op: string 1..32, host?: node, ...}", .answer = "object")},
};

/* ---- the mint's side of the ledger ---------------------------------------------------------- */

static u64 port_deposited(void *context, const u8 quote[32])
{
	struct fog_host_voucher *v = context;
	struct fog_rec_deposit d;
	const struct fog_chain *chain = fog_ledger_app_chain(fog_host_chain_app(v->host->chain));

	if (!fog_state_get(fog_chain_state(chain), FOG_RECORD_DEPOSIT, quote, &d) ||
	    memcmp(d.mint, v->host->id.node_id, 32) != 0)
		return 0;
	return d.amount;
}

static void on_paid(void *ctx, const u8 id[32], u64 height, enum fog_tx_error error, int result)
{
	struct fog_host_voucher *v = ctx;
	u64 number = v->paying;

	v->paying = 0;
	/* MINT_PAID: it was made before a crash that forgot to note it. */
	if (error == FOG_TX_OK || error == FOG_TX_ERROR_MINT_PAID)
		(void)fog_mint_payment_done(v->mint, number);
	else if (error < FOG_TX_ERROR_COUNT)
		fog_log(FOG_LOG_ERROR, "voucher", "payment refused reason=\"%s\"",
			fog_tx_error_text(error));
}

/* The ledger must know this mint and its keyset before anybody can deposit, and each new one. */
static void mint_announce(struct fog_host_voucher *v)
{
	const struct fog_state *s =
		fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(v->host->chain)));
	struct fog_tx tx = {.kind = FOG_TX_MINT_OPEN};
	struct fog_rec_mint m;
	enum fog_tx_error error;
	u64 now_ms = fog_loop_now_ms(v->host->loop);

	if (now_ms < v->announced_ms + ANNOUNCE_MS)
		return;
	memcpy(tx.body.mint.keyset, fog_mint_keyset_id(v->mint, now_ms),
	       sizeof(tx.body.mint.keyset));
	if (fog_state_get(s, FOG_RECORD_MINT, v->host->id.node_id, &m) &&
	    memcmp(m.keyset, tx.body.mint.keyset, sizeof(m.keyset)) == 0)
		return;
	v->announced_ms = now_ms;
	if (fog_host_chain_send(v->host->chain, &tx, &error, NULL, NULL) != 0)
		fog_log(FOG_LOG_ERROR, "voucher", "mint not announced reason=\"%s\"",
			fog_tx_error_text(error));
}

static void on_payment(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct fog_host_voucher *v = t->data;
	struct fog_tx tx = {.kind = FOG_TX_VOUCHER_REDEEM};
	struct fog_mint_payment p;
	enum fog_tx_error error;

	mint_announce(v);
	if (v->paying != 0 || fog_mint_payment_next(v->mint, &p) != 1)
		return;
	memcpy(tx.body.redeem.to, p.account, 32);
	tx.body.redeem.amount = p.amount;
	tx.body.redeem.number = p.number;
	v->paying = p.number;
	if (fog_host_chain_send(v->host->chain, &tx, &error, on_paid, v) != 0)
		v->paying = 0;
}

static int mint_start(struct fog_host_voucher *v, char why[FOG_HOST_WHY_SIZE])
{
	const struct fog_mint_ports ports = {v, port_deposited};
	static const char label[] = "fog mint seed 1";
	u8 seed[32];

	fog_hmac_sha256(seed, v->host->id.sign_sk, 32, label, sizeof(label));
	int rc = fog_mint_open(&v->mint, v->host->store, seed, &ports,
			       fog_loop_now_ms(v->host->loop), why);
	fog_wipe(seed, sizeof(seed));
	if (rc != 0)
		return rc;
	ev_timer_init(&v->payment_timer, on_payment, PAYMENT_MS / 1000.0, PAYMENT_MS / 1000.0);
	v->payment_timer.data = v;
	ev_timer_start(v->host->loop, &v->payment_timer);
	return 0;
}

int fog_host_voucher_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	static const struct fog_acceptor_events events = {on_admit, on_accepted};
	struct fog_host_voucher *v = calloc(1, sizeof(*v));
	char path[128];

	if (v == NULL)
		return -ENOMEM;
	v->host = h;
	h->voucher = v;
	int rc = h->chain != NULL ? mint_start(v, why) : 0;
	if (rc != 0)
		return rc;
	snprintf(path, sizeof(path), "%s/pay.sock", h->config.host_run_dir);
	rc = fog_acceptor_start(&v->acceptor, h->loop, path, "pay", &events, v);
	if (rc != 0)
		snprintf(why, FOG_HOST_WHY_SIZE, "%s: %s", path, strerror(-rc));
	else
		fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return rc;
}

void fog_host_voucher_stop(struct fog_host *h)
{
	struct fog_host_voucher *v = h->voucher;

	if (v == NULL)
		return;
	fog_acceptor_stop(v->acceptor);
	while (v->first != NULL)
		call_end(v->first, problem(-ESHUTDOWN, "the control plane stops"));
	ev_timer_stop(h->loop, &v->payment_timer);
	fog_mint_close(v->mint);
	free(v);
	h->voucher = NULL;
}
