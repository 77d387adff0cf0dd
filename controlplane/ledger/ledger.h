/* SPDX-License-Identifier: BSD-3-Clause */
/* Double-entry ledger policy in whole mfog. Pure: balances are read and written through a backend,
 * so the same rules run over SQLite and over an array in tests.
 *
 * Accounts: "issuer" (the only one that may go below zero: what has been issued, or what other
 * hosts owe), "fees", "user:NAME", "escrow:JOB", "host:NODE ID".
 *
 * A transaction is a list of entries that sum to zero, under an idempotency key. Applying one:
 *   1. a key that was applied before changes nothing (-EEXIST when the entries differ);
 *   2. amounts, account names and the zero sum are checked, then every new balance is computed with
 *      overflow checks and must be >= 0 except the issuer's;
 *   3. only then is anything written; the written balances must differ from the read ones by zero
 *      in sum, or it is -EUCLEAN and the caller rolls its database transaction back.
 *
 * One thread per backend. */
#ifndef FOG_LEDGER_H
#define FOG_LEDGER_H

#include "crypto/types.h"

#define FOG_LEDGER_ACCOUNT_SIZE 96  /* with the terminating zero */
#define FOG_LEDGER_KEY_SIZE     160 /* idempotency key, with the terminating zero */
#define FOG_LEDGER_MEMO_SIZE    128
#define FOG_LEDGER_ENTRIES_MAX  4                  /* settle needs four: escrow, host, fees, user */
#define FOG_LEDGER_AMOUNT_MAX   1000000000000000ll /* mfog in one entry: sums of four fit i64 */
#define FOG_LEDGER_FEE_PPM_MAX  1000000u

#define FOG_LEDGER_ISSUER "issuer"
#define FOG_LEDGER_FEES   "fees"

struct fog_ledger_entry {
	char account[FOG_LEDGER_ACCOUNT_SIZE];
	i64 amount; /* positive credits the account */
};

struct fog_ledger_tx {
	char key[FOG_LEDGER_KEY_SIZE];
	char memo[FOG_LEDGER_MEMO_SIZE];
	u32 entry_count;
	struct fog_ledger_entry entry[FOG_LEDGER_ENTRIES_MAX];
};

/* Where balances live. Each returns 0 or -errno. */
struct fog_ledger_backend {
	void *context;
	/* The transaction applied under key, into *out; -ENOENT when there is none. Only key, count
	 * and entries need be filled. */
	int (*find)(void *context, const char *key, struct fog_ledger_tx *out);
	/* Balance of an account; an account never used has 0. */
	int (*balance)(void *context, const char *account, i64 *out);
	/* Sets the balance and appends the history row of entry `index` of tx. */
	int (*post)(void *context, const struct fog_ledger_tx *tx, u32 index, i64 balance_new,
		    u64 now_ms);
	/* Records the key, once per transaction, before its posts. */
	int (*record)(void *context, const struct fog_ledger_tx *tx, u64 now_ms);
};

/* Applies tx. Returns 0 (applied now or before), -EINVAL malformed, -ENOSPC an account would go
 * below zero, -EOVERFLOW a balance leaves i64, -EEXIST the key was used for something else, or what
 * the backend returned. On any error but a backend's from `record`/`post` nothing was written. */
int fog_ledger_apply(const struct fog_ledger_backend *b, const struct fog_ledger_tx *tx,
		     u64 now_ms);

/* Builders: fill tx. key and memo are cut to fit only by our bug (asserted). Amounts of zero leave
 * the entry out; a transaction without entries applies as nothing. Return 0 or -EINVAL. */
int fog_ledger_transfer(struct fog_ledger_tx *tx, const char *key, const char *from, const char *to,
			i64 amount, const char *memo);
/* user -> escrow:job */
int fog_ledger_hold(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		    i64 amount);
/* escrow:job -> user */
int fog_ledger_release(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		       i64 amount);
/* escrow:job (held) -> host (amount less fee), fees (amount * fee_ppm / 10^6, rounded down), user
 * (held - amount). -EINVAL when amount > held. */
int fog_ledger_settle(struct fog_ledger_tx *tx, const char *key, const char *user, const char *job,
		      const char *host, i64 held, i64 amount, u32 fee_ppm);

/* True for the account names above: printable, no blank, within the size. */
bool fog_ledger_account_valid(const char *account);

#endif
