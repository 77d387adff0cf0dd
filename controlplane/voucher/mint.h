/* SPDX-License-Identifier: BSD-3-Clause */
/* A mint: signs blinded messages against money deposited with it on the shared ledger, and pays the
 * ledger's money out against vouchers nobody has spent before.
 *
 *	deposit on the ledger, quote = hash of the blinded messages --issue--> signatures
 *	vouchers --swap--> spent, new ones of the same sum              (who got them makes them its
 *own) vouchers --redeem--> spent, and their sum paid to an account
 *
 * A spent voucher is in the store before the answer is given. The same request again is given the
 *same answer (signatures are deterministic): an answer lost on the way loses no money. What was
 *deposited and redeemed is on the ledger for all to see; which deposit a voucher came from, nobody
 *can tell.
 *
 * Keys follow from the seed and the period, FOG_MINT_PERIOD_MS of the clock: each period has a
 *keyset of its own (NUT-02), active in it, good for spending in the next one, too, and then
 *expired; what was spent of it is forgotten. The clock never goes back for the mint: the latest
 *period is in the store.
 *
 * Requests and answers are JSON as in NUT-03 to -05, shortened. One thread, the store's. */
#ifndef FOG_VOUCHER_MINT_H
#define FOG_VOUCHER_MINT_H

#include "controlplane/core/store.h"
#include "controlplane/voucher/token.h"

#define FOG_MINT_KEYS      40 /* amounts up to 2^39 ufog: half of all there is */
#define FOG_MINT_UNIT      "ufog"
#define FOG_MINT_WHY_SIZE  160
#define FOG_MINT_PERIOD_MS (90 * 86400000ull)
#define FOG_MINT_KEYSETS   2 /* not expired: the active one and the one before */

struct fog_mint_ports {
	void *context;
	/* Amount deposited with this mint under the quote; 0 when there is none. */
	u64 (*deposited)(void *context, const u8 quote[32]);
};

struct fog_mint;

/* Keys are derived from the seed: they are the same after every start. now_ms: Unix, here and
 * below. 0 or -errno with why. */
int fog_mint_open(struct fog_mint **out, struct fog_store *store, const u8 seed[32],
		  const struct fog_mint_ports *ports, u64 now_ms, char why[FOG_STORE_WHY_SIZE]);
void fog_mint_close(struct fog_mint *m);

/* Of the active keyset. Valid until the next call. */
const char *fog_mint_keyset_id(struct fog_mint *m, u64 now_ms);
/* {"keysets": [{"id", "unit", "active", "final_expiry" (Unix seconds), "keys": {"1": ..}}]}, the
 * active one first. */
json_t *fog_mint_keys(struct fog_mint *m, u64 now_ms);

/* What a deposit names: SHA-256 of "fog quote 2" | 00 | keyset id | each amount u64 and B' of the
 * outputs, which are all for one keyset: a deposit is signed for by that one, also when another is
 * active by then. */
int fog_mint_quote(const json_t *outputs, u8 quote[32], u64 *amount);

/* Each: 0 and *answer, or -EINVAL, -EACCES (a signature is not ours), -EEXIST (spent), -ENOENT (no
 * such deposit), or the store's error; why says it to whoever asked. */
int fog_mint_issue(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		   char why[FOG_MINT_WHY_SIZE]);
int fog_mint_swap(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		  char why[FOG_MINT_WHY_SIZE]);
int fog_mint_redeem(struct fog_mint *m, const json_t *request, u64 now_ms, json_t **answer,
		    char why[FOG_MINT_WHY_SIZE]);

/* Redemptions not yet paid on the ledger, oldest first: 1 and one of them, 0 none, else -errno. */
struct fog_mint_payment {
	u64 number;
	u8 account[32];
	u64 amount;
};
int fog_mint_payment_next(struct fog_mint *m, struct fog_mint_payment *out);
int fog_mint_payment_done(struct fog_mint *m, u64 number);

#endif
