/* SPDX-License-Identifier: BSD-3-Clause */
/* Bonds, rewards and punishment. F1 distribution (Ojha, Goes: "F1 Fee Distribution", 2019) over
 * shares instead of tokens: a punishment lowers what a share is worth and no reward, so that no
 * interval needs to be split at it, and a delegation needs no other memory than the sum it was last
 * paid at. */
#include <errno.h>

#include "controlplane/ledger/engine.h"
#include "crypto/hash/hash.h"

static fog_u128 wide(const u64 v[2])
{
	return (fog_u128)v[1] << 64 | v[0];
}

static void wide_set(u64 v[2], fog_u128 value)
{
	v[0] = (u64)value;
	v[1] = (u64)(value >> 64);
}

static void delegation_id(const u8 *account, const u8 *validator, u8 id[64])
{
	memcpy(id, account, 32);
	memcpy(id + 32, validator, 32);
}

void fog_stake_reward(struct fog_rec_validator *v, u64 amount)
{
	u64 own = fog_muldiv(amount, v->commission_ppm, 1000000);
	fog_u128 rest = amount - own;

	v->rewards += amount;
	if (v->shares == 0) {
		v->commission += amount;
		return;
	}
	v->commission += own;
	wide_set(v->per_share, wide(v->per_share) + (rest << 64) / v->shares);
}

/* The sum of what a holder of `shares` was given stays below all money, so the product fits. */
static u64 earned(const struct fog_rec_validator *v, const struct fog_rec_delegation *d)
{
	return (u64)(((wide(v->per_share) - wide(d->per_share)) * d->shares) >> 64);
}

/* Pays what the delegation earned (and, to the validator itself, its commission); v and d are
 * written by the caller. */
static bool settle(struct fog_state *s, const u8 *account, const u8 *validator,
		   struct fog_rec_validator *v, struct fog_rec_delegation *d)
{
	u64 amount = earned(v, d);

	memcpy(d->per_share, v->per_share, sizeof(d->per_share));
	if (memcmp(account, validator, FOG_PK_SIZE) == 0) {
		amount += v->commission;
		v->commission = 0;
	}
	FOG_ASSERT(amount <= v->rewards);
	v->rewards -= amount;
	return fog_state_credit(s, account, amount);
}

enum fog_tx_error fog_stake_bond(struct fog_state *s, const u8 *account, const u8 *validator,
				 u64 amount)
{
	struct fog_rec_validator v;
	struct fog_rec_delegation d;
	u8 id[64];

	if (amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, validator, &v))
		return FOG_TX_ERROR_VALIDATOR;
	if (v.state == FOG_VALIDATOR_BANNED)
		return FOG_TX_ERROR_BANNED;
	if (!fog_state_debit(s, account, amount))
		return FOG_TX_ERROR_OVERDRAWN;
	delegation_id(account, validator, id);
	fog_state_get(s, FOG_RECORD_DELEGATION, id, &d);
	if (!settle(s, account, validator, &v, &d))
		return FOG_TX_ERROR_AMOUNT;
	fog_u128 shares = amount;
	if (v.shares != 0) {
		if (v.tokens == 0)
			return FOG_TX_ERROR_STAKE;
		shares = (fog_u128)amount * v.shares / v.tokens;
	}
	if (shares == 0 || shares > UINT64_MAX - v.shares)
		return FOG_TX_ERROR_AMOUNT;
	d.shares += (u64)shares;
	v.shares += (u64)shares;
	v.tokens += amount;
	fog_state_put(s, FOG_RECORD_DELEGATION, id, &d);
	fog_state_put(s, FOG_RECORD_VALIDATOR, validator, &v);
	return FOG_TX_OK;
}

enum fog_tx_error fog_stake_queue(struct fog_state *s, const u8 *account, const u8 *validator,
				  u64 amount)
{
	struct fog_rec_unbonding u = {
		.amount = amount,
		.height = s->global.height,
		.due_ms = s->global.time_ms + (u64)fog_parameter_get(s, FOG_PARAMETER_UNBONDING_MS),
	};

	if (s->global.unbonding_next - s->global.unbonding_head >= FOG_CHAIN_UNBONDINGS_MAX)
		return FOG_TX_ERROR_STAKE;
	memcpy(u.account, account, FOG_PK_SIZE);
	if (validator != NULL)
		memcpy(u.validator, validator, FOG_PK_SIZE);
	fog_state_put(s, FOG_RECORD_UNBONDING, &s->global.unbonding_next, &u);
	s->global.unbonding_next++;
	return FOG_TX_OK;
}

enum fog_tx_error fog_stake_unbond(struct fog_state *s, const u8 *account, const u8 *validator,
				   u64 amount)
{
	struct fog_rec_validator v;
	struct fog_rec_delegation d;
	u8 id[64];

	delegation_id(account, validator, id);
	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, validator, &v))
		return FOG_TX_ERROR_VALIDATOR;
	if (!fog_state_get(s, FOG_RECORD_DELEGATION, id, &d) || v.tokens == 0)
		return FOG_TX_ERROR_STAKE;
	fog_u128 shares = d.shares;
	if (amount != 0) /* rounded up: the others never lose by it */
		shares = ((fog_u128)amount * v.shares + v.tokens - 1) / v.tokens;
	else
		amount = fog_muldiv(d.shares, v.tokens, v.shares);
	if (shares > d.shares || amount == 0)
		return FOG_TX_ERROR_STAKE;
	if (!settle(s, account, validator, &v, &d))
		return FOG_TX_ERROR_AMOUNT;
	d.shares -= (u64)shares;
	v.shares -= (u64)shares;
	v.tokens -= amount;
	if (v.shares == 0) { /* what rounding left behind belongs to nobody */
		s->global.treasury += v.tokens + (v.rewards - v.commission);
		v.rewards = v.commission;
		v.tokens = 0;
	}
	if (d.shares == 0)
		fog_state_delete(s, FOG_RECORD_DELEGATION, id);
	else
		fog_state_put(s, FOG_RECORD_DELEGATION, id, &d);
	fog_state_put(s, FOG_RECORD_VALIDATOR, validator, &v);
	return fog_stake_queue(s, account, validator, amount);
}

enum fog_tx_error fog_stake_register(struct fog_state *s, const u8 *account,
				     const struct fog_tx_validator *tx)
{
	struct fog_rec_validators list;
	struct fog_rec_validator v;

	if (tx->commission_ppm > 1000000)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, account, &v)) {
		fog_state_get(s, FOG_RECORD_VALIDATORS, NULL, &list);
		if (list.count == FOG_CANDIDATES_MAX)
			return FOG_TX_ERROR_VALIDATORS;
		memcpy(list.pk[list.count++], account, FOG_PK_SIZE);
		fog_state_put(s, FOG_RECORD_VALIDATORS, NULL, &list);
		v.state = FOG_VALIDATOR_ACTIVE;
	}
	if (v.state == FOG_VALIDATOR_BANNED)
		return FOG_TX_ERROR_BANNED;
	v.commission_ppm = tx->commission_ppm;
	v.attributes = tx->attributes;
	fog_state_put(s, FOG_RECORD_VALIDATOR, account, &v);
	return FOG_TX_OK;
}

enum fog_tx_error fog_stake_withdraw(struct fog_state *s, const u8 *account, const u8 *validator)
{
	struct fog_rec_validator v;
	struct fog_rec_delegation d;
	u8 id[64];

	delegation_id(account, validator, id);
	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, validator, &v))
		return FOG_TX_ERROR_VALIDATOR;
	bool has = fog_state_get(s, FOG_RECORD_DELEGATION, id, &d);
	if (!has && memcmp(account, validator, FOG_PK_SIZE) != 0)
		return FOG_TX_ERROR_STAKE;
	if (!has)
		memcpy(d.per_share, v.per_share, sizeof(d.per_share));
	if (!settle(s, account, validator, &v, &d))
		return FOG_TX_ERROR_AMOUNT;
	if (has)
		fog_state_put(s, FOG_RECORD_DELEGATION, id, &d);
	fog_state_put(s, FOG_RECORD_VALIDATOR, validator, &v);
	return FOG_TX_OK;
}

enum fog_tx_error fog_stake_jail(struct fog_state *s, const u8 *account, bool jail)
{
	struct fog_rec_validator v;

	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, account, &v))
		return FOG_TX_ERROR_VALIDATOR;
	if (v.state == FOG_VALIDATOR_BANNED)
		return FOG_TX_ERROR_BANNED;
	if (jail == (v.state == FOG_VALIDATOR_JAILED) ||
	    (!jail && s->global.time_ms < v.jailed_until_ms))
		return FOG_TX_ERROR_JAILED;
	v.state = jail ? FOG_VALIDATOR_JAILED : FOG_VALIDATOR_ACTIVE;
	fog_state_put(s, FOG_RECORD_VALIDATOR, account, &v);
	return FOG_TX_OK;
}

int fog_stake_slash(struct fog_state *s, const u8 *validator, u64 height)
{
	u64 ppm = (u64)fog_parameter_get(s, FOG_PARAMETER_SLASH_PPM), lost;
	struct fog_rec_validator v;
	struct fog_rec_unbonding u;

	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, validator, &v))
		return -ENOENT;
	if (v.state == FOG_VALIDATOR_BANNED)
		return 0;
	lost = fog_muldiv(v.tokens, ppm, 1000000);
	v.tokens -= lost;
	for (u64 i = s->global.unbonding_head; i < s->global.unbonding_next; i++) {
		if (!fog_state_get(s, FOG_RECORD_UNBONDING, &i, &u) || u.height < height ||
		    memcmp(u.validator, validator, FOG_PK_SIZE) != 0)
			continue;
		u64 part = fog_muldiv(u.amount, ppm, 1000000);
		u.amount -= part;
		lost += part;
		fog_state_put(s, FOG_RECORD_UNBONDING, &i, &u);
	}
	v.slashed += lost;
	v.state = FOG_VALIDATOR_BANNED;
	s->global.treasury += lost;
	fog_state_put(s, FOG_RECORD_VALIDATOR, validator, &v);
	return 0;
}

static bool candidate(const struct fog_state *s, const struct fog_rec_validator *v)
{
	return v->state == FOG_VALIDATOR_ACTIVE &&
	       v->tokens >= (u64)fog_parameter_get(s, FOG_PARAMETER_BOND_MIN);
}

static bool stronger(const struct fog_chain_member *a, const struct fog_chain_member *b)
{
	return a->tokens != b->tokens ? a->tokens > b->tokens : memcmp(a->pk, b->pk, 32) < 0;
}

u32 fog_stake_committee(const struct fog_state *s, struct fog_chain_member out[FOG_COMMITTEE_MAX])
{
	u32 most = (u32)fog_parameter_get(s, FOG_PARAMETER_QUORUM_COMMITTEE_MAX), count = 0;
	struct fog_rec_validators list;
	struct fog_rec_validator v;

	fog_state_get(s, FOG_RECORD_VALIDATORS, NULL, &list);
	for (u32 i = 0; i < list.count; i++) {
		struct fog_chain_member m = {0};
		if (!fog_state_get(s, FOG_RECORD_VALIDATOR, list.pk[i], &v) || !candidate(s, &v))
			continue;
		memcpy(m.pk, list.pk[i], FOG_PK_SIZE);
		m.tokens = v.tokens;
		m.attributes = v.attributes;
		u32 at = count;
		while (at != 0 && stronger(&m, &out[at - 1]))
			at--;
		if (at == most)
			continue;
		count = FOG_MIN(count + 1, most);
		memmove(&out[at + 1], &out[at], (count - 1 - at) * sizeof(out[0]));
		out[at] = m;
	}
	return count;
}

void fog_stake_distribute(struct fog_state *s)
{
	struct fog_chain_member member[FOG_COMMITTEE_MAX];
	struct fog_rec_validator v;
	u64 pool = s->global.rewards, total = 0;
	u32 count = fog_stake_committee(s, member);

	for (u32 i = 0; i < count; i++)
		total += member[i].tokens;
	for (u32 i = 0; total != 0 && i < count; i++) {
		u64 part = fog_muldiv(pool, member[i].tokens, total);
		if (part == 0)
			continue;
		fog_state_get(s, FOG_RECORD_VALIDATOR, member[i].pk, &v);
		fog_stake_reward(&v, part);
		fog_state_put(s, FOG_RECORD_VALIDATOR, member[i].pk, &v);
		s->global.rewards -= part;
	}
}

void fog_stake_pay(struct fog_state *s)
{
	struct fog_rec_unbonding u;

	while (s->global.unbonding_head < s->global.unbonding_next &&
	       fog_state_get(s, FOG_RECORD_UNBONDING, &s->global.unbonding_head, &u) &&
	       u.due_ms <= s->global.time_ms) {
		fog_state_delete(s, FOG_RECORD_UNBONDING, &s->global.unbonding_head);
		fog_state_credit(s, u.account, u.amount);
		s->global.unbonding_head++;
		if (s->error != 0)
			return;
	}
}

bool fog_stake_delegation(const struct fog_state *s, const u8 *account, const u8 *validator,
			  u64 *tokens, u64 *rewards)
{
	struct fog_rec_validator v;
	struct fog_rec_delegation d;
	u8 id[64];

	delegation_id(account, validator, id);
	if (!fog_state_get(s, FOG_RECORD_VALIDATOR, validator, &v) ||
	    !fog_state_get(s, FOG_RECORD_DELEGATION, id, &d))
		return false;
	*tokens = v.shares != 0 ? fog_muldiv(d.shares, v.tokens, v.shares) : 0;
	*rewards = earned(&v, &d);
	return true;
}

static u32 member_index(const struct fog_chain_member *list, u32 count, const u8 *pk)
{
	u32 i = 0;

	while (i < count && memcmp(list[i].pk, pk, FOG_PK_SIZE) != 0)
		i++;
	return i;
}

static u64 attributes_mark(const struct fog_validator_attributes *a)
{
	u8 hash[32];

	fog_hash_blake2b(hash, 32, NULL, 0, a, sizeof(*a));
	return fog_load_u64(hash);
}

u32 fog_chain_changes(struct fog_chain *c, struct fog_chain_member *out, u32 cap)
{
	struct fog_chain_member now[FOG_COMMITTEE_MAX];
	struct fog_rec_committee told;
	u32 count = fog_stake_committee(&c->s, now), changes = 0;

	fog_state_get(&c->s, FOG_RECORD_COMMITTEE, NULL, &told);
	for (u32 i = told.count; i-- != 0 && changes < cap;) {
		if (member_index(now, count, told.member[i].pk) != count)
			continue;
		memset(&out[changes], 0, sizeof(out[0]));
		memcpy(out[changes++].pk, told.member[i].pk, FOG_PK_SIZE);
		told.member[i] = told.member[--told.count];
		memset(&told.member[told.count], 0, sizeof(told.member[0]));
	}
	for (u32 i = 0; i < count && changes < cap; i++) {
		u32 at = 0;
		while (at < told.count && memcmp(told.member[at].pk, now[i].pk, FOG_PK_SIZE) != 0)
			at++;
		u64 attributes = attributes_mark(&now[i].attributes);
		if (at == FOG_COMMITTEE_MAX ||
		    (at < told.count && told.member[at].tokens == now[i].tokens &&
		     told.member[at].attributes == attributes))
			continue;
		memcpy(told.member[at].pk, now[i].pk, FOG_PK_SIZE);
		told.member[at].tokens = now[i].tokens;
		told.member[at].attributes = attributes;
		told.count = FOG_MAX(told.count, at + 1);
		out[changes++] = now[i];
	}
	if (changes != 0)
		fog_state_put(&c->s, FOG_RECORD_COMMITTEE, NULL, &told);
	return changes;
}
