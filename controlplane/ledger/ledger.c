/* SPDX-License-Identifier: BSD-3-Clause */
/* Ledger policy, see ledger.h. */
#include "controlplane/ledger/ledger.h"

#include <errno.h>
#include <stdarg.h>

static bool text_ok(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	if (len == 0 || len == size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

bool fog_ledger_account_valid(const char *account)
{
	static const char *const prefix[] = {"user:", "escrow:", "host:"};

	if (!text_ok(account, FOG_LEDGER_ACCOUNT_SIZE))
		return false;
	if (strcmp(account, FOG_LEDGER_ISSUER) == 0 || strcmp(account, FOG_LEDGER_FEES) == 0)
		return true;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(prefix); i++) {
		size_t len = strlen(prefix[i]);
		if (strncmp(account, prefix[i], len) == 0 && account[len] != '\0')
			return true;
	}
	return false;
}

static int tx_check(const struct fog_ledger_tx *tx)
{
	i64 sum = 0;

	if (!text_ok(tx->key, sizeof(tx->key)) || tx->entry_count > FOG_LEDGER_ENTRIES_MAX ||
	    memchr(tx->memo, 0, sizeof(tx->memo)) == NULL)
		return -EINVAL;
	for (u32 i = 0; i < tx->entry_count; i++) {
		const struct fog_ledger_entry *e = &tx->entry[i];
		if (!fog_ledger_account_valid(e->account) || e->amount == 0 ||
		    e->amount > FOG_LEDGER_AMOUNT_MAX || e->amount < -FOG_LEDGER_AMOUNT_MAX)
			return -EINVAL;
		for (u32 j = 0; j < i; j++)
			if (strcmp(tx->entry[j].account, e->account) == 0)
				return -EINVAL;
		if (__builtin_add_overflow(sum, e->amount, &sum))
			return -EINVAL;
	}
	return sum == 0 ? 0 : -EINVAL;
}

/* Order of the entries does not matter. */
static bool same_entries(const struct fog_ledger_tx *a, const struct fog_ledger_tx *b)
{
	if (a->entry_count != b->entry_count)
		return false;
	for (u32 i = 0; i < a->entry_count; i++) {
		bool found = false;
		for (u32 j = 0; j < b->entry_count; j++)
			found = found || (a->entry[i].amount == b->entry[j].amount &&
					  strcmp(a->entry[i].account, b->entry[j].account) == 0);
		if (!found)
			return false;
	}
	return true;
}

static int balances_compute(const struct fog_ledger_backend *b, const struct fog_ledger_tx *tx,
			    i64 before[FOG_LEDGER_ENTRIES_MAX], i64 after[FOG_LEDGER_ENTRIES_MAX])
{
	for (u32 i = 0; i < tx->entry_count; i++) {
		const struct fog_ledger_entry *e = &tx->entry[i];
		int rc = b->balance(b->context, e->account, &before[i]);
		if (rc != 0)
			return rc;
		if (__builtin_add_overflow(before[i], e->amount, &after[i]))
			return -EOVERFLOW;
		if (after[i] < 0 && strcmp(e->account, FOG_LEDGER_ISSUER) != 0)
			return -ENOSPC;
	}
	return 0;
}

/* Reads the balances back: what the backend now holds must conserve the sum. */
static int conserved(const struct fog_ledger_backend *b, const struct fog_ledger_tx *tx,
		     const i64 before[FOG_LEDGER_ENTRIES_MAX])
{
	__int128 drift = 0;

	for (u32 i = 0; i < tx->entry_count; i++) {
		i64 now;
		int rc = b->balance(b->context, tx->entry[i].account, &now);
		if (rc != 0)
			return rc;
		drift += (__int128)now - before[i];
	}
	return drift == 0 ? 0 : -EUCLEAN;
}

int fog_ledger_apply(const struct fog_ledger_backend *b, const struct fog_ledger_tx *tx, u64 now_ms)
{
	i64 before[FOG_LEDGER_ENTRIES_MAX], after[FOG_LEDGER_ENTRIES_MAX];
	struct fog_ledger_tx known;
	int rc = tx_check(tx);

	if (rc != 0)
		return rc;
	memset(&known, 0, sizeof(known));
	rc = b->find(b->context, tx->key, &known);
	if (rc == 0)
		return same_entries(tx, &known) ? 0 : -EEXIST;
	if (rc != -ENOENT)
		return rc;
	rc = balances_compute(b, tx, before, after);
	if (rc == 0)
		rc = b->record(b->context, tx, now_ms);
	for (u32 i = 0; rc == 0 && i < tx->entry_count; i++)
		rc = b->post(b->context, tx, i, after[i], now_ms);
	return rc != 0 ? rc : conserved(b, tx, before);
}

__attribute__((format(printf, 3, 4))) static void text_set(char *out, size_t size,
							   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(out, size, format, args);
	va_end(args);
	FOG_ASSERT(n >= 0 && (size_t)n < size);
}

static void tx_begin(struct fog_ledger_tx *tx, const char *key, const char *memo)
{
	memset(tx, 0, sizeof(*tx));
	text_set(tx->key, sizeof(tx->key), "%s", key);
	text_set(tx->memo, sizeof(tx->memo), "%s", memo);
}

static void tx_add(struct fog_ledger_tx *tx, const char *prefix, const char *name, i64 amount)
{
	if (amount == 0)
		return;
	FOG_ASSERT(tx->entry_count < FOG_LEDGER_ENTRIES_MAX);
	struct fog_ledger_entry *e = &tx->entry[tx->entry_count++];
	text_set(e->account, sizeof(e->account), "%s%s", prefix, name);
	e->amount = amount;
}

static bool amount_ok(i64 amount)
{
	return amount >= 0 && amount <= FOG_LEDGER_AMOUNT_MAX;
}

int fog_ledger_transfer(struct fog_ledger_tx *tx, const char *key, const char *from, const char *to,
			i64 amount, const char *memo)
{
	tx_begin(tx, key, memo);
	if (!amount_ok(amount) || strcmp(from, to) == 0)
		return -EINVAL;
	tx_add(tx, "", from, -amount);
	tx_add(tx, "", to, amount);
	return 0;
}

int fog_ledger_hold(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		    i64 amount)
{
	tx_begin(tx, key, "hold");
	if (!amount_ok(amount))
		return -EINVAL;
	tx_add(tx, "user:", user, -amount);
	tx_add(tx, "escrow:", job, amount);
	return 0;
}

int fog_ledger_release(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		       i64 amount)
{
	tx_begin(tx, key, "release");
	if (!amount_ok(amount))
		return -EINVAL;
	tx_add(tx, "escrow:", job, -amount);
	tx_add(tx, "user:", user, amount);
	return 0;
}

int fog_ledger_settle(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		      const char *host, i64 held, i64 amount, u32 fee_ppm)
{
	tx_begin(tx, key, "settle");
	if (!amount_ok(held) || !amount_ok(amount) || amount > held ||
	    fee_ppm > FOG_LEDGER_FEE_PPM_MAX)
		return -EINVAL;
	i64 fee = (i64)((__int128)amount * fee_ppm / FOG_LEDGER_FEE_PPM_MAX);
	tx_add(tx, "escrow:", job, -held);
	tx_add(tx, "host:", host, amount - fee);
	tx_add(tx, "", FOG_LEDGER_FEES, fee);
	tx_add(tx, "user:", user, held - amount);
	return 0;
}
