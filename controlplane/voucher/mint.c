/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/voucher/mint.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define PERIOD_NAME "voucher_period"

struct keyset {
	struct fog_voucher_keyset pub;
	u8 key[FOG_MINT_KEYS][FOG_VOUCHER_SCALAR_SIZE];
	char id[FOG_VOUCHER_ID_SIZE];
};

struct fog_mint {
	struct fog_store *store;
	struct fog_mint_ports ports;
	u8 seed[32];
	u64 period;
	struct keyset set[FOG_MINT_KEYSETS]; /* the active one, the one before */
};

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE voucher_spent("
	    " y BLOB PRIMARY KEY, request BLOB NOT NULL, spent_ms INTEGER NOT NULL) STRICT;"
	    "CREATE TABLE voucher_payment("
	    " number INTEGER PRIMARY KEY, account BLOB NOT NULL, amount INTEGER NOT NULL,"
	    " paid INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"},
};

/* As NUT-02: SHA-256 of seed, derivation and index, again until it is a scalar. */
static void keys_make(const struct fog_mint *m, u64 period, struct keyset *set)
{
	char text[96];
	struct fog_sha256 h;

	memset(set, 0, sizeof(*set));
	set->pub.count = FOG_MINT_KEYS;
	set->pub.final_expiry = (period + FOG_MINT_KEYSETS) * FOG_MINT_PERIOD_MS / 1000;
	snprintf(set->pub.unit, sizeof(set->pub.unit), "%s", FOG_MINT_UNIT);
	for (u32 i = 0; i < FOG_MINT_KEYS; i++) {
		set->pub.amount[i] = 1ull << i;
		for (u32 tries = 0;; tries++) {
			snprintf(text, sizeof(text), "fog mint 2 %llu %u %u",
				 (unsigned long long)period, i, tries);
			fog_sha256_init(&h);
			fog_sha256_update(&h, m->seed, 32);
			fog_sha256_update(&h, text, strlen(text));
			fog_sha256_final(&h, set->key[i]);
			if (fog_voucher_public(set->key[i], set->pub.pk[i]) == 0)
				break;
		}
	}
	fog_voucher_keyset_id(&set->pub, 2, set->id);
}

static void period_enter(struct fog_mint *m, u64 period)
{
	m->period = period;
	for (u32 i = 0; i < FOG_MINT_KEYSETS; i++)
		keys_make(m, period - FOG_MIN(period, (u64)i), &m->set[i]);
}

/* What was spent when only keysets that have expired could be: it says nothing any more. */
static int spent_prune(struct fog_mint *m, u64 period)
{
	struct fog_stmt *q = fog_stmt(m->store, "DELETE FROM voucher_spent WHERE spent_ms < ?");

	fog_bind_u64(q, (period - FOG_MIN(period, FOG_MINT_KEYSETS - 1ull)) * FOG_MINT_PERIOD_MS);
	return fog_stmt_run(q);
}

/* Another period may have begun. A store that cannot be written leaves the keys as they are.
 * Returns the time that counts: never before the period. */
static u64 rotate(struct fog_mint *m, u64 now_ms)
{
	u64 period = now_ms / FOG_MINT_PERIOD_MS;

	if (period > m->period) {
		int rc = fog_store_begin(m->store);
		if (rc == 0) {
			rc = fog_store_set(m->store, PERIOD_NAME, &period, sizeof(period));
			if (rc == 0)
				rc = spent_prune(m, period);
			rc = fog_store_end(m->store, rc);
		}
		if (rc == 0)
			period_enter(m, period);
	}
	return FOG_MAX(now_ms, m->period * FOG_MINT_PERIOD_MS);
}

int fog_mint_open(struct fog_mint **out, struct fog_store *store, const u8 seed[32],
		  const struct fog_mint_ports *ports, u64 now_ms, char why[FOG_STORE_WHY_SIZE])
{
	int rc = fog_store_migrate(store, "voucher", migrations, FOG_ARRAY_COUNT(migrations), why);
	u64 period = 0;
	size_t len;

	if (rc != 0)
		return rc;
	rc = fog_store_get(store, PERIOD_NAME, &period, sizeof(period), &len);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	struct fog_mint *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	m->store = store;
	m->ports = *ports;
	memcpy(m->seed, seed, 32);
	period_enter(m, period);
	rotate(m, now_ms);
	*out = m;
	return 0;
}

void fog_mint_close(struct fog_mint *m)
{
	if (m == NULL)
		return;
	fog_wipe(m, sizeof(*m));
	free(m);
}

const char *fog_mint_keyset_id(struct fog_mint *m, u64 now_ms)
{
	rotate(m, now_ms);
	return m->set[0].id;
}

static json_t *keyset_json(const struct keyset *set, bool active)
{
	json_t *keys = json_object();
	char amount[24], pk[2 * FOG_VOUCHER_POINT_SIZE + 1];

	for (u32 i = 0; i < FOG_MINT_KEYS; i++) {
		snprintf(amount, sizeof(amount), "%llu", (unsigned long long)set->pub.amount[i]);
		(void)fog_hex_encode(set->pub.pk[i], FOG_VOUCHER_POINT_SIZE, pk, sizeof(pk));
		json_object_set_new(keys, amount, json_string(pk));
	}
	return json_pack("{s:s, s:s, s:b, s:I, s:o}", "id", set->id, "unit", FOG_MINT_UNIT,
			 "active", active, "final_expiry", (json_int_t)set->pub.final_expiry,
			 "keys", keys);
}

json_t *fog_mint_keys(struct fog_mint *m, u64 now_ms)
{
	json_t *list = json_array();

	rotate(m, now_ms);
	for (u32 i = 0; i < FOG_MINT_KEYSETS; i++)
		json_array_append_new(list, keyset_json(&m->set[i], i == 0));
	return json_pack("{s:o}", "keysets", list);
}

static const struct keyset *keyset_find(const struct fog_mint *m, const char *id)
{
	for (u32 i = 0; id != NULL && i < FOG_MINT_KEYSETS; i++)
		if (strcmp(m->set[i].id, id) == 0)
			return &m->set[i];
	return NULL;
}

/* ---- requests ------------------------------------------------------------------------------- */

static int refuse(char why[FOG_MINT_WHY_SIZE], int rc, const char *text)
{
	snprintf(why, FOG_MINT_WHY_SIZE, "%s", text);
	return rc;
}

static int output_read(const json_t *o, u64 *amount, u8 blinded[FOG_VOUCHER_POINT_SIZE])
{
	const char *text = json_string_value(json_object_get(o, "B_"));
	json_int_t value = json_integer_value(json_object_get(o, "amount"));

	if (text == NULL || strlen(text) != 2 * FOG_VOUCHER_POINT_SIZE || value <= 0 ||
	    fog_hex_decode(text, blinded, FOG_VOUCHER_POINT_SIZE) != 0)
		return -EINVAL;
	*amount = (u64)value;
	return 0;
}

int fog_mint_quote(const json_t *outputs, u8 quote[32], u64 *amount)
{
	static const char label[] = "fog quote 2";
	const char *id = json_string_value(json_object_get(json_array_get(outputs, 0), "id"));
	u8 blinded[FOG_VOUCHER_POINT_SIZE], number[8];
	struct fog_sha256 h;
	json_t *o;
	size_t i;
	u64 one;

	*amount = 0;
	if (json_array_size(outputs) == 0 || json_array_size(outputs) > FOG_VOUCHERS_MAX ||
	    id == NULL || strlen(id) >= FOG_VOUCHER_ID_SIZE)
		return -EINVAL;
	fog_sha256_init(&h);
	fog_sha256_update(&h, label, sizeof(label));
	fog_sha256_update(&h, id, strlen(id));
	json_array_foreach(outputs, i, o)
	{
		const char *own = json_string_value(json_object_get(o, "id"));
		if (output_read(o, &one, blinded) != 0 || own == NULL || strcmp(own, id) != 0 ||
		    __builtin_add_overflow(*amount, one, amount))
			return -EINVAL;
		fog_store_u64(number, one);
		fog_sha256_update(&h, number, sizeof(number));
		fog_sha256_update(&h, blinded, sizeof(blinded));
	}
	fog_sha256_final(&h, quote);
	return 0;
}

static int key_index(u64 amount)
{
	u32 i = amount != 0 ? (u32)__builtin_ctzll(amount) : 64;

	return i < FOG_MINT_KEYS && amount == 1ull << i ? (int)i : -1;
}

/* Of all outputs, which fog_mint_quote() has looked at; NULL: of none that is not expired. */
static const struct keyset *outputs_keyset(const struct fog_mint *m, const json_t *outputs)
{
	return keyset_find(m, json_string_value(json_object_get(json_array_get(outputs, 0), "id")));
}

/* Signs every output; NULL when one is not for a key of the set. */
static json_t *outputs_sign(const struct keyset *set, const json_t *outputs)
{
	u8 blinded[FOG_VOUCHER_POINT_SIZE], c[FOG_VOUCHER_POINT_SIZE];
	char text[3][2 * FOG_VOUCHER_POINT_SIZE + 1];
	struct fog_voucher_dleq proof;
	json_t *out = json_array(), *o;
	size_t i;
	u64 amount;

	json_array_foreach(outputs, i, o)
	{
		int k = output_read(o, &amount, blinded) == 0 ? key_index(amount) : -1;
		if (k < 0 || fog_voucher_sign(set->key[k], blinded, c) != 0 ||
		    fog_voucher_dleq_make(set->key[k], blinded, c, &proof) != 0) {
			json_decref(out);
			return NULL;
		}
		(void)fog_hex_encode(c, sizeof(c), text[0], sizeof(text[0]));
		(void)fog_hex_encode(proof.e, 32, text[1], sizeof(text[1]));
		(void)fog_hex_encode(proof.s, 32, text[2], sizeof(text[2]));
		json_array_append_new(out, json_pack("{s:I, s:s, s:s, s:{s:s, s:s}}", "amount",
						     (json_int_t)amount, "id", set->id, "C_",
						     text[0], "dleq", "e", text[1], "s", text[2]));
	}
	return out;
}

int fog_mint_issue(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		   char why[FOG_MINT_WHY_SIZE])
{
	const json_t *outputs = json_object_get(request, "outputs");
	u8 quote[32];
	u64 amount;

	if (fog_mint_quote(outputs, quote, &amount) != 0)
		return refuse(why, -EINVAL, "outputs are a list of amounts and points B_");
	if (m->ports.deposited(m->ports.context, quote) != amount)
		return refuse(why, -ENOENT, "nothing, or another amount, was deposited for these");
	rotate(m, now_ms);
	const struct keyset *set = outputs_keyset(m, outputs);
	if (set == NULL)
		return refuse(why, -EACCES, "the keyset of the deposit has expired");
	json_t *signatures = outputs_sign(set, outputs);
	if (signatures == NULL)
		return refuse(why, -EINVAL, "an output is for no key of this mint");
	*answer = json_pack("{s:o}", "signatures", signatures);
	return 0;
}

struct inputs {
	u32 count;
	u64 amount;
	u8 y[FOG_VOUCHERS_MAX][FOG_VOUCHER_POINT_SIZE];
};

/* Real ones of ours, none twice. */
static int inputs_read(const struct fog_mint *m, const json_t *list, struct inputs *in,
		       char why[FOG_MINT_WHY_SIZE])
{
	struct fog_voucher p;
	json_t *o;
	size_t i;

	in->count = 0;
	in->amount = 0;
	if (json_array_size(list) == 0 || json_array_size(list) > FOG_VOUCHERS_MAX)
		return refuse(why, -EINVAL, "inputs are a list of up to 256 vouchers");
	json_array_foreach(list, i, o)
	{
		int k = fog_voucher_read(&p, o) == 0 ? key_index(p.amount) : -1;
		if (k < 0)
			return refuse(why, -EINVAL, "an input is no voucher");
		const struct keyset *set = keyset_find(m, p.id);
		if (set == NULL)
			return refuse(why, -EACCES,
				      "a voucher is of another mint, or its keyset has expired");
		if (fog_voucher_verify(set->key[k], p.secret, strlen(p.secret), p.c) != 0)
			return refuse(why, -EACCES,
				      "a voucher is forged: this mint did not sign it");
		(void)fog_voucher_hash_to_curve(p.secret, strlen(p.secret), in->y[in->count]);
		for (u32 n = 0; n < in->count; n++)
			if (memcmp(in->y[n], in->y[in->count], FOG_VOUCHER_POINT_SIZE) == 0)
				return refuse(why, -EEXIST, "a voucher is there twice");
		in->count++;
		if (__builtin_add_overflow(in->amount, p.amount, &in->amount))
			return refuse(why, -EINVAL, "the sum is too large");
	}
	return 0;
}

/* 0 fresh, 1 spent by this very request before, -EEXIST by another. */
static int spent_check(struct fog_mint *m, const struct inputs *in, const u8 request[32])
{
	u32 same = 0;

	for (u32 i = 0; i < in->count; i++) {
		struct fog_stmt *q =
			fog_stmt(m->store, "SELECT request FROM voucher_spent WHERE y = ?");
		u8 by[32];
		fog_bind_blob(q, in->y[i], FOG_VOUCHER_POINT_SIZE);
		int rc = fog_stmt_step(q);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		rc = fog_column_copy(q, 0, by, sizeof(by));
		fog_stmt_reset(q);
		if (rc != 0)
			return rc;
		if (memcmp(by, request, sizeof(by)) != 0)
			return -EEXIST;
		same++;
	}
	return same == 0 ? 0 : same == in->count ? 1 : -EEXIST;
}

static int spent_put(struct fog_mint *m, const struct inputs *in, const u8 request[32], u64 now_ms)
{
	int rc = 0;

	for (u32 i = 0; rc == 0 && i < in->count; i++) {
		struct fog_stmt *q = fog_stmt(m->store, "INSERT INTO voucher_spent(y, request,"
							" spent_ms) VALUES(?, ?, ?)");
		fog_bind_blob(q, in->y[i], FOG_VOUCHER_POINT_SIZE);
		fog_bind_blob(q, request, 32);
		fog_bind_u64(q, now_ms);
		rc = fog_stmt_run(q);
	}
	return rc;
}

/* What was asked for, so that asking again is not spending again. */
static void request_hash(const char *op, const struct inputs *in, const void *rest, size_t len,
			 u8 hash[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	fog_sha256_update(&h, op, strlen(op) + 1);
	fog_sha256_update(&h, in->y, (size_t)in->count * FOG_VOUCHER_POINT_SIZE);
	fog_sha256_update(&h, rest, len);
	fog_sha256_final(&h, hash);
}

int fog_mint_swap(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		  char why[FOG_MINT_WHY_SIZE])
{
	const json_t *outputs = json_object_get(request, "outputs");
	struct inputs *in = malloc(sizeof(*in));
	const struct keyset *set = NULL;
	json_t *signatures = NULL;
	u8 quote[32], hash[32];
	u64 amount;

	now_ms = rotate(m, now_ms);
	int rc = in == NULL ? -ENOMEM : inputs_read(m, json_object_get(request, "inputs"), in, why);

	if (rc == 0 && (fog_mint_quote(outputs, quote, &amount) != 0 || amount != in->amount))
		rc = refuse(why, -EINVAL, "outputs must have the sum of the inputs");
	if (rc == 0 && (set = outputs_keyset(m, outputs)) == NULL)
		rc = refuse(why, -EACCES, "the outputs are for no keyset of this mint");
	if (rc == 0 && (signatures = outputs_sign(set, outputs)) == NULL)
		rc = refuse(why, -EINVAL, "an output is for no key of this mint");
	if (rc != 0)
		goto out;
	request_hash("swap", in, quote, sizeof(quote), hash);
	rc = spent_check(m, in, hash);
	if (rc == 0 && set != &m->set[0]) { /* who asks again gets his answer all the same */
		rc = refuse(why, -EACCES, "the keyset of the outputs is not active any more");
		goto out;
	}
	if (rc == 0) {
		rc = fog_store_begin(m->store);
		if (rc == 0)
			rc = fog_store_end(m->store, spent_put(m, in, hash, now_ms));
	} else if (rc == 1) {
		rc = 0;
	}
	if (rc == -EEXIST)
		refuse(why, rc, "a voucher was spent before");
	else if (rc != 0)
		refuse(why, rc, "the mint cannot write to its store");
	if (rc == 0)
		*answer = json_pack("{s:O}", "signatures", signatures);
out:
	json_decref(signatures);
	free(in);
	return rc;
}

static int payment_put(struct fog_mint *m, const u8 account[32], u64 amount, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(m->store, "INSERT INTO voucher_payment(account, amount, paid,"
						" created_ms) VALUES(?, ?, 0, ?)");

	fog_bind_blob(q, account, 32);
	fog_bind_u64(q, amount);
	fog_bind_u64(q, now_ms);
	return fog_stmt_run(q);
}

int fog_mint_redeem(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		    char why[FOG_MINT_WHY_SIZE])
{
	const char *text = json_string_value(json_object_get(request, "account"));
	struct inputs *in = malloc(sizeof(*in));
	u8 account[32], hash[32];

	now_ms = rotate(m, now_ms);
	int rc = in == NULL ? -ENOMEM : inputs_read(m, json_object_get(request, "inputs"), in, why);

	if (rc == 0 &&
	    (text == NULL || strlen(text) != 64 || fog_hex_decode(text, account, 32) != 0))
		rc = refuse(why, -EINVAL, "account is a key of 64 hex digits");
	if (rc != 0)
		goto out;
	request_hash("redeem", in, account, sizeof(account), hash);
	rc = spent_check(m, in, hash);
	if (rc == 0) {
		rc = fog_store_begin(m->store);
		if (rc == 0) {
			rc = spent_put(m, in, hash, now_ms);
			if (rc == 0)
				rc = payment_put(m, account, in->amount, now_ms);
			rc = fog_store_end(m->store, rc);
		}
	} else if (rc == 1) {
		rc = 0;
	}
	if (rc == -EEXIST)
		refuse(why, rc, "a voucher was spent before");
	else if (rc != 0)
		refuse(why, rc, "the mint cannot write to its store");
	if (rc == 0)
		*answer = json_pack("{s:I}", "amount", (json_int_t)in->amount);
out:
	free(in);
	return rc;
}

int fog_mint_payment_next(struct fog_mint *m, struct fog_mint_payment *out)
{
	struct fog_stmt *q =
		fog_stmt(m->store, "SELECT number, account, amount FROM voucher_payment"
				   " WHERE paid = 0 ORDER BY number LIMIT 1");
	int rc = fog_stmt_step(q);

	if (rc != 1)
		return rc;
	out->number = fog_column_u64(q, 0);
	rc = fog_column_copy(q, 1, out->account, 32);
	out->amount = fog_column_u64(q, 2);
	fog_stmt_reset(q);
	return rc == 0 ? 1 : rc;
}

int fog_mint_payment_done(struct fog_mint *m, u64 number)
{
	struct fog_stmt *q =
		fog_stmt(m->store, "UPDATE voucher_payment SET paid = 1 WHERE number = ?");

	fog_bind_u64(q, number);
	return fog_stmt_run(q);
}
