/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/application.h"

#include <errno.h>

#include "controlplane/ledger/engine.h"
#include "crypto/hash/hash.h"

#define SAVE_MAGIC 0x31676f6c67306601ull

struct verdict {
	u8 id[32];
	u64 height; /* 0 = empty */
	enum fog_tx_error error;
	u32 pad;
};

struct snapshot {
	struct fog_app_snapshot head;
	u8 *data;
	size_t len;
	size_t *start; /* of each chunk, and the end */
};

/* What the last block was answered with: after a crash it may come once more. */
struct last {
	u64 height; /* 0 = none */
	u32 change_count, verdict_count;
	struct fog_app_validator change[FOG_APP_CHANGES_MAX];
	i32 verdict[FOG_APP_BLOCK_TX_MAX];
};

struct fog_ledger_app {
	struct fog_chain *chain;
	struct fog_chain_ports ports;
	struct snapshot snapshot;
	struct fog_chain *incoming; /* during a restore */
	struct fog_app_snapshot incoming_head;
	struct fog_sha256 incoming_digest;
	u32 incoming_chunks;
	struct verdict *verdict; /* direct-mapped by id */
	fog_ledger_vendor_fn *vendor;
	void *vendor_ctx;
	struct last last;
};

int fog_tx_error_number(enum fog_tx_error error)
{
	switch (error) {
	case FOG_TX_OK:
		return 0;
	case FOG_TX_ERROR_MALFORMED:
	case FOG_TX_ERROR_CHAIN:
		return -EINVAL;
	case FOG_TX_ERROR_FORGED:
		return -EBADMSG;
	case FOG_TX_ERROR_REPLAYED:
		return -EALREADY;
	case FOG_TX_ERROR_NONCE:
		return -EAGAIN;
	case FOG_TX_ERROR_FEE:
	case FOG_TX_ERROR_OVERDRAWN:
		return -EDQUOT;
	case FOG_TX_ERROR_MEMORY:
		return -ENOMEM;
	default:
		return -EPERM;
	}
}

int fog_ledger_app_new(struct fog_ledger_app **out, const struct fog_chain_ports *ports,
		       const struct fog_genesis *genesis, const char **why)
{
	struct fog_ledger_app *app = calloc(1, sizeof(*app));
	int rc = -ENOMEM;

	*why = "no memory";
	if (app == NULL)
		return rc;
	app->ports = *ports;
	app->chain = fog_chain_new(ports);
	app->verdict = calloc(FOG_LEDGER_VERDICTS, sizeof(*app->verdict));
	if (app->chain != NULL && app->verdict != NULL)
		rc = fog_chain_genesis(app->chain, genesis, why);
	if (rc != 0) {
		fog_ledger_app_free(app);
		return rc;
	}
	*out = app;
	return 0;
}

static void snapshot_free(struct snapshot *s)
{
	free(s->data);
	free(s->start);
	memset(s, 0, sizeof(*s));
}

void fog_ledger_app_free(struct fog_ledger_app *app)
{
	if (app == NULL)
		return;
	fog_chain_free(app->chain);
	fog_chain_free(app->incoming);
	snapshot_free(&app->snapshot);
	free(app->verdict);
	free(app);
}

const struct fog_chain *fog_ledger_app_chain(const struct fog_ledger_app *app)
{
	return app->chain;
}

static void app_info(void *context, u64 *height, u8 root[32])
{
	struct fog_ledger_app *app = context;

	*height = fog_chain_state(app->chain)->global.height;
	fog_chain_root(app->chain, root);
}

/* ---- transactions --------------------------------------------------------------------------- */

static void why_set(char why[FOG_APP_WHY_SIZE], enum fog_tx_error e)
{
	snprintf(why, FOG_APP_WHY_SIZE, "%s", fog_tx_error_text(e));
}

/* Decodes and admits each; signatures of what is left are checked together, unless known. */
static int check_many(struct fog_ledger_app *app, const struct fog_app_bytes *bytes, u32 count,
		      bool admit, const bool *known, enum fog_tx_error *error)
{
	struct fog_tx *tx = calloc(count + 1, sizeof(*tx));
	u32 *index = calloc(count + 1, sizeof(*index)), fresh = 0;
	bool *ok = calloc(count + 1, sizeof(*ok));
	int rc = tx == NULL || index == NULL || ok == NULL ? -ENOMEM : 0;

	for (u32 i = 0; rc == 0 && i < count; i++) {
		struct fog_tx *t = &tx[fresh];
		error[i] = fog_tx_decode(t, bytes[i].data, bytes[i].len);
		if (error[i] == FOG_TX_OK && admit)
			error[i] = fog_chain_admit(app->chain, t, FOG_LEDGER_AHEAD_MAX);
		if (error[i] == FOG_TX_OK && (known == NULL || !known[i]))
			index[fresh++] = i;
	}
	if (rc == 0)
		rc = fog_tx_verify_many(tx, fresh, fog_chain_id(app->chain), ok);
	for (u32 i = 0; rc == 0 && i < fresh; i++)
		if (!ok[i])
			error[index[i]] = FOG_TX_ERROR_FORGED;
	free(ok);
	free(index);
	free(tx);
	return rc;
}

void fog_ledger_app_vendor(struct fog_ledger_app *app, fog_ledger_vendor_fn *fn, void *ctx)
{
	app->vendor = fn;
	app->vendor_ctx = ctx;
}

static bool vendor_shown(const struct fog_ledger_app *app, const struct fog_tx *t)
{
	return app->vendor == NULL || t->kind != FOG_TX_VALIDATOR ||
	       t->body.validator.attributes.tee_vendor[0] == '\0' ||
	       app->vendor(app->vendor_ctx, t->sender, t->body.validator.attributes.tee_vendor);
}

static void app_check(void *context, const struct fog_app_bytes *tx, u32 count, bool recheck,
		      u64 now_ms, int *result, char (*why)[FOG_APP_WHY_SIZE])
{
	struct fog_ledger_app *app = context;
	enum fog_tx_error *error = calloc(count + 1, sizeof(*error));
	bool *known = calloc(count + 1, sizeof(*known));
	int rc = error == NULL || known == NULL ? -ENOMEM : 0;
	struct fog_tx t;

	for (u32 i = 0; rc == 0 && i < count; i++)
		known[i] = recheck;
	if (rc == 0)
		rc = check_many(app, tx, count, true, known, error);
	for (u32 i = 0; i < count; i++) {
		enum fog_tx_error e = rc != 0 ? FOG_TX_ERROR_MEMORY : error[i];
		if (e == FOG_TX_OK && fog_tx_decode(&t, tx[i].data, tx[i].len) == FOG_TX_OK &&
		    !vendor_shown(app, &t))
			e = FOG_TX_ERROR_VENDOR;
		result[i] = fog_tx_error_number(e);
		why_set(why[i], e);
	}
	free(known);
	free(error);
}

/* Blocks ahead of the state may hold earlier nonces, so only what is certain to fail stays out. */
static void app_select(void *context, const struct fog_app_bytes *tx, u32 count, u64 time_ms,
		       bool *keep)
{
	struct fog_ledger_app *app = context;
	u64 room = (u64)fog_parameter_get(fog_chain_state(app->chain), FOG_PARAMETER_BLOCK_TARGET) *
		   FOG_CHAIN_BLOCK_FACTOR;
	struct fog_tx t;

	for (u32 i = 0; i < count; i++) {
		keep[i] = tx[i].len <= room &&
			  fog_tx_decode(&t, tx[i].data, tx[i].len) == FOG_TX_OK &&
			  vendor_shown(app, &t) &&
			  fog_chain_admit(app->chain, &t, FOG_LEDGER_AHEAD_MAX) == FOG_TX_OK;
		if (keep[i])
			room -= tx[i].len;
	}
}

static int app_accept(void *context, const struct fog_app_bytes *tx, u32 count, const bool *known)
{
	struct fog_ledger_app *app = context;
	enum fog_tx_error *error = calloc(count + 1, sizeof(*error));
	int rc = error == NULL ? -ENOMEM : check_many(app, tx, count, false, known, error);

	for (u32 i = 0; rc == 0 && i < count; i++)
		rc = fog_tx_error_number(error[i]);
	free(error);
	return rc;
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void verdict_put(struct fog_ledger_app *app, const struct fog_app_bytes *tx, u64 height,
			enum fog_tx_error error)
{
	struct verdict v = {.height = height, .error = error};

	fog_tx_id(tx->data, tx->len, v.id);
	app->verdict[fog_load_u32(v.id) % FOG_LEDGER_VERDICTS] = v;
}

int fog_ledger_app_verdict(const struct fog_ledger_app *app, const u8 id[32],
			   enum fog_tx_error *error, u64 *height)
{
	const struct verdict *v = &app->verdict[fog_load_u32(id) % FOG_LEDGER_VERDICTS];

	if (v->height == 0 || memcmp(v->id, id, 32) != 0)
		return -ENOENT;
	*error = v->error;
	*height = v->height;
	return 0;
}

static void member_write(const struct fog_chain_member *m, struct fog_app_validator *out)
{
	const struct fog_validator_attributes *a = &m->attributes;

	memset(out, 0, sizeof(*out));
	memcpy(out->node_id, m->pk, 32);
	memcpy(out->control_pk, a->control_pk, 32);
	memcpy(out->address, a->address, 16);
	out->port = a->port;
	out->weight = m->tokens / FOG_LEDGER_WEIGHT_UNIT;
	out->as = a->as;
	snprintf(out->operator_name, sizeof(out->operator_name), "%.31s", a->operator_name);
	snprintf(out->country, sizeof(out->country), "%.7s", a->country);
	snprintf(out->power_region, sizeof(out->power_region), "%.23s", a->power_region);
	snprintf(out->tee_vendor, sizeof(out->tee_vendor), "%.23s", a->tee_vendor);
}

static void rules_write(const struct fog_ledger_app *app, struct fog_app_rules *out)
{
	const struct fog_state *s = fog_chain_state(app->chain);

	out->profile = (u32)fog_parameter_get(s, FOG_PARAMETER_QUORUM_PROFILE);
	out->epoch_ms = (u64)fog_parameter_get(s, FOG_PARAMETER_QUORUM_EPOCH_MS);
}

/* A final block was accepted by honest validators, who checked every signature. */
static void transactions_run(struct fog_ledger_app *app, const struct fog_app_block *block,
			     i32 *verdict)
{
	struct fog_tx tx;

	for (u32 i = 0; i < block->tx_count; i++) {
		enum fog_tx_error e = fog_tx_decode(&tx, block->tx[i].data, block->tx[i].len);
		if (e == FOG_TX_OK)
			e = fog_chain_execute(app->chain, &tx, true);
		verdict[i] = fog_tx_error_number(e);
		/* The same transaction again says nothing new about the first. */
		if (e != FOG_TX_ERROR_REPLAYED)
			verdict_put(app, &block->tx[i], block->height, e);
	}
}

static int last_repeat(struct fog_ledger_app *app, const struct fog_app_block *block,
		       struct fog_app_result *result)
{
	const struct last *last = &app->last;

	if (last->height != block->height || last->verdict_count != block->tx_count)
		return -EINVAL;
	for (u32 i = 0; i < last->verdict_count; i++)
		result->verdict[i] = last->verdict[i];
	memcpy(result->change, last->change, last->change_count * sizeof(last->change[0]));
	result->change_count = last->change_count;
	rules_write(app, &result->rules);
	fog_chain_root(app->chain, result->root);
	return 0;
}

static void last_keep(struct fog_ledger_app *app, const struct fog_app_block *block,
		      const struct fog_app_result *result)
{
	struct last *last = &app->last;

	last->height = block->height;
	last->verdict_count = block->tx_count;
	last->change_count = result->change_count;
	for (u32 i = 0; i < last->verdict_count; i++) /* a block may be empty, and verdict NULL */
		last->verdict[i] = result->verdict[i];
	memcpy(last->change, result->change, last->change_count * sizeof(last->change[0]));
}

static int app_execute(void *context, const struct fog_app_block *block,
		       struct fog_app_result *result)
{
	struct fog_ledger_app *app = context;
	struct fog_chain_member change[FOG_APP_CHANGES_MAX];

	if (block->tx_count > FOG_APP_BLOCK_TX_MAX)
		return -EINVAL;
	if (block->height == fog_chain_state(app->chain)->global.height)
		return last_repeat(app, block, result);
	u64 time_ms = FOG_MAX(block->time_ms, fog_chain_state(app->chain)->global.time_ms);
	int rc = fog_chain_begin(app->chain, block->height, time_ms);

	if (rc != 0)
		return rc;
	transactions_run(app, block, result->verdict);
	/* When it was done is not known here: all that is still unbonding answers for it. */
	for (u32 i = 0; i < block->evidence_count; i++)
		(void)fog_chain_slash(app->chain, block->evidence[i].node_id, 0);
	result->change_count =
		block->last ? 0 : fog_chain_changes(app->chain, change, FOG_APP_CHANGES_MAX);
	for (u32 i = 0; i < result->change_count; i++)
		member_write(&change[i], &result->change[i]);
	rules_write(app, &result->rules);
	rc = fog_chain_end(app->chain, result->root);
	if (rc != 0)
		fog_chain_undo(app->chain);
	else
		fog_chain_commit(app->chain);
	if (rc == 0)
		last_keep(app, block, result);
	return rc;
}

/* ---- snapshots ------------------------------------------------------------------------------ */

static int chunk_add(struct snapshot *s, u32 chunk, size_t len)
{
	u8 *data = realloc(s->data, s->len + len + FOG_APP_CHUNK_MAX);
	size_t *start = realloc(s->start, (chunk + 2) * sizeof(*start));

	if (data != NULL)
		s->data = data;
	if (start != NULL)
		s->start = start;
	if (data == NULL || start == NULL)
		return -ENOMEM;
	s->start[chunk] = s->len;
	s->len += len;
	s->start[chunk + 1] = s->len;
	return 0;
}

static void digest_add(struct fog_sha256 *digest, const u8 *data, size_t len)
{
	u8 hash[32];

	fog_hash_sha256(hash, data, len);
	fog_sha256_update(digest, hash, sizeof(hash));
}

static int app_snapshot_make(void *context, struct fog_app_snapshot *out)
{
	struct fog_ledger_app *app = context;
	struct snapshot s = {0};
	struct fog_sha256 digest;
	u8 last[32];
	int rc = chunk_add(&s, 0, 0), more = 1;

	fog_sha256_init(&digest);
	for (u32 chunk = 0; rc == 0 && more == 1; chunk++) {
		size_t len;
		if (chunk == FOG_APP_CHUNKS_MAX) {
			rc = -EFBIG;
			break;
		}
		more = fog_chain_snapshot(app->chain, chunk == 0 ? NULL : last, last,
					  s.data + s.len, FOG_APP_CHUNK_MAX, &len);
		digest_add(&digest, s.data + s.len, len);
		rc = chunk_add(&s, chunk, len);
		s.head.chunk_count = chunk + 1;
	}
	if (rc != 0) {
		snapshot_free(&s);
		return rc;
	}
	fog_sha256_final(&digest, s.head.digest);
	app_info(app, &s.head.height, s.head.root);
	snapshot_free(&app->snapshot);
	app->snapshot = s;
	*out = s.head;
	return 0;
}

static int app_snapshot_read(void *context, u64 height, u32 chunk, u8 *out, u32 *len)
{
	const struct snapshot *s = &((struct fog_ledger_app *)context)->snapshot;

	if (s->data == NULL || height != s->head.height || chunk >= s->head.chunk_count)
		return -ENOENT;
	*len = (u32)(s->start[chunk + 1] - s->start[chunk]);
	memcpy(out, s->data + s->start[chunk], *len);
	return 0;
}

static int app_restore_begin(void *context, const struct fog_app_snapshot *what)
{
	struct fog_ledger_app *app = context;

	fog_chain_free(app->incoming);
	app->incoming = fog_chain_new(&app->ports);
	app->incoming_head = *what;
	app->incoming_chunks = 0;
	fog_sha256_init(&app->incoming_digest);
	return app->incoming != NULL ? 0 : -ENOMEM;
}

static int app_restore_chunk(void *context, u32 chunk, const u8 *data, u32 len)
{
	struct fog_ledger_app *app = context;

	if (app->incoming == NULL || chunk != app->incoming_chunks)
		return -EINVAL;
	app->incoming_chunks++;
	digest_add(&app->incoming_digest, data, len);
	return fog_chain_restore(app->incoming, data, len);
}

static int app_restore_end(void *context)
{
	struct fog_ledger_app *app = context;
	const struct fog_app_snapshot *what = &app->incoming_head;
	u8 digest[32];

	if (app->incoming == NULL)
		return -EINVAL;
	fog_sha256_final(&app->incoming_digest, digest);
	int rc = app->incoming_chunks != what->chunk_count ||
				 memcmp(digest, what->digest, sizeof(digest)) != 0
			 ? -EBADMSG
			 : fog_chain_restored(app->incoming, what->root);
	if (rc == 0 && fog_chain_state(app->incoming)->global.height != what->height)
		rc = -EBADMSG;
	if (rc == 0 && memcmp(fog_chain_id(app->incoming), fog_chain_id(app->chain), 32) != 0)
		rc = -EXDEV;
	fog_chain_free(rc == 0 ? app->chain : app->incoming);
	if (rc == 0) {
		app->chain = app->incoming;
		app->last.height = 0;
	}
	app->incoming = NULL;
	return rc;
}

/* u64 magic | u64 height | root 32 | digest 32 | u32 chunks | u32 zero, then per chunk u32 length
 * and bytes. */
#define SAVE_HEAD 88

int fog_ledger_app_save(struct fog_ledger_app *app, u8 **data, size_t *len)
{
	struct fog_app_snapshot head;
	int rc = app_snapshot_make(app, &head);

	if (rc != 0)
		return rc;
	const struct snapshot *s = &app->snapshot;
	size_t at = SAVE_HEAD;
	u8 *out = calloc(1, SAVE_HEAD + s->len + 4ull * head.chunk_count + sizeof(app->last));
	if (out == NULL)
		return -ENOMEM;
	fog_store_u64(out, SAVE_MAGIC);
	fog_store_u64(out + 8, head.height);
	memcpy(out + 16, head.root, 32);
	memcpy(out + 48, head.digest, 32);
	fog_store_u32(out + 80, head.chunk_count);
	for (u32 i = 0; i < head.chunk_count; i++) {
		size_t size = s->start[i + 1] - s->start[i];
		fog_store_u32(out + at, (u32)size);
		memcpy(out + at + 4, s->data + s->start[i], size);
		at += 4 + size;
	}
	memcpy(out + at, &app->last, sizeof(app->last));
	*data = out;
	*len = at + sizeof(app->last);
	return 0;
}

int fog_ledger_app_load(struct fog_ledger_app *app, const u8 *data, size_t len)
{
	struct fog_app_snapshot head = {0};
	size_t at = SAVE_HEAD;

	if (len < SAVE_HEAD || fog_load_u64(data) != SAVE_MAGIC)
		return -EINVAL;
	head.height = fog_load_u64(data + 8);
	memcpy(head.root, data + 16, 32);
	memcpy(head.digest, data + 48, 32);
	head.chunk_count = fog_load_u32(data + 80);
	int rc = app_restore_begin(app, &head);
	for (u32 i = 0; rc == 0 && i < head.chunk_count; i++) {
		if (len - at < 4 || fog_load_u32(data + at) > len - at - 4)
			return -EINVAL;
		u32 size = fog_load_u32(data + at);
		rc = app_restore_chunk(app, i, data + at + 4, size);
		at += 4 + (size_t)size;
	}
	if (rc == 0 && len - at != sizeof(app->last))
		rc = -EINVAL;
	if (rc == 0)
		rc = app_restore_end(app);
	if (rc == 0)
		memcpy(&app->last, data + at, sizeof(app->last));
	if (app->last.change_count > FOG_APP_CHANGES_MAX ||
	    app->last.verdict_count > FOG_APP_BLOCK_TX_MAX)
		app->last.height = 0;
	return rc;
}

/* ---- questions ------------------------------------------------------------------------------ */

static int app_query(void *context, const char *path, struct fog_app_bytes data, u8 **answer,
		     u32 *answer_len, u8 **proof, u32 *proof_len, u64 *height, u8 root[32])
{
	struct fog_ledger_app *app = context;
	struct fog_tree_proof *p = NULL;
	u8 key[32];

	if (strcmp(path, "record") != 0 || data.len < 1 || fog_record_size(data.data[0]) == 0 ||
	    data.len != 1 + fog_record_id_size(data.data[0]))
		return -EINVAL;
	app_info(app, height, root);
	fog_record_key(data.data[0], data.data + 1, key);
	*answer_len = 0;
	const u8 *value = fog_tree_get(app->chain->s.tree, key, answer_len);
	p = malloc(sizeof(*p));
	*answer = malloc(*answer_len + 1);
	*proof = malloc(FOG_TREE_PROOF_SIZE_MAX);
	if (p == NULL || *answer == NULL || *proof == NULL) {
		free(p);
		free(*answer);
		free(*proof);
		return -ENOMEM;
	}
	fog_tree_prove(app->chain->s.tree, key, p);
	*proof_len = fog_tree_proof_write(p, *proof);
	free(p);
	if (value != NULL)
		memcpy(*answer, value, *answer_len);
	return value != NULL ? 0 : -ENOENT;
}

int fog_ledger_proof_check(const u8 root[32], enum fog_record kind, const void *id, const u8 *value,
			   u32 len, const u8 *proof, u32 proof_len)
{
	struct fog_tree_proof *p = malloc(sizeof(*p));
	u8 key[32];

	if (p == NULL)
		return -ENOMEM;
	int rc = fog_record_size(kind) == 0 ? -EINVAL : fog_tree_proof_read(p, proof, proof_len);
	if (rc == 0) {
		fog_record_key(kind, id, key);
		rc = fog_tree_verify(root, key, value, len, p);
	}
	free(p);
	return rc;
}

void fog_ledger_app_interface(struct fog_ledger_app *app, struct fog_application *out)
{
	*out = (struct fog_application){
		.context = app,
		.info = app_info,
		.check = app_check,
		.select = app_select,
		.accept = app_accept,
		.execute = app_execute,
		.snapshot_make = app_snapshot_make,
		.snapshot_read = app_snapshot_read,
		.restore_begin = app_restore_begin,
		.restore_chunk = app_restore_chunk,
		.restore_end = app_restore_end,
		.query = app_query,
	};
}
