/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/chain.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/jobs/papers.h"
#include "controlplane/market/market.h"
#include "crypto/hash/hash.h"

#define STATE_NAME "chain_state"

struct waiting {
	u8 *data;
	u32 len;
	u8 id[32];
	fog_chain_done_fn done;
	void *ctx;
	u64 since_ns;
};

struct fog_host_chain {
	struct fog_host *host;
	struct fog_ledger_app *app;
	struct fog_application i;
	struct fog_node *node; /* ledger.chain = quorum */
	struct ev_timer block_timer, idle_timer;
	u32 count;
	u64 own_next; /* nonce of our next transaction; 0 = as the state says */
	u64 state_height;
	u64 parameters_version;
	struct fog_histogram commit;
	struct waiting waiting[FOG_CHAIN_POOL_MAX];
	i32 verdict[FOG_APP_BLOCK_TX_MAX];
};

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE chain_block("
	    " height INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT"},
};

/* ---- receipts of jobs ----------------------------------------------------------------------- */

/* Amounts of jobs are in mfog. */
static int receipt_read(const char *text, u32 len, struct fog_chain_receipt *out)
{
	char copy[FOG_TX_TEXT_MAX + 1], error[FOG_JSON_ERROR_SIZE], reference[FOG_JOB_ID_SIZE + 16];
	struct fog_receipt *r = malloc(sizeof(*r));
	int rc = r == NULL || len > FOG_TX_TEXT_MAX ? -EINVAL : 0;

	if (rc == 0) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		rc = strlen(copy) != len ? -EINVAL : fog_receipt_parse(copy, r, error);
	}
	if (rc == 0) {
		memcpy(out->submitter, r->key.submitter, 32);
		memcpy(out->worker, r->key.worker, 32);
		memcpy(out->offer_sha256, r->offer_sha256, 32);
		int n = snprintf(reference, sizeof(reference), "%s:%u", r->key.job, r->key.attempt);
		fog_hash_sha256(out->reference, reference, (size_t)n);
		out->amount = r->amount > 0 ? (u64)r->amount * 1000 : 0;
	}
	free(r);
	return rc;
}

/* ---- blocks --------------------------------------------------------------------------------- */

static u8 *body_write(const struct waiting *w, u32 count, size_t *len)
{
	size_t at = 0;

	*len = 0;
	for (u32 n = 0; n < count; n++)
		*len += 4 + w[n].len;
	u8 *out = malloc(*len + 1);
	for (u32 n = 0; out != NULL && n < count; n++) {
		fog_store_u32(out + at, w[n].len);
		memcpy(out + at + 4, w[n].data, w[n].len);
		at += 4 + w[n].len;
	}
	return out;
}

/* Number of transactions in a stored body; -EUCLEAN when it is none. */
static int body_read(const u8 *body, size_t len, struct fog_app_bytes *tx)
{
	int count = 0;

	for (size_t at = 0; at != len; count++) {
		if (len - at < 4 || fog_load_u32(body + at) > len - at - 4 ||
		    count == FOG_APP_BLOCK_TX_MAX)
			return -EUCLEAN;
		tx[count] = (struct fog_app_bytes){body + at + 4, fog_load_u32(body + at)};
		at += 4 + tx[count].len;
	}
	return count;
}

static void parameters_check(struct fog_host_chain *c)
{
	const struct fog_state *s = fog_chain_state(fog_ledger_app_chain(c->app));

	if (s->global.parameters_version == c->parameters_version)
		return;
	c->parameters_version = s->global.parameters_version;
	fog_host_parameters_apply(c->host, s);
}

static int block_execute(struct fog_host_chain *c, u64 height, u64 time_ms,
			 const struct fog_app_bytes *tx, u32 count)
{
	struct fog_app_validator change[FOG_APP_CHANGES_MAX];
	struct fog_app_block block = {
		.height = height, .time_ms = time_ms, .tx = tx, .tx_count = count};
	struct fog_app_result result = {.verdict = c->verdict, .change = change};

	memcpy(block.proposer, c->host->id.node_id, 32);
	int rc = c->i.execute(c->app, &block, &result);
	if (rc == 0)
		parameters_check(c);
	return rc;
}

static int block_store(struct fog_host_chain *c, u64 height, u64 time_ms, const u8 *body,
		       size_t len)
{
	struct fog_stmt *q = fog_stmt(
		c->host->store, "INSERT INTO chain_block(height, time_ms, body) VALUES(?, ?, ?)");

	fog_bind_u64(q, height);
	fog_bind_u64(q, time_ms);
	fog_bind_blob(q, body, len);
	return fog_stmt_run(q);
}

static int state_write(struct fog_host_chain *c);

static void committed(struct fog_host_chain *c, u64 since_ns)
{
	fog_histogram_add(&c->commit, (double)(fog_monotonic_ns() - since_ns) / 1e9);
}

static void block_answer(struct fog_host_chain *c, struct waiting *w, u32 count, u64 height)
{
	for (u32 n = 0; n < count; n++) {
		enum fog_tx_error error = FOG_TX_OK;
		u64 at = height;
		(void)fog_ledger_app_verdict(c->app, w[n].id, &error, &at);
		committed(c, w[n].since_ns);
		if (w[n].done != NULL)
			w[n].done(w[n].ctx, w[n].id, at, error, 0);
		free(w[n].data);
	}
	free(w);
}

/* Everything that waits becomes one block. */
static void block_make(struct fog_host_chain *c)
{
	const struct fog_state *s = fog_chain_state(fog_ledger_app_chain(c->app));
	u64 height = s->global.height + 1;
	u64 time_ms = FOG_MAX(fog_loop_now_ms(c->host->loop), s->global.time_ms + 1);
	u32 count = c->count;
	struct waiting *w = calloc(count + 1, sizeof(*w));
	struct fog_app_bytes *tx = calloc(count + 1, sizeof(*tx));
	size_t len;
	u8 *body = body_write(c->waiting, count, &len);
	int rc = w == NULL || tx == NULL || body == NULL ? -ENOMEM : 0;

	if (rc == 0)
		rc = block_store(c, height, time_ms, body, len);
	if (rc != 0) { /* nothing happened: tried again with the next timer */
		fog_log(FOG_LOG_ERROR, "ledger", "block not stored rc=%d", rc);
		free(w);
		goto out;
	}
	memcpy(w, c->waiting, count * sizeof(*w));
	for (u32 n = 0; n < count; n++)
		tx[n] = (struct fog_app_bytes){w[n].data, w[n].len};
	c->count = 0;
	c->own_next = 0;
	rc = block_execute(c, height, time_ms, tx, count);
	if (rc != 0)
		fog_log(FOG_LOG_ERROR, "ledger", "block not executed height=%llu rc=%d",
			(unsigned long long)height, rc);
	block_answer(c, w, count, height);
	if (rc == 0 && height - c->state_height >= FOG_CHAIN_STATE_EVERY)
		(void)state_write(c);
out:
	free(body);
	free(tx);
}

static void on_block(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct fog_host_chain *c = t->data;

	if (c->count != 0)
		block_make(c);
}

/* Orders are called and payments fall due with time, whether anybody sends something or not. */
static bool time_matters(const struct fog_state *s)
{
	struct fog_rec_lane lane;

	if (s->global.unbonding_head != s->global.unbonding_next)
		return true;
	for (u64 l = 0; l < FOG_LANE_COUNT; l++)
		if (fog_state_get(s, FOG_RECORD_LANE, &l, &lane) && lane.count != 0)
			return true;
	return false;
}

static void on_idle(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	struct fog_host_chain *c = t->data;
	const struct fog_state *s = fog_chain_state(fog_ledger_app_chain(c->app));

	if (c->node != NULL) {
		parameters_check(c);
		return;
	}
	if (c->count != 0 || time_matters(s))
		block_make(c);
}

/* ---- pool ----------------------------------------------------------------------------------- */

const char *fog_chain_why(enum fog_tx_error error, int result, int *status)
{
	static const struct {
		int result, status;
		const char *text;
	} rows[] = {
		{-EAGAIN, 503, "too many transactions wait already: send it again later"},
		{-EMSGSIZE, 413, "the transaction is longer than any can be"},
		{-ETIMEDOUT, 504,
		 "not final yet, but it may still be: ask for it by its id or send the same again"},
		{-EINPROGRESS, 503, "this host is still fetching the shared ledger from others"},
		{-EIO, 503, "this host has stopped taking part in the quorum: see its log"},
		{-ECANCELED, 503, "the control plane stops"},
		{-ENOMEM, 503, "no memory"},
	};
	int unused;

	status = status != NULL ? status : &unused;
	*status = error == FOG_TX_ERROR_MALFORMED ? 400 : 409;
	if (error < FOG_TX_ERROR_COUNT)
		return fog_tx_error_text(error);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(rows); i++)
		if (rows[i].result == result) {
			*status = rows[i].status;
			return rows[i].text;
		}
	*status = 500;
	return strerror(-result);
}

enum fog_tx_error fog_chain_error_of(const char *why)
{
	enum fog_tx_error e = FOG_TX_OK + 1;

	while (e < FOG_TX_ERROR_COUNT && strcmp(fog_tx_error_text(e), why) != 0)
		e++;
	return e;
}

/* A transaction on its way through the quorum. */
struct passage {
	struct fog_host_chain *c;
	u8 id[32];
	fog_chain_done_fn done;
	void *ctx;
	u64 since_ns;
};

static void on_verdict(void *arg, int result, const char *why, u64 height)
{
	struct passage *p = arg;
	enum fog_tx_error error = FOG_TX_OK;
	u64 at = height;

	/* Refused before it came into a block: by the ledger in its own words, or by the pool. Of
	 * replays in blocks the ledger keeps no verdict. */
	if (fog_ledger_app_verdict(p->c->app, p->id, &error, &at) != 0 && result != 0)
		error = result == -EALREADY ? FOG_TX_ERROR_REPLAYED : fog_chain_error_of(why);
	if (error != FOG_TX_OK)
		p->c->own_next = 0;
	if (result == 0)
		committed(p->c, p->since_ns);
	if (p->done != NULL)
		p->done(p->ctx, p->id, at, error, result);
	free(p);
}

static int node_submit(struct fog_host_chain *c, const u8 *data, u32 len, fog_chain_done_fn done,
		       void *ctx)
{
	struct passage *p = malloc(sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	*p = (struct passage){.c = c, .done = done, .ctx = ctx, .since_ns = fog_monotonic_ns()};
	fog_tx_id(data, len, p->id);
	int rc = fog_node_submit(c->node, data, len, on_verdict, p);
	if (rc != 0)
		free(p);
	return rc;
}

int fog_host_chain_submit(struct fog_host_chain *c, const u8 *data, u32 len,
			  enum fog_tx_error *error, fog_chain_done_fn done, void *ctx)
{
	struct fog_app_bytes bytes = {data, len};
	char why[1][FOG_APP_WHY_SIZE];
	struct waiting w = {.len = len, .done = done, .ctx = ctx, .since_ns = fog_monotonic_ns()};
	struct fog_tx tx;
	int rc;

	*error = fog_tx_decode(&tx, data, len);
	if (*error == FOG_TX_OK)
		*error = fog_chain_admit(fog_ledger_app_chain(c->app), &tx, FOG_LEDGER_AHEAD_MAX);
	if (*error != FOG_TX_OK)
		return fog_tx_error_number(*error);
	*error = FOG_TX_ERROR_COUNT;
	if (c->node != NULL)
		return node_submit(c, data, len, done, ctx);
	c->i.check(c->app, &bytes, 1, false, fog_loop_now_ms(c->host->loop), &rc, why);
	if (rc != 0) {
		*error = FOG_TX_ERROR_FORGED; /* all else was looked at above */
		return rc;
	}
	fog_tx_id(data, len, w.id);
	for (u32 n = 0; n < c->count; n++)
		if (memcmp(c->waiting[n].id, w.id, 32) == 0) {
			*error = FOG_TX_ERROR_REPLAYED;
			return -EALREADY;
		}
	if (c->count == FOG_CHAIN_POOL_MAX)
		return -EAGAIN;
	w.data = malloc(len);
	if (w.data == NULL)
		return -ENOMEM;
	memcpy(w.data, data, len);
	c->waiting[c->count++] = w;
	if (!ev_is_active(&c->block_timer)) {
		ev_timer_set(&c->block_timer, FOG_CHAIN_BLOCK_MS / 1000.0, 0);
		ev_timer_start(c->host->loop, &c->block_timer);
	}
	return 0;
}

int fog_host_chain_send(struct fog_host_chain *c, struct fog_tx *tx, enum fog_tx_error *error,
			fog_chain_done_fn done, void *ctx)
{
	const struct fog_chain *chain = fog_ledger_app_chain(c->app);
	const struct fog_state *s = fog_chain_state(chain);
	struct fog_rec_account a;
	u8 out[FOG_TX_SIZE_MAX];

	memcpy(tx->sender, c->host->id.node_id, 32);
	fog_state_get(s, FOG_RECORD_ACCOUNT, tx->sender, &a);
	tx->nonce = FOG_MAX(a.nonce, c->own_next);
	tx->fee_max = s->global.base_fee * FOG_TX_SIZE_MAX * 2;
	u32 len = fog_tx_encode(tx, fog_chain_id(chain), c->host->id.sign_sk, out);
	int rc = fog_host_chain_submit(c, out, len, error, done, ctx);
	if (rc == 0)
		c->own_next = tx->nonce + 1;
	return rc;
}

const struct fog_histogram *fog_host_chain_commit(const struct fog_host_chain *c)
{
	return &c->commit;
}

struct fog_ledger_app *fog_host_chain_app(struct fog_host_chain *c)
{
	return c->app;
}

/* ---- start and stop ------------------------------------------------------------------------- */

/* Once the state stands, blocks up to it are not needed any more. */
static int state_write(struct fog_host_chain *c)
{
	u64 height = fog_chain_state(fog_ledger_app_chain(c->app))->global.height;
	size_t len;
	u8 *data;
	int rc = fog_ledger_app_save(c->app, &data, &len);

	if (rc != 0)
		return rc;
	rc = fog_store_begin(c->host->store);
	if (rc == 0) {
		rc = fog_store_set(c->host->store, STATE_NAME, data, len);
		struct fog_stmt *q =
			fog_stmt(c->host->store, "DELETE FROM chain_block WHERE height <= ?");
		fog_bind_u64(q, height);
		if (rc == 0)
			rc = fog_stmt_run(q);
		rc = fog_store_end(c->host->store, rc);
	}
	free(data);
	if (rc == 0)
		c->state_height = height;
	else
		fog_log(FOG_LOG_ERROR, "ledger", "state not written rc=%d", rc);
	return rc;
}

/* None is a chain at its genesis. */
static int state_read(struct fog_host_chain *c, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_stmt *q =
		fog_stmt(c->host->store, "SELECT value FROM named_value WHERE name = ?");
	size_t len;

	fog_bind_text(q, STATE_NAME);
	int rc = fog_stmt_step(q);
	if (rc != 1)
		return rc;
	const u8 *data = fog_column_blob(q, 0, &len);
	rc = fog_ledger_app_load(c->app, data, len);
	fog_stmt_reset(q);
	if (rc != 0)
		snprintf(why, FOG_HOST_WHY_SIZE, "the state of the shared ledger %s",
			 rc == -EXDEV ? "belongs to another chain: the genesis has changed"
				      : "is damaged: restore the store from a backup");
	return rc;
}

static int blocks_replay(struct fog_host_chain *c, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_app_bytes *tx = calloc(FOG_APP_BLOCK_TX_MAX, sizeof(*tx));
	struct fog_stmt *q =
		fog_stmt(c->host->store, "SELECT height, time_ms, body FROM chain_block"
					 " WHERE height > ? ORDER BY height");
	int rc = tx == NULL ? -ENOMEM : 0;

	fog_bind_u64(q, fog_chain_state(fog_ledger_app_chain(c->app))->global.height);
	while (rc == 0 && (rc = fog_stmt_step(q)) == 1) {
		size_t len;
		const u8 *body = fog_column_blob(q, 2, &len);
		int count = body_read(body, len, tx);
		rc = count < 0 ? count
			       : block_execute(c, fog_column_u64(q, 0), fog_column_u64(q, 1), tx,
					       (u32)count);
	}
	free(tx);
	if (rc != 0)
		snprintf(why, FOG_HOST_WHY_SIZE,
			 "the blocks of the shared ledger cannot be executed "
			 "again (%d): restore the store from a backup",
			 rc);
	return rc;
}

static int genesis_get(struct fog_host *h, struct fog_genesis_file *file,
		       char why[FOG_HOST_WHY_SIZE])
{
	u64 time_ms = fog_loop_now_ms(h->loop);
	size_t len;

	if (h->config.ledger_genesis[0] != '\0')
		return fog_genesis_read(file, h->config.ledger_genesis,
					strcmp(h->config.ledger_chain, "quorum") == 0, why);
	int rc = fog_store_get(h->store, "chain_genesis_ms", &time_ms, sizeof(time_ms), &len);
	if (rc == -ENOENT)
		rc = fog_store_set(h->store, "chain_genesis_ms", &time_ms, sizeof(time_ms));
	return rc == 0 ? fog_genesis_solo(file, h, time_ms) : rc;
}

struct fog_node *fog_host_chain_node(struct fog_host_chain *c)
{
	return c != NULL ? c->node : NULL;
}

u64 fog_host_stake(const struct fog_host *h, const u8 node_id[32])
{
	struct fog_rec_validator v;

	if (h->chain == NULL ||
	    !fog_state_get(fog_chain_state(fog_ledger_app_chain(h->chain->app)),
			   FOG_RECORD_VALIDATOR, node_id, &v) ||
	    v.state != FOG_VALIDATOR_ACTIVE)
		return 0;
	return v.tokens / 1000;
}

/* The state and blocks a chain of this host alone keeps in the store. */
static int solo_open(struct fog_host_chain *c, char why[FOG_HOST_WHY_SIZE])
{
	int rc = state_read(c, why);

	c->state_height = fog_chain_state(fog_ledger_app_chain(c->app))->global.height;
	return rc == 0 ? blocks_replay(c, why) : rc;
}

static int chain_open(struct fog_host_chain *c, char why[FOG_HOST_WHY_SIZE])
{
	static const struct fog_chain_ports ports = {receipt_read, FOG_RECEIPT_LABEL};
	struct fog_genesis_file file;
	const char *reason = NULL, *audit;
	int rc = fog_store_migrate(c->host->store, "chain", migrations, FOG_ARRAY_COUNT(migrations),
				   why);

	if (rc == 0)
		rc = genesis_get(c->host, &file, why);
	if (rc != 0)
		return rc;
	rc = fog_ledger_app_new(&c->app, &ports, &file.ledger, &reason);
	if (rc != 0) {
		snprintf(why, FOG_HOST_WHY_SIZE, "%s", reason);
		fog_genesis_free(&file);
		return rc;
	}
	fog_ledger_app_interface(c->app, &c->i);
	fog_ledger_app_vendor(c->app, fog_host_tee_shown, c->host);
	if (strcmp(c->host->config.ledger_chain, "quorum") == 0)
		rc = fog_host_quorum_start(c->host, &file, &c->i, &c->node, why);
	else
		rc = solo_open(c, why);
	fog_genesis_free(&file);
	if (rc == 0 && (rc = fog_chain_audit(fog_ledger_app_chain(c->app), &audit)) != 0)
		snprintf(why, FOG_HOST_WHY_SIZE, "shared ledger: %s", audit);
	return rc;
}

int fog_host_chain_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	bool quorum = strcmp(h->config.ledger_chain, "quorum") == 0;

	if (!quorum && strcmp(h->config.ledger_chain, "solo") != 0)
		return 0;
	if (quorum && h->config.ledger_genesis[0] == '\0') {
		snprintf(why, FOG_HOST_WHY_SIZE, "ledger.chain = quorum needs ledger.genesis");
		return -EINVAL;
	}
	struct fog_host_chain *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->host = h;
	h->chain = c;
	ev_timer_init(&c->block_timer, on_block, 0, 0);
	ev_timer_init(&c->idle_timer, on_idle, FOG_CHAIN_IDLE_MS / 1000.0,
		      FOG_CHAIN_IDLE_MS / 1000.0);
	c->block_timer.data = c->idle_timer.data = c;
	int rc = chain_open(c, why);
	if (rc != 0)
		return rc;
	fog_host_parameters_apply(h, fog_chain_state(fog_ledger_app_chain(c->app)));
	ev_timer_start(h->loop, &c->idle_timer);
	fog_host_chain_routes(h);
	fog_log(FOG_LOG_NOTICE, "ledger", "shared ledger open height=%llu",
		(unsigned long long)fog_chain_state(fog_ledger_app_chain(c->app))->global.height);
	return 0;
}

void fog_host_chain_stop(struct fog_host *h)
{
	struct fog_host_chain *c = h->chain;

	if (c == NULL)
		return;
	ev_timer_stop(h->loop, &c->block_timer);
	ev_timer_stop(h->loop, &c->idle_timer);
	fog_node_stop(c->node);
	for (u32 n = 0; n < c->count; n++) {
		if (c->waiting[n].done != NULL)
			c->waiting[n].done(c->waiting[n].ctx, c->waiting[n].id, 0,
					   FOG_TX_ERROR_COUNT, -ECANCELED);
		free(c->waiting[n].data);
	}
	if (c->app != NULL && c->node == NULL &&
	    fog_chain_state(fog_ledger_app_chain(c->app))->global.height != c->state_height)
		(void)state_write(c);
	fog_ledger_app_free(c->app);
	free(c);
	h->chain = NULL;
}
